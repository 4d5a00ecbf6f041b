//! Static routes.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Flaw, hidden};
use crate::report::codes;
use crate::state::{Family, IfName, Netns, Scope, broadcast};
use crate::topology::nearest::{list, suggest};
use crate::topology::subnets::{DeviceNet, towards};
use crate::topology::{RouteSpec, Topology};

pub(super) fn routes(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (netns, namespace) in &topology.namespaces {
        let mut nets = topology.device_nets(netns);
        let before = flaws.len();
        let unknown = topology.is_on_unknown(netns);
        // A stand-in says nothing of what is next to whom.
        if unknown {
            nets.retain(|of| !topology.is_chosen(&of.net));
        }
        written(netns, &namespace.routes, topology, (&nets, unknown), flaws);
        if flaws.len() == before {
            hidden::hops(topology, (netns, namespace), &nets, flaws);
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            let gateway = topology.default_gateway(netns, family);
            let own = gateway.and_then(|(dev, via)| {
                let place = format!("namespaces/{netns}/interfaces/{dev}");
                own(&nets, netns, via, place)
            });
            let label = "it is the gateway of this interface's network";
            let hint =
                "take that address off this namespace, or give the network another `gateway`";
            flaws.extend(own.map(|flaw| flaw.label(label).hint(hint)));
        }
    }
}

fn written(
    netns: &Netns,
    routes: &[RouteSpec],
    topology: &Topology,
    (nets, unknown): (&[DeviceNet], bool),
    flaws: &mut Vec<Flaw>,
) {
    let mut seen = BTreeSet::new();
    for (i, route) in routes.iter().enumerate() {
        let place = format!("namespaces/{netns}/routes/{i}");
        let flaw = destination(route, &place)
            .or_else(|| options(route, &place))
            .or_else(|| by_device(topology, nets, (netns, route), &place))
            .or_else(|| next_hop(topology, nets, (netns, route.via?), &place).filter(|_| !unknown))
            .or_else(|| connected(nets, route, &place));
        flaws.extend(flaw);
        if !seen.insert((route.to, route.metric())) {
            let message = format!("there are two routes to `{}`", route.to);
            let place = format!("{place}/to");
            flaws.push(Flaw::new(codes::DUPLICATE_ROUTE, place, message));
        }
    }
}

/// The kernel refuses host bits in an IPv4 destination and drops them silently from
/// an IPv6 one; neither is what was meant.
fn destination(route: &RouteSpec, place: &str) -> Option<Flaw> {
    let RouteSpec { to, via, .. } = route;
    if to.trunc() != *to {
        let message = format!("`{to}` is an address in a subnet, not a subnet");
        let flaw = Flaw::new(codes::HOST_BITS, format!("{place}/to"), message);
        let host = IpNet::from(to.addr());
        return Some(flaw.hint(format!(
            "write `{}`, or `{host}` for the one address",
            to.trunc()
        )));
    }
    let via = (*via)?;
    if to.addr().is_ipv4() != via.is_ipv4() {
        let message = format!("the way to `{to}` cannot go via `{via}`");
        let flaw = Flaw::new(codes::BAD_NEXT_HOP, format!("{place}/via"), message);
        return Some(flaw.label("one is IPv4, the other IPv6"));
    }
    None
}

/// Scopes are of IPv4; what is on a link or on the host itself is beyond no router
/// (`fib_create_info`, `fib_check_nh_v4_gw`, net/ipv4/fib_semantics.c).
fn options(route: &RouteSpec, place: &str) -> Option<Flaw> {
    let scope = route.options.scope?;
    let flaw = |message: String| Flaw::new(codes::ROUTE_OPTIONS, format!("{place}/scope"), message);
    if route.to.addr().is_ipv6() {
        let message = format!("the IPv6 route to `{}` can have no scope", route.to);
        return Some(flaw(message).hint("leave `scope` out"));
    }
    let via = route.via.filter(|_| scope >= Scope::LINK)?;
    let message = format!("what is beyond `{via}` is not of scope `{scope}`");
    Some(flaw(message).hint("leave `scope` out, or `via`, and write `dev: INTERFACE`"))
}

