//! Published ports, each with the addresses that it leads to.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::state::{NetState, Netns, Published};
use crate::topology::front::{FAMILIES, Front};
use crate::topology::{Publish, Topology};

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
    if !all.is_empty() {
        let host = state.namespaces.entry(Netns::Host).or_default();
        host.published.extend(all);
    }
}

/// The first address of the interface in the subnet that it shares with the host.
fn address(state: &NetState, netns: &Netns, front: &Front<'_>) -> Option<IpAddr> {
    let link = state.namespaces.get(netns)?.links.get(front.dev)?;
    let shared = |net: &&IpNet| net.trunc() == front.subnet.trunc();
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
