//! Generated topologies, and pairs of them: the second has some parts of the
//! first and some of its own, so that every kind of change comes up.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::rate::{Rate, rate};
use crate::tunnel::{Tunnel, tunnel};
use crate::vlan::{Vlans, vlan, vlans};

/// What a file is rendered from. Every part that holds an address says only its
/// host number: subnets follow from the place, so that any mixture is valid.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) networks: Vec<Option<Network>>,
    pub(crate) namespaces: Vec<Option<Namespace>>,
    pub(crate) cables: Vec<Option<Cable>>,
    pub(crate) host_routes: Vec<RouteTo>,
    pub(crate) allow: Vec<Allow>,
}

/// Between the networks of these numbers, to these ports.
#[derive(Debug, Clone)]
pub(crate) struct Allow {
    pub(crate) sides: [u8; 2],
    pub(crate) ports: Ports,
}

/// Few, so that they overlap in every way; `None`: all protocols.
pub(crate) type Ports = Option<(u8, u8)>;

#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) bridge: Option<u8>,
    pub(crate) v4: Option<u8>,
    pub(crate) v6: Option<u8>,
    pub(crate) gateway: Option<u8>,
    pub(crate) masquerade: bool,
    pub(crate) routed: bool,
    pub(crate) internal: bool,
    pub(crate) localnet: bool,
    pub(crate) vlan: Option<u8>,
    pub(crate) mtu: Option<u16>,
}

#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    pub(crate) plugs: Vec<Option<Plug>>,
    pub(crate) lo: u8,
    pub(crate) forward: bool,
    /// To whom, by the place in a list.
    pub(crate) publish: Option<u8>,
    /// Which kind of router it is, if any.
    pub(crate) nat: Option<u8>,
    pub(crate) egress: Option<Vec<Ports>>,
    pub(crate) ingress: Option<Vec<Ports>>,
    pub(crate) routes: Vec<RouteTo>,
    pub(crate) carried: Option<Carried>,
    pub(crate) tunnel: Option<Tunnel>,
}

/// An interface on a device of the host.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    pub(crate) parent: u8,
    pub(crate) kind: u8,
    pub(crate) hosts: Vec<u8>,
    pub(crate) mtu: Option<u16>,
    pub(crate) mac: Option<u8>,
}

/// An interface on a network.
#[derive(Debug, Clone)]
pub(crate) struct Plug {
    pub(crate) network: u8,
    pub(crate) hosts: Vec<u8>,
    pub(crate) trusted: bool,
    pub(crate) isolated: bool,
    pub(crate) no_default_route: bool,
    pub(crate) hairpin: bool,
    /// Where it names no addresses, it gets one of the first subnet alone.
    pub(crate) one_subnet: bool,
    pub(crate) mac: Option<u8>,
    pub(crate) mtu: Option<u16>,
    pub(crate) rate: Option<Rate>,
    pub(crate) vlans: Vlans,
}

#[derive(Debug, Clone)]
pub(crate) struct Cable {
    pub(crate) ends: [u8; 2],
    pub(crate) v4: Option<u8>,
    pub(crate) v6: Option<u8>,
    pub(crate) extra: Vec<u8>,
    pub(crate) mtu: Option<u16>,
    pub(crate) rates: [Option<Rate>; 2],
}

/// A route by the network or cable of this number.
#[derive(Debug, Clone)]
pub(crate) struct RouteTo {
    pub(crate) to: u8,
    pub(crate) by: u8,
    pub(crate) hop: u8,
    pub(crate) metric: Option<u8>,
    pub(crate) v6: bool,
    pub(crate) more: u8,
}

/// One with which a device has no IPv6 is left out where the file has IPv6.
fn mtu() -> impl Strategy<Value = Option<u16>> {
    option::weighted(0.4, select(vec![1000, 1280, 1400, 9000]))
}

fn family() -> impl Strategy<Value = Option<u8>> {
    option::weighted(0.7, 0..3u8)
}

/// Beside the subnets of networks, small ones that have each other's addresses as
/// their broadcast addresses.
fn cable_family() -> impl Strategy<Value = Option<u8>> {
    option::weighted(0.7, 0..6u8)
}

fn network() -> impl Strategy<Value = Network> {
    let gateway = option::weighted(0.8, 0..2u8);
    (
        option::of(0..2u8),
        family(),
        family(),
        gateway,
        [0.5, 0.3, 0.5, 0.2].map(prop::bool::weighted),
        (mtu(), vlan()),
    )
        .prop_map(|(bridge, v4, v6, gateway, flags, (mtu, vlan))| {
            let [masquerade, routed, internal, localnet] = flags;
            Network {
                bridge,
                v4,
                v6,
                gateway,
                masquerade,
                routed,
                internal,
                localnet,
                vlan,
                mtu,
            }
        })
}

