//! The addresses of one subnet, and which of them comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::host::{address_like, hosts, is_host, number};
use super::range::{Range, RangeSet};
use super::runs::{Run, Runs};

/// Which addresses of a subnet are given to those that ask for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    subnet: IpNet,
    numbers: RangeSet,
}

impl Open {
    /// Of the subnet's host addresses those in `ranges`, or all if none of these is in the
    /// subnet; without what is in `exclude`. What lies outside the subnet counts for nothing.
    pub fn new(subnet: IpNet, ranges: &[Range], exclude: &[Range]) -> Self {
        let inside = |all: &[Range]| {
            let near = all.iter().copied();
            RangeSet::new(near.filter(|range| range.is_in(&subnet)))
        };
        let all: RangeSet = [hosts(&subnet).into_inner()].into_iter().collect();
        let wanted = inside(ranges);
        let wanted = match wanted.count() {
            0 => all,
            // What is in both: all, without what is not wanted.
            _ => all.without(&all.without(&wanted)),
        };
        Open {
            subnet,
            numbers: wanted.without(&inside(exclude)),
        }
    }

    /// The subnet.
    pub fn subnet(&self) -> IpNet {
        self.subnet
    }

    /// How many addresses there are to give.
    pub fn count(&self) -> u128 {
        self.numbers.count()
    }

    /// Whether this address is among those that are given.
    pub fn contains(&self, address: IpAddr) -> bool {
        is_host(&self.subnet, address) && self.numbers.contains(number(address))
    }

    /// The first free address after the one that was given last, and after the end those
    /// from the beginning: one that was given back is not given to another at once, who
    /// would get what is still on its way to the first.
    pub fn next_free<R: Runs>(
        &self,
        taken: &R,
        last: Option<IpAddr>,
    ) -> Result<Option<IpAddr>, R::Error> {
        let start = last.map_or(0, |last| number(last).saturating_add(1));
        for (first, end) in self.numbers.from(start) {
            let free = taken.free_from(first)?;
            if free <= end {
                return Ok(Some(address_like(&self.subnet, free)));
            }
        }
        Ok(None)
    }
}

/// The addresses of a subnet, some of them taken.
#[derive(Debug, Clone)]
pub struct Pool {
    open: Open,
    last: Option<IpAddr>,
    taken: BTreeMap<u128, u128>,
    kept: BTreeSet<u128>,
}

impl Pool {
    /// Every host address of this subnet.
    pub fn new(subnet: IpNet) -> Self {
        Self::of(Open::new(subnet, &[], &[]), None)
    }

    /// These addresses, of which this one was given last.
    pub fn of(open: Open, last: Option<IpAddr>) -> Self {
        Pool {
            open,
            last,
            taken: BTreeMap::new(),
            kept: BTreeSet::new(),
        }
    }

    /// The same, of which others have these already.
    pub fn beside(open: Open, last: Option<IpAddr>, others: &[Run]) -> Self {
        let taken = others.iter().map(|run| (run.first, run.last));
        Pool {
            taken: taken.collect(),
            ..Self::of(open, last)
        }
    }

    /// What it gives.
    pub fn open(&self) -> &Open {
        &self.open
    }

    /// The address that was given last.
    pub fn last(&self) -> Option<IpAddr> {
        self.last
    }

    /// Takes this address. `false`: it is taken already, or no host address of the subnet.
    pub fn take(&mut self, address: IpAddr) -> bool {
        let number = number(address);
        is_host(&self.open.subnet, address)
            && (self.kept.remove(&number) || taken(&mut self.taken, number))
    }

    /// Keeps this address back: it is given out only when no other is free. An
    /// address that another host had a moment ago is still in the neighbour
    /// tables of those that spoke to it.
    pub fn keep_back(&mut self, address: IpAddr) {
        let number = number(address);
        if self.open.contains(address) && taken(&mut self.taken, number) {
            self.kept.insert(number);
        }
    }

    /// Takes the next free address ([`Open::next_free`]); `None`: there is none.
    pub fn take_next(&mut self) -> Option<IpAddr> {
        let Ok(free) = self.open.next_free(&self.taken, self.last);
        let address = match free {
            Some(free) => free,
            None => address_like(&self.open.subnet, self.kept.pop_first()?),
        };
        taken(&mut self.taken, number(address));
        self.last = Some(address);
        Some(address)
    }
}

fn taken(runs: &mut BTreeMap<u128, u128>, number: u128) -> bool {
    let Ok(new) = runs.take(number);
    new
}
