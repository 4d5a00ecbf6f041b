//! Flies a wave: sends, waits, hears.

use std::io;
use std::time::{Duration, Instant};

use super::flight::Flight;
use super::open;
use super::pace::Pace;
use super::part::Part;
use super::sockets::Sockets;
use crate::probe::{Check, Outcome};

/// How long a wave that is flown once waits after the last answer: within a machine a
/// packet is there and back in less than a tenth of it.
const QUIET: Duration = Duration::from_millis(20);

/// Probes on their way, and the sockets that they travel by.
pub(super) struct Crew<'c> {
    flights: Vec<Flight<'c>>,
    sockets: Sockets,
    progress: &'c mut dyn FnMut(usize),
}

impl<'c> Crew<'c> {
    pub(super) fn new(
        checks: &'c [Check],
        part: &Part<'_>,
        progress: &'c mut dyn FnMut(usize),
    ) -> io::Result<Self> {
        let sockets = open::open(checks, part.number)?;
        let flight = |(n, check)| Flight::new(n, check, part.map, &sockets);
        let flights = (0..).zip(checks).map(flight).collect();
        Ok(Crew {
            flights,
            sockets,
            progress,
        })
    }

    pub(super) fn is_open(&self, number: usize) -> bool {
        self.flights[number].is_open()
    }

    /// Sends the probes of a wave, again and again at their pace, until all are
    /// answered or the time is over.
    pub(super) fn fly(&mut self, wave: &[usize], pace: Pace, longest: Duration) -> io::Result<()> {
        let began = Instant::now();
        let mut last = Duration::ZERO;
        let ended = self.flights.iter().filter(|f| !f.is_open()).count();
        wave.iter().for_each(|n| self.flights[*n].set_out(pace));
        loop {
            if self.send_due(wave, began) {
                last = began.elapsed();
            }
            let open = wave.iter().filter(|n| self.is_open(**n)).count();
            (self.progress)(ended + wave.len() - open);
            let end = match pace {
                Pace::Once => longest.min(last + QUIET),
                _ => longest,
            };
            let now = began.elapsed();
            if open == 0 || now >= end {
                break;
            }
            let due = wave.iter().filter_map(|n| self.flights[*n].due());
            let next = due.min().unwrap_or(end).min(end);
            if self.hear(next.saturating_sub(now))? {
                last = began.elapsed();
            }
        }
        // What is silent here has another wave before it.
        if pace != Pace::Once {
            wave.iter().for_each(|n| self.flights[*n].give_up());
        }
        Ok(())
    }

    /// What came of all.
    pub(super) fn outcomes(self) -> Vec<Outcome> {
        self.flights.into_iter().map(Flight::outcome).collect()
    }

    /// How long the slowest of measured pings may take.
    pub(super) fn longest(&self, group: &[usize], timeout: Duration) -> Duration {
        let each = group.iter().map(|n| self.flights[*n].longest(timeout));
        each.max().unwrap_or(timeout)
    }

    /// Sends what is due, and says whether something was.
    fn send_due(&mut self, wave: &[usize], began: Instant) -> bool {
        let mut sent = false;
        for number in wave {
            let flight = &mut self.flights[*number];
            if flight.due().is_some_and(|due| due <= began.elapsed()) {
                flight.send(&mut self.sockets);
                sent = true;
                // On the same machine the answer is mostly there by now; taken at
                // once, it tells the time best, and no queue overflows.
                if let Some(raw) = self.flights[*number].raw() {
                    self.sockets.hear_raw(raw, 1, &mut self.flights);
                }
            }
        }
        sent
    }

    /// Waits for something to hear, and says whether there was something.
    fn hear(&mut self, longest: Duration) -> io::Result<bool> {
        let ready = self.sockets.wait(longest)?;
        for source in &ready {
            self.sockets.hear(*source, &mut self.flights);
        }
        Ok(!ready.is_empty())
    }
}
