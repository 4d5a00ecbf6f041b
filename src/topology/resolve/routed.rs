//! Routed networks: no bridge, but a cable from each interface to the host. Neither end has a
//! subnet on its cable; all that is far goes to the host's end, and from there by a route to
//! each interface.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{forward_switch, forwarding, ipv6};
use crate::state::{
    Element, End, Family, IfName, Link, NetState, Netns, NetworkName, Part, Route, SetName, Table,
    is_link_local,
};
use crate::topology::names::bridge_mac;
use crate::topology::{Interface, Network, Topology, port_name};

/// An address without its subnet, but for those that are of one link alone.
pub(in crate::topology) fn alone(net: IpNet) -> IpNet {
    match is_link_local(&net) {
        true => net,
        false => net.addr().into(),
    }
}

/// The host's end of a cable: every one has the network's gateway addresses, and the hardware
/// address that a bridge would have, which those that know it from before still send to.
pub(super) fn port(
    topology: &Topology,
    end: &End,
    (name, network): (&NetworkName, &Network),
    link: Link,
) -> Link {
    let lab = network.external.as_ref().unwrap_or(&topology.lab);
    let gateways = network.gateway_addresses().into_iter().map(alone);
    let (mode, addresses) = ipv6(topology, end, gateways.collect());
    Link {
        mac: Some(bridge_mac(lab, name)),
        addrgen: Some(mode),
        addresses,
        ..link
    }
}

/// The host's routes to an interface.
pub(super) fn lead(state: &mut NetState, port: &End, addresses: &[IpNet]) {
    let host = state.namespaces.entry(Netns::Host).or_default();
    let far = addresses.iter().filter(|net| !is_link_local(net));
    let routes = far.map(|net| Route::by_link(*net, port.dev.clone()));
    host.routes.extend(routes);
}

/// The routes of a namespace to the gateways of its routed networks, and by them to who else is
/// there. One to a subnet that the file has itself is not made twice, nor one to a subnet in which
/// the namespace is by a link as well.
pub(super) fn routes(topology: &Topology, netns: &Netns) -> Vec<Route> {
    let Some(spec) = topology.namespaces.get(netns) else {
        return Vec::new();
    };
    let (mut routes, nets) = (Vec::new(), topology.device_nets(netns));
    let whole = nets.iter().map(|of| of.net.trunc());
    let written = spec.routes.iter().filter(|route| route.metric().is_none());
    let there: BTreeSet<IpNet> = written.map(|route| route.to).chain(whole).collect();
    for (dev, interface, network) in on_routed(topology, netns) {
        let gateways = network.gateway_addresses();
        let subnets = topology.subnets_of(interface).into_iter();
        let subnets: BTreeSet<IpNet> = subnets.map(|net| net.trunc()).collect();
        for subnet in subnets.iter().filter(|net| !is_link_local(net)) {
            let near = gateways.iter().filter(|gateway| gateway.trunc() == *subnet);
            let near: Vec<IpNet> = near.map(|gateway| gateway.addr().into()).collect();
            routes.extend(near.iter().map(|to| Route::by_link(*to, dev.clone())));
            if !there.contains(subnet) {
                routes.extend(near.first().map(|gateway| Route {
                    via: Some(gateway.addr()),
                    ..Route::by_link(*subnet, dev.clone())
                }));
            }
        }
    }
    routes
}

fn on_routed<'t>(
    topology: &'t Topology,
    netns: &Netns,
) -> impl Iterator<Item = (&'t IfName, &'t Interface, &'t Network)> {
    let spec = topology.namespaces.get(netns).into_iter();
    let interfaces = spec.flat_map(|spec| &spec.interfaces);
    interfaces.filter_map(|(dev, interface)| {
        let network = topology.network_of(interface).filter(|of| of.routed)?;
        Some((dev, interface, network))
    })
}

/// What the host's table has of them: who is beside whom, by the lab that has the network; and
/// each port, by the lab whose interface it leads to.
pub(super) fn firewall(topology: &Topology, table: &mut Table) {
    for (_, network) in topology.own_networks().filter(|(_, of)| of.routed) {
        for (set, element) in beside(network) {
            table.add(set, element, &topology.lab);
        }
    }
    for netns in topology.namespaces.keys() {
        for (dev, interface, network) in on_routed(topology, netns) {
            let sets = [
                (SetName::Networks, true),
                (SetName::Inside, network.masquerade),
                (SetName::Isolated, interface.isolated),
            ];
            for (set, _) in sets.into_iter().filter(|(_, is)| *is) {
                let port = Element::device(port_name(netns, dev));
                table.add(set, port, &topology.lab);
            }
        }
    }
}

fn beside(network: &Network) -> impl Iterator<Item = (SetName, Element)> {
    let subnets = network.subnets.iter();
    let pairs = subnets.flat_map(|one| network.subnets.iter().map(move |other| (one, other)));
    let same = pairs.filter(|(one, other)| Family::of(one) == Family::of(other));
    same.map(|(one, other)| {
        let set = match Family::of(one) {
            Family::Ipv4 => SetName::Beside4,
            Family::Ipv6 => SetName::Beside6,
        };
        (set, Element::of([Part::Net(*one), Part::Net(*other)]))
    })
}

/// Who is on such a network reaches the others by the host alone.
pub(super) fn forward(topology: &Topology, state: &mut NetState) {
    let routed = topology.networks.values().filter(|of| of.routed);
    for subnet in routed.flat_map(|network| &network.subnets) {
        let host = state.namespaces.entry(Netns::Host).or_default();
        let switch = forward_switch(subnet);
        host.sysctls.insert(switch, forwarding(&topology.lab));
    }
}
