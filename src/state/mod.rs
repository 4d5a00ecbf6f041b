//! What a host's networks are, as plain values. The desired and the observed
//! state are the same type, so that one can be compared with the other, undone
//! into the other, and printed like the other. This module knows nothing of files,
//! kernels or plans.

mod address;
mod child;
mod flow;
pub mod happening;
mod link;
pub(crate) mod machine;
mod measure;
mod name;
mod netem;
mod nft;
mod overlay;
mod parted;
mod port;
mod program;
mod qdisc;
mod route;
mod rule;
pub mod ruleset;
pub mod survey;
mod sysctl;
mod vlan;
mod wall;
mod wireguard;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use child::{Child, ChildKind, IpvlanMode, MacvlanMode};
pub(crate) use flow::short;
pub use flow::{Flow, FlowMatch, Nat};
pub use link::{
    AddrGen, End, Lifetime, Link, LinkKind, Mac, broadcast, eui64, is_generated, is_link_local,
};
pub use measure::{Share, Time};
pub use name::{
    ContainerName, Identity, IfName, LabName, NameError, Netns, NetnsName, NetnsPath, NetworkName,
    PartyName, ProgramName, Unjoinable, Variable,
};
pub use netem::{Conditions, Netem, enough};
pub use nft::{
    ChainName, Element, Family, Field, Kind, MOST, NewAddress, NewPort, Part, Protocol, Rule,
    SetName, TABLE, Table, TableName, Term, Test, nft_element, nft_script,
};
pub use overlay::{Overlay, Overlays};
pub(crate) use parted::generated;
pub use parted::{Blurred, Parted};
pub(crate) use port::echo;
pub use port::{Listener, NoPorts, NoTransport, PortRange, Process, Published, Transport, Visible};
pub use program::{Life, ProgramId};
pub use qdisc::{OtherQdisc, Qdisc, Rate, Tbf};
pub use route::{Fate, IP6_METRIC, Origin, Route, RouteOptions, Scope};
pub use rule::IpRule;
pub use sysctl::{Sysctl, SysctlKey};
pub use vlan::{Filtering, Membership, VlanEntry, VlanId, VlanRange, Vlans};
pub use wall::{Condition, Verdict, Wall, WallChain, WallHook, WallRule, Walls, What};
pub(crate) use wireguard::{Edit, WIREGUARD};
pub use wireguard::{NotAKey, PresharedKey, PrivateKey, PublicKey, Wireguard, WireguardPeer};

/// The networks of a host, as one lab wants them or as they are for that lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetState {
    /// The lab for which this was described or observed.
    pub lab: LabName,
    /// Namespaces by name. The host is always there in an observed state.
    pub namespaces: BTreeMap<Netns, Namespace>,
    /// Whether the kernel gives a device that is up another name, as Linux does since
    /// 6.2 (`dev_change_name`, net/core/dev.c). Of a desired state it says nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub renames: bool,
    /// The paths at which there is no namespace to join, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unjoinable: BTreeMap<NetnsPath, Unjoinable>,
    /// What the lab needs of the kernel, and it does not have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lacks: BTreeSet<Feature>,
    /// The kinds of devices that this kernel cannot make, by its words for them, of those that
    /// the lab needs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown_kinds: BTreeSet<String>,
}

/// Something that a lab may need and that not every kernel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feature {
    /// The queueing discipline `tbf`.
    Tbf,
    /// The queueing discipline `netem`.
    Netem,
    /// VLAN filtering of bridges.
    Vlans,
    /// What the table of a router needs of nftables.
    Router,
}

impl Feature {
    /// What it is, and what needs it.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Feature::Tbf => ("queueing discipline tbf", "by which a `rate` is kept"),
            Feature::Netem => (
                "queueing discipline netem",
                "which makes packets late, lost and the like (`netem`)",
            ),
            Feature::Vlans => (
                "VLAN filtering of bridges",
                "which `vlan`, `access` and `trunk` need",
            ),
            Feature::Router => (
                "NAT in nftables that a router could be made of",
                "which `nat` needs",
            ),
        }
    }

    /// The module that has it, where it is one by itself, and the kernel's option.
    pub(crate) fn from(self) -> (Option<&'static str>, &'static str) {
        match self {
            Feature::Tbf => (Some("sch_tbf"), "CONFIG_NET_SCH_TBF"),
            Feature::Netem => (Some("sch_netem"), "CONFIG_NET_SCH_NETEM"),
            Feature::Vlans => (None, "CONFIG_BRIDGE_VLAN_FILTERING"),
            Feature::Router => (
                None,
                "CONFIG_NFT_NAT, CONFIG_NFT_MASQ and CONFIG_NFT_CT, of Linux 5.8 or newer",
            ),
        }
    }
}

