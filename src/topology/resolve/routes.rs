//! The routes of the file, and a default route where the file gives none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::ResolveError;
use crate::state::{Family, Fate, IfName, NetState, Netns, Origin, Route};
use crate::topology::subnets::towards;
use crate::topology::{NamespaceSpec, RouteSpec, Topology};

/// The routes of every namespace and of the host.
pub(super) fn routes(topology: &Topology, state: &mut NetState) -> Result<(), ResolveError> {
    for (netns, spec) in &topology.namespaces {
        let mut routes = written(topology, netns, spec)?;
        for family in [Family::Ipv4, Family::Ipv6] {
            let gateway = topology.default_gateway(netns, family);
            routes.extend(gateway.and_then(|(dev, via)| default_route(dev, via)));
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
    let nets = topology.device_nets(netns);
    let route = |route: &RouteSpec| {
        let unreachable = || ResolveError::Unreachable {
            netns: netns.clone(),
            via: route.via,
        };
        let by = towards(&nets, route.via).ok_or_else(unreachable)?;
        Ok(static_route(route.to, route.via, &by.dev, route.metric()))
    };
    spec.routes.iter().map(route).collect()
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
        to,
        via: Some(via),
        dev: dev.clone(),
        metric,
        origin: Origin::Static,
        fate: Fate::Unicast,
        src: None,
    }
}
