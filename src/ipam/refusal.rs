//! Why an address is not given.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::lease::Holder;

/// Why there is no lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody has the address.
    Held {
        /// The address.
        address: IpAddr,
        /// Who has it.
        by: Holder,
        /// For how long.
        age: Duration,
    },
    /// The address is none that the network gives.
    Closed {
        /// The address.
        address: IpAddr,
        /// The subnet that was asked.
        subnet: IpNet,
    },
    /// Every address is taken.
    Full(Full),
}

/// A subnet that has no address left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    /// The subnet.
    pub subnet: IpNet,
    /// How many addresses it gives.
    pub count: u128,
    /// Who holds how many of these, the greatest first.
    pub held: Vec<(Holder, u64)>,
}

/// Holders that are named.
const NAMED: usize = 3;

impl Full {
    /// "253 addresses are given here: lab a holds 200, container b 53".
    pub fn holders(&self) -> String {
        let count = match self.count {
            1 => "1 address is given here".to_owned(),
            count => format!("{count} addresses are given here"),
        };
        let mut text = count;
        for (i, (holder, held)) in self.held.iter().take(NAMED).enumerate() {
            text += match i {
                0 => ": ",
                _ => ", ",
            };
            text += &format!("{holder} holds {held}");
        }
        let rest = self.held.iter().skip(NAMED);
        match rest.clone().map(|(_, held)| held).sum::<u64>() {
            0 => text,
            held => text + &format!(", {} others {held} together", rest.count()),
        }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Held { address, by, age } => {
                write!(f, "{by} holds {address}, for {}", Age(*age))
            }
            Refusal::Closed { address, subnet } => {
                write!(f, "{address} is none of the addresses that {subnet} gives")
            }
            Refusal::Full(full) => write!(f, "subnet {} has no free address", full.subnet),
        }
    }
}

/// A time as people say it.
struct Age(Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0..120 => (seconds, "second"),
            120..7200 => (seconds / 60, "minute"),
            7200..172_800 => (seconds / 3600, "hour"),
            _ => (seconds / 86_400, "day"),
        };
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {unit}{plural}")
    }
}
