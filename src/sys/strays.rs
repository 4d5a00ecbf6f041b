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
use crate::state::{Element, End, Family, LabName, Netns, NetnsName, SetName, SysctlKey, Table};

/// What was found: claims as the journal would hold them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strays {
    pub(crate) claims: Claims,
    /// Which namespaces those are that are claimed.
    pub(crate) made: BTreeMap<NetnsName, (LabName, Identity)>,
}

/// A marked end of a cable on the host: whose it is, the other end's index, and the
/// number of the other end's namespace.
struct Near(LabName, u32, i32);

/// Looks for marks of labs that the journal does not know. A namespace has none: it is a
/// lab's when such a mark is in it, or the other end of a cable that carries one.
pub(crate) fn find(store: &Store) -> Result<Strays, Failure> {
    let known = store.labs()?.into_iter().map(|lab| lab.name);
    let mut search = Search {
        known: known.collect(),
        host: netns::host()?,
        near: Vec::new(),
        strays: Strays::default(),
    };
    search.host()?;
    let claimed = store.namespaces()?;
    for (name, inode) in netns::names()? {
        if inode.is_some() && !claimed.contains_key(&name) {
            search.namespace(&name, netns::look_into(&name)?)?;
        }
    }
    let table = nft::read(&mut Socket::netfilter()?)?;
    if let Some(table) = table.filter(|table| table.ours) {
        search.table(&table);
    }
    Ok(search.strays)
}

/// Writes what was found into the journal, so that `down` finds it.
pub(crate) fn adopt(store: &mut Store, strays: &Strays) -> Result<(), Failure> {
    let host = netns::host()?.identity;
    for (name, claims) in &strays.claims {
        let lab = Lab {
            name: name.clone(),
            source: String::new(),
            host,
            whole: false,
        };
        store.record(&lab, &BTreeSet::new(), claims, &Leases::default())?;
        let made = strays.made.iter().filter(|(_, (by, _))| by == name);
        store.note_made(name, made.map(|(name, (_, identity))| (name, *identity)))?;
    }
    Ok(())
}

struct Search {
    known: BTreeSet<LabName>,
    host: Place,
    near: Vec<Near>,
    strays: Strays,
}

impl Search {
    fn claim(&mut self, lab: LabName, claim: Claim) {
        self.strays.claims.entry(lab).or_default().insert(claim);
    }

    fn host(&mut self) -> io::Result<()> {
        for device in link::list(&mut self.host.socket)?.0 {
            let Some(lab) = device.link.owner.filter(|lab| !self.known.contains(lab)) else {
                continue;
            };
            if let Some((index, Some(number))) = device.peer {
                self.near.push(Near(lab.clone(), index, number));
            }
            let netns = Netns::Host;
            self.claim(
                lab,
                Claim::Link(End {
                    netns,
                    dev: device.name,
                }),
            );
        }
        Ok(())
    }

    fn namespace(&mut self, name: &NetnsName, mut place: Place) -> io::Result<()> {
        let mut owner = None;
        for device in link::list(&mut place.socket)?.0 {
            if let Some(lab) = device.link.owner.filter(|lab| !self.known.contains(lab)) {
                let netns = Netns::Named(name.clone());
                self.claim(
                    lab.clone(),
                    Claim::Link(End {
                        netns,
                        dev: device.name,
                    }),
                );
                owner = Some(lab);
            } else if owner.is_none() {
                owner = self.other_end(device.index, &place)?;
            }
        }
        if let Some(lab) = owner {
            self.claim(lab.clone(), Claim::Netns(name.clone()));
            self.strays.made.insert(name.clone(), (lab, place.identity));
        }
        Ok(())
    }

    /// Whose cable ends in the device with this index.
    fn other_end(&mut self, index: u32, place: &Place) -> io::Result<Option<LabName>> {
        for Near(lab, _, number) in self.near.iter().filter(|Near(_, peer, _)| *peer == index) {
            if nsid::of(&mut self.host.socket, place.fd.as_raw_fd())? == Some(*number) {
                return Ok(Some(lab.clone()));
            }
        }
        Ok(None)
    }

    /// Elements; and where a guard stands, the host did not forward before.
    fn table(&mut self, table: &Table) {
        for (set, element, owner) in table.elements() {
            if let Some(lab) = owner.filter(|lab| !self.known.contains(*lab)) {
                self.claim(lab.clone(), Claim::Element(set, element.clone()));
            }
        }
        let keys = [
            (Family::Ipv4, SysctlKey::forward4()),
            (Family::Ipv6, SysctlKey::forward6()),
        ];
        let guard = table.sets.get(&SetName::Guard);
        let guarded = |family| guard.is_some_and(|set| set.contains_key(&Element::Family(family)));
        for (_, key) in keys.into_iter().filter(|(family, _)| guarded(*family)) {
            let (netns, was) = (Netns::Host, "0".to_owned());
            let claim = Claim::Sysctl { netns, key, was };
            let all = self.strays.claims.values_mut();
            all.for_each(|claims| claims.extend([claim.clone()]));
        }
    }
}
