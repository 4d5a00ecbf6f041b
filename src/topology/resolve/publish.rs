//! Published ports, each with the addresses that it leads to, and what they take on the host.

use std::net::IpAddr;

use ipnet::IpNet;

use super::policy::addresses;
use super::{forward_switch, forwarding};
use crate::state::{Family, NetState, Netns, Published, TableName, Visible};
use crate::topology::front::{FAMILIES, Front};
use crate::topology::{Publish, Topology, port_name};

/// Once the interfaces have their addresses.
pub(super) fn published(topology: &Topology, state: &mut NetState) {
    let mut all = Vec::new();
    for (netns, spec) in &topology.namespaces {
        let fronts = FAMILIES.map(|family| {
            let front = topology.front(netns, family)?;
            address(state, netns, &front)
        });
        all.extend(spec.publish.iter().map(|one| lead(netns, one, fronts)));
    }
    for published in all {
        open(topology, state, published);
    }
}

/// A network is there: a port leads to no namespace but by one.
fn open(topology: &Topology, state: &mut NetState, published: Published) {
    let own: Vec<IpNet> = addresses(state, &published.netns).copied().collect();
    let host = state.namespaces.entry(Netns::Host).or_default();
    if let Some(table) = host.tables.get_mut(&TableName::Inet) {
        let all = published.leads().into_iter().chain(published.gates());
        for (set, element) in all.chain(published.hairpins(&own)) {
            table.add(set, element, &topology.lab);
        }
    }
    if published.visible != Visible::Loopback {
        for to in &published.to {
            let switch = forward_switch(&IpNet::from(*to));
            host.sysctls.insert(switch, forwarding(&topology.lab));
        }
    }
    let by_loopback =
        (published.address).is_none_or(|own| own.is_unspecified() || own.is_loopback());
    let front = topology
        .front(&published.netns, Family::Ipv4)
        .filter(|_| by_loopback);
    if let (Some(front), true) = (front, published.families().any(|f| f == Family::Ipv4))
        && let Some(network) = topology.networks.get(front.network)
        && let Some(link) = host.links.get_mut(&match network.routed {
            true => port_name(&published.netns, front.dev),
            false => topology.bridge(front.network, network),
        })
    {
        link.localnet = true;
    }
    host.published.insert(published);
}

/// The first address of the interface in the subnet that it shares with the host.
fn address(state: &NetState, netns: &Netns, front: &Front<'_>) -> Option<IpAddr> {
    let link = state.namespaces.get(netns)?.links.get(front.dev)?;
    // On a routed network it has no subnet of its own.
    let shared = |net: &&IpNet| front.subnet.trunc().contains(&net.addr());
    link.addresses.iter().find(shared).map(IpNet::addr)
}

fn lead(netns: &Netns, publish: &Publish, fronts: [Option<IpAddr>; 2]) -> Published {
    let families = FAMILIES.into_iter().zip(fronts);
    let to = families.filter(|(family, _)| publish.is_for(*family));
    Published {
        protocol: publish.protocol(),
        host: publish.host(),
        address: publish.address(),
        netns: netns.clone(),
        port: publish.port(),
        to: to.filter_map(|(_, address)| address).collect(),
        visible: publish.visible().clone(),
    }
}
