//! Namespace ids: the numbers by which one namespace knows others (RTM_GETNSID).

use std::collections::BTreeSet;
use std::io;
use std::os::fd::RawFd;

use netlink_packet_route::RouteNetlinkMessage as Rtnl;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};

use super::attr::{parse, put};
use super::socket::{Reply, Request, Socket};
use super::{decoded, request};
use crate::sys::uapi::{NETNSA_CURRENT_NSID, NETNSA_NSID, NETNSA_TARGET_NSID, RTM_GETNSID};

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

/// Which namespace another one knows by this number: the number that it has in the socket's.
/// `to` is the other one's number here. `None`: it has none here.
pub(crate) fn meant(socket: &mut Socket, to: i32, number: i32) -> io::Result<Option<i32>> {
    // The family, padded (struct rtgenmsg).
    let mut body = vec![0; 4];
    put(&mut body, NETNSA_TARGET_NSID, &to.to_ne_bytes());
    let question = Request {
        kind: RTM_GETNSID,
        flags: 0,
        body,
    };
    // The kernel has gone on meanwhile: the other one may be gone.
    let listed = socket.dump(&question)?.unwrap_or_default();
    let entries = listed.iter().filter_map(|(_, body)| body.get(4..));
    let value = |attributes, wanted| {
        let found = parse(attributes).find(|(kind, _)| *kind == wanted)?;
        Some(i32::from_ne_bytes(found.1.try_into().ok()?))
    };
    let mut meant = entries.filter(|entry| value(entry, NETNSA_NSID) == Some(number));
    let here = meant
        .next()
        .and_then(|entry| value(entry, NETNSA_CURRENT_NSID));
    Ok(here.filter(|id| *id >= 0))
}

/// The number that a notification is about.
pub(crate) fn told(reply: &Reply) -> Option<i32> {
    match decoded(reply).ok()? {
        Rtnl::NewNsId(message) | Rtnl::DelNsId(message) => number(&message),
        _ => None,
    }
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
