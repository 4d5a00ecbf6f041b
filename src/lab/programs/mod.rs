//! Programs of labs: what a file has under `run`. They are started once the network is there,
//! each with a process beside it that knows how it ends (`sys/attendant.rs`), and are
//! ended with the lab. None is started again by itself.

mod known;
mod launch;
pub(crate) mod ready;
mod wanted;

use std::collections::BTreeMap;
use std::process::Command;

use serde::Serialize;

use crate::error::Error;
use crate::lab::{self, Until};
use crate::lease;
use crate::names::Names;
use crate::plan::Plan;
use crate::reconcile::Progress;
use crate::state::{Identity, LabName, Life, Netns, ProgramId};
use crate::sys::attendant::{self, Attendant};
use crate::sys::program_files::{self, Files};
use crate::sys::store::{Begun, Store};
use crate::sys::{fork, netns};
use crate::topology::{Program, Topology};
pub use known::{Known, chosen, list};
use launch::{launch, watched};
use wanted::{Wanted, What, wanted};
#[cfg(feature = "testing")]
pub(crate) use wanted::{named, served};

const READING: &str = "read the journal";
const WRITING: &str = "write the journal";

/// What is to be done with a program so that it is as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which one.
    pub program: ProgramId,
    /// What is done.
    pub step: Step,
    /// What it runs, or ran.
    pub command: String,
}

/// What is done with a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// It is not in the file any more.
    Stop,
    /// It is another now, or its namespace is.
    Restart,
    /// It is new, or did not end well.
    Start,
}

/// Brings a lab up ([`lab::up`]), and runs its programs until they are ready. If that fails for
/// a lab that was not there, it is taken down again; of one that was, the network stays as it is
/// now described.
///
/// The calling process must have one thread only.
///
/// # Errors
/// As of [`lab::up`]; a program cannot be started, ends before it is ready, or is not in time.
pub fn up(
    topology: &Topology,
    source: &str,
    progress: &mut dyn Progress,
) -> Result<(Plan, Vec<Change>), Error> {
    let plan = lab::up(topology, source, progress)?;
    if plan.new && !topology.runs_something() {
        return Ok((plan, Vec::new()));
    }
    let mut begun = Vec::new();
    match make(topology, Which::All, &mut begun, progress) {
        Ok(changes) => Ok((plan, changes)),
        Err(error) if plan.new && is_ours(&topology.lab, source, &begun)? => {
            let down = lab::down(&topology.lab, Until::Free, &mut ());
            Err(match down {
                Ok(_) => Error::Undone(Box::new(error)),
                Err(journal) => Error::RolledBack {
                    error: Box::new(error),
                    journal: Box::new(journal),
                },
            })
        }
        Err(error) => Err(error),
    }
}

/// Whether a lab is as this process has left it, and nobody has brought it up since.
fn is_ours(name: &LabName, source: &str, begun: &[Attendant]) -> Result<bool, Error> {
    let store = Store::open_to_read()?;
    let lab = lab::known(name, &store)?;
    let known = store.programs(name).map_err(Error::journal(READING))?;
    let same = lab.is_some_and(|lab| lab.source == source);
    Ok(same && known.values().all(|one| begun.contains(&one.attendant)))
}

/// Which programs of a file are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// All but the main one, which whoever brought the lab up runs, or another in its place.
    ButMain,
    /// None.
    None,
}

/// Makes the programs of a lab that is up those of its file, and waits until they are ready.
///
/// The calling process must have one thread only.
///
/// # Errors
/// As of [`up`].
pub fn start(
    topology: &Topology,
    which: Which,
    progress: &mut dyn Progress,
) -> Result<Vec<Change>, Error> {
    make(topology, which, &mut Vec::new(), progress)
}

/// The same; tells what it has begun, whatever comes of it.
fn make(
    topology: &Topology,
    which: Which,
    begun: &mut Vec<Attendant>,
    progress: &mut dyn Progress,
) -> Result<Vec<Change>, Error> {
    let starting = "start the programs of a lab";
    let name = &topology.lab;
    let lock = lab::lock(progress)?;
    let store = Store::open()?;
    let known = store.programs(name).map_err(Error::journal(READING))?;
    if known.is_empty() && !topology.runs_something() {
        return Ok(Vec::new());
    }
    fork::need_single_thread().map_err(Error::system(starting))?;
    let desired = lease::resolved(topology, &store)?.desired;
    let places = places(name, &store)?;
    let asked = wanted(topology, which, (&desired, &places))?;
    let changes = changed(name, &asked, &known, &places);
    end(
        name,
        &known,
        changes.iter().map(|change| &change.program),
        &store,
    )?;
    let mut lock = Some(lock);
    let is_main = |change: &&Change| asked.get(&change.program).is_some_and(Wanted::is_main);
    let started = changes.iter().filter(|change| change.step != Step::Stop);
    let (last, first): (Vec<&Change>, Vec<&Change>) = started.partition(is_main);
    // The main one finds the others ready.
    for group in [first, last].into_iter().filter(|group| !group.is_empty()) {
        let held = lock.take().map_or_else(|| lab::lock(progress), Ok)?;
        lab::known(name, &store)?.ok_or_else(|| Error::NoLab(name.clone()))?;
        let mut awaited = Vec::new();
        for Change { program: id, .. } in group {
            let (Some(wanted), Some(place)) = (asked.get(id), places.get(&id.netns)) else {
                return Err(Error::NoNamespace(id.netns.clone()));
            };
            let names = Names::of(&desired, &id.netns, topology.resolver);
            let attendant = launch((name, id), wanted, (*place, &names), &store)?;
            begun.push(attendant);
            if let What::Program(program) = &wanted.what {
                awaited.push(watched(name, id, program, attendant)?);
            }
        }
        drop(held);
        let waited = ready::wait(awaited, progress);
        if let Err(Error::Program(failed)) = &waited
            && let Ok(mut known) = store.programs(name)
        {
            known.retain(|_, one| begun.contains(&one.attendant));
            // What is left of it is no program that is ready: the next time it is started again.
            end(name, &known, [&failed.program].into_iter(), &store)?;
        }
        waited?;
    }
    Ok(changes)
}

