//! What is there: from the kernel's lists and the journal to a [`NetState`].

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsRawFd;

use super::devices::{devices, vlans};
use super::{Kernel, scope::Scope};

use crate::plan::Claim;
use crate::reconcile::Inside;
use crate::state::{
    End, Feature, IfName, LabName, LinkKind, Namespace, NetState, Netns, Table, TableName,
};
use crate::sys::netlink::{link, nft, nsid, qdisc, rule};
use crate::sys::netns::Identity;
use crate::sys::{Failure, netns, sysctl};

/// How often is looked when things go meanwhile.
const LOOKS: usize = 4;

/// What labs claim.
pub(crate) type Claims = BTreeMap<LabName, BTreeSet<Claim>>;

/// A veth end whose peer is still to be found, or a device whose parent is: where it is, its
/// index, the other's index, and the number by which its namespace knows the other's.
struct Loose {
    end: End,
    index: u32,
    peer: u32,
    nsid: Option<i32>,
}

/// Those of a lab.
#[derive(Default)]
struct Ends {
    cables: Vec<Loose>,
    children: Vec<Loose>,
    /// Ends of cables that are up and do not carry yet.
    quiet: Vec<End>,
}

impl Kernel {
    /// Looks; again when a name or a device went while it was looked at.
    pub(super) fn look(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Failure> {
        for _ in 1..LOOKS {
            match self.look_once(lab, inside) {
                Err(gone) if netns::GONE.contains(&gone.errno) => {}
                seen => return seen,
            }
        }
        self.look_once(lab, inside)
    }

    fn look_once(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Failure> {
        let host = self.lab.host;
        let mut claims = match self.scope {
            None => self.store.claims(host)?,
            Some(_) => self.store.settings_beside(host, lab)?,
        };
        if self.scope.is_some() {
            claims.insert(lab.clone(), self.own(lab)?);
        }
        claims.extend(self.assumed.claims.clone());
        let own = claims.get(lab).into_iter().flatten();
        let all = self.only.is_none();
        let mut scope = self.scope.clone();
        scope = scope.map(|scope| if all { scope.with(own) } else { scope });
        let mut state = NetState {
            renames: sysctl::kernel_is(6, 2),
            ..NetState::empty(lab.clone())
        };
        let mut loose = Ends::default();
        self.look_at_names(scope.as_ref(), &mut state)?;
        let own = claims.get(lab).cloned().unwrap_or_default();
        self.look_at_paths(&own, &mut state)?;
        if let Some(scope) = &mut scope {
            let mut joined = own
                .iter()
                .filter(|claim| matches!(claim, Claim::Joined(..)));
            let is_there = |(netns, ns): (&Netns, &Namespace)| {
                netns.joined().is_some() && ns.owner.as_ref() == Some(lab)
            };
            scope.anchored = joined.next().is_none() || state.namespaces.iter().any(is_there);
        }
        let only = self.only.clone();
        let is_asked = |netns: &Netns| only.as_ref().is_none_or(|only| only.contains(netns));
        for netns in looked_into(&state, &own, inside) {
            if !is_asked(&netns) {
                continue;
            }
            let mut namespace = state.namespaces.remove(&netns).unwrap_or_default();
            if netns == Netns::Host {
                namespace.guests = self.guests.clone();
            }
            if netns != Netns::Host || !self.elsewhere {
                let around = (&claims, scope.as_ref());
                self.look_into(&netns, &mut namespace, around, &mut loose)?;
            }
            state.namespaces.insert(netns, namespace);
        }
        self.join_ends(&loose, &mut state)?;
        self.look_at_tunnels(&mut state)?;
        self.waits = loose.quiet.iter().any(|end| is_awaited(&state, end));
        self.look_for_features(&mut state)?;
        Ok(state)
    }

    /// The namespaces that have names, and whose they are.
    fn look_at_names(
        &mut self,
        scope: Option<&Scope>,
        state: &mut NetState,
    ) -> Result<(), Failure> {
        let named = scope.map(|scope| &scope.names);
        let mut made = self.store.namespaces_called(named)?;
        made.extend(self.assumed.made.clone());
        let names = match scope {
            None => netns::names()?,
            Some(scope) => netns::those_of(&scope.names)?,
        };
        for (name, inode) in names {
            let mut owner = None;
            let netns = Netns::Named(name);
            let made = netns.made().and_then(|name| made.get(name));
            if let Some((made_by, made)) = made.filter(|(_, m)| inode == Some(m.inode)) {
                // Of other labs the name is enough: their namespaces are not touched.
                let same = *made_by != state.lab || self.is_same(&netns, *made)?;
                owner = Some(made_by.clone()).filter(|_| same);
            }
            let namespace = Namespace {
                owner,
                ..Namespace::default()
            };
            state.namespaces.insert(netns, namespace);
        }
        Ok(())
    }

    /// What the lab asks for and the kernel cannot do. What is there shows that it can be had.
    fn look_for_features(&mut self, state: &mut NetState) -> Result<(), Failure> {
        for feature in self.shapers.difference(&state.shapers()) {
            if qdisc::lacks(*feature)? {
                state.lacks.insert(*feature);
            }
        }
        if self.vlans && !state.has_vlans() && link::lacks_vlans(&mut self.host.socket)? {
            state.lacks.insert(Feature::Vlans);
        }
        if self.routers && !state.has_routers() && nft::lacks(&Table::skeleton(TableName::Router))?
        {
            state.lacks.insert(Feature::Router);
        }
        state.unknown_kinds = self.lacked()?;
        Ok(())
    }

    /// Says of each device by which other one it is.
    fn join_ends(&mut self, loose: &Ends, state: &mut NetState) -> Result<(), Failure> {
        for (end, other) in [self.pair(&loose.cables)?, self.parents(&loose.children)?].concat() {
            let namespace = state.namespaces.get_mut(&end.netns);
            let link = namespace.and_then(|ns| ns.links.get_mut(&end.dev));
            match link.map(|link| &mut link.kind) {
                Some(LinkKind::Veth { peer }) => *peer = Some(other),
                Some(LinkKind::Child(child)) => child.parent = Some(other),
                _ => {}
            }
        }
        Ok(())
    }

    fn look_into(
        &mut self,
        netns: &Netns,
        namespace: &mut Namespace,
        (claims, scope): (&Claims, Option<&Scope>),
        loose: &mut Ends,
    ) -> Result<(), Failure> {
        self.check_name(netns)?;
        let lab = self.lab.name.clone();
        let scope = scope.filter(|_| *netns == Netns::Host);
        // What the host forwards for it may be the matter of every device.
        let mut near = scope.filter(|_| !self.routed).and_then(Scope::near);
        if let (Some(near), Some(scope)) = (&mut near, scope) {
            near.grounded = near.grounded || self.has_neighbours(scope)?;
        }
        let left_out = &|dev: &IfName, marked: &LabName| {
            scope.is_some_and(|scope| scope.leaves_out(&lab, dev, marked))
        };
        let mut list = devices(self.socket(netns)?, netns, namespace, near, left_out)?;
        if self.misses(namespace, (claims, scope)) {
            list = devices(self.socket(netns)?, netns, namespace, None, left_out)?;
        }
        let link::List {
            links: listed,
            indexes,
            left_out,
        } = list;
        let all = self.vlans;
        vlans(self.socket(netns)?, &listed, namespace, all)?;
        self.taken.extend(indexes);
        self.partial |= namespace.partial;
        let ours = |device: &link::Listed| netns.made().is_some() || device.link.owner.is_some();
        let waits = |device: &link::Listed| {
            let cable = device.peer.is_some() && device.link.child().is_none();
            cable && device.link.up && !device.running
        };
        let quiet = listed.iter().filter(|device| ours(device) && waits(device));
        loose.quiet.extend(quiet.map(|device| End {
            netns: netns.clone(),
            dev: device.name.clone(),
        }));
        for device in listed {
            self.take(device, (netns, &mut *namespace), (claims, scope), loose)?;
        }
        if self.only.is_some() {
            return Ok(self.look_at_asked(netns, namespace, claims)?);
        }
        self.settings(netns, namespace, claims, &left_out)?;
        self.look_at_forwarding(netns, namespace)?;
        match netns {
            Netns::Host => {
                self.look_at_tables(namespace, claims, scope)?;
                self.look_at_ports(namespace)?;
            }
            Netns::At(_) => {
                self.look_at_neighbours(netns, namespace)?;
                self.look_at_walls(netns, namespace, claims)?;
            }
            Netns::Named(_) => {
                (namespace.odd_rules, namespace.lost_rules) = rule::list(self.socket(netns)?)?;
                self.look_at_walls(netns, namespace, claims)?;
            }
        }
        Ok(())
    }

    /// Notes a device: whose it is, its index, and what is still to be found of it.
    fn take(
        &mut self,
        device: link::Listed,
        (netns, namespace): (&Netns, &mut Namespace),
        (claims, scope): (&Claims, Option<&Scope>),
        loose: &mut Ends,
    ) -> Result<(), Failure> {
        let end = End {
            netns: netns.clone(),
            dev: device.name,
        };
        // A mark without a record, or of another lab than the record's, is no mark. One that
        // is not marked yet is of whoever has the record.
        let claim = Claim::Link(end.clone());
        let own = &self.lab.name;
        let by_mark = device.link.owner.is_some();
        let marked = device.link.owner.or(device.unmarked.then(|| own.clone()));
        let known = |lab: &LabName| match claims.get(lab) {
            Some(all) if all.contains(&claim) => Ok(true),
            // Of other labs only what they switched was read.
            _ if scope.is_some() && lab != own => self.store.holds(lab, &claim),
            _ => Ok(false),
        };
        let recorded = match marked {
            Some(lab) if known(&lab)? => Some(lab),
            Some(lab) if by_mark => {
                let place = (netns, device.index);
                let renamed = self.is_renamed(&lab, place, namespace, (claims, scope))?;
                renamed.then_some(lab)
            }
            _ => None,
        };
        let mut ends = &mut loose.cables;
        if let Some(link) = namespace.links.get_mut(&end.dev) {
            if device.unmarked && recorded.is_some() {
                // It is made anew.
                link.kind = LinkKind::Other("unfinished".to_owned());
            }
            if link.child().is_some() {
                ends = &mut loose.children;
            }
            link.owner = recorded;
        }
        if let Some((peer, nsid)) = device.peer {
            ends.push(Loose {
                end: end.clone(),
                index: device.index,
                peer,
                nsid,
            });
        }
        self.indexes.insert(end, device.index);
        Ok(())
    }

    /// A socket that was opened before may be inside a namespace that has since
    /// lost its name, or its place, to another.
    pub(super) fn check_name(&mut self, netns: &Netns) -> io::Result<()> {
        let open = self.inside.get(netns).map(|place| place.identity.inode);
        if open.is_some() && netns::inode_of(netns)? != open {
            self.forget(netns);
        }
        Ok(())
    }

    /// Whether the name still stands for the namespace that was made. Someone may
    /// have made another, to which the kernel gave the same inode.
    pub(super) fn is_same(&mut self, netns: &Netns, made: Identity) -> io::Result<bool> {
        self.check_name(netns)?;
        match self.place(netns) {
            Ok(place) => Ok(place.identity == made),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    pub(super) fn forget(&mut self, netns: &Netns) {
        self.inside.remove(netns);
        self.netfilter.remove(netns);
        self.tunnels.remove(netns);
        self.indexes.retain(|end, _| end.netns != *netns);
    }

    /// Finds the two ends of each cable: each names the other's index, and the
    /// namespace of one knows that of the other by the number it names.
    fn pair(&mut self, loose: &[Loose]) -> io::Result<Vec<(End, End)>> {
        let mut by_indexes: BTreeMap<(u32, u32), Vec<&Loose>> = BTreeMap::new();
        for end in loose {
            by_indexes
                .entry((end.index, end.peer))
                .or_default()
                .push(end);
        }
        let mut pairs = Vec::new();
        for one in loose {
            let others = by_indexes.get(&(one.peer, one.index));
            for other in others
                .into_iter()
                .flatten()
                .filter(|other| one.end < other.end)
            {
                if self.joined(one, other)? {
                    pairs.push((one.end.clone(), other.end.clone()));
                    pairs.push((other.end.clone(), one.end.clone()));
                    break;
                }
            }
        }
        Ok(pairs)
    }

    /// The devices that carry others, where they are on the host or beside them.
    fn parents(&mut self, children: &[Loose]) -> io::Result<Vec<(End, End)>> {
        let mut found = Vec::new();
        for child in children {
            let netns = match child.nsid {
                None => child.end.netns.clone(),
                Some(id) => {
                    let host = self.host.fd.as_raw_fd();
                    if nsid::of(self.socket(&child.end.netns)?, host)? != Some(id) {
                        continue;
                    }
                    Netns::Host
                }
            };
            let dev = link::name(self.socket(&netns)?, child.peer)?;
            found.extend(dev.map(|dev| (child.end.clone(), End { netns, dev })));
        }
        Ok(found)
    }

    fn joined(&mut self, one: &Loose, other: &Loose) -> io::Result<bool> {
        let Some(id) = one.nsid else {
            return Ok(one.end.netns == other.end.netns);
        };
        let target = self.netns(&other.end.netns)?.as_raw_fd();
        Ok(nsid::of(self.socket(&one.end.netns)?, target)? == Some(id))
    }
}

/// Whether an end will carry: not where the other is down.
fn is_awaited(state: &NetState, end: &End) -> bool {
    let peer = state.link(end).and_then(|link| state.link(link.peer()?));
    peer.is_none_or(|peer| peer.up)
}

/// The host, the lab's namespaces, and those at the paths that matter to it.
fn looked_into(state: &NetState, own: &BTreeSet<Claim>, inside: Inside) -> Vec<Netns> {
    let these = state.namespaces.iter().filter(|(netns, ns)| {
        let ours = ns.owner.as_ref() == Some(&state.lab);
        match inside {
            Inside::Read => ours || netns.joined().is_some(),
            // What was set in one that is joined is put back.
            Inside::Skip => {
                let set = || own.iter().any(|claim| claim.is_in(netns));
                netns.joined().is_some() && ours && set()
            }
        }
    });
    let these = these.map(|(netns, _)| netns.clone());
    [Netns::Host].into_iter().chain(these).collect()
}
