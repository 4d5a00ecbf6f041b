//! Routers, as elements of a table of their own: the rules are the same for all kinds.

use ipnet::IpNet;

use crate::state::{
    Element, Family, IfName, Namespace, NetState, Netns, Part, Protocol, SetName, Sysctl,
    SysctlKey, Table, TableName,
};
use crate::topology::nat::{Filter, Ipv6, Nat, NatPreset};
use crate::topology::{NamespaceSpec, Topology};

/// The table of each router, and how long its connection tracking remembers UDP.
pub(super) fn routers(topology: &Topology, state: &mut NetState) {
    for (netns, spec) in &topology.namespaces {
        if let Some(nat) = &spec.nat {
            router(topology, state, (netns, spec), nat);
        }
    }
}

fn router(
    topology: &Topology,
    state: &mut NetState,
    (netns, spec): (&Netns, &NamespaceSpec),
    nat: &Nat,
) {
    let Some(outside) = topology.outside(netns, spec) else {
        return;
    };
    let Some(namespace) = state.namespaces.get_mut(netns) else {
        return;
    };
    let mut table = Table::skeleton(TableName::Router);
    for (set, element) in elements(topology, namespace, (netns, &outside), nat) {
        table.add(set, element, &topology.lab);
    }
    let (mapping, stream) = nat.timeouts();
    table.lifetime = mapping;
    namespace.tables.insert(table.name, table);
    for (key, seconds) in [
        (SysctlKey::udp_timeout(), mapping),
        (SysctlKey::udp_stream_timeout(), stream),
    ] {
        let sysctl = Sysctl {
            holders: [topology.lab.clone()].into(),
            ..Sysctl::new(&seconds.to_string())
        };
        namespace.sysctls.insert(key, sysctl);
    }
}

fn elements(
    topology: &Topology,
    namespace: &Namespace,
    (netns, outside): (&Netns, &IfName),
    nat: &Nat,
) -> Vec<(SetName, Element)> {
    let mut all = Vec::new();
    let mut put = |set, parts: Vec<Part>| all.push((set, Element::of(parts)));
    let out = || Part::Device(outside.clone());
    for set in sets(nat) {
        put(set, vec![out()]);
    }
    if nat.kind != NatPreset::None {
        let addresses = namespace.links.get(outside).map(|link| &link.addresses);
        let addresses = addresses.into_iter().flatten();
        for net in addresses.filter(|net| Family::of(net) == Family::Ipv4) {
            put(SetName::External4, vec![Part::Net(net.addr().into())]);
        }
    }
    if nat.hairpins() {
        for dev in namespace.links.keys().filter(|dev| is_inside(dev, outside)) {
            put(SetName::Loop, vec![Part::Device(dev.clone())]);
        }
    }
    for family in nat.closed() {
        put(SetName::Closed, vec![Part::Family(family), out()]);
    }
    if nat.ipv6() == Some(Ipv6::None) {
        put(SetName::Blocked, vec![Part::Family(Family::Ipv6), out()]);
    }
    for (protocol, port) in ports(nat) {
        let port = Part::Ports(port, port);
        put(SetName::Passes, vec![out(), Part::Protocol(protocol), port]);
    }
    if nat.filter == Some(Filter::NoUdp) {
        put(SetName::Stopped, vec![out(), Part::Protocol(Protocol::Udp)]);
    }
    for (set, from, to) in prefixes(topology, netns, outside, nat) {
        let element = Element {
            key: vec![Part::Net(from)],
            data: vec![Part::Net(to)],
        };
        all.push((set, element));
    }
    all
}

fn is_inside(dev: &IfName, outside: &IfName) -> bool {
    dev != outside && dev.as_str() != "lo"
}

/// The sets that make up the kind, of the device that leads outwards.
fn sets(nat: &Nat) -> Vec<SetName> {
    let mut sets = vec![SetName::Outside];
    sets.extend(match nat.kind {
        NatPreset::None => None,
        NatPreset::Symmetric => Some(SetName::Symmetric),
        _ => Some(SetName::Stable),
    });
    sets.extend(match nat.kind {
        NatPreset::FullCone | NatPreset::Cgnat => Some(SetName::Anybody),
        NatPreset::AddressRestricted => Some(SetName::Restricted),
        NatPreset::None | NatPreset::Home | NatPreset::Symmetric => None,
    });
    sets.extend((nat.ipv6() == Some(Ipv6::Nat66)).then_some(SetName::Nat66));
    sets.extend((nat.filter == Some(Filter::Corporate)).then_some(SetName::Strict));
    sets
}

/// What is spoken outwards where little is: web and names. QUIC, UDP to 443, is not.
fn ports(nat: &Nat) -> Vec<(Protocol, u16)> {
    match nat.filter {
        Some(Filter::Corporate) => vec![
            (Protocol::Tcp, 53),
            (Protocol::Tcp, 80),
            (Protocol::Tcp, 443),
            (Protocol::Udp, 53),
        ],
        Some(Filter::NoUdp) | None => Vec::new(),
    }
}

/// The prefix inside, the one outside, and the other way around.
fn prefixes(
    topology: &Topology,
    netns: &Netns,
    outside: &IfName,
    nat: &Nat,
) -> Vec<(SetName, IpNet, IpNet)> {
    let prefix = nat.prefix.filter(|_| nat.ipv6() == Some(Ipv6::Nptv6));
    let inside = prefix.and_then(|out| topology.inside_prefix(netns, outside, out.prefix_len()));
    match (prefix, inside) {
        (Some(out), Some(inside)) => vec![
            (SetName::Prefixes6, inside.into(), out),
            (SetName::Inwards6, out, inside.into()),
        ],
        _ => Vec::new(),
    }
}
