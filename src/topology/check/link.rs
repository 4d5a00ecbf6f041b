//! Links, and the names of devices on the host.

use std::collections::{BTreeMap, BTreeSet};

use super::mtu::{has_ipv6, mtu};
use super::netem::of_link;
use super::{Flaw, has_namespace};
use crate::report::codes;
use crate::state::{End, IfName, Netns};
use crate::topology::{Cable, Topology, port_name};

pub(super) fn links(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let mut used = BTreeMap::new();
    for (i, cable) in topology.links.iter().enumerate() {
        let place = format!("links/{i}");
        flaws.extend(mtu(cable.mtu, &place, || ipv6_speaker(topology, cable)));
        flaws.extend(of_link(cable, &place));
        if cable.endpoints[0] == cable.endpoints[1] {
            let message = format!("both ends of the link are `{}`", cable.endpoints[0]);
            let place = format!("{place}/endpoints");
            flaws.push(Flaw::new(codes::LINK_TO_ITSELF, place, message));
            continue;
        }
        for (j, end) in cable.endpoints.iter().enumerate() {
            let place = format!("{place}/endpoints/{j}");
            let before = used.insert(end, i);
            match endpoint(end, before, &place) {
                Some(flaw) => flaws.push(flaw),
                None => drop(has_namespace(topology, &end.netns, &place, flaws)),
            }
        }
    }
    host_devices(topology, flaws);
}

/// An end is in one link. The interface itself need not be listed.
fn endpoint(end: &End, before: Option<usize>, place: &str) -> Option<Flaw> {
    if let Some(before) = before {
        let message = format!("`{end}` is an end of two links");
        let flaw = Flaw::new(codes::PLUGGED_TWICE, place, message);
        return Some(flaw.label(format!("link {} has it too", before + 1)));
    }
    let lo = end.dev.as_str() == "lo";
    let message = "`lo` cannot be an end of a link";
    lo.then(|| Flaw::new(codes::LOOPBACK_LIMITS, place, message))
}

/// Which end needs the link's MTU to let IPv6 through.
fn ipv6_speaker(topology: &Topology, cable: &Cable) -> Option<String> {
    let speaks = |end: &&End| {
        let spec = topology.namespaces.get(&end.netns);
        let interface = spec.and_then(|spec| spec.interfaces.get(&end.dev));
        interface.is_some_and(|i| i.mtu.is_none() && has_ipv6(&i.addresses))
    };
    let end = cable.endpoints.iter().find(speaks)?;
    Some(format!("`{end}`"))
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
            flaws.push(Flaw::new(codes::DUPLICATE_DEVICE, place, message).label(what));
        }
    }
}

/// Each with its place and, for a label, what it is.
pub(super) fn devices(topology: &Topology) -> Vec<(IfName, String, String)> {
    let mut all = Vec::new();
    // One that is an end of two links is no second device.
    let mut ends = BTreeSet::new();
    for (i, cable) in topology.links.iter().enumerate() {
        for (j, end) in cable.endpoints.iter().enumerate() {
            let device = end.netns == Netns::Host && end.dev.as_str() != "lo";
            if device && ends.insert(&end.dev) {
                let place = format!("links/{i}/endpoints/{j}");
                all.push((end.dev.clone(), place, "an end of a link".to_owned()));
            }
        }
    }
    for (name, network) in topology.own_bridges() {
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