/// The interface is there, and the next hop is next to it.
fn by_device(
    topology: &Topology,
    nets: &[DeviceNet],
    (netns, route): (&Netns, &RouteSpec),
    place: &str,
) -> Option<Flaw> {
    let dev = route.dev.as_ref()?;
    let place = format!("{place}/dev");
    let known = topology.devices(netns);
    if !known.contains(dev) {
        let message = format!("there is no interface `{dev}` in `{netns}`");
        let names = known.iter().map(IfName::as_str);
        let hint = suggest(dev.as_str(), "its interfaces are", names);
        return Some(Flaw::new(codes::ROUTE_OPTIONS, place, message).hint(hint));
    }
    let by = towards(nets, route.via?)?;
    (by.dev != *dev).then(|| {
        let message = format!("the next hop is not next to `{dev}`");
        let flaw = Flaw::new(codes::NEXT_HOP_UNREACHABLE, place, message);
        flaw.label(format!("`{}` is in its subnet", by.dev))
            .hint("leave `dev` out")
    })
}

/// A next hop must be a neighbour: the kernel looks it up when the route is added.
fn next_hop(
    topology: &Topology,
    nets: &[DeviceNet],
    (netns, via): (&Netns, IpAddr),
    place: &str,
) -> Option<Flaw> {
    let place = format!("{place}/via");
    if let Some(flaw) = own(nets, netns, via, place.clone()) {
        return Some(flaw);
    }
    if towards(nets, via).is_some() {
        return None;
    }
    if let Some(of) = nets.iter().find(|of| broadcast(&of.net) == Some(via)) {
        let subnet = of.net.trunc();
        let message = format!("`{via}` is the broadcast address of `{subnet}`");
        let label = format!("`{}` is in that subnet", of.dev);
        return Some(Flaw::new(codes::BAD_NEXT_HOP, place, message).label(label));
    }
    let message = format!("`{via}` is not next to `{netns}`");
    let flaw = Flaw::new(codes::NEXT_HOP_UNREACHABLE, place, message);
    let flaw = flaw.label("no interface has a subnet with this host");
    let near = nets.iter().filter(|of| !of.is_loopback());
    let (open, near): (Vec<_>, Vec<_>) = near.partition(|of| topology.is_chosen(&of.net));
    let near = near.into_iter().map(|of| of.net.trunc().to_string());
    let mut subnets: Vec<String> = near.collect();
    subnets.dedup();
    Some(flaw.hint(match subnets.as_slice() {
        [] if !open.is_empty() => format!(
            "the subnet of `{netns}` is yet to be chosen: give the network `subnets`, or leave the route out"
        ),
        [] => format!("`{netns}` has no subnets: give an interface an address"),
        _ => {
            let subnets = list(subnets.iter().map(String::as_str));
            format!("the subnets of `{netns}` are {subnets}")
        }
    }))
}

/// The kernel answers "Nexthop has invalid gateway" (`fib_check_nh_v4_gw`,
/// net/ipv4/fib_semantics.c) or "Gateway can not be a local address"
/// (`ip6_validate_gw`, net/ipv6/route.c).
fn own(nets: &[DeviceNet], netns: &Netns, via: IpAddr, place: String) -> Option<Flaw> {
    let mut known = nets.iter().filter(|of| of.place.is_some());
    known.find(|of| of.net.addr() == via)?;
    let message = format!("`{via}` is an address of `{netns}` itself");
    Some(Flaw::new(codes::BAD_NEXT_HOP, place, message))
}

/// The routes to the subnets of devices the kernel adds itself, and takes no other of
/// the same metric: 0 for IPv4, 256 for IPv6 (`IP6_RT_PRIO_ADDRCONF`). The IPv4
/// addresses of `lo` are in another table, and a single one needs no route
/// (`fib_add_ifaddr`, net/ipv4/fib_frontend.c).
fn connected(nets: &[DeviceNet], route: &RouteSpec, place: &str) -> Option<Flaw> {
    let (metric, ipv4) = match route.to {
        IpNet::V4(_) => (0, true),
        IpNet::V6(_) => (256, false),
    };
    if route.metric().unwrap_or_default() != metric {
        return None;
    }
    // A single one of nobody's own is the gateway of a routed network.
    let single = |of: &DeviceNet| of.net.prefix_len() == 32 && of.place.is_some();
    let routed = |of: &&DeviceNet| !ipv4 || !of.is_loopback() && !single(of);
    let mut routed = nets.iter().filter(routed);
    let of = routed.find(|of| of.net.trunc() == route.to)?;
    let message = format!("the kernel has a route to `{}` of its own", route.to);
    let flaw = Flaw::new(codes::DUPLICATE_ROUTE, format!("{place}/to"), message);
    let hint = format!(
        "give this one a `metric` other than {metric}, the kernel's: the lower is preferred"
    );
    Some(
        flaw.label(format!("`{}` is in that subnet", of.dev))
            .hint(hint),
    )
}
