//! Labs on this machine: bring one up, look at it, take it down. The library's
//! front door; everything behind it is one loop ([`crate::reconcile`]).

use std::collections::BTreeSet;
use std::time::Duration;

use crate::error::Error;
use crate::ipam::Leases;
use crate::plan::{Claim, Plan};
use crate::reconcile::{self, Host, Inside, Watch};
use crate::state::{End, LabName, NetState, Netns};
use crate::sys::kernel::Kernel;
use crate::sys::store::{self, Lab, Store};
use crate::sys::{self, netns};
use crate::topology::{Topology, resolve};

/// Makes the kernel match the topology, or leaves everything as it was. `source`
/// is the text of its file: it is kept, so that the lab can be known by name.
///
/// # Errors
/// What is in the way, what the kernel refused, missing rights.
pub fn up(topology: &Topology, source: &str, watch: &mut dyn Watch) -> Result<Plan, Error> {
    bring_up(topology, source, watch, |_| Ok(()))
}

/// Like [`up`], but only where there is no such lab. `mine` is called when that is
/// sure and nothing is made yet.
pub(crate) fn up_new(
    topology: &Topology,
    source: &str,
    watch: &mut dyn Watch,
    mine: impl FnOnce() -> Result<(), Error>,
) -> Result<Plan, Error> {
    bring_up(topology, source, watch, |before| match before {
        Some(lab) => Err(Error::AlreadyUp(lab.name)),
        None => mine(),
    })
}

fn bring_up(
    topology: &Topology,
    source: &str,
    watch: &mut dyn Watch,
    may: impl FnOnce(Option<Lab>) -> Result<(), Error>,
) -> Result<Plan, Error> {
    need_rights("bringing a lab up")?;
    let lock = lock()?;
    let store = Store::open()?;
    may(known(&topology.lab, &store)?)?;
    let lab = record(&topology.lab, source, &store)?;
    let (desired, leases) = resolve(topology, &held(&store, &topology.lab)?)?;
    let mut kernel = Kernel::to_change(lab, routed(topology), leases, lock, store)?;
    kernel.forwards = forwarding(topology);
    reconcile::up(&mut kernel, &desired, watch)
}

/// What [`up`] would do. Nothing is changed.
///
/// # Errors
/// What is in the way.
pub fn plan(topology: &Topology) -> Result<Plan, Error> {
    let store = Store::open_to_read()?;
    let lab = record(&topology.lab, "", &store)?;
    let (desired, _) = resolve(topology, &held(&store, &topology.lab)?)?;
    let mut kernel = Kernel::to_read(lab, store, routed(topology))?;
    kernel.forwards = forwarding(topology);
    let observed = kernel.observe(&topology.lab, Inside::Read)?;
    Ok(crate::plan::plan(&desired, &observed)?)
}

/// What [`down`] did.
#[derive(Debug)]
pub struct Removed {
    /// The operations, in order.
    pub plan: Plan,
    /// Devices of the lab's names that were left alone, because they no longer carry
    /// its mark: someone took it off, or put devices of their own in their place.
    pub left: Vec<End>,
}

/// Removes a lab and puts back what was changed for it.
///
/// # Errors
/// There is no such lab, or what the kernel refused; what is left stays recorded,
/// and `down` can be run again.
pub fn down(name: &LabName, watch: &mut dyn Watch) -> Result<Removed, Error> {
    need_rights("taking a lab down")?;
    let lock = lock()?;
    let store = Store::open()?;
    let lab = known(name, &store)?.ok_or_else(|| Error::NoLab(name.clone()))?;
    let lab = record(name, &lab.source, &store)?;
    let mut kernel = Kernel::to_change(lab, false, Leases::default(), lock, store)?;
    let claims = kernel.claimed(name)?;
    let plan = reconcile::down(&mut kernel, name, watch)?;
    let now = kernel.observe(name, Inside::Skip)?;
    let there = |end: &End| {
        let namespace = now.namespaces.get(&end.netns);
        namespace.is_some_and(|namespace| namespace.links.contains_key(&end.dev))
    };
    let links = claims.into_iter().filter_map(|claim| match claim {
        Claim::Link(end) => Some(end),
        _ => None,
    });
    Ok(Removed {
        plan,
        left: links.filter(there).collect(),
    })
}

