//! WireGuard interfaces: read and changed by generic netlink
//! (Documentation/netlink/specs/wireguard.yaml), made and removed as all devices.

mod read;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

use ipnet::IpNet;
use rustix::io::Errno;

use super::KernelError;
use super::attr::{parse, put, put_nested, put_text, u16_at};
use super::socket::{Request, Socket};
use crate::state::{Edit, PublicKey, Wireguard, WireguardPeer};
use crate::sys::uapi::wireguard::*;

/// How many addresses of a peer one request names: all its attributes stand in one, whose
/// length has 16 bits.
const ADDRESSES: usize = 1000;

const NO_KEY: [u8; 32] = [0; 32];

/// What the kernel tells of an interface.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// What it has been told itself.
    pub(crate) all: Wireguard,
    /// The peers that have proved who they are.
    pub(crate) heard: BTreeSet<PublicKey>,
}

/// A socket in one namespace, and the number that the kernel gave the family.
#[derive(Debug)]
pub(crate) struct Wg {
    socket: Socket,
    family: u16,
}

impl Wg {
    /// With a socket in the namespace of the interfaces; `None`: the kernel has no WireGuard, nor a
    /// module of it. To ask is to have the module loaded (`ctrl_getfamily`,
    /// net/netlink/genetlink.c).
    pub(crate) fn new(mut socket: Socket) -> io::Result<Option<Self>> {
        let question = message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, |out| {
            put_text(out, CTRL_ATTR_FAMILY_NAME, "wireguard");
        });
        let (_, body) = match socket.ask(&question)? {
            Err(refused) if refused.errno == Errno::NOENT.raw_os_error() => return Ok(None),
            answer => answer?,
        };
        let mut attributes = parse(body.get(GENL_HEADER..).unwrap_or_default());
        let family = attributes.find(|(kind, _)| *kind == CTRL_ATTR_FAMILY_ID);
        let none = || io::Error::other("the kernel tells no number of its WireGuard");
        let family = family.and_then(|(_, value)| u16_at(value, 0));
        let family = family.ok_or_else(none)?;
        Ok(Some(Wg { socket, family }))
    }

    /// What the interface with this index has been told.
    pub(crate) fn get(&mut self, index: u32) -> io::Result<Result<Told, KernelError>> {
        let question = message(self.family, WG_CMD_GET_DEVICE, |out| {
            put(out, WGDEVICE_A_IFINDEX, &index.to_ne_bytes());
        });
        let replies = self.socket.dump(&question)?;
        Ok(replies.map(|replies| read::device(&replies)))
    }

    /// The requests on the way from one to another.
    pub(crate) fn requests(&self, index: u32, edits: &[Edit<'_>]) -> Vec<Request> {
        let asked = |edit: &Edit<'_>| -> Vec<Vec<u8>> {
            match edit {
                Edit::Own(set, was) => vec![own(set, was)],
                Edit::Remove(key) => vec![peers(|out| {
                    put(out, WGPEER_A_PUBLIC_KEY, key.bytes());
                    put(out, WGPEER_A_FLAGS, &WGPEER_F_REMOVE_ME.to_ne_bytes());
                })],
                Edit::Peer(key, set, was) => {
                    peer(key, set, was.unwrap_or(&WireguardPeer::default()))
                }
            }
        };
        let all = edits.iter().flat_map(asked);
        let requests = all.map(|attributes| {
            message(self.family, WG_CMD_SET_DEVICE, |out| {
                put(out, WGDEVICE_A_IFINDEX, &index.to_ne_bytes());
                out.extend(attributes);
            })
        });
        requests.collect()
    }

    /// Sends them; what the kernel refused of each.
    pub(crate) fn send(&mut self, requests: &[Request]) -> io::Result<Vec<Option<KernelError>>> {
        self.socket.transact(requests)
    }
}

fn message(kind: u16, command: u8, attributes: impl FnOnce(&mut Vec<u8>)) -> Request {
    let mut body = vec![command, WG_GENL_VERSION, 0, 0];
    attributes(&mut body);
    Request {
        kind,
        flags: 0,
        body,
    }
}

