//! What no living lab owns: labs whose host is gone, or that were all in namespaces of others
//! which are gone, and what carries the mark of a lab that the journal does not know, as when
//! /run was emptied.

use crate::error::Error;
use crate::lab::{self, Fate, Until, fate_of};
use crate::plan::{Plan, plan};
use crate::reconcile::{Host, Inside, Progress};
use crate::state::{LabName, NetState};
use crate::sys::kernel::Kernel;
use crate::sys::store::{Lab, Store};
use crate::sys::strays::{self, Strays};

/// What is left of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    Ok(look()?.0)
}

/// Removes of this what is still there, and says what that was. What else is there
/// meanwhile stays.
///
/// # Errors
/// As [`lab::down`]. [`Error::Declined`]: of one of these labs something else is left by now
/// than was agreed to; nothing was changed.
pub fn collect(agreed: &[Leftover], progress: &mut dyn Progress) -> Result<Vec<Leftover>, Error> {
    lab::need_rights("removing what labs left")?;
    let lock = lab::lock(progress)?;
    let (mut all, mut found) = look()?;
    all.retain(|now| agreed.iter().any(|then| then.lab == now.lab));
    if !all.iter().all(|now| agreed.contains(now)) {
        return Err(Error::Declined);
    }
    let is_agreed = |lab: &LabName| all.iter().any(|left| left.lab == *lab);
    found.claims.retain(|lab, _| is_agreed(lab));
    strays::adopt(&mut Store::open()?, &found).map_err(Error::journal("write the journal"))?;
    for Leftover { lab, .. } in &all {
        lab::down_under(lock.clone(), lab, Until::Free, progress)?;
    }
    Ok(all)
}

/// All that is left, and those of it that the journal does not know.
fn look() -> Result<(Vec<Leftover>, Strays), Error> {
    let store = Store::open_to_read()?;
    let mut all = Vec::new();
    for name in orphans(&store)? {
        all.push(leftover(lab::reader(&name)?, name)?);
    }
    let found = strays::find(&store).map_err(Error::system(LOOKING))?;
    for name in found.claims.keys() {
        let stray = Lab::here(name, "").map_err(Error::system(LOOKING))?;
        let mut kernel = Kernel::to_read(stray, Store::open_to_read()?, true)?;
        kernel.assumed = found.clone();
        all.push(leftover(kernel, name.clone())?);
    }
    Ok((all, found))
}

/// The labs whose host is gone, or all the namespaces that they were in, and strays that were
/// not removed to the end.
fn orphans(store: &Store) -> Result<Vec<LabName>, Error> {
    let (mut orphans, mut living) = (Vec::new(), None);
    for lab in store.labs().map_err(Error::journal("read the journal"))? {
        if strays::is_adopted(&lab)
            || lab::is_host_gone(&lab)?
            || fate_of(&lab, store, &mut living)? == Fate::Gone
        {
            orphans.push(lab.name);
        }
    }
    Ok(orphans)
}

fn leftover(mut kernel: Kernel, lab: LabName) -> Result<Leftover, Error> {
    let observed = kernel.observe(&lab, Inside::Skip)?;
    let plan = plan(&NetState::empty(lab.clone()), &observed)?;
    Ok(Leftover { lab, plan })
}
