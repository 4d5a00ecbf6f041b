//! Labs that are a value: nobody else sees them, any number live beside one another, and each
//! goes with its value.

mod draft;
#[cfg(feature = "tokio")]
mod future;
mod inside;
mod programs;
mod proof;

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use draft::{Draft, DraftInterface, DraftNamespace, DraftNetwork};
#[cfg(feature = "tokio")]
pub use future::Task;
pub use inside::Namespace;
pub use proof::Proof;

use super::{LinkChange, desired, heal, observe_settled, partition, set_link, up};
use crate::error::{Error, Failure};
use crate::names::Names;
use crate::plan::{Plan, plan};
use crate::probe::{self, Map};
use crate::state::{End, Identity, LabName, NetState, Netns};
use crate::sys::resolver::Serving;
use crate::sys::store::Store;
use crate::sys::world::World;
use crate::sys::{early, netns, residents};
use crate::topology::{Expectation, Probe, Target, Topology, parse};
use programs::Running;

/// How long [`Lab::test`] waits for answers.
const ANSWERS: Duration = Duration::from_secs(1);

/// A lab of this process's own: for tests of programs that use the network.
///
/// It is built in a private world: network and mount namespaces that nothing else is in, so
/// that labs of the same name, and the same addresses, do not meet. Its namespace `host` is
/// the world's own, not the machine's. When the value is dropped, also by a panic, the programs
/// in its namespaces are killed and everything is gone; when the process is killed, too.
///
/// An ordinary user needs user namespaces, which most machines allow, and a process that links
/// this with the feature `testing` and without `cli`: it becomes the root of one before `main`,
/// as with `unshare -r`. The files that it makes are the user's as before.
///
/// ```no_run
/// use netyard::lab::Lab;
/// use std::process::Command;
///
/// let lab = Lab::from_file("examples/three.yaml")?;
/// lab.prove();
/// let one = lab.namespace("one")?;
/// let listener = one.run(|| std::net::TcpListener::bind("10.0.0.10:80"))?;
/// let ping = lab.namespace("two")?.output(Command::new("ping").args(["-c1", "one"]))?;
/// assert!(ping.status.success());
/// # drop(listener);
/// # Ok::<(), netyard::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Lab {
    name: LabName,
    now: Mutex<Now>,
    programs: Mutex<Vec<Running>>,
    resolver: Mutex<Option<Serving>>,
    world: World,
    /// Those who wait for this end with it.
    #[cfg(feature = "tokio")]
    ends: tokio::sync::watch::Sender<()>,
}

/// What it is at the moment.
#[derive(Debug)]
struct Now {
    topology: Topology,
    /// What that leads to, once it was asked for.
    desired: Option<Arc<NetState>>,
    /// Where programs may be by now, also in what a change has removed since.
    entered: BTreeSet<Identity>,
    /// Whether what there is now is among these.
    noted: bool,
}