/// A lab that is up.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its name.
    pub name: LabName,
    /// The topology file that it was last brought up with.
    pub source: String,
}

/// The labs of this machine, by name.
///
/// # Errors
/// The journal cannot be read.
pub fn list() -> Result<Vec<Described>, Error> {
    let labs = Store::open_to_read()?
        .labs()
        .map_err(Error::system("read the journal"))?;
    Ok(labs
        .into_iter()
        .map(|Lab { name, source, .. }| Described { name, source })
        .collect())
}

/// The state that a topology asks for, with the addresses that its lab has leased.
///
/// # Errors
/// The journal cannot be read, or the file leaves open what cannot be decided.
pub fn desired(topology: &Topology) -> Result<NetState, Error> {
    let store = Store::open_to_read()?;
    Ok(resolve(topology, &held(&store, &topology.lab)?)?.0)
}

/// What is there now: the host, and the lab's namespaces from inside.
///
/// # Errors
/// There is no such lab, or missing rights.
pub fn observe(name: &LabName) -> Result<NetState, Error> {
    reader(name)?.observe(name, Inside::Read)
}

/// The same, once every cable that is up carries, or after 2 s: right after [`up`]
/// a packet may be lost where the kernel has not yet seen the carrier.
///
/// # Errors
/// There is no such lab, or missing rights.
pub fn observe_settled(name: &LabName) -> Result<NetState, Error> {
    reader(name)?.settled(Duration::from_secs(2))
}

fn reader(name: &LabName) -> Result<Kernel, Error> {
    let store = Store::open_to_read()?;
    let lab = known(name, &store)?.ok_or_else(|| Error::NoLab(name.clone()))?;
    Kernel::to_read(lab, store, true)
}

/// Without these no operation of a plan could succeed; better said at once.
fn need_rights(what: &str) -> Result<(), Error> {
    match sys::may_administer() {
        true => Ok(()),
        false => Err(Error::NotRoot(what.to_owned())),
    }
}

fn lock() -> Result<store::Lock, Error> {
    store::lock().map_err(|e| match e.kind() {
        std::io::ErrorKind::PermissionDenied => {
            Error::NotRoot("writing the journal in /run".into())
        }
        _ => Error::system("take the lock of the journal")(e),
    })
}

fn held(store: &Store, lab: &LabName) -> Result<Leases, Error> {
    store.leases(lab).map_err(Error::system("read the journal"))
}

fn known(name: &LabName, store: &Store) -> Result<Option<Lab>, Error> {
    let labs = store.labs().map_err(Error::system("read the journal"))?;
    Ok(labs.into_iter().find(|lab| lab.name == *name))
}

/// The lab as it shall be recorded. Its host is the namespace that netyard runs
/// in; one that was made from elsewhere cannot be changed from here.
fn record(name: &LabName, source: &str, store: &Store) -> Result<Lab, Error> {
    let host = netns::host_inode().map_err(Error::system("read the host's namespace"))?;
    match known(name, store)? {
        Some(lab) if lab.host != host => Err(Error::OtherHost(name.clone())),
        _ => Ok(Lab {
            name: name.clone(),
            source: source.to_owned(),
            host,
        }),
    }
}

/// The namespaces that shall forward: their switches are looked at.
fn forwarding(topology: &Topology) -> BTreeSet<Netns> {
    let all = topology.namespaces.iter();
    all.filter(|(_, spec)| spec.forward)
        .map(|(netns, _)| netns.clone())
        .collect()
}

/// Whether the lab needs the firewall table and forwarding on the host.
fn routed(topology: &Topology) -> bool {
    topology.networks.values().any(|network| network.masquerade)
}
