//! The journal, opened once for a question and what follows from the answer.

use super::{BRINGING_UP, Removed, Until, bring_up, known, lock, need_rights, remove};
use crate::error::Error;
use crate::plan::Plan;
use crate::reconcile::Progress;
use crate::state::{IfName, LabName};
use crate::sys::store::{Lock, Store};
use crate::topology::Topology;

/// What labs there are on this machine.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    lock: Option<Lock>,
}

/// A lab as it was last brought up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The text of its topology file.
    pub source: String,
    /// Whether that came to its end, and was not killed on the way.
    pub whole: bool,
}

impl Journal {
    /// Opens it.
    ///
    /// # Errors
    /// Missing rights.
    pub fn open() -> Result<Self, Error> {
        let store = Store::open()?;
        Ok(Journal { store, lock: None })
    }

    /// Has nobody else change labs until this, and what comes of it, is done with: what is
    /// decided by what is there can be done. Looking at labs waits for that, too.
    ///
    /// # Errors
    /// Missing rights.
    pub fn hold(self) -> Result<Self, Error> {
        need_rights(BRINGING_UP)?;
        let lock = Some(lock(&mut ())?);
        Ok(Journal { lock, ..self })
    }

    /// Another one, held with this one where this is.
    ///
    /// # Errors
    /// Missing rights.
    pub fn another(&self) -> Result<Self, Error> {
        let lock = self.lock.clone();
        Ok(Journal {
            lock,
            ..Self::open()?
        })
    }

    /// A lab, if it is there.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn find(&self, name: &LabName) -> Result<Option<Recorded>, Error> {
        let recorded = |lab: crate::sys::store::Lab| Recorded {
            source: lab.source,
            whole: lab.whole,
        };
        Ok(known(name, &self.store)?.map(recorded))
    }

    /// Whether other labs are on networks of this one.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn is_used(&self, name: &LabName) -> Result<bool, Error> {
        let used = self.store.is_used(name);
        used.map_err(Error::journal("read the journal"))
    }

    /// [`up`](super::up).
    ///
    /// # Errors
    /// Those of [`up`](super::up).
    pub fn up(
        self,
        topology: &Topology,
        source: &str,
        progress: &mut dyn Progress,
    ) -> Result<Plan, Error> {
        need_rights(BRINGING_UP)?;
        let lock = match self.lock {
            Some(lock) => lock,
            None => lock(progress)?,
        };
        bring_up((lock, self.store), topology, source, progress, None)
    }

    /// Whether a container's interface has addresses on lease, of whatever network.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn has_lease(&self, container: &str, dev: &IfName) -> Result<bool, Error> {
        let has = self.store.has_lease(container, dev);
        has.map_err(Error::journal("read the journal"))
    }

    /// [`down`](super::down).
    ///
    /// # Errors
    /// Those of [`down`](super::down).
    pub fn down(
        self,
        name: &LabName,
        until: Until,
        progress: &mut dyn Progress,
    ) -> Result<Removed, Error> {
        remove(self.store, name, until, progress)
    }
}
