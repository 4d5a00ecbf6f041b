//! Why a probe did not do what the file expects, as far as the state tells.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Check, Outcome, Seen};
use crate::state::{Family, Link, Namespace, NetState, Netns, Route, SysctlKey};

/// The likely cause of a surprise and what to look at next; `None` when the
/// outcome is as expected.
pub fn explain(check: &Check, outcome: &Outcome, state: &NetState) -> Option<String> {
    if outcome.is_expected(check) {
        return None;
    }
    if outcome.seen == Seen::Reached {
        return Some(unexpected_way(check, state));
    }
    let cause = obstacle(check, state).unwrap_or_else(|| match &outcome.seen {
        Seen::Refused => "it arrived, and nobody listens on that port".to_owned(),
        Seen::Unreachable { by: Some(by), why } => format!("{by} says: {why}"),
        Seen::Unreachable { by: None, why } => why.clone(),
        _ => "no answer, though every route is there: a firewall on the way, perhaps (`nft list ruleset`)".to_owned(),
    });
    Some(cause)
}

fn place(netns: &Netns) -> String {
    match netns {
        Netns::Host => "the host".to_owned(),
        Netns::Named(name) => format!("namespace {name}"),
    }
}

/// What is wrong on the way there, or on the way back.
fn obstacle(check: &Check, state: &NetState) -> Option<String> {
    let from = state.namespaces.get(&check.from)?;
    if check.home.as_ref() == Some(&check.from) {
        return down(&check.from, from);
    }
    let route = match way(from, check.to) {
        Some(route) => route,
        None if check.from == Netns::Host => return None,
        None => return Some(no_route(check, from)),
    };
    if from.links.get(route.dev()).is_some_and(|link| !link.up) {
        return Some(format!(
            "device {} in {} is down",
            route.dev(),
            place(&check.from)
        ));
    }
    forwarder(check, state).or_else(|| way_back(check, state))
}

fn down(netns: &Netns, namespace: &Namespace) -> Option<String> {
    let (dev, _) = namespace.links.iter().find(|(_, link)| !link.up)?;
    Some(format!("device {dev} in {} is down", place(netns)))
}

fn no_route(check: &Check, from: &Namespace) -> String {
    let own: Vec<&IpNet> = from
        .links
        .values()
        .flat_map(|link| &link.addresses)
        .collect();
    let family = Family::of(&IpNet::from(check.to));
    let place = place(&check.from);
    if !own.iter().any(|address| Family::of(address) == family) {
        let version = if check.to.is_ipv4() { "IPv4" } else { "IPv6" };
        return format!("{place} has no {version} address");
    }
    format!(
        "{place} has no route to {}: see `ip -n {} route`",
        check.to, check.from
    )
}

/// A way out of a namespace: over a connected subnet, or a route.
enum Way<'a> {
    Connected(&'a crate::state::IfName),
    Routed(&'a Route),
}

impl Way<'_> {
    fn dev(&self) -> &crate::state::IfName {
        match self {
            Way::Connected(dev) => dev,
            Way::Routed(route) => &route.dev,
        }
    }
}

/// The longest prefix wins.
fn way(namespace: &Namespace, to: IpAddr) -> Option<Way<'_>> {
    let connected = namespace.links.iter().flat_map(|(dev, link)| {
        link.addresses
            .iter()
            .map(move |address| (address.trunc(), Way::Connected(dev)))
    });
    let routed = namespace
        .routes
        .iter()
        .map(|route| (route.to, Way::Routed(route)));
    let fitting = connected.chain(routed).filter(|(net, _)| net.contains(&to));
    fitting
        .max_by_key(|(net, _)| net.prefix_len())
        .map(|(_, way)| way)
}

/// When the next hop is another namespace, it must forward.
fn forwarder(check: &Check, state: &NetState) -> Option<String> {
    let Some(Way::Routed(Route { via: Some(via), .. })) =
        way(state.namespaces.get(&check.from)?, check.to)
    else {
        return None;
    };
    let Some((netns, hop)) = state
        .namespaces
        .iter()
        .find(|(_, ns)| has_address(ns, *via))
    else {
        let place = place(&check.from);
        return Some(format!(
            "the route from {place} goes by {via}, which nobody in the lab has"
        ));
    };
    if check.home.as_ref() == Some(netns) {
        return None;
    }
    let key = if via.is_ipv4() {
        SysctlKey::forward4()
    } else {
        SysctlKey::forward6()
    };
    let forwards = hop
        .sysctls
        .get(&key)
        .is_some_and(|sysctl| sysctl.value != "0");
    if forwards {
        let onward = way(hop, check.to).is_none() && *netns != Netns::Host;
        return onward.then(|| {
            format!(
                "the next hop, {}, has no route to {}",
                place(netns),
                check.to
            )
        });
    }
    let advice = match netns {
        Netns::Host => "the host forwards for a network that has `masquerade: true`",
        Netns::Named(_) => "`forward: true` in the file lets it",
    };
    Some(format!(
        "the next hop, {}, does not forward: {advice}",
        place(netns)
    ))
}

/// The answer must find its way back too, unless it is masqueraded.
fn way_back(check: &Check, state: &NetState) -> Option<String> {
    let home = check.home.as_ref().filter(|home| **home != Netns::Host)?;
    let target = state.namespaces.get(home)?;
    let family = Family::of(&IpNet::from(check.to));
    let from = state.namespaces.get(&check.from)?;
    let own: Vec<IpAddr> = (from.links.values())
        .flat_map(|link: &Link| &link.addresses)
        .filter(|address| Family::of(address) == family)
        .map(IpNet::addr)
        .collect();
    let lost = !own.is_empty() && own.iter().all(|address| way(target, *address).is_none());
    let masqueraded = state
        .namespaces
        .get(&Netns::Host)
        .is_some_and(|host| host.table.is_some());
    (lost && !masqueraded && check.from != Netns::Host).then(|| {
        format!(
            "{} has no route back to {}: see `ip -n {home} route`",
            place(home),
            place(&check.from)
        )
    })
}

fn has_address(namespace: &Namespace, ip: IpAddr) -> bool {
    namespace
        .links
        .values()
        .flat_map(|link| &link.addresses)
        .any(|address| address.addr() == ip)
}

fn unexpected_way(check: &Check, state: &NetState) -> String {
    let from = state.namespaces.get(&check.from);
    let next = format!(
        "see `netyard exec {} -- ip route get {}`",
        check.from, check.to
    );
    match from.and_then(|from| way(from, check.to)) {
        Some(Way::Connected(dev)) => {
            format!(
                "it is on a subnet of {} itself, by device {dev}; {next}",
                place(&check.from)
            )
        }
        Some(Way::Routed(route)) => format!("it went by the route `{route}`; {next}"),
        None => format!("it went by a way that the file does not describe; {next}"),
    }
}
