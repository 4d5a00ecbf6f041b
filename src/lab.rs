//! Labs on this machine: bring one up, look at it, take it down. The library's
//! front door; everything behind it is one loop ([`crate::reconcile`]).

mod fate;
mod joined;
mod journal;
mod link;
mod listed;
mod overlaid;
#[cfg(feature = "testing")]
mod own;
mod partition;
pub mod programs;
mod status;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::error::Error;
use crate::external;
use crate::lease::{self, Resolved};
use crate::plan::{Claim, Plan};
use crate::reconcile::{self, Host, Inside, Progress};
use crate::state::{End, LabName, NetState, Netns, Published};
use crate::sys::kernel::{Kernel, LOCKING, Scope, ipv6, joins, kinds, walled};
pub use crate::sys::residents::Resident;
use crate::sys::store::{self, Lab as Record, Store};
use crate::sys::{self, netns, residents, sight};
use crate::topology::Topology;
pub(crate) use fate::fate_of;
pub use fate::{Fate, fates, has_devices};
pub use journal::{Journal, Recorded};
pub use link::{Condition, LinkChange, LinkEnd, Way, links, set_link};
pub use listed::{Described, Whereabouts, is_overlaid, is_up, list};
pub use overlaid::{Keep, Turn};
#[cfg(feature = "testing")]
pub use own::*;
pub use partition::{Sides, heal, partition, partitions};
pub use status::{Status, plan, preview, status};

/// Makes the kernel match the topology, or leaves everything as it was. `source`
/// is the text of its file: it is kept, so that the lab can be known by name.
///
/// # Errors
/// What is in the way, what the kernel refused, missing rights.
pub fn up(topology: &Topology, source: &str, progress: &mut dyn Progress) -> Result<Plan, Error> {
    bring_up(opened(progress)?, topology, source, progress, None)
}

/// Like [`up`], but only where there is no such lab: it is then this run's.
pub(crate) fn up_new(
    topology: &Topology,
    source: &str,
    progress: &mut dyn Progress,
    run: &str,
) -> Result<Plan, Error> {
    bring_up(opened(progress)?, topology, source, progress, Some(run))
}

/// The journal, and nobody else changes labs.
fn opened(progress: &mut dyn Progress) -> Result<(store::Lock, Store), Error> {
    need_rights(BRINGING_UP)?;
    let store = Store::open()?;
    Ok((lock(progress)?, store))
}

/// What needs rights.
const BRINGING_UP: &str = "bringing a lab up";

fn bring_up(
    (lock, store): (store::Lock, Store),
    topology: &Topology,
    source: &str,
    progress: &mut dyn Progress,
    run: Option<&str>,
) -> Result<Plan, Error> {
    let mut lab = record(&topology.lab, source, &store)?;
    if let Some(run) = run {
        if known(&topology.lab, &store)?.is_some() {
            return Err(Error::AlreadyUp(lab.name));
        }
        lab.run = Some(run.to_owned());
    }
    make(topology, lab, (lock, store), Look::Narrow, progress)
}

/// How much of the host is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// All of it.
    Wide,
    /// What the lab names.
    Narrow,
}

/// What `up` and `repair` do once they know which lab, from which file.
pub(crate) fn make(
    topology: &Topology,
    lab: Record,
    (lock, store): (store::Lock, Store),
    look: Look,
    progress: &mut dyn Progress,
) -> Result<Plan, Error> {
    need_seen_names()?;
    let Resolved {
        mut desired,
        leases,
        networks,
        guests,
    } = lease::resolved(topology, &store)?;
    if look == Look::Wide {
        joined::recorded(&mut desired, &store)?;
    }
    let lab = Record {
        networks: external::recorded(&networks)?,
        ..lab
    };
    let mut kernel = Kernel::to_change(lab, routed(&desired), leases, lock, store)?;
    expect(&mut kernel, topology, &desired, look);
    kernel.guests = guests;
    // What was set since is the user's word, too, but `up` is a newer one.
    kernel.forgets = look == Look::Narrow;
    match reconcile::up(&mut kernel, &desired, progress) {
        Err(Error::Conflicts(conflicts)) if conflicts.may_be_of_labs() => {
            kernel.scope = None;
            let seen = kernel.observe(&desired.lab, Inside::Read)?;
            let all = crate::plan::plan(&desired, &seen).err();
            Err(all.unwrap_or(conflicts).into())
        }
        made => made,
    }
}

fn need_seen_names() -> Result<(), Error> {
    let directory = netns::directory().map_err(Error::system("look at /run/netns"))?;
    match directory {
        netns::Directory::Following => Err(Error::NamesUnseen),
        _ => Ok(()),
    }
}

