//! A change of a lab that is up, beside its file: of some devices, or of the tables of some
//! namespaces, and nothing else of it. It is the planner's work as all else is.

use std::collections::{BTreeMap, BTreeSet};

use super::link::{LinkChange, changed};
use super::{Record, known, lock, record};
use crate::error::Error;
use crate::lease;
use crate::plan::{Claim, Op, Plan};
use crate::reconcile::{self, Applied, Change, Host, Inside, Progress};
use crate::state::{End, LabName, Namespace, NetState, Netns, Overlays, Parted, Table, TableName};
use crate::sys::kernel::{Kernel, Scope};
use crate::sys::store::{Lock, Store};
use crate::topology::{self, Topology};

/// A host whose journal keeps what was set while labs were up.
pub trait Keep: Host {
    /// Remembers this of the lab, and, where claims are given, that it has these.
    ///
    /// # Errors
    /// The journal could not be written.
    fn keep(
        &mut self,
        lab: &LabName,
        overlays: &Overlays,
        claims: Option<&BTreeSet<Claim>>,
    ) -> Result<(), Error>;
}

impl Keep for Kernel {
    fn keep(
        &mut self,
        lab: &LabName,
        overlays: &Overlays,
        claims: Option<&BTreeSet<Claim>>,
    ) -> Result<(), Error> {
        let written = self.set_overlays(lab, overlays, claims);
        written.map_err(Error::journal("write the journal"))
    }
}

/// A lab that is up, about to be changed, and nobody else changes labs.
pub(super) struct Set {
    /// As its file asks for.
    pub(super) filed: NetState,
    /// What was set since.
    pub(super) before: Overlays,
    /// What it has in the journal.
    pub(super) claims: BTreeSet<Claim>,
    lab: Record,
    lock: Lock,
    store: Store,
}

impl Set {
    pub(super) fn open(name: &LabName, progress: &mut dyn Progress) -> Result<Self, Error> {
        let lock = lock(progress)?;
        let store = Store::open()?;
        let recorded = last_made(name, &store)?;
        let (_, filed) = described(&recorded, &store)?;
        let before = overlays(name, &store)?;
        let lab = record(name, &recorded.source, &store)?;
        let claims = store.claims_of(lab.host, name);
        Ok(Set {
            filed,
            before,
            claims: claims.map_err(Error::journal("read the journal"))?,
            lab,
            lock,
            store,
        })
    }

    /// Only what the change is of is looked at.
    pub(super) fn take(self, turn: &Turn, progress: &mut dyn Progress) -> Result<Plan, Error> {
        let leases = self.store.leases(&self.lab.name);
        let leases = leases.map_err(Error::journal("read the journal"))?;
        let mut kernel = Kernel::to_change(self.lab, false, leases, self.lock, self.store)?;
        let asked = turn.of.asked(&turn.desired)?;
        kernel.only = Some(asked.namespaces.keys().cloned().collect());
        kernel.shapers = asked.shapers();
        if let Of::Tables(these) = &turn.of {
            kernel.walled.clone_from(these);
        }
        kernel.scope = Some(Scope::of(&asked));
        turn.run(&mut kernel, progress)
    }
}

/// One change of a lab that is up, over any host.
#[derive(Debug)]
pub struct Turn {
    of: Of,
    /// The lab as it shall be then.
    desired: NetState,
    /// What was set before, and what is set then.
    overlays: [Overlays; 2],
}

impl Turn {
    /// An interface is changed.
    ///
    /// # Errors
    /// There is no such interface, or what is asked for cannot be.
    pub fn of_link(
        filed: &NetState,
        before: &Overlays,
        end: &End,
        change: &LinkChange,
    ) -> Result<Self, Error> {
        let mut now = filed.clone();
        now.lay_over(before);
        let (after, ends) = changed(before, &now, end, change)?;
        Ok(Turn::new(filed, [before.clone(), after], Of::Devices(ends)))
    }

    /// Then these are parted; the tables of these namespaces are looked at.
    pub(super) fn of_parted(
        filed: &NetState,
        before: &Overlays,
        parted: BTreeSet<Parted>,
        these: BTreeSet<Netns>,
    ) -> Self {
        let after = Overlays {
            parted,
            ..before.clone()
        };
        Turn::new(filed, [before.clone(), after], Of::Tables(these))
    }

