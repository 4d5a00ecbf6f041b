//! Subnets that the file leaves open, and the ranges that addresses are given from.

use netyard::ipam::{InUse, User};
use netyard::state::Family;
use netyard::topology::choose;

use super::*;

const OPEN: &str = "lab: x
networks:
  a: { ipv6: true, masquerade: true }
  b: {}
  c: { subnets: ['fd00:c::/64'], ipv6: true }
  d: { subnets: 10.4.0.0/24, ipv6: true }
  e: { subnets: [] }
namespaces:
  one:
    interfaces: { eth0: { network: a }, eth1: { network: b } }
expect: [{ from: host, to: one }]
";

fn subnets(text: &str, leases: &Leases, in_use: &[InUse]) -> Vec<(String, Vec<IpNet>)> {
    let topology = topology(text);
    let chosen = choose(&topology, leases, in_use).unwrap();
    let all = chosen.networks.iter();
    all.map(|(name, n)| (name.to_string(), n.subnets.clone()))
        .collect()
}

fn route(net: IpNet) -> InUse {
    let by = User::Route;
    InUse { net, by }
}

#[test]
fn what_is_left_open_is_chosen_and_stays() {
    let topology = topology(OPEN);
    let (state, leases) = resolve(&topology, &Leases::default()).unwrap();
    let first = subnets(OPEN, &Leases::default(), &[]);
    let families: Vec<Vec<Family>> = first
        .iter()
        .map(|(_, nets)| nets.iter().map(Family::of).collect())
        .collect();
    let (v4, v6) = (Family::Ipv4, Family::Ipv6);
    assert_eq!(
        families,
        [vec![v4, v6], vec![v4], vec![v6], vec![v4, v6], vec![]]
    );
    let chosen = |(name, nets): &(String, Vec<IpNet>)| {
        let held = leases.subnets().get(&name.parse().unwrap());
        held.map_or(&[][..], Vec::as_slice) == nets
    };
    assert!(first.iter().all(chosen), "{first:?} {leases:?}");
    // An interface's addresses are in them.
    let one = &link(&state, "one:eth0").addresses;
    assert!(first[0].1.iter().zip(one).all(|(net, a)| net.contains(a)));
    // What comes meanwhile takes nothing from who is there, and all from who is not.
    let in_use: Vec<InUse> = first[0].1.iter().copied().map(route).collect();
    assert_eq!(subnets(OPEN, &leases, &in_use), first);
    let (again, same) = resolve(&topology, &leases).unwrap();
    assert_eq!((again, same), (state, leases));
    let other = subnets(OPEN, &Leases::default(), &in_use);
    assert!(first[0].1.iter().all(|net| !other[0].1.contains(net)));
    assert_eq!(other[1], first[1]);
}

#[test]
fn a_subnet_gives_way_to_one_of_the_file() {
    let (_, leases) = resolve(&topology(OPEN), &Leases::default()).unwrap();
    let held = leases.subnets()[&"b".parse().unwrap()][0];
    let text = OPEN.replace("[] }", &format!("['{held}'] }}"));
    let chosen = subnets(&text, &leases, &[]);
    assert_eq!(chosen[4].1, [held]);
    assert_ne!(chosen[1].1, [held]);
}

#[test]
fn a_network_keeps_the_subnet_that_its_file_no_longer_gives() {
    let (_, leases) = resolve(&topology(OPEN), &Leases::default()).unwrap();
    let text = OPEN.replace("subnets: 10.4.0.0/24, ", "");
    assert_eq!(
        subnets(&text, &leases, &[])[3].1[0],
        nets(&["10.4.0.0/24"])[0]
    );
}

#[test]
fn what_is_in_the_way_is_told_the_widest_first() {
    let all = [
        "192.168.0.0/16",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "10.1.0.0/16",
        "192.0.2.0/24",
    ];
    let in_use: Vec<InUse> = nets(&all).into_iter().map(route).collect();
    let topology = topology(OPEN);
    let none = choose(&topology, &Leases::default(), &in_use).unwrap_err();
    assert_eq!(none.family, Family::Ipv4);
    let in_the_way = none.in_the_way();
    let lines: Vec<&str> = in_the_way.lines().skip(1).collect();
    let expected = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "10.1.0.0/16",
        "192.168.0.0/16",
    ];
    assert_eq!(
        lines,
        expected.map(|net| format!("  {net}, a route of the host"))
    );
}

#[test]
fn addresses_are_given_from_ranges_in_turn() {
    let text = |names: &[&str]| {
        let mut text = "lab: x
networks:
  lan:
    subnets: [10.0.0.0/24, 'fd00::/64']
    ranges: [10.0.0.100-10.0.0.103, 10.0.0.20]
    exclude: 10.0.0.102
namespaces:
  static: { interfaces: { eth0: { network: lan, addresses: [10.0.0.101/24, 'fd00::2/64'] } } }
"
        .to_owned();
        for name in names {
            text += &format!("  {name}: {{ interfaces: {{ eth0: {{ network: lan }} }} }}\n");
        }
        topology(&text)
    };
    let (_, leases) = resolve(&text(&["a", "b"]), &Leases::default()).unwrap();
    let given = [
        "a:eth0 10.0.0.20",
        "a:eth0 fd00::3",
        "b:eth0 10.0.0.100",
        "b:eth0 fd00::4",
    ];
    assert_eq!(held(&leases), given);
    // `a` goes, and its addresses are not the next, not even for who comes later.
    let (_, leases) = resolve(&text(&["b"]), &leases).unwrap();
    let (_, leases) = resolve(&text(&["b", "c"]), &leases).unwrap();
    let given = [
        "b:eth0 10.0.0.100",
        "b:eth0 fd00::4",
        "c:eth0 10.0.0.103",
        "c:eth0 fd00::5",
    ];
    assert_eq!(held(&leases), given);
    let (_, leases) = resolve(&text(&["b", "c", "d"]), &leases).unwrap();
    assert!(held(&leases).contains(&"d:eth0 10.0.0.20".to_owned()));
    let error = resolve(&text(&["b", "c", "d", "e"]), &leases).unwrap_err();
    let ResolveError::Exhausted { full, .. } = error else {
        panic!("{error}");
    };
    let said = "4 addresses are given here: lab x holds 3, the file holds 1";
    assert_eq!(full.holders(), said);
    // One that is no longer in a range is no longer had.
    let mut topology = text(&["b", "c"]);
    let lan = topology.networks.values_mut().next().unwrap();
    lan.ranges = vec!["10.0.0.50-10.0.0.60".parse().unwrap()];
    let (_, leases) = resolve(&topology, &leases).unwrap();
    assert!(
        held(&leases).contains(&"b:eth0 10.0.0.50".to_owned()),
        "{leases:?}"
    );
}

/// What another lab's network is like shows when that is up: nothing is judged by what stands in
/// for its subnets until then.
#[test]
fn what_stands_in_for_another_labs_subnets_judges_nothing() {
    let text = "lab: x
networks: { lan: { external: shop } }
namespaces:
  given:
    interfaces: { eth0: { network: lan, addresses: [10.9.0.20/24] } }
    publish: ['8088:80']
  routed:
    interfaces: { eth0: { network: lan } }
    routes: [{ to: default, via: 10.9.0.77 }]
    publish: ['8089:80']
  small: { interfaces: { eth0: { network: lan, mtu: 1000 } } }
";
    assert_eq!(topology(text).namespaces.len(), 3);
    // Of one port there is one end, whatever the network is like.
    let twice = parse(&text.replace("8089", "8088"))
        .unwrap_err()
        .to_string();
    assert!(twice.contains("published twice"), "{twice}");
}