impl NetState {
    /// A state of this lab with nothing in it: what `down` wants.
    pub fn empty(lab: LabName) -> Self {
        NetState {
            lab,
            namespaces: BTreeMap::new(),
            renames: false,
            unjoinable: BTreeMap::new(),
            lacks: BTreeSet::new(),
            unknown_kinds: BTreeSet::new(),
        }
    }

    /// A device.
    pub fn link(&self, end: &End) -> Option<&Link> {
        self.namespaces.get(&end.netns)?.links.get(&end.dev)
    }

    /// What its devices need for what they send through.
    pub(crate) fn shapers(&self) -> BTreeSet<Feature> {
        let links = self.namespaces.values().flat_map(|ns| ns.links.values());
        let needs = links.filter_map(|link| match link.qdisc.as_ref()? {
            Qdisc::Tbf(_) => Some(Feature::Tbf),
            Qdisc::Netem(_) => Some(Feature::Netem),
            Qdisc::Other(_) => None,
        });
        needs.collect()
    }

    /// Whether some namespace is a router of a kind.
    pub(crate) fn has_routers(&self) -> bool {
        let mut all = self.namespaces.values();
        all.any(|of| of.tables.contains_key(&TableName::Router))
    }

    /// Whether there is a WireGuard interface.
    pub(crate) fn has_tunnels(&self) -> bool {
        let mut links = self.namespaces.values().flat_map(|ns| ns.links.values());
        links.any(|link| link.kind == LinkKind::Wireguard)
    }

    /// Whether some bridge tells VLANs apart, or some port is in any.
    pub(crate) fn has_vlans(&self) -> bool {
        let mut links = self.namespaces.values().flat_map(|ns| ns.links.values());
        links.any(|link| link.filtering.on || !link.vlans.is_empty())
    }
}

/// Other labs that are on a lab's networks, by the networks' bridges.
pub type Guests = BTreeMap<IfName, BTreeSet<LabName>>;

/// One network namespace and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    /// The lab that made it, or, of one at a path, that has joined it; `None`: not ours, and
    /// its inside was not read unless it is the host or at a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<LabName>,
    /// Of one at a path, which it is. In a desired state `None` means whichever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Of the host, whether only those devices were looked at that can matter to the lab.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Devices by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<IfName, Link>,
    /// Devices by their other names (`altname` of `ip link`), by which they are found, too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub altnames: BTreeMap<IfName, IfName>,
    /// Bridges of other labs that a desired state plugs cables into: they shall be there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external: BTreeMap<IfName, LabName>,
    /// Routes of the main table.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub routes: BTreeSet<Route>,
    /// To where the lab has left out spare routes, by the journal.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<IpNet>,
    /// Routes that are wanted only where nobody else has one to there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spare: BTreeSet<Route>,
    /// Routes that the kernel made with an address and that somebody has removed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost: BTreeSet<Route>,
    /// Destinations of other routes of that table, which netyard does not make: multipath
    /// and, on the host, blackhole and the like.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub other_routes: BTreeSet<IpNet>,
    /// Routing rules that others have added.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub odd_rules: BTreeSet<IpRule>,
    /// Routing rules that the kernel made, and that somebody has removed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost_rules: BTreeSet<IpRule>,
    /// Kernel settings that matter to a lab.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctls: BTreeMap<SysctlKey, Sysctl>,
    /// Ports of the host that a lab publishes. Of an observed host its sets tell it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub published: BTreeSet<Published>,
    /// The families in which what stays on a bridge passes no rules of the host; `None`: that
    /// was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<BTreeSet<Family>>,
    /// Sockets of others from which those would take what they listen for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub listeners: BTreeSet<Listener>,
    /// Other labs on this one's networks, by the bridges.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guests: Guests,
    /// Firewalls of others, where it is told who will reach the ports.
    #[serde(default, skip_serializing_if = "Walls::is_empty")]
    pub walls: Walls,
    /// Our firewall tables, where there are some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<TableName, Table>,
    /// What other labs have in them by the journal, whether it is there or not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub due: BTreeMap<SetName, BTreeMap<Element, LabName>>,
    /// What the lab has in them by the journal, and not in fact.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missing: BTreeSet<(SetName, Element)>,
    /// Ports of other labs by the journal, where not all of the tables was read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rivals: BTreeMap<SetName, BTreeMap<Element, LabName>>,
}

impl Namespace {
    /// The devices that have IPv6 addresses beside those that the kernel makes.
    pub(crate) fn speak_ipv6(&self) -> impl Iterator<Item = &IfName> {
        let far = |net: &IpNet| Family::of(net) == Family::Ipv6 && !is_link_local(net);
        let links = self.links.iter();
        let speak = links.filter(move |(_, link)| link.addresses.iter().any(far));
        speak.map(|(dev, _)| dev)
    }
}
