//! Netlink: one file per noun, one function per request, no policy.

pub(crate) mod address;
pub(crate) mod attr;
pub(crate) mod conntrack;
pub(crate) mod diag;
pub(crate) mod events;
pub(crate) mod fib;
pub(crate) mod in_use;
pub(crate) mod link;
mod listing;
pub(crate) mod neigh;
pub(crate) mod netconf;
pub(crate) mod nexthop;
pub(crate) mod nft;
pub(crate) mod notices;
pub(crate) mod nsid;
pub(crate) mod qdisc;
pub(crate) mod route;
pub(crate) mod rule;
pub(crate) mod ruleset;
pub(crate) mod socket;
mod trace;
pub(crate) mod walls;
pub(crate) mod wireguard;

use std::io;

use netlink_packet_core::{Emitable, ParseableParametrized};
use netlink_packet_route::RouteNetlinkMessage;

use socket::{Reply, Request};

/// A route netlink message as a request.
pub(crate) fn request(message: &RouteNetlinkMessage, flags: u16) -> Request {
    let mut body = vec![0; message.buffer_len()];
    message.emit(&mut body);
    Request {
        kind: message.message_type(),
        flags,
        body,
    }
}

/// A reply as a route netlink message.
pub(crate) fn decoded((kind, body): &Reply) -> io::Result<RouteNetlinkMessage> {
    RouteNetlinkMessage::parse_with_param(body, *kind)
        .map_err(|e| io::Error::other(format!("a netlink message of type {kind} is odd: {e}")))
}

pub(crate) use crate::sys::Failure as KernelError;
