//! Why a probe did not do what the file expects, as far as the state tells. The
//! words do not repeat whom the probe was sent to, so that what has one cause is
//! told in the same words.

use std::net::IpAddr;

use ipnet::IpNet;

use super::path::{End, Hop, Map, way};
use super::{Check, Outcome, Seen};
use super::{policy, published};
use crate::state::{Family, Namespace, Netns, SetName, SysctlKey, Table, TableName};

/// The likely cause of what nobody wanted and what to look at next: of a surprise,
/// or of a probe that did not arrive and of which nothing is expected.
pub fn explain(check: &Check, outcome: &Outcome, map: &Map<'_>) -> Option<String> {
    let reached = outcome.seen == Seen::Reached;
    let satisfied = match check.reach {
        Some(_) => outcome.is_expected(check),
        None => reached,
    };
    if satisfied {
        return None;
    }
    if reached {
        let shortfall = super::bounds::shortfall(check, outcome);
        return shortfall.or_else(|| Some(unexpected_way(check, map)));
    }
    let cause = obstacle(check, outcome, map)
        .or_else(|| super::bounds::too_large(check, outcome, map))
        .unwrap_or_else(|| said(check, outcome, map));
    Some(cause)
}

/// What was heard, where the state tells nothing.
fn said(check: &Check, outcome: &Outcome, map: &Map<'_>) -> String {
    let own = |by: &IpAddr| map.owner(*by) == Some(&check.from);
    match &outcome.seen {
        Seen::NoAnswer if outcome.server => "a server listens there, and it did not answer".to_owned(),
        Seen::Refused => "it arrived, and nobody listens on that port".to_owned(),
        Seen::Unreachable { by: Some(by), why } if !own(by) => format!("{by} says: {why}"),
        Seen::Unreachable { why, .. } => why.clone(),
        _ => "no answer, though every route is there: a firewall on the way, perhaps (`nft list ruleset`)".to_owned(),
    }
}

pub(super) fn place(netns: &Netns) -> String {
    match netns {
        Netns::Host => "the host".to_owned(),
        netns => format!("namespace {netns}"),
    }
}

/// What is wrong on the way there, or on the way back.
fn obstacle(check: &Check, outcome: &Outcome, map: &Map<'_>) -> Option<String> {
    let from = map.namespace(&check.from)?;
    if check.home.as_ref() == Some(&check.from) {
        return down(&check.from, from);
    }
    let (hops, end) = map.path(&check.from, check.to);
    // The host may have tables of routes that are no part of a state.
    let says_so = |seen: &Seen| matches!(seen, Seen::Unreachable { by: None, .. });
    if end == End::NoRoute(&Netns::Host) && hops.is_empty() && !says_so(&outcome.seen) {
        return None;
    }
    on_the_way(&hops, end, check.to, map)
        .or_else(|| published::unseen(check, map))
        .or_else(|| policy::refused(&hops, check, map))
        .or_else(|| way_back(check, map))
}

fn down(netns: &Netns, namespace: &Namespace) -> Option<String> {
    let (dev, _) = namespace.links.iter().find(|(_, link)| !link.up)?;
    Some(format!("device {dev} in {} is down", place(netns)))
}

