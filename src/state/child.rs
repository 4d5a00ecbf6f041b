//! Devices that another one carries: macvlan, ipvlan and VLAN devices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::link::End;

/// A device and the one that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The device that carries it; `None` when that lies in a namespace that was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<End>,
    /// What it is.
    #[serde(flatten)]
    pub kind: ChildKind,
}

/// What a device is that another one carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChildKind {
    /// One with a hardware address of its own.
    Macvlan(MacvlanMode),
    /// One with its parent's hardware address, told from others by its IP addresses.
    Ipvlan(IpvlanMode),
    /// What its parent carries with this VLAN number (802.1Q).
    Vlan(u16),
}

impl ChildKind {
    /// Of each kind one: what a kernel has or lacks.
    pub const ALL: [ChildKind; 3] = [
        ChildKind::Macvlan(MacvlanMode::Bridge),
        ChildKind::Ipvlan(IpvlanMode::L2),
        ChildKind::Vlan(1),
    ];

    /// The kernel's word for it.
    pub fn word(self) -> &'static str {
        match self {
            ChildKind::Macvlan(_) => "macvlan",
            ChildKind::Ipvlan(_) => "ipvlan",
            ChildKind::Vlan(_) => "vlan",
        }
    }

    /// Whether it has a hardware address of its own, and not always its parent's.
    pub fn has_mac(self) -> bool {
        !matches!(
            self,
            ChildKind::Macvlan(MacvlanMode::Passthru) | ChildKind::Ipvlan(_)
        )
    }

    /// Whether it takes all that comes in by its parent for itself and its like. A device
    /// gives itself to one such kind only (`netdev_rx_handler_register`, net/core/dev.c).
    pub fn takes_all(self) -> bool {
        !matches!(self, ChildKind::Vlan(_))
    }

    /// Whether one device carries no two of these: those that take all must be of one kind
    /// (`netdev_rx_handler_register`, net/core/dev.c), a macvlan that has its parent for
    /// itself is alone (`macvlan_common_newlink`, drivers/net/macvlan.c), all ipvlans have one
    /// mode (`ipvlan_set_port_mode`, drivers/net/ipvlan/ipvlan_main.c), and a VLAN is there
    /// once (`vlan_check_real_dev`, net/8021q/vlan.c).
    pub fn bars(self, other: ChildKind) -> bool {
        let alone = ChildKind::Macvlan(MacvlanMode::Passthru);
        match (self, other) {
            (ChildKind::Macvlan(_), ChildKind::Macvlan(_)) => self == alone || other == alone,
            (ChildKind::Ipvlan(one), ChildKind::Ipvlan(other)) => one != other,
            (ChildKind::Vlan(one), ChildKind::Vlan(other)) => one == other,
            _ => self.takes_all() && other.takes_all(),
        }
    }
}

/// As `ip link add ... type` takes it.
impl fmt::Display for ChildKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildKind::Macvlan(mode) => write!(f, "macvlan mode {mode}"),
            ChildKind::Ipvlan(mode) => write!(f, "ipvlan mode {mode}"),
            ChildKind::Vlan(id) => write!(f, "vlan id {id}"),
        }
    }
}

/// An enum whose values are words of `ip-link(8)`.
macro_rules! modes {
    ($(#[$doc:meta])* $name:ident { $($(#[$mode_doc:meta])* $mode:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$mode_doc])* $mode,)* }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$mode => $word,)* })
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($name::$mode),)*
                    _ => {
                        let words = [$(concat!("`", $word, "`")),*].join(", ");
                        Err(format!("`{text}` is none of the modes {words}"))
                    }
                }
            }
        }
    };
}

modes! {
    /// With whom a macvlan speaks (`enum macvlan_mode`, include/uapi/linux/if_link.h).
    MacvlanMode {
        /// With its neighbours, and directly with the others of its parent.
        #[default]
        Bridge = "bridge",
        /// With its neighbours, and with no other of its parent.
        Private = "private",
        /// With all, by a switch outside that sends back what came from there.
        Vepa = "vepa",
        /// It has its parent for itself, and its parent's hardware address.
        Passthru = "passthru",
    }
}

modes! {
    /// How an ipvlan passes packets on (Documentation/networking/ipvlan.rst).
    IpvlanMode {
        /// By their hardware addresses, as a switch does.
        #[default]
        L2 = "l2",
        /// By their IP addresses, as a router does, without broadcasts.
        L3 = "l3",
        /// The same, through the packet filter of its parent's namespace.
        L3s = "l3s",
    }
}
