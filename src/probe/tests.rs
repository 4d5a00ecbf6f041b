//! Probes from files, their ways, waves and causes: all without a kernel.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::path::End;
use super::wave::waves;
use super::*;
use crate::state::{Element, Family, NetState, SetName, TableName};
use crate::topology::{Topology, parse, resolve};

const ROUTERS: &str = include_str!("../../examples/routers.yaml");
const INTERNET: &str = include_str!("../../examples/internet.yaml");
const POLICY: &str = include_str!("../../examples/policy.yaml");
const THREE: &str = include_str!("../../examples/three.yaml");

fn lab(text: &str) -> (Topology, NetState) {
    let topology = parse(text).unwrap();
    let (state, _) = resolve(&topology, &Default::default()).unwrap();
    (topology, state)
}

fn netns(name: &str) -> Netns {
    name.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seen(seen: Seen) -> Outcome {
    Outcome {
        seen,
        rtt: None,
        sent: 1,
        answered: 0,
        size: None,
        fits: None,
        server: false,
    }
}

/// Why a ping of the matrix has no answer.
fn cause(text: &str, from: &str, to: &str) -> Option<String> {
    let (topology, mut state) = lab(text);
    let host = state.namespaces.get_mut(&Netns::Host);
    if let Some(table) = host.and_then(|host| host.tables.get_mut(&TableName::Inet)) {
        // The planner's part, on a host that did not forward.
        let guard = table.sets.entry(SetName::Guard).or_default();
        guard.insert(Element::family(Family::Ipv4), None);
    }
    let pairs = matrix(&topology.expect, &state).pairs;
    let is_asked = |check: &&Check| check.from == netns(from) && check.home == Some(netns(to));
    let check = pairs.iter().find(is_asked).unwrap();
    let unjudged = Check {
        reach: None,
        ..check.clone()
    };
    explain(&unjudged, &seen(Seen::NoAnswer), &Map::new(&state))
}

#[test]
fn a_matrix_has_every_pair_and_judges_what_is_expected() {
    let (topology, state) = lab(THREE);
    let Matrix { pairs, others } = matrix(&topology.expect, &state);
    assert_eq!(pairs.len(), 12, "four, each to three others");
    let judged: Vec<&Check> = pairs.iter().filter(|pair| pair.reach.is_some()).collect();
    assert_eq!(judged.len() + others.len(), topology.expect.len());
    assert!(judged.iter().all(|pair| pair.reach == Some(true)));
    let others: Vec<String> = others.iter().map(|other| other.to.to_string()).collect();
    assert_eq!(others, ["10.0.0.10", "192.0.2.1"], "itself, and an address");
}

#[test]
fn a_matrix_has_each_family_that_both_have() {
    let (topology, state) = lab(ROUTERS);
    let Matrix { pairs, .. } = matrix(&topology.expect, &state);
    assert_eq!(
        pairs.len(),
        4 * 3 * 2 + 4 * 2,
        "the host sends, and has no address"
    );
    let four: Vec<&Check> = pairs.iter().filter(|pair| pair.to.is_ipv4()).collect();
    assert_eq!(four.len(), pairs.len() / 2);
    assert!(pairs.iter().all(|pair| pair.name == pair.home));
}

#[test]
fn a_second_and_different_expectation_is_not_lost() {
    let twice = "\nexpect:\n  - { from: pc-one, to: pc-two }\n  - { from: pc-one, to: pc-two, reach: false }\n  - { from: pc-one, to: pc-two, loss: 5% }\n";
    let example = include_str!("../../examples/two-pcs.yaml");
    let text = example.split("\nexpect:").next().unwrap().to_owned() + twice;
    let (topology, state) = lab(&text);
    let Matrix { pairs, others } = matrix(&topology.expect, &state);
    assert_eq!(pairs.iter().filter(|pair| pair.reach.is_some()).count(), 1);
    assert_eq!(others.len(), 2);
}

#[test]
fn a_way_goes_from_router_to_router() {
    let (_, state) = lab(ROUTERS);
    let map = Map::new(&state);
    let (hops, end) = map.path(&netns("pc-left"), ip("10.2.0.10"));
    let at: Vec<String> = hops.iter().map(|hop| hop.at.to_string()).collect();
    assert_eq!(at, ["pc-left", "router-one", "router-two"]);
    assert_eq!(end, End::Arrives);
    assert_eq!(
        map.device_mtu(&netns("pc-right"), ip("10.1.0.10")),
        Some(9000)
    );
    let neighbours = map.neighbours(&netns("pc-left"), ip("fd00:2::10"));
    assert_eq!(neighbours.len(), 6, "three there, three back");
    let (hops, end) = map.path(&netns("pc-left"), ip("203.0.113.1"));
    assert_eq!((hops.len(), end), (1, End::NoRoute(&netns("router-one"))));
}

#[test]
fn a_circle_has_an_end() {
    let circle = ROUTERS.replace(
        "to: 10.1.0.0/24, via: 10.12.0.1",
        "to: 10.9.0.0/24, via: 10.12.0.1",
    );
    let circle = circle.replace(
        "to: 10.2.0.0/24, via: 10.12.0.2",
        "to: 10.9.0.0/24, via: 10.12.0.2",
    );
    let (_, state) = lab(&circle);
    let map = Map::new(&state);
    assert_eq!(map.path(&netns("pc-left"), ip("10.9.0.1")).1, End::Circle);
}

/// One network with this many namespaces.
fn many(count: u32) -> String {
    let mut text =
        "lab: many\nnetworks:\n  lan: { subnets: [10.0.0.0/16, 'fd00::/64'] }\nnamespaces:\n"
            .to_owned();
    for n in 0..count {
        text += &format!("  n{n}: {{ interfaces: {{ eth0: {{ network: lan }} }} }}\n");
    }
    text
}

#[test]
fn waves_hold_every_probe_once_and_fit_the_table() {
    let (topology, state) = lab(&many(40));
    let checks = matrix(&topology.expect, &state).pairs;
    assert_eq!(checks.len(), 41 * 40 * 2);
    let map = Map::new(&state);
    let all = waves(&checks, (0..checks.len()).collect(), &map, 100);
    let mut numbers: Vec<usize> = all.concat();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..checks.len()).collect::<Vec<_>>());
    let needs = |wave: &[usize], v6: bool| {
        let entries = wave
            .iter()
            .flat_map(|n| map.neighbours(&checks[*n].from, checks[*n].to));
        let family = entries.filter(|(_, address)| address.is_ipv6() == v6);
        family.collect::<BTreeSet<_>>().len()
    };
    for wave in &all {
        assert!(needs(wave, false) <= 100 && needs(wave, true) <= 100);
    }
    // 41 * 40 entries a family; a direction that needs its own would take twice that.
    assert!(all.len() <= 41 * 40 / 100 + 2, "{} waves", all.len());
    // 50 pairs are those of a square of 7 by 7 and one more, not of one with all others.
    for wave in &all {
        let from: BTreeSet<&Netns> = wave.iter().map(|n| &checks[*n].from).collect();
        assert!(from.len() <= 28, "{} namespaces", from.len());
    }
    assert!(super::wave::fit(&checks[..2], &map, 2));
    assert!(!super::wave::fit(&checks, &map, 41 * 40 - 1));
}

