//! The whole loop on one screen: observe, plan, record, apply, verify, roll back.
//! It is the same over the real kernel and over the fake one of the tests.

use std::collections::BTreeSet;

use crate::error::{Error, Failure};
use crate::plan::{Claim, Op, Plan, claims, plan, undo};
use crate::state::{LabName, NetState};

/// A kernel with a journal beside it.
pub trait Host {
    /// What is there, as this lab sees it. With [`Inside::Skip`] the lab's
    /// namespaces are listed, but not entered.
    fn observe(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Error>;
    /// Executes the operations in order, and none after one that is refused or after
    /// an interruption. Tells `progress` of each that took effect.
    fn apply(&mut self, ops: &[&Op], progress: &mut dyn Progress) -> Applied;
    /// What the journal holds for this lab.
    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error>;
    /// Replaces what the journal holds for this lab; nothing left ends the lab.
    /// When this returns, the record survives a crash.
    fn record(
        &mut self,
        lab: &LabName,
        claims: &BTreeSet<Claim>,
        change: Change,
    ) -> Result<(), Error>;
    /// Makes the journal say of this lab what it said before the first [`record`](Self::record).
    fn restore(&mut self, lab: &LabName, claims: &BTreeSet<Claim>) -> Result<(), Error> {
        self.record(lab, claims, Change::Ended)
    }
}

/// How far the change of a lab is when it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The kernel is about to be changed.
    Begun,
    /// The kernel is as the record says.
    Ended,
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
    /// Whether [`Progress::interrupted`] ended it.
    pub interrupted: bool,
}

/// Looks on while a plan is executed. `()` does not care.
pub trait Progress {
    /// Another program changes labs of this machine: its end is waited for.
    fn waiting(&mut self) {}
    /// This will be executed; nothing has been recorded or changed yet. An error
    /// ends it here.
    fn planned(&mut self, _plan: &Plan) -> Result<(), Error> {
        Ok(())
    }
    /// An operation took effect.
    fn done(&mut self, _op: &Op) {}
    /// All is done and is now looked at again.
    fn verifying(&mut self) {}
    /// It is there, and a program of it is waited for. Told again and again.
    fn awaiting(&mut self, _what: &str) {}
    /// The lab is as it shall be; this is what was seen.
    fn settled(&mut self, _seen: &NetState) {}
    /// These operations will be executed to undo what was done.
    fn undoing(&mut self, _ops: &[Op]) {}
    /// Whether to stop. Asked often; what has been done is then undone.
    fn interrupted(&mut self) -> bool {
        false
    }
}

impl Progress for () {}

/// Undoing is not interrupted: half undone is neither before nor after.
struct Undoing<'a>(&'a mut dyn Progress);

impl Progress for Undoing<'_> {
    fn done(&mut self, op: &Op) {
        self.0.done(op);
    }
}

/// Makes the kernel match the desired state, or leaves it as it was.
///
/// # Errors
/// What is in the way, what the kernel refused, or what was different afterwards.
pub fn up(
    host: &mut impl Host,
    desired: &NetState,
    progress: &mut dyn Progress,
) -> Result<Plan, Error> {
    let lab = &desired.lab;
    let observed = host.observe(lab, Inside::Read)?;
    let plan = plan(desired, &observed)?;
    progress.planned(&plan)?;
    let claims = claims(desired, &observed);
    let before = host.claimed(lab)?;
    if !plan.is_empty() {
        let both = before.union(&claims).cloned().collect();
        host.record(lab, &both, Change::Begun)?;
        let (applied, wrong) = apply(host, &plan, progress);
        let wrong = wrong.and_then(|()| verify(host, desired, progress));
        let wrong = wrong.map(|seen| progress.settled(&seen));
        if let Err(error) = wrong.and_then(|()| host.record(lab, &claims, Change::Ended)) {
            let done = applied.done.iter().map(|at| &plan.steps[*at].op);
            let back = undo(done, &observed);
            return Err(roll_back(host, error, &back, (lab, &before), progress));
        }
        return Ok(plan);
    }
    progress.settled(&observed);
    host.record(lab, &claims, Change::Ended)?;
    Ok(plan)
}

