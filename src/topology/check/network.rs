//! Networks: their subnets, gateways and sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::Flaw;
use super::mtu::{has_ipv6, mtu};
use crate::ipam::{Range, first_host, is_host, special};
use crate::report::codes;
use crate::state::NetworkName;
use crate::topology::nearest::list;
use crate::topology::{Gateway, Interface, Network, Topology};

/// A bridge takes ports numbered from 1 in ten bits (`BR_PORT_BITS`, `BR_MAX_PORTS`,
/// net/bridge/br_private.h; `find_portno`, net/bridge/br_if.c).
const MAX_PORTS: usize = 1023;

pub(super) fn networks(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (name, network) in &topology.networks {
        let place = format!("networks/{name}");
        flaws.extend(external(topology, network, &place));
        flaws.extend(subnets(network, &place));
        flaws.extend(gateways(network, &place));
        for (key, ranges) in [("ranges", &network.ranges), ("exclude", &network.exclude)] {
            flaws.extend(outside(network, ranges, &format!("{place}/{key}")));
        }
        flaws.extend(routed(network, &place));
        flaws.extend(internal(network, &place));
        flaws.extend(masquerade(network, &place));
        let speaker = || ipv6_speaker(topology, name, network);
        flaws.extend(mtu(network.mtu, &place, speaker));
    }
    overlaps(topology, flaws);
    ports(topology, flaws);
}

/// A lab cannot wait for itself.
fn external(topology: &Topology, network: &Network, place: &str) -> Option<Flaw> {
    let itself = network.external.as_ref() == Some(&topology.lab);
    let message = "a network of this lab itself is not external";
    let flaw = Flaw::new(codes::EXTERNAL_KEYS, format!("{place}/external"), message);
    itself.then(|| flaw.hint("leave out `external`"))
}

/// Who needs the network's MTU to let IPv6 through. On a network without subnets
/// interfaces have what addresses they like.
fn ipv6_speaker(topology: &Topology, name: &NetworkName, network: &Network) -> Option<String> {
    if has_ipv6(&network.subnets) {
        return Some(format!("network `{name}`"));
    }
    let speaks = |interface: &Interface| {
        let plugged = interface.network.as_ref() == Some(name);
        plugged && interface.mtu.is_none() && has_ipv6(&interface.addresses)
    };
    let found = topology.interfaces().find(|(_, _, i)| speaks(i));
    found.map(|(netns, dev, _)| format!("`{netns}:{dev}`"))
}

/// Subnets as the kernel's routes and the firewall's sets have them: no host bits,
/// and a range that hosts can have addresses of.
fn subnets(network: &Network, place: &str) -> Vec<Flaw> {
    let flaw = |(i, net): (usize, &IpNet)| {
        let place = format!("{place}/subnets/{i}");
        if net.trunc() != *net {
            let message = format!("`{net}` is an address in a subnet, not a subnet");
            let flaw = Flaw::new(codes::HOST_BITS, place, message);
            return Some(flaw.hint(format!("write `{}`", net.trunc())));
        }
        let (range, what) = special(net)?;
        let message = format!("`{net}` is no subnet for hosts");
        let flaw = Flaw::new(codes::SPECIAL_SUBNET, place, message);
        Some(flaw.label(format!("`{range}` is {what}")))
    };
    network
        .subnets
        .iter()
        .enumerate()
        .filter_map(flaw)
        .collect()
}

/// A range says addresses of one subnet that the file gives.
fn outside(network: &Network, ranges: &[Range], place: &str) -> Vec<Flaw> {
    let is_inside = |range: &Range| network.given_subnets().any(|net| range.is_in(net));
    let all = ranges.iter().enumerate();
    let out = all.filter(|(_, range)| !is_inside(range));
    let flaw = |(i, range): (usize, &Range)| {
        let message = format!("`{range}` lies in no subnet of the network");
        let flaw = Flaw::new(codes::RANGE_OUTSIDE, format!("{place}/{i}"), message);
        flaw.label(subnets_are(network))
    };
    out.map(flaw).collect()
}

fn gateways(network: &Network, place: &str) -> Vec<Flaw> {
    let Gateway::Addresses(addresses) = &network.gateway else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let flaw = |(i, address): (usize, &IpAddr)| {
        let place = format!("{place}/gateway/{i}");
        if !seen.insert(*address) {
            let message = format!("gateway `{address}` is there twice");
            let flaw = Flaw::new(codes::DUPLICATE_ADDRESS, place, message);
            return Some(flaw.hint("remove one of the two"));
        }
        gateway(network, *address, place)
    };
    addresses.iter().enumerate().filter_map(flaw).collect()
}

