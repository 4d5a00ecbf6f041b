//! Namespace ids: the numbers by which one namespace knows others (RTM_GETNSID).

use std::collections::BTreeSet;
use std::io;
use std::os::fd::RawFd;

use netlink_packet_route::RouteNetlinkMessage as Rtnl;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};

use super::socket::{Request, Socket};
use super::{decoded, request};

/// Gives another namespace a number in the socket's, unless it has one. Any that is free.
pub(crate) fn give(netns: RawFd) -> Request {
    let mut message = NsidMessage::default();
    // -1 asks for a free one (rtnl_net_newid, net/core/net_namespace.c).
    message.attributes = vec![NsidAttribute::Fd(netns as u32), NsidAttribute::Id(-1)];
    request(&Rtnl::NewNsId(message), 0)
}

/// The number by which the socket's namespace knows another, an open one, where
/// it does.
pub(crate) fn of(socket: &mut Socket, netns: RawFd) -> io::Result<Option<i32>> {
    let mut message = NsidMessage::default();
    message.attributes.push(NsidAttribute::Fd(netns as u32));
    let reply = socket.ask(&request(&Rtnl::GetNsId(message), 0))??;
    let Rtnl::NewNsId(message) = decoded(&reply)? else {
        return Ok(None);
    };
    Ok(number(&message))
}

/// All numbers by which the socket's namespace knows others.
pub(crate) fn all(socket: &mut Socket) -> io::Result<BTreeSet<i32>> {
    let mut all = BTreeSet::new();
    for reply in &socket.dump(&request(&Rtnl::GetNsId(NsidMessage::default()), 0))?? {
        if let Rtnl::NewNsId(message) = decoded(reply)? {
            all.extend(number(&message));
        }
    }
    Ok(all)
}

fn number(message: &NsidMessage) -> Option<i32> {
    let id = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NsidAttribute::Id(id) => Some(*id),
            _ => None,
        });
    // -1 is NETNSA_NSID_NOT_ASSIGNED (include/uapi/linux/net_namespace.h).
    id.filter(|id| *id >= 0)
}
