//! Routes of the main table, as `ip route` shows them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::name::IfName;

/// The metric of an IPv6 route that is given none (`IP6_RT_PRIO_USER`,
/// include/uapi/linux/ipv6_route.h).
pub const IP6_METRIC: u32 = 1024;

/// A route of the main table. Those that the kernel adds with an address (`proto kernel`)
/// are represented only where somebody has removed them: the address implies them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The destination; `0.0.0.0/0` or `::/0` is the default route.
    pub to: IpNet,
    /// The next hop; `None`: the destination is on the link itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// The device it leaves by; `lo` for one that leads nowhere.
    pub dev: IfName,
    /// Lower is preferred. `None` is the kernel's default: 0 for IPv4, 1024 for
    /// IPv6 (`IP6_RT_PRIO_USER`, include/uapi/linux/ipv6_route.h).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// Who added it.
    #[serde(default, skip_serializing_if = "Origin::is_static")]
    pub origin: Origin,
    /// What becomes of packets.
    #[serde(default, skip_serializing_if = "Fate::is_unicast")]
    pub fate: Fate,
    /// The address that they are given as their source; `None`: as the kernel chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<IpAddr>,
}

/// What becomes of packets that take a route (`rtm_type`, include/uapi/linux/rtnetlink.h).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// They leave by its device.
    #[default]
    Unicast,
    /// They vanish.
    Blackhole,
    /// They vanish, and their sender is told that the host is not to be reached.
    Unreachable,
    /// The same, and that it is forbidden.
    Prohibit,
    /// As if there were no route in this table.
    Throw,
}

impl Fate {
    fn is_unicast(&self) -> bool {
        *self == Fate::Unicast
    }
}

/// As `ip route` calls them.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fate::Unicast => "unicast",
            Fate::Blackhole => "blackhole",
            Fate::Unreachable => "unreachable",
            Fate::Prohibit => "prohibit",
            Fate::Throw => "throw",
        })
    }
}

/// Who added a route (`rtm_protocol`, include/uapi/linux/rtnetlink.h).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// An administrator: `proto static`, which netyard uses, or `proto boot`,
    /// which `ip route add` uses when nothing is said.
    #[default]
    Static,
    /// A router advertisement (`proto ra`).
    Ra,
    /// The kernel, with an address (`proto kernel`).
    Kernel,
    /// A routing daemon, DHCP client or other program.
    Other,
}

impl Origin {
    fn is_static(&self) -> bool {
        *self == Origin::Static
    }
}

impl Route {
    /// Whether this is a default route.
    pub fn is_default(&self) -> bool {
        self.to.prefix_len() == 0
    }
}

/// As `ip route add` takes it, without the origin if that is not the kernel.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fate != Fate::Unicast {
            write!(f, "{} {}", self.fate, self.to)?;
        } else if self.is_default() {
            f.write_str("default")?;
        } else {
            write!(f, "{}", self.to)?;
        }
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        if self.fate == Fate::Unicast {
            write!(f, " dev {}", self.dev)?;
        }
        if self.origin == Origin::Kernel {
            f.write_str(" proto kernel")?;
        }
        if let Some(src) = self.src {
            write!(f, " scope link src {src}")?;
        }
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        Ok(())
    }
}
