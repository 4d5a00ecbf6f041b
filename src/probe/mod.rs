//! Proof by packets: what a file expects becomes probes ([`expand()`]), the probes
//! are sent from inside the namespaces ([`run`]), and a surprise is explained from
//! the state ([`explain()`]).

mod expand;
mod explain;
pub(crate) mod packet;

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

pub use crate::sys::probe::run;
pub use crate::topology::Probe;
pub use expand::expand;
pub use explain::explain;

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
    /// What is sent.
    pub probe: Probe,
    /// Whether it must arrive, or must not.
    pub reach: bool,
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What was seen.
    pub seen: Seen,
    /// From the sending of the answered packet to its answer.
    pub rtt: Option<Duration>,
}

impl Outcome {
    /// Whether that is what was expected.
    pub fn is_expected(&self, check: &Check) -> bool {
        (self.seen == Seen::Reached) == check.reach
    }
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
