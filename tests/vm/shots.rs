//! Datagrams that are sent at a steady pace, and when each arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::matrix::within;

/// A namespace and its address, and where to.
#[derive(Clone, Copy)]
pub(crate) struct Path<'p> {
    pub(crate) from: (&'p str, &'p str),
    pub(crate) to: (&'p str, &'p str),
}

impl Path<'_> {
    /// The same the other way.
    pub(crate) fn back(self) -> Self {
        Path {
            from: self.to,
            to: self.from,
        }
    }
}

/// The payload of each; with headers it is a frame of [`FRAME`] bytes.
const SIZE: usize = 1000;
const FRAME: usize = SIZE + 8 + 20 + 14;

/// How long nothing comes before nothing more is waited for: longer than any delay here.
const QUIET: Duration = Duration::from_millis(700);

pub(crate) struct Shots {
    count: u32,
    every: Duration,
}

impl Shots {
    /// So many, each so many milliseconds after the one before.
    pub(crate) fn of(count: u32, ms: u64) -> Self {
        let every = Duration::from_millis(ms);
        Shots { count, every }
    }

    /// So close that they are so many bits a second.
    pub(crate) fn paced(self, rate: f64) -> Self {
        let every = Duration::from_secs_f64(FRAME as f64 * 8.0 / rate);
        Shots { every, ..self }
    }

    pub(crate) fn over(self, path: Path<'_>) -> Flight {
        let open = |(netns, address): (&str, &str)| {
            let bound = within(netns, || UdpSocket::bind((address, 0)));
            bound.expect("a socket")
        };
        let (sender, receiver) = (open(path.from), open(path.to));
        sender
            .connect(receiver.local_addr().expect("an address"))
            .expect("a way");
        let mut flight = Flight::default();
        let begun = Instant::now();
        for number in 0..self.count {
            flight.hear(&receiver, begun + self.every * number);
            let mut packet = [0; SIZE];
            packet[..4].copy_from_slice(&number.to_be_bytes());
            flight.sent.push(Instant::now());
            sender.send(&packet).expect("a packet that is sent");
        }
        while flight.hear(&receiver, Instant::now() + QUIET) {}
        flight
    }
}

#[derive(Default)]
pub(crate) struct Flight {
    sent: Vec<Instant>,
    arrived: Vec<(u32, Instant)>,
}

impl Flight {
    /// Takes what arrives until then; whether anything did.
    fn hear(&mut self, receiver: &UdpSocket, until: Instant) -> bool {
        let before = self.arrived.len();
        let mut packet = [0; SIZE];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            // None at all would be forever.
            receiver
                .set_read_timeout(Some(left.max(Duration::from_micros(1))))
                .expect("a timeout");
            match receiver.recv(&mut packet) {
                Ok(SIZE) => {
                    let number = packet[..4].try_into().map(u32::from_be_bytes);
                    let number = number.expect("four bytes");
                    self.arrived.push((number, Instant::now()));
                }
                Ok(size) => panic!("{size} bytes"),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => panic!("{e}"),
            }
            if left.is_zero() {
                return self.arrived.len() > before;
            }
        }
    }

    pub(crate) fn arrivals(&self) -> u32 {
        self.arrived.len() as u32
    }

    /// How many have arrived at least once.
    pub(crate) fn distinct(&self) -> u32 {
        let numbers: BTreeSet<u32> = self.arrived.iter().map(|(number, _)| *number).collect();
        numbers.len() as u32
    }

    /// How many arrived before one that was sent earlier.
    pub(crate) fn overtakers(&self) -> u32 {
        let mut least = u32::MAX;
        let mut count = 0;
        for (number, _) in self.arrived.iter().rev() {
            count += u32::from(least < *number);
            least = least.min(*number);
        }
        count
    }

    /// Bits a second between the first arrival and the last.
    pub(crate) fn speed(&self) -> f64 {
        let (Some((_, first)), Some((_, last))) = (self.arrived.first(), self.arrived.last())
        else {
            panic!("nothing has arrived");
        };
        let bytes = (self.arrived.len() - 1) * FRAME;
        bytes as f64 * 8.0 / (*last - *first).as_secs_f64()
    }
}

/// How long half of them took at most, in seconds.
pub(crate) fn median(flight: &Flight) -> f64 {
    let first: BTreeMap<u32, Instant> = flight.arrived.iter().rev().copied().collect();
    let took = first.iter().map(|(number, arrived)| {
        let sent = flight.sent[*number as usize];
        (*arrived - sent).as_secs_f64()
    });
    let mut took: Vec<f64> = took.collect();
    assert!(!took.is_empty(), "nothing has arrived");
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}

/// Whether so many of so many are what each by a chance of its own comes to, in all but one of
/// a million cases (the binomial distribution's two tails, each half of that).
pub(crate) fn is_likely(some: u32, of: u32, chance: f64) -> bool {
    let (at_most, at_least) = (0..=some, some..=of);
    let tail = |mut numbers: std::ops::RangeInclusive<u32>| {
        numbers.try_fold(0.0, |sum, k| {
            let sum = sum + probability(k, of, chance);
            (sum < 5e-7).then_some(sum)
        })
    };
    tail(at_most).is_none() && tail(at_least).is_none()
}

/// That exactly `k` of `n` do what each does by this chance, by logarithms: the numbers of ways
/// are too large.
fn probability(k: u32, n: u32, chance: f64) -> f64 {
    let ways: f64 = (1..=k)
        .map(|i| (f64::from(n - k + i) / f64::from(i)).ln())
        .sum();
    let (k, rest) = (f64::from(k), f64::from(n - k));
    (ways + k * chance.ln() + rest * (1.0 - chance).ln()).exp()
}