#[test]
fn what_shares_a_router_shares_a_wave() {
    let text = "lab: stars\nnetworks:\n  a: { subnets: [10.1.0.0/24] }\n  b: { subnets: [10.2.0.0/24] }\nnamespaces:\n".to_owned();
    let all: String = (0..20)
        .map(|n| format!("  a{n}: {{ interfaces: {{ eth0: {{ network: a }} }} }}\n  b{n}: {{ interfaces: {{ eth0: {{ network: b }} }} }}\n"))
        .collect();
    let (topology, state) = lab(&(text + &all));
    let pairs = matrix(&topology.expect, &state).pairs;
    let across = |check: &Check| match (&check.from, &check.home) {
        (Netns::Named(from), Some(Netns::Named(to))) => from.as_str()[..1] != to.as_str()[..1],
        _ => false,
    };
    let across: Vec<usize> = (0..pairs.len()).filter(|n| across(&pairs[*n])).collect();
    assert_eq!(across.len(), 800);
    assert_eq!(waves(&pairs, across, &Map::new(&state), 100).len(), 1);
}

#[test]
fn causes_name_who_is_to_blame() {
    let cases = [
        (
            ROUTERS.replace("  router-two:\n    forward: true", "  router-two:"),
            ("pc-left", "pc-right"),
            "namespace router-two, on the way, does not forward",
        ),
        (
            ROUTERS.replace(
                "{ to: 10.2.0.0/24, via: 10.12.0.2 }",
                "{ to: 10.3.0.0/24, via: 10.12.0.2 }",
            ),
            ("pc-left", "pc-right"),
            "namespace router-one, on the way, has no route there: see `ip -n router-one route`",
        ),
        (
            ROUTERS.replace(
                "{ to: 10.1.0.0/24, via: 10.12.0.1 }",
                "{ to: 10.3.0.0/24, via: 10.12.0.1 }",
            ),
            ("pc-left", "pc-right"),
            "namespace router-two has no route back to namespace pc-left",
        ),
        (
            INTERNET.to_owned(),
            ("stranger", "one"),
            "the host drops it: nobody outside reaches a network unless the file allows it",
        ),
        (
            INTERNET.to_owned(),
            ("internet", "one"),
            "namespace internet has no route there",
        ),
        (
            ROUTERS.to_owned(),
            ("pc-left", "pc-right"),
            "a firewall on the way, perhaps",
        ),
    ];
    for (text, (from, to), words) in cases {
        let cause = cause(&text, from, to).unwrap();
        assert!(cause.contains(words), "{from} to {to}: {cause}");
    }
}

