//! The operations that a plan is made of: a closed list, each with the whole
//! value it needs, so that it can be printed, executed and undone alone.

use ipnet::IpNet;
use serde::Serialize;

use super::flow;
use crate::state::{
    AddrGen, Element, End, Filtering, FlowMatch, IfName, IpRule, LabName, Lifetime, Link, Mac,
    Netns, NetnsName, Qdisc, Route, SetName, SysctlKey, Table, Vlans, Wireguard,
};

/// One change of the kernel's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "of a first `up`, where there are many, every fourth is one of the large"
)]
pub enum Op {
    /// Makes a namespace that forwards nothing, and gives it its name.
    AddNetns {
        /// Its name under the directory that `ip netns` uses.
        name: NetnsName,
    },
    /// Takes the name away; the namespace goes when nobody is in it.
    DelNetns {
        /// Its name.
        name: NetnsName,
        /// Its ends of cables, WireGuard interfaces, and what devices of the host carry, that go
        /// with it and that no other operation removes.
        cables: Vec<IfName>,
    },
    /// Makes a bridge.
    AddBridge {
        /// Where, and its name.
        end: End,
        /// Its MTU, hardware address, owner, address generation, VLANs; up or not.
        link: Link,
    },
    /// Makes a cable, each end in its namespace.
    AddVeth {
        /// The end that carries the mark; made up, with its master, in its VLANs.
        near: End,
        /// What it shall be.
        near_link: Link,
        /// The other end. It cannot be made up: the kernel answers ENOTCONN.
        far: End,
        /// What it shall be.
        far_link: Link,
    },
    /// Makes a device that one of the host carries.
    AddChild {
        /// Where, and its name.
        end: End,
        /// What it is, on which device; its MTU, hardware address, owner.
        link: Link,
    },
    /// Makes a WireGuard interface, without keys and peers.
    AddWireguard {
        /// Where, and its name. Its UDP socket is in the same namespace, for good.
        end: End,
        /// Its MTU, owner.
        link: Link,
    },
    /// Changes one setting of a device.
    SetLink {
        /// The device.
        end: End,
        /// The new value.
        set: Setting,
        /// The value before.
        was: Setting,
    },
    /// Gives a device that is up another name, which the kernel does since Linux 6.2.
    RenameLink {
        /// Where it is.
        netns: Netns,
        /// Its name before.
        from: IfName,
        /// Its name after.
        to: IfName,
    },
    /// Removes devices of one namespace, all in one request.
    DelLinks {
        /// Where they are.
        netns: Netns,
        /// Their names. Of a cable one end is named; the other goes with it.
        devs: Vec<IfName>,
        /// A link group that no device of the namespace is in. Several devices are
        /// put into it and removed together: one by one each waits 13-20 ms.
        group: u32,
    },
    /// Adds an address, without duplicate address detection.
    AddAddress {
        /// The device.
        end: End,
        /// The address and its prefix length.
        address: IpNet,
    },
    /// Removes an address.
    DelAddress {
        /// The device.
        end: End,
        /// The address and its prefix length.
        address: IpNet,
    },
    /// Gives an address that is there another lifetime.
    SetLifetime {
        /// The device.
        end: End,
        /// The address and its prefix length.
        address: IpNet,
        /// The new lifetime.
        lifetime: Lifetime,
        /// What was left of the one before.
        was: Lifetime,
    },
    /// Adds a route to the main table.
    AddRoute {
        /// Whose table.
        netns: Netns,
        /// The route.
        route: Route,
    },
    /// Puts a route in the place of another of the same destination and metric.
    ReplaceRoute {
        /// Whose table.
        netns: Netns,
        /// The new route.
        route: Route,
        /// The route before.
        was: Route,
    },
    /// Removes a route.
    DelRoute {
        /// Whose table.
        netns: Netns,
        /// The route.
        route: Route,
    },
    /// Adds a routing rule.
    AddRule {
        /// Where.
        netns: Netns,
        /// The rule.
        rule: IpRule,
    },
    /// Removes a routing rule.
    DelRule {
        /// Where.
        netns: Netns,
        /// The rule.
        rule: IpRule,
    },
    /// Writes a kernel setting.
    SetSysctl {
        /// In which namespace.
        netns: Netns,
        /// The setting.
        key: SysctlKey,
        /// Its new value.
        value: String,
        /// The values to write, in order, for the state before: that of the
        /// setting itself, then those of others that this write overwrites.
        was: Vec<(SysctlKey, String)>,
    },
    /// Makes a firewall table of ours with its chains, rules, sets and elements.
    AddTable {
        /// Where.
        netns: Netns,
        /// All of it.
        table: Table,
    },
    /// Removes a firewall table of ours, but for rules of the user in it.
    DelTable {
        /// Where.
        netns: Netns,
        /// What was in it.
        table: Table,
    },
    /// Adds an element to a set of a table of ours.
    AddElement {
        /// Where.
        netns: Netns,
        /// The set.
        set: SetName,
        /// The element.
        element: Element,
        /// The lab that needs it; `None`: netyard itself.
        owner: Option<LabName>,
    },
    /// Removes an element from a set of a table of ours.
    DelElement {
        /// Where.
        netns: Netns,
        /// The set.
        set: SetName,
        /// The element.
        element: Element,
        /// The lab that needed it.
        owner: Option<LabName>,
    },
    /// Has the kernel forget flows. The next packet of each meets the rules as they are.
    DelFlows {
        /// In which namespace.
        netns: Netns,
        /// Which; of some there may be none.
        flows: Vec<FlowMatch>,
    },
}

