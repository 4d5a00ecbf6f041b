//! Flies a wave: sends, waits, hears.

use std::io;
use std::time::{Duration, Instant};

use super::flight::Flight;
use super::open;
use super::part::Part;
use super::sockets::Sockets;
use crate::probe::{Check, Outcome};

/// How many packets are sent before answers are waited for: a processor's queue has
/// room for 1000 (`net.core.netdev_max_backlog`), and a broadcast to 100 is 100. More
/// and more where nobody answers at all.
const AHEAD: [usize; 2] = [4, 64];
/// How long that waiting is worth.
const BREATH: Duration = Duration::from_millis(1);

/// When a wave ends, unless all is answered before.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// So long after the last packet or answer.
    Quiet(Duration),
    /// So long after its beginning.
    Over(Duration),
}

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

    /// Those without an answer.
    pub(super) fn open(&self, numbers: &[usize]) -> Vec<usize> {
        let open = numbers.iter().filter(|n| self.flights[**n].is_open());
        open.copied().collect()
    }

    /// Sends the packets of a wave, and hears the answers.
    pub(super) fn fly(&mut self, wave: &[usize], until: Until) -> io::Result<()> {
        let began = Instant::now();
        let mut last = Duration::ZERO;
        let ended = self.flights.iter().filter(|f| !f.is_open()).count();
        wave.iter().for_each(|n| self.flights[*n].set_out());
        loop {
            if self.send_due(wave, began)? {
                last = began.elapsed();
            }
            let open = self.open(wave).len();
            (self.progress)(ended + wave.len() - open);
            let end = match until {
                Until::Quiet(time) => last + time,
                Until::Over(time) => time,
            };
            let now = began.elapsed();
            if open == 0 || now >= end {
                return Ok(());
            }
            let due = wave.iter().filter_map(|n| self.flights[*n].due());
            let next = due.min().unwrap_or(end).min(end);
            if self.hear(next.saturating_sub(now))? {
                last = began.elapsed();
            }
        }
    }

    /// Waits no more for answers to these.
    pub(super) fn give_up(&mut self, numbers: &[usize]) {
        numbers.iter().for_each(|n| self.flights[*n].give_up());
    }

    /// Those that are to be measured, and can be.
    pub(super) fn measured(&mut self) -> Vec<usize> {
        let flights = self.flights.iter_mut().enumerate();
        let measured = flights.filter_map(|(n, flight)| flight.measure().then_some(n));
        measured.collect()
    }

    /// How long it takes to send the packets of a wave.
    pub(super) fn sending(&self, wave: &[usize]) -> Duration {
        let trains = wave.iter().map(|n| self.flights[*n].train());
        let each = trains.map(|(count, every)| every * count);
        each.max().unwrap_or_default()
    }

    /// What came of all.
    pub(super) fn outcomes(self) -> Vec<Outcome> {
        self.flights.into_iter().map(Flight::outcome).collect()
    }

    /// Sends what is due, and says whether something was.
    fn send_due(&mut self, wave: &[usize], began: Instant) -> io::Result<bool> {
        let (mut sent, mut ahead, mut most) = (false, 0, AHEAD[0]);
        for number in wave {
            let flight = &mut self.flights[*number];
            if flight.due().is_none_or(|due| due > began.elapsed()) {
                continue;
            }
            flight.send(&mut self.sockets);
            (sent, ahead) = (true, ahead + 1);
            // On the same machine the answer is mostly there by now; taken at once, it
            // tells the time best, and no queue overflows.
            let raw = self.flights[*number].raw();
            let mut heard = raw.is_some_and(|raw| self.sockets.hear_raw(raw, 1, &mut self.flights));
            if !heard && ahead >= most {
                heard = self.hear(BREATH)?;
                (ahead, most) = (0, AHEAD[1].min(most * 2));
            }
            if heard {
                (ahead, most) = (0, AHEAD[0]);
            }
        }
        Ok(sent)
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