/// When [`down`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Every name is free again; the kernel clears up behind.
    Free,
    /// The kernel is done, too, or this long has passed.
    Done(Duration),
}

/// What [`down`] did.
#[derive(Debug)]
pub struct Removed {
    /// The operations, in order.
    pub plan: Plan,
    /// Devices of the lab's names that were left alone, because they no longer carry
    /// its mark: someone took it off, or put devices of their own in their place.
    pub left: Vec<End>,
    /// Who is still in a namespace that has lost its name: it lives on until they end.
    pub residents: Vec<Resident>,
    /// Whether all was gone in time, where that was waited for.
    pub done: bool,
}

/// Removes a lab and puts back what was changed for it.
///
/// # Errors
/// There is no such lab, others are on its networks, or what the kernel refused; what is
/// left stays recorded, and `down` can be run again.
pub fn down(name: &LabName, until: Until, progress: &mut dyn Progress) -> Result<Removed, Error> {
    need_rights("taking a lab down")?;
    remove(Store::open()?, name, until, progress)
}

fn remove(
    store: Store,
    name: &LabName,
    until: Until,
    progress: &mut dyn Progress,
) -> Result<Removed, Error> {
    need_rights("taking a lab down")?;
    let lock = lock(progress)?;
    match known(name, &store)? {
        Some(lab) if !is_host_gone(&lab)? => drop(external::may_change(name, None, &store)?),
        _ => {}
    }
    take_down((lock, store), name, until, progress)
}

/// The same, under a lock that is held already.
pub(crate) fn down_under(
    lock: store::Lock,
    name: &LabName,
    until: Until,
    progress: &mut dyn Progress,
) -> Result<Removed, Error> {
    take_down((lock, Store::open()?), name, until, progress)
}

fn take_down(
    (lock, store): (store::Lock, Store),
    name: &LabName,
    until: Until,
    progress: &mut dyn Progress,
) -> Result<Removed, Error> {
    let lab = known(name, &store)?.ok_or_else(|| Error::NoLab(name.clone()))?;
    let host_gone = is_host_gone(&lab)?;
    let lab = match host_gone {
        true => lab,
        false => record(name, &lab.source, &store)?,
    };
    programs::end_all(name, &store)?;
    // Until the last of it is gone: after a kill, `up` finds what it had.
    let held = store.leases(name);
    let held = held.map_err(Error::journal("read the journal"))?;
    let mut kernel = Kernel::to_change(lab, false, held, lock, store)?;
    kernel.elsewhere = host_gone;
    kernel.scope = Some(Scope::default());
    let claims = kernel.claimed(name)?;
    let made = kernel.made(name).map_err(Error::system(LOOKING_INSIDE))?;
    let residents = residents::find(&made).map_err(Error::system(LOOKING_INSIDE))?;
    let farewell = match until {
        Until::Free => None,
        Until::Done(longest) => {
            let these = kernel
                .farewell(&made)
                .map_err(Error::system(LOOKING_INSIDE))?;
            Some((these, longest))
        }
    };
    let (plan, now) = reconcile::down(&mut kernel, name, progress)?;
    let done = match farewell {
        None => true,
        Some((these, longest)) => {
            (kernel.wait(these, longest)).map_err(Error::system("wait for the kernel"))?
        }
    };
    let there = |end: &End| now.link(end).is_some();
    let links = claims.into_iter().filter_map(|claim| match claim {
        Claim::Link(end) => Some(end),
        _ => None,
    });
    Ok(Removed {
        plan,
        left: links.filter(there).collect(),
        residents,
        done,
    })
}

/// What is tried when the lab's namespaces are looked into.
const LOOKING_INSIDE: &str = "look into the lab's namespaces";

/// The state that a topology asks for, with the addresses that its lab has leased, and in the
/// namespaces that it has joined.
///
/// # Errors
/// The journal cannot be read, or the file leaves open what cannot be decided.
pub fn desired(topology: &Topology) -> Result<NetState, Error> {
    let store = Store::open_to_read()?;
    let mut desired = lease::resolved(topology, &store)?.desired;
    joined::recorded(&mut desired, &store)?;
    Ok(desired)
}

/// What is there now: the host, and the lab's namespaces from inside.
///
/// # Errors
/// There is no such lab, or missing rights.
pub fn observe(name: &LabName) -> Result<NetState, Error> {
    let _lock = lock_to_read()?;
    reader(name)?.observe(name, Inside::Read)
}

/// What is there now of every lab, by name.
///
/// # Errors
/// The journal cannot be read, or missing rights.
pub fn observe_all() -> Result<Vec<NetState>, Error> {
    let _lock = lock_to_read()?;
    let labs = list()?.into_iter();
    labs.map(|Described { name, .. }| reader(&name)?.observe(&name, Inside::Read))
        .collect()
}