/// Removes a lab. What the kernel refuses to remove stays in the journal. Gives what was done,
/// and what is there now.
///
/// # Errors
/// What the kernel refused, or what is still there.
pub fn down(
    host: &mut impl Host,
    lab: &LabName,
    progress: &mut dyn Progress,
) -> Result<(Plan, NetState), Error> {
    let nothing = NetState::empty(lab.clone());
    let mut seen = host.observe(lab, Inside::Skip)?;
    let plan = plan(&nothing, &seen)?;
    progress.planned(&plan)?;
    if !plan.is_empty() {
        let claims = host.claimed(lab)?;
        host.record(lab, &claims, Change::Begun)?;
        remove(host, &plan, &nothing, progress)?;
        seen = verify(host, &nothing, progress)?;
    }
    host.record(lab, &BTreeSet::new(), Change::Ended)?;
    Ok((plan, seen))
}

/// How often is looked again when things to remove go by themselves.
const AGAIN: usize = 16;

/// What ends in a container's namespace goes when the kernel takes that apart, and that may
/// be just now: that it is gone is as it shall be.
fn remove(
    host: &mut impl Host,
    plan: &Plan,
    nothing: &NetState,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let mut left = plan.clone();
    for _ in 0..AGAIN {
        match apply(host, &left, progress).1 {
            Err(Error::Refused(refused)) if refused.failure.is_absence() => {}
            removed => return removed,
        }
        left = crate::plan::plan(nothing, &host.observe(&nothing.lab, Inside::Skip)?)?;
    }
    apply(host, &left, progress).1
}

fn apply(
    host: &mut impl Host,
    plan: &Plan,
    progress: &mut dyn Progress,
) -> (Applied, Result<(), Error>) {
    let ops: Vec<&Op> = plan.steps.iter().map(|step| &step.op).collect();
    let mut applied = host.apply(&ops, progress);
    let wrong = match applied.failed.take() {
        Some((at, failure)) => Err(Error::refused(&plan.steps[at], failure)),
        None if applied.interrupted => Err(Error::Interrupted),
        None => Ok(()),
    };
    (applied, wrong)
}

/// Looks again and plans again: there must be nothing left to do.
fn verify(
    host: &mut impl Host,
    desired: &NetState,
    progress: &mut dyn Progress,
) -> Result<NetState, Error> {
    progress.verifying();
    let inside = match desired.namespaces.is_empty() {
        true => Inside::Skip,
        false => Inside::Read,
    };
    let seen = host.observe(&desired.lab, inside)?;
    let left = plan(desired, &seen)?;
    if left.is_empty() {
        Ok(seen)
    } else {
        Err(Error::Different(left))
    }
}

/// What must stand before the host forwards may be what was refused: the guard, or what
/// keeps its default route.
fn shut() -> Failure {
    Failure {
        errno: 0,
        text: Some("not tried: something that goes before it was refused".to_owned()),
    }
}

/// Undoes what was done; the error that led here is the one that is told.
fn roll_back(
    host: &mut impl Host,
    error: Error,
    back: &[Op],
    (lab, before): (&LabName, &BTreeSet<Claim>),
    progress: &mut dyn Progress,
) -> Error {
    progress.undoing(back);
    let mut rest: Vec<&Op> = back.iter().collect();
    let mut left = Vec::new();
    while !rest.is_empty() {
        let applied = host.apply(&rest, &mut Undoing(progress));
        let Some((at, failure)) = applied.failed else {
            break;
        };
        // Somebody else removed it meanwhile: so it shall be.
        if !(failure.is_absence() && rest[at].removes_one()) {
            left.push((rest[at].clone(), failure));
        }
        // What one send carried may be done beyond the refused one; what one
        // transaction carried is not done even before it.
        let todo = (0..rest.len()).filter(|i| *i != at && !applied.done.contains(i));
        rest = todo.map(|i| rest[i]).collect();
        if !left.is_empty() {
            left.extend(
                rest.extract_if(.., |op| op.opens_host())
                    .map(|op| (op.clone(), shut())),
            );
        }
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
