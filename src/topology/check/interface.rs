//! Interfaces: each is plugged into one thing, and the host's only by links.

use std::collections::BTreeMap;

use super::mtu::{has_ipv6, mtu};
use super::netem::conditions;
use super::rate::bursts;
use super::{Flaw, unknown};
use crate::report::codes;
use crate::state::{End, IfName, Mac, Netns, NetworkName};
use crate::topology::{Cable, Interface, Limits, Topology, Ways};

pub(super) fn interfaces(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let cables = topology.links.iter();
    let ends = cables.flat_map(|cable| cable.endpoints.iter().map(move |end| (end, cable)));
    let linked: BTreeMap<&End, &Cable> = ends.collect();
    let mut macs = BTreeMap::new();
    let host = topology.namespaces.get(&Netns::Host);
    if host.is_some_and(|host| host.forward) {
        let message = "netyard does not switch forwarding on for the host as such";
        let flaw = Flaw::new(codes::HOST_LIMITS, "namespaces/host/forward", message);
        flaws.push(flaw.hint("a network with `masquerade: true` has what it needs"));
    }
    for (netns, dev, interface) in topology.interfaces() {
        let place = format!("namespaces/{netns}/interfaces/{dev}");
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        match plugged(&end, interface, linked.contains_key(&end), &place) {
            Some(flaw) => flaws.push(flaw),
            None => has_network(topology, interface, &place, flaws),
        }
        flaws.extend(twice_routed(topology, &end, interface, &place));
        flaws.extend(mac(topology, &mut macs, (&end, interface), &place));
        let speaker = || ipv6_speaker(topology, &end, interface);
        flaws.extend(mtu(interface.mtu, &place, speaker));
        let cable = linked.get(&end).copied();
        flaws.extend(bursts(topology, interface, cable, &place));
        flaws.extend(conditions(topology, (&end, interface), cable, &place));
    }
}

fn has_network(topology: &Topology, interface: &Interface, place: &str, flaws: &mut Vec<Flaw>) {
    let known = topology.networks.keys().map(NetworkName::as_str);
    match &interface.network {
        Some(network) if !topology.networks.contains_key(network) => {
            let place = format!("{place}/network");
            let what = (codes::UNKNOWN_NETWORK, "network", network.as_str());
            unknown(place, what, known, flaws);
        }
        _ => {}
    }
}

/// Who needs the interface's MTU to let IPv6 through: itself, or the gateway, since a
/// bridge has the smallest MTU of its ports.
fn ipv6_speaker(topology: &Topology, end: &End, interface: &Interface) -> Option<String> {
    let network = topology.network_of(interface);
    // What families another lab's network has is not known yet.
    let network = network.filter(|network| !network.is_unknown());
    let nets = match network {
        Some(_) => topology.subnets_of(interface),
        None => interface.addresses.clone(),
    };
    if has_ipv6(&nets) {
        return Some(format!("`{end}`"));
    }
    let network = network?;
    let gateway = has_ipv6(&network.gateway_addresses());
    gateway.then(|| "the network's gateway".to_owned())
}

/// One network or one link, and for `lo` neither.
fn plugged(end: &End, interface: &Interface, linked: bool, place: &str) -> Option<Flaw> {
    let on_host = end.netns == Netns::Host;
    if end.dev.as_str() == "lo" {
        if end.netns.joined().is_some() {
            let message = "the `lo` of a namespace that is joined is not part of a lab";
            return Some(Flaw::new(codes::LOOPBACK_LIMITS, place, message).hint("take it out"));
        }
        return loopback(interface, on_host, place);
    }
    if interface.wireguard.is_some() {
        return super::wireguard::plugged(end, interface, linked, place);
    }
    if interface.on.is_some() {
        return super::parent::plugged(end, interface, linked, place);
    }
    match &interface.network {
        Some(_) if on_host => {
            let message = format!("`{}` of the host cannot be on a network", end.dev);
            let flaw = Flaw::new(codes::HOST_LIMITS, format!("{place}/network"), message);
            Some(flaw.hint("the host is on a network by its `gateway` address"))
        }
        Some(network) if linked => {
            let message = format!("`{end}` is on a network and an end of a link");
            let flaw = Flaw::new(codes::PLUGGED_TWICE, format!("{place}/network"), message);
            Some(flaw.hint(format!("take it off network `{network}` or out of `links`")))
        }
        Some(_) => None,
        None if linked => None,
        None => Some(unplugged(&end.dev, on_host, place)),
    }
}

/// To the gateway there is one way.
fn twice_routed(
    topology: &Topology,
    end: &End,
    interface: &Interface,
    place: &str,
) -> Option<Flaw> {
    topology.network_of(interface).filter(|of| of.routed)?;
    let all = &topology.namespaces.get(&end.netns)?.interfaces;
    let mut before = all.range(..end.dev.clone());
    let (other, _) = before.find(|(_, other)| other.network == interface.network)?;
    let message = format!("`{}` is on one routed network twice", end.netns);
    let flaw = Flaw::new(codes::ROUTED_NETWORK, format!("{place}/network"), message);
    Some(flaw.label(format!("`{other}` is on it too")))
}

fn unplugged(dev: &IfName, on_host: bool, place: &str) -> Flaw {
    let message = format!("`{dev}` is not plugged into anything");
    if on_host {
        let flaw = Flaw::new(codes::HOST_LIMITS, place, message);
        return flaw.hint("under `host` stand only interfaces that are ends of `links`");
    }
    Flaw::new(codes::NOT_PLUGGED, place, message)
}

/// `lo` is there from the start and cannot be plugged into anything; it can hold
/// addresses that are reached whichever way a packet comes in.
fn loopback(lo: &Interface, on_host: bool, place: &str) -> Option<Flaw> {
    let key = match lo {
        _ if on_host => {
            let flaw = Flaw::new(
                codes::HOST_LIMITS,
                place,
                "the host's `lo` is not part of a lab",
            );
            return Some(
                flaw.hint("take it out; a namespace of the lab may have addresses on `lo`"),
            );
        }
        Interface {
            network: Some(_), ..
        } => "network",
        Interface { on: Some(on), .. } => on.kind.word(),
        Interface {
            wireguard: Some(_), ..
        } => "wireguard",
        Interface { mac: Some(_), .. } => "mac",
        Interface { mtu: Some(_), .. } => "mtu",
        lo if lo.limits != Limits::default() => "rate",
        lo if lo.netem != Ways::default() => "netem",
        _ => return None,
    };
    let (place, message) = (
        format!("{place}/{key}"),
        format!("`lo` can have no `{key}`"),
    );
    Some(Flaw::new(codes::LOOPBACK_LIMITS, place, message))
}

/// Two devices with one hardware address on a bridge: it sends to whichever spoke last.
fn mac<'t>(
    topology: &Topology,
    seen: &mut BTreeMap<(&'t NetworkName, Mac), End>,
    (end, interface): (&End, &'t Interface),
    place: &str,
) -> Option<Flaw> {
    let mac = topology.mac(end, interface);
    let network = interface.network.as_ref()?;
    let other = seen.insert((network, mac), end.clone())?;
    let message = format!("two interfaces on network `{network}` have the address `{mac}`");
    let flaw = Flaw::new(codes::DUPLICATE_MAC, format!("{place}/mac"), message);
    Some(flaw.label(format!("`{other}` has it too")))
}
