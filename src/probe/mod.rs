//! Proof by packets: what a file expects becomes probes ([`expand()`], or [`matrix()`]
//! for all that may be asked), the probes are sent from inside the namespaces
//! ([`run`]), and a surprise is explained from the [`Map`] of the state ([`explain()`]).

mod bounds;
mod expand;
mod explain;
pub(crate) mod packet;
pub(crate) mod path;
mod policy;
mod published;
#[cfg(test)]
mod tests;
pub(crate) mod wave;

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

pub use crate::sys::probe::run;
pub use crate::topology::{Bounds, PacketSize, Probe};
pub use expand::{Matrix, expand, matrix};
pub use explain::explain;
pub(crate) use path::Entry;
pub use path::Map;
pub use published::Behind;

use crate::state::Netns;

/// One probe: from a namespace to an address, and what must come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Where it is sent from.
    pub from: Netns,
    /// The address it is sent to.
    pub to: IpAddr,
    /// The namespace that the file named, when it named one.
    pub name: Option<Netns>,
    /// The namespace of the lab that has the address, where one has.
    pub home: Option<Netns>,
    /// Where it is sent on to, as a published port of the host is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
    /// What is sent.
    pub probe: Probe,
    /// Whether it must arrive, or must not; `None`: nobody expects anything.
    pub reach: Option<bool>,
    /// How well it must arrive.
    #[serde(flatten)]
    pub bounds: Bounds,
}

impl Check {
    /// Whether many packets are needed to judge it.
    pub(crate) fn is_measured(&self) -> bool {
        self.bounds.echoes().is_some()
    }

    /// Who answers, by which address and port.
    pub fn server(&self) -> Option<(&Netns, IpAddr, Probe)> {
        match &self.behind {
            Some(Behind { netns, at }) => Some((netns, at.ip(), self.probe.at_port(at.port()))),
            None => self.home.as_ref().map(|home| (home, self.to, self.probe)),
        }
    }

    /// Its two namespaces, whichever asks.
    pub(crate) fn pair(&self) -> (&Netns, Option<&Netns>, IpAddr) {
        match &self.home {
            Some(home) if *home < self.from => (home, Some(&self.from), self.to),
            home => (&self.from, home.as_ref(), self.to),
        }
    }
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What was seen.
    pub seen: Seen,
    /// From the sending of the answered packet to its answer; of several the median.
    pub rtt: Option<Duration>,
    /// How many packets were sent.
    pub sent: u32,
    /// How many of them were answered.
    pub answered: u32,
    /// Their size in bytes, where one was asked for.
    pub size: Option<u32>,
    /// The largest packet that arrived, where those of that size did not.
    pub fits: Option<u32>,
    /// Whether a server was there already, so that netyard did not answer itself.
    pub server: bool,
}

/// What was seen of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// The answer came.
    Reached,
    /// It arrived, and nobody listens there.
    Refused,
    /// Nothing came back in time.
    NoAnswer,
    /// Somebody said that it cannot be delivered.
    Unreachable {
        /// Who said so; `None`: the sender's own kernel.
        by: Option<IpAddr>,
        /// What was said.
        why: String,
    },
}
