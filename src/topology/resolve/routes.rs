//! The routes of the file, and a default route where the file gives none.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{ResolveError, routed};
use crate::state::{Family, IfName, NetState, Netns, Route};
use crate::topology::subnets::towards;
use crate::topology::{NamespaceSpec, RouteSpec, Topology};

/// The routes of every namespace and of the host.
pub(super) fn routes(topology: &Topology, state: &mut NetState) -> Result<(), ResolveError> {
    for (netns, spec) in &topology.namespaces {
        let mut routes = written(topology, netns, spec)?;
        let families = [Family::Ipv4, Family::Ipv6].into_iter();
        let gateways = families.filter_map(|family| topology.default_gateway(netns, family));
        let defaults = gateways.filter_map(|(dev, via)| default_route(dev, via));
        // Who made a namespace may have given it a way out.
        let mut spare = Vec::new();
        match netns.joined() {
            Some(_) => spare.extend(defaults),
            None => routes.extend(defaults),
        }
        routes.extend(routed::routes(topology, netns));
        routes.extend(internal(topology, netns, spec));
        if !routes.is_empty() || !spare.is_empty() {
            let namespace = state.namespaces.entry(netns.clone()).or_default();
            namespace.routes.extend(routes);
            namespace.spare.extend(spare);
        }
    }
    Ok(())
}

/// The routes of the file, each with the device that its next hop is beside.
fn written(
    topology: &Topology,
    netns: &Netns,
    spec: &NamespaceSpec,
) -> Result<Vec<Route>, ResolveError> {
    if spec.routes.is_empty() {
        return Ok(Vec::new());
    }
    let nets = topology.device_nets(netns);
    let by = |spec: &RouteSpec| match (&spec.dev, spec.via) {
        (Some(dev), _) => Some(dev.clone()),
        (None, via) => Some(towards(&nets, via?)?.dev.clone()),
    };
    let route = |spec: &RouteSpec| {
        let unreachable = || ResolveError::Unreachable {
            netns: netns.clone(),
            via: spec.via.unwrap_or(spec.to.addr()),
        };
        let dev = by(spec).ok_or_else(unreachable)?;
        Ok(Route {
            via: spec.via,
            options: spec.options(),
            ..static_route(spec.to, spec.to.addr(), &dev, spec.metric())
        })
    };
    let unknown = topology.is_on_unknown(netns);
    let known = |spec: &&RouteSpec| !unknown || by(spec).is_some();
    spec.routes.iter().filter(known).map(route).collect()
}

/// The ways that permissions need from networks whose gateway is no way out. One that the
/// file has itself is not made twice, nor one to a subnet that the namespace is in.
fn internal(topology: &Topology, netns: &Netns, spec: &NamespaceSpec) -> Vec<Route> {
    let mut ways: BTreeMap<IpNet, Route> = BTreeMap::new();
    for (dev, interface) in &spec.interfaces {
        let is_internal = topology.network_of(interface).is_some_and(|n| n.internal);
        let name = interface.network.as_ref().filter(|_| is_internal);
        for to in name
            .into_iter()
            .flat_map(|name| topology.beyond_internal(netns, name))
        {
            let gateway = topology.near_gateway(interface, Family::of(&to));
            let route = gateway.map(|via| (to, static_route(to, via, dev, None)));
            ways.extend(route.filter(|_| !ways.contains_key(&to)));
        }
    }
    if !ways.is_empty() {
        let written = spec.routes.iter().map(|route| route.to);
        let near = topology
            .device_nets(netns)
            .into_iter()
            .map(|of| of.net.trunc());
        let routed = routed::routes(topology, netns).into_iter();
        let routed = routed.map(|route| route.to);
        let there: Vec<IpNet> = written.chain(near).chain(routed).collect();
        ways.retain(|to, _| !there.contains(to));
    }
    ways.into_values().collect()
}

fn default_route(dev: &IfName, via: IpAddr) -> Option<Route> {
    let everything = match via {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let to = IpNet::new(everything, 0).ok()?;
    Some(static_route(to, via, dev, None))
}

fn static_route(to: IpNet, via: IpAddr, dev: &IfName, metric: Option<u32>) -> Route {
    Route {
        via: Some(via),
        metric,
        ..Route::by_link(to, dev.clone())
    }
}