    fn new(filed: &NetState, overlays: [Overlays; 2], of: Of) -> Self {
        let mut desired = filed.clone();
        desired.lay_over(&overlays[1]);
        Turn {
            of,
            desired,
            overlays,
        }
    }

    /// Brings it about, or leaves all as it was.
    ///
    /// # Errors
    /// What is not there, or what the kernel refused.
    pub fn run(&self, host: &mut impl Keep, progress: &mut dyn Progress) -> Result<Plan, Error> {
        let seen = host.observe(&self.desired.lab, Inside::Read)?;
        let wanted = self.of.wanted(&self.part(&seen)?, &self.desired);
        let claims = match &self.of {
            Of::Devices(_) => None,
            Of::Tables(these) => {
                let before = host.claimed(&self.desired.lab)?;
                let mut after = before.clone();
                for netns in these {
                    let all = self.desired.namespaces.get(netns);
                    let claim = Claim::Table(netns.clone());
                    match all.is_some_and(|all| !all.tables.is_empty()) {
                        true => drop(after.insert(claim)),
                        false => drop(after.remove(&claim)),
                    }
                }
                Some([before, after])
            }
        };
        let mut part = Part {
            turn: self,
            host,
            seen: Some(seen),
            claims,
        };
        reconcile::up(&mut part, &wanted, progress)
    }
}

impl Turn {
    /// As little of what was seen as a plan for it needs.
    fn part(&self, seen: &NetState) -> Result<NetState, Error> {
        match &self.of {
            Of::Devices(ends) => of_ends(seen, ends),
            Of::Tables(these) => of_tables(seen, these, &self.desired),
        }
    }
}

/// What is changed, and looked at.
#[derive(Debug)]
enum Of {
    /// These devices.
    Devices(BTreeSet<End>),
    /// What tables say in these namespaces of those that they are parted from.
    Tables(BTreeSet<Netns>),
}

impl Of {
    /// What of the lab is to be looked at.
    fn asked(&self, desired: &NetState) -> Result<NetState, Error> {
        match self {
            Of::Devices(ends) => of_ends(desired, ends),
            Of::Tables(these) => Ok(NetState {
                namespaces: (these.iter())
                    .map(|netns| (netns.clone(), Namespace::default()))
                    .collect(),
                ..NetState::empty(desired.lab.clone())
            }),
        }
    }

    /// The same with these as they shall be.
    fn wanted(&self, part: &NetState, desired: &NetState) -> NetState {
        match self {
            Of::Devices(ends) => wanted(part, desired, ends),
            Of::Tables(_) => with_tables(part, desired),
        }
    }
}

/// A host of which only a part is seen, and a journal in which only what is set changes. That
/// is written before the kernel is changed: after a kill on the way, `repair` does the rest.
struct Part<'a, H> {
    turn: &'a Turn,
    host: &'a mut H,
    /// What was seen just before.
    seen: Option<NetState>,
    /// What the lab has in the journal before and then, where that changes, too.
    claims: Option<[BTreeSet<Claim>; 2]>,
}

impl<H: Keep> Host for Part<'_, H> {
    fn observe(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Error> {
        let seen = match self.seen.take() {
            Some(seen) => seen,
            None => self.host.observe(lab, inside)?,
        };
        self.turn.part(&seen)
    }

    fn apply(&mut self, ops: &[&Op], progress: &mut dyn Progress) -> Applied {
        self.host.apply(ops, progress)
    }

    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error> {
        self.host.claimed(lab)
    }

    fn record(&mut self, lab: &LabName, _: &BTreeSet<Claim>, change: Change) -> Result<(), Error> {
        let claims = self.claims.as_ref().map(|[before, after]| match change {
            Change::Begun => before.union(after).cloned().collect(),
            Change::Ended => after.clone(),
        });
        self.host.keep(lab, &self.turn.overlays[1], claims.as_ref())
    }

    fn restore(&mut self, lab: &LabName, _: &BTreeSet<Claim>) -> Result<(), Error> {
        let before = self.claims.as_ref().map(|[before, _]| before);
        self.host.keep(lab, &self.turn.overlays[0], before)
    }
}

/// The lab, whose last change came to its end.
pub(super) fn last_made(name: &LabName, store: &Store) -> Result<Record, Error> {
    let lab = known(name, store)?.ok_or_else(|| Error::NoLab(name.clone()))?;
    match lab.whole {
        true => Ok(lab),
        false => Err(Error::Unfinished(name.clone())),
    }
}

