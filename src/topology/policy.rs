//! Who may speak with whom: `allow`, `egress` and `ingress`.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;
use serde::Serialize;

use super::{Network, Topology};
use crate::state::{Netns, NetworkName, PartyName, PortRange};

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
