//! One hop: from a device to whoever has the next address on its link.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::cause::{Cause, Place};
use super::map::Map;
use super::segment::{self, Segment, Spot, Way};
use crate::state::is_link_local;
use crate::state::survey::{Device, Far, Space};

/// Where a hop ends.
#[derive(Debug)]
pub(super) enum Hop {
    /// With somebody, by this device; and by which others it went.
    With(Spot, Vec<Spot>),
    /// Beyond what is seen, by this device.
    Beyond(Spot),
}

/// Who takes a packet that leaves by a device for the next address, a router or not.
pub(super) fn hop(
    survey: &Map<'_>,
    start: Spot,
    next: IpAddr,
    gateway: bool,
) -> Result<Hop, Box<Cause>> {
    let segment = segment::from(survey, start);
    let device = device(survey, start);
    let mut owners: Vec<(&Spot, &Way)> = owners(survey, &segment, start, next).collect();
    owners.sort_by_key(|(_, way)| way.obstacles.len());
    let free: Vec<Spot> = (owners.iter())
        .filter(|(_, way)| way.obstacles.is_empty())
        .map(|(spot, _)| **spot)
        .collect();
    let exact = |spot: &&Spot| has(survey, **spot, next);
    let exact: Vec<Spot> = free.iter().filter(exact).copied().collect();
    if let [one, other, ..] = exact.as_slice() {
        return Err(Box::new(Cause::Duplicate {
            address: next,
            one: place(survey, *one),
            other: place(survey, *other),
        }));
    }
    if let Some(found) = exact.first().or(free.first()) {
        let way = &segment.places[found];
        return Ok(Hop::With(*found, way.by.clone()));
    }
    if let Some((_, way)) = owners.first() {
        return Err(Box::new(way.obstacles[0].clone().into()));
    }
    if let Some((spot, way)) = segment
        .beyond
        .iter()
        .min_by_key(|(_, way)| way.obstacles.len())
    {
        return match way.obstacles.first() {
            Some(obstacle) => Err(Box::new(obstacle.clone().into())),
            None => Ok(Hop::Beyond(*spot)),
        };
    }
    if !device.up {
        return Err(Box::new(Cause::DeviceDown(place(survey, start))));
    }
    Err(Box::new(absent(survey, start, &segment, next, gateway)))
}

fn device<'s>(survey: &'s Map<'_>, (space, device): Spot) -> &'s Device {
    &survey.namespaces[space].devices[device]
}

pub(super) fn place(survey: &Map<'_>, spot: Spot) -> Place {
    Place {
        netns: survey.namespaces[spot.0].name.clone(),
        dev: device(survey, spot).name.clone(),
    }
}

/// Whether the device itself has the address.
pub(super) fn has(survey: &Map<'_>, spot: Spot, address: IpAddr) -> bool {
    let mut own = device(survey, spot).addresses.iter();
    own.any(|one| one.net.addr() == address)
}

/// Whether any device of the namespace has the address.
pub(super) fn has_any(space: &Space, address: IpAddr) -> bool {
    let mut all = space.devices.iter().flat_map(|device| &device.addresses);
    all.any(|one| one.net.addr() == address)
}

/// Who answers for an address: whose device has it, and, of IPv4, whose any other has it
/// (`arp_ignore` is 0 by default, Documentation/networking/ip-sysctl.rst).
fn owners<'s>(
    survey: &'s Map<'s>,
    segment: &'s Segment,
    start: Spot,
    next: IpAddr,
) -> impl Iterator<Item = (&'s Spot, &'s Way)> {
    let any = move |space: &Space| next.is_ipv4() && has_any(space, next);
    segment.places.iter().filter(move |(spot, _)| {
        let elsewhere = spot.0 != start.0 || **spot != start && has(survey, **spot, next);
        elsewhere && (has(survey, **spot, next) || any(&survey.namespaces[spot.0]))
    })
}

/// What the neighbour table says of who is there. It is asked last: an entry that failed may
/// have done so for anything on the way.
pub(super) fn neighbour(
    survey: &Map<'_>,
    start: Spot,
    found: Spot,
    next: IpAddr,
) -> Result<(), Box<Cause>> {
    let at = place(survey, start);
    let mut table = survey.namespaces[start.0].neighbours.iter();
    let entry = table.find(|entry| entry.address == next && entry.dev == at.dev);
    let there = device(survey, found);
    let silent = there.noarp || device(survey, start).noarp && entry.is_none();
    let Some(entry) = entry else {
        return match silent && next.is_ipv4() && !device(survey, start).noarp {
            true => Err(Box::new(Cause::NeighbourFailed { at, address: next })),
            false => Ok(()),
        };
    };
    match (entry.state.as_str(), &entry.mac, &there.mac) {
        (_, Some(says), Some(has)) if entry.state == "permanent" && says != has => {
            Err(Box::new(Cause::WrongNeighbour {
                at,
                address: next,
                says: says.clone(),
                has: has.clone(),
            }))
        }
        // One that failed before may answer now; who never answers does not.
        ("failed" | "incomplete", ..) if there.noarp => {
            Err(Box::new(Cause::NeighbourFailed { at, address: next }))
        }
        _ => Ok(()),
    }
}

