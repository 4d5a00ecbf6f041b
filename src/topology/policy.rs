//! Who may speak with whom: `allow`, `egress` and `ingress`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::{Network, Topology};
use crate::state::{Netns, NetworkName, PartyName};

/// A line of `allow`: the host forwards this, from one side to the other. Replies pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allow {
    /// Who may begin.
    pub from: Party,
    /// With whom.
    pub to: Party,
    /// What may be spoken.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// A line of a namespace's `egress` or `ingress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permit {
    /// The other side; `None`: anybody.
    pub party: Option<Party>,
    /// What may be spoken.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// One side of what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// A network or a namespace of the file.
    Named(PartyName),
    /// All addresses of a subnet, or a single one.
    Subnet(IpNet),
}

/// What a [`PartyName`] means.
pub(super) enum Meant<'t> {
    Network(&'t NetworkName, &'t Network),
    Namespace(Netns),
    /// A network and a namespace have this name.
    Both,
    Nothing,
}

/// Protocols, and ports where a protocol has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "protocol", rename_all = "lowercase")]
pub enum Traffic {
    /// Everything.
    Any,
    /// ICMP, and over IPv6 ICMPv6.
    Icmp,
    /// TCP to these ports.
    Tcp(Ports),
    /// UDP to these ports.
    Udp(Ports),
    /// SCTP to these ports.
    Sctp(Ports),
}

/// Destination ports; none named: all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// Each, in the order of the file.
    #[serde(rename = "port", skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<PortRange>,
}

/// Ports from the first to the last, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// A text is no port, nor a range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPorts {
    /// Not one or two numbers from 1 to 65535.
    #[error("not a port or a range of ports")]
    NotPorts,
    /// The first is larger than the last.
    #[error("a range of ports from {0} down to {1}")]
    Backwards(u16, u16),
}

impl PortRange {
    /// The first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last port, which may be the first.
    pub fn last(self) -> u16 {
        self.last
    }
}

impl FromStr for PortRange {
    type Err = NoPorts;
    fn from_str(text: &str) -> Result<Self, NoPorts> {
        let port = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            let port = text.parse().ok().filter(|port| digits && *port > 0);
            port.ok_or(NoPorts::NotPorts)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (port(first)?, port(last)?) {
            (first, last) if first > last => Err(NoPorts::Backwards(first, last)),
            (first, last) => Ok(PortRange { first, last }),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortRange { first, last } if first == last => write!(f, "{first}"),
            PortRange { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// As the file has it.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Party::Named(name) => write!(f, "{name}"),
            Party::Subnet(net) if net.prefix_len() == net.max_prefix_len() => {
                write!(f, "{}", net.addr())
            }
            Party::Subnet(net) => write!(f, "{net}"),
        }
    }
}

impl Topology {
    /// Whom a name means. The host is a namespace that is always there.
    pub(super) fn meant(&self, name: &PartyName) -> Meant<'_> {
        let network = name.as_str().parse().ok();
        let network = network.and_then(|name| self.networks.get_key_value::<NetworkName>(&name));
        let netns = name.as_str().parse::<Netns>().ok();
        let there = |netns: &Netns| *netns == Netns::Host || self.namespaces.contains_key(netns);
        match (network, netns.filter(there)) {
            (Some(_), Some(_)) => Meant::Both,
            (Some((name, network)), None) => Meant::Network(name, network),
            (None, Some(netns)) => Meant::Namespace(netns),
            (None, None) => Meant::Nothing,
        }
    }

    /// The networks on which one side is, as far as the file says.
    pub(super) fn networks_of(&self, party: &Party) -> BTreeSet<&NetworkName> {
        match party {
            Party::Subnet(net) => {
                let holds = |of: &Network| of.subnets.iter().any(|subnet| subnet.contains(net));
                let networks = self.networks.iter().filter(|(_, of)| holds(of));
                networks.map(|(name, _)| name).collect()
            }
            Party::Named(name) => match self.meant(name) {
                Meant::Network(name, _) => [name].into(),
                Meant::Namespace(netns) => {
                    let spec = self.namespaces.get(&netns);
                    let interfaces = spec.into_iter().flat_map(|spec| spec.interfaces.values());
                    interfaces.filter_map(|i| i.network.as_ref()).collect()
                }
                Meant::Both | Meant::Nothing => BTreeSet::new(),
            },
        }
    }

    /// The subnets that a namespace speaks with through the gateway of an internal network,
    /// which is no way to anywhere else: those of the other sides of its permissions.
    pub(super) fn beyond_internal(&self, netns: &Netns, internal: &NetworkName) -> Vec<IpNet> {
        let is_meant = |party: &Party| match party {
            Party::Named(name) => match self.meant(name) {
                Meant::Namespace(meant) => meant == *netns,
                _ => name.as_str() == internal.as_str(),
            },
            Party::Subnet(_) => self.networks_of(party).contains(internal),
        };
        let sides = self
            .allow
            .iter()
            .flat_map(|a| [(&a.from, &a.to), (&a.to, &a.from)]);
        let others = sides.filter(|(one, _)| is_meant(one));
        let networks = others.flat_map(|(_, other)| self.networks_of(other));
        let networks: BTreeSet<_> = networks.filter(|name| *name != internal).collect();
        let networks = networks
            .into_iter()
            .filter_map(|name| self.networks.get(name));
        networks
            .flat_map(|network| network.subnets.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ports() {
        let read = |text: &str| text.parse::<PortRange>().map(|range| range.to_string());
        assert_eq!(read("443"), Ok("443".to_owned()));
        assert_eq!(read("8000-8010"), Ok("8000-8010".to_owned()));
        assert_eq!(read("80-80"), Ok("80".to_owned()));
        assert_eq!(read("90-80"), Err(NoPorts::Backwards(90, 80)));
        for bad in [
            "", "0", "0-9", "-", "1-", "1-2-3", "+1", "65536", "http", " 1",
        ] {
            assert_eq!(read(bad), Err(NoPorts::NotPorts), "{bad}");
        }
    }
}
