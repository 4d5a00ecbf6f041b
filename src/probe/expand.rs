//! From the lines of `expect` to single probes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Check;
use crate::state::{Family, NetState, Netns};
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
        state
            .addresses(netns)
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
    let calls = state.calls_from(&line.from)(target);
    let of = |family: Family| {
        let mut calls = calls.iter();
        let best = calls.find(|address| Family::of(&IpNet::from(**address)) == family);
        best.map(|to| check(*to, Some(target)))
    };
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
    let own = state.addresses(netns);
    *netns == Netns::Host || own.iter().any(|(address, _)| Family::of(address) == family)
}
