//! A packet that was really sent, and whether that agrees with the explanation.

use std::time::Duration;

use serde::Serialize;

use super::walk::SOUGHT;
use super::{Cause, Explanation, Load, Verdict};
use crate::probe::Seen;
use crate::state::Transport;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What came back.
    pub seen: Seen,
    /// How long after.
    pub after: Duration,
    /// Where the kernel saw it and its answer, in the order of the way.
    pub trace: Vec<Traced>,
    /// Whether that is as explained.
    pub agreement: Agreement,
}

/// Something that the kernel did with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Traced {
    /// In which namespace.
    pub netns: String,
    /// With the answer.
    pub answer: bool,
    /// By which rule of which table; `None`: it came into the namespace, or began there.
    pub rule: Option<Met>,
    /// The device that it came in by.
    pub iif: Option<String>,
    /// The device that it leaves by.
    pub oif: Option<String>,
}

/// A rule, or a chain's policy, that decided on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Met {
    /// Family and name of the table.
    pub table: String,
    /// The rule, with its chain.
    pub line: String,
    /// Whether the packet ends there.
    pub drops: bool,
}

/// Whether packet and explanation agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// They do: the packet shows the very thing.
    Proved(String),
    /// Nothing speaks against it: the packet came to nothing, as it would.
    Fits(String),
    /// They do not.
    No(String),
    /// The packet tells nothing of it.
    Open(String),
}

/// What is known of the packet.
pub(super) struct Witness<'a> {
    pub(super) load: Load,
    pub(super) seen: &'a Seen,
    pub(super) after: Duration,
    /// The sender's own kernel refused it.
    pub(super) at_once: bool,
    pub(super) trace: &'a [Traced],
    /// Something of the trace was lost.
    pub(super) gaps: bool,
    /// It did not meet routing rules that ask for ports, which are there.
    pub(super) portless: bool,
}

