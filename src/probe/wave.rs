//! Which probes are sent together. All namespaces of a machine share one neighbour
//! table a family, and when it is full packets vanish without a word (neigh_alloc,
//! net/core/neighbour.c): so that no more probes are under way than fit into it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Check;
use super::path::{Entry, Map};
use crate::state::Netns;

/// How many probes a wave has at most, however few entries they need.
const PROBES: usize = 1024;

/// Divides probes, given by their numbers, into waves that need at most so many
/// entries of a neighbour table.
pub(crate) fn waves(
    checks: &[Check],
    mut numbers: Vec<usize>,
    map: &Map<'_>,
    entries: usize,
) -> Vec<Vec<usize>> {
    // A pair's two directions need the same entries, and a namespace's pairs share some. By
    // squares, so that a wave has few namespaces: after it, each is asked for its neighbours.
    let place = places(checks, &numbers, (entries / 2).isqrt().max(1));
    numbers.sort_by_cached_key(|n| {
        let pair = checks.get(*n).map(Check::pair);
        let square = pair.map(|(one, other, _)| (place.get(one), other.map(|it| place.get(it))));
        (square, pair)
    });
    let (mut waves, mut wave) = (Vec::new(), Vec::new());
    let mut needed = Needed::default();
    for number in numbers {
        let Some(check) = checks.get(number) else {
            continue;
        };
        let more = map.neighbours(&check.from, check.to);
        needed.add(&more);
        if !wave.is_empty() && (needed.most() > entries || wave.len() == PROBES) {
            waves.push(std::mem::take(&mut wave));
            needed = Needed::default();
            needed.add(&more);
        }
        wave.push(number);
    }
    waves.extend((!wave.is_empty()).then_some(wave));
    waves
}

/// Whether all probes together need at most so many entries.
pub(crate) fn fit(checks: &[Check], map: &Map<'_>, entries: usize) -> bool {
    let mut needed = Needed::default();
    checks.iter().all(|check| {
        needed.add(&map.neighbours(&check.from, check.to));
        needed.most() <= entries
    })
}

/// In which row or column of squares each namespace is.
fn places<'c>(checks: &'c [Check], numbers: &[usize], side: usize) -> BTreeMap<&'c Netns, usize> {
    let pairs = numbers
        .iter()
        .filter_map(|n| checks.get(*n))
        .map(Check::pair);
    let all: BTreeSet<&Netns> = pairs
        .flat_map(|(one, other, _)| [Some(one), other])
        .flatten()
        .collect();
    (0..).zip(all).map(|(n, netns)| (netns, n / side)).collect()
}

/// Who looks for whom, and how many that are for each family's table.
#[derive(Default)]
struct Needed<'a> {
    entries: BTreeSet<Entry<'a>>,
    v4: usize,
    v6: usize,
}

impl<'a> Needed<'a> {
    fn add(&mut self, entries: &[Entry<'a>]) {
        for entry in entries.iter().filter(|entry| self.entries.insert(**entry)) {
            match entry.1 {
                IpAddr::V4(_) => self.v4 += 1,
                IpAddr::V6(_) => self.v6 += 1,
            }
        }
    }

    fn most(&self) -> usize {
        self.v4.max(self.v6)
    }
}
