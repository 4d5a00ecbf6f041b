//! When the packets of a probe are sent.

use std::time::Duration;

use crate::probe::Bounds;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Once.
    Once,
    /// Until one is answered.
    Patient,
    /// As many as are needed to judge.
    Measured,
}

/// In ms. The first may be lost while a neighbour is looked for or a bridge learns.
const ATTEMPTS: [u64; 5] = [0, 50, 150, 350, 700];

impl Pace {
    /// When the packet with this number is due, from the beginning of the wave.
    pub(super) fn due(self, number: u32, bounds: Bounds) -> Option<Duration> {
        let attempts = match self {
            Pace::Once => &ATTEMPTS[..1],
            Pace::Patient => &ATTEMPTS,
            Pace::Measured => {
                let (count, every) = bounds.echoes()?;
                return (number < count).then(|| every * number);
            }
        };
        let ms = attempts.get(number as usize)?;
        Some(Duration::from_millis(*ms))
    }
}
