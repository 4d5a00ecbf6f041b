//! Programs with a network that lives as long as they do: in a private world
//! ([`private`]), or in a lab on this host that is taken down after them ([`on_host`]).
//!
//! Both run a closure in a child process, and wait for it as sudo(8) does: signals
//! reach it, Ctrl-Z stops both, its end is this process's to tell. And both leave
//! nothing behind when any of their processes is killed.

use std::io;
use std::process::ExitStatus;

use crate::error::{Error, Failure};
use crate::lab::{self, Until};
use crate::plan::Plan;
use crate::reconcile::Progress;
use crate::state::LabName;
use crate::sys::keeper::Keeper;
use crate::sys::store::{self, Store};
use crate::sys::{self, attend::attend};
use crate::topology::Topology;

/// Runs `inside` in a private world: network, mount and PID namespaces of its own
/// and, without root, a user namespace in which it is root. There the directory of
/// namespaces and the journal are empty at first, everything of this library works,
/// and all that was made and started goes when `inside` ends or this process does.
///
/// The calling process must have one thread only. It is then in the world too, even
/// when this fails: it is meant to end soon after.
///
/// # Errors
/// The kernel gives no such namespaces: [`Error::Blocked`] says why.
pub fn private(inside: impl FnOnce() -> u8) -> Result<ExitStatus, Error> {
    sys::private::enter().map_err(|blocked| Error::Blocked(Box::new(blocked)))?;
    let keeper = Keeper::start(sys::private::own_proc, || Ok(()));
    let keeper = keeper.map_err(Error::system("start the first process of a private world"))?;
    let ended = attend(inside).map_err(Error::system("wait for a program"))?;
    let end = Error::system("end a private world");
    keeper.end().map_err(io::Error::other).map_err(end)?;
    Ok(ended)
}

/// Brings a new lab up on this host, runs `inside` with what came of that, and takes
/// the lab down, together with the programs that still run in its namespaces.
///
/// The calling process must have one thread only.
///
/// # Errors
/// Missing rights, or the lab could not be taken down.
pub fn on_host<W: Progress>(
    topology: &Topology,
    source: &str,
    mut progress: W,
    inside: impl FnOnce(Result<Plan, Error>, W) -> u8,
) -> Result<ExitStatus, Error> {
    let system = || Error::system("watch over a lab");
    sys::fork::need_single_thread().map_err(system())?;
    lab::need_rights("bringing a lab up")?;
    // Who cannot read the journal could not take the lab down either.
    drop(Store::open_to_read()?);
    let run = store::new_run().map_err(system())?;
    let last = || take_down(&topology.lab, &run).map_err(|e| e.to_string());
    let keeper = Keeper::start(|| (), last).map_err(system())?;
    let make = || {
        let made = lab::up_new(topology, source, &mut progress, &run);
        inside(made, progress)
    };
    let ended = attend(make).map_err(Error::system("wait for a program"))?;
    keeper.end().map_err(|text| Error::System {
        what: format!("take lab {} down", topology.lab),
        cause: Failure {
            errno: 0,
            text: Some(text),
        },
    })?;
    Ok(ended)
}

fn take_down(lab: &LabName, run: &str) -> Result<(), Error> {
    let lock = lab::lock(&mut ())?;
    let store = Store::open_to_read()?;
    let known = lab::known(lab, &store)?;
    // It was not made, or somebody was faster; one of that name is then somebody else's.
    if known.and_then(|lab| lab.run).as_deref() != Some(run) {
        return Ok(());
    }
    lab::programs::end_all(lab, &store)?;
    let ours = store.made_by(lab);
    let ours = ours.map_err(Error::journal("read the journal"))?;
    let ours = ours.into_values().collect();
    sys::residents::kill(&ours).map_err(Error::system("end the programs of a lab"))?;
    lab::down_under(lock, lab, Until::Free, &mut ()).map(drop)
}
