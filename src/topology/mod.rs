//! What the user asks for. A [`Topology`] says what a file says, checked and
//! typed; [`resolve()`] turns it, with the leases held so far, into the state that
//! the kernel shall have.

mod bounds;
mod check;
mod choose;
mod draft;
mod error;
mod external;
mod front;
mod import;
mod json;
mod keys;
mod lines;
mod names;
mod nat;
mod nearest;
mod node;
mod parse;
mod policy;
mod preset;
mod program;
mod publish;
mod read;
mod resolve;
mod schema;
mod shape;
mod subnets;
mod syntax;
mod vlan;
mod wireguard;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use bounds::{Bounds, Millis, NotInBounds, PacketSize, Percent};
pub use check::{Flaw, check};
pub use choose::{NoFreeSubnet, choose};
pub use error::{ParseError, Problem};
pub(crate) use external::{Networks, attach, seen_from_outside};
pub use import::{Imported, NotImported, Note, import};
pub use names::{bridge_name, lab_name, port_name};
pub use nat::{Filter, Ipv6, Nat, NatPreset, NoSuchWord};
pub use nearest::nearest;
pub use node::MOST_BYTES;
pub use parse::parse;
pub use policy::{Allow, Party, Permit, Ports, Traffic};
pub use preset::Preset;
pub(crate) use program::RESOLVER;
pub use program::{CommandLine, Program, Ready};
pub use publish::{Publish, Unpublishable};
pub use resolve::{ResolveError, resolve};
pub use schema::schema;
pub use shape::{BadShape, Shape};
pub use wireguard::{PeerName, PeerSpec, WireguardSpec};

use crate::ipam::Range;
use crate::state::{
    ChildKind, Conditions, ContainerName, End, Family, IfName, LabName, Mac, Netns, NetworkName,
    ProgramName, Rate, RouteOptions, Scope, VlanId, VlanRange,
};

/// A lab as described: everything a topology file can say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// The lab's name.
    pub lab: LabName,
    /// Switches by name.
    pub networks: BTreeMap<NetworkName, Network>,
    /// Namespaces by name; the host may be among them, to give it an end of a link.
    pub namespaces: BTreeMap<Netns, NamespaceSpec>,
    /// Cables between two interfaces.
    pub links: Vec<Cable>,
    /// What the host forwards from and to networks, beside what masquerading ones send out.
    pub allow: Vec<Allow>,
    /// Whether a DNS resolver in each namespace knows the others by name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resolver: bool,
    /// What must be reachable and what must not.
    pub expect: Vec<Expectation>,
}

/// A switch: a bridge in the host namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The lab whose network of this name it is; `None`: this lab's own. What it is like is
    /// known once it is looked up in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<LabName>,
    /// The bridge's device name; `None`: derived, see [`bridge_name`].
    pub bridge: Option<IfName>,
    /// Subnets without host bits; empty, and none to choose: a switch that knows no
    /// addresses.
    pub subnets: Vec<IpNet>,
    /// The families in which a free subnet is to be chosen ([`choose()`]).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub chosen: BTreeSet<Family>,
    /// The addresses that are given to interfaces without any; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// Addresses that are not given to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Range>,
    /// The host's address on the bridge.
    pub gateway: Gateway,
    /// Source NAT for what leaves through the host.
    pub masquerade: bool,
    /// There is no bridge: each interface has a cable of its own to the host, which routes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub routed: bool,
    /// The VLAN that its ports, and the host on it, are in without a tag; `None`: its bridge tells
    /// no VLANs apart, unless an interface of the lab says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<VlanId>,
    /// No way out: no default route, and only what `allow` names between networks.
    pub internal: bool,
    /// 127.0.0.1 of the host leads to ports that other labs publish on it, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub localnet: bool,
    /// MTU in bytes of the bridge and of every interface on it.
    pub mtu: Option<u32>,
    /// Of another lab's: the families that the host forwards for that lab, as long as it is
    /// there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub forwarded: BTreeSet<Family>,
}

/// The host's addresses on a network's bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gateway {
    /// The first host address of each subnet.
    First,
    /// The host has no address there.
    None,
    /// These, each inside one of the subnets.
    Addresses(Vec<IpAddr>),
}

/// A namespace as described.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NamespaceSpec {
    /// The container whose namespace it is, for those who look at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerName>,
    /// Interfaces by name. One that a link names need not be listed.
    pub interfaces: BTreeMap<IfName, Interface>,
    /// Static routes, beside the default route of the first network with a gateway.
    pub routes: Vec<RouteSpec>,
    /// Ports of the host that lead to ports of its own.
    pub publish: Vec<Publish>,
    /// Whether it forwards packets between its interfaces.
    pub forward: bool,
    /// What it does with what it forwards; `None`: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat: Option<Nat>,
    /// With whom it may begin to speak; `None`: with all.
    pub egress: Option<Vec<Permit>>,
    /// Who may begin to speak with it; `None`: all.
    pub ingress: Option<Vec<Permit>>,
    /// What runs in it for as long as the lab is there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub run: BTreeMap<ProgramName, Program>,
}