/// The lab as its file describes it, and the state that this asks for.
pub(super) fn described(lab: &Record, store: &Store) -> Result<(Topology, NetState), Error> {
    let topology = topology::parse(&lab.source).map_err(|error| Error::Unread {
        lab: lab.name.clone(),
        error: Box::new(error),
    })?;
    let desired = lease::resolved(&topology, store)?.desired;
    Ok((topology, desired))
}

pub(super) fn overlays(name: &LabName, store: &Store) -> Result<Overlays, Error> {
    let read = store.overlays(name);
    read.map_err(Error::journal("read the journal"))
}

/// Of a state these devices, with the other ends of their cables and the routes by them: as
/// little as a plan for them needs.
fn of_ends(seen: &NetState, ends: &BTreeSet<End>) -> Result<NetState, Error> {
    let mut part = NetState {
        namespaces: BTreeMap::new(),
        ..seen.clone()
    };
    for end in ends {
        let link = seen.link(end).ok_or_else(|| Error::NoDevice(end.clone()))?;
        for at in [Some(end), link.peer()].into_iter().flatten() {
            let (Some(all), Some(link)) = (seen.namespaces.get(&at.netns), seen.link(at)) else {
                continue;
            };
            let namespace = part.namespaces.entry(at.netns.clone());
            let namespace = namespace.or_insert_with(|| Namespace {
                owner: all.owner.clone(),
                identity: all.identity,
                partial: all.partial,
                ..Namespace::default()
            });
            namespace.links.insert(at.dev.clone(), link.clone());
            let routes = all
                .routes
                .iter()
                .filter(|route| route.dev == at.dev && at == end);
            namespace.routes.extend(routes.cloned());
        }
    }
    Ok(part)
}

/// The same with these devices as they shall be.
fn wanted(part: &NetState, desired: &NetState, ends: &BTreeSet<End>) -> NetState {
    let mut wanted = part.clone();
    for end in ends {
        let (Some(all), Some(want)) = (desired.namespaces.get(&end.netns), desired.link(end))
        else {
            continue;
        };
        let Some(namespace) = wanted.namespaces.get_mut(&end.netns) else {
            continue;
        };
        namespace.routes.retain(|route| route.dev != end.dev);
        let routes = all.routes.iter().filter(|route| route.dev == end.dev);
        namespace.routes.extend(routes.cloned());
        if let Some(link) = namespace.links.get_mut(&end.dev) {
            link.up = want.up;
            link.qdisc.clone_from(&want.qdisc);
            link.addresses.clone_from(&want.addresses);
        }
    }
    wanted
}

/// Of a state these namespaces, with whom they are parted from. One that is not there has
/// nobody, and shall not.
fn of_tables(
    seen: &NetState,
    these: &BTreeSet<Netns>,
    desired: &NetState,
) -> Result<NetState, Error> {
    let mut part = NetState {
        namespaces: BTreeMap::new(),
        ..seen.clone()
    };
    for netns in these {
        let all = seen.namespaces.get(netns);
        let all = all.filter(|all| all.owner.as_ref() == Some(&seen.lab));
        let Some(all) = all else {
            match partition_of(desired, netns) {
                Some(_) => return Err(Error::NoNamespace(netns.clone())),
                None => continue,
            }
        };
        let table = partition_of(seen, netns);
        let namespace = Namespace {
            owner: all.owner.clone(),
            identity: all.identity,
            partial: all.partial,
            tables: table
                .map(|table| (table.name, table.clone()))
                .into_iter()
                .collect(),
            ..Namespace::default()
        };
        part.namespaces.insert(netns.clone(), namespace);
    }
    Ok(part)
}

fn with_tables(part: &NetState, desired: &NetState) -> NetState {
    let mut wanted = part.clone();
    for (netns, namespace) in &mut wanted.namespaces {
        let table = partition_of(desired, netns);
        namespace.tables = table
            .map(|table| (table.name, table.clone()))
            .into_iter()
            .collect();
    }
    wanted
}

fn partition_of<'a>(state: &'a NetState, netns: &Netns) -> Option<&'a Table> {
    let all = state.namespaces.get(netns)?;
    all.tables.get(&TableName::Partition)
}
