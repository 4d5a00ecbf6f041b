//! Namespaces that are parted from each other: what each drops of the other.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::{
    AddrGen, Element, End, IfName, Link, Namespace, NetState, Netns, Part, SetName, Table,
    TableName, eui64, is_link_local,
};

/// Two namespaces between which nothing passes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "[Netns; 2]", into = "[Netns; 2]")]
pub struct Parted(Netns, Netns);

impl Parted {
    /// These two, in whichever order; of one alone there is no such pair.
    pub fn new(one: &Netns, other: &Netns) -> Option<Self> {
        let (first, second) = (one.min(other).clone(), one.max(other).clone());
        (first != second).then_some(Parted(first, second))
    }

    /// Both.
    pub fn both(&self) -> [&Netns; 2] {
        [&self.0, &self.1]
    }

    /// The other one; `None`: this is none of them.
    pub fn from(&self, netns: &Netns) -> Option<&Netns> {
        match self.both() {
            [one, other] if one == netns => Some(other),
            [other, one] if one == netns => Some(other),
            _ => None,
        }
    }
}

impl TryFrom<[Netns; 2]> for Parted {
    type Error = String;
    fn try_from([one, other]: [Netns; 2]) -> Result<Self, String> {
        Parted::new(&one, &other).ok_or_else(|| format!("{one} is on both sides"))
    }
}

impl From<Parted> for [Netns; 2] {
    fn from(Parted(one, other): Parted) -> Self {
        [one, other]
    }
}

/// An address that does not tell a namespace from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blurred {
    /// Who would drop by it.
    pub at: Netns,
    /// Whose packets.
    pub of: Netns,
    /// The address.
    pub address: IpAddr,
    /// Who else has it.
    pub also: Netns,
}

impl NetState {
    /// Has the namespaces drop what comes from, and goes to, those that they are parted from.
    pub(super) fn part(&mut self, parted: &BTreeSet<Parted>) {
        let lab = self.lab.clone();
        for (at, of) in directions(parted) {
            let drops = self.drops(at, of, parted);
            let Some(namespace) = self.namespaces.get_mut(at) else {
                continue;
            };
            let table = namespace.tables.entry(TableName::Partition);
            let table = table.or_insert_with(|| Table::skeleton(TableName::Partition));
            for (set, element) in drops {
                table.add(set, element, &lab);
            }
        }
    }

    /// By which elements one drops the other's packets. What it has itself is never from there.
    /// Where routers change addresses on the way, who sends drops them, as the other does not know
    /// them.
    fn drops(&self, at: &Netns, of: &Netns, parted: &BTreeSet<Parted>) -> Vec<(SetName, Element)> {
        let (Some(here), Some(there)) = (self.namespaces.get(at), self.namespaces.get(of)) else {
            return Vec::new();
        };
        let own: BTreeSet<IpAddr> = wide(here).map(|(_, address)| address).collect();
        let foreign = wide(there).filter(|(_, address)| !own.contains(address));
        let meant = foreign.filter(|(dev, address)| {
            let others = self.others((at, of), *address, parted);
            others.is_empty() || self.told_apart((at, of), dev, &others) != Some(false)
        });
        let meant = meant.flat_map(|(dev, address)| {
            let (hears, sends) = match address {
                IpAddr::V4(_) => (SetName::Parted4, SetName::Beyond4),
                IpAddr::V6(_) => (SetName::Parted6, SetName::Beyond6),
            };
            let element = Element::of([Part::Net(address.into())]);
            let disguised = self.has_routers() && !self.is_beside(at, (of, dev));
            let sends = disguised.then(|| (sends, element.clone()));
            [Some((hears, element)), sends].into_iter().flatten()
        });
        meant.chain(self.near(here, (of, there))).collect()
    }

    /// The first address of those that are parted by which not only they are meant.
    pub fn blurred(&self, parted: &BTreeSet<Parted>) -> Option<Blurred> {
        directions(parted).find_map(|(at, of)| {
            let here = self.namespaces.get(at)?;
            let own: BTreeSet<IpAddr> = wide(here).map(|(_, address)| address).collect();
            wide(self.namespaces.get(of)?).find_map(|(dev, address)| {
                let others = self.others((at, of), address, parted);
                let (also, _) = others.first()?;
                let clear =
                    own.contains(&address) || self.told_apart((at, of), dev, &others).is_some();
                (!clear).then(|| Blurred {
                    at: at.clone(),
                    of: of.clone(),
                    address,
                    also: (*also).clone(),
                })
            })
        })
    }

