//! Why packets did not arrive that were expected to: they are followed through what is
//! there, as `netyard explain` does, and what it says is said here.

use netyard::explain::{Load, Question, Verdict};
use netyard::probe::{Probe, Seen};
use netyard::state::survey::{Space, Survey};
use netyard::state::{Netns, Transport};
use netyard::survey;

use super::Row;
use crate::cli::trouble::Trouble;

/// So many are followed: what keeps so many from arriving is the same for most.
const FOLLOWED: usize = 1000;
/// A ping of `ping`, with its header, in bytes.
const SIZE: u32 = 84;

/// Puts what was found in the place of what the lab's state tells. That stays where nothing
/// stops the packet, as far as can be followed.
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
            row.cause = Some(cause.to_string());
            row.change = Some(cause.fix());
        }
    }
}

fn question(row: &Row, survey: &Survey) -> Option<Question> {
    let is = |space: &Space| match &row.check.from {
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
        size: row.outcome.size.unwrap_or(SIZE),
        // Where nobody listens, `test` itself answers meanwhile.
        answered: row.check.probe != Probe::Ping && row.check.server().is_some(),
    })
}
