//! Some of the probes, flown in waves by one loop.

use std::io;
use std::time::{Duration, Instant};

use super::crew::{Crew, Until};
use super::neighbours::{Needed, Neighbours};
use crate::probe::wave::{fit, waves};
use crate::probe::{Check, Map, Outcome};

/// How many entries of a neighbour table a wave may need: the table takes 1024
/// (`gc_thresh3`), and above 512 it is searched for what can go, again and again
/// (`neigh_alloc`, net/core/neighbour.c). Others of the machine use it too, so that
/// what had no answer at once has a second and much smaller wave.
const QUICK: [usize; 2] = [400, 48];
/// What is silent then is most likely so for other reasons.
const PATIENT: usize = 128;
/// How long a quick wave waits after the last answer: within a machine a packet is
/// there and back in less than a tenth of it.
const QUIET: Duration = Duration::from_millis(20);
/// How long a patient wave waits before it sends again, in ms; the last time, until
/// the time is over. Packets may be lost while a bridge learns or a link comes up.
const ROUNDS: [u64; 5] = [50, 100, 200, 350, u64::MAX];
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

impl<'m> Part<'m> {
    pub(super) fn fly(
        &self,
        checks: &[Check],
        timeout: Duration,
        progress: &mut dyn FnMut(usize),
    ) -> io::Result<Vec<Outcome>> {
        let mut crew = Crew::new(checks, self, progress)?;
        let slow = checks.iter().filter_map(|check| check.bounds.rtt);
        let timeout = slow.fold(timeout, |most, rtt| most.max(rtt.duration()));
        let silent = self.quickly(checks, &mut crew)?;
        self.patiently(checks, silent, timeout, &mut crew)?;
        let measured = crew.measured();
        for group in measured.chunks(MEASURED) {
            let longest = crew.sending(group) + timeout;
            crew.fly(group, Until::Over(longest))?;
            crew.give_up(group);
        }
        Ok(crew.outcomes())
    }

    /// Sends each probe once or twice; gives those without an answer.
    fn quickly(&self, checks: &[Check], crew: &mut Crew<'_>) -> io::Result<Vec<usize>> {
        let all: Vec<usize> = (0..checks.len()).collect();
        let mut neighbours = match fit(checks, self.map, self.share(QUICK[1])) {
            true => None,
            false => Some(Neighbours::look(&self.needed(checks, &all))?),
        };
        for entries in QUICK {
            for wave in self.waves(checks, crew.open(&all), entries) {
                crew.fly(&wave, Until::Quiet(QUIET))?;
                if let Some(neighbours) = &mut neighbours {
                    neighbours.forget(&self.needed(checks, &wave))?;
                }
            }
        }
        Ok(crew.open(&all))
    }

    /// Sends probes again and again until they are answered or the time is over.
    fn patiently(
        &self,
        checks: &[Check],
        silent: Vec<usize>,
        timeout: Duration,
        crew: &mut Crew<'_>,
    ) -> io::Result<()> {
        if silent.is_empty() {
            return Ok(());
        }
        let mut neighbours = Neighbours::look(&self.needed(checks, &silent))?;
        for wave in self.waves(checks, silent, PATIENT) {
            let (began, needed) = (Instant::now(), self.needed(checks, &wave));
            for round in ROUNDS {
                let left = timeout.saturating_sub(began.elapsed());
                let open = crew.open(&wave);
                if open.is_empty() || left.is_zero() {
                    break;
                }
                crew.fly(&open, Until::Over(left.min(Duration::from_millis(round))))?;
                neighbours.forget_silent(&needed)?;
            }
            crew.give_up(&wave);
            neighbours.forget(&needed)?;
        }
        Ok(())
    }

    /// Waves that need no more than its share of so many entries.
    fn waves(&self, checks: &[Check], numbers: Vec<usize>, entries: usize) -> Vec<Vec<usize>> {
        waves(checks, numbers, self.map, self.share(entries))
    }

    /// This part's share of so many entries.
    fn share(&self, entries: usize) -> usize {
        entries / self.of.max(1)
    }

    /// The neighbours that the probes of a wave look for.
    fn needed(&self, checks: &[Check], wave: &[usize]) -> Needed<'m> {
        let checks = wave.iter().filter_map(|n| checks.get(*n));
        let needed = checks.flat_map(|check| self.map.neighbours(&check.from, check.to));
        needed.collect()
    }
}
