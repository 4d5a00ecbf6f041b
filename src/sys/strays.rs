//! What labs left of which the journal knows nothing, as when /run was emptied: found by
//! the marks in the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsRawFd;

use super::netlink::socket::Socket;
use super::netlink::{link, nft, nsid};
use super::netns::{self, Identity, Place};
use super::store::{Lab, Store};
use super::{Failure, kernel::Claims};
use crate::ipam::Leases;
use crate::plan::Claim;
use crate::state::{
    Element, End, Family, IfName, LabName, Netns, NetnsName, SetName, SysctlKey, Table, TableName,
};
use crate::topology::port_name;

/// What was found: claims as the journal would hold them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strays {
    pub(crate) claims: Claims,
    /// Which namespaces those are that are claimed.
    pub(crate) made: BTreeMap<NetnsName, (LabName, Identity)>,
}

/// Looks for marks of labs that the journal does not know. A namespace has none: it is a
/// lab's when such a mark is in it, or the other end of a cable that carries one.
pub(crate) fn find(store: &Store) -> Result<Strays, Failure> {
    let known = store.labs()?.into_iter().map(|lab| lab.name);
    let mut search = Search {
        known: known.collect(),
        places: BTreeMap::from([(Netns::Host, netns::host()?)]),
        near: Vec::new(),
        strays: Strays::default(),
    };
    let claimed = store.namespaces()?;
    for (name, inode) in netns::names()? {
        if inode.is_some() && !claimed.contains_key(&name) {
            let netns = Netns::Named(name);
            match netns::look_into(&netns) {
                Err(e) if e.raw_os_error().is_some_and(|e| netns::GONE.contains(&e)) => {}
                place => drop(search.places.insert(netns, place?)),
            }
        }
    }
    search.marks()?;
    search.other_ends()?;
    let mut socket = Socket::netfilter()?;
    for name in TableName::HOST {
        let table = nft::read(&mut socket, name, None)?;
        if let Some(table) = table.filter(|table| table.ours) {
            search.table(&table);
        }
    }
    Ok(search.strays)
}

/// Writes what was found into the journal, so that `down` finds it. With no source these
/// labs are known again as strays, should `down` not come to its end ([`is_adopted`]).
pub(crate) fn adopt(store: &mut Store, strays: &Strays) -> Result<(), Failure> {
    store.together(|store| {
        for (name, claims) in &strays.claims {
            let lab = Lab::here(name, "")?;
            store.record(&lab, &BTreeSet::new(), claims, &Leases::default())?;
            let made = strays.made.iter().filter(|(_, (by, _))| by == name);
            store.note_made(name, made.map(|(name, (_, identity))| (name, *identity)))?;
        }
        Ok(())
    })
}

/// Whether nobody brought this lab up.
pub(crate) fn is_adopted(lab: &Lab) -> bool {
    !lab.whole && lab.source.is_empty()
}

/// A marked end of a cable: whose it is, where it is, the other end's index, and the
/// number by which that namespace knows the other's.
struct Near {
    lab: LabName,
    netns: Netns,
    dev: IfName,
    peer: u32,
    number: i32,
}

/// Whether a port of the host is called as one into a namespace that others made, by its path
/// among the names.
fn is_joined(netns: &Netns, far: &IfName, port: &IfName) -> bool {
    let paths = ["/run/netns", "/var/run/netns"].into_iter();
    let mut paths = paths.filter_map(|at| format!("{at}/{}", netns.made()?).parse().ok());
    paths.any(|path| port_name(&Netns::At(path), far) == *port)
}

struct Search {
    known: BTreeSet<LabName>,
    /// The host and the namespaces that no lab claims.
    places: BTreeMap<Netns, Place>,
    near: Vec<Near>,
    strays: Strays,
}

impl Search {
    fn claim(&mut self, lab: &LabName, claim: Claim) {
        let claims = self.strays.claims.entry(lab.clone()).or_default();
        claims.insert(claim);
    }

    /// Marked devices, and the namespaces that they are in.
    fn marks(&mut self) -> io::Result<()> {
        let mut marked = Vec::new();
        for (netns, place) in &mut self.places {
            for device in link::list(&mut place.socket, |_, _| false)?.links {
                if let Some(lab) = device.link.owner.clone() {
                    marked.push((lab, netns.clone(), device));
                }
            }
        }
        marked.retain(|(lab, ..)| !self.known.contains(lab));
        for (lab, netns, device) in marked {
            let end = End {
                netns: netns.clone(),
                dev: device.name.clone(),
            };
            self.claim(&lab, Claim::Link(end));
            // The mark of a device that has no other end is on itself, also in a namespace that
            // the lab has only joined.
            if !device.link.is_alone() {
                self.namespace(&lab, &netns);
            }
            if let Some((peer, Some(number))) = device.peer {
                self.near.push(Near {
                    lab,
                    netns,
                    dev: device.name,
                    peer,
                    number,
                });
            }
        }
        Ok(())
    }

    fn namespace(&mut self, lab: &LabName, netns: &Netns) {
        if let (Some(name), Some(place)) = (netns.made(), self.places.get(netns)) {
            let made = (lab.clone(), place.identity);
            self.strays.made.insert(name.clone(), made);
            self.claim(lab, Claim::Netns(name.clone()));
        }
    }

    /// The namespaces in which a marked cable ends.
    fn other_ends(&mut self) -> io::Result<()> {
        let mut fds = Vec::new();
        for (netns, place) in &mut self.places {
            let devices = link::list(&mut place.socket, |_, _| false)?.links;
            let names = devices
                .into_iter()
                .map(|device| (device.index, device.name));
            let indexes: BTreeMap<u32, IfName> = names.collect();
            fds.push((netns.clone(), place.fd.as_raw_fd(), indexes));
        }
        for near in std::mem::take(&mut self.near) {
            let ends = fds
                .iter()
                .filter_map(|(netns, fd, indexes)| Some((netns, fd, indexes.get(&near.peer)?)));
            for (netns, fd, far) in ends {
                if is_joined(netns, far, &near.dev) {
                    continue;
                }
                let place = self.places.get_mut(&near.netns);
                let socket = place.map(|place| &mut place.socket);
                let number = socket.map(|socket| nsid::of(socket, *fd)).transpose()?;
                if number.flatten() == Some(near.number) {
                    self.namespace(&near.lab, netns);
                }
            }
        }
        Ok(())
    }

    /// Elements; and where a guard stands, the host did not forward before.
    fn table(&mut self, table: &Table) {
        for (set, element, owner) in table.elements() {
            if let Some(lab) = owner.filter(|lab| !self.known.contains(*lab)) {
                self.claim(lab, Claim::Element(set, element.clone()));
            }
        }
        let keys = [
            (Family::Ipv4, SysctlKey::forward4()),
            (Family::Ipv6, SysctlKey::forward6()),
        ];
        let guarded = |family| table.has(SetName::Guard, &Element::family(family));
        for (_, key) in keys.into_iter().filter(|(family, _)| guarded(*family)) {
            let (netns, was) = (Netns::Host, "0".to_owned());
            let claim = Claim::Sysctl { netns, key, was };
            let has_elements = |claims: &&mut BTreeSet<Claim>| {
                claims
                    .iter()
                    .any(|claim| matches!(claim, Claim::Element(..)))
            };
            let all = self.strays.claims.values_mut().filter(has_elements);
            all.for_each(|claims| claims.extend([claim.clone()]));
        }
    }
}