impl Lab {
    /// Builds the lab of a topology file.
    ///
    /// # Errors
    /// As of [`Lab::from_text`], and the file cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = crate::sys::read(path);
        let text = text.map_err(Error::system(format!("read {}", path.display())))?;
        Lab::build(&text, &path.display().to_string())
    }

    /// Builds the lab of this text, which is a topology file's.
    ///
    /// # Errors
    /// It has mistakes, the process gets no namespaces ([`Error::Blocked`] says why), or what
    /// [`up`] says.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        Lab::build(text, "(text)")
    }

    /// Begins a lab in code, which [`Draft::up`] ends: every key of a topology file is there.
    pub fn draft(name: &str) -> Draft {
        Draft::new(name)
    }

    fn build(text: &str, origin: &str) -> Result<Self, Error> {
        let topology = read(text, origin)?;
        let made = World::with(|| up(&topology, text, &mut ()));
        let (world, made) = made.map_err(|blocked| Error::Blocked(Box::new(blocked)))?;
        made?;
        let lab = Lab {
            name: topology.lab.clone(),
            programs: Mutex::default(),
            resolver: Mutex::default(),
            now: Mutex::new(Now {
                topology: topology.clone(),
                desired: None,
                entered: BTreeSet::new(),
                noted: false,
            }),
            world,
            #[cfg(feature = "tokio")]
            ends: tokio::sync::watch::Sender::new(()),
        };
        lab.make_programs(&topology, &mut lab.running())?;
        Ok(lab)
    }

    /// Its name.
    pub fn name(&self) -> &LabName {
        &self.name
    }

    /// Makes it another: what is in this text, which is of a lab of the same name, with the
    /// fewest changes ([`up`]). Connections by what is in both go on, and so do programs.
    ///
    /// # Errors
    /// The text has mistakes or another lab's name, or what [`up`] says; then it is as it was. Or
    /// a program is not ready: then the network is as in the text.
    pub fn change(&self, text: &str) -> Result<Plan, Error> {
        let topology = read(text, "(text)")?;
        if topology.lab != self.name {
            return Err(Error::NoLab(topology.lab));
        }
        // One change after the other, with the programs.
        let mut programs = self.running();
        let mut now = self.now();
        let made = self.enter(|| up(&topology, text, &mut ()))?;
        now.topology = topology.clone();
        now.desired = None;
        now.noted = false;
        drop(now);
        self.make_programs(&topology, &mut programs)?;
        Ok(made)
    }

    /// Changes an interface, such as `one:eth0`: what becomes of its packets, or whether it
    /// carries any ([`set_link`]). It holds until the next [`Lab::change`].
    ///
    /// # Errors
    /// There is no such interface, what is asked for cannot be, or the kernel has no `netem`.
    pub fn set_link(&self, end: &str, change: &LinkChange) -> Result<Plan, Error> {
        let end: End = named(end)?;
        let mut now = self.now();
        let plan = self.enter(|| set_link(&self.name, &end, change, &mut ()))?;
        now.desired = None;
        Ok(plan)
    }

    /// Parts each of these namespaces from each of the others: nothing passes between them, and
    /// connections that run stall ([`partition`](crate::lab::partition())). All else goes on. It holds until
    /// [`Lab::heal`], or the next [`Lab::change`].
    ///
    /// # Errors
    /// There is no such namespace, or they cannot be parted.
    pub fn partition(&self, one: &[&str], other: &[&str]) -> Result<Plan, Error> {
        let side = |names: &[&str]| -> Result<BTreeSet<Netns>, Error> {
            names.iter().map(|name| named(name)).collect()
        };
        let sides = [side(one)?, side(other)?];
        let mut now = self.now();
        let plan = self.enter(|| partition(&self.name, &sides, &mut ()))?;
        now.desired = None;
        Ok(plan)
    }

    /// Ends all partitions ([`heal`]).
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn heal(&self) -> Result<Plan, Error> {
        let mut now = self.now();
        let plan = self.enter(|| heal(&self.name, None, &mut ()))?;
        now.desired = None;
        Ok(plan)
    }

    /// One of its namespaces, or `host`.
    ///
    /// # Errors
    /// The lab has none of this name.
    pub fn namespace(&self, name: &str) -> Result<Namespace<'_>, Error> {
        let wanted: Netns = named(name)?;
        match wanted == Netns::Host || self.desired()?.namespaces.contains_key(&wanted) {
            true => Ok(Namespace {
                lab: self,
                netns: wanted,
            }),
            false => Err(Error::NoNamespace(wanted)),
        }
    }

    /// The state that its topology asks for: every address, also those that were chosen.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn desired(&self) -> Result<Arc<NetState>, Error> {
        self.desired_of(&mut self.now())
    }

    /// What is there now.
    ///
    /// # Errors
    /// It was taken down from inside.
    pub fn observe(&self) -> Result<NetState, Error> {
        self.enter(|| observe_settled(&self.name))
    }

    /// Tries what its file expects, with packets ([`crate::probe`]).
    ///
    /// # Errors
    /// A namespace is gone.
    pub fn test(&self) -> Result<Vec<Proof>, Error> {
        let expect = self.now().topology.expect.clone();
        self.tried(&expect)
    }

    /// The same; what is not as expected ends the test, with its likely cause.
    ///
    /// # Panics
    /// Something is not as the file expects.
    #[track_caller]
    pub fn prove(&self) {
        match self.test() {
            Ok(proofs) => proof::assert(&self.name, &proofs),
            Err(e) => panic!("lab {}: {e}", self.name),
        }
    }

    /// Tries whether a packet from a namespace arrives at another, in each address family that
    /// both have, or at an address.
    ///
    /// # Errors
    /// There is no such namespace.
    pub fn probe(&self, from: &str, to: &str, probe: Probe) -> Result<Vec<Proof>, Error> {
        let from = self.namespace(from)?.netns;
        let to = match to.parse() {
            Ok(address) => Target::Address(address),
            Err(_) => Target::Netns(self.namespace(to)?.netns),
        };
        self.tried(&[Expectation {
            from,
            to,
            reach: true,
            probe,
            bounds: probe::Bounds::default(),
        }])
    }

    /// Whether pings from a namespace to another, or to an address, all arrive.
    ///
    /// # Errors
    /// There is no such namespace.
    pub fn reaches(&self, from: &str, to: &str) -> Result<bool, Error> {
        let proofs = self.probe(from, to, Probe::Ping)?;
        Ok(!proofs.is_empty() && proofs.iter().all(Proof::is_expected))
    }

    fn tried(&self, expect: &[Expectation]) -> Result<Vec<Proof>, Error> {
        let desired = self.desired()?;
        let observed = self.observe()?;
        let checks = probe::expand(expect, &desired);
        let map = Map::new(&observed);
        let outcomes = self.enter(|| {
            let outcomes = probe::run(&checks, &map, ANSWERS, |_| {});
            outcomes.map_err(Error::system("send packets"))
        })?;
        // What somebody has changed explains it better than a guess.
        let drift = plan(&desired, &observed)
            .ok()
            .filter(|plan| !plan.is_empty());
        let all = checks.into_iter().zip(outcomes);
        Ok(all
            .map(|one| Proof::new(one, &map, drift.as_ref()))
            .collect())
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // A panic of somebody who held it left it whole: it is changed in one go.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn desired_of(&self, now: &mut Now) -> Result<Arc<NetState>, Error> {
        if let Some(known) = &now.desired {
            return Ok(known.clone());
        }
        let found = Arc::new(self.enter(|| desired(&now.topology))?);
        now.desired = Some(found.clone());
        Ok(found)
    }

    /// What programs in a namespace know of the others.
    fn names(&self, from: &Netns) -> Result<Names, Error> {
        let mut now = self.now();
        let desired = self.desired_of(&mut now)?;
        Ok(Names::of(&desired, from, now.topology.resolver))
    }

    /// On the world's host.
    fn enter<T: Send>(&self, f: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        let done = self.world.enter(f);
        done.map_err(Error::system("enter the lab's host"))?
    }

    /// From now on there may be programs in it: before, there is nobody to kill.
    fn note_entered(&self) -> Result<(), Error> {
        let mut now = self.now();
        if now.noted {
            return Ok(());
        }
        let reading = "look at the lab's namespaces";
        let found = self.enter(|| {
            let made = Store::open_to_read()?.made_by(&self.name);
            let made = made.map_err(Error::journal(reading))?;
            let host = netns::host().map_err(Error::system(reading))?.identity;
            Ok(made.into_values().chain([host]).collect::<Vec<_>>())
        })?;
        early::keep(found.iter().copied());
        now.entered.extend(found);
        now.noted = true;
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let now = self.now.get_mut().unwrap_or_else(PoisonError::into_inner);
        // What survives here the keeper still ends.
        let _ = residents::kill(&now.entered);
        let programs = self
            .programs
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        programs.iter_mut().for_each(Running::reap);
    }
}

fn read(text: &str, origin: &str) -> Result<Topology, Error> {
    parse(text).map_err(|error| Error::File {
        file: origin.to_owned(),
        error: Box::new(error),
    })
}

/// What a word names.
fn named<T: FromStr<Err: ToString>>(word: &str) -> Result<T, Error> {
    word.parse().map_err(|wrong: T::Err| Error::System {
        what: format!("take `{word}` for a name"),
        cause: Failure {
            errno: 0,
            text: Some(wrong.to_string()),
        },
    })
}
