//! From a file to a state: what resolve makes of it, and laws that hold for any file.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]
#![allow(clippy::unwrap_used)]

mod chosen;
mod laws;
mod mistakes;
mod policy;
mod pools;
mod shapes;

use ipnet::IpNet;
use netyard::ipam::{Leases, Pool};
use netyard::state::{
    AddrGen, Element, End, Link, LinkKind, NetState, Netns, Route, SetName, SysctlKey, Table,
    TableName, is_link_local,
};
use netyard::topology::{ResolveError, Topology, parse, resolve};

fn topology(text: &str) -> Topology {
    parse(text).unwrap_or_else(|e| panic!("{e}"))
}

fn state(text: &str) -> NetState {
    resolve(&topology(text), &Leases::default()).unwrap().0
}

fn example(name: &str) -> String {
    let path = format!("{}/examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn link<'s>(state: &'s NetState, end: &str) -> &'s Link {
    let end: End = end.parse().unwrap();
    &state.namespaces[&end.netns].links[&end.dev]
}

fn routes(state: &NetState, netns: &str) -> Vec<String> {
    let namespace = &state.namespaces[&netns.parse().unwrap()];
    namespace.routes.iter().map(Route::to_string).collect()
}

fn nets(all: &[&str]) -> Vec<IpNet> {
    all.iter().map(|net| net.parse().unwrap()).collect()
}

fn veth(peer: &str) -> Link {
    let peer = Some(peer.parse().unwrap());
    Link {
        up: true,
        ..Link::new(LinkKind::Veth { peer })
    }
}

#[test]
fn a_network_is_a_bridge_with_ports() {
    let state = state(&example("three"));
    let lab = Some("three".parse().unwrap());
    let bridge = link(&state, "host:virtual-bridge");
    assert_eq!(bridge.addresses, nets(&["10.0.0.1/24"]));
    assert_eq!(bridge.mac.unwrap().0[0], 0x02);
    assert_eq!((&bridge.owner, bridge.addrgen), (&lab, Some(AddrGen::None)));
    let port = Link {
        master: Some("virtual-bridge".parse().unwrap()),
        owner: lab.clone(),
        addrgen: Some(AddrGen::None),
        ..veth("one:veth-one-in")
    };
    assert_eq!(*link(&state, "host:one-veth-one-in"), port);
    let mac = "02:ad:50:eb:54:9e".parse().unwrap();
    let inside = Link {
        mac: Some(mac),
        addrgen: Some(AddrGen::Eui64),
        addresses: nets(&["10.0.0.10/24"]),
        ..veth("host:one-veth-one-in")
    };
    assert_eq!(*link(&state, "one:veth-one-in"), inside);
    assert_eq!(
        link(&state, "three:veth-three-in").addresses,
        nets(&["10.0.0.2/24"])
    );
    assert_eq!(
        routes(&state, "one"),
        ["default via 10.0.0.1 dev veth-one-in"]
    );
    let host = &state.namespaces[&Netns::Host];
    assert!(host.sysctls.is_empty() && host.owner.is_none());
    assert!(link(&state, "one:lo").up);
}

#[test]
fn a_link_of_two_namespaces_leaves_the_host_alone() {
    let state = state(&example("two-pcs"));
    assert!(!state.namespaces.contains_key(&Netns::Host));
    let first = link(&state, "pc-one:veth-pc-one");
    let second = link(&state, "pc-two:veth-pc-two");
    assert_eq!(first.owner, Some("two-pcs".parse().unwrap()));
    assert_eq!(second.owner, None);
    assert_eq!(second.peer().unwrap().to_string(), "pc-one:veth-pc-one");
    let eui64 = Some(AddrGen::Eui64);
    assert_eq!((first.addrgen, second.addrgen), (eui64, eui64));
    assert!(routes(&state, "pc-one").is_empty());
}

#[test]
fn masquerade_fills_the_table_and_switches_forwarding_on() {
    let state = state(&example("dual-stack"));
    let host = &state.namespaces[&Netns::Host];
    let lab = "dual-stack".parse().unwrap();
    let mut table = Table::skeleton(TableName::Inet);
    for (set, element) in [
        (SetName::Networks, "\"dual-bridge\""),
        (SetName::Bridged, "\"dual-bridge\" . \"dual-bridge\""),
        (SetName::Inside, "\"dual-bridge\""),
        (SetName::Masquerade4, "10.46.0.0/24"),
        (SetName::Masquerade6, "fd00:46::/64"),
    ] {
        let element = Element::try_from(element.to_owned()).unwrap();
        let elements = table.sets.get_mut(&set).unwrap();
        elements.insert(element, Some(Clone::clone(&lab)));
    }
    assert_eq!(host.tables.get(&TableName::Inet), Some(&table));
    for key in [SysctlKey::forward4(), SysctlKey::forward6()] {
        let sysctl = &host.sysctls[&key];
        assert_eq!((sysctl.value.as_str(), &sysctl.was), ("1", &None));
        assert!(sysctl.holders.contains(&lab));
    }
    assert_eq!(
        routes(&state, "host"),
        [
            "198.51.100.0/24 via 203.0.113.2 dev dual-uplink",
            "2001:db8:51::/64 via 2001:db8:113::2 dev dual-uplink"
        ]
    );
    for dev in ["host:dual-bridge", "host:dual-uplink"] {
        let link = link(&state, dev);
        assert_eq!(link.addrgen, Some(AddrGen::None));
        let given = link.addresses.iter().filter(|net| is_link_local(net));
        assert_eq!(
            given.count(),
            1,
            "{dev} has a link-local address that needs no check"
        );
    }
}

#[test]
fn only_the_families_that_leave_are_forwarded() {
    let state = state(&example("internet"));
    let sysctls = &state.namespaces[&Netns::Host].sysctls;
    assert_eq!(sysctls.keys().collect::<Vec<_>>(), [&SysctlKey::forward4()]);
}

#[test]
fn routers_forward_and_cables_have_their_mtu() {
    let state = state(&example("routers"));
    assert!(!state.namespaces.contains_key(&Netns::Host));
    assert_eq!(link(&state, "router-one:right").mtu, Some(1400));
    assert_eq!(link(&state, "pc-right:eth0").mtu, Some(9000));
    let router = &state.namespaces[&"router-two".parse().unwrap()];
    assert_eq!(router.sysctls.len(), 2);
    assert_eq!(
        routes(&state, "router-two"),
        [
            "10.1.0.0/24 via 10.12.0.1 dev left",
            "fd00:1::/64 via fd00:12::1 dev left"
        ]
    );
}

#[test]
fn the_default_route_needs_an_address_beside_the_gateway() {
    let state = state(
        "lab: families
networks:
  a-switch: { subnets: [] }
  lan: { subnets: [10.0.0.0/24, 'fd00::/64'], mtu: 1400 }
namespaces:
  four: { interfaces: { eth0: { network: lan, addresses: 10.0.0.9/24, mtu: 1300 } } }
  own:
    interfaces: { eth0: { network: lan }, eth1: { network: a-switch, addresses: 172.16.0.1/16 } }
    routes: [{ to: default, via: 'fd00::9', metric: 1024 }, { to: default, via: 172.16.0.9, metric: 7 }]
",
    );
    assert_eq!(routes(&state, "four"), ["default via 10.0.0.1 dev eth0"]);
    assert_eq!(link(&state, "four:eth0").mtu, Some(1300));
    assert_eq!(link(&state, "host:own-eth0").mtu, Some(1400));
    assert_eq!(
        routes(&state, "own"),
        [
            "default via 172.16.0.9 dev eth1 metric 7",
            "default via fd00::9 dev eth0"
        ]
    );
}

/// A network of this subnet, and namespaces that leave their address open.
fn open(subnet: &str, names: &[&str]) -> Topology {
    let mut text =
        format!("lab: open\nnetworks:\n  lan: {{ subnets: ['{subnet}'] }}\nnamespaces:\n");
    for name in names {
        text += &format!("  {name}: {{ interfaces: {{ eth0: {{ network: lan }} }} }}\n");
    }
    topology(&text)
}

fn held(leases: &Leases) -> Vec<String> {
    leases
        .iter()
        .map(|(end, _, a)| format!("{end} {a}"))
        .collect()
}

#[test]
fn a_lease_is_kept_when_others_come_and_go() {
    let subnet = "10.0.0.0/29";
    let (_, first) = resolve(&open(subnet, &["b", "c"]), &Leases::default()).unwrap();
    assert_eq!(held(&first), ["b:eth0 10.0.0.2", "c:eth0 10.0.0.3"]);
    let (_, more) = resolve(&open(subnet, &["a", "b", "c"]), &first).unwrap();
    assert_eq!(
        held(&more),
        ["a:eth0 10.0.0.4", "b:eth0 10.0.0.2", "c:eth0 10.0.0.3"]
    );
    // What `b` gave back is not the next choice while others are free.
    let (_, fewer) = resolve(&open(subnet, &["a", "c", "d"]), &more).unwrap();
    assert_eq!(
        held(&fewer),
        ["a:eth0 10.0.0.4", "c:eth0 10.0.0.3", "d:eth0 10.0.0.5"]
    );
    let json = serde_json::to_string(&fewer).unwrap();
    assert_eq!(serde_json::from_str::<Leases>(&json).unwrap(), fewer);
}

#[test]
fn a_lease_gives_way_to_an_address_of_the_file() {
    let (_, leases) = resolve(&open("10.0.0.0/24", &["a"]), &Leases::default()).unwrap();
    let text = "lab: open
networks: { lan: { subnets: [10.0.0.0/24] } }
namespaces:
  a: { interfaces: { eth0: { network: lan } } }
  b: { interfaces: { eth0: { network: lan, addresses: 10.0.0.2/24 } } }
";
    let (_, leases) = resolve(&topology(text), &leases).unwrap();
    assert_eq!(held(&leases), ["a:eth0 10.0.0.3"]);
}

#[test]
fn a_lease_is_no_address_that_the_file_counts_on() {
    let text = "lab: open
networks: { lan: { subnets: [10.0.0.0/29], gateway: none } }
namespaces:
  a:
    interfaces: { eth0: { network: lan }, eth1: { addresses: 10.0.0.5/30 } }
    routes: [{ to: 192.0.2.0/24, via: 10.0.0.1 }]
  b: { interfaces: { eth0: { network: lan } }, routes: [{ to: default, via: 10.0.0.3 }] }
links: [{ endpoints: ['a:eth1', 'b:eth1'] }]
";
    // Next hops are 1 and 3, 5 is given, 7 is a broadcast address of `a`.
    let (_, leases) = resolve(&topology(text), &Leases::default()).unwrap();
    assert_eq!(held(&leases), ["a:eth0 10.0.0.2", "b:eth0 10.0.0.4"]);
    let end = "a:eth0".parse().unwrap();
    let mut old = leases.clone();
    old.insert(end, nets(&["10.0.0.0/29"])[0], "10.0.0.3".parse().unwrap());
    let (_, leases) = resolve(&topology(text), &old).unwrap();
    assert_eq!(held(&leases), ["a:eth0 10.0.0.6", "b:eth0 10.0.0.4"]);
}

#[test]
fn a_router_forwards_what_it_has_addresses_of() {
    let state = state(
        "lab: families
networks:
  dual: { subnets: [10.0.0.0/24, 'fd00::/64'] }
  four: { subnets: [10.1.0.0/24] }
namespaces:
  none: { forward: true }
  four: { forward: true, interfaces: { eth0: { network: four }, eth1: { network: dual, addresses: 10.0.0.9/24 } } }
  six: { forward: true, interfaces: { lo: { addresses: 'fd01::1/128' } } }
  both: { forward: true, interfaces: { eth0: { network: dual } } }
",
    );
    let switches = |netns: &str| {
        let namespace = &state.namespaces[&netns.parse().unwrap()];
        let has = |key| namespace.sysctls.contains_key(&key);
        [has(SysctlKey::forward4()), has(SysctlKey::forward6())]
    };
    assert_eq!(switches("none"), [false, false]);
    assert_eq!(switches("four"), [true, false]);
    assert_eq!(switches("six"), [false, true]);
    assert_eq!(switches("both"), [true, true]);
}

#[test]
fn a_full_subnet_is_named() {
    let full = open("10.0.0.0/30", &["a", "b"]);
    let error = resolve(&full, &Leases::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "subnet 10.0.0.0/30 of network lan has no free address for b:eth0"
    );
    let ResolveError::Exhausted { full, .. } = error else {
        panic!("{error}");
    };
    let said = "2 addresses are given here: lab open holds 1, the file holds 1";
    assert_eq!(full.holders(), said);
}

#[test]
fn a_thousand_namespaces_get_their_addresses_at_once() {
    let names: Vec<String> = (0..1000).map(|i| format!("n{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let topology = open("fd00::/64", &names);
    let (state, leases) = resolve(&topology, &Leases::default()).unwrap();
    assert_eq!(leases.iter().count(), 1000);
    assert_eq!(resolve(&topology, &leases).unwrap(), (state, leases));
}

#[test]
fn small_subnets_have_hosts_too() {
    for (subnet, hosts) in [
        ("10.0.0.0/32", vec!["10.0.0.0"]),
        ("10.0.0.0/31", vec!["10.0.0.0", "10.0.0.1"]),
        ("10.0.0.0/30", vec!["10.0.0.1", "10.0.0.2"]),
        ("fd00::/127", vec!["fd00::", "fd00::1"]),
        ("fd00::/126", vec!["fd00::1", "fd00::2", "fd00::3"]),
    ] {
        let mut pool = Pool::new(subnet.parse().unwrap());
        let all: Vec<String> = std::iter::from_fn(|| pool.take_next())
            .map(|address| address.to_string())
            .collect();
        assert_eq!(all, hosts, "{subnet}");
    }
}
