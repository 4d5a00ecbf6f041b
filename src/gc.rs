//! What no living lab owns: labs whose host is gone, and what carries the mark of a lab
//! that the journal does not know, as when /run was emptied.

use crate::error::Error;
use crate::lab::{self, Until};
use crate::plan::{Plan, plan};
use crate::reconcile::{Host, Inside, Watch};
use crate::state::{LabName, NetState};
use crate::sys::kernel::Kernel;
use crate::sys::store::{Lab, Store};
use crate::sys::{netns, strays};

/// What is left of a lab.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// The lab.
    pub lab: LabName,
    /// What removes it. Of a lab whose host is gone the names go, and the record.
    pub plan: Plan,
}

const LOOKING: &str = "look for what labs left";

/// What there is. Nothing is changed.
///
/// # Errors
/// Missing rights.
pub fn leftovers() -> Result<Vec<Leftover>, Error> {
    lab::need_rights("looking for what labs left")?;
    let _lock = lab::lock_to_read()?;
    let store = Store::open_to_read()?;
    let mut all = Vec::new();
    for name in orphans(&store)? {
        all.push(leftover(lab::reader(&name)?, name)?);
    }
    let found = strays::find(&store).map_err(Error::system(LOOKING))?;
    for name in found.claims.keys() {
        let mut kernel = Kernel::to_read(stray(name)?, Store::open_to_read()?, true)?;
        kernel.assumed = found.clone();
        all.push(leftover(kernel, name.clone())?);
    }
    Ok(all)
}

/// Removes what there is, and says what that was.
///
/// # Errors
/// As [`lab::down`].
pub fn collect(watch: &mut dyn Watch) -> Result<Vec<Leftover>, Error> {
    lab::need_rights("removing what labs left")?;
    let lock = lab::lock(watch)?;
    let mut store = Store::open()?;
    let mut names = orphans(&store)?;
    let found = strays::find(&store).map_err(Error::system(LOOKING))?;
    strays::adopt(&mut store, &found).map_err(Error::journal("write the journal"))?;
    drop((store, lock));
    names.extend(found.claims.into_keys());
    let remove = |lab: LabName| {
        let plan = lab::down(&lab, Until::Free, watch)?.plan;
        Ok(Leftover { lab, plan })
    };
    names.into_iter().map(remove).collect()
}

/// The labs whose host is gone.
fn orphans(store: &Store) -> Result<Vec<LabName>, Error> {
    let mut orphans = Vec::new();
    for lab in store.labs().map_err(Error::journal("read the journal"))? {
        if lab::is_host_gone(&lab)? {
            orphans.push(lab.name);
        }
    }
    Ok(orphans)
}

fn stray(name: &LabName) -> Result<Lab, Error> {
    Ok(Lab {
        name: name.clone(),
        source: String::new(),
        host: netns::host().map_err(Error::system(LOOKING))?.identity,
        whole: false,
    })
}

fn leftover(mut kernel: Kernel, lab: LabName) -> Result<Leftover, Error> {
    let observed = kernel.observe(&lab, Inside::Skip)?;
    let plan = plan(&NetState::empty(lab.clone()), &observed)?;
    Ok(Leftover { lab, plan })
}
