//! Neighbour requests: RTM_DELNEIGH and the list of neighbours.

use std::io;
use std::net::IpAddr;

use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::socket::{Request, Socket};
use super::{decoded, request};

/// An entry of a neighbour table that the kernel made when it looked for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Neighbour {
    /// The device it is behind.
    pub(crate) index: u32,
    /// Who was looked for.
    pub(crate) address: IpAddr,
    /// Whether they answered.
    pub(crate) found: bool,
}

/// The neighbours of the socket's namespace, but for those that an administrator set.
pub(crate) fn list(socket: &mut Socket) -> io::Result<Vec<Neighbour>> {
    let all = socket.dump(&request(
        &Rtnl::GetNeighbour(NeighbourMessage::default()),
        0,
    ))??;
    let listed = all.iter().map(|reply| match decoded(reply)? {
        Rtnl::NewNeighbour(message) => Ok(listed(&message)),
        _ => Ok(None),
    });
    listed.filter_map(io::Result::transpose).collect()
}

/// Those that the namespace answers for in others' place: device and address.
pub(crate) fn proxies(socket: &mut Socket) -> io::Result<Vec<(u32, IpAddr)>> {
    let mut question = NeighbourMessage::default();
    question.header.flags = NeighbourFlags::Proxy;
    let all = socket.dump(&request(&Rtnl::GetNeighbour(question), 0))??;
    let listed = all.iter().map(|reply| match decoded(reply)? {
        Rtnl::NewNeighbour(message) => Ok(address(&message).map(|ip| (message.header.ifindex, ip))),
        _ => Ok(None),
    });
    listed.filter_map(io::Result::transpose).collect()
}

/// Whom a message is about.
pub(crate) fn address(message: &NeighbourMessage) -> Option<IpAddr> {
    message.attributes.iter().find_map(|a| match a {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    })
}

fn listed(message: &NeighbourMessage) -> Option<Neighbour> {
    use NeighbourState::{Failed, Incomplete, Permanent};
    let state = message.header.state;
    if state == Permanent {
        return None;
    }
    Some(Neighbour {
        index: message.header.ifindex,
        address: address(message)?,
        found: !matches!(state, Incomplete | Failed),
    })
}

/// Forgets a neighbour: its entry is free at once (`neigh_delete`, net/core/neighbour.c).
pub(crate) fn delete(neighbour: &Neighbour) -> Request {
    let mut message = NeighbourMessage::default();
    message.header.family = match neighbour.address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.ifindex = neighbour.index;
    message
        .attributes
        .push(NeighbourAttribute::Destination(neighbour.address.into()));
    request(&Rtnl::DelNeighbour(message), 0)
}
