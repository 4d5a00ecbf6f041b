//! What the host has: bridges, forwarding, and the firewall table.

use super::{forward_switch, forwarding, ipv6, routed};
use crate::state::{
    Element, End, Family, Filtering, Link, LinkKind, NetState, Netns, SetName, Table, TableName,
    Vlans,
};
use crate::topology::names::bridge_mac;
use crate::topology::{Interface, Network, Topology};

/// What an Ethernet device has unless it is given another (`ETH_DATA_LEN`).
const DEFAULT_MTU: u32 = 1500;

/// A bridge for each network; those of other labs are there.
pub(super) fn bridges(topology: &Topology, state: &mut NetState) {
    let plugged = topology.plugged();
    for (name, network) in topology.own_bridges() {
        let plugged = plugged.get(name).map_or(&[][..], Vec::as_slice);
        let end = End {
            netns: Netns::Host,
            dev: topology.bridge(name, network),
        };
        let (mode, addresses) = ipv6(topology, &end, network.gateway_addresses());
        let vlan = network.vlan_with(plugged);
        let bridge = Link {
            filtering: vlan.map_or_else(Filtering::default, |_| Filtering::STRICT),
            vlans: vlan.map(Vlans::access).unwrap_or_default(),
            up: true,
            mtu: smallest_mtu(network, plugged),
            mac: Some(bridge_mac(&topology.lab, name)),
            owner: Some(topology.lab.clone()),
            addrgen: Some(mode),
            addresses,
            localnet: network.localnet,
            ..Link::new(LinkKind::Bridge)
        };
        let host = state.namespaces.entry(Netns::Host).or_default();
        host.links.insert(end.dev, bridge);
    }
    for (name, lab) in topology.external() {
        let of = topology.networks.get(name).filter(|of| !of.routed);
        let bridge = of.map(|of| topology.bridge(name, of));
        let host = state.namespaces.entry(Netns::Host).or_default();
        (host.external).extend(bridge.map(|bridge| (bridge, lab.clone())));
    }
}

/// That of the interface with the smallest packets: the host then tells senders
/// (ICMP "fragmentation needed"), where the bridge would drop without a word.
fn smallest_mtu(network: &Network, plugged: &[&Interface]) -> Option<u32> {
    let mtus = plugged.iter().map(|i| i.mtu.or(network.mtu));
    let mtus: Vec<Option<u32>> = mtus.collect();
    let chosen = mtus.iter().any(Option::is_some);
    let smallest = mtus.iter().map(|mtu| mtu.unwrap_or(DEFAULT_MTU)).min();
    smallest.filter(|_| chosen).or(network.mtu)
}

/// The firewall table, for every lab with a network: nothing is forwarded from or to it
/// but what the file says. And forwarding, if anything is.
pub(super) fn firewall(topology: &Topology, state: &mut NetState) {
    if topology.networks.is_empty() {
        return;
    }
    let host = state.namespaces.entry(Netns::Host).or_default();
    let mut table = Table::skeleton(TableName::Inet);
    for (name, network) in topology.own_networks() {
        let mut add = |set, element| table.add(set, element, &topology.lab);
        if !network.routed {
            let bridge = topology.bridge(name, network);
            add(SetName::Networks, Element::device(bridge.clone()));
            add(SetName::Bridged, Element::within(bridge.clone()));
            if network.masquerade {
                add(SetName::Inside, Element::device(bridge));
            }
        }
        for subnet in network.subnets.iter().filter(|_| network.masquerade) {
            let set = match Family::of(subnet) {
                Family::Ipv4 => SetName::Masquerade4,
                Family::Ipv6 => SetName::Masquerade6,
            };
            add(set, Element::subnet(*subnet));
            let switch = forward_switch(subnet);
            host.sysctls.insert(switch, forwarding(&topology.lab));
        }
    }
    routed::firewall(topology, &mut table);
    host.tables.insert(table.name, table);
    routed::forward(topology, state);
}
