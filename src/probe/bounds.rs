//! Whether a probe did as expected, and what a ping that should arrive well lacks.

use super::explain::place;
use super::path::Map;
use super::{Check, Outcome, Seen};

impl Outcome {
    /// Whether that is what was expected; it is, where nothing was.
    pub fn is_expected(&self, check: &Check) -> bool {
        let reached = self.seen == Seen::Reached;
        match check.reach {
            None => true,
            Some(true) => reached && shortfall(check, self).is_none(),
            Some(false) => !reached,
        }
    }

    /// The echoes that were not answered.
    pub fn lost(&self) -> u32 {
        self.sent.saturating_sub(self.answered)
    }
}

/// The bounds that an answered ping broke.
pub(super) fn shortfall(check: &Check, outcome: &Outcome) -> Option<String> {
    let (sent, lost) = (outcome.sent, outcome.lost());
    let loss = check
        .bounds
        .loss
        .filter(|most| most.is_exceeded(lost, sent));
    let loss = loss.map(|most| format!("{lost} of {sent} echoes were lost, more than {most}"));
    let slow = (check.bounds.rtt.zip(outcome.rtt)).filter(|(most, rtt)| *rtt > most.duration());
    let slow = slow.map(|(most, rtt)| {
        let ms = rtt.as_secs_f64() * 1e3;
        format!("half of the echoes took {ms:.3} ms or more, longer than {most}")
    });
    let all: Vec<String> = loss.into_iter().chain(slow).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Why packets of the asked size do not arrive, where smaller ones do or the
/// receiver's device takes none of that size.
pub(super) fn too_large(check: &Check, outcome: &Outcome, map: &Map<'_>) -> Option<String> {
    let size = outcome.size?;
    let device = map.device_mtu(&check.from, check.to);
    if let Some(mtu) = device.filter(|mtu| *mtu < size) {
        return Some(format!("the sender's own device takes {mtu} bytes at most"));
    }
    let fits = outcome.fits?;
    if let Seen::Unreachable { by: Some(by), .. } = &outcome.seen {
        let told = format!("{size} bytes are too large, says {by}; {fits} bytes arrive");
        return Some(told);
    }
    let silent = format!("{fits} bytes arrive, {size} do not, and nobody says so");
    Some(match map.narrow(&check.from, check.to, size) {
        Some((at, dev, mtu)) => {
            format!("{silent}: device {dev} in {} takes {mtu}", place(at))
        }
        None => format!("{silent}: a device on the way has a smaller MTU, perhaps"),
    })
}
