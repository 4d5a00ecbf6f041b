//! WireGuard interfaces: keys and peers that come, change and go.

use netyard::state::{Link, Wireguard};
use netyard::topology::parse;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::spec::Spec;

/// One of a namespace: which key it has, and what is left open.
#[derive(Debug, Clone)]
pub(crate) struct Tunnel {
    key: u8,
    port: Option<u8>,
    hosts: Vec<u8>,
    mtu: bool,
    peers: Vec<Peer>,
}

/// A peer by the number of its key, and bits of what is said of it.
#[derive(Debug, Clone)]
struct Peer {
    key: u8,
    behind: Vec<u8>,
    said: u8,
}

const KEYS: [&str; 4] = [
    "yIFxnqrY3OJV1VOlO+9WSPebswuqJskSpksaCpPUKlI=",
    "4D+73uJUQF5dpAfntS7qiZ0j8aNSIPSwcNLYBMZFgGw=",
    "SBLzT+3rkJH00+XYZLTGb71Kxf4lQBs0nkd5RZa3Imc=",
    "kKGa9+EIYSgw5AKWkhpv/DnmmqvsWD9yL9CKGRpqYn4=",
];

pub(crate) fn tunnel() -> impl Strategy<Value = Option<Tunnel>> {
    let behind = prop::collection::vec(0..6u8, 0..3);
    let peer = (0..4u8, behind, 0..8u8).prop_map(|(key, behind, said)| Peer { key, behind, said });
    let peers = prop::collection::vec(peer, 0..4);
    let hosts = prop::collection::vec(10..14u8, 0..3);
    let one = (0..4u8, option::of(0..2u8), hosts, any::<bool>(), peers).prop_map(
        |(key, port, hosts, mtu, peers)| Tunnel {
            key,
            port,
            hosts,
            mtu,
            peers,
        },
    );
    option::weighted(0.4, one)
}

/// The file with those interfaces, and of their peers those that can be there together.
pub(crate) fn with_tunnels(
    mut file: Value,
    spec: &Spec,
    name: impl Fn(u8) -> String,
    lab: u8,
) -> Value {
    for i in 0..3 {
        let namespace = spec.namespaces[usize::from(i)].as_ref();
        let Some(tunnel) = namespace.and_then(|namespace| namespace.tunnel.as_ref()) else {
            continue;
        };
        // Two labs may be in one namespace.
        let dev = format!("l{lab}t0");
        let mut with = file.clone();
        with["namespaces"][name(i)]["interfaces"][&dev] = interface(tunnel, lab, i);
        if parse(&with.to_string()).is_err() {
            continue;
        }
        file = with;
        for peer in &tunnel.peers {
            let mut with = file.clone();
            let told = &mut with["namespaces"][name(i)]["interfaces"][&dev]["wireguard"];
            let peers = told["peers"].as_array_mut().expect("a list");
            peers.push(of(peer));
            if parse(&with.to_string()).is_ok() {
                file = with;
            }
        }
    }
    file
}

fn interface(tunnel: &Tunnel, lab: u8, i: u8) -> Value {
    let mut hosts = tunnel.hosts.clone();
    hosts.sort_unstable();
    hosts.dedup();
    let both = |n: &u8| {
        [
            format!("10.{lab}.8{i}.{n}/24"),
            format!("fd00:{lab}:8{i}::{n}/64"),
        ]
    };
    let addresses: Vec<String> = hosts.iter().flat_map(both).collect();
    let key = KEYS[usize::from(tunnel.key)];
    let mut told = json!({ "private-key": key, "peers": [] });
    if let Some(port) = tunnel.port {
        told["listen-port"] = json!(51820 + u16::from(port));
        told["fwmark"] = json!(port);
    }
    let mut interface = json!({ "wireguard": told, "addresses": addresses });
    if tunnel.mtu {
        interface["mtu"] = json!(1300);
    }
    interface
}

fn of(peer: &Peer) -> Value {
    let private = KEYS[usize::from(peer.key)].parse::<netyard::state::PrivateKey>();
    let public = private.expect("a key").public().to_string();
    let behind = |n: &u8| match n {
        0..=2 => format!("10.200.{n}.0/24"),
        n => format!("fd00:200:{n}::/48"),
    };
    let behind: Vec<String> = peer.behind.iter().map(behind).collect();
    let mut value = json!({ "public-key": public, "allowed-ips": behind });
    if peer.said & 1 != 0 {
        value["endpoint"] =
            json!(["192.0.2.1:51820", "[2001:db8::1]:9"][usize::from(peer.key % 2)]);
    }
    if peer.said & 2 != 0 {
        value["preshared-key"] = json!(KEYS[usize::from(3 - peer.key)]);
    }
    if peer.said & 4 != 0 {
        value["persistent-keepalive"] = json!(25);
    }
    value
}

/// Somebody tells an interface something else.
pub(crate) fn drift(link: &mut Link, n: usize) {
    let Some(told) = &mut link.wireguard else {
        return;
    };
    match n % 5 {
        0 => **told = Wireguard::default(),
        // One that the file leaves open is as it is.
        1 => told.listen_port = told.listen_port.and(Some(4444)),
        2 => drop(told.peers.pop_first()),
        3 => told.private_key = KEYS[n % 4].parse().ok(),
        _ => {
            for peer in told.peers.values_mut() {
                peer.allowed_ips.clear();
                peer.persistent_keepalive = 7;
            }
        }
    }
}
