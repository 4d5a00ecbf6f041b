//! Elements as the kernel's entries. A subnet by itself is two entries of an interval
//! set: its first address, and as an end the address after its last. Where a key has
//! several parts, a range is one entry with a first and a last key.

use std::net::IpAddr;

use crate::state::{Element, Family, IfName, Kind, LabName, Part, SetName};
use crate::sys::netlink::attr::{put, put_nested, put_text};
use crate::sys::netlink::socket::{NLM_F_CREATE, NLM_F_EXCL, Request};
use crate::sys::uapi::*;

use super::{message, put_u32, table, userdata};

/// How many bytes of elements go into one message. Attribute lengths have 16 bits.
const NEST: usize = 32 * 1024;

/// Adds elements. With `NLM_F_EXCL` one that is there already is refused; without
/// it the kernel would keep the other owner's and say nothing.
pub(super) fn add<'a>(
    set: SetName,
    elements: impl IntoIterator<Item = (&'a Element, Option<&'a LabName>)>,
) -> Vec<Request> {
    let mut nests = Vec::new();
    let mut nest = Vec::new();
    for (element, owner) in elements {
        put_element(&mut nest, set, element, Some(table::owner_mark(owner)));
        if nest.len() >= NEST {
            nests.push(std::mem::take(&mut nest));
        }
    }
    if !nest.is_empty() {
        nests.push(nest);
    }
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    nests
        .iter()
        .map(|nest| request(NFT_MSG_NEWSETELEM, flags, set, nest))
        .collect()
}

/// Removes one element. The kernel finds it by its key alone, so that whoever asks
/// must know that it is theirs.
pub(super) fn del(set: SetName, element: &Element) -> Request {
    let mut nest = Vec::new();
    put_element(&mut nest, set, element, None);
    request(NFT_MSG_DELSETELEM, 0, set, &nest)
}

/// The question for one element, by its key.
pub(super) fn get(set: SetName, element: &Element) -> Request {
    let mut nest = Vec::new();
    put_element(&mut nest, set, element, None);
    request(NFT_MSG_GETSETELEM, 0, set, &nest)
}

fn request(kind: u16, flags: u16, set: SetName, nest: &[u8]) -> Request {
    message(set.table(), kind, flags, |out| {
        put_text(out, NFTA_SET_ELEM_LIST_TABLE, set.table().as_str());
        put_text(out, NFTA_SET_ELEM_LIST_SET, set.as_str());
        put(out, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, nest);
    })
}

/// One element as the kernel's entries: one of most sets, two of a set whose whole key
/// is a range. A subnet that ends with the last address has no end, for none could follow.
fn put_element(out: &mut Vec<u8>, set: SetName, element: &Element, mark: Option<&str>) {
    let mut notes = mark.map(userdata::comment);
    let has_pair = table::has_pairs(set);
    let after = element
        .only_subnet()
        .and_then(|net| successor(net.broadcast()));
    if let (true, None, Some(notes)) = (has_pair, after, &mut notes) {
        userdata::open_interval(notes);
    }
    let entry = Written {
        key: join(&element.key, low),
        end: (set.has_intervals() && !has_pair).then(|| join(&element.key, high)),
        data: mark.map(|_| data(set, &element.data)),
        notes,
        ..Written::default()
    };
    entry.put(out);
    if let (true, Some(after)) = (has_pair, after) {
        let end = Written {
            key: octets(after),
            flags: NFT_SET_ELEM_INTERVAL_END,
            ..Written::default()
        };
        end.put(out);
    }
}

/// Parts as they stand side by side in registers: each from a multiple of four bytes on,
/// where there are several.
fn join(parts: &[Part], value: fn(&Part) -> Vec<u8>) -> Vec<u8> {
    match parts {
        [part] => value(part),
        _ => parts.iter().flat_map(|part| padded(value(part))).collect(),
    }
}

/// What a map has: of a subnet its first and its last address.
fn data(set: SetName, parts: &[Part]) -> Vec<u8> {
    match (set.data(), parts) {
        ([Kind::Subnet(_)], [part]) => [low(part), high(part)].concat(),
        _ => join(parts, low),
    }
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A part's value, or the first of its range.
fn low(part: &Part) -> Vec<u8> {
    match part {
        Part::Family(Family::Ipv4) => vec![NFPROTO_IPV4],
        Part::Family(Family::Ipv6) => vec![NFPROTO_IPV6],
        Part::Device(dev) => name(dev),
        Part::Net(net) => octets(net.network()),
        Part::Mac(mac) => mac.0.to_vec(),
        Part::Bits(bits) => bits.to_be_bytes().to_vec(),
        Part::Protocol(protocol) => vec![protocol.numbers().0],
        Part::Ports(first, _) => first.to_be_bytes().to_vec(),
        Part::Vlans(range) => range.first().to_be_bytes().to_vec(),
    }
}

/// A part's value, or the last of its range.
fn high(part: &Part) -> Vec<u8> {
    match part {
        Part::Net(net) => octets(net.broadcast()),
        Part::Protocol(protocol) => vec![protocol.numbers().1],
        Part::Ports(_, last) => last.to_be_bytes().to_vec(),
        Part::Vlans(range) => range.last().to_be_bytes().to_vec(),
        single => low(single),
    }
}

/// A device name with all its 16 bytes.
fn name(dev: &IfName) -> Vec<u8> {
    let mut key = dev.as_str().as_bytes().to_vec();
    key.resize(16, 0);
    key
}

/// An entry to be written.
#[derive(Default)]
struct Written {
    key: Vec<u8>,
    /// The last key of its range.
    end: Option<Vec<u8>>,
    data: Option<Vec<u8>>,
    flags: u32,
    notes: Option<Vec<u8>>,
}

impl Written {
    /// An attribute that is nothing is not sent, as nft does.
    fn put(self, out: &mut Vec<u8>) {
        let value = |out: &mut Vec<u8>, kind, bytes: &[u8]| {
            put_nested(out, kind, |out| put(out, NFTA_DATA_VALUE, bytes));
        };
        put_nested(out, NFTA_LIST_ELEM, |out| {
            if self.flags != 0 {
                put_u32(out, NFTA_SET_ELEM_FLAGS, self.flags);
            }
            value(out, NFTA_SET_ELEM_KEY, &self.key);
            if let Some(end) = self.end {
                value(out, NFTA_SET_ELEM_KEY_END, &end);
            }
            if let Some(data) = self.data.filter(|data| !data.is_empty()) {
                value(out, NFTA_SET_ELEM_DATA, &data);
            }
            if let Some(notes) = self.notes {
                put(out, NFTA_SET_ELEM_USERDATA, &notes);
            }
        });
    }
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

/// The next address; `None` after the last of the family.
pub(super) fn successor(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) => u32::from(a).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(a) => u128::from(a).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}
