//! A flow as the kernel lists it.

use std::net::{IpAddr, SocketAddr};

use super::message;
use crate::state::Flow;
use crate::sys::netlink::attr::{NLA_F_NESTED, parse, put, u16_at};
use crate::sys::netlink::socket::Request;
use crate::sys::uapi::*;

/// An entry of the kernel's list: what it is, and what tells it from all others.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) flow: Flow,
    family: u8,
    tuple: &'a [u8],
    id: &'a [u8],
    zone: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    /// `None`: it is not told by addresses.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (mut original, mut reply, mut id, mut zone) = (None, None, None, None);
        for (kind, value) in parse(body.get(FAMILY_HEADER..)?) {
            match kind {
                CTA_TUPLE_ORIG => original = Some(value),
                CTA_TUPLE_REPLY => reply = Some(value),
                CTA_ID => id = Some(value),
                CTA_ZONE => zone = Some(value),
                _ => {}
            }
        }
        let (protocol, from, dst) = tuple(original?)?;
        let (_, answers, answered) = tuple(reply?)?;
        Some(Entry {
            flow: Flow {
                protocol,
                from,
                dst,
                answers,
                answered,
            },
            family: *body.first()?,
            tuple: original?,
            id: id?,
            zone,
        })
    }

    /// The id makes sure that it is this one: another may have its addresses by now.
    pub(super) fn deletion(&self) -> Request {
        message(IPCTNL_MSG_CT_DELETE, self.family, |out| {
            put(out, CTA_TUPLE_ORIG | NLA_F_NESTED, self.tuple);
            put(out, CTA_ID, self.id);
            if let Some(zone) = self.zone {
                put(out, CTA_ZONE, zone);
            }
        })
    }
}

/// The protocol, source and destination of one direction.
fn tuple(bytes: &[u8]) -> Option<(u8, SocketAddr, SocketAddr)> {
    let (mut from, mut to, mut protocol) = (None, None, None);
    let mut ports = [0, 0];
    for (kind, value) in parse(bytes) {
        for (inner, value) in parse(value) {
            match (kind, inner) {
                (CTA_TUPLE_IP, CTA_IP_V4_SRC | CTA_IP_V6_SRC) => from = address(value),
                (CTA_TUPLE_IP, CTA_IP_V4_DST | CTA_IP_V6_DST) => to = address(value),
                (CTA_TUPLE_PROTO, CTA_PROTO_NUM) => protocol = value.first().copied(),
                (CTA_TUPLE_PROTO, CTA_PROTO_SRC_PORT) => ports[0] = port(value)?,
                (CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT) => ports[1] = port(value)?,
                _ => {}
            }
        }
    }
    let at = |address: Option<IpAddr>, port| Some(SocketAddr::new(address?, port));
    Some((protocol?, at(from, ports[0])?, at(to, ports[1])?))
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

fn port(value: &[u8]) -> Option<u16> {
    u16_at(value, 0).map(u16::from_be)
}