/// Nobody on the link has the address: where else it is, or what is not plugged in.
fn absent(survey: &Map<'_>, start: Spot, segment: &Segment, next: IpAddr, gateway: bool) -> Cause {
    let (from, to) = (place(survey, start), next);
    let Some(at) = holder(survey, start, next) else {
        return match loose(survey, start, segment) {
            Some(end) => Cause::NotPlugged { from, end, to },
            None => Cause::Nobody { from, to, gateway },
        };
    };
    if let Some(own) = too_wide(survey, start, segment, next) {
        let other = next;
        return Cause::WrongPrefix {
            at: from,
            own,
            other,
        };
    }
    let ends = [loose_end(survey, start), loose_end(survey, at)];
    let cable = [start, at].map(|spot| place(survey, spot));
    for (end, from) in ends.into_iter().zip(cable) {
        if let Some(end) = end {
            return Cause::NotPlugged { from, end, to };
        }
    }
    let at = place(survey, at);
    Cause::OtherLink { from, to, at }
}

/// Who has an address in another namespace to which cables lead, plugged in rightly or not.
/// Elsewhere others may have the same one.
pub(super) fn holder(survey: &Map<'_>, start: Spot, address: IpAddr) -> Option<Spot> {
    let mut near = BTreeSet::from([start.0]);
    let mut next = vec![start.0];
    while let Some(space) = next.pop() {
        for device in &survey.namespaces[space].devices {
            if let Some(Far::Found(end)) = &device.far
                && let Some(there) = survey.spot(&end.netns, end.index)
                && near.insert(there.0)
            {
                next.push(there.0);
            }
        }
    }
    let spaces = near.into_iter().filter(|space| *space != start.0);
    let mut all = spaces.flat_map(|space| {
        let devices = survey.namespaces[space].devices.iter().enumerate();
        devices.map(move |(n, device)| ((space, n), device))
    });
    let found = all.find(|(_, device)| {
        let mut own = device.addresses.iter();
        own.any(|one| one.net.addr() == address)
    });
    found.map(|(spot, _)| spot)
}

/// The far end of this cable, if it is plugged into nothing and is nobody's.
fn loose_end(survey: &Map<'_>, spot: Spot) -> Option<Place> {
    let Some(Far::Found(end)) = &device(survey, spot).far else {
        return None;
    };
    let far = survey.spot(&end.netns, end.index)?;
    let there = device(survey, far);
    is_idle(there).then(|| place(survey, far))
}

/// A cable's end that is plugged into nothing, and is nobody's.
pub(super) fn is_idle(device: &Device) -> bool {
    let mut own = device.addresses.iter();
    let given = own.any(|one| !is_link_local(&one.net));
    device.kind == "veth" && device.master.is_none() && !given
}

/// Of a link with nobody on it at all, the end that is plugged into nothing.
fn loose(survey: &Map<'_>, start: Spot, segment: &Segment) -> Option<Place> {
    let others = segment.places.keys().filter(|spot| spot.0 != start.0);
    let peopled = others
        .into_iter()
        .any(|spot| !device(survey, *spot).addresses.is_empty());
    let first = segment.loose.first().filter(|_| !peopled)?;
    Some(place(survey, *first))
}

/// The own subnet, when others on the link have a narrower one, in which the address is not.
fn too_wide(survey: &Map<'_>, start: Spot, segment: &Segment, next: IpAddr) -> Option<IpNet> {
    let own = device(survey, start).addresses.iter().map(|one| one.net);
    let own = own.into_iter().find(|net| net.contains(&next))?;
    let others = segment.places.keys().filter(|spot| spot.0 != start.0);
    let mut nets = others.flat_map(|spot| device(survey, *spot).addresses.iter());
    let narrower = |net: &IpNet| net.contains(&own.addr()) && !net.contains(&next);
    nets.any(|one| one.net.prefix_len() > own.prefix_len() && narrower(&one.net))
        .then_some(own)
}
