//! Where the kernel would send a packet (RTM_GETROUTE, as `ip route get` asks it).

use std::io;
use std::net::IpAddr;

use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteNextHop,
    RouteNextHopFlags, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::socket::Socket;
use super::{KernelError, decoded, nexthop, request};

/// The number of a route's MTU among its metrics (include/uapi/linux/rtnetlink.h).
const RTAX_MTU: u32 = 2;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Where to.
    pub(crate) to: IpAddr,
    /// Who sends it, if that is decided.
    pub(crate) source: Option<IpAddr>,
    /// The device by which it came, of what is not the namespace's own.
    pub(crate) iif: Option<u32>,
    /// Its mark; 0: none.
    pub(crate) mark: u32,
    /// The number of its protocol.
    pub(crate) protocol: Option<u8>,
    /// Its ports, source first.
    pub(crate) ports: Option<(u16, u16)>,
    /// The device that it has to leave by.
    pub(crate) oif: Option<u32>,
}

impl Question {
    /// The way of anything that the namespace sends.
    pub(crate) fn to(address: IpAddr) -> Self {
        Question {
            to: address,
            source: None,
            iif: None,
            mark: 0,
            protocol: None,
            ports: None,
            oif: None,
        }
    }
}

/// What becomes of it (`rtm_type`, include/uapi/linux/rtnetlink.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Local,
    Broadcast,
    Multicast,
    Anycast,
    Blackhole,
    Unreachable,
    Prohibit,
    Unicast,
}

/// The answer.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) via: Option<IpAddr>,
    /// The device's number.
    pub(crate) dev: u32,
    /// The source that the kernel would choose.
    pub(crate) source: Option<IpAddr>,
    /// The largest packet that the route itself takes, whether it is locked, and whether that
    /// was learnt from a router on the way (`rt_fill_info`, net/ipv4/route.c).
    pub(crate) mtu: Option<u32>,
    pub(crate) locked: bool,
    pub(crate) learnt: bool,
    /// How many routers what is sent by it may pass.
    pub(crate) ttl: Option<u32>,
}

/// One of several ways of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) via: Option<IpAddr>,
    pub(crate) dev: u32,
}

/// Asks; a refusal is an answer too.
pub(crate) fn look_up(
    socket: &mut Socket,
    question: &Question,
) -> io::Result<Result<Found, KernelError>> {
    let reply = socket.ask(&request(&Rtnl::GetRoute(message(question)), 0))?;
    Ok(match reply {
        Ok(reply) => match decoded(&reply)? {
            Rtnl::NewRoute(message) => Ok(found(&message)),
            _ => return Err(io::Error::other("no route in the answer")),
        },
        Err(refused) => Err(refused),
    })
}

/// The ways of the route that the packet takes, where it has several: a hash chooses. None that
/// is told to be dead is ever chosen.
pub(crate) fn ways(socket: &mut Socket, question: &Question) -> io::Result<Vec<Way>> {
    let mut message = message(question);
    message.header.flags |= RouteFlags::FibMatch;
    let Ok(reply) = socket.ask(&request(&Rtnl::GetRoute(message), 0))? else {
        return Ok(Vec::new());
    };
    let Rtnl::NewRoute(message) = decoded(&reply)? else {
        return Ok(Vec::new());
    };
    let id = message.attributes.iter().find_map(|one| match one {
        RouteAttribute::NhId(id) => Some(*id),
        _ => None,
    });
    let several = message.attributes.iter().filter_map(|one| match one {
        RouteAttribute::MultiPath(all) => Some(all),
        _ => None,
    });
    let alive = |next: &&RouteNextHop| !next.flags.contains(RouteNextHopFlags::Dead);
    let ways = several.flatten().filter(alive).map(|next| {
        let via = next.attributes.iter().find_map(router);
        let dev = next.interface_index;
        Way { via, dev }
    });
    let ways: Vec<Way> = ways.collect();
    match id {
        Some(id) if ways.is_empty() => nexthop::ways(socket, id),
        _ => Ok(ways),
    }
}

/// The next router; one of IPv6 may be that of IPv4 packets (RFC 5549).
fn router(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
        RouteAttribute::Gateway(RouteAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        RouteAttribute::Via(RouteVia::Inet(ip)) => Some(IpAddr::V4(*ip)),
        RouteAttribute::Via(RouteVia::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

fn message(question: &Question) -> RouteMessage {
    let bits = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
    let mut message = RouteMessage::default();
    message.header.address_family = match question.to {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.destination_prefix_length = bits(question.to);
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Destination(question.to.into()));
    if let Some(source) = question.source {
        message.header.source_prefix_length = bits(source);
        attributes.push(RouteAttribute::Source(source.into()));
    }
    attributes.extend(question.iif.map(RouteAttribute::Iif));
    if question.mark != 0 {
        attributes.push(RouteAttribute::Mark(question.mark));
    }
    attributes.extend(question.oif.map(RouteAttribute::Oif));
    attributes.extend(question.protocol.map(RouteAttribute::IpProto));
    if let Some((source, destination)) = question.ports {
        attributes.push(RouteAttribute::Sport(source));
        attributes.push(RouteAttribute::Dport(destination));
    }
    message
}

fn found(message: &RouteMessage) -> Found {
    let mut found = Found {
        kind: match message.header.kind {
            RouteType::Local => Kind::Local,
            RouteType::Broadcast => Kind::Broadcast,
            RouteType::Multicast => Kind::Multicast,
            RouteType::Anycast => Kind::Anycast,
            RouteType::BlackHole => Kind::Blackhole,
            RouteType::Unreachable => Kind::Unreachable,
            RouteType::Prohibit => Kind::Prohibit,
            _ => Kind::Unicast,
        },
        via: None,
        dev: 0,
        source: None,
        mtu: None,
        locked: false,
        learnt: false,
        ttl: None,
    };
    let ip = |address: &RouteAddress| match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Gateway(_) | RouteAttribute::Via(_) => found.via = router(attribute),
            RouteAttribute::Metrics(all) => all.iter().for_each(|one| match one {
                RouteMetric::Mtu(bytes) => found.mtu = Some(*bytes).filter(|bytes| *bytes > 0),
                RouteMetric::Lock(bits) => found.locked = bits & (1 << RTAX_MTU) != 0,
                RouteMetric::Hoplimit(hops) => found.ttl = Some(*hops).filter(|hops| *hops > 0),
                _ => {}
            }),
            RouteAttribute::CacheInfo(info) => found.learnt = info.expires != 0,
            RouteAttribute::Oif(index) => found.dev = *index,
            RouteAttribute::PrefSource(address) => found.source = ip(address),
            _ => {}
        }
    }
    found
}
