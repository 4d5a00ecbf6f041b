//! Route requests: RTM_NEWROUTE, RTM_DELROUTE and the main table.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::socket::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request, Socket};
use super::{decoded, request};
use crate::state::{IP6_METRIC, Origin, Route};

/// A route and the index of its device, whose name the route does not hold yet.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) index: u32,
    pub(crate) to: IpNet,
    pub(crate) via: Option<IpAddr>,
    pub(crate) metric: Option<u32>,
    pub(crate) origin: Origin,
}

/// The main table, but for the routes that the kernel adds with an address: those
/// over one device, and the destinations of all others (multipath, blackhole and the
/// like).
pub(crate) fn list(socket: &mut Socket) -> io::Result<(Vec<Listed>, BTreeSet<IpNet>)> {
    let (mut routes, mut others) = (Vec::new(), BTreeSet::new());
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        message
            .attributes
            .push(RouteAttribute::Table(RouteHeader::RT_TABLE_MAIN.into()));
        let replies = match socket.dump(&request(&Rtnl::GetRoute(message), 0))? {
            // The main table is made with the first route.
            Err(refused) if refused.errno == libc::ENOENT => continue,
            replies => replies?,
        };
        for reply in &replies {
            if let Rtnl::NewRoute(message) = decoded(reply)?
                && let Some((to, route)) = listed(&message)
            {
                match route {
                    Some(route) => routes.push(route),
                    None => drop(others.insert(to)),
                }
            }
        }
    }
    Ok((routes, others))
}

/// A route's destination and, when it is a unicast route over one device, all of it.
fn listed(message: &RouteMessage) -> Option<(IpNet, Option<Listed>)> {
    let v6 = message.header.address_family == AddressFamily::Inet6;
    let any = match v6 {
        true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let (mut to, mut via, mut index, mut metric) = (any, None, None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(address) => to = ip(address)?,
            RouteAttribute::Gateway(address) => via = ip(address),
            RouteAttribute::Oif(oif) => index = Some(*oif),
            RouteAttribute::Priority(priority) => metric = Some(*priority),
            _ => {}
        }
    }
    let origin = match message.header.protocol {
        RouteProtocol::Kernel | RouteProtocol::IcmpRedirect => return None,
        RouteProtocol::Static | RouteProtocol::Boot => Origin::Static,
        RouteProtocol::Ra => Origin::Ra,
        _ => Origin::Other,
    };
    let usual = if v6 { IP6_METRIC } else { 0 };
    let to = IpNet::new(to, message.header.destination_prefix_length).ok()?;
    // The kernel puts an unreachable IPv6 route on `lo`.
    let index = index.filter(|_| message.header.kind == RouteType::Unicast);
    let route = index.map(|index| Listed {
        index,
        to,
        via,
        metric: metric.filter(|metric| *metric != usual),
        origin,
    });
    Some((to, route))
}

pub(super) fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

/// Adds a route over the device with this index.
pub(crate) fn add(index: u32, route: &Route) -> Request {
    request(
        &Rtnl::NewRoute(message(index, route)),
        NLM_F_CREATE | NLM_F_EXCL,
    )
}

/// Puts a route in the place of another of the same destination and metric.
pub(crate) fn replace(index: u32, route: &Route) -> Request {
    request(
        &Rtnl::NewRoute(message(index, route)),
        NLM_F_CREATE | NLM_F_REPLACE,
    )
}

/// Removes a route.
pub(crate) fn delete(index: u32, route: &Route) -> Request {
    let mut message = message(index, route);
    // Added by hand, it has another protocol than ours; it is told by the rest.
    message.header.protocol = RouteProtocol::Unspec;
    request(&Rtnl::DelRoute(message), 0)
}

fn message(index: u32, route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = match route.to {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    message.header.destination_prefix_length = route.to.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.kind = RouteType::Unicast;
    message.header.scope = match route.via {
        None if route.to.addr().is_ipv4() => RouteScope::Link,
        _ => RouteScope::Universe,
    };
    if !route.is_default() {
        message
            .attributes
            .push(RouteAttribute::Destination(route.to.network().into()));
    }
    message
        .attributes
        .extend(route.via.map(|via| RouteAttribute::Gateway(via.into())));
    message.attributes.push(RouteAttribute::Oif(index));
    message
        .attributes
        .extend(route.metric.map(RouteAttribute::Priority));
    message
}
