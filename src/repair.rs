//! Brings back what others changed: a lab is made again as it was last brought up.

use crate::error::Error;
use crate::lab::{self, Look};
use crate::plan::Plan;
use crate::reconcile::Progress;
use crate::state::LabName;
use crate::sys::store::{Lab, Store};
use crate::topology::{self, Topology};

/// Makes the kernel match what the lab was last brought up with; the plan says what
/// had changed.
///
/// # Errors
/// As [`lab::up`]; the lab is not there, was made from another namespace, its last change
/// was killed on the way, or its file cannot be read.
pub fn repair(name: &LabName, progress: &mut dyn Progress) -> Result<Plan, Error> {
    lab::need_rights("repairing a lab")?;
    let lock = lab::lock(progress)?;
    let store = Store::open()?;
    let lab = described(name, &store)?;
    let topology = recorded(&lab)?;
    lab::make(&topology, lab, (lock, store), Look::Wide, progress)
}

/// What [`repair`] would do. Nothing is changed.
///
/// # Errors
/// As [`repair`].
pub fn drift(name: &LabName) -> Result<Plan, Error> {
    let lab = described(name, &Store::open_to_read()?)?;
    Ok(lab::status(&recorded(&lab)?)?.drift?)
}

/// The lab as it is recorded, if somebody other than its user may change it.
fn described(name: &LabName, store: &Store) -> Result<Lab, Error> {
    let lab = lab::known(name, store)?.ok_or_else(|| Error::NoLab(name.clone()))?;
    let lab = lab::record(name, &lab.source, store)?;
    match lab.whole {
        true => Ok(lab),
        false => Err(Error::Unfinished(name.clone())),
    }
}

fn recorded(lab: &Lab) -> Result<Topology, Error> {
    topology::parse(&lab.source).map_err(|error| Error::Unread {
        lab: lab.name.clone(),
        error: Box::new(error),
    })
}
