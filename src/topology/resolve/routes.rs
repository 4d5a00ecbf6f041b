//! The routes of the file, and a default route where the file gives none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::ResolveError;
use crate::state::{Family, IfName, NetState, Netns, Origin, Route};
use crate::topology::subnets::device_towards;
use crate::topology::{NamespaceSpec, RouteSpec, Topology};

/// The routes of every namespace and of the host.
pub(super) fn routes(topology: &Topology, state: &mut NetState) -> Result<(), ResolveError> {
    for (netns, spec) in &topology.namespaces {
        let mut routes = written(topology, netns, spec)?;
        if *netns != Netns::Host {
            for family in [Family::Ipv4, Family::Ipv6] {
                let of_family = |r: &Route| r.is_default() && Family::of(&r.to) == family;
                if !routes.iter().any(of_family) {
                    routes.extend(default_route(topology, spec, family));
                }
            }
        }
        if !routes.is_empty() {
            let namespace = state.namespaces.entry(netns.clone()).or_default();
            namespace.routes.extend(routes);
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
    let devices = topology.neighbourhood(netns);
    let route = |route: &RouteSpec| {
        let unreachable = || ResolveError::Unreachable {
            netns: netns.clone(),
            via: route.via,
        };
        let dev = device_towards(&devices, route.via).ok_or_else(unreachable)?;
        Ok(static_route(route.to, route.via, dev, route.metric()))
    };
    spec.routes.iter().map(route).collect()
}

/// Through the first interface, by name, whose network has a gateway that the
/// interface's own addresses can reach: on a network with both families an
/// interface may have an address of one alone, and the kernel refuses a next hop
/// that it has no way to.
fn default_route(topology: &Topology, spec: &NamespaceSpec, family: Family) -> Option<Route> {
    let to = match family {
        Family::Ipv4 => IpNet::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        Family::Ipv6 => IpNet::new(Ipv6Addr::UNSPECIFIED.into(), 0),
    };
    let via = |(dev, interface): (_, &_)| -> Option<(IfName, IpAddr)> {
        let dev: &IfName = dev;
        let subnets = topology.subnets_of(interface);
        let gateways = topology.network_of(interface)?.gateway_addresses();
        let reached = |gateway: &&IpNet| {
            let address = gateway.addr();
            Family::of(gateway) == family && subnets.iter().any(|net| net.contains(&address))
        };
        Some((dev.clone(), gateways.iter().find(reached)?.addr()))
    };
    let (dev, via) = spec.interfaces.iter().find_map(via)?;
    Some(static_route(to.ok()?, via, &dev, None))
}

fn static_route(to: IpNet, via: IpAddr, dev: &IfName, metric: Option<u32>) -> Route {
    Route {
        to,
        via: Some(via),
        dev: dev.clone(),
        metric,
        origin: Origin::Static,
    }
}
