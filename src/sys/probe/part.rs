//! Some of the probes, flown in waves by one loop.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use super::crew::Crew;
use super::neighbours::Neighbours;
use super::pace::Pace;
use crate::probe::wave::waves;
use crate::probe::{Check, Entry, Map, Outcome};

/// How many entries of a neighbour table a wave may need, and how it is flown. The
/// table takes 1024 (`gc_thresh3`), and above 512 it is searched for what can go,
/// again and again (`neigh_alloc`, net/core/neighbour.c). Others of the machine use
/// it too, so that what had no answer has another, smaller wave; what is silent then
/// is most likely so for other reasons.
const PASSES: [(usize, Pace); 3] = [
    (400, Pace::Once),
    (FEWEST, Pace::Once),
    (128, Pace::Patient),
];
const FEWEST: usize = 48;
/// How many pings are measured side by side: more would measure each other.
const MEASURED: usize = 16;

/// One of several that share the neighbour tables.
pub(super) struct Part<'m> {
    /// Which.
    pub(super) number: usize,
    /// How many there are.
    pub(super) of: usize,
    pub(super) map: &'m Map<'m>,
}

impl Part<'_> {
    /// Sends the probes: those that are measured after the others.
    pub(super) fn fly(
        &self,
        checks: &[Check],
        timeout: Duration,
        progress: &mut dyn FnMut(usize),
    ) -> io::Result<Vec<Outcome>> {
        let mut crew = Crew::new(checks, self, progress)?;
        let (measured, plain): (Vec<usize>, Vec<usize>) =
            (0..checks.len()).partition(|n| checks[*n].is_measured());
        let mut neighbours = match self.waves(checks, plain.clone(), FEWEST).len() {
            0 | 1 => None,
            _ => Some(Neighbours::look(self.map)?),
        };
        for (entries, pace) in PASSES {
            let open = plain.iter().copied().filter(|n| crew.is_open(*n)).collect();
            for wave in self.waves(checks, open, entries) {
                crew.fly(&wave, pace, timeout)?;
                if let Some(neighbours) = &mut neighbours {
                    neighbours.forget(&self.needed(checks, &wave))?;
                }
            }
        }
        for group in measured.chunks(MEASURED) {
            let longest = crew.longest(group, timeout);
            crew.fly(group, Pace::Measured, longest)?;
        }
        Ok(crew.outcomes())
    }

    /// Waves that need no more than this part's share of so many entries.
    fn waves(&self, checks: &[Check], numbers: Vec<usize>, entries: usize) -> Vec<Vec<usize>> {
        waves(checks, numbers, self.map, entries / self.of.max(1))
    }

    /// The neighbours that the probes of a wave look for.
    fn needed(&self, checks: &[Check], wave: &[usize]) -> BTreeSet<Entry<'_>> {
        let checks = wave.iter().filter_map(|n| checks.get(*n));
        checks
            .flat_map(|check| self.map.neighbours(&check.from, check.to))
            .collect()
    }
}