/// The same, once every cable that is up carries, or after 2 s: right after [`up`]
/// a packet may be lost where the kernel has not yet seen the carrier. And once those of the lab's
/// WireGuard peers have spoken with each other that are kept alive, or after 7 s.
///
/// # Errors
/// There is no such lab, it was made from another network namespace, or missing rights.
pub fn observe_settled(name: &LabName) -> Result<NetState, Error> {
    let mut reader = reader(name)?;
    match reader.elsewhere {
        true => Err(Error::OtherHost(name.clone())),
        false => reader.settled(Duration::from_secs(2)),
    }
}

pub(crate) fn reader(name: &LabName) -> Result<Kernel, Error> {
    let store = Store::open_to_read()?;
    let lab = known(name, &store)?.ok_or_else(|| Error::NoLab(name.clone()))?;
    let host = lab.host;
    let mut kernel = Kernel::to_read(lab, store, true)?;
    kernel.networks = true;
    kernel.elsewhere = !kernel.is_here(host);
    Ok(kernel)
}

/// Without these no operation of a plan could succeed; better said at once.
pub(crate) fn need_rights(what: &str) -> Result<(), Error> {
    match sys::may_administer() {
        true => Ok(()),
        false => Err(Error::NotRoot(what.to_owned())),
    }
}

pub(crate) fn lock(progress: &mut dyn Progress) -> Result<store::Lock, Error> {
    store::lock(|| progress.waiting()).map_err(unlocked)
}

pub(crate) fn lock_to_read() -> Result<Option<store::Lock>, Error> {
    store::lock_to_read().map_err(unlocked)
}

pub(crate) fn unlocked(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            Error::NotRoot("using the journal in /run/netyard".into())
        }
        _ => Error::journal(LOCKING)(error),
    }
}

/// Whether the namespace that was the lab's host is no more, and its devices with it. Who
/// does not see all that its maker saw cannot know.
pub(crate) fn is_host_gone(lab: &Record) -> Result<bool, Error> {
    let looking = "look for the lab's host";
    let here = netns::host().map_err(Error::system(looking))?;
    // The inode may have been given to this namespace since.
    if lab.host.inode == here.identity.inode {
        return Ok(lab.host != here.identity);
    }
    let lives = sight::lives(lab.host.inode).map_err(Error::system(looking))?;
    Ok(!lives && sight::covers(lab.sight.as_deref()))
}

pub(crate) fn known(name: &LabName, store: &Store) -> Result<Option<Record>, Error> {
    store.lab(name).map_err(Error::journal("read the journal"))
}

/// The lab as it shall be recorded. Its host is the namespace that netyard runs
/// in; one that was made from elsewhere cannot be changed from here.
pub(crate) fn record(name: &LabName, source: &str, store: &Store) -> Result<Record, Error> {
    let lab = Record::here(name, source).map_err(Error::system("read the host's namespace"))?;
    match known(name, store)? {
        Some(known) if known.host != lab.host => Err(Error::OtherHost(name.clone())),
        Some(Record {
            whole,
            run,
            networks,
            ..
        }) => Ok(Record {
            whole,
            run,
            networks,
            ..lab
        }),
        None => Ok(Record { whole: true, ..lab }),
    }
}

/// Says what of the host and of its namespaces matters to the lab.
fn expect(kernel: &mut Kernel, topology: &Topology, desired: &NetState, look: Look) {
    kernel.forwards = topology.forwarding();
    kernel.networks = !topology.networks.is_empty();
    kernel.above = topology.external().map(|(_, lab)| lab.clone()).collect();
    kernel.walled = walled(desired);
    kernel.joins = joins(desired);
    kernel.ipv6 = ipv6(desired);
    kernel.kinds = kinds(desired);
    kernel.tunneled = desired.has_tunnels();
    kernel.published = published(desired);
    kernel.shapers = desired.shapers();
    kernel.vlans = desired.has_vlans();
    kernel.routers = desired.has_routers();
    kernel.scope = (look == Look::Narrow).then(|| Scope::of(desired));
}

/// The ports of the host that the lab shall have.
fn published(desired: &NetState) -> BTreeSet<Published> {
    let host = desired.namespaces.get(&Netns::Host);
    host.map_or_else(BTreeSet::new, |host| host.published.clone())
}

/// Whether the lab needs forwarding on the host.
fn routed(desired: &NetState) -> bool {
    let host = desired.namespaces.get(&Netns::Host);
    host.is_some_and(|host| !host.sysctls.is_empty())
}