fn plug() -> impl Strategy<Value = Plug> {
    let hosts = prop::collection::vec(10..14u8, 0..4);
    let flags = [0.2, 0.3, 0.2, 0.2, 0.2].map(prop::bool::weighted);
    let more = (mtu(), rate(), vlans());
    (0..3u8, hosts, flags, option::of(0..3u8), more).prop_map(
        |(network, hosts, flags, mac, (mtu, rate, vlans))| {
            let [trusted, isolated, no_default_route, hairpin, one] = flags;
            Plug {
                network,
                hosts,
                trusted,
                isolated,
                no_default_route,
                hairpin,
                one_subnet: one,
                mac,
                mtu,
                rate,
                vlans,
            }
        },
    )
}

fn ports() -> impl Strategy<Value = Ports> {
    option::weighted(
        0.8,
        (1..6u8, 0..4u8).prop_map(|(first, more)| (first, first + more)),
    )
}

fn permits() -> impl Strategy<Value = Option<Vec<Ports>>> {
    option::weighted(0.3, prop::collection::vec(ports(), 0..4))
}

fn allow() -> impl Strategy<Value = Allow> {
    ([0..3u8, 0..3u8], ports()).prop_map(|(sides, ports)| Allow { sides, ports })
}

fn route() -> impl Strategy<Value = RouteTo> {
    let metric = option::weighted(0.4, 1..3u8);
    (0..3u8, 0..6u8, 0..2u8, metric, any::<bool>(), 0..8u8).prop_map(
        |(to, by, hop, metric, v6, more)| RouteTo {
            to,
            by,
            hop,
            metric,
            v6,
            more,
        },
    )
}

fn carried() -> impl Strategy<Value = Option<Carried>> {
    let hosts = prop::collection::vec(10..14u8, 0..3);
    let one = (0..2u8, 0..8u8, hosts, mtu(), option::of(0..3u8)).prop_map(
        |(parent, kind, hosts, mtu, mac)| Carried {
            parent,
            kind,
            hosts,
            mtu,
            mac,
        },
    );
    option::weighted(0.4, one)
}

fn namespace() -> impl Strategy<Value = Namespace> {
    let plugs = prop::collection::vec(option::weighted(0.7, plug()), 2);
    let routes = prop::collection::vec(route(), 0..4);
    let flags = (
        any::<bool>(),
        option::of(0..4u8),
        option::weighted(0.3, 0..6u8),
    );
    let lists = (permits(), permits());
    let alone = (carried(), tunnel());
    (plugs, 0..4u8, flags, lists, routes, alone).prop_map(
        |(plugs, lo, (forward, publish, nat), (egress, ingress), routes, (carried, tunnel))| {
            Namespace {
                plugs,
                lo,
                forward,
                publish,
                nat,
                egress,
                ingress,
                routes,
                carried,
                tunnel,
            }
        },
    )
}

fn cable() -> impl Strategy<Value = Cable> {
    let extra = prop::collection::vec(20..23u8, 0..3);
    (
        [0..4u8, 0..4u8],
        cable_family(),
        family(),
        extra,
        mtu(),
        [rate(), rate()],
    )
        .prop_map(|(ends, v4, v6, extra, mtu, rates)| Cable {
            ends,
            v4,
            v6,
            extra,
            mtu,
            rates,
        })
}

fn some<T: std::fmt::Debug + Clone>(
    part: impl Strategy<Value = T>,
    count: usize,
) -> impl Strategy<Value = Vec<Option<T>>> {
    prop::collection::vec(option::weighted(0.7, part), count)
}

pub(crate) fn spec() -> impl Strategy<Value = Spec> {
    let routes = prop::collection::vec(route(), 0..3);
    (
        some(network(), 3),
        some(namespace(), 3),
        some(cable(), 3),
        routes,
        prop::collection::vec(allow(), 0..3),
    )
        .prop_map(|(networks, namespaces, cables, host_routes, allow)| Spec {
            networks,
            namespaces,
            cables,
            host_routes,
            allow,
        })
}

/// A file, and the file after it was changed here and there.
pub(crate) fn pair() -> impl Strategy<Value = (Spec, Spec)> {
    (spec(), spec(), any::<u16>(), any::<u16>()).prop_map(|(a, mut b, keep, finer)| {
        let kept = |bit: usize| keep >> bit & 1 == 1;
        for i in 0..3 {
            if kept(i) {
                b.networks[i].clone_from(&a.networks[i]);
            }
            if kept(3 + i) {
                b.namespaces[i].clone_from(&a.namespaces[i]);
            } else if let (Some(old), Some(new)) = (&a.namespaces[i], &mut b.namespaces[i])
                && finer >> i & 1 == 1
            {
                // Only addresses, or only routes, differ.
                *new = Namespace {
                    routes: new.routes.clone(),
                    publish: new.publish,
                    nat: new.nat,
                    ..old.clone()
                };
            }
            if kept(6 + i) {
                b.cables[i].clone_from(&a.cables[i]);
            } else if let (Some(old), Some(new)) = (&a.cables[i], &mut b.cables[i]) {
                new.ends = old.ends;
            }
        }
        if kept(9) {
            b.host_routes.clone_from(&a.host_routes);
        }
        if kept(10) {
            b.allow.clone_from(&a.allow);
        }
        (a, b)
    })
}