    /// Who else has an address and is to be reached, with the device that has it.
    fn others(
        &self,
        (at, of): (&Netns, &Netns),
        address: IpAddr,
        parted: &BTreeSet<Parted>,
    ) -> Vec<(&Netns, &IfName)> {
        let apart = |other: &Netns| Parted::new(at, other).is_some_and(|two| parted.contains(&two));
        let all = self.namespaces.iter();
        let all = all.filter(|(netns, _)| *netns != of && *netns != at && !apart(netns));
        let has = all.flat_map(|(netns, namespace)| {
            let devices = wide(namespace).filter(|(_, has)| *has == address);
            devices
                .map(move |(dev, _)| (netns, dev))
                .collect::<Vec<_>>()
        });
        has.collect()
    }

    /// Whether an address is the other one's to a namespace, and not that of others that have it,
    /// too: whoever is on a link with it. `None`: that does not tell.
    fn told_apart(
        &self,
        (at, of): (&Netns, &Netns),
        dev: &IfName,
        others: &[(&Netns, &IfName)],
    ) -> Option<bool> {
        let theirs = others.iter().any(|other| self.is_beside(at, *other));
        let its = self.is_beside(at, (of, dev));
        (its != theirs).then_some(its)
    }

    /// Whether a namespace is on a link with a device of another.
    fn is_beside(&self, at: &Netns, (netns, dev): (&Netns, &IfName)) -> bool {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let here = self.namespaces.get(at).into_iter();
        let mut links = here.flat_map(|here| here.links.values());
        links.any(|own| self.meets(own, &end))
    }

    /// Link-local addresses mean somebody only together with the link. At the other end of a
    /// cable is nobody else, and the address may be one that the kernel chose.
    fn near(&self, here: &Namespace, (of, there): (&Netns, &Namespace)) -> Vec<(SetName, Element)> {
        let mut all = Vec::new();
        let mut put = |dev: &IfName, net: IpNet| {
            let parts = [Part::Device(dev.clone()), Part::Net(net)];
            all.push((SetName::PartedNear, Element::of(parts)));
        };
        for (dev, own) in &here.links {
            if own.peer().is_some_and(|peer| peer.netns == *of) {
                put(dev, every_link_local());
                continue;
            }
            let beside = |other: &IfName| {
                let end = End {
                    netns: of.clone(),
                    dev: other.clone(),
                };
                self.meets(own, &end)
            };
            for (_, link) in there.links.iter().filter(|(other, _)| beside(other)) {
                let addresses = link.addresses.iter().copied().chain(generated(link));
                let near = addresses.filter(is_link_local);
                near.for_each(|net| put(dev, net.addr().into()));
            }
        }
        all
    }

    /// Whether two devices are on one link.
    fn meets(&self, own: &Link, other: &End) -> bool {
        let link = self.link(other);
        let on = self.switch(own);
        own.peer() == Some(other) || on.is_some() && link.and_then(|l| self.switch(l)) == on
    }

    /// What of the host a device is on: a bridge, or a device that carries it.
    fn switch<'a>(&'a self, link: &'a Link) -> Option<&'a IfName> {
        match link.child() {
            Some(child) => Some(&child.parent.as_ref()?.dev),
            None => {
                let port = link.peer().filter(|peer| peer.netns == Netns::Host)?;
                self.link(port)?.master.as_ref()
            }
        }
    }
}

/// Who drops whose packets.
fn directions(parted: &BTreeSet<Parted>) -> impl Iterator<Item = (&Netns, &Netns)> {
    parted
        .iter()
        .flat_map(|Parted(one, other)| [(one, other), (other, one)])
}

/// The addresses by which a namespace is known beyond its links.
fn wide(namespace: &Namespace) -> impl Iterator<Item = (&IfName, IpAddr)> {
    let links = namespace.links.iter();
    let all = links.flat_map(|(dev, link)| link.addresses.iter().map(move |net| (dev, net)));
    let wide = all.filter(|(_, net)| !is_link_local(net) && !net.addr().is_loopback());
    wide.map(|(dev, net)| (dev, net.addr()))
}

/// The address that the kernel makes by itself.
pub(crate) fn generated(link: &Link) -> Option<IpNet> {
    let mac = link.mac.filter(|_| link.addrgen == Some(AddrGen::Eui64));
    mac.map(eui64)
}

/// `fe80::/10` (RFC 4291, 2.4).
fn every_link_local() -> IpNet {
    let first = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
    Ipv6Net::new_assert(first, 10).into()
}
