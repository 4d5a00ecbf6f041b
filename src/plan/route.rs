//! Static routes of the lab's namespaces, and those of the host that leave by
//! the lab's devices.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::link::{is_set_down, is_small};
use super::order::{Rank, Turn};
use super::{Draft, Op, is_own, is_whole};
use crate::state::{End, Fate, IP6_METRIC, Namespace, Netns, Origin, Route, broadcast};

pub(super) fn diff(draft: &mut Draft<'_>) {
    for (netns, want) in draft.wanted() {
        diff_one(draft, netns, want);
    }
}

fn diff_one(draft: &mut Draft<'_>, netns: &Netns, want: &Namespace) {
    let (in_the_way, present) = ours(draft, netns, want);
    for route in in_the_way.into_iter().rev() {
        let because = match route.fate {
            Fate::Unicast => "it cannot stand while addresses make room for others",
            _ => "the file has no such route",
        };
        let op = removal(netns, route);
        draft.push(Rank::Configure(Turn::RouteInTheWay), op, because);
    }
    // The kernel tells routes of one table apart by destination and metric.
    let mut stale: BTreeMap<_, Route> = present
        .difference(&want.routes)
        .map(|route| ((route.to, route.metric), route.clone()))
        .collect();
    let mut moved: Vec<Route> = Vec::new();
    let back = lost(draft, netns);
    for route in back
        .into_iter()
        .chain(want.routes.difference(&present).cloned())
    {
        let netns = netns.clone();
        let (op, because) = match stale.remove(&(route.to, route.metric)) {
            Some(was) => {
                moved.push(was.clone());
                let because = "the way there is another now";
                (Op::ReplaceRoute { netns, route, was }, because)
            }
            None if route.origin == Origin::Kernel => (
                Op::AddRoute { netns, route },
                "the kernel made it with the address",
            ),
            None if route.is_default() => (
                Op::AddRoute { netns, route },
                "what is not on a link goes to the gateway",
            ),
            None => {
                let because = because(want, &route);
                (Op::AddRoute { netns, route }, because)
            }
        };
        draft.push(Rank::Configure(Turn::Route), op, because);
    }
    // Those by a next hop before the one to it, which it is to find when all comes back.
    let stale: BTreeSet<Route> = stale.into_values().collect();
    for route in stale.into_iter().rev() {
        // It goes with its device, if that goes; and would come back with it, before the way to
        // its next hop is back.
        let no_hop = moved.iter().any(|hop| goes_by(&route, hop));
        if no_hop || !draft.leaving.contains(&end(netns, &route)) {
            let because = match is_set_down(draft, &end(netns, &route)) {
                true => "its device is set down",
                false => "the file has no such route",
            };
            let op = removal(netns, route);
            draft.push(Rank::Configure(Turn::RouteGone), op, because);
        }
    }
}

/// Whether the route's next hop is found by the other.
fn goes_by(route: &Route, hop: &Route) -> bool {
    let to_it = |via: IpAddr| hop.via.is_none() && hop.to.contains(&via);
    hop.dev == route.dev && route.via.is_some_and(to_it)
}

fn because(want: &Namespace, route: &Route) -> &'static str {
    let far = |other: &Route| other.is_by_cable() && Some(other.to.addr()) == route.via;
    match route.via {
        None if route.is_by_cable() => "it is at the other end of the cable",
        Some(_) if want.routes.iter().any(far) => "it is reached by the cable's other end",
        _ => "the file has this route",
    }
}

/// The routes that the kernel made with addresses which are wanted and stay.
fn lost(draft: &Draft<'_>, netns: &Netns) -> Vec<Route> {
    let back = |route: &&Route| {
        let end = end(netns, route);
        let (Some(want), Some(have)) = (draft.desired.link(&end), draft.have_link(&end)) else {
            return false;
        };
        let kept = draft.meanwhile.get(&end).unwrap_or(&have.addresses);
        // Of several IPv4 addresses in a subnet it is the first one's.
        let of = |a: &&IpNet| a.trunc() == route.to && route.src.is_none_or(|src| a.addr() == src);
        // An IPv6 address whose time is changed gets its route again (`inet6_addr_modify`,
        // net/ipv6/addrconf.c), an IPv4 address does not.
        let expiring = have.expiring.keys().filter(|a| a.addr().is_ipv4());
        let mut kept = kept.iter().chain(expiring);
        let stays = kept.any(|a| of(&a) && want.addresses.contains(a));
        let has = route.to.addr().is_ipv4() || !is_small(want.mtu);
        want.up && have.up && stays && has
    };
    let lost = draft.have(netns).into_iter().flat_map(|have| &have.lost);
    lost.filter(back).cloned().collect()
}

/// The operation that removes this route and no other: asked for an IPv6 route
/// without a metric, the kernel takes the one of the lowest (`ip6_route_del`).
pub(super) fn removal(netns: &Netns, route: Route) -> Op {
    Op::DelRoute {
        netns: netns.clone(),
        route: Route {
            metric: metric(&route),
            ..route
        },
    }
}

/// The metric that the kernel tells the route by.
pub(super) fn metric(route: &Route) -> Option<u32> {
    let usual = route.to.addr().is_ipv6().then_some(IP6_METRIC);
    route.metric.or(usual)
}

fn end(netns: &Netns, route: &Route) -> End {
    End {
        netns: netns.clone(),
        dev: route.dev.clone(),
    }
}

/// The observed routes that this lab may change and that are there when the plan
/// comes to them: static ones in its own namespaces; elsewhere, those that leave
/// by its own devices.
/// First those that lead nowhere, and those that go because their device loses its last
/// IPv4 address, or because their next hop becomes an address of the namespace itself or
/// the broadcast address of a subnet of its own, or because it is on the subnet of an
/// address that makes room: without it they could not be put back.
fn ours(draft: &Draft<'_>, netns: &Netns, want: &Namespace) -> (BTreeSet<Route>, BTreeSet<Route>) {
    let Some(have) = draft.have(netns) else {
        return Default::default();
    };
    let end = |route: &Route| end(netns, route);
    let ours = |route: &&Route| {
        let end = end(route);
        let stays = draft.have_link(&end).is_some() || draft.leaving.contains(&end);
        let own = is_whole(netns) || is_own(draft.observed, &end, draft.lab());
        route.origin == Origin::Static && stays && own
    };
    let addresses = want.links.values().flat_map(|link| &link.addresses);
    let no_hop: BTreeSet<IpAddr> = addresses
        .flat_map(|net| [Some(net.addr()), broadcast(net)])
        .flatten()
        .collect();
    let cut_off = |route: &Route| {
        let nets = draft.meanwhile.get(&end(route));
        let beside = |nets: &Vec<IpNet>| {
            nets.iter()
                .any(|net| route.via.is_none_or(|via| net.contains(&via)))
        };
        !want.routes.contains(route) && nets.is_some_and(|nets| !beside(nets))
    };
    let in_the_way = |route: &Route| {
        let flushed = route.to.addr().is_ipv4() && draft.flushed.contains(&end(route));
        let nowhere = route.fate != Fate::Unicast;
        nowhere || flushed || route.via.is_some_and(|via| no_hop.contains(&via)) || cut_off(route)
    };
    have.routes
        .iter()
        .filter(ours)
        .cloned()
        .partition(in_the_way)
}
