//! Where the kernel would send a packet (RTM_GETROUTE, as `ip route get` asks it).

use std::io;
use std::net::IpAddr;

use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::socket::Socket;
use super::{KernelError, decoded, request};

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
    /// The number of its protocol and its ports, source first.
    pub(crate) ports: Option<(u8, u16, u16)>,
}

impl Question {
    /// The way of anything that the namespace sends.
    pub(crate) fn to(address: IpAddr) -> Self {
        Question {
            to: address,
            source: None,
            iif: None,
            mark: 0,
            ports: None,
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
    if let Some((protocol, source, destination)) = question.ports {
        attributes.push(RouteAttribute::IpProto(protocol));
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
    };
    let ip = |address: &RouteAddress| match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Gateway(address) => found.via = ip(address),
            RouteAttribute::Oif(index) => found.dev = *index,
            RouteAttribute::PrefSource(address) => found.source = ip(address),
            _ => {}
        }
    }
    found
}