/// An interface of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// The network it is plugged into; `None`: a link of the file plugs it, a device of the
    /// host carries it, or it is `lo`.
    pub network: Option<NetworkName>,
    /// What it is on a device of the host, if that carries it.
    pub on: Option<OnParent>,
    /// What it is told, if it is a WireGuard interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wireguard: Option<WireguardSpec>,
    /// Its addresses, in order. Empty on a network with subnets: the next free ones.
    pub addresses: Vec<IpNet>,
    /// The subnets of its network of which it gets the next free address. `None`: all of them
    /// where it has no `addresses`, else none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Vec<IpNet>>,
    /// Hardware address; `None`: on a network, and of a macvlan, derived from its name,
    /// else the kernel chooses.
    pub mac: Option<Mac>,
    /// MTU in bytes; `None`: that of the network, link or parent.
    pub mtu: Option<u32>,
    /// It may say anything: it answers for others, as routers and DHCP servers do.
    pub trusted: bool,
    /// It reaches no other isolated interface of its network.
    pub isolated: bool,
    /// Its port sends back what came in by it, for who is reached by an address of its own
    /// that others translate.
    pub hairpin: bool,
    /// The VLAN that it is in without a tag; `None`: that of its network, or, with a `trunk`, none.
    pub access: Option<VlanId>,
    /// The VLANs that it is in with a tag.
    pub trunk: Vec<VlanRange>,
    /// It is not the way to everything, though its network has a gateway.
    pub no_default_route: bool,
    /// How fast it receives and sends at most.
    pub limits: Limits,
    /// What becomes of the packets that it receives and sends.
    #[serde(skip_serializing_if = "Ways::is_none")]
    pub netem: Ways,
}

/// What becomes of packets in each direction, as the interface's namespace sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ways {
    /// Of those that it receives.
    pub received: Option<Conditions>,
    /// Of those that it sends.
    pub sent: Option<Conditions>,
}

impl Ways {
    /// Whether nothing is said of either.
    fn is_none(&self) -> bool {
        *self == Ways::default()
    }
}

/// How fast an interface is at most, as its namespace sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// What it receives.
    pub received: Option<Limit>,
    /// What it sends.
    pub sent: Option<Limit>,
}

/// A limit of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// How fast.
    pub rate: Rate,
    /// How many bytes at once; `None`: what is enough for the rate.
    pub burst: Option<u32>,
}

/// What an interface is that a device of the host carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnParent {
    /// The device of the host.
    pub parent: IfName,
    /// What the interface is.
    #[serde(flatten)]
    pub kind: ChildKind,
}

/// A static route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteSpec {
    /// Destination; `default` in the file is `0.0.0.0/0` or `::/0` by the family of `via`.
    pub to: IpNet,
    /// Next hop; it must lie in a subnet of one of the namespace's interfaces. `None`: what it
    /// leads to is on the link of `dev`.
    pub via: Option<IpAddr>,
    /// The interface that it uses; `None`: the one in whose subnet the next hop is.
    pub dev: Option<IfName>,
    /// Lower is preferred; `None`: the kernel's default.
    pub metric: Option<u32>,
    /// What else is said of it.
    pub options: RouteOptions,
}

impl RouteSpec {
    /// The same as the kernel lists it: without what it has anyway.
    pub(crate) fn options(&self) -> RouteOptions {
        let usual = Scope::usual(self.via.is_none());
        RouteOptions {
            scope: self.options.scope.filter(|scope| *scope != usual),
            ..self.options
        }
    }

    /// Whether it is the way to everything that no other route leads to.
    pub fn is_default(&self) -> bool {
        self.to.prefix_len() == 0
    }

    /// The metric as the kernel reports it: `None` for its default. That is 0 for
    /// IPv4 and 1024 for IPv6 (`IP6_RT_PRIO_USER`, include/uapi/linux/ipv6_route.h),
    /// where 0 asks for the default too (`ip6_route_info_create`, net/ipv6/route.c).
    pub fn metric(&self) -> Option<u32> {
        let ipv6 = matches!(self.to, IpNet::V6(_));
        self.metric.filter(|m| *m != 0 && !(ipv6 && *m == 1024))
    }
}

/// A cable (veth pair) between two interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cable {
    /// Its two ends, smaller first.
    pub endpoints: [End; 2],
    /// MTU in bytes of both ends.
    pub mtu: Option<u32>,
    /// What becomes of packets, in both directions alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netem: Option<Conditions>,
}

/// A line of `expect`: a probe and what must come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// Where the probe is sent from.
    pub from: Netns,
    /// Whom it is sent to.
    pub to: Target,
    /// Whether it must arrive, or must not.
    pub reach: bool,
    /// What is sent.
    pub probe: Probe,
    /// How well it must arrive.
    #[serde(flatten)]
    pub bounds: Bounds,
}

/// Whom a probe is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Every address family of a namespace of the lab.
    Netns(Netns),
    /// One address.
    Address(IpAddr),
}

/// What a probe sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// ICMP or ICMPv6 echo.
    Ping,
    /// A TCP connection to this port.
    Tcp(u16),
    /// A UDP datagram to this port, and any answer to it.
    Udp(u16),
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Ping => f.write_str("ping"),
            Probe::Tcp(port) => write!(f, "tcp {port}"),
            Probe::Udp(port) => write!(f, "udp {port}"),
        }
    }
}

impl Probe {
    /// The port that it is sent to.
    pub(crate) fn port(self) -> Option<u16> {
        match self {
            Probe::Ping => None,
            Probe::Tcp(port) | Probe::Udp(port) => Some(port),
        }
    }

    /// The same, to another port.
    pub(crate) fn at_port(self, port: u16) -> Self {
        match self {
            Probe::Ping => Probe::Ping,
            Probe::Tcp(_) => Probe::Tcp(port),
            Probe::Udp(_) => Probe::Udp(port),
        }
    }
}
