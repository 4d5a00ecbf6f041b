//! Why packets did not arrive that were expected to: they are followed through what is
//! there, as `netyard explain` does.

use netyard::explain::{Load, Question, Verdict};
use netyard::probe::{Probe, Seen};
use netyard::state::survey::Survey;
use netyard::state::{Netns, Transport};
use netyard::survey;

use super::Row;
use crate::cli::trouble::Trouble;

/// So many are followed: what keeps so many from arriving is the same for most.
const FOLLOWED: usize = 100;
/// A ping of `ping`, with its header, in bytes.
const SIZE: u32 = 84;

/// Adds the cause to rows that have none, or a guess, and what to change.
pub(super) fn explain(rows: &mut [Row]) {
    let lost = |row: &&mut Row| row.check.reach == Some(true) && row.outcome.seen != Seen::Reached;
    let mut lost: Vec<&mut Row> = rows.iter_mut().filter(lost).take(FOLLOWED).collect();
    if lost.is_empty() {
        return;
    }
    let asked = |survey: &Survey| {
        // One whose namespace is gone is not asked about.
        lost.retain(|row| question(row, survey).is_some());
        let all = lost.iter().filter_map(|row| question(row, survey));
        Ok::<Vec<Question>, Trouble>(all.collect())
    };
    // Where the host cannot be looked at, what the lab's state tells must do.
    let Ok(answers) = survey::explain(asked) else {
        return;
    };
    for (row, (_, explanation)) in lost.iter_mut().zip(answers) {
        if let Verdict::Stops(cause) = explanation.verdict {
            let guess = row.cause.as_ref().is_none_or(|own| own.contains("perhaps"));
            if guess {
                row.cause = Some(cause.to_string());
            }
            row.change = Some(cause.fix());
        }
    }
}

fn question(row: &Row, survey: &Survey) -> Option<Question> {
    let is = |space: &netyard::state::survey::Space| match &row.check.from {
        Netns::Host => space.host,
        Netns::At(path) => space.joined.iter().any(|by| by.path == *path),
        Netns::Named(name) => space.names.iter().any(|own| own == name.as_str()),
    };
    Some(Question {
        from: survey.namespaces.iter().position(is)?,
        to: row.check.to,
        load: match row.check.probe {
            Probe::Ping => Load::Echo,
            Probe::Tcp(port) => Load::To(Transport::Tcp, port),
            Probe::Udp(port) => Load::To(Transport::Udp, port),
        },
        size: SIZE,
    })
}
