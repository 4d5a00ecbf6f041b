//! Sends probes from inside namespaces: sockets are opened inside, and all are
//! served outside, by one loop or, where there are very many pings, by several.

mod crew;
mod flight;
mod neighbours;
pub(crate) mod once;
mod open;
mod part;
mod refusal;
mod sockets;
mod source;

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::probe::{Check, Map, Outcome, Probe};
use part::Part;

/// So many pings are worth another processor: each begins with a broadcast, and the
/// sender's processor goes through all who hear it.
const MANY: usize = 1000;
/// More would wait for each other in the kernel, whose tables have one lock each.
const MOST_PARTS: usize = 4;

/// Sends all probes and waits for their answers: each at most `timeout`, less when
/// all is known before. `map` shows the observed state; `progress` is told how many
/// probes have come to an end. Where a lab's own namespace has the address of a TCP
/// or UDP probe and nothing listens there, netyard answers itself meanwhile.
///
/// # Errors
/// A namespace cannot be entered, or a socket not opened.
pub fn run(
    checks: &[Check],
    map: &Map<'_>,
    timeout: Duration,
    progress: impl FnMut(usize) + Send,
) -> io::Result<Vec<Outcome>> {
    let progress = Progress(Mutex::new((BTreeMap::new(), progress)));
    let (measured, plain) = (0..checks.len()).partition(|n| checks[*n].is_measured());
    let parts = divided(checks, plain);
    let of = parts.len();
    let fly = |(number, numbers): (usize, Vec<usize>)| -> io::Result<_> {
        let own: Vec<Check> = numbers.iter().map(|n| checks[*n].clone()).collect();
        let part = Part { number, of, map };
        let mut tell = |ended| progress.told(number, ended);
        let outcomes = part.fly(&own, timeout, &mut tell)?;
        Ok(numbers.into_iter().zip(outcomes).collect::<Vec<_>>())
    };
    let mut all = std::thread::scope(|scope| {
        let parts = (0..).zip(parts);
        let threads: Vec<_> = parts.map(|part| scope.spawn(|| fly(part))).collect();
        let ends = threads.into_iter().map(|thread| match thread.join() {
            Ok(outcomes) => outcomes,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ends.collect::<io::Result<Vec<_>>>()
    })?;
    // When all else is quiet.
    all.push(fly((of, measured))?);
    let all: BTreeMap<usize, Outcome> = all.into_iter().flatten().collect();
    Ok(all.into_values().collect())
}

/// Parts that may be flown at the same time: very many pings in several, by pairs.
/// Two that listen on one port are in one.
fn divided(checks: &[Check], numbers: Vec<usize>) -> Vec<Vec<usize>> {
    let is_ping = |n: &usize| checks[*n].probe == Probe::Ping;
    let (mut pings, others): (Vec<usize>, Vec<usize>) = numbers.into_iter().partition(is_ping);
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let count = match pings.len() {
        0..MANY => 1,
        _ => processors.min(MOST_PARTS),
    };
    pings.sort_by_key(|n| checks[*n].pair());
    let chunks = pings.chunks(pings.len().div_ceil(count).max(1));
    let mut parts: Vec<Vec<usize>> = chunks.map(<[usize]>::to_vec).collect();
    match parts.first_mut() {
        Some(first) => first.extend(others),
        None => parts.push(others),
    }
    parts
}

/// Adds up what the parts tell.
struct Progress<F>(Mutex<(BTreeMap<usize, usize>, F)>);

impl<F: FnMut(usize)> Progress<F> {
    fn told(&self, part: usize, ended: usize) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0.insert(part, ended);
        let sum = inner.0.values().sum();
        (inner.1)(sum);
    }
}
