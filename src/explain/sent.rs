//! A packet that was really sent, and whether that agrees with the explanation.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

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
    /// They do.
    Yes(String),
    /// They do not.
    No(String),
    /// The packet tells nothing of it.
    Open(String),
}

/// Compares them. `untraced` says of a table that the kernel does not trace its rules.
pub(super) fn agreement(
    explanation: &Explanation,
    load: Load,
    (seen, after, trace): (&Seen, Duration, &[Traced]),
    untraced: impl Fn(&str) -> bool,
) -> Agreement {
    let dropped = trace.iter().find_map(|traced| {
        let met = traced.rule.as_ref().filter(|met| met.drops)?;
        Some((traced, met))
    });
    let back = said(seen, after);
    match (&explanation.verdict, dropped) {
        (Verdict::Unknown(_), Some((at, met))) => {
            Agreement::Open(format!("the kernel says it: {} drops it", place(at, met)))
        }
        (Verdict::Unknown(_), None) => Agreement::Open(format!("the packet says it: {back}")),
        (Verdict::Stops(cause), Some((at, met))) => match &**cause {
            // A rule that refuses is explained with how.
            Cause::Filtered {
                netns, table, line, ..
            } if *netns == at.netns && *table == met.table && line.starts_with(&met.line) => {
                Agreement::Yes(format!("the kernel's trace ends at that rule; {back}"))
            }
            _ => Agreement::No(format!("{} drops it", place(at, met))),
        },
        (Verdict::Stops(cause), None) => stopped(cause, seen, &back, trace, untraced),
        (_, Some((at, met))) => Agreement::No(format!("{} drops it", place(at, met))),
        (Verdict::Arrives, None) => arrived(explanation, load, seen, &back, trace),
        (Verdict::Leaves(_), None) => match seen {
            Seen::Reached => Agreement::Yes(back),
            _ => Agreement::Open(format!("{back}; why is not seen from here")),
        },
    }
}

fn arrived(
    explanation: &Explanation,
    load: Load,
    seen: &Seen,
    back: &str,
    trace: &[Traced],
) -> Agreement {
    let last = explanation.there.last();
    let came = |traced: &&Traced| !traced.answer && last.is_some_and(|it| it.netns == traced.netns);
    match seen {
        Seen::Reached => Agreement::Yes(back.to_owned()),
        // A server of UDP answers what it likes.
        Seen::NoAnswer if matches!(load, Load::To(Transport::Udp, _)) => {
            match trace.iter().find(came) {
                Some(traced) => Agreement::Yes(format!(
                    "it came to {}, and what listens there did not answer",
                    traced.netns
                )),
                None => Agreement::No(format!("{back}; {}", last_seen(trace))),
            }
        }
        _ => Agreement::No(format!("{back}; {}", last_seen(trace))),
    }
}

fn stopped(
    cause: &Cause,
    seen: &Seen,
    back: &str,
    trace: &[Traced],
    untraced: impl Fn(&str) -> bool,
) -> Agreement {
    match (cause, seen) {
        // One of the two has answered.
        (Cause::Duplicate { .. }, Seen::Reached) => Agreement::Open(back.to_owned()),
        (_, Seen::Reached) => Agreement::No(back.to_owned()),
        (Cause::NothingListens { .. } | Cause::NotVisible { .. }, _) => {
            Agreement::Yes(back.to_owned())
        }
        (_, Seen::Refused) => Agreement::No(back.to_owned()),
        (Cause::Filtered { table, netns, .. }, _) if !untraced(table) => {
            let last = last_seen(trace);
            match trace.iter().any(|traced| traced.netns == *netns) {
                true => Agreement::No(format!("{back}, but no rule dropped it; {last}")),
                // What looks for neighbours may be dropped by the same rule.
                false => Agreement::Open(format!("{back}, and it did not come so far; {last}")),
            }
        }
        _ => Agreement::Yes(format!("{back}; {}", last_seen(trace))),
    }
}

fn last_seen(trace: &[Traced]) -> String {
    let Some(last) = trace.last() else {
        return "it left nowhere".to_owned();
    };
    let which = if last.answer { "the answer" } else { "it" };
    format!("{which} was last seen in {}", last.netns)
}

fn place(at: &Traced, met: &Met) -> String {
    format!("table {} of {}: {}", met.table, at.netns, met.line)
}

/// What came back, in words.
fn said(seen: &Seen, after: Duration) -> String {
    let milliseconds = after.as_secs_f64() * 1000.0;
    match seen {
        Seen::Reached => format!("the answer came after {milliseconds:.2} ms"),
        Seen::Refused => "it was refused".to_owned(),
        Seen::NoAnswer => format!("nothing came back within {milliseconds:.0} ms"),
        Seen::Unreachable { by, why } => {
            let by = by.map_or_else(
                || "the sender's kernel".to_owned(),
                |by: IpAddr| by.to_string(),
            );
            format!("{by} says: {why}")
        }
    }
}
