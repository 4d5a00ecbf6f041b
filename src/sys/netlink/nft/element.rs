//! Elements of sets. A subnet is two entries of an interval set: its first
//! address, and as an end the address after its last.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::state::{Element, Family, IfName, LabName, SetName, TABLE};
use crate::sys::netlink::attr::{parse, put, put_nested, put_text};
use crate::sys::netlink::socket::{NLM_F_CREATE, NLM_F_EXCL, Request, u32_at};
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
        put_element(&mut nest, element, Some(table::owner_mark(owner)));
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
    put_element(&mut nest, element, None);
    request(NFT_MSG_DELSETELEM, 0, set, &nest)
}

fn request(kind: u16, flags: u16, set: SetName, nest: &[u8]) -> Request {
    message(kind, flags, |out| {
        put_text(out, NFTA_SET_ELEM_LIST_TABLE, TABLE);
        put_text(out, NFTA_SET_ELEM_LIST_SET, set.as_str());
        put(out, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, nest);
    })
}

/// One element as the kernel's entries: one of a plain set, two of a subnet. A
/// subnet that ends with the last address has no end, for none could follow.
fn put_element(out: &mut Vec<u8>, element: &Element, mark: Option<&str>) {
    let mut notes = mark.map(userdata::comment);
    let (start, end) = match element {
        Element::Family(Family::Ipv4) => (vec![NFPROTO_IPV4], None),
        Element::Family(Family::Ipv6) => (vec![NFPROTO_IPV6], None),
        Element::Device(dev) => (name(dev), None),
        Element::Within(dev) => ([name(dev), name(dev)].concat(), None),
        Element::Subnet(net) => {
            let end = successor(net.broadcast());
            if let (None, Some(notes)) = (end, &mut notes) {
                userdata::open_interval(notes);
            }
            (octets(net.network()), end.map(octets))
        }
    };
    put_entry(out, &start, 0, notes.as_deref());
    if let Some(end) = end {
        put_entry(out, &end, NFT_SET_ELEM_INTERVAL_END, None);
    }
}

/// A name padded to the length of its key.
fn name(dev: &IfName) -> Vec<u8> {
    let mut key = dev.as_str().as_bytes().to_vec();
    key.resize(table::key(SetName::Inside).length as usize, 0);
    key
}

/// One entry. A flags attribute of zero would do no harm, but nft sends none.
fn put_entry(out: &mut Vec<u8>, key: &[u8], flags: u32, notes: Option<&[u8]>) {
    put_nested(out, NFTA_LIST_ELEM, |out| {
        if flags != 0 {
            put_u32(out, NFTA_SET_ELEM_FLAGS, flags);
        }
        put_nested(out, NFTA_SET_ELEM_KEY, |out| {
            put(out, NFTA_DATA_VALUE, key);
        });
        if let Some(notes) = notes {
            put(out, NFTA_SET_ELEM_USERDATA, notes);
        }
    });
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

/// Keys of addresses are in network order, so that bytes compare like numbers.
fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

/// The next address; `None` after the last of the family.
fn successor(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(a) => u32::from(a).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(a) => u128::from(a).checked_add(1).map(|n| IpAddr::V6(n.into())),
    }
}

/// One entry of a set as the kernel keeps it. In order, an end comes before a
/// start at the same place: the subnets touch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    key: Vec<u8>,
    starts: bool,
    owner: Option<LabName>,
}

impl Entry {
    /// One entry of the kernel's list. An owner that is no lab's name is none.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut entry = Entry {
            key: Vec::new(),
            starts: true,
            owner: None,
        };
        for (kind, value) in parse(bytes) {
            match kind {
                NFTA_SET_ELEM_KEY => {
                    let inner = parse(value).find(|(kind, _)| *kind == NFTA_DATA_VALUE);
                    entry.key = inner.map(|(_, key)| key.to_vec()).unwrap_or_default();
                }
                NFTA_SET_ELEM_FLAGS => {
                    let flags = u32_at(value, 0).map_or(0, u32::from_be);
                    entry.starts = flags & NFT_SET_ELEM_INTERVAL_END == 0;
                }
                NFTA_SET_ELEM_USERDATA => {
                    entry.owner = userdata::read_comment(value)
                        .filter(|text| *text != table::MARK)
                        .and_then(|text| text.parse().ok());
                }
                _ => {}
            }
        }
        entry
    }
}

/// A set's entries as elements. The kernel lists a set in an order of its
/// own, by which nothing here goes. An end without a start is nft's: it puts one at address zero
/// into an empty set (set_to_intervals in its src/intervals.c).
pub(super) fn elements(
    set: SetName,
    mut entries: Vec<Entry>,
) -> BTreeMap<Element, Option<LabName>> {
    entries.sort();
    let mut all = BTreeMap::new();
    for (i, entry) in entries.iter().enumerate().filter(|(_, e)| e.starts) {
        let found = match set {
            SetName::Guard => family(&entry.key).into_iter().collect(),
            SetName::Bridged => within(&entry.key).into_iter().collect(),
            SetName::Inside | SetName::Networks => device(&entry.key).into_iter().collect(),
            SetName::Masquerade4 | SetName::Masquerade6 => {
                let end = entries.get(i + 1).and_then(|end| address(&end.key));
                let start = address(&entry.key);
                start.map_or_else(Vec::new, |start| subnets(start, end))
            }
        };
        all.extend(found.into_iter().map(|e| (e, entry.owner.clone())));
    }
    all
}

/// Only the two families that a guard may name; a foreign key is no element of ours.
fn family(key: &[u8]) -> Option<Element> {
    match key {
        [NFPROTO_IPV4] => Some(Element::Family(Family::Ipv4)),
        [NFPROTO_IPV6] => Some(Element::Family(Family::Ipv6)),
        _ => None,
    }
}

fn device(key: &[u8]) -> Option<Element> {
    super::expr::text(key).parse().ok().map(Element::Device)
}

/// Only the way from a device to itself; another pair is no element of ours.
fn within(key: &[u8]) -> Option<Element> {
    let (from, to) = key.split_at_checked(key.len() / 2)?;
    let dev = super::expr::text(from).parse().ok()?;
    (from == to).then_some(Element::Within(dev))
}

/// The subnets that make up a range: one when netyard wrote it, several when
/// someone else added a range by hand.
fn subnets(mut start: IpAddr, end: Option<IpAddr>) -> Vec<Element> {
    // The widest subnet that begins here and ends within, then the next.
    let bits = if start.is_ipv4() { 32 } else { 128 };
    let mut all = Vec::new();
    loop {
        let fits = |net: &IpNet| {
            let after = successor(net.broadcast());
            let inside = match (after, end) {
                (_, None) => true,
                (Some(after), Some(end)) => after <= end,
                (None, Some(_)) => false,
            };
            net.network() == start && inside
        };
        let widest = (0..=bits)
            .filter_map(|prefix| IpNet::new(start, prefix).ok())
            .find(fits);
        let Some(net) = widest else { return all };
        all.push(Element::Subnet(net));
        match successor(net.broadcast()) {
            Some(next) if Some(next) != end => start = next,
            _ => return all,
        }
    }
}
