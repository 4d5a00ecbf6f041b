//! Every address that the namespace's own devices, routes and rules speak of.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteProtocol};
use netlink_packet_route::rule::{RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::route::ip;
use super::socket::Socket;
use super::{decoded, request};
use crate::ipam::{InUse, User, is_in_the_way};

/// What is in use in the socket's namespace: addresses with their subnets, the
/// destinations of routes of all tables, and what rules select by.
pub(crate) fn in_use(socket: &mut Socket) -> io::Result<Vec<InUse>> {
    let mut all = Vec::new();
    let address = Rtnl::GetAddress(AddressMessage::default());
    all.extend(list(socket, &address)?);
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut route = RouteMessage::default();
        route.header.address_family = family;
        all.extend(list(socket, &Rtnl::GetRoute(route))?);
        let mut rule = RuleMessage::default();
        rule.header.family = family;
        all.extend(list(socket, &Rtnl::GetRule(rule))?);
    }
    all.retain(|used| is_in_the_way(&used.net));
    Ok(all)
}

fn list(socket: &mut Socket, of: &Rtnl) -> io::Result<Vec<InUse>> {
    let replies = match socket.dump(&request(of, 0))? {
        // A kernel without policy routing, or without IPv6.
        Err(refused) if [libc::EOPNOTSUPP, libc::EAFNOSUPPORT].contains(&refused.errno) => {
            return Ok(Vec::new());
        }
        replies => replies?,
    };
    let mut all = Vec::new();
    for reply in &replies {
        match decoded(reply)? {
            Rtnl::NewAddress(message) => all.extend(address(&message)),
            Rtnl::NewRoute(message) => all.extend(route(&message)),
            Rtnl::NewRule(message) => all.extend(rule(&message)),
            _ => {}
        }
    }
    Ok(all)
}

/// An address with its subnet; of a point-to-point device the address and its peer's.
fn address(message: &AddressMessage) -> Vec<InUse> {
    let used = |attribute: &AddressAttribute| match attribute {
        AddressAttribute::Local(ip) if ip.is_ipv4() => in_subnet(*ip, 32, User::Address),
        AddressAttribute::Address(ip) => in_subnet(*ip, message.header.prefix_len, User::Address),
        _ => None,
    };
    message.attributes.iter().filter_map(used).collect()
}

/// Those of the table `local` that the kernel adds say no more than the addresses.
fn route(message: &RouteMessage) -> Option<InUse> {
    let local = message.header.table == libc::RT_TABLE_LOCAL;
    if local && message.header.protocol == RouteProtocol::Kernel {
        return None;
    }
    let to = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Destination(to) => ip(to),
            _ => None,
        });
    let any = match message.header.address_family {
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let prefix = message.header.destination_prefix_length;
    in_subnet(to.unwrap_or(any), prefix, User::Route)
}

/// Packets of one of these addresses would go another way than others.
fn rule(message: &RuleMessage) -> Vec<InUse> {
    let header = &message.header;
    let used = |attribute: &RuleAttribute| match attribute {
        RuleAttribute::Source(ip) => in_subnet(*ip, header.src_len, User::Rule),
        RuleAttribute::Destination(ip) => in_subnet(*ip, header.dst_len, User::Rule),
        _ => None,
    };
    message.attributes.iter().filter_map(used).collect()
}

fn in_subnet(ip: IpAddr, prefix: u8, by: User) -> Option<InUse> {
    let net = IpNet::new(ip, prefix).ok()?.trunc();
    Some(InUse { net, by })
}
