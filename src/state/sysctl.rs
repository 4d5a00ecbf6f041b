//! Kernel settings under `/proc/sys/net`.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::name::{IfName, LabName};
use super::nft::Family;

const FORWARD4: &str = "net/ipv4/ip_forward";
const FORWARD6: &str = "net/ipv6/conf/all/forwarding";
const UDP_TIMEOUT: &str = "net/netfilter/nf_conntrack_udp_timeout";
const UDP_STREAM_TIMEOUT: &str = "net/netfilter/nf_conntrack_udp_timeout_stream";
const REDIRECTS4: &str = "net/ipv4/conf/all/accept_redirects";

/// A setting's path below `/proc/sys/`, with slashes: a device name may hold dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SysctlKey(String);

impl SysctlKey {
    /// IPv4 forwarding of a whole namespace (Documentation/networking/ip-sysctl.rst, `ip_forward`).
    pub fn forward4() -> Self {
        SysctlKey(FORWARD4.to_owned())
    }

    /// IPv6 forwarding of a whole namespace (`conf/all/forwarding`).
    pub fn forward6() -> Self {
        SysctlKey(FORWARD6.to_owned())
    }

    /// Forwarding of a whole namespace in the family 4 or 6.
    pub fn whole_forward(family: u8) -> Self {
        match family {
            4 => SysctlKey::forward4(),
            _ => SysctlKey::forward6(),
        }
    }

    /// Whether a namespace takes ICMP redirects. Switching IPv4 forwarding on
    /// writes 0 here, and off 1 (`inet_forward_change`, net/ipv4/devinet.c).
    pub fn redirects4() -> Self {
        SysctlKey(REDIRECTS4.to_owned())
    }

    /// Forwarding of one device, or of those to come (`default`).
    pub fn device_forward(family: u8, dev: &str) -> Self {
        SysctlKey(format!("net/ipv{family}/conf/{dev}/forwarding"))
    }

    /// Whether a device takes router advertisements: 0 no, 1 unless it forwards, 2 always.
    pub fn accept_ra(dev: &IfName) -> Self {
        SysctlKey(format!("net/ipv6/conf/{dev}/accept_ra"))
    }

    /// Whether a device, or those to come (`default`), is without IPv6.
    pub fn disable_ipv6(dev: &str) -> Self {
        SysctlKey(format!("net/ipv6/conf/{dev}/disable_ipv6"))
    }

    /// Whether a device routes packets of 127.0.0.0/8.
    pub fn route_localnet(dev: &IfName) -> Self {
        SysctlKey(format!("net/ipv4/conf/{dev}/route_localnet"))
    }

    /// How many seconds connection tracking remembers a UDP flow that was not answered
    /// (Documentation/networking/nf_conntrack-sysctl.rst). There is no such setting before
    /// connections are tracked.
    pub fn udp_timeout() -> Self {
        SysctlKey(UDP_TIMEOUT.to_owned())
    }

    /// The same of one that was.
    pub fn udp_stream_timeout() -> Self {
        SysctlKey(UDP_STREAM_TIMEOUT.to_owned())
    }

    /// Whether it says how long a flow is remembered.
    pub fn is_of_flows(&self) -> bool {
        self.0 == UDP_TIMEOUT || self.0 == UDP_STREAM_TIMEOUT
    }

    /// What it is in a new namespace, whatever it is elsewhere (`udp_timeouts`,
    /// net/netfilter/nf_conntrack_proto_udp.c).
    pub fn fresh(&self) -> &'static str {
        match self.0.as_str() {
            UDP_TIMEOUT => "30",
            UDP_STREAM_TIMEOUT => "120",
            _ => "0",
        }
    }

    /// Whether what stays on a bridge passes the rules of a family
    /// (`bridge-nf-call-iptables`, Documentation/networking/ip-sysctl.rst). Only with the
    /// module br_netfilter is there such a setting.
    pub fn bridge_rules(family: Family) -> Self {
        let name = match family {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        };
        SysctlKey(format!("net/bridge/bridge-nf-call-{name}"))
    }

    /// Whether writing this setting writes others too: those of every device.
    pub fn overwrites(&self) -> bool {
        self.0 == FORWARD4 || self.0 == FORWARD6
    }

    /// Whether this is the forwarding of one device, or of those to come.
    pub fn is_per_device(&self) -> bool {
        !self.overwrites() && self.0.ends_with("/forwarding")
    }

    /// The device, or `default`, whose forwarding this is.
    pub fn device(&self) -> Option<&str> {
        let inside = self.0.strip_suffix("/forwarding")?;
        let (_, dev) = inside.split_once("/conf/")?;
        Some(dev).filter(|dev| *dev != "all")
    }

    /// Whether writing `other` writes this one too.
    pub fn is_overwritten_by(&self, other: &SysctlKey) -> bool {
        match other.0.as_str() {
            FORWARD4 if self.is_per_device() => self.0.starts_with("net/ipv4/"),
            FORWARD6 if self.is_per_device() => self.0.starts_with("net/ipv6/"),
            FORWARD4 => self.0 == REDIRECTS4,
            _ => false,
        }
    }

    /// Whether this is some device's [`Self::accept_ra`].
    pub fn is_accept_ra(&self) -> bool {
        self.0.ends_with("/accept_ra")
    }

    /// Whether this one was changed, or is remembered, for the sake of `other`.
    pub fn goes_with(&self, other: &SysctlKey) -> bool {
        self.is_overwritten_by(other) || self.is_accept_ra() && other.0 == FORWARD6
    }

    /// The path below `/proc/sys/`.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// A key as it was stored.
    pub fn stored(path: String) -> Self {
        SysctlKey(path)
    }
}

/// As `sysctl(8)` takes it: with dots, unless a dot is in the path.
impl fmt::Display for SysctlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains('.') {
            return f.write_str(&self.0);
        }
        f.write_str(&self.0.replace('/', "."))
    }
}

/// A setting's value and, when labs hold it, what it was before the first did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sysctl {
    /// The value, as the file holds it without the final newline.
    pub value: String,
    /// The value before the first lab changed it; `None`: no lab did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// The labs that need the present value.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holders: BTreeSet<LabName>,
}

impl Sysctl {
    /// A value that no lab holds.
    pub fn new(value: &str) -> Self {
        Sysctl {
            value: value.to_owned(),
            was: None,
            holders: BTreeSet::new(),
        }
    }
}