/// A setting of a device that can be changed while it exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// Administratively up or down.
    Up(bool),
    /// Largest packet in bytes.
    Mtu(u32),
    /// Hardware address.
    Mac(Mac),
    /// Port of this bridge, or of none.
    Master(Option<IfName>),
    /// IPv6 link-local address generation.
    AddrGen(AddrGen),
    /// As a port of a bridge, kept from other isolated ports.
    Isolated(bool),
    /// As a port of a bridge, carrying packets.
    Forwarding(bool),
    /// Whether a bridge's port sends back what came in by it.
    Hairpin(bool),
    /// Whether packets of 127.0.0.0/8 are routed by it.
    Localnet(bool),
    /// What a bridge does with VLANs.
    Filtering(Filtering),
    /// The VLANs of a bridge's port.
    Vlans(Vlans),
    /// The VLANs of a bridge's own side, by which it is a port itself.
    OwnVlans(Vlans),
    /// What limits or delays what it sends; `None`: the kernel's own.
    Qdisc(Option<Qdisc>),
    /// Keys and peers of a WireGuard interface. Those that stay as they are go on undisturbed.
    Wireguard(Box<Wireguard>),
}

impl Op {
    /// The namespace that the operation works in. A namespace is made and named
    /// from the host; a cable is made from its near end.
    pub fn netns(&self) -> &Netns {
        match self {
            Op::AddBridge { end, .. }
            | Op::AddChild { end, .. }
            | Op::AddWireguard { end, .. }
            | Op::SetLink { end, .. }
            | Op::SetLifetime { end, .. }
            | Op::AddAddress { end, .. }
            | Op::DelAddress { end, .. } => &end.netns,
            Op::AddVeth { near, .. } => &near.netns,
            Op::RenameLink { netns, .. }
            | Op::DelLinks { netns, .. }
            | Op::AddRoute { netns, .. }
            | Op::ReplaceRoute { netns, .. }
            | Op::DelRoute { netns, .. }
            | Op::AddRule { netns, .. }
            | Op::DelRule { netns, .. }
            | Op::SetSysctl { netns, .. }
            | Op::AddTable { netns, .. }
            | Op::DelTable { netns, .. }
            | Op::AddElement { netns, .. }
            | Op::DelElement { netns, .. }
            | Op::DelFlows { netns, .. } => netns,
            Op::AddNetns { .. } | Op::DelNetns { .. } => &Netns::Host,
        }
    }

