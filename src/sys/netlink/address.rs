//! Address requests: RTM_NEWADDR, RTM_DELADDR and the list of addresses.

use std::io;
use std::net::Ipv4Addr;

use ipnet::IpNet;
use netlink_packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, AddressProtocol, AddressScope, CacheInfo,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::socket::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request, Socket};
use super::{decoded, request};
use crate::state::Lifetime;

/// An address and the index of its device.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) index: u32,
    pub(crate) net: IpNet,
    /// The kernel says that it gives and takes it by itself.
    pub(crate) by_kernel: bool,
    /// It stays until it is taken away.
    pub(crate) permanent: bool,
    pub(crate) lifetime: Lifetime,
}

/// Every address of the socket's namespace.
pub(crate) fn list(socket: &mut Socket) -> io::Result<Vec<Listed>> {
    dump(socket, 0)
}

/// Those of the devices with these indexes: the kernel goes through no other
/// (`inet_dump_ifaddr`, net/ipv4/devinet.c).
pub(crate) fn list_of(
    socket: &mut Socket,
    indexes: impl Iterator<Item = u32>,
) -> io::Result<Vec<Listed>> {
    let mut all = Vec::new();
    for index in indexes {
        all.extend(dump(socket, index)?);
    }
    Ok(all)
}

fn dump(socket: &mut Socket, index: u32) -> io::Result<Vec<Listed>> {
    let mut message = AddressMessage::default();
    message.header.index = index;
    let replies = socket.dump(&request(&Rtnl::GetAddress(message), 0))??;
    let addresses = replies.iter().map(|reply| match decoded(reply)? {
        Rtnl::NewAddress(message) => Ok(listed(&message)),
        _ => Ok(None),
    });
    addresses.filter_map(io::Result::transpose).collect()
}

/// The address that a message is about: its own, not a peer's.
pub(crate) fn net(message: &AddressMessage) -> Option<IpNet> {
    let (mut local, mut address) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => address = Some(*ip),
            _ => {}
        }
    }
    IpNet::new(local.or(address)?, message.header.prefix_len).ok()
}

fn listed(message: &AddressMessage) -> Option<Listed> {
    let mut by_kernel = false;
    let mut lifetime = Lifetime::FOREVER;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Protocol(protocol) => {
                by_kernel = !matches!(protocol, AddressProtocol::Other(_));
            }
            AddressAttribute::CacheInfo(info) => {
                (lifetime.valid, lifetime.preferred) = (info.ifa_valid, info.ifa_preferred);
            }
            _ => {}
        }
    }
    let net = net(message)?;
    let ip = net.addr();
    // Before 6.4 the kernel did not say which addresses are its own (IFA_PROTO).
    let by_kernel = by_kernel || ip.is_loopback() && ip.is_ipv6() || ip == Ipv4Addr::LOCALHOST;
    // Of one that stays it is not said for how long it has been so.
    if message
        .header
        .flags
        .contains(AddressHeaderFlags::Deprecated)
    {
        lifetime.preferred = 0;
    }
    Some(Listed {
        index: message.header.index,
        net,
        by_kernel,
        permanent: message.header.flags.contains(AddressHeaderFlags::Permanent),
        lifetime,
    })
}

/// Adds an address that is usable at once: without duplicate address detection
/// (RFC 4862), which takes a second and cannot be needed for addresses from one plan.
pub(crate) fn add(index: u32, address: &IpNet) -> Request {
    let new = Rtnl::NewAddress(given(index, address));
    request(&new, NLM_F_CREATE | NLM_F_EXCL)
}

/// Gives an address that is there another lifetime.
pub(crate) fn set_lifetime(index: u32, address: &IpNet, lifetime: &Lifetime) -> Request {
    let mut message = given(index, address);
    let mut info = CacheInfo::default();
    (info.ifa_valid, info.ifa_preferred) = (lifetime.valid, lifetime.preferred);
    message.attributes.push(AddressAttribute::CacheInfo(info));
    request(&Rtnl::NewAddress(message), NLM_F_REPLACE)
}

fn given(index: u32, address: &IpNet) -> AddressMessage {
    let mut message = message(index, address);
    if address.addr().is_ipv6() {
        message.header.flags |= AddressHeaderFlags::Nodad;
    } else if address.addr().is_loopback() {
        // As that of 127.0.0.1, in whose subnet it is: the kernel wants one scope in a
        // subnet (`__inet_insert_ifa`, net/ipv4/devinet.c). `ip address` does the same.
        message.header.scope = AddressScope::Host;
    }
    message
}

/// Removes an address.
pub(crate) fn delete(index: u32, address: &IpNet) -> Request {
    request(&Rtnl::DelAddress(message(index, address)), 0)
}

fn message(index: u32, address: &IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = match address {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    message.header.prefix_len = address.prefix_len();
    message.header.index = index;
    // For IPv4 both are needed to tell one's own address from a point-to-point peer's.
    message
        .attributes
        .push(AddressAttribute::Local(address.addr()));
    message
        .attributes
        .push(AddressAttribute::Address(address.addr()));
    message
}