impl Witness<'_> {
    /// Compares them. `untraced` says of a table that the kernel does not trace its rules.
    pub(super) fn agreement(
        &self,
        explanation: &Explanation,
        untraced: impl Fn(&str) -> bool,
    ) -> Agreement {
        match self.compared(explanation, untraced) {
            Agreement::No(why) if self.portless => {
                Agreement::Open(format!("{why}; routing rules with ports do not meet it"))
            }
            Agreement::No(why) if self.gaps => Agreement::Open(format!(
                "{why}; but so much is traced that some of it was lost"
            )),
            agreement => agreement,
        }
    }

    fn compared(&self, explanation: &Explanation, untraced: impl Fn(&str) -> bool) -> Agreement {
        let dropped = self.trace.iter().find_map(|traced| {
            let met = traced.rule.as_ref().filter(|met| met.drops)?;
            Some((traced, met))
        });
        let back = self.said();
        match (&explanation.verdict, dropped) {
            (Verdict::Unknown(_), Some((at, met))) => {
                Agreement::Open(format!("the kernel says it: {} drops it", place(at, met)))
            }
            (Verdict::Unknown(_), None) => Agreement::Open(format!("the packet says it: {back}")),
            (Verdict::Stops(cause), Some((at, met))) => match &**cause {
                // A rule that refuses is explained with how.
                Cause::Filtered {
                    netns, table, line, ..
                } if *netns == at.netns
                    && *table == met.table
                    && line.starts_with(&met.line)
                    && *self.seen != Seen::Reached =>
                {
                    Agreement::Proved(format!("the kernel's trace ends at that rule; {back}"))
                }
                _ => Agreement::No(format!("{back}; {} drops it", place(at, met))),
            },
            (Verdict::Stops(cause), None) => self.stopped(explanation, cause, untraced),
            (_, Some((at, met))) => Agreement::No(format!("{back}; {} drops it", place(at, met))),
            (Verdict::Arrives, None) => self.arrived(explanation),
            (Verdict::Leaves(_), None) => match self.seen {
                Seen::Reached => Agreement::Proved(back),
                _ => Agreement::Open(format!("{back}; why is not seen from here")),
            },
        }
    }

    fn arrived(&self, explanation: &Explanation) -> Agreement {
        let (back, last) = (self.said(), self.last_seen());
        let there = explanation.there.last().map(|step| &step.netns);
        let came = there.filter(|netns| self.was_in(netns, false));
        match (self.seen, came) {
            (Seen::Reached, Some(_)) => Agreement::Proved(back),
            (Seen::Reached, None) => Agreement::No(format!("{back}, of somebody else; {last}")),
            // A server of UDP answers what it likes.
            (Seen::NoAnswer, Some(netns))
                if matches!(self.load, Load::To(Transport::Udp, _))
                    && !self.trace.iter().any(|traced| traced.answer) =>
            {
                Agreement::Fits(format!(
                    "it came to {netns}, and what listens there did not answer"
                ))
            }
            _ => Agreement::No(format!("{back}; {last}")),
        }
    }

    fn stopped(
        &self,
        explanation: &Explanation,
        cause: &Cause,
        untraced: impl Fn(&str) -> bool,
    ) -> Agreement {
        let (back, last) = (self.said(), self.last_seen());
        let datagram = matches!(self.load, Load::To(Transport::Udp, _));
        let asker = explanation.there.first().map(|step| &step.netns);
        let came_back = asker.is_some_and(|netns| self.was_in(netns, true));
        // Where one namespace asks itself, both are there.
        let beyond = explanation.there.last().map(|step| &step.netns) != asker;
        match (cause, self.seen) {
            // One of the two has answered.
            (Cause::Duplicate { .. }, Seen::Reached) => Agreement::Open(back),
            (_, Seen::Reached) => Agreement::No(back),
            (Cause::NothingListens { .. } | Cause::NotVisible { .. }, Seen::Refused) => {
                Agreement::Proved(back)
            }
            (_, Seen::Refused) => Agreement::No(back),
            (Cause::OtherSource { .. }, _) => Agreement::Fits(format!("{back}; {last}")),
            (Cause::Filtered { hook, .. }, _) if hook.contains(SOUGHT) => {
                Agreement::Fits(format!("{back}; {last}"))
            }
            (Cause::Filtered { table, netns, .. }, _) if !untraced(table) => {
                match (explanation.back.is_empty() || !datagram) && self.was_in(netns, false) {
                    true => Agreement::No(format!("{back}, but no rule dropped it; {last}")),
                    false => Agreement::Open(format!("{back}, and it did not come so far; {last}")),
                }
            }
            _ if came_back && beyond => {
                Agreement::No(format!("{back}, though the answer came as far; {last}"))
            }
            _ if self.at_once => Agreement::Proved(back),
            _ => Agreement::Fits(format!("{back}; {last}")),
        }
    }

    /// Whether it, or its answer, was seen there.
    fn was_in(&self, netns: &str, answer: bool) -> bool {
        let mut all = self.trace.iter();
        all.any(|traced| traced.answer == answer && traced.netns == netns)
    }

    fn last_seen(&self) -> String {
        let Some(last) = self.trace.last() else {
            return "it left nowhere".to_owned();
        };
        let which = if last.answer { "the answer" } else { "it" };
        format!("{which} was last seen in {}", last.netns)
    }

    /// What came back, in words.
    fn said(&self) -> String {
        let milliseconds = self.after.as_secs_f64() * 1000.0;
        match self.seen {
            Seen::Reached => format!("the answer came after {milliseconds:.2} ms"),
            Seen::Refused => "it was refused".to_owned(),
            Seen::NoAnswer => format!("nothing came back within {milliseconds:.0} ms"),
            Seen::Unreachable { by: Some(by), why } => format!("{by} says: {why}"),
            Seen::Unreachable { by: None, why } if self.at_once => {
                format!("the sender's kernel says: {why}")
            }
            Seen::Unreachable { by: None, why } => format!("an error came back: {why}"),
        }
    }
}

fn place(at: &Traced, met: &Met) -> String {
    format!("table {} of {}: {}", met.table, at.netns, met.line)
}
