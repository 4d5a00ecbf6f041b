//! Addresses that are another subnet's broadcast address in the same namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::Flaw;
use crate::report::codes;
use crate::state::{Netns, broadcast};
use crate::topology::Topology;
use crate::topology::subnets::DeviceNet;

/// The kernel then has two routes to the address in its table `local`, and goes by
/// the older one. If that is the broadcast, packets to the address are taken for
/// broadcasts, and no route to the address's own subnet is added, without a word: its
/// source would not be local (`fib_add_ifaddr`, `fib_magic`, net/ipv4/fib_frontend.c;
/// `fib_valid_prefsrc`, net/ipv4/fib_semantics.c).
pub(super) fn broadcasts(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let named = topology.namespaces.keys();
    let all: BTreeSet<&Netns> = named.chain([&Netns::Host]).collect();
    for netns in all {
        let nets = topology.device_nets(netns);
        let mut subnets: BTreeMap<IpAddr, Vec<&DeviceNet>> = BTreeMap::new();
        for of in &nets {
            if let Some(address) = broadcast(&of.net) {
                subnets.entry(address).or_default().push(of);
            }
        }
        for of in &nets {
            let mut others = subnets.get(&of.net.addr()).into_iter().flatten();
            let other = others.find(|other| !std::ptr::eq(**other, of));
            if let (Some(place), Some(other)) = (&of.place, other) {
                flaws.push(flaw(place, &of.net, other));
            }
        }
    }
}

fn flaw(place: &str, net: &IpNet, other: &DeviceNet) -> Flaw {
    let (address, subnet) = (net.addr(), other.net.trunc());
    let message = format!("`{address}` is the broadcast address of `{subnet}`");
    let label = format!("`{}` of the same namespace is in that subnet", other.dev);
    Flaw::new(codes::BROADCAST_ELSEWHERE, place, message).label(label)
}
