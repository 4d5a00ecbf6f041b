//! Several ways of one route: a hash of what a packet is chooses one, and not all that goes
//! into it is known. All are followed.

use std::net::IpAddr;

use crate::explain::{Explanation, Verdict};

/// With more ways than this together nothing is said.
const MOST: usize = 64;

/// In which namespace, to whom, and whether it is an answer.
type Key = (usize, IpAddr, bool);

/// Where ways part.
#[derive(Debug, Clone)]
struct Fork {
    key: Key,
    ways: Vec<String>,
    chosen: usize,
}

/// Those that were met on one walk; the first are decided before.
#[derive(Debug, Default)]
pub(super) struct Forks {
    decided: Vec<usize>,
    met: Vec<Fork>,
}

impl Forks {
    fn new(decided: Vec<usize>) -> Self {
        let met = Vec::new();
        Forks { decided, met }
    }

    /// The way to follow, where the kernel says this one.
    pub(super) fn at(&mut self, key: Key, ways: Vec<String>, kernels: usize) -> usize {
        let known = self.met.iter().position(|fork| fork.key == key);
        let decided = self.decided.get(known.unwrap_or(self.met.len()));
        let chosen = decided.copied().unwrap_or(kernels).min(ways.len() - 1);
        let fork = Fork { key, ways, chosen };
        match known {
            Some(known) => self.met[known] = fork,
            None => self.met.push(fork),
        }
        chosen
    }

    /// What to decide otherwise.
    fn others(&self) -> impl Iterator<Item = Vec<usize>> {
        let undecided = self.met.iter().enumerate().skip(self.decided.len());
        undecided.flat_map(|(n, fork)| {
            let before: Vec<usize> = self.met[..n].iter().map(|fork| fork.chosen).collect();
            let ways = (0..fork.ways.len()).filter(|way| *way != fork.chosen);
            ways.map(move |way| [before.as_slice(), &[way]].concat())
        })
    }

    /// The way that was decided last.
    fn last(&self) -> Option<&Fork> {
        self.met.get(self.decided.len().checked_sub(1)?)
    }
}

/// Follows all ways, the kernel's first. What is the same on all of them is so.
pub(super) fn all(mut follow: impl FnMut(Forks) -> (Explanation, Forks)) -> Explanation {
    let (mut first, forks) = follow(Forks::default());
    let mut waiting: Vec<Vec<usize>> = forks.others().collect();
    let mut tried = 1;
    while let Some(decided) = waiting.pop() {
        tried += 1;
        if tried > MOST {
            first.verdict = Verdict::Unknown(format!("more than {MOST} ways lead there"));
            break;
        }
        let (other, walked) = follow(Forks::new(decided));
        waiting.extend(walked.others());
        if !agree(&first.verdict, &other.verdict)
            && let Some(fork) = walked.last()
        {
            let before = forks.met.iter().find(|one| one.key == fork.key);
            let before = before.unwrap_or(fork);
            first.verdict = Verdict::Unknown(format!(
                "a hash of what it is chooses one of several ways: by {}, {}; by {}, {}",
                before.ways[before.chosen],
                told(&first.verdict),
                fork.ways[fork.chosen],
                told(&other.verdict)
            ));
            break;
        }
    }
    first
}

/// Of two causes that stop it both are so.
fn agree(one: &Verdict, other: &Verdict) -> bool {
    let stops = |verdict: &Verdict| matches!(verdict, Verdict::Stops(_));
    one == other || stops(one) && stops(other)
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Arrives => "it arrives".to_owned(),
        Verdict::Leaves(place) => format!("it leaves what is seen by {place}"),
        Verdict::Stops(cause) => format!("it stops: {cause}"),
        Verdict::Unknown(why) => format!("it is not known: {why}"),
    }
}
