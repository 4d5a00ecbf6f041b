//! Ranges of addresses, and sets of them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer};

use super::host::number;

/// Addresses of one family from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Range {
    first: IpAddr,
    last: IpAddr,
}

/// Why a text is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRange {
    /// Neither `A-B` nor a subnet nor an address.
    #[error("is not a range of addresses")]
    Unreadable,
    /// One end is IPv4, the other IPv6.
    #[error("begins and ends in different families")]
    Families,
    /// The last address comes before the first.
    #[error("ends before it begins")]
    Backwards,
}

impl Range {
    /// The lowest address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    pub fn last(&self) -> IpAddr {
        self.last
    }

    /// Whether all of it lies in this subnet.
    pub fn is_in(&self, subnet: &IpNet) -> bool {
        subnet.contains(&self.first) && subnet.contains(&self.last)
    }
}

impl From<IpNet> for Range {
    fn from(net: IpNet) -> Self {
        Range {
            first: net.network(),
            last: net.broadcast(),
        }
    }
}

/// `10.0.0.10-10.0.0.99`, a subnet, or one address.
impl FromStr for Range {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(net.into());
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let address = |text: &str| text.trim().parse().map_err(|_| NoRange::Unreadable);
        let (first, last): (IpAddr, IpAddr) = (address(first)?, address(last)?);
        match first.is_ipv4() == last.is_ipv4() {
            false => Err(NoRange::Families),
            true if last < first => Err(NoRange::Backwards),
            true => Ok(Range { first, last }),
        }
    }
}

impl TryFrom<String> for Range {
    type Error = NoRange;

    fn try_from(text: String) -> Result<Self, NoRange> {
        text.parse()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => self.first.fmt(f),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Numbers of addresses of one family, as ranges in order with a gap between each two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet(Vec<(u128, u128)>);

impl RangeSet {
    /// All that is in one of these ranges, which are all of one family.
    pub fn new<R: Into<Range>>(ranges: impl IntoIterator<Item = R>) -> Self {
        let numbers = |range: R| {
            let Range { first, last } = range.into();
            (number(first), number(last))
        };
        ranges.into_iter().map(numbers).collect()
    }

    /// How many numbers there are.
    pub fn count(&self) -> u128 {
        let sizes = self.0.iter().map(|(first, last)| last - first);
        sizes.fold(0u128, |sum, size| {
            sum.saturating_add(size).saturating_add(1)
        })
    }

    /// Whether this number is in it.
    pub fn contains(&self, number: u128) -> bool {
        let range = self.0.get(self.up_to(number));
        range.is_some_and(|(first, _)| *first <= number)
    }

    /// Without what is in the other.
    pub fn without(&self, other: &RangeSet) -> Self {
        let mut left = Vec::new();
        for &(mut first, last) in &self.0 {
            let mut whole = true;
            for &(from, to) in &other.0[other.up_to(first)..] {
                if last < from {
                    break;
                }
                if first < from {
                    left.push((first, from - 1));
                }
                if last <= to {
                    whole = false;
                    break;
                }
                first = to + 1;
            }
            if whole {
                left.push((first, last));
            }
        }
        RangeSet(left)
    }

    /// The ranges from this number on, then those before it.
    pub fn from(&self, start: u128) -> impl Iterator<Item = (u128, u128)> {
        let at = self.up_to(start);
        let later = self.0[at..].iter();
        let later = later.map(move |(first, last)| (*first.max(&start), *last));
        let through = self.0.len().min(at + 1);
        let before = self.0[..through].iter();
        let before = before.filter(move |(first, _)| *first < start);
        later.chain(before.map(move |(first, last)| (*first, (*last).min(start - 1))))
    }

    /// The number that has so many before it.
    pub fn nth(&self, mut n: u128) -> Option<u128> {
        for (first, last) in &self.0 {
            match n <= last - first {
                true => return Some(first + n),
                false => n -= last - first + 1,
            }
        }
        None
    }

    /// Where the first range is that does not end before this number.
    fn up_to(&self, number: u128) -> usize {
        self.0.partition_point(|(_, last)| *last < number)
    }
}

/// Ranges in any order, whether they overlap or not.
impl FromIterator<(u128, u128)> for RangeSet {
    fn from_iter<I: IntoIterator<Item = (u128, u128)>>(ranges: I) -> Self {
        let mut all: Vec<(u128, u128)> = ranges.into_iter().collect();
        all.sort_unstable();
        let mut joined: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        RangeSet(joined)
    }
}
