//! From the lines of `expect` to single probes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Check;
use crate::state::{Family, Link, LinkKind, NetState, Netns, is_link_local};
use crate::topology::{Expectation, Target};

/// The probes that prove what is expected: one for each address, or for each
/// address family that both namespaces have.
pub fn expand(expect: &[Expectation], state: &NetState) -> Vec<Check> {
    let homes = homes(state);
    expect
        .iter()
        .flat_map(|line| checks(line, state, &homes))
        .collect()
}

type Homes<'a> = BTreeMap<IpAddr, &'a Netns>;

fn homes(state: &NetState) -> Homes<'_> {
    let all = state.namespaces.keys().flat_map(|netns| {
        addresses(state, netns)
            .into_iter()
            .map(move |(address, _)| (address.addr(), netns))
    });
    all.collect()
}

fn checks(line: &Expectation, state: &NetState, homes: &Homes<'_>) -> Vec<Check> {
    let check = |to: IpAddr, name: Option<&Netns>| Check {
        from: line.from.clone(),
        to,
        name: name.cloned(),
        home: homes.get(&to).map(|netns| (*netns).clone()),
        probe: line.probe,
        reach: line.reach,
    };
    let target = match &line.to {
        Target::Address(address) => return vec![check(*address, None)],
        Target::Netns(netns) => netns,
    };
    let both = |family: &Family| *target == line.from || has(state, &line.from, *family);
    let of =
        |family: Family| best(state, &line.from, target, family).map(|to| check(to, Some(target)));
    let families = [Family::Ipv4, Family::Ipv6];
    let common: Vec<Check> = families.into_iter().filter(both).filter_map(of).collect();
    if common.is_empty() {
        // No common family: the probe then shows that there is no way.
        return families.into_iter().filter_map(of).take(1).collect();
    }
    common
}

/// The host has addresses that no lab gave it.
fn has(state: &NetState, netns: &Netns, family: Family) -> bool {
    let own = addresses(state, netns);
    *netns == Netns::Host || own.iter().any(|(address, _)| Family::of(address) == family)
}

/// The address to call a namespace by: one in a subnet of the caller's, else one
/// of a device that is no `lo`, else any.
fn best(state: &NetState, from: &Netns, to: &Netns, family: Family) -> Option<IpAddr> {
    let near = addresses(state, from);
    let distance = |address: &IpNet, link: &Link| {
        let shared = near.iter().any(|(own, _)| own.contains(&address.addr()));
        (!shared, link.kind == LinkKind::Loopback)
    };
    addresses(state, to)
        .into_iter()
        .filter(|(address, _)| Family::of(address) == family)
        .min_by_key(|(address, link)| distance(address, link))
        .map(|(address, _)| address.addr())
}

/// The addresses that the lab gave to a namespace, in order.
fn addresses<'a>(state: &'a NetState, netns: &Netns) -> Vec<(IpNet, &'a Link)> {
    let links = state
        .namespaces
        .get(netns)
        .into_iter()
        .flat_map(|ns| ns.links.values());
    let ours =
        links.filter(|link| *netns != Netns::Host || link.owner.as_ref() == Some(&state.lab));
    let all = ours.flat_map(|link| link.addresses.iter().map(move |a| (*a, link)));
    all.filter(|(address, _)| !is_link_local(address)).collect()
}