fn own(set: &Wireguard, was: &Wireguard) -> Vec<u8> {
    let mut out = Vec::new();
    if set.private_key != was.private_key {
        let key = set.private_key.map_or(NO_KEY, |key| *key.bytes());
        put(&mut out, WGDEVICE_A_PRIVATE_KEY, &key);
    }
    if set.listen_port != was.listen_port {
        let port = set.listen_port.unwrap_or(0);
        put(&mut out, WGDEVICE_A_LISTEN_PORT, &port.to_ne_bytes());
    }
    if set.fwmark != was.fwmark {
        put(&mut out, WGDEVICE_A_FWMARK, &set.fwmark.to_ne_bytes());
    }
    out
}

/// A list of one peer.
fn peers(attributes: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    put_nested(&mut out, WGDEVICE_A_PEERS, |out| {
        put_nested(out, 0, attributes);
    });
    out
}

/// The first request says all but the addresses that do not fit into it; those come after it.
fn peer(key: &PublicKey, set: &WireguardPeer, was: &WireguardPeer) -> Vec<Vec<u8>> {
    let others = set.allowed_ips != was.allowed_ips;
    let addresses: Vec<IpNet> = set.allowed_ips.iter().filter(|_| others).copied().collect();
    let (first, rest) = addresses.split_at(addresses.len().min(ADDRESSES));
    let mut all = vec![peers(|out| {
        put(out, WGPEER_A_PUBLIC_KEY, key.bytes());
        if others {
            put(
                out,
                WGPEER_A_FLAGS,
                &WGPEER_F_REPLACE_ALLOWEDIPS.to_ne_bytes(),
            );
        }
        if set.preshared_key != was.preshared_key {
            let key = set.preshared_key.map_or(NO_KEY, |key| *key.bytes());
            put(out, WGPEER_A_PRESHARED_KEY, &key);
        }
        if let Some(at) = set.endpoint.filter(|_| set.endpoint != was.endpoint) {
            put(out, WGPEER_A_ENDPOINT, &sockaddr(at));
        }
        if set.persistent_keepalive != was.persistent_keepalive {
            let seconds = set.persistent_keepalive.to_ne_bytes();
            put(out, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, &seconds);
        }
        allowed(out, first);
    })];
    all.extend(rest.chunks(ADDRESSES).map(|more| {
        peers(|out| {
            put(out, WGPEER_A_PUBLIC_KEY, key.bytes());
            allowed(out, more);
        })
    }));
    all
}

fn allowed(out: &mut Vec<u8>, addresses: &[IpNet]) {
    if addresses.is_empty() {
        return;
    }
    put_nested(out, WGPEER_A_ALLOWEDIPS, |out| {
        for net in addresses {
            put_nested(out, 0, |out| {
                let (family, address) = match net {
                    IpNet::V4(net) => (libc::AF_INET, net.network().octets().to_vec()),
                    IpNet::V6(net) => (libc::AF_INET6, net.network().octets().to_vec()),
                };
                put(out, WGALLOWEDIP_A_FAMILY, &(family as u16).to_ne_bytes());
                put(out, WGALLOWEDIP_A_IPADDR, &address);
                put(out, WGALLOWEDIP_A_CIDR_MASK, &[net.prefix_len()]);
            });
        }
    });
}

/// `struct sockaddr_in`, or `struct sockaddr_in6`: family, port, (flow label,) address, (device).
fn sockaddr(at: SocketAddr) -> Vec<u8> {
    let port = at.port().to_be_bytes();
    match at {
        SocketAddr::V4(at) => {
            let mut out = (libc::AF_INET as u16).to_ne_bytes().to_vec();
            out.extend(port);
            out.extend(at.ip().octets());
            out.resize(SOCKADDR_IN, 0);
            out
        }
        SocketAddr::V6(at) => {
            let mut out = (libc::AF_INET6 as u16).to_ne_bytes().to_vec();
            out.extend(port);
            out.extend([0; 4]);
            out.extend(at.ip().octets());
            out.extend(at.scope_id().to_ne_bytes());
            out
        }
    }
}