    /// Whether the host forwards by it what it did not before, or routes loopback addresses.
    pub(crate) fn opens_host(&self) -> bool {
        let forwarding = [SysctlKey::forward4(), SysctlKey::forward6()];
        match self {
            Op::SetSysctl {
                netns: Netns::Host,
                key,
                value,
                ..
            } => value != "0" && forwarding.contains(key),
            Op::SetLink { set, .. } => *set == Setting::Localnet(true),
            _ => false,
        }
    }

    /// What it is done to.
    pub fn object(&self) -> String {
        match self {
            Op::AddNetns { name } | Op::DelNetns { name, .. } => format!("namespace {name}"),
            Op::AddBridge { end, .. } => format!("bridge {}", end.dev),
            Op::AddVeth { near, far, .. } => format!("cable from {near} to {far}"),
            Op::AddChild { end, link } => match link.child() {
                Some(child) => format!("{} {}", child.kind.word(), end.dev),
                None => format!("device {}", end.dev),
            },
            Op::AddWireguard { end, .. } => format!("wireguard {}", end.dev),
            Op::SetLink { end, .. } => format!("device {}", end.dev),
            Op::RenameLink { from, .. } => format!("device {from}"),
            Op::DelLinks { devs, .. } => {
                let names: Vec<&str> = devs.iter().map(IfName::as_str).collect();
                names.join(", ")
            }
            Op::AddAddress { address, .. }
            | Op::DelAddress { address, .. }
            | Op::SetLifetime { address, .. } => format!("address {address}"),
            Op::AddRoute { route, .. }
            | Op::ReplaceRoute { route, .. }
            | Op::DelRoute { route, .. } => format!("route {route}"),
            Op::AddRule { rule, .. } | Op::DelRule { rule, .. } => format!("rule {rule}"),
            Op::SetSysctl { key, .. } => key.to_string(),
            Op::AddTable { table, .. } | Op::DelTable { table, .. } => {
                format!("nft table {}", table.name)
            }
            Op::AddElement { element, .. } | Op::DelElement { element, .. } => element.to_string(),
            Op::DelFlows { flows, .. } => format!("flows {}", flow::names(flows.iter())),
        }
    }

    /// What it does and to what, in words.
    pub fn title(&self) -> String {
        match self {
            Op::AddNetns { .. }
            | Op::AddBridge { .. }
            | Op::AddVeth { .. }
            | Op::AddChild { .. }
            | Op::AddWireguard { .. }
            | Op::AddTable { .. } => format!("make {}", self.object()),
            Op::DelNetns { .. }
            | Op::DelLinks { .. }
            | Op::DelRoute { .. }
            | Op::DelTable { .. }
            | Op::DelRule { .. }
            | Op::DelFlows { .. } => format!("remove {}", self.object()),
            Op::SetLink { end, set, .. } => format!("set {set} on device {}", end.dev),
            Op::RenameLink { from, to, .. } => format!("rename device {from} to {to}"),
            Op::AddAddress { end, address } => format!("add address {address} to {}", end.dev),
            Op::SetLifetime {
                end,
                address,
                lifetime,
                ..
            } => format!("set {lifetime} of address {address} on {}", end.dev),
            Op::DelAddress { end, address } => format!("remove address {address} from {}", end.dev),
            Op::AddRule { rule, .. } => format!("add rule {rule}"),
            Op::AddRoute { route, .. } => format!("add route {route}"),
            Op::ReplaceRoute { route, .. } => format!("replace route {route}"),
            Op::SetSysctl { key, value, .. } => format!("set {key} to {value}"),
            Op::AddElement { set, element, .. } => {
                format!("add {element} to nft set {}", set.as_str())
            }
            Op::DelElement { set, element, .. } => {
                format!("remove {element} from nft set {}", set.as_str())
            }
        }
    }
}
