//! WireGuard interfaces: who a peer is, and what is behind whom.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Flaw, unknown};
use crate::report::codes;
use crate::state::{End, Netns, PublicKey};
use crate::topology::{Interface, PeerName, PeerSpec, Topology, WireguardSpec};

/// It is that alone, and not on the host.
pub(super) fn plugged(end: &End, interface: &Interface, linked: bool, place: &str) -> Option<Flaw> {
    let place = format!("{place}/wireguard");
    if end.netns == Netns::Host {
        let message = format!("`{}` of the host cannot be a WireGuard interface", end.dev);
        let flaw = Flaw::new(codes::HOST_LIMITS, place, message);
        return Some(flaw.hint("give it to a namespace of the lab"));
    }
    let other = match interface {
        Interface { on: Some(on), .. } => format!("a device on `{}` of the host", on.parent),
        Interface {
            network: Some(network),
            ..
        } => format!("on network `{network}`"),
        _ if linked => "an end of a link".to_owned(),
        _ => return None,
    };
    let message = format!("`{end}` is a WireGuard interface and {other}");
    let flaw = Flaw::new(codes::PLUGGED_TWICE, place, message);
    Some(flaw.hint("give the namespace an interface for each"))
}

pub(super) fn interfaces(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let mut ports: BTreeMap<(&Netns, u16), End> = BTreeMap::new();
    for (netns, dev, interface) in topology.interfaces() {
        // What is wrong with the others has been said.
        let fits = *netns != Netns::Host && dev.as_str() != "lo";
        let Some(spec) = interface.wireguard.as_ref().filter(|_| fits) else {
            continue;
        };
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let place = format!("namespaces/{netns}/interfaces/{dev}");
        flaws.extend(no_cable(&end, interface, &place));
        let port = spec.listen_port.map(|port| (port, (netns, port)));
        let taken = port.and_then(|(port, key)| Some((port, ports.insert(key, end.clone())?)));
        if let Some((port, other)) = taken {
            let message = format!("two interfaces of namespace {netns} listen on port {port}");
            let place = format!("{place}/wireguard/listen-port");
            let flaw = Flaw::new(codes::BAD_WIREGUARD, place, message);
            let flaw = flaw.label(format!("`{}` does, too", other.dev));
            flaws.push(flaw.hint("give each a `listen-port` of its own"));
        }
        peers(topology, spec, &format!("{place}/wireguard/peers"), flaws);
    }
}

/// What only a device with a hardware address, or with another end, can have.
fn no_cable(end: &End, interface: &Interface, place: &str) -> Vec<Flaw> {
    let mac = interface.mac.map(|_| {
        let message = format!("`{end}` has no hardware address: it carries IP packets alone");
        let flaw = Flaw::new(codes::BAD_WIREGUARD, format!("{place}/mac"), message);
        flaw.hint("leave the `mac` out")
    });
    let received = interface.limits.received.map(|_| {
        let message = format!("what `{end}` receives comes out of its tunnels");
        let flaw = Flaw::new(codes::BAD_WIREGUARD, format!("{place}/rate/in"), message);
        flaw.hint("write `out`: what it sends goes through a queue of its own")
    });
    mac.into_iter().chain(received).collect()
}

fn peers(topology: &Topology, spec: &WireguardSpec, place: &str, flaws: &mut Vec<Flaw>) {
    let own = spec.private_key.public();
    let mut keys: BTreeMap<PublicKey, usize> = BTreeMap::new();
    let mut behind: BTreeMap<IpNet, usize> = BTreeMap::new();
    for (at, peer) in spec.peers.iter().enumerate() {
        let place = format!("{place}/{at}");
        if let Some((word, key)) = key(topology, peer, &place, flaws) {
            let place = format!("{place}/{word}");
            let other = keys.insert(key, at);
            flaws.extend(twice(key == own, other, place));
        }
        for (i, net) in peer.allowed_ips.iter().enumerate() {
            let place = format!("{place}/allowed-ips/{i}");
            let before = behind.insert(net.trunc(), at);
            flaws.extend(allowed(net, before.filter(|before| *before != at), place));
        }
    }
}

/// The key of a peer, and the word by which the file says it.
fn key(
    topology: &Topology,
    peer: &PeerSpec,
    place: &str,
    flaws: &mut Vec<Flaw>,
) -> Option<(&'static str, PublicKey)> {
    let end = match &peer.name {
        PeerName::PublicKey(key) => return Some(("public-key", *key)),
        PeerName::Interface(end) => end,
    };
    if let Some(key) = topology.key_of(&peer.name) {
        return Some(("peer", key));
    }
    let place = format!("{place}/peer");
    if topology.interface(end).is_some() {
        let message = format!("`{end}` is no WireGuard interface");
        let flaw = Flaw::new(codes::BAD_WIREGUARD, place, message);
        flaws.push(flaw.hint("name one that has `wireguard`, or write its `public-key`"));
        return None;
    }
    let there = topology.interfaces();
    let there = there.filter(|(_, _, of)| of.wireguard.is_some());
    let known: Vec<String> = there
        .map(|(netns, dev, _)| format!("{netns}:{dev}"))
        .collect();
    let name = end.to_string();
    let what = (codes::BAD_WIREGUARD, "WireGuard interface", name.as_str());
    unknown(place, what, known.iter().map(String::as_str), flaws);
    None
}

/// A key is one peer's, and nobody is his own (`set_peer`, drivers/net/wireguard/netlink.c).
fn twice(own: bool, other: Option<usize>, place: String) -> Option<Flaw> {
    let (message, hint) = match other {
        _ if own => (
            "this is the interface itself",
            "name whom it shall speak with",
        ),
        Some(_) => ("this peer is there twice", "put both into one"),
        None => return None,
    };
    let flaw = Flaw::new(codes::BAD_WIREGUARD, place, message).hint(hint);
    Some(match other.filter(|_| !own) {
        Some(other) => flaw.label(format!("it is number {} of the list, too", other + 1)),
        None => flaw,
    })
}

/// A subnet is behind one peer; one inside another may be behind another, and is then that one's
/// (drivers/net/wireguard/allowedips.c).
fn allowed(net: &IpNet, before: Option<usize>, place: String) -> Option<Flaw> {
    if net.trunc() != *net {
        let message = format!("`{net}` is an address inside `{}`", net.trunc());
        let alone = net.max_prefix_len();
        let hint = format!("write `{}`, or `{}/{alone}`", net.trunc(), net.addr());
        return Some(Flaw::new(codes::HOST_BITS, place, message).hint(hint));
    }
    let before = before?;
    let message = format!("`{net}` is behind two peers");
    let flaw = Flaw::new(codes::BAD_WIREGUARD, place, message);
    let flaw = flaw.label(format!("number {} of the list has it, too", before + 1));
    Some(flaw.hint("leave it with one of them: packets go to the last that is given it"))
}