/// What the example says is not reached has its cause in a rule; what is reached has none.
#[test]
fn who_may_not_speak_with_whom_is_told() {
    let (topology, state) = lab(POLICY);
    let map = Map::new(&state);
    let causes = [
        "namespace web drops it: its `ingress` does not list it",
        "namespace db drops it: its `egress` does not list it",
        "namespace desk drops it: its `egress` does not list it",
        "the host drops it: networks do not reach one another",
        "the host drops it: nobody outside reaches a network",
        "namespace cache has no route there",
    ];
    let mut named = BTreeSet::new();
    for check in expand(&topology.expect, &state) {
        let unjudged = Check {
            reach: None,
            ..check.clone()
        };
        let said = explain(&unjudged, &seen(Seen::NoAnswer), &map).unwrap();
        let cause = causes.iter().position(|cause| said.contains(cause));
        assert_eq!(
            cause.is_none(),
            check.reach == Some(true),
            "{check:?}: {said}"
        );
        named.extend(cause);
    }
    assert_eq!(named.len(), causes.len());
}

#[test]
fn a_source_that_the_file_does_not_give_is_told() {
    let (topology, mut state) = lab(THREE);
    let check = &expand(&topology.expect, &state)[1];
    // Somebody gave the namespace another address in the place of its own.
    let one = state.namespaces.get_mut(&netns("one")).unwrap();
    let link = one.links.get_mut(&"veth-one-in".parse().unwrap()).unwrap();
    link.addresses = vec!["10.0.0.66/24".parse().unwrap()];
    let said = explain(check, &seen(Seen::NoAnswer), &Map::new(&state)).unwrap();
    let words = "the switch drops what namespace one says from 10.0.0.66";
    assert!(said.contains(words), "{said}");
}

