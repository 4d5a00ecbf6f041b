//! Watching over labs: sleeps until the kernel tells of a change, looks, and repairs what
//! is not as described. Nothing is asked for at intervals. While somebody changes labs it
//! only listens: the end of that wakes it too.

mod event;
mod patience;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;
use std::time::Duration;

pub use event::{Cause, Event, Log, What};

use crate::error::Error;
use crate::lab::{self, Whereabouts};
use crate::plan::Plan;
use crate::repair;
use crate::state::{LabName, Netns};
use crate::sys::ears::{Ears, Heard};
use crate::sys::store::{self, Store};
use patience::{Failed, Patience};

/// A burst of notifications is over when so long nothing more was heard,
const QUIET: Duration = Duration::from_millis(20);
/// but no burst is waited for longer than this.
const BURST: Duration = Duration::from_millis(200);
/// After a look there is a pause of so many times its length: of a host on which
/// something changes all the time a fifth of one processor is taken.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(500);

const LISTENING: &str = "listen to the kernel's notifications (needs CAP_NET_BROADCAST)";

/// A watch over labs.
#[derive(Debug)]
pub struct Vigil {
    ears: Ears,
    /// The labs that are meant; empty: all that were made from here.
    only: BTreeSet<LabName>,
    labs: BTreeMap<LabName, Watched>,
    /// Whether it was told which labs these are.
    told: bool,
    /// Whether labs may have come or gone.
    stale: bool,
    /// Whether somebody changes labs; that this has ended will be heard.
    busy: bool,
}

/// A lab that is watched over.
#[derive(Debug, Default)]
struct Watched {
    /// Its namespaces.
    inside: BTreeSet<Netns>,
    /// What was heard of since it was looked at.
    causes: BTreeSet<Cause>,
    first: Duration,
    last: Duration,
    rests_until: Duration,
    patience: Patience,
}

impl Watched {
    fn hear(&mut self, causes: impl Iterator<Item = Cause>, now: Duration) {
        if self.causes.is_empty() {
            self.first = now;
        }
        self.causes.extend(causes);
        self.last = now;
    }

    /// When it shall be looked at; `None` when nothing was heard.
    fn due(&self) -> Option<Duration> {
        let settled = (self.last + QUIET).min(self.first + BURST);
        let due = settled.max(self.rests_until).max(self.patience.not_before);
        (!self.causes.is_empty()).then_some(due)
    }
}

impl Vigil {
    /// Begins to listen. Without names all labs that were made from this namespace are
    /// meant, those to come as well.
    ///
    /// # Errors
    /// Missing rights.
    pub fn begin(only: impl IntoIterator<Item = LabName>) -> Result<Self, Error> {
        lab::need_rights("watching over labs")?;
        Ok(Vigil {
            ears: Ears::open().map_err(Error::system(LISTENING))?,
            only: only.into_iter().collect(),
            labs: BTreeMap::new(),
            told: false,
            stale: true,
            busy: false,
        })
    }

    /// Watches until `stop` can be read.
    ///
    /// # Errors
    /// The journal cannot be read, or it cannot be listened any more. What is wrong with
    /// one lab is told to `log`.
    pub fn keep(&mut self, stop: BorrowedFd<'_>, log: &mut dyn Log) -> Result<(), Error> {
        self.look(stop, log)?;
        loop {
            let heard = self.ears.wait(self.due(), stop);
            let heard = heard.map_err(Error::system(LISTENING))?;
            if heard.stopped {
                return Ok(());
            }
            self.take(heard, log);
            self.look(stop, log)?;
        }
    }

    fn due(&self) -> Option<Duration> {
        let all = self.labs.values().filter_map(Watched::due);
        all.min().filter(|_| !self.busy)
    }

    fn take(&mut self, heard: Heard, log: &mut dyn Log) {
        let now = self.ears.now();
        if heard.labs {
            (self.stale, self.busy) = (true, false);
        }
        if heard.lost {
            log.note(&Event::Lost);
            let labs = self.labs.values_mut();
            labs.for_each(|lab| lab.hear([Cause::Lost].into_iter(), now));
        }
        for (netns, changes) in heard.changes {
            let concerned =
                |lab: &&mut Watched| netns == Netns::Host || lab.inside.contains(&netns);
            for lab in self.labs.values_mut().filter(concerned) {
                let causes = changes.iter().cloned();
                lab.hear(causes.map(|what| Cause::Heard(netns.clone(), what)), now);
            }
        }
    }

    /// Looks at what is due, unless somebody changes labs just now.
    fn look(&mut self, stop: BorrowedFd<'_>, log: &mut dyn Log) -> Result<(), Error> {
        let now = self.ears.now();
        let due = |lab: &Watched| lab.due().is_some_and(|due| due <= now);
        if self.busy || !self.stale && !self.labs.values().any(due) {
            return Ok(());
        }
        let locked = store::try_lock_to_read().map_err(lab::unlocked)?;
        let Some(lock) = locked else {
            self.busy = true;
            return Ok(());
        };
        if self.stale {
            self.list(log)?;
        }
        drop(lock);
        let names: Vec<LabName> = self
            .labs
            .iter()
            .filter(|(_, lab)| due(lab))
            .map(|(name, _)| name.clone())
            .collect();
        (names.iter()).try_for_each(|name| self.look_at(name, stop, log))
    }

