//! What is told of while labs are watched over.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::plan::Plan;
use crate::state::{LabName, Netns};
pub use crate::sys::netlink::notices::What;

/// Something that whoever started the watch may want to know.
#[derive(Debug)]
pub enum Event {
    /// These labs are watched over from now on; it is told again when they change.
    Watching {
        /// All of them.
        labs: Vec<LabName>,
        /// Those that were asked for and are not up: they are waited for.
        absent: Vec<LabName>,
    },
    /// Something was not as described, and is again.
    Repaired {
        /// The lab.
        lab: LabName,
        /// What had been heard of.
        causes: Vec<Cause>,
        /// What was done.
        plan: Plan,
        /// How long it took from when it was found.
        took: Duration,
    },
    /// The same thing was repaired again and again: the next time is put off.
    Fought {
        /// The lab.
        lab: LabName,
        /// What has to be done each time.
        thing: String,
        /// How often it was done.
        times: u32,
        /// Until it is done again.
        wait: Duration,
    },
    /// The lab could not be looked at or repaired. Told once for each reason.
    Failed {
        /// The lab.
        lab: LabName,
        /// Why.
        error: Error,
        /// Until it is tried again; `None`: when something changes.
        wait: Option<Duration>,
    },
    /// More changed at once than the kernel could tell of: every lab is looked at.
    Lost,
}

/// Why a lab was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The kernel told of it.
    Heard(Netns, What),
    /// The watch, or its watching over this lab, began.
    Began,
    /// Notifications were lost.
    Lost,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (netns, what) = match self {
            Cause::Began => return f.write_str("the watch began"),
            Cause::Lost => return f.write_str("notifications were lost"),
            Cause::Heard(netns, what) => (netns, what),
        };
        match netns {
            Netns::Host => write!(f, "{what} on the host"),
            Netns::Named(name) if *what == What::Name => write!(f, "{what} {name}"),
            netns => write!(f, "{what} in {netns}"),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Name => "somebody made or removed the name",
            What::DeviceGone => "a device went",
            What::Device => "a device changed",
            What::Queue => "a queue changed",
            What::AddressGone => "an address went",
            What::Address => "an address came",
            What::RouteGone => "a route went",
            What::Route => "a route came",
            What::Rule => "a routing rule changed",
            What::Setting => "a setting changed",
            What::Firewall { by: None } => "the firewall changed",
            What::Firewall {
                by: Some((number, name)),
            } => {
                return write!(f, "the firewall was changed by {name} (process {number})");
            }
        })
    }
}

/// Whom it is told.
pub trait Log {
    /// Once for each, as it happens.
    fn note(&mut self, event: &Event);
}
