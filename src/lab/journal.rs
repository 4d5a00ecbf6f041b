//! The journal, opened once for a question and what follows from the answer.

use super::{Removed, Until, bring_up, known, remove};
use crate::error::Error;
use crate::plan::Plan;
use crate::reconcile::Progress;
use crate::state::{IfName, LabName};
use crate::sys::store::Store;
use crate::topology::Topology;

/// What labs there are on this machine.
#[derive(Debug)]
pub struct Journal(Store);

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
        Store::open().map(Journal)
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
        Ok(known(name, &self.0)?.map(recorded))
    }

    /// Whether other labs are on networks of this one.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn is_used(&self, name: &LabName) -> Result<bool, Error> {
        let used = self.0.is_used(name);
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
        bring_up(self.0, topology, source, progress, None)
    }

    /// Whether a container's interface has addresses on lease, of whatever network.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn has_lease(&self, container: &str, dev: &IfName) -> Result<bool, Error> {
        let has = self.0.has_lease(container, dev);
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
        remove(self.0, name, until, progress)
    }
}
