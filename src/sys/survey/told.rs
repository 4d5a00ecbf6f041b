//! What one message of the kernel says, in the survey's values.

use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::inside::{address, neighbour, route};
use crate::state::happening::{Known, News};
use crate::sys::netlink::attr::parse;
use crate::sys::netlink::socket::{NLM_F_APPEND, NLM_F_REPLACE, Reply, u16_at};
use crate::sys::netlink::{decoded, link, nsid, rule};
use crate::sys::uapi::*;

/// What a message says.
#[derive(Debug)]
pub(crate) enum Told {
    /// Something is so now.
    News(News),
    /// A device went to another namespace: its number there, and the namespace's here.
    Moved { index: u32, there: u32, nsid: i32 },
    /// Routes may be others, and the kernel does not say which.
    Routes,
    /// This number is a namespace's now.
    Numbered(i32),
    /// The namespace with this number goes.
    Ended(i32),
}

/// What this message, with its header, says to who knows the namespace.
pub(crate) fn told(message: &[u8], known: &Known) -> Option<Told> {
    let (kind, flags) = (u16_at(message, 4)?, u16_at(message, 6)?);
    let body = message.get(HEADER..)?;
    let reply: Reply = (kind, body.to_vec());
    match kind {
        RTM_NEWLINK | RTM_DELLINK => device(&reply, known),
        RTM_NEWADDR | RTM_DELADDR => match decoded(&reply).ok()? {
            Rtnl::NewAddress(message) => {
                let news = News::Address(message.header.index, address(&message)?);
                Some(Told::News(news))
            }
            Rtnl::DelAddress(message) => {
                let news = News::AddressGone(message.header.index, address(&message)?);
                Some(Told::News(news))
            }
            _ => None,
        },
        RTM_NEWROUTE | RTM_DELROUTE => way(&reply, flags, known),
        RTM_NEWNEIGH | RTM_DELNEIGH => whom(&reply, known),
        RTM_NEWRULE => Some(Told::News(News::Rule(rule::told(body)?))),
        RTM_DELRULE => Some(Told::News(News::RuleGone(rule::told(body)?))),
        RTM_NEWNEXTHOP | RTM_DELNEXTHOP => Some(Told::Routes),
        RTM_NEWNSID => Some(Told::Numbered(nsid::told(&reply)?)),
        RTM_DELNSID => Some(Told::Ended(nsid::told(&reply)?)),
        _ => None,
    }
}

fn device(reply: &Reply, known: &Known) -> Option<Told> {
    let (kind, body) = reply;
    // A bridge tells of its ports by messages of the same type (`br_ifinfo_notify`).
    if i32::from(*body.first()?) == libc::AF_BRIDGE {
        return None;
    }
    let attributes = body.get(LINK_HEADER..)?;
    let find = |wanted| parse(attributes).find(|(kind, _)| *kind == wanted);
    let seen = link::one(reply)?;
    let index = seen.device.index;
    if *kind == RTM_DELLINK {
        let number = |kind| find(kind).and_then(|(_, value)| value.try_into().ok());
        let nsid = number(IFLA_NEW_NETNSID).map(i32::from_ne_bytes);
        let there = number(IFLA_NEW_IFINDEX).map(u32::from_ne_bytes);
        return Some(match nsid {
            Some(nsid) => Told::Moved {
                index,
                nsid,
                there: there.unwrap_or(index),
            },
            None => Told::News(News::DeviceGone { index }),
        });
    }
    // An event of a wireless device has no more than that (`wireless_nlevent_flush`).
    find(IFLA_MTU)?;
    let mut device = seen.device;
    device.master = seen.master.map(|master| known.name(master));
    Some(Told::News(News::Device(Box::new(device))))
}

fn way(reply: &Reply, flags: u16, known: &Known) -> Option<Told> {
    let names = |index| Some(known.name(index));
    let v6 = |family| family == AddressFamily::Inet6;
    match decoded(reply).ok()? {
        Rtnl::NewRoute(message) => {
            let path = route(&message, &names)?;
            if known.routes.contains(&path) {
                return None;
            }
            let odd = path.hops.len() > 1 || flags & (NLM_F_APPEND | NLM_F_REPLACE) != 0;
            // Of several hops IPv6 tells one by one, and one that is replaced may be
            // any of them (`inet6_rt_notify`, net/ipv6/route.c).
            if v6(message.header.address_family) && (odd || known.leads(&path)) {
                return Some(Told::Routes);
            }
            let replaces = flags & NLM_F_REPLACE != 0;
            Some(Told::News(News::Route { path, replaces }))
        }
        Rtnl::DelRoute(message) => {
            let path = route(&message, &names)?;
            let is_known = known.routes.contains(&path);
            Some(match is_known || !known.leads(&path) {
                true => Told::News(News::RouteGone(path)),
                false => Told::Routes,
            })
        }
        _ => None,
    }
}

fn whom(reply: &Reply, known: &Known) -> Option<Told> {
    let names = |index| Some(known.name(index));
    let news = match decoded(reply).ok()? {
        Rtnl::NewNeighbour(message) => {
            News::Neighbour(message.header.ifindex, neighbour(&message, &names)?)
        }
        Rtnl::DelNeighbour(message) => {
            let address = neighbour(&message, &names)?.address;
            News::NeighbourGone(message.header.ifindex, address)
        }
        _ => return None,
    };
    Some(Told::News(news))
}
