//! The whole loop on one screen: observe, plan, record, apply, verify, roll back.
//! It is the same over the real kernel and over the fake one of the tests.

use std::collections::BTreeSet;

use crate::error::{Error, Failure};
use crate::plan::{Claim, Op, Plan, Step, claims, plan, undo};
use crate::state::{LabName, NetState};

/// A kernel with a journal beside it.
pub trait Host {
    /// What is there, as this lab sees it. With [`Inside::Skip`] the lab's
    /// namespaces are listed, but not entered.
    fn observe(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Error>;
    /// Executes the operations in order, and none after one that is refused.
    fn apply(&mut self, ops: &[&Op]) -> Applied;
    /// What the journal holds for this lab.
    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error>;
    /// Replaces what the journal holds for this lab; nothing left ends the lab.
    /// When this returns, the record survives a crash.
    fn record(&mut self, lab: &LabName, claims: &BTreeSet<Claim>) -> Result<(), Error>;
    /// Makes the journal say of this lab what it said before the first [`record`](Self::record).
    fn restore(&mut self, lab: &LabName, claims: &BTreeSet<Claim>) -> Result<(), Error> {
        self.record(lab, claims)
    }
}

/// Whether a lab's namespaces are looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// Their devices, addresses, routes are read.
    Read,
    /// They are only listed: enough to remove them.
    Skip,
}

/// What became of a list of operations.
#[derive(Debug, Default)]
pub struct Applied {
    /// The operations that took effect, by position. Several go to the kernel at
    /// once, so one after the refused one may be among them.
    pub done: Vec<usize>,
    /// The first that was refused.
    pub failed: Option<(usize, Failure)>,
}

/// Makes the kernel match the desired state, or leaves it as it was.
///
/// # Errors
/// What is in the way, what the kernel refused, or what was different afterwards.
pub fn up(host: &mut impl Host, desired: &NetState) -> Result<Plan, Error> {
    let lab = &desired.lab;
    let observed = host.observe(lab, Inside::Read)?;
    let plan = plan(desired, &observed)?;
    let claims = claims(desired, &observed);
    let before = host.claimed(lab)?;
    if !plan.is_empty() {
        host.record(lab, &before.union(&claims).cloned().collect())?;
        let applied = apply(host, &plan.steps);
        let done = applied.done.iter().map(|at| &plan.steps[*at].op);
        let wrong = match applied.failed {
            Some((at, failure)) => Some(Error::refused(&plan.steps[at], failure)),
            None => verify(host, desired).err(),
        };
        if let Some(error) = wrong {
            return Err(roll_back(
                host,
                error,
                &undo(done, &observed),
                (lab, &before),
            ));
        }
    }
    host.record(lab, &claims)?;
    Ok(plan)
}

/// Removes a lab. What the kernel refuses to remove stays in the journal.
///
/// # Errors
/// What the kernel refused, or what is still there.
pub fn down(host: &mut impl Host, lab: &LabName) -> Result<Plan, Error> {
    let nothing = NetState::empty(lab.clone());
    let plan = plan(&nothing, &host.observe(lab, Inside::Skip)?)?;
    if let Some((at, failure)) = apply(host, &plan.steps).failed {
        return Err(Error::refused(&plan.steps[at], failure));
    }
    if !plan.is_empty() {
        verify(host, &nothing)?;
    }
    host.record(lab, &BTreeSet::new())?;
    Ok(plan)
}

fn apply(host: &mut impl Host, steps: &[Step]) -> Applied {
    let ops: Vec<&Op> = steps.iter().map(|step| &step.op).collect();
    host.apply(&ops)
}

/// Looks again and plans again: there must be nothing left to do.
fn verify(host: &mut impl Host, desired: &NetState) -> Result<(), Error> {
    let inside = match desired.namespaces.is_empty() {
        true => Inside::Skip,
        false => Inside::Read,
    };
    let left = plan(desired, &host.observe(&desired.lab, inside)?)?;
    if left.is_empty() {
        Ok(())
    } else {
        Err(Error::Different(left))
    }
}

/// Undoes what was done; the error that led here is the one that is told.
fn roll_back(
    host: &mut impl Host,
    error: Error,
    back: &[Op],
    (lab, before): (&LabName, &BTreeSet<Claim>),
) -> Error {
    let mut rest: Vec<&Op> = back.iter().collect();
    let mut left = Vec::new();
    while !rest.is_empty() {
        let applied = host.apply(&rest);
        let Some((at, failure)) = applied.failed else {
            break;
        };
        left.push((rest[at].clone(), failure));
        // What one send carried may be done beyond the refused one.
        let todo = (at + 1..rest.len()).filter(|later| !applied.done.contains(later));
        rest = todo.map(|later| rest[later]).collect();
    }
    if left.is_empty() {
        if let Err(journal) = host.restore(lab, before) {
            return Error::RolledBack {
                error: Box::new(error),
                journal: Box::new(journal),
            };
        }
        return Error::Undone(Box::new(error));
    }
    Error::NotUndone {
        error: Box::new(error),
        lab: lab.clone(),
        left,
    }
}
