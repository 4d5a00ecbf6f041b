//! From the lines of `expect`, or from nothing but the namespaces, to single probes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::published::leads;
use super::{Behind, Check};
use crate::state::{Family, NetState, Netns};
use crate::topology::{Bounds, Expectation, Probe, Target};

/// The probes that prove what is expected: one for each address, or for each
/// address family that both namespaces have.
pub fn expand(expect: &[Expectation], state: &NetState) -> Vec<Check> {
    let homes = homes(state);
    expect
        .iter()
        .flat_map(|line| checks(line, state, &homes))
        .collect()
}

/// Everything that may be asked of a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// A ping from each namespace, and the host, to each other, in each address
    /// family that both have. Where a line of `expect` is just that, it is judged.
    pub pairs: Vec<Check>,
    /// The other probes of `expect`.
    pub others: Vec<Check>,
}

/// The probes that show what reaches what.
pub fn matrix(expect: &[Expectation], state: &NetState) -> Matrix {
    let key = |check: &Check| (check.from.clone(), check.to);
    let mut pairs = pairs(state);
    let places: BTreeMap<_, usize> = pairs.iter().map(key).zip(0..).collect();
    let mut others = Vec::new();
    for check in expand(expect, state) {
        let plain = check.probe == Probe::Ping && check.bounds == Bounds::default();
        let pair = places.get(&key(&check)).filter(|_| plain);
        match pair.and_then(|at| pairs.get_mut(*at)) {
            Some(pair) if pair.reach.is_none() => pair.reach = check.reach,
            _ => others.push(check),
        }
    }
    Matrix { pairs, others }
}

fn pairs(state: &NetState) -> Vec<Check> {
    let homes = homes(state);
    let named = state.namespaces.iter();
    let ours = named.filter(|(_, namespace)| namespace.owner.as_ref() == Some(&state.lab));
    let ours = ours
        .map(|(netns, _)| netns)
        .filter(|netns| **netns != Netns::Host);
    let all: Vec<&Netns> = std::iter::once(&Netns::Host).chain(ours).collect();
    let pings = |from: &Netns, to: &Netns| {
        let line = Expectation {
            from: from.clone(),
            to: Target::Netns(to.clone()),
            reach: true,
            probe: Probe::Ping,
            bounds: Bounds::default(),
        };
        common(&line, to, state, &homes)
    };
    let unjudged = |check| Check {
        reach: None,
        ..check
    };
    let pairs = all.iter().flat_map(|from| {
        let others = all.iter().filter(move |to| *to != from);
        others.flat_map(|to| pings(from, to))
    });
    pairs.map(unjudged).collect()
}

/// Who has an address, and what ports of the host lead where.
struct Homes<'a> {
    state: &'a NetState,
    all: BTreeMap<IpAddr, &'a Netns>,
}

fn homes(state: &NetState) -> Homes<'_> {
    let all = state.namespaces.keys().flat_map(|netns| {
        state
            .addresses(netns)
            .into_iter()
            .map(move |(address, _)| (address.addr(), netns))
    });
    Homes {
        state,
        all: all.collect(),
    }
}

impl Homes<'_> {
    fn of(&self, address: IpAddr) -> Option<Netns> {
        self.all.get(&address).map(|netns| (*netns).clone())
    }

    /// Where a probe is sent on to: one to an address of the host, or from it to 127.0.0.1.
    fn behind(&self, line: &Expectation, to: IpAddr) -> Option<Behind> {
        let own = line.from == Netns::Host && to == IpAddr::from(Ipv4Addr::LOCALHOST);
        if !own && self.of(to) != Some(Netns::Host) {
            return None;
        }
        let at = leads(self.state, to, line.probe)?;
        let netns = self.of(at.ip())?;
        Some(Behind { netns, at })
    }
}

fn checks(line: &Expectation, state: &NetState, homes: &Homes<'_>) -> Vec<Check> {
    let target = match &line.to {
        Target::Address(address) => return vec![check(line, *address, None, homes)],
        Target::Netns(netns) => netns,
    };
    let common = common(line, target, state, homes);
    if common.is_empty() {
        // No common family: the probe then shows that there is no way.
        let first = best(state, &line.from, target).into_iter().take(1);
        return first
            .map(|to| check(line, to, Some(target), homes))
            .collect();
    }
    common
}

/// One probe for each family that both namespaces have.
fn common(line: &Expectation, to: &Netns, state: &NetState, homes: &Homes<'_>) -> Vec<Check> {
    let best = best(state, &line.from, to);
    let common = best
        .into_iter()
        .filter(|address| *to == line.from || has(state, &line.from, family(address)));
    common
        .map(|address| check(line, address, Some(to), homes))
        .collect()
}

/// The nearest address of each family, IPv4 first.
fn best(state: &NetState, from: &Netns, to: &Netns) -> Vec<IpAddr> {
    let calls = state.calls_from(from)(to);
    let of = |wanted| calls.iter().find(|address| family(address) == wanted);
    let families = [Family::Ipv4, Family::Ipv6];
    families.into_iter().filter_map(of).copied().collect()
}

fn family(address: &IpAddr) -> Family {
    Family::of(&IpNet::from(*address))
}

fn check(line: &Expectation, to: IpAddr, name: Option<&Netns>, homes: &Homes<'_>) -> Check {
    Check {
        from: line.from.clone(),
        to,
        name: name.cloned(),
        home: homes.of(to),
        behind: homes.behind(line, to),
        probe: line.probe,
        reach: Some(line.reach),
        bounds: line.bounds,
    }
}

/// The host has addresses that no lab gave it.
fn has(state: &NetState, netns: &Netns, family: Family) -> bool {
    let own = state.addresses(netns);
    *netns == Netns::Host || own.iter().any(|(address, _)| Family::of(address) == family)
}
