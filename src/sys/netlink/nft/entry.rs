//! The kernel's entries as elements.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::state::{
    Element, Family, Kind, LabName, Mac, Part, Protocol, SetName, VlanId, VlanRange,
};
use crate::sys::netlink::attr::parse;
use crate::sys::netlink::socket::u32_at;
use crate::sys::uapi::*;

use super::element::successor;
use super::expr::text;
use super::{table, userdata};

/// One entry of a set as the kernel keeps it. In order, an end comes before a
/// start at the same place: the subnets touch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    key: Vec<u8>,
    starts: bool,
    /// The last key of its range, where the entry has both.
    last: Option<Vec<u8>>,
    data: Vec<u8>,
    owner: Option<LabName>,
}

impl Entry {
    /// One entry of the kernel's list. An owner that is no lab's name is none.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut entry = Entry {
            key: Vec::new(),
            starts: true,
            last: None,
            data: Vec::new(),
            owner: None,
        };
        for (kind, value) in parse(bytes) {
            match kind {
                NFTA_SET_ELEM_KEY => entry.key = inner(value),
                NFTA_SET_ELEM_KEY_END => entry.last = Some(inner(value)),
                NFTA_SET_ELEM_DATA => entry.data = inner(value),
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

fn inner(data: &[u8]) -> Vec<u8> {
    let value = parse(data).find(|(kind, _)| *kind == NFTA_DATA_VALUE);
    value.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default()
}

/// A set's entries as elements. The kernel lists a set in an order of its
/// own, by which nothing here goes. An end without a start is nft's: it puts one at address zero
/// into an empty set (set_to_intervals in its src/intervals.c). What netyard cannot write
/// is no element of ours.
pub(super) fn elements(
    set: SetName,
    mut entries: Vec<Entry>,
) -> BTreeMap<Element, Option<LabName>> {
    entries.sort();
    let has_pair = table::has_pairs(set);
    let mut all = BTreeMap::new();
    for (i, entry) in entries.iter().enumerate().filter(|(_, e)| e.starts) {
        let keys = match has_pair {
            true => {
                let after = entries.get(i + 1).and_then(|end| address(&end.key));
                let start = address(&entry.key);
                start.map_or_else(Vec::new, |start| single(subnets(start, after)))
            }
            false => {
                let last = entry.last.as_deref().unwrap_or(&entry.key);
                ranges(set.key(), &entry.key, last)
            }
        };
        let data = ranges(set.data(), &entry.data, &entry.data).pop();
        let data = data.unwrap_or_default();
        if data.len() == set.data().len() {
            let element = |key| Element {
                key,
                data: data.clone(),
            };
            all.extend(
                keys.into_iter()
                    .map(|key| (element(key), entry.owner.clone())),
            );
        }
    }
    all
}

fn single(nets: Vec<IpNet>) -> Vec<Vec<Part>> {
    nets.into_iter().map(|net| vec![Part::Net(net)]).collect()
}

/// Every key of parts between a first and a last: one where netyard wrote it, several
/// where someone else's range is no subnet.
fn ranges(kinds: &[Kind], mut first: &[u8], mut last: &[u8]) -> Vec<Vec<Part>> {
    let mut keys = vec![Vec::new()];
    for kind in kinds {
        let length = table::length(*kind) as usize;
        let width = match kinds.len() {
            1 => length,
            _ => length.next_multiple_of(4),
        };
        let cut = |bytes: &mut &[u8]| {
            let (part, rest) = bytes.split_at_checked(width)?;
            *bytes = rest;
            part.get(..length).map(<[u8]>::to_vec)
        };
        let (Some(low), Some(high)) = (cut(&mut first), cut(&mut last)) else {
            return Vec::new();
        };
        let parts = parts(*kind, &low, &high);
        let longer = |key: Vec<Part>| {
            let with = move |part: &Part| [&key[..], std::slice::from_ref(part)].concat();
            parts.iter().map(with).collect::<Vec<_>>()
        };
        keys = keys.into_iter().flat_map(longer).collect();
    }
    keys
}

/// A range of one kind as parts.
fn parts(kind: Kind, low: &[u8], high: &[u8]) -> Vec<Part> {
    let one = |part: Option<Part>| part.into_iter().collect();
    match (kind, low, high) {
        (Kind::Family, [NFPROTO_IPV4], _) => vec![Part::Family(Family::Ipv4)],
        (Kind::Family, [NFPROTO_IPV6], _) => vec![Part::Family(Family::Ipv6)],
        (Kind::Device, name, _) => one(text(name).parse().ok().map(Part::Device)),
        (Kind::Address(_), low, high) => match (address(low), address(high)) {
            (Some(low), Some(high)) if low == high => vec![Part::Net(low.into())],
            (Some(low), Some(high)) => {
                let nets = subnets(low, successor(high)).into_iter();
                nets.map(Part::Net).collect()
            }
            _ => Vec::new(),
        },
        (Kind::Subnet(_), both, _) => {
            let (first, last) = both.split_at(both.len() / 2);
            match (address(first), address(last)) {
                (Some(first), Some(last)) => {
                    let nets = subnets(first, successor(last)).into_iter();
                    nets.map(Part::Net).collect()
                }
                _ => Vec::new(),
            }
        }
        (Kind::Mac, mac, _) => {
            let mac = <[u8; 6]>::try_from(mac).ok();
            one(mac.map(|mac| Part::Mac(Mac(mac))))
        }
        (Kind::Bits, bits, _) => {
            let bits = <[u8; 16]>::try_from(bits).ok();
            one(bits.map(|bits| Part::Bits(u128::from_be_bytes(bits))))
        }
        (Kind::Protocol, [low], [high]) => {
            let known = |protocol: &Protocol| protocol.numbers() == (*low, *high);
            one(Protocol::ALL.into_iter().find(known).map(Part::Protocol))
        }
        (Kind::Port, &[a, b], &[c, d]) => {
            let number = |bytes| u16::from_be_bytes(bytes);
            vec![Part::Ports(number([a, b]), number([c, d]))]
        }
        (Kind::Vlan, &[a, b], &[c, d]) => {
            let id = |bytes| VlanId::try_from(u16::from_be_bytes(bytes)).ok();
            let both = id([a, b]).zip(id([c, d]));
            one(both
                .and_then(|(first, last)| VlanRange::new(first, last))
                .map(Part::Vlans))
        }
        _ => Vec::new(),
    }
}

/// Keys of addresses are in network order, so that bytes compare like numbers.
fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

/// The subnets that make up a range: one when netyard wrote it, several when
/// someone else added a range by hand.
fn subnets(mut start: IpAddr, end: Option<IpAddr>) -> Vec<IpNet> {
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
        all.push(net);
        match successor(net.broadcast()) {
            Some(next) if Some(next) != end => start = next,
            _ => return all,
        }
    }
}
