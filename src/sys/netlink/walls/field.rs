//! What of a packet rules look at, and what it means that it has some value.

use super::{nested, number};
use crate::state::{Condition, Family, What};
use crate::sys::netlink::socket::u32_at;
use crate::sys::uapi::*;

/// What of a packet is in a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Family,
    Protocol,
    Port,
    From,
    Out,
    FromIndex,
    State,
    Status,
    /// A mask was put over the state of the connection: whether it lets a new one through.
    MaskedState(bool),
    /// The same of its status: whether it is the mask of those that were sent elsewhere.
    MaskedStatus(bool),
    Other,
}

impl Field {
    /// How many bytes its values have; `None`: they cannot be followed. A set with longer
    /// keys asks for several fields together.
    pub(super) fn length(self) -> Option<usize> {
        match self {
            Field::Family | Field::Protocol => Some(1),
            Field::Port => Some(2),
            Field::State | Field::FromIndex => Some(4),
            Field::From | Field::Out => Some(IFNAMSIZ),
            _ => None,
        }
    }
}

pub(super) fn meta(key: u32) -> Field {
    match key {
        NFT_META_NFPROTO => Field::Family,
        NFT_META_L4PROTO => Field::Protocol,
        NFT_META_IIFNAME => Field::From,
        NFT_META_OIFNAME => Field::Out,
        NFT_META_IIF => Field::FromIndex,
        _ => Field::Other,
    }
}

/// The destination port stands at byte 2 of a header of TCP, UDP and SCTP; the protocol at
/// byte 9 of an IPv4 header (RFC 791) and at byte 6 of an IPv6 header (RFC 8200).
pub(super) fn payload(data: &[u8]) -> Field {
    let at = [NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN];
    match at.map(|attribute| number(data, attribute)) {
        [NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2] => Field::Port,
        [NFT_PAYLOAD_NETWORK_HEADER, 9 | 6, 1] => Field::Protocol,
        _ => Field::Other,
    }
}

/// State and status are bit masks in the host's byte order.
pub(super) fn masked(field: Field, data: &[u8]) -> Field {
    let mask = u32_at(nested(data, NFTA_BITWISE_MASK), 0).unwrap_or_default();
    match field {
        Field::State => Field::MaskedState(mask & CT_NEW != 0),
        Field::Status => Field::MaskedStatus(mask == IPS_DST_NAT),
        _ => Field::Other,
    }
}

/// What it means that a field has this value.
pub(super) fn compared(field: Field, value: &[u8]) -> Condition {
    let none = value.iter().all(|byte| *byte == 0);
    let is = |what, not| Condition { what, not };
    match field {
        Field::MaskedState(new) if none => is(What::New(new), true),
        Field::MaskedStatus(true) if none => is(What::Published, true),
        Field::MaskedStatus(true) if u32_at(value, 0) == Some(IPS_DST_NAT) => {
            is(What::Published, false)
        }
        _ => is(values(field, &[(value, value)]), false),
    }
}

/// The values that are less or greater than this one, as the first and the last of them.
pub(super) fn ordered(value: &[u8], op: u32) -> Option<(Vec<u8>, Vec<u8>)> {
    let (least, most) = (vec![0; value.len()], vec![0xff; value.len()]);
    match op {
        NFT_CMP_LTE => Some((least, value.to_vec())),
        NFT_CMP_LT => Some((least, before(value))),
        NFT_CMP_GTE => Some((value.to_vec(), most)),
        NFT_CMP_GT => Some((after(value), most)),
        _ => None,
    }
}

/// What it means that a field lies in one of these ranges.
pub(super) fn values(field: Field, ranges: &[(&[u8], &[u8])]) -> What {
    let bytes = |range: &(&[u8], &[u8])| Some((*range.0.first()?, *range.1.first()?));
    let port = |bytes: &[u8]| Some(u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?));
    let ports = |range: &(&[u8], &[u8])| Some((port(range.0)?, port(range.1)?));
    let single = || ranges.iter().all(|(first, last)| first == last);
    let known = match field {
        Field::Protocol => ranges
            .iter()
            .map(bytes)
            .collect::<Option<_>>()
            .map(What::Protocol),
        Field::Port => ranges
            .iter()
            .map(ports)
            .collect::<Option<_>>()
            .map(What::Port),
        Field::Family => match ranges {
            [(first, last)] if first == last => family(first).map(What::Family),
            _ => None,
        },
        Field::From | Field::Out if single() => {
            let names = ranges
                .iter()
                .map(|(name, _)| device(name))
                .collect::<Vec<_>>();
            Some(match field {
                Field::From => What::From(names),
                _ => What::Out(names),
            })
        }
        // `lo` is the first device of each namespace (`loopback_net_init`).
        Field::FromIndex if single() && ranges.iter().all(|(v, _)| u32_at(v, 0) == Some(1)) => {
            Some(What::From(vec!["lo".to_owned()]))
        }
        Field::State if single() => {
            let new = |(value, _): &(&[u8], &[u8])| u32_at(value, 0) == Some(CT_NEW);
            Some(What::New(ranges.iter().any(new)))
        }
        _ => None,
    };
    known.unwrap_or(What::Other)
}

fn family(value: &[u8]) -> Option<Family> {
    match value.first() {
        Some(&NFPROTO_IPV4) => Some(Family::Ipv4),
        Some(&NFPROTO_IPV6) => Some(Family::Ipv6),
        _ => None,
    }
}

/// A name that is compared without its final zero is the beginning of one.
fn device(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match bytes.last() {
        Some(0) => text.trim_end_matches('\0').to_owned(),
        _ => format!("{text}*"),
    }
}

/// The key behind this one.
fn after(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    key
}

/// The key before this one.
pub(super) fn before(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let borrows = *byte == 0;
        *byte = byte.wrapping_sub(1);
        if !borrows {
            break;
        }
    }
    key
}
