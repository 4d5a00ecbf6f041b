//! Whether the firewall tables drop a probe: those of its two namespaces, and the host's.

use std::net::IpAddr;

use ipnet::IpNet;

use super::explain::place;
use super::path::{Hop, Map, way};
use super::{Check, Probe};
use crate::state::{
    Element, Family, IfName, Namespace, Netns, Part, Protocol, SetName, Table, TableName,
};

/// Who drops it, in the order in which it would meet them.
pub(super) fn refused(hops: &[Hop<'_>], check: &Check, map: &Map<'_>) -> Option<String> {
    let source = map.source(&check.from, check.to)?;
    let egress = || unlisted(&check.from, map, "egress", &[check.to], check.probe);
    parted(source, check, map)
        .or_else(egress)
        .or_else(|| forged(hops, source, map))
        .or_else(|| guarded(hops, source, check, map))
        .or_else(|| {
            let (home, _, probe) = check.server()?;
            unlisted(home, map, "ingress", &[source], probe)
        })
}

/// Whether one of both drops what is between them for now.
fn parted(source: IpAddr, check: &Check, map: &Map<'_>) -> Option<String> {
    let home = check.home.as_ref()?;
    let drops = |netns: &Netns, other: IpAddr| {
        let table = map.namespace(netns)?.tables.get(&TableName::Partition)?;
        let element = Element::of([Part::Net(other.into())]);
        let sets = [SetName::Parted4, SetName::Parted6];
        Some(sets.iter().any(|set| table.has(*set, &element)))
    };
    let drops = [drops(&check.from, check.to), drops(home, source)].contains(&Some(true));
    let both = || format!("{} and {}", place(&check.from), place(home));
    drops.then(|| format!("{} are parted: `netyard link heal LAB` ends that", both()))
}

/// What a rule sees of it: addresses, protocol, port.
pub(super) fn seen(addresses: &[IpAddr], probe: Probe) -> Element {
    let ipv4 = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (protocol, port) = match probe {
        Probe::Tcp(port) => (Protocol::Tcp, port),
        Probe::Udp(port) => (Protocol::Udp, port),
        Probe::Ping if ipv4 => (Protocol::Icmp, 0),
        Probe::Ping => (Protocol::Icmpv6, 0),
    };
    let addresses = addresses.iter().map(|address| Part::Net((*address).into()));
    Element::of(addresses.chain([Part::Protocol(protocol), Part::Ports(port, port)]))
}

/// A range holds what bars it.
pub(super) fn holds(table: &Table, sets: [SetName; 2], seen: &Element) -> bool {
    let elements = sets.iter().filter_map(|set| table.sets.get(set));
    let mut elements = elements.flat_map(|elements| elements.keys());
    elements.any(|element| element.bars(seen))
}

/// Whether a namespace has a list for this direction, without it.
fn unlisted(
    netns: &Netns,
    map: &Map<'_>,
    list: &str,
    other: &[IpAddr],
    probe: Probe,
) -> Option<String> {
    let table = map.namespace(netns)?.tables.get(&TableName::Inside)?;
    let sets = match list {
        "egress" => [SetName::Egress4, SetName::Egress6],
        _ => [SetName::Ingress4, SetName::Ingress6],
    };
    let listed = holds(table, sets, &seen(other, probe));
    (!listed).then(|| format!("{} drops it: its `{list}` does not list it", place(netns)))
}

/// Whether the first bridge, or the host at a cable's other end, drops it for its source.
fn forged(hops: &[Hop<'_>], source: IpAddr, map: &Map<'_>) -> Option<String> {
    let first = hops.first()?;
    let link = map.namespace(first.at)?.links.get(first.dev)?;
    let host = map.namespace(&Netns::Host)?;
    let port = link.peer().filter(|peer| peer.netns == Netns::Host)?;
    let uses = Element::of([Part::Device(port.dev.clone()), Part::Net(source.into())]);
    let forged = |name, checked, own: [SetName; 2]| {
        let table = host.tables.get(&name)?;
        let checked = table.has(checked, &Element::device(port.dev.clone()));
        (checked && own.map(|set| table.has(set, &uses)) == [false; 2]).then_some(())
    };
    let switch = [SetName::Sources4, SetName::Sources6];
    let host = [SetName::From4, SetName::From6];
    let (who, forged) = match forged(TableName::Bridge, SetName::Checked, switch) {
        Some(()) => ("switch", true),
        None => (
            "host",
            forged(TableName::Inet, SetName::Routed, host).is_some(),
        ),
    };
    let lets = "`trusted: true` lets it speak from any";
    let drops = format!(
        "the {who} drops what {} says from {source}",
        place(first.at)
    );
    forged.then(|| format!("{drops}, which the file does not give it: {lets}"))
}

/// Whether the host drops it: from and to a network our table lets pass only what the file
/// says, and on a host that did not forward before nothing else at all.
fn guarded(hops: &[Hop<'_>], source: IpAddr, check: &Check, map: &Map<'_>) -> Option<String> {
    let hop = hops.iter().skip(1).find(|hop| *hop.at == Netns::Host)?;
    let host = map.namespace(&Netns::Host)?;
    let table = host.tables.get(&TableName::Inet)?;
    let allows = [SetName::Allow4, SetName::Allow6];
    if holds(table, allows, &seen(&[source, check.to], check.probe)) {
        return None;
    }
    let beside = [SetName::Beside4, SetName::Beside6];
    let both = Element::of([source, check.to].map(|address| Part::Net(address.into())));
    if holds(table, beside, &both) {
        let isolated = |dev: &IfName| table.has(SetName::Isolated, &Element::device(dev.clone()));
        let apart = isolated(hop.dev) && came_by(host, source).is_some_and(isolated);
        return apart.then(|| "the host drops it: both are `isolated`".to_owned());
    }
    let why = closed(table, came_by(host, source), hop.dev, check.to)?;
    Some(format!("the host drops it: {why}"))
}

fn came_by(host: &Namespace, source: IpAddr) -> Option<&IfName> {
    way(host, source).map(|(dev, _)| dev)
}

fn closed(
    table: &Table,
    came_by: Option<&IfName>,
    leaves_by: &IfName,
    to: IpAddr,
) -> Option<&'static str> {
    let is_in = |set, dev: &IfName| table.has(set, &Element::device(dev.clone()));
    let within = |set| came_by.is_some_and(|dev| is_in(set, dev));
    let towards = is_in(SetName::Networks, leaves_by);
    if came_by == Some(leaves_by) || within(SetName::Inside) && !towards {
        return None;
    }
    let family = Family::of(&IpNet::from(to));
    match (within(SetName::Networks), towards) {
        (true, true) => Some("networks do not reach one another unless the file allows it"),
        (true, false) => Some("the network does not go out: the file gives it no `masquerade`"),
        (false, true) => Some("nobody outside reaches a network unless the file allows it"),
        _ if table.has(SetName::Guard, &Element::family(family)) => {
            Some("it forwards what a network with `masquerade` sends out, and nothing else")
        }
        _ => None,
    }
}
