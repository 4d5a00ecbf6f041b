//! What came of a probe, and why.

use std::fmt;

use crate::plan::Plan;
use crate::probe::{Check, Map, Outcome, Seen, explain};
use crate::state::LabName;

/// A probe that was sent.
#[derive(Debug, Clone)]
pub struct Proof {
    /// What was asked.
    pub check: Check,
    /// What was seen.
    pub outcome: Outcome,
    /// Where that is not what is expected: the likely cause.
    pub cause: Option<String>,
}

impl Proof {
    pub(super) fn new(
        (check, outcome): (Check, Outcome),
        map: &Map<'_>,
        drift: Option<&Plan>,
    ) -> Self {
        let cause = explain(&check, &outcome, map);
        let cause = cause.map(|cause| match drift {
            Some(plan) => format!("{cause}; the network is not as its file says: {plan}"),
            None => cause,
        });
        Proof {
            check,
            outcome,
            cause,
        }
    }

    /// Whether it is as expected.
    pub fn is_expected(&self) -> bool {
        self.outcome.is_expected(&self.check)
    }
}

/// In a line: who asked whom, what was seen and, of a surprise, why.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Check { from, to, name, .. } = &self.check;
        match name {
            Some(name) => write!(f, "{from} to {name} ({to})")?,
            None => write!(f, "{from} to {to}")?,
        }
        write!(f, ", {}: ", self.check.probe)?;
        match &self.outcome.seen {
            Seen::Reached => f.write_str("reached")?,
            Seen::Refused => f.write_str("refused")?,
            Seen::NoAnswer => f.write_str("no answer")?,
            Seen::Unreachable { why, .. } => write!(f, "unreachable, {why}")?,
        }
        match &self.cause {
            Some(cause) => write!(f, "; {cause}"),
            None => Ok(()),
        }
    }
}

#[track_caller]
pub(super) fn assert(lab: &LabName, proofs: &[Proof]) {
    let surprises = proofs.iter().filter(|proof| !proof.is_expected());
    let lines: Vec<String> = surprises.map(|proof| format!("\n  {proof}")).collect();
    assert!(
        lines.is_empty(),
        "lab {lab}: {} of {} probes are not as expected:{}",
        lines.len(),
        proofs.len(),
        lines.concat()
    );
}