#[test]
fn an_address_that_nobody_has_is_named_so() {
    let expect = "\nexpect:\n  - { from: pc-left, to: 10.1.0.77, reach: true }\n";
    let text = ROUTERS.split("\nexpect:").next().unwrap().to_owned() + expect;
    let (topology, state) = lab(&text);
    let check = &expand(&topology.expect, &state)[0];
    let cause = explain(check, &seen(Seen::NoAnswer), &Map::new(&state)).unwrap();
    assert!(cause.contains("nobody in the lab has it"), "{cause}");
}

#[test]
fn what_a_ping_lacks_is_told() {
    let bounds = "\nexpect:\n  - { from: pc-left, to: 10.2.0.10, rtt_ms: 1, loss: 5% }\n  - { from: pc-left, to: 10.2.0.10, mtu: true }\n";
    let text = ROUTERS.split("\nexpect:").next().unwrap().to_owned() + bounds;
    let (topology, state) = lab(&text);
    let checks = expand(&topology.expect, &state);
    let ping = |answered, micros| Outcome {
        rtt: Some(Duration::from_micros(micros)),
        sent: 200,
        answered,
        ..seen(Seen::Reached)
    };
    assert!(ping(190, 1000).is_expected(&checks[0]));
    assert!(!ping(189, 1000).is_expected(&checks[0]));
    assert!(!ping(200, 1001).is_expected(&checks[0]));
    let said = explain(&checks[0], &ping(189, 2000), &Map::new(&state)).unwrap();
    assert!(
        said.contains("11 of 200 echoes were lost, more than 5%"),
        "{said}"
    );
    assert!(
        said.contains("2.000 ms or more, longer than 1 ms"),
        "{said}"
    );
    let by = Some(ip("10.1.0.1"));
    let why = "the packet is too large for a link on the way".to_owned();
    let large = Outcome {
        size: Some(1500),
        fits: Some(1400),
        ..seen(Seen::Unreachable { by, why })
    };
    let said = explain(&checks[1], &large, &Map::new(&state)).unwrap();
    assert_eq!(
        said,
        "1500 bytes are too large, says 10.1.0.1; 1400 bytes arrive"
    );
}

const PORTS: &str = r#"
lab: web
networks:
  lan: { subnets: [10.7.0.0/24] }
  other: { subnets: [10.8.0.0/24] }
namespaces:
  web:
    interfaces: { eth0: { network: lan, addresses: [10.7.0.10/24] } }
    publish:
      - 8080:80
      - { host: 8443, port: 443, visible: public }
      - { host: 9000-9009, visible: [10.8.0.0/28] }
  desk: { interfaces: { eth0: { network: other, addresses: [10.8.0.20/24] } } }
expect:
  - { from: desk, to: 10.8.0.1, tcp: 8443 }
  - { from: desk, to: 10.8.0.1, tcp: 8080 }
  - { from: desk, to: 10.8.0.1, tcp: 9005 }
  - { from: desk, to: 10.8.0.1, udp: 8443 }
  - { from: host, to: 127.0.0.1, tcp: 8080 }
"#;

#[test]
fn a_probe_of_a_published_port_is_answered_behind_it() {
    let (topology, state) = lab(PORTS);
    let checks = expand(&topology.expect, &state);
    let at = |check: &Check| check.behind.as_ref().map(|behind| behind.at.to_string());
    let behind: Vec<_> = checks.iter().map(at).collect();
    let leads = |to: &str| Some(to.to_owned());
    assert_eq!(
        behind,
        [
            leads("10.7.0.10:443"),
            leads("10.7.0.10:80"),
            leads("10.7.0.10:9005"),
            None,
            leads("10.7.0.10:80"),
        ]
    );
    let refused = seen(Seen::Refused);
    let why = |check| explain(check, &refused, &Map::new(&state)).unwrap();
    let nobody = "it arrived, and nobody listens on that port";
    let unseen = "the host does not publish that port to 10.8.0.20: see its `visible`";
    let causes: Vec<String> = checks.iter().map(why).collect();
    assert_eq!(causes, [nobody, unseen, unseen, nobody, nobody]);
}
