//! Routes of the main table, as `ip route` shows them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

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
    /// The next hop; `None`: the destination is on the link itself. Such routes come first:
    /// a next hop may be reached by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// The destination; `0.0.0.0/0` or `::/0` is the default route.
    pub to: IpNet,
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
    /// What else was said of it.
    #[serde(default, skip_serializing_if = "RouteOptions::is_empty")]
    pub options: RouteOptions,
}

/// What most routes leave to the kernel.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct RouteOptions {
    /// How far away its destination is; `None`: as usual, see [`Scope::usual`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Largest packet, beside that of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The largest TCP segment that is asked for (RFC 9293, 3.7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advmss: Option<u32>,
}

impl RouteOptions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How far away the destination of an IPv4 route is (`enum rt_scope_t`,
/// include/uapi/linux/rtnetlink.h). IPv6 knows no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(pub u8);

impl Scope {
    /// Beyond a router.
    pub const GLOBAL: Scope = Scope(0);
    /// On a link.
    pub const LINK: Scope = Scope(253);
    /// On the host itself.
    pub const HOST: Scope = Scope(254);

    /// What a route has that says nothing of it: one that is straight leads to a link.
    pub fn usual(straight: bool) -> Scope {
        match straight {
            true => Scope::LINK,
            false => Scope::GLOBAL,
        }
    }
}

/// As ip-route(8) takes it.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Scope::GLOBAL => f.write_str("global"),
            Scope::LINK => f.write_str("link"),
            Scope::HOST => f.write_str("host"),
            Scope(number) => write!(f, "{number}"),
        }
    }
}

impl FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = || text.parse().ok().filter(|number| *number < 255);
        match text {
            "global" => Ok(Scope::GLOBAL),
            "link" => Ok(Scope::LINK),
            "host" => Ok(Scope::HOST),
            _ => number().map(Scope).ok_or_else(|| {
                format!("`{text}` is no scope: it is `global`, `link`, `host` or a number to 254")
            }),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.to_string()
    }
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
    /// One to what is on a link itself.
    pub fn by_link(to: IpNet, dev: IfName) -> Self {
        Route {
            to,
            via: None,
            dev,
            metric: None,
            origin: Origin::Static,
            fate: Fate::Unicast,
            src: None,
            options: RouteOptions::default(),
        }
    }

    /// Whether it leads to one address that is on a link itself.
    pub fn is_by_cable(&self) -> bool {
        let single = self.to.prefix_len() == self.to.max_prefix_len();
        single && self.via.is_none() && self.fate == Fate::Unicast
    }

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
        let RouteOptions { scope, mtu, advmss } = self.options;
        if let Some(scope) = scope {
            write!(f, " scope {scope}")?;
        }
        let numbers = [("metric", self.metric), ("mtu", mtu), ("advmss", advmss)];
        for (word, number) in numbers {
            if let Some(number) = number {
                write!(f, " {word} {number}")?;
            }
        }
        Ok(())
    }
}
