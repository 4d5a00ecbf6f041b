//! `up` with eyes open: a change of what is there is shown, and what would be lost by
//! it is agreed to first. The plan that was shown is the plan that is executed.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use netyard::error::Error;
use netyard::plan::{Change, Op, Plan};
use netyard::reconcile::Progress;
use netyard::report::codes;

use super::changes;
use super::output::{BOLD, say, styled};
use super::progress::{Onlooker, Verbosity};
use super::trouble::Trouble;

/// More changes than a screen has lines.
const LONG: usize = 40;

/// How a change is shown and agreed to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// All is agreed to.
    pub(crate) yes: bool,
    /// Nothing is shown on standard output.
    pub(crate) quiet: bool,
    pub(crate) verbosity: Verbosity,
}

/// Changes a lab as `change` does, and says how long that took. No lock is held while a
/// question waits for its answer; if the plan is another afterwards, it is asked anew.
pub(crate) fn agreed<T>(
    manner: Manner,
    mut change: impl FnMut(&mut dyn Progress) -> Result<T, Error>,
) -> Result<(T, Duration), Trouble> {
    let mut agreed = None;
    loop {
        let mut consent = Consent {
            onlooker: Onlooker::new(manner.verbosity),
            manner,
            agreed: agreed.take(),
            asks: None,
        };
        let began = Instant::now();
        let result = change(&mut consent);
        match (result, consent.asks) {
            (Err(Error::Declined), Some(plan)) => {
                ask(&plan)?;
                agreed = Some(plan);
            }
            (result, _) => return Ok((result?, began.elapsed())),
        }
    }
}

/// Shows what would be lost, and asks.
fn ask(plan: &Plan) -> Result<(), Trouble> {
    let changes = plan.changes();
    anstream::eprintln!(
        "{}\n{}\n",
        changes::list(&changes),
        changes::summary(&changes)
    );
    let lab = &plan.lab;
    agree(&format!(
        "lab {lab} is up and would lose something; nothing was changed"
    ))
}

/// Asks whether to go on. `alone` is said where nobody can be asked.
pub(crate) fn agree(alone: &str) -> Result<(), Trouble> {
    if !std::io::stdin().is_terminal() {
        return Err(Trouble::failed(codes::DECLINED, alone));
    }
    anstream::eprint!("{} [y/N] ", styled(BOLD, "Go on?"));
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Trouble::declined()),
    }
}

/// Of a long list only what someone feels.
fn show(changes: Vec<Change>) {
    let summary = changes::summary(&changes);
    let long = changes.len() > LONG;
    let shown = changes
        .into_iter()
        .filter(|change| !(long && change.impacts.is_empty()));
    say!("{}\n{summary}\n", changes::list(&shown.collect::<Vec<_>>()));
}

/// Watches, and lets only what was agreed to begin.
struct Consent {
    onlooker: Onlooker,
    manner: Manner,
    agreed: Option<Plan>,
    /// The plan that must be agreed to first.
    asks: Option<Plan>,
}

impl Progress for Consent {
    fn waiting(&mut self) {
        self.onlooker.waiting();
    }

    fn planned(&mut self, plan: &Plan) -> Result<(), Error> {
        let agreed = self.agreed.as_ref() == Some(plan);
        if plan.loses() && !self.manner.yes && !agreed {
            self.asks = Some(plan.clone());
            return Err(Error::Declined);
        }
        if !(plan.new || plan.is_empty() || agreed || self.manner.quiet) {
            show(plan.changes());
        }
        self.onlooker.planned(plan)
    }

    fn done(&mut self, op: &Op) {
        self.onlooker.done(op);
    }

    fn verifying(&mut self) {
        self.onlooker.verifying();
    }

    fn awaiting(&mut self, what: &str) {
        self.onlooker.awaiting(what);
    }

    fn undoing(&mut self, ops: &[Op]) {
        self.onlooker.undoing(ops);
    }

    fn interrupted(&mut self) -> bool {
        self.onlooker.interrupted()
    }
}
