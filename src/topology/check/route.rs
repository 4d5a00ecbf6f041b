//! Static routes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::Flaw;
use crate::state::{IfName, Netns};
use crate::topology::subnets::device_towards;
use crate::topology::{NamespaceSpec, RouteSpec, Topology};

pub(super) fn routes(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (netns, namespace) in &topology.namespaces {
        let devices = topology.neighbourhood(netns);
        let mut seen = BTreeSet::new();
        for (i, route) in namespace.routes.iter().enumerate() {
            let place = format!("namespaces/{netns}/routes/{i}");
            let flaw = destination(route, &place)
                .or_else(|| next_hop(&devices, netns, namespace, route, &place));
            flaws.extend(flaw);
            if !seen.insert((route.to, route.metric())) {
                let message = format!("there are two routes to `{}`", route.to);
                let flaw = Flaw::new(format!("{place}/to"), message);
                flaws.push(flaw.hint("give them different metrics: the lower is preferred"));
            }
        }
    }
}

/// The kernel refuses host bits in an IPv4 destination and drops them silently from
/// an IPv6 one; neither is what was meant.
fn destination(route: &RouteSpec, place: &str) -> Option<Flaw> {
    let RouteSpec { to, via, .. } = route;
    if to.trunc() != *to {
        let message = format!("`{to}` is an address in a subnet, not a subnet");
        let flaw = Flaw::new(format!("{place}/to"), message);
        let host = IpNet::from(to.addr());
        return Some(flaw.hint(format!(
            "write `{}`, or `{host}` for the one address",
            to.trunc()
        )));
    }
    if to.addr().is_ipv4() != via.is_ipv4() {
        let message = format!("the way to `{to}` cannot go via `{via}`");
        let flaw = Flaw::new(format!("{place}/via"), message);
        return Some(flaw.label("one is IPv4, the other IPv6"));
    }
    None
}

/// A next hop must be a neighbour: the kernel looks it up when the route is added.
fn next_hop(
    devices: &BTreeMap<IfName, Vec<IpNet>>,
    netns: &Netns,
    namespace: &NamespaceSpec,
    route: &RouteSpec,
    place: &str,
) -> Option<Flaw> {
    let via = route.via;
    let place = format!("{place}/via");
    // The kernel answers "Nexthop has invalid gateway" (fib_check_nh, net/ipv4/fib_semantics.c).
    if owns(namespace, via) {
        return Some(Flaw::new(
            place,
            format!("`{via}` is an address of `{netns}` itself"),
        ));
    }
    if device_towards(devices, via).is_some() {
        return None;
    }
    let message = format!("`{via}` is not next to `{netns}`");
    let flaw = Flaw::new(place, message).label("no interface has a subnet with this host");
    let mut subnets: Vec<String> = Vec::new();
    for net in devices.values().flatten() {
        subnets.push(format!("`{}`", net.trunc()));
    }
    subnets.dedup();
    match subnets.as_slice() {
        [] => Some(flaw.hint(format!(
            "`{netns}` has no subnets: give an interface an address"
        ))),
        _ => Some(flaw.hint(format!(
            "the subnets of `{netns}` are {}",
            subnets.join(", ")
        ))),
    }
}

fn owns(namespace: &NamespaceSpec, address: IpAddr) -> bool {
    let mut addresses = namespace.interfaces.values().flat_map(|i| &i.addresses);
    addresses.any(|net| net.addr() == address)
}