/// The first namespace that does not hand the packet on.
fn on_the_way(hops: &[Hop<'_>], end: End<'_>, to: IpAddr, map: &Map<'_>) -> Option<String> {
    for (i, hop) in hops.iter().enumerate() {
        let namespace = map.namespace(hop.at)?;
        if i > 0 && !forwards(namespace, to) {
            return Some(no_forwarding(hop.at));
        }
        if namespace.links.get(hop.dev).is_some_and(|link| !link.up) {
            return Some(format!("device {} in {} is down", hop.dev, place(hop.at)));
        }
    }
    match end {
        End::NoRoute(at) if hops.is_empty() => Some(no_route(at, to, map)),
        End::NoRoute(at) => Some(format!(
            "{}, on the way, has no route there: see {}",
            place(at),
            routes(at)
        )),
        End::Circle => Some("the routes go in a circle".to_owned()),
        End::Unknown => nobody(hops.last()?),
        End::Arrives => None,
    }
}

fn forwards(namespace: &Namespace, to: IpAddr) -> bool {
    let key = if to.is_ipv4() {
        SysctlKey::forward4()
    } else {
        SysctlKey::forward6()
    };
    let sysctl = namespace.sysctls.get(&key);
    sysctl.is_some_and(|sysctl| sysctl.value != "0")
}

fn no_forwarding(at: &Netns) -> String {
    let advice = match at {
        Netns::Host => "the host forwards for a network that has `masquerade: true`",
        Netns::At(_) | Netns::Named(_) => "`forward: true` in the file lets it",
    };
    format!("{}, on the way, does not forward: {advice}", place(at))
}

fn no_route(at: &Netns, to: IpAddr, map: &Map<'_>) -> String {
    let family = Family::of(&IpNet::from(to));
    let links = map
        .namespace(at)
        .into_iter()
        .flat_map(|ns| ns.links.values());
    let mut own = links.flat_map(|link| &link.addresses);
    if !own.any(|address| Family::of(address) == family) {
        let version = if to.is_ipv4() { "IPv4" } else { "IPv6" };
        return format!("{} has no {version} address", place(at));
    }
    format!("{} has no route there: see {}", place(at), routes(at))
}

/// The command that shows a namespace's routes.
fn routes(at: &Netns) -> String {
    match at {
        Netns::Host => "`ip route`".to_owned(),
        Netns::At(path) => format!("`nsenter --net={path} ip route`"),
        Netns::Named(name) => format!("`ip -n {name} route`"),
    }
}

/// The last one hands it to somebody who is not there. The host may know others.
fn nobody(last: &Hop<'_>) -> Option<String> {
    let place = (*last.at != Netns::Host).then(|| place(last.at))?;
    Some(match last.route.and_then(|route| route.via) {
        Some(via) => {
            format!("the route from {place} goes by {via}, which nobody in the lab has")
        }
        None => format!(
            "{place} asks for that address on {}, and nobody in the lab has it",
            last.dev
        ),
    })
}

/// The answer must find its way back too, unless it is masqueraded.
fn way_back(check: &Check, map: &Map<'_>) -> Option<String> {
    let home = check.home.as_ref().filter(|home| **home != Netns::Host)?;
    let host = map.namespace(&Netns::Host);
    let source = map.source(&check.from, check.to)?;
    let table = host.and_then(|host| host.tables.get(&TableName::Inet));
    if table.is_some_and(|table| masquerades(table, source)) || check.from == Netns::Host {
        return None;
    }
    let (hops, end) = map.path(home, source);
    match end {
        End::NoRoute(at) => Some(format!(
            "{} has no route back to {}: see {}",
            place(at),
            place(&check.from),
            routes(at)
        )),
        _ => on_the_way(&hops, end, source, map).map(|cause| format!("on the way back, {cause}")),
    }
}

fn masquerades(table: &Table, source: IpAddr) -> bool {
    let all = table
        .elements()
        .filter(|(set, _, _)| matches!(set, SetName::Masquerade4 | SetName::Masquerade6));
    let mut subnets = all.filter_map(|(_, element, _)| element.only_subnet());
    subnets.any(|subnet| subnet.contains(&source))
}

fn unexpected_way(check: &Check, map: &Map<'_>) -> String {
    let from = map.namespace(&check.from);
    let next = format!(
        "see `netyard exec {} -- ip route get {}`",
        check.from, check.to
    );
    match from.and_then(|from| way(from, check.to)) {
        Some((dev, None)) => {
            format!(
                "it is on a subnet of {} itself, by device {dev}; {next}",
                place(&check.from)
            )
        }
        Some((_, Some(route))) => format!("it went by the route `{route}`; {next}"),
        None => format!("it went by a way that the file does not describe; {next}"),
    }
}
