//! What happens to the networks of a host, as it is told. `Known` is the last known state
//! of a namespace: what the kernel says is compared with it, and only what differs happened.

mod known;
mod link;
mod routes;
#[cfg(test)]
mod tests;
mod words;

use std::net::IpAddr;

use ipnet::IpNet;

use super::{IpRule, LabName};
use crate::state::survey::{Address, Neighbour, Path};
pub(crate) use known::{Known, News, key};
pub(crate) use routes::Routes;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// Where; `None`: nobody knows, of events that were lost.
    pub place: Option<Place>,
    /// It was not heard of: it was found by looking again.
    pub found: bool,
    /// What.
    pub event: Event,
}

/// A namespace, as events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is called.
    pub netns: String,
    /// Its number on the nsfs.
    pub inode: u64,
    /// The lab that made it.
    pub lab: Option<LabName>,
}

/// The kinds of what may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noun {
    /// A device.
    Link,
    /// An address of one.
    Address,
    /// A route.
    Route,
    /// An entry of a neighbour table.
    Neighbour,
    /// A rule of `ip rule`, or the rule set of nftables.
    Rule,
    /// A namespace.
    Namespace,
    /// Events were lost.
    Lost,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// To a device.
    Link {
        /// Its name, the new one if it has got one.
        dev: String,
        /// Its number in its namespace.
        index: u32,
        /// What.
        change: LinkChange,
    },
    /// To an address.
    Address {
        /// The device's name.
        dev: String,
        /// The address with its prefix.
        net: IpNet,
        /// What.
        change: Change<Address>,
    },
    /// To a route.
    Route(Change<Path>),
    /// To an entry of a neighbour table.
    Neighbour {
        /// The device's name.
        dev: String,
        /// Who it stands for.
        address: IpAddr,
        /// What.
        change: Change<Neighbour>,
    },
    /// To a rule of `ip rule`.
    Rule(Change<IpRule>),
    /// Somebody changed the rule set of nftables.
    Ruleset(Ruleset),
    /// To the namespace itself.
    Namespace(NamespaceChange),
    /// More happened at once than the kernel could tell: all is looked at again.
    Lost,
}

/// Came, went, or is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
    /// It is new.
    New(T),
    /// It is there no more.
    Gone(T),
    /// It has other values.
    Changed {
        /// As it was.
        old: T,
        /// As it is.
        new: T,
    },
}

/// What happened to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkChange {
    /// It is new here.
    New {
        /// Its kind, in the kernel's word.
        kind: String,
        /// Whether it carries packets.
        state: Power,
        /// The bridge, bond or VRF that it belongs to.
        master: Option<String>,
        /// The namespace that it was in before.
        from: Option<String>,
    },
    /// It is there no more.
    Gone {
        /// The namespace that it is in now.
        to: Option<String>,
    },
    /// It was switched on or off, or what is plugged in was.
    Power {
        /// As it was.
        old: Power,
        /// As it is.
        new: Power,
    },
    /// It has another name.
    Renamed {
        /// As it was called.
        old: String,
    },
    /// It takes larger or smaller packets.
    Mtu {
        /// As it was.
        old: u32,
        /// As it is.
        new: u32,
    },
    /// It belongs to another bridge, bond or VRF, or to none.
    Master {
        /// To which it belonged.
        old: Option<String>,
        /// To which it belongs.
        new: Option<String>,
    },
    /// It has another hardware address.
    Mac {
        /// As it was.
        old: Option<String>,
        /// As it is.
        new: Option<String>,
    },
    /// Something else is noted on it.
    Alias {
        /// As it was.
        old: Option<String>,
        /// As it is.
        new: Option<String>,
    },
}

/// Whether a device carries packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// It is switched off.
    Off,
    /// It is on, and nothing is plugged in, or what is does not answer.
    NoCarrier,
    /// It is on, and carries.
    On,
}

/// What happened to the rule set of nftables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// Who did it: the number of a process, and its name.
    pub by: Option<(u32, String)>,
    /// What came and went: how many of which noun (`table`, `chain`, `rule`, ...).
    pub came: Vec<(&'static str, usize)>,
    /// What went.
    pub went: Vec<(&'static str, usize)>,
}

/// What happened to a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceChange {
    /// It is new.
    New,
    /// It is there no more.
    Gone,
    /// It is called something else.
    Renamed {
        /// As it was called.
        old: String,
    },
}

impl Event {
    /// Of which kind it is.
    pub fn noun(&self) -> Noun {
        match self {
            Event::Link { .. } => Noun::Link,
            Event::Address { .. } => Noun::Address,
            Event::Route(_) => Noun::Route,
            Event::Neighbour { .. } => Noun::Neighbour,
            Event::Rule(_) | Event::Ruleset(_) => Noun::Rule,
            Event::Namespace(_) => Noun::Namespace,
            Event::Lost => Noun::Lost,
        }
    }

    /// How sure the kernel is of a neighbour changes all the time, and says nothing of who
    /// it is; nor does that somebody is being asked for.
    pub fn is_noise(&self) -> bool {
        let Event::Neighbour { change, .. } = self else {
            return false;
        };
        let asked = |one: &Neighbour| one.state == "incomplete";
        match change {
            Change::New(one) | Change::Gone(one) => asked(one),
            Change::Changed { old, new } => {
                let failed = new.state == "failed" && old.state != "failed";
                asked(new) || !failed && old.mac == new.mac
            }
        }
    }
}