/// A gateway is a host: inside a subnet, with an address that hosts may have.
fn gateway(network: &Network, address: IpAddr, place: String) -> Option<Flaw> {
    let subnet = network.given_subnets().find(|net| net.contains(&address));
    let Some(subnet) = subnet else {
        let message = format!("gateway `{address}` lies in no subnet of the network");
        let flaw = Flaw::new(codes::GATEWAY_OUTSIDE, place, message);
        return Some(flaw.label(subnets_are(network)));
    };
    if is_host(subnet, address) {
        return None;
    }
    let message = format!("gateway `{address}` is no host address of `{subnet}`");
    let flaw = Flaw::new(codes::NOT_A_HOST_ADDRESS, place, message);
    let flaw = flaw.label("the subnet's own or broadcast address");
    Some(flaw.hint(format!(
        "the first host address is `{}`",
        first_host(subnet)
    )))
}

/// "the network has `10.0.0.0/24`", for a label.
pub(super) fn subnets_are(network: &Network) -> String {
    let all: Vec<String> = network.given_subnets().map(IpNet::to_string).collect();
    match all.as_slice() {
        [] if !network.chosen.is_empty() => "the network's subnet is yet to be chosen".to_owned(),
        [] => "the network has no subnets".to_owned(),
        _ => format!("the network has {}", list(all.iter().map(String::as_str))),
    }
}

/// Without a bridge all goes through the host.
fn routed(network: &Network, place: &str) -> Vec<Flaw> {
    if !network.routed {
        return Vec::new();
    }
    let mut flaws = Vec::new();
    let mut wrong = |key: &str, message: &str| {
        let place = format!("{place}/{key}");
        flaws.push(Flaw::new(codes::ROUTED_NETWORK, place, message));
    };
    if network.bridge.is_some() {
        wrong("bridge", "a routed network has no bridge");
    }
    if network.gateway == Gateway::None {
        wrong("gateway", "the host is the gateway of a routed network");
    }
    if network.subnets.is_empty() && network.chosen.is_empty() {
        wrong("subnets", "a routed network has a subnet");
    }
    if let Gateway::Addresses(gateways) = &network.gateway {
        for (i, subnet) in network.subnets.iter().enumerate() {
            if !gateways.iter().any(|gateway| subnet.contains(gateway)) {
                let message = format!("subnet `{subnet}` of a routed network has no gateway");
                wrong(&format!("subnets/{i}"), &message);
            }
        }
    }
    flaws
}

fn internal(network: &Network, place: &str) -> Option<Flaw> {
    let message = "an internal network has no way out to masquerade";
    let flaw = Flaw::new(
        codes::INTERNAL_NETWORK,
        format!("{place}/masquerade"),
        message,
    );
    let both = network.internal && network.masquerade;
    both.then(|| flaw.hint("leave out `internal` or `masquerade`"))
}

/// Packets leave through the host only if it is their gateway, and are recognised
/// by the subnet they come from.
fn masquerade(network: &Network, place: &str) -> Option<Flaw> {
    let (why, hint) = match network.gateway {
        _ if !network.masquerade => return None,
        _ if network.subnets.is_empty() => (
            "the network has no subnets",
            "give it one, or leave `masquerade` out",
        ),
        Gateway::None => (
            "the host is no gateway of the network",
            "leave `gateway: none` out, or `masquerade`",
        ),
        _ => return None,
    };
    let message = "masquerade needs a subnet and a gateway";
    let place = format!("{place}/masquerade");
    let flaw = Flaw::new(codes::MASQUERADE_NEEDS_GATEWAY, place, message);
    Some(flaw.label(why).hint(hint))
}

/// Of sorted subnets, one that overlaps another lies inside the last that did not.
fn overlaps(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let mut all: Vec<(IpNet, &NetworkName, usize)> = Vec::new();
    for (name, network) in &topology.networks {
        let subnets = network.subnets.iter().enumerate();
        all.extend(subnets.map(|(i, net)| (net.trunc(), name, i)));
    }
    // Reported already, and `0.0.0.0/0` would overlap everything.
    all.retain(|(net, _, _)| special(net).is_none());
    all.sort();
    let mut outer: Option<(IpNet, &NetworkName)> = None;
    for (net, name, i) in all {
        match outer {
            Some((around, other)) if around.contains(&net) => {
                let message = format!("subnet `{net}` overlaps `{around}` of network `{other}`");
                let place = format!("networks/{name}/subnets/{i}");
                flaws.push(Flaw::new(codes::SUBNETS_OVERLAP, place, message));
            }
            _ => outer = Some((net, name)),
        }
    }
}

/// Each interface on a network takes a port of its bridge; the host's own address
/// is on the bridge itself and takes none.
fn ports(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let mut ports: BTreeMap<&NetworkName, usize> = BTreeMap::new();
    for (_, _, interface) in topology.interfaces() {
        let bridge = topology.network_of(interface).is_some_and(|of| !of.routed);
        for network in interface.network.iter().filter(|_| bridge) {
            *ports.entry(network).or_default() += 1;
        }
    }
    for (name, count) in ports.into_iter().filter(|(_, count)| *count > MAX_PORTS) {
        let message = format!("{count} interfaces are on network `{name}`");
        let flaw = Flaw::new(codes::TOO_MANY_PORTS, format!("networks/{name}"), message);
        flaws.push(flaw.label(format!("a Linux bridge takes {MAX_PORTS} ports")));
    }
}
