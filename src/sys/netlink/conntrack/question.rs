//! The question for flows: what all that are looked for have in common the kernel picks
//! out itself. Not by IPv6 addresses: it picks out just those that have another
//! (`ctnetlink_filter_match_tuple`, net/netfilter/nf_conntrack_netlink.c, takes
//! `ipv6_addr_cmp` for a test of sameness; 5.8 to 6.18 at least).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::message;
use crate::state::{Flow, FlowMatch, Nat};
use crate::sys::netlink::attr::{put, put_nested};
use crate::sys::netlink::socket::Request;
use crate::sys::uapi::*;

// Which parts of a tuple count (net/netfilter/nf_internals.h, not in the headers for
// programs). A kernel before 5.8 does not know the filter and lists all.
const SRC_ADDRESS: u32 = 1;
const PROTO_NUM: u32 = 1 << 3;
const SRC_PORT: u32 = 1 << 4;
const DST_PORT: u32 = 1 << 5;

/// The list of all flows that may fit one of these.
pub(super) fn list(flows: &[FlowMatch]) -> Request {
    let number = match same(flows, FlowMatch::is_ipv6) {
        Some(true) => NFPROTO_IPV6,
        Some(false) => NFPROTO_IPV4,
        None => NFPROTO_UNSPEC,
    };
    message(IPCTNL_MSG_CT_GET, number, |out| {
        if let Some(bit) = same(flows, |flows| status(flows.nat)) {
            put(out, CTA_STATUS, &bit.to_be_bytes());
            put(out, CTA_STATUS_MASK, &bit.to_be_bytes());
        }
        // Of tuples of no family the kernel knows nothing (EOPNOTSUPP).
        let protocol = same(flows, |flows| flows.protocol);
        if let Some(protocol) = protocol.filter(|_| number != NFPROTO_UNSPEC) {
            let port = same(flows, only_port);
            transport(protocol, port, out);
            filter(PROTO_NUM | port.map_or(0, |_| DST_PORT), 0, out);
        }
    })
}

/// The list of all flows.
pub(super) fn list_all() -> Request {
    message(IPCTNL_MSG_CT_GET, NFPROTO_UNSPEC, |_| {})
}

/// The deletion of all flows of one published IPv4 port, which the kernel's filter can
/// tell from all others; `None`: it cannot.
pub(super) fn deletion(flows: &FlowMatch) -> Option<Request> {
    let (port, protocol) = (only_port(flows)?, flows.protocol?);
    let Nat::To(IpAddr::V4(target), Some(at)) = flows.nat else {
        return None;
    };
    // Of other protocols it does not look at ports (`ctnetlink_filter_match_tuple`).
    let has_ports = matches!(i32::from(protocol), libc::IPPROTO_TCP | libc::IPPROTO_UDP);
    if !has_ports || flows.from.is_some() || flows.dst.is_some() {
        return None;
    }
    Some(message(IPCTNL_MSG_CT_DELETE, NFPROTO_IPV4, |out| {
        put(out, CTA_STATUS, &IPS_DST_NAT.to_be_bytes());
        put(out, CTA_STATUS_MASK, &IPS_DST_NAT.to_be_bytes());
        transport(protocol, Some(port), out);
        put_nested(out, CTA_TUPLE_REPLY, |out| {
            put_nested(out, CTA_TUPLE_IP, |out| {
                put(out, CTA_IP_V4_SRC, &target.octets());
            });
            put_nested(out, CTA_TUPLE_PROTO, |out| {
                put(out, CTA_PROTO_NUM, &[protocol]);
                put(out, CTA_PROTO_SRC_PORT, &at.to_be_bytes());
            });
        });
        filter(
            PROTO_NUM | DST_PORT,
            SRC_ADDRESS | PROTO_NUM | SRC_PORT,
            out,
        );
    }))
}

fn transport(protocol: u8, port: Option<u16>, out: &mut Vec<u8>) {
    put_nested(out, CTA_TUPLE_ORIG, |out| {
        put_nested(out, CTA_TUPLE_PROTO, |out| {
            put(out, CTA_PROTO_NUM, &[protocol]);
            if let Some(port) = port {
                put(out, CTA_PROTO_DST_PORT, &port.to_be_bytes());
            }
        });
    });
}

/// Which parts of the tuples count, of the first packet's and of its answer's.
fn filter(original: u32, reply: u32, out: &mut Vec<u8>) {
    put_nested(out, CTA_FILTER, |out| {
        put(out, CTA_FILTER_ORIG_FLAGS, &original.to_ne_bytes());
        put(out, CTA_FILTER_REPLY_FLAGS, &reply.to_ne_bytes());
    });
}

/// What NAT has done to a flow stands in its status.
fn status(nat: Nat) -> Option<u32> {
    match nat {
        Nat::To(..) => Some(IPS_DST_NAT),
        Nat::Masqueraded => Some(IPS_SRC_NAT),
        Nat::Any | Nat::Straight => None,
    }
}

/// What all have, where it is the same of all.
fn same<T: PartialEq>(flows: &[FlowMatch], of: impl Fn(&FlowMatch) -> Option<T>) -> Option<T> {
    let first = of(flows.first()?)?;
    flows
        .iter()
        .all(|one| of(one).as_ref() == Some(&first))
        .then_some(first)
}

fn only_port(flows: &FlowMatch) -> Option<u16> {
    let one = flows.ports.filter(|(first, last)| first == last);
    one.map(|(port, _)| port)
}

/// What is looked for, by port: a thousand published ports among a million flows.
#[derive(Debug)]
pub(super) struct Index<'a> {
    by_port: BTreeMap<u16, Vec<&'a FlowMatch>>,
    rest: Vec<&'a FlowMatch>,
}

impl<'a> Index<'a> {
    pub(super) fn of(flows: &'a [FlowMatch]) -> Self {
        let (mut by_port, mut rest) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for one in flows {
            match only_port(one) {
                Some(port) => by_port.entry(port).or_default().push(one),
                None => rest.push(one),
            }
        }
        Index { by_port, rest }
    }

    pub(super) fn fits(&self, flow: &Flow) -> bool {
        let of_port = self.by_port.get(&flow.dst.port());
        let mut may = of_port.into_iter().flatten().chain(&self.rest);
        may.any(|one| one.fits(flow))
    }
}
