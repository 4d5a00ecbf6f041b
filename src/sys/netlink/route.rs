//! Route requests: RTM_NEWROUTE, RTM_DELROUTE and the main table.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteProtocol,
    RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::socket::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request, Socket};
use super::{decoded, request};
use crate::state::{Fate, IP6_METRIC, Origin, Route, RouteOptions, Scope};

/// A route and the index of its device, whose name the route does not hold yet.
#[derive(Debug)]
pub(crate) struct Listed {
    /// `None` for one that leads nowhere.
    pub(crate) index: Option<u32>,
    pub(crate) to: IpNet,
    pub(crate) via: Option<IpAddr>,
    pub(crate) metric: Option<u32>,
    pub(crate) origin: Origin,
    pub(crate) fate: Fate,
    pub(crate) options: RouteOptions,
}

/// The main table.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// Those over one device, and those that lead nowhere.
    pub(crate) single: Vec<Listed>,
    /// The destinations of all others (multipath and the like).
    pub(crate) others: BTreeSet<IpNet>,
    /// What the kernel has added with an address: by which device, and where to.
    pub(crate) connected: BTreeSet<(u32, IpNet)>,
}

/// All of it.
pub(crate) fn list(socket: &mut Socket) -> io::Result<Routes> {
    let mut routes = Routes::default();
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
                    Some(route) if route.origin == Origin::Kernel => {
                        let connected = route.index.map(|index| (index, to));
                        routes.connected.extend(connected);
                    }
                    Some(route) => routes.single.push(route),
                    None => drop(routes.others.insert(to)),
                }
            }
        }
    }
    Ok(routes)
}

/// A route's destination and, when it is over one device or leads nowhere, all of it.
fn listed(message: &RouteMessage) -> Option<(IpNet, Option<Listed>)> {
    let v6 = message.header.address_family == AddressFamily::Inet6;
    let any = match v6 {
        true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let (mut to, mut via, mut index, mut metric) = (any, None, None, None);
    let mut options = RouteOptions::default();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Metrics(all) => all.iter().for_each(|one| match one {
                RouteMetric::Mtu(mtu) => options.mtu = Some(*mtu),
                RouteMetric::Advmss(size) => options.advmss = Some(*size),
                _ => {}
            }),
            RouteAttribute::Destination(address) => to = ip(address)?,
            RouteAttribute::Gateway(address) => via = ip(address),
            RouteAttribute::Oif(oif) => index = Some(*oif),
            RouteAttribute::Priority(priority) => metric = Some(*priority),
            _ => {}
        }
    }
    let origin = match message.header.protocol {
        RouteProtocol::IcmpRedirect => return None,
        RouteProtocol::Kernel => Origin::Kernel,
        RouteProtocol::Static | RouteProtocol::Boot => Origin::Static,
        RouteProtocol::Ra => Origin::Ra,
        _ => Origin::Other,
    };
    let usual = if v6 { IP6_METRIC } else { 0 };
    let to = IpNet::new(to, message.header.destination_prefix_length).ok()?;
    let fate = fate(message.header.kind);
    // The kernel puts an IPv6 route that leads nowhere on `lo`.
    let index = index.filter(|_| fate == Some(Fate::Unicast));
    let nowhere = fate.is_some_and(|fate| fate != Fate::Unicast);
    let route = fate.filter(|_| index.is_some() || nowhere);
    if !v6 && !nowhere {
        let scope = Scope(message.header.scope.into());
        options.scope = Some(scope).filter(|scope| *scope != Scope::usual(via.is_none()));
    }
    let route = route.map(|fate| Listed {
        index,
        to,
        via,
        metric: metric.filter(|metric| *metric != usual),
        origin,
        fate,
        options,
    });
    Some((to, route))
}

fn fate(kind: RouteType) -> Option<Fate> {
    Some(match kind {
        RouteType::Unicast => Fate::Unicast,
        RouteType::BlackHole => Fate::Blackhole,
        RouteType::Unreachable => Fate::Unreachable,
        RouteType::Prohibit => Fate::Prohibit,
        RouteType::Throw => Fate::Throw,
        _ => return None,
    })
}

fn kind(fate: Fate) -> RouteType {
    match fate {
        Fate::Unicast => RouteType::Unicast,
        Fate::Blackhole => RouteType::BlackHole,
        Fate::Unreachable => RouteType::Unreachable,
        Fate::Prohibit => RouteType::Prohibit,
        Fate::Throw => RouteType::Throw,
    }
}

pub(crate) fn ip(address: &RouteAddress) -> Option<IpAddr> {
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
    message.header.protocol = match route.origin {
        Origin::Kernel => RouteProtocol::Kernel,
        _ => RouteProtocol::Static,
    };
    message.header.kind = kind(route.fate);
    let leaves = route.fate == Fate::Unicast;
    let straight = route.via.is_none() && leaves && route.to.addr().is_ipv4();
    let scope = route.options.scope.unwrap_or(Scope::usual(straight));
    message.header.scope = RouteScope::from(scope.0);
    if !route.is_default() {
        message
            .attributes
            .push(RouteAttribute::Destination(route.to.network().into()));
    }
    message
        .attributes
        .extend(route.via.map(|via| RouteAttribute::Gateway(via.into())));
    message
        .attributes
        .extend(leaves.then_some(RouteAttribute::Oif(index)));
    let src = route.src.map(|src| RouteAttribute::PrefSource(src.into()));
    message.attributes.extend(src);
    message
        .attributes
        .extend(route.metric.map(RouteAttribute::Priority));
    let mtu = route.options.mtu.map(RouteMetric::Mtu);
    let advmss = route.options.advmss.map(RouteMetric::Advmss);
    let metrics: Vec<RouteMetric> = mtu.into_iter().chain(advmss).collect();
    if !metrics.is_empty() {
        let metrics = RouteAttribute::Metrics(metrics);
        message.attributes.push(metrics);
    }
    message
}