/// The program as a command that writes where it says, if it says so: to become it.
///
/// # Errors
/// Its directory is not there, or its output cannot be opened.
pub fn command(program: &Program) -> Result<Command, Error> {
    let made = program_files::command_with_output(program);
    made.map_err(Error::system(
        "use the directory and the output of a program",
    ))
}

/// What [`start`] would do.
///
/// # Errors
/// The journal cannot be read.
pub fn changes(topology: &Topology) -> Result<Vec<Change>, Error> {
    let store = Store::open_to_read()?;
    let known = store
        .programs(&topology.lab)
        .map_err(Error::journal(READING))?;
    if known.is_empty() && !topology.runs_something() {
        return Ok(Vec::new());
    }
    let desired = lease::resolved(topology, &store)?.desired;
    let places = places(&topology.lab, &store)?;
    Ok(changed(
        &topology.lab,
        &wanted(topology, Which::All, (&desired, &places))?,
        &known,
        &places,
    ))
}

/// Ends the programs of a lab that goes.
pub(crate) fn end_all(name: &LabName, store: &Store) -> Result<(), Error> {
    let known = store.programs(name).map_err(Error::journal(READING))?;
    let all: Vec<Attendant> = known.values().map(|begun| begun.attendant).collect();
    attendant::stop(&all).map_err(Error::system("end the programs of a lab"))?;
    program_files::remove(name).map_err(Error::system("remove the output of a lab's programs"))
}

/// What the journal keeps of what was asked for.
#[derive(Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
struct Asked {
    /// All of it, to be compared.
    program: serde_json::Value,
    shown: String,
    output: Option<String>,
}

impl Asked {
    fn of(begun: &Begun) -> Self {
        serde_json::from_str(&begun.asked).unwrap_or_default()
    }
}

/// Which namespaces the lab has.
pub(crate) fn places(name: &LabName, store: &Store) -> Result<BTreeMap<Netns, Identity>, Error> {
    let host = netns::host().map_err(Error::system("read the host's namespace"))?;
    let made = store.made_by(name).map_err(Error::journal(READING))?;
    let made = made
        .into_iter()
        .map(|(name, which)| (Netns::Named(name), which));
    Ok(made.chain([(Netns::Host, host.identity)]).collect())
}

fn changed(
    lab: &LabName,
    asked: &BTreeMap<ProgramId, Wanted>,
    known: &BTreeMap<ProgramId, Begun>,
    places: &BTreeMap<Netns, Identity>,
) -> Vec<Change> {
    let gone = known.iter().filter(|(id, _)| !asked.contains_key(id));
    let gone = gone.map(|(id, begun)| Change {
        program: id.clone(),
        step: Step::Stop,
        command: Asked::of(begun).shown,
    });
    let others = asked.iter().filter_map(|(id, wanted)| {
        let step = match known.get(id) {
            None => Step::Start,
            Some(begun) => {
                let now =
                    places.get(&id.netns) == Some(&begun.place) && wanted.record == begun.asked;
                let files = Files::of(lab, id, wanted.output.as_deref());
                match (now, life(&begun.attendant, &files)) {
                    (true, Life::Running | Life::Ended(0)) => return None,
                    (_, Life::Running) => Step::Restart,
                    _ => Step::Start,
                }
            }
        };
        Some(Change {
            program: id.clone(),
            step,
            command: wanted.shown.clone(),
        })
    });
    gone.chain(others).collect()
}

fn life(attendant: &Attendant, files: &Files) -> Life {
    // In this order: it may end while this looks.
    let lives = attendant.lives();
    match program_files::ended(&files.end) {
        Some(status) => Life::of(status),
        None if lives => Life::Running,
        None => Life::Lost,
    }
}

/// Ends these, and forgets them.
fn end<'c>(
    lab: &LabName,
    known: &BTreeMap<ProgramId, Begun>,
    these: impl Iterator<Item = &'c ProgramId>,
    store: &Store,
) -> Result<(), Error> {
    let these: Vec<_> = these.filter_map(|id| known.get_key_value(id)).collect();
    let attendants: Vec<Attendant> = these.iter().map(|(_, begun)| begun.attendant).collect();
    attendant::stop(&attendants).map_err(Error::system("end a program of a lab"))?;
    for (id, _) in these {
        let forgotten = store.forget_program(lab, id);
        forgotten.map_err(Error::journal(WRITING))?;
    }
    Ok(())
}
