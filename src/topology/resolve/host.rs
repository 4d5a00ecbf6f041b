//! What the host has: bridges, forwarding, and the firewall table.

use ipnet::IpNet;

use super::{addrgen, forwarding};
use crate::state::{
    Element, Family, LabName, Link, LinkKind, NetState, Netns, SetName, SysctlKey, Table,
};
use crate::topology::Topology;
use crate::topology::names::bridge_mac;

/// A bridge for each network.
pub(super) fn bridges(topology: &Topology, state: &mut NetState) {
    for (name, network) in &topology.networks {
        let addresses = network.gateway_addresses();
        let bridge = Link {
            up: true,
            mtu: network.mtu,
            mac: Some(bridge_mac(&topology.lab, name)),
            owner: Some(topology.lab.clone()),
            addrgen: Some(addrgen(&addresses)),
            addresses,
            ..Link::new(LinkKind::Bridge)
        };
        let host = state.namespaces.entry(Netns::Host).or_default();
        host.links.insert(topology.bridge(name, network), bridge);
    }
}

/// Forwarding and the firewall table, if a network leaves through the host.
pub(super) fn masquerade(topology: &Topology, state: &mut NetState) {
    let mut inside = topology
        .networks
        .iter()
        .filter(|(_, n)| n.masquerade)
        .peekable();
    if inside.peek().is_none() {
        return;
    }
    let host = state.namespaces.entry(Netns::Host).or_default();
    let mut table = Table::skeleton();
    for (name, network) in inside {
        let bridge = Element::Device(topology.bridge(name, network));
        add(&mut table, SetName::Inside, bridge, &topology.lab);
        for subnet in &network.subnets {
            let (set, key) = of_family(subnet);
            add(&mut table, set, Element::Subnet(*subnet), &topology.lab);
            host.sysctls.insert(key, forwarding(&topology.lab));
        }
    }
    host.table = Some(table);
}

/// The set that masquerades a subnet, and the switch that lets its packets pass.
fn of_family(subnet: &IpNet) -> (SetName, SysctlKey) {
    match Family::of(subnet) {
        Family::Ipv4 => (SetName::Masquerade4, SysctlKey::forward4()),
        Family::Ipv6 => (SetName::Masquerade6, SysctlKey::forward6()),
    }
}

fn add(table: &mut Table, set: SetName, element: Element, lab: &LabName) {
    let elements = table.sets.entry(set).or_default();
    elements.insert(element, Some(lab.clone()));
}
