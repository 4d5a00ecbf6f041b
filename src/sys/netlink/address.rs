//! Address requests: RTM_NEWADDR, RTM_DELADDR and the list of addresses.

use std::io;
use std::net::Ipv4Addr;

use ipnet::IpNet;
use netlink_packet_route::address::{
    AddressAttribute, AddressHeaderFlags, AddressMessage, AddressProtocol, AddressScope,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::socket::{NLM_F_CREATE, NLM_F_EXCL, Request, Socket};
use super::{decoded, request};

/// Every address of the socket's namespace with the index of its device, but for
/// those that the kernel says it gives and takes by itself.
pub(crate) fn list(socket: &mut Socket) -> io::Result<Vec<(u32, IpNet)>> {
    let replies = socket.dump(&request(&Rtnl::GetAddress(AddressMessage::default()), 0))??;
    let addresses = replies.iter().map(|reply| match decoded(reply)? {
        Rtnl::NewAddress(message) => Ok(listed(&message)),
        _ => Ok(None),
    });
    addresses.filter_map(io::Result::transpose).collect()
}

fn listed(message: &AddressMessage) -> Option<(u32, IpNet)> {
    let (mut local, mut address, mut by_kernel) = (None, None, false);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => address = Some(*ip),
            AddressAttribute::Protocol(protocol) => {
                by_kernel = !matches!(protocol, AddressProtocol::Other(_));
            }
            _ => {}
        }
    }
    let ip = local.or(address)?;
    // Before 6.4 the kernel did not say which addresses are its own (IFA_PROTO).
    let by_kernel = by_kernel || ip.is_loopback() && ip.is_ipv6() || ip == Ipv4Addr::LOCALHOST;
    let permanent = message.header.flags.contains(AddressHeaderFlags::Permanent);
    let own = !by_kernel && permanent;
    let net = IpNet::new(ip, message.header.prefix_len).ok()?;
    own.then_some((message.header.index, net))
}

/// Adds an address that is usable at once: without duplicate address detection
/// (RFC 4862), which takes a second and cannot be needed for addresses from one plan.
pub(crate) fn add(index: u32, address: &IpNet) -> Request {
    let mut message = message(index, address);
    if address.addr().is_ipv6() {
        message.header.flags |= AddressHeaderFlags::Nodad;
    } else if address.addr().is_loopback() {
        // As that of 127.0.0.1, in whose subnet it is: the kernel wants one scope in a
        // subnet (`__inet_insert_ifa`, net/ipv4/devinet.c). `ip address` does the same.
        message.header.scope = AddressScope::Host;
    }
    request(&Rtnl::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL)
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
