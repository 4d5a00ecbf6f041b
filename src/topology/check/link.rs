//! Links, and the names of devices on the host.

use std::collections::{BTreeMap, BTreeSet};

use super::{Flaw, mtu};
use crate::state::{End, IfName, Netns};
use crate::topology::nearest::suggest;
use crate::topology::{Cable, Topology, port_name};

pub(super) fn links(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let mut used = BTreeMap::new();
    for (i, cable) in topology.links.iter().enumerate() {
        let place = format!("links/{i}");
        flaws.extend(mtu(cable.mtu, has_ipv6(topology, cable), &place));
        if cable.endpoints[0] == cable.endpoints[1] {
            let message = format!("both ends of the link are `{}`", cable.endpoints[0]);
            flaws.push(Flaw::new(format!("{place}/endpoints"), message));
            continue;
        }
        for (j, end) in cable.endpoints.iter().enumerate() {
            let place = format!("{place}/endpoints/{j}");
            let before = used.insert(end, i);
            flaws.extend(endpoint(topology, end, before, &place));
        }
    }
    host_devices(topology, flaws);
}

/// An end is in a namespace of the lab or on the host, and in one link. The
/// interface itself need not be listed.
fn endpoint(topology: &Topology, end: &End, before: Option<usize>, place: &str) -> Option<Flaw> {
    if let Some(before) = before {
        let message = format!("`{end}` is an end of two links");
        return Some(Flaw::new(place, message).label(format!("link {} has it too", before + 1)));
    }
    if end.dev.as_str() == "lo" {
        return Some(Flaw::new(place, "`lo` cannot be an end of a link"));
    }
    if end.netns == Netns::Host || topology.namespaces.contains_key(&end.netns) {
        return None;
    }
    let message = format!("there is no namespace `{}`", end.netns);
    Some(Flaw::new(place, message).hint(namespace_hint(topology, &end.netns)))
}

/// A namespace of the file that is spelled almost like this one.
pub(super) fn namespace_hint(topology: &Topology, netns: &Netns) -> String {
    let known = topology.namespaces.keys().filter_map(Netns::name);
    let known = known.map(|name| name.as_str()).chain(["host"]);
    suggest(&netns.to_string(), "the namespaces are", known)
}

/// Whether the link's MTU must let IPv6 through.
fn has_ipv6(topology: &Topology, cable: &Cable) -> bool {
    let interface = |end: &End| {
        let spec = topology.namespaces.get(&end.netns)?;
        spec.interfaces.get(&end.dev)
    };
    let interfaces = cable.endpoints.iter().filter_map(interface);
    let mut addresses = interfaces.flat_map(|i| &i.addresses);
    addresses.any(|net| net.addr().is_ipv6())
}

/// Bridges, their ports and the host's ends of links share one namespace.
fn host_devices(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let mut taken = BTreeSet::from(["lo".to_owned()]);
    for (dev, place, what) in devices(topology) {
        if !taken.insert(dev.to_string()) {
            let message = match dev.as_str() {
                "lo" => "the host has a device `lo` already".to_owned(),
                _ => format!("the host would have two devices `{dev}`"),
            };
            flaws.push(Flaw::new(place, message).label(what));
        }
    }
}

/// Each with its place and, for a label, what it is.
fn devices(topology: &Topology) -> Vec<(IfName, String, String)> {
    let mut all = Vec::new();
    for (i, cable) in topology.links.iter().enumerate() {
        let end = &cable.endpoints[0];
        if end.netns == Netns::Host && end.dev.as_str() != "lo" {
            let place = format!("links/{i}/endpoints/0");
            let first = topology.links[..i].iter().all(|c| c.endpoints[0] != *end);
            if first {
                all.push((end.dev.clone(), place, "an end of a link".to_owned()));
            }
        }
    }
    for (name, network) in &topology.networks {
        let place = format!("networks/{name}/bridge");
        let what = format!("the bridge of network `{name}`");
        all.push((topology.bridge(name, network), place, what));
    }
    for (netns, namespace) in &topology.namespaces {
        for (dev, interface) in &namespace.interfaces {
            if interface.network.is_some() && *netns != Netns::Host {
                let place = format!("namespaces/{netns}/interfaces/{dev}");
                let what = format!("the host's end of `{netns}:{dev}`");
                all.push((port_name(netns, dev), place, what));
            }
        }
    }
    all
}
