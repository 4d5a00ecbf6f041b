//! What the kernel tells of an interface.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use ipnet::IpNet;

use super::Told;
use crate::state::{PresharedKey, PrivateKey, PublicKey, Wireguard, WireguardPeer};
use crate::sys::netlink::attr::{parse, u16_at, u32_at};
use crate::sys::netlink::socket::Reply;
use crate::sys::uapi::wireguard::*;

/// One interface may take several messages: peers are told in as many as they need, and one that
/// does not fit goes on in the next, under the same key and with the rest of its addresses
/// (`wg_get_device_dump`, drivers/net/wireguard/netlink.c).
pub(super) fn device(replies: &[Reply]) -> Told {
    let mut told = Told::default();
    let all = &mut told.all;
    for (_, body) in replies {
        for (kind, value) in parse(body.get(GENL_HEADER..).unwrap_or_default()) {
            match kind {
                WGDEVICE_A_PRIVATE_KEY => all.private_key = PrivateKey::from_bytes(value),
                WGDEVICE_A_LISTEN_PORT => all.listen_port = u16_at(value, 0).filter(|p| *p != 0),
                WGDEVICE_A_FWMARK => all.fwmark = u32_at(value, 0).unwrap_or_default(),
                WGDEVICE_A_PEERS => {
                    let heard = parse(value).filter_map(|(_, one)| peer(one, all));
                    told.heard.extend(heard);
                }
                _ => {}
            }
        }
    }
    told
}

/// Its key, if it has been heard.
fn peer(attributes: &[u8], all: &mut Wireguard) -> Option<PublicKey> {
    let key = parse(attributes).find(|(kind, _)| *kind == WGPEER_A_PUBLIC_KEY);
    let key = PublicKey::from_bytes(key?.1)?;
    let mut heard = false;
    let peer: &mut WireguardPeer = all.peers.entry(key).or_default();
    for (kind, value) in parse(attributes) {
        match kind {
            WGPEER_A_PRESHARED_KEY => peer.preshared_key = PresharedKey::from_bytes(value),
            WGPEER_A_ENDPOINT => peer.endpoint = endpoint(value),
            WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL => {
                peer.persistent_keepalive = u16_at(value, 0).unwrap_or_default();
            }
            // `struct __kernel_timespec`; zeros are never.
            WGPEER_A_LAST_HANDSHAKE_TIME => heard = value.iter().any(|byte| *byte != 0),
            WGPEER_A_ALLOWEDIPS => {
                let nets = parse(value).filter_map(|(_, one)| allowed(one));
                peer.allowed_ips.extend(nets);
            }
            _ => {}
        }
    }
    heard.then_some(key)
}

fn allowed(attributes: &[u8]) -> Option<IpNet> {
    let (mut address, mut length) = (None, None);
    for (kind, value) in parse(attributes) {
        match kind {
            WGALLOWEDIP_A_IPADDR => address = ip(value),
            WGALLOWEDIP_A_CIDR_MASK => length = value.first().copied(),
            _ => {}
        }
    }
    IpNet::new(address?, length?).ok()
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into());
    let v6 = || Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into());
    v4().or_else(v6)
}

fn endpoint(bytes: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    match bytes.len() {
        SOCKADDR_IN => Some((ip(bytes.get(4..8)?)?, port).into()),
        SOCKADDR_IN6 => {
            let IpAddr::V6(address) = ip(bytes.get(8..24)?)? else {
                return None;
            };
            let device = u32_at(bytes, 24)?;
            Some(SocketAddrV6::new(address, port, 0, device).into())
        }
        _ => None,
    }
}
