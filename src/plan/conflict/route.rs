//! Routes of others, where the lab is among others.

use ipnet::IpNet;

use super::{Conflict, at, holder, is_own, is_whole, routed};
use crate::state::{LabName, Namespace, NetState, Netns, Route};

/// A route that the lab wants may replace only one over its own devices.
pub(super) fn taken(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let shared = desired
        .namespaces
        .iter()
        .filter(|(netns, _)| !is_whole(netns));
    let both = shared.filter_map(|(netns, want)| {
        let have = observed.namespaces.get(netns)?;
        Some((netns, want, have))
    });
    both.flat_map(|(netns, want, have)| in_one(netns, (want, have), &desired.lab, observed))
        .collect()
}

fn in_one(
    netns: &Netns,
    (want, have): (&Namespace, &Namespace),
    lab: &LabName,
    observed: &NetState,
) -> Vec<Conflict> {
    let foreign = |route: &&Route| !is_own(observed, &at(netns, &route.dev), lab);
    let clash = |route: &Route| {
        let same = |other: &&Route| other.to == route.to && other.metric == route.metric;
        let mut same = have.routes.iter().filter(same);
        let have = same.find(foreign)?;
        Some(Conflict::Route {
            netns: netns.clone(),
            want: route.clone(),
            have: have.clone(),
            holder: holder(observed, &at(netns, &have.dev)),
        })
    };
    let other = (want.routes.iter())
        .filter(|route| have.other_routes.contains(&route.to))
        .map(|route| Conflict::OtherRoute {
            netns: netns.clone(),
            to: route.to,
        });
    want.routes.iter().filter_map(clash).chain(other).collect()
}

/// The longest prefix wins, and of two equal ones the older route: such a route of
/// somebody else's would leave the lab's subnet without packets.
pub(super) fn diverted(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let Some(host) = observed.namespaces.get(&Netns::Host) else {
        return Vec::new();
    };
    let foreign = |route: &&Route| !is_own(observed, &at(&Netns::Host, &route.dev), &desired.lab);
    let theirs = host.routes.iter().filter(foreign).map(|route| route.to);
    let theirs: Vec<IpNet> = theirs.chain(host.other_routes.iter().copied()).collect();
    let on_subnets = routed(desired, &Netns::Host).flat_map(|(dev, want)| {
        let inside = theirs.iter().filter(|to| want.trunc().contains(*to));
        inside.map(|to| Conflict::Diverted {
            to: *to,
            subnet: want.trunc(),
            dev: dev.clone(),
        })
    });
    on_subnets.collect()
}