    /// Which labs there are now.
    fn list(&mut self, log: &mut dyn Log) -> Result<(), Error> {
        let described = lab::list()?.into_iter();
        let meant = |lab: &lab::Described| self.only.is_empty() || self.only.contains(&lab.name);
        let here = described.filter(|lab| lab.host == Whereabouts::Here && meant(lab));
        let store = Store::open_to_read()?;
        let (mut all, mut inside) = (BTreeMap::new(), BTreeMap::new());
        for lab in here {
            let own = store.places(&lab.name);
            let own = own.map_err(Error::journal("read the journal"))?;
            inside.insert(lab.name, own.keys().cloned().collect::<BTreeSet<_>>());
            all.extend(own);
        }
        let new = self.ears.attend(&all).map_err(Error::system(LISTENING))?;
        let same = self.labs.keys().eq(inside.keys());
        let news = !(std::mem::replace(&mut self.told, true) && same);
        self.labs.retain(|name, _| inside.contains_key(name));
        let now = self.ears.now();
        for (name, inside) in inside {
            let known = self.labs.contains_key(&name);
            let lab = self.labs.entry(name).or_default();
            if !known || !new.is_disjoint(&inside) {
                lab.hear([Cause::Began].into_iter(), now);
            }
            lab.inside = inside;
        }
        self.stale = false;
        if news {
            let labs: Vec<LabName> = self.labs.keys().cloned().collect();
            let absent = self.only.iter().filter(|name| !labs.contains(name));
            let absent = absent.cloned().collect();
            log.note(&Event::Watching { labs, absent });
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        name: &LabName,
        stop: BorrowedFd<'_>,
        log: &mut dyn Log,
    ) -> Result<(), Error> {
        let began = self.ears.now();
        let drift = repair::drift(name);
        // What has been seen may not have been heard of yet.
        let heard = self.ears.wait(Some(Duration::ZERO), stop);
        self.take(heard.map_err(Error::system(LISTENING))?, log);
        let Some(lab) = self.labs.get_mut(name) else {
            return Ok(());
        };
        let causes = std::mem::take(&mut lab.causes);
        match drift {
            Ok(drift) if drift.is_empty() => lab.patience.well(),
            Ok(drift) => match lab.patience.may(&things(&drift), began) {
                Ok(()) => self.repair(name, causes, log),
                Err(fight) => {
                    lab.causes = causes;
                    log.note(&Event::Fought {
                        lab: name.clone(),
                        thing: fight.thing,
                        times: fight.times,
                        wait: fight.wait,
                    });
                }
            },
            Err(error) => self.failed(name, causes, error, log),
        }
        let now = self.ears.now();
        if let Some(lab) = self.labs.get_mut(name) {
            lab.rests_until = now + ((now - began) * REST).min(LONGEST_REST);
        }
        Ok(())
    }

    fn repair(&mut self, name: &LabName, causes: BTreeSet<Cause>, log: &mut dyn Log) {
        let began = self.ears.now();
        match repair::repair(name, &mut ()) {
            // Somebody was faster.
            Ok(plan) if plan.is_empty() => {}
            Ok(plan) => {
                let now = self.ears.now();
                if let Some(lab) = self.labs.get_mut(name) {
                    lab.patience.repaired(things(&plan), now);
                }
                log.note(&Event::Repaired {
                    lab: name.clone(),
                    causes: causes.into_iter().collect(),
                    plan,
                    took: now - began,
                });
            }
            Err(error) => self.failed(name, causes, error, log),
        }
    }

    fn failed(&mut self, name: &LabName, causes: BTreeSet<Cause>, error: Error, log: &mut dyn Log) {
        let now = self.ears.now();
        let Some(lab) = self.labs.get_mut(name) else {
            return;
        };
        if let Some(left) = undone_meanwhile(&error) {
            lab.patience.repaired(things(left), now);
            lab.hear(causes.into_iter(), now);
            return;
        }
        let again = match &error {
            // It was taken down meanwhile.
            Error::NoLab(_) | Error::OtherHost(_) => return,
            // As long as nothing changes it will be the same.
            Error::Conflicts(_) | Error::Unread { .. } | Error::Unfinished(_) => false,
            _ => true,
        };
        let Failed { news, wait } = lab.patience.failed(error.to_string(), again, now);
        if wait.is_some() {
            lab.causes = causes;
        }
        if news {
            let lab = name.clone();
            log.note(&Event::Failed { lab, error, wait });
        }
    }
}

/// What was not so any more when it was looked at after the repair: somebody is fast.
fn undone_meanwhile(error: &Error) -> Option<&Plan> {
    match error {
        Error::Undone(error) | Error::NotUndone { error, .. } => undone_meanwhile(error),
        Error::Different(left) => Some(left),
        _ => None,
    }
}

/// What a plan does, each in a word by which it is known again.
fn things(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().map(|step| &step.op);
    steps
        .map(|op| format!("{}: {}", op.netns(), op.title()))
        .collect()
}
