//! Routes of the main table, as `ip route` shows them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::name::IfName;

/// The metric of an IPv6 route that is given none (`IP6_RT_PRIO_USER`,
/// include/uapi/linux/ipv6_route.h).
pub const IP6_METRIC: u32 = 1024;

/// A unicast route of the main table. Those that the kernel adds with an
/// address (`proto kernel`) are not represented: the address implies them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The destination; `0.0.0.0/0` or `::/0` is the default route.
    pub to: IpNet,
    /// The next hop; `None`: the destination is on the link itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// The device it leaves by.
    pub dev: IfName,
    /// Lower is preferred. `None` is the kernel's default: 0 for IPv4, 1024 for
    /// IPv6 (`IP6_RT_PRIO_USER`, include/uapi/linux/ipv6_route.h).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// Who added it.
    #[serde(default, skip_serializing_if = "Origin::is_static")]
    pub origin: Origin,
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

/// As `ip route add` takes it, without the origin.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_default() {
            f.write_str("default")?;
        } else {
            write!(f, "{}", self.to)?;
        }
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        write!(f, " dev {}", self.dev)?;
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        Ok(())
    }
}
