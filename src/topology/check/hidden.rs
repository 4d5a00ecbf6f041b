//! IPv6 next hops that another route hides.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Flaw;
use crate::report::codes;
use crate::state::{Family, IfName, Netns};
use crate::topology::subnets::{DeviceNet, towards};
use crate::topology::{NamespaceSpec, RouteSpec, Topology};

/// The metric of the kernel's own routes to the subnets of devices (`IP6_RT_PRIO_ADDRCONF`).
const CONNECTED: u32 = 256;

/// The kernel refuses an IPv6 next hop to which its present routes lead by a router
/// ("gw_addr can not require a gateway": `ip6_route_check_nh`, net/ipv6/route.c).
/// Which of two such routes that is would depend on their order. For an IPv4 next hop
/// it looks at the subnets of devices alone.
pub(super) fn hops(
    topology: &Topology,
    (netns, spec): (&Netns, &NamespaceSpec),
    nets: &[DeviceNet],
    flaws: &mut Vec<Flaw>,
) {
    let vias = spec.routes.iter().filter_map(|route| route.via);
    let gateway = topology.default_gateway(netns, Family::Ipv6);
    let vias = vias.chain(gateway.map(|(_, via)| via));
    let hop = |via: IpAddr| {
        let by = towards(nets, via).filter(|_| via.is_ipv6())?;
        Some(((&by.dev, via), by.net.prefix_len()))
    };
    let hops: BTreeMap<(&IfName, IpAddr), u8> = vias.filter_map(hop).collect();
    let Some(widest) = hops.values().min() else {
        return;
    };
    for (i, route) in spec.routes.iter().enumerate() {
        // What is wider than every subnet need not be compared with each next hop.
        // One without a router leads away by none.
        let by = route.via.and_then(|via| towards(nets, via));
        let by = by.filter(|_| nearer(route, *widest));
        if let Some(hop) = by.and_then(|by| hides(route, &by.dev, &hops)) {
            let message = format!("`{}` leads away from the next hop `{hop}`", route.to);
            let place = format!("namespaces/{netns}/routes/{i}/to");
            let flaw = Flaw::new(codes::HIDDEN_NEXT_HOP, place, message);
            let label = "an IPv6 next hop is reached without a router";
            flaws.push(flaw.label(label));
        }
    }
}

/// Whether the kernel goes by this route rather than by the one to a device's subnet
/// with a prefix of this length.
fn nearer(route: &RouteSpec, subnet: u8) -> bool {
    let (length, metric) = (route.to.prefix_len(), route.metric());
    let preferred = metric.is_some_and(|metric| metric < CONNECTED);
    length > subnet || length == subnet && preferred
}

fn hides(
    route: &RouteSpec,
    dev: &IfName,
    hops: &BTreeMap<(&IfName, IpAddr), u8>,
) -> Option<IpAddr> {
    let inside = (dev, route.to.network())..=(dev, route.to.broadcast());
    let mut inside = hops.range(inside);
    let hidden = inside.find(|(_, subnet)| nearer(route, **subnet));
    hidden.map(|((_, hop), _)| *hop)
}
