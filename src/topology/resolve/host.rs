//! What the host has: bridges, forwarding, and the firewall table.

use super::{forward_switch, forwarding, ipv6};
use crate::state::{
    Element, End, Family, LabName, Link, LinkKind, NetState, Netns, NetworkName, SetName, Table,
};
use crate::topology::names::bridge_mac;
use crate::topology::{Network, Topology};

/// What an Ethernet device has unless it is given another (`ETH_DATA_LEN`).
const DEFAULT_MTU: u32 = 1500;

/// A bridge for each network.
pub(super) fn bridges(topology: &Topology, state: &mut NetState) {
    for (name, network) in &topology.networks {
        let end = End {
            netns: Netns::Host,
            dev: topology.bridge(name, network),
        };
        let (mode, addresses) = ipv6(topology, &end, network.gateway_addresses());
        let bridge = Link {
            up: true,
            mtu: smallest_mtu(topology, name, network),
            mac: Some(bridge_mac(&topology.lab, name)),
            owner: Some(topology.lab.clone()),
            addrgen: Some(mode),
            addresses,
            ..Link::new(LinkKind::Bridge)
        };
        let host = state.namespaces.entry(Netns::Host).or_default();
        host.links.insert(end.dev, bridge);
    }
}

/// That of the interface with the smallest packets: the host then tells senders
/// (ICMP "fragmentation needed"), where the bridge would drop without a word.
fn smallest_mtu(topology: &Topology, name: &NetworkName, network: &Network) -> Option<u32> {
    let plugged = topology
        .interfaces()
        .filter(|(_, _, i)| i.network.as_ref() == Some(name));
    let mtus: Vec<Option<u32>> = plugged.map(|(_, _, i)| i.mtu.or(network.mtu)).collect();
    let chosen = mtus.iter().any(Option::is_some);
    let smallest = mtus.iter().map(|mtu| mtu.unwrap_or(DEFAULT_MTU)).min();
    smallest.filter(|_| chosen).or(network.mtu)
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
            let set = match Family::of(subnet) {
                Family::Ipv4 => SetName::Masquerade4,
                Family::Ipv6 => SetName::Masquerade6,
            };
            add(&mut table, set, Element::Subnet(*subnet), &topology.lab);
            let switch = forward_switch(subnet);
            host.sysctls.insert(switch, forwarding(&topology.lab));
        }
    }
    host.table = Some(table);
}

fn add(table: &mut Table, set: SetName, element: Element, lab: &LabName) {
    let elements = table.sets.entry(set).or_default();
    elements.insert(element, Some(lab.clone()));
}
