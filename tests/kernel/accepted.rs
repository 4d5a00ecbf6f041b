//! What `check` lets through, the kernel takes: topologies drawn from addresses,
//! prefixes, MTUs and routes that do not all go together.

use std::collections::BTreeSet;

use ipnet::IpNet;
use netyard::ipam::Leases;
use netyard::topology::{parse, resolve};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};

use crate::sandbox::{file, outcome, separate, sh};
use crate::{Test, test};

const ADDRESSES: [&str; 26] = [
    "10.9.0.1/24",
    "10.9.0.2/24",
    "10.9.0.3/24",
    "10.9.0.1/30",
    "10.9.0.2/30",
    "10.9.0.5/30",
    "10.9.0.2/31",
    "10.9.0.3/31",
    "10.9.0.3/16",
    "10.9.0.7/32",
    "10.9.0.8/29",
    "10.9.0.255/16",
    "127.0.0.5/8",
    "0.1.0.1/16",
    "240.0.0.1/24",
    "255.255.255.254/31",
    "fd09::1/64",
    "fd09::2/64",
    "fd09::1/126",
    "fd09::4/126",
    "fd09::2/127",
    "fd09::5/48",
    "fd09::7/128",
    "fe80::1/64",
    "::5/64",
    "64:ff9b::1/96",
];

const SUBNETS: [&str; 12] = [
    "10.9.0.0/24",
    "10.9.0.0/30",
    "10.9.0.2/31",
    "10.8.0.0/24",
    "10.8.0.8/32",
    "0.0.0.0/31",
    "255.255.255.252/30",
    "fd09::/64",
    "fd09::/126",
    "fd08::/127",
    "fd08::9/128",
    "::/64",
];

const DESTINATIONS: [&str; 10] = [
    "default",
    "0.0.0.0/1",
    "10.9.0.0/24",
    "10.9.0.0/16",
    "10.9.0.2/32",
    "192.0.2.0/24",
    "fd09::/64",
    "fd09::2/128",
    "fd09::/80",
    "fd88::/64",
];

const ROUTERS: [&str; 10] = [
    "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.9", "10.8.0.2", "fd09::1", "fd09::2", "fd09::3",
    "fd09::9", "fd08::1",
];

pub(crate) fn tests() -> Vec<Test> {
    vec![test(
        "accepted::what check accepts, the kernel takes",
        accepted,
    )]
}

fn some_of(
    words: &'static [&'static str],
    most: usize,
) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::btree_set(select(words), 0..=most)
        .prop_map(|set| set.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

fn mtu() -> impl Strategy<Value = Option<u32>> {
    prop::option::weighted(0.25, select(vec![68, 576, 1279, 1280, 1500, 9000]))
}

fn network() -> impl Strategy<Value = Value> {
    let gateway = prop_oneof![
        3 => Just(None),
        1 => Just(Some("none")),
        2 => select(&ROUTERS[..]).prop_map(Some)
    ];
    (some_of(&SUBNETS, 4), gateway, mtu()).prop_map(|(subnets, gateway, mtu)| {
        with(
            json!({ "subnets": subnets }),
            [
                ("gateway", gateway.map(Value::from)),
                ("mtu", mtu.map(Value::from)),
            ],
        )
    })
}

fn interface() -> impl Strategy<Value = Value> {
    (some_of(&ADDRESSES, 4), mtu()).prop_map(|(addresses, mtu)| {
        let addresses = (!addresses.is_empty()).then(|| json!(addresses));
        with(
            json!({}),
            [("addresses", addresses), ("mtu", mtu.map(Value::from))],
        )
    })
}

fn route() -> impl Strategy<Value = Value> {
    let metric = prop::option::weighted(0.4, select(vec![0, 1, 100, 256, 1024]));
    (select(&DESTINATIONS[..]), select(&ROUTERS[..]), metric).prop_map(|(to, via, metric)| {
        with(
            json!({ "to": to, "via": via }),
            [("metric", metric.map(Value::from))],
        )
    })
}

/// A namespace with an end of a link, an interface on a network, both or neither.
fn namespace() -> impl Strategy<Value = Value> {
    let port = prop::option::weighted(0.7, (any::<Index>(), interface()));
    let routes = prop::collection::vec(route(), 0..6);
    let lo = prop::option::weighted(0.3, some_of(&ADDRESSES, 2));
    let lo = lo.prop_map(|lo| lo.map(|addresses| json!({ "addresses": addresses })));
    (interface(), port, lo, routes, any::<bool>()).prop_map(|(end, port, lo, routes, forward)| {
        let port = port.map(|(network, port)| {
            let network = ["n0", "n1"][network.index(2)];
            with(port, [("network", Some(json!(network)))])
        });
        let interfaces = [("end", Some(end)), ("port", port), ("lo", lo)];
        json!({ "interfaces": with(json!({}), interfaces), "routes": routes, "forward": forward })
    })
}

/// Both namespaces are joined, or one is joined with the host.
fn topology() -> impl Strategy<Value = Value> {
    let networks = [network(), network()];
    let namespaces = [namespace(), namespace()];
    let host = (interface(), prop::collection::vec(route(), 0..4));
    let link = (any::<bool>(), mtu());
    (networks, namespaces, host, link).prop_map(|([n0, n1], [mut x, mut y], host, (far, mtu))| {
        let ends = if far {
            ["x:end", "y:end"]
        } else {
            ["x:end", "host:end"]
        };
        if !far {
            let interfaces = y["interfaces"].as_object_mut();
            interfaces.map(|all| all.remove("end"));
        }
        let (end, routes) = host;
        let host = json!({ "interfaces": { "end": end }, "routes": routes });
        let host = Some(host).filter(|_| !far);
        let link = with(
            json!({ "endpoints": ends }),
            [("mtu", mtu.map(Value::from))],
        );
        let namespaces = [("x", Some(x.take())), ("y", Some(y.take())), ("host", host)];
        json!({ "lab": "drawn", "networks": { "n0": n0, "n1": n1 },
            "namespaces": with(json!({}), namespaces), "links": [link] })
    })
}

fn with<const N: usize>(value: Value, keys: [(&str, Option<Value>); N]) -> Value {
    let Value::Object(mut map) = value else {
        return value;
    };
    let given = keys
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    map.extend(given.collect::<Map<_, _>>());
    Value::Object(map)
}

fn accepted() {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let config = Config {
        cases: cases.and_then(|n| n.parse().ok()).unwrap_or(60),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRunner::deterministic().new_rng());
    let ran = runner.run(&topology(), |value| taken(&value));
    ran.unwrap_or_else(|e| panic!("{e}"));
}

fn taken(topology: &Value) -> Result<(), TestCaseError> {
    let Some(text) = without_mistakes(topology) else {
        return Err(TestCaseError::reject("a mistake in the middle"));
    };
    separate();
    let path = file("drawn.yaml", &text);
    for after in ["made", "already"] {
        let up = outcome(&["up", &path]);
        let done = up.code == Some(0) && up.out.contains(after);
        prop_assert!(done, "{}\n{}{}", text, up.out, up.err);
    }
    for ip in ["ip", "ip -n x", "ip -n y"] {
        prop_assert_eq!(unreached(ip), "", "{}", text);
    }
    Ok(())
}

/// The file without the lines that have mistakes in them, until none is left.
fn without_mistakes(topology: &Value) -> Option<String> {
    let mut text = String::new();
    lines(topology, &mut text);
    loop {
        let wrong = match parse(&text) {
            Ok(topology) => return resolve(&topology, &Leases::default()).ok().map(|_| text),
            Err(wrong) => wrong,
        };
        let wrong: BTreeSet<usize> = wrong.problems().iter().map(|p| p.line).collect();
        let numbered = text.lines().zip(1..);
        let (out, left): (Vec<_>, Vec<_>) = numbered.partition(|(_, n)| wrong.contains(n));
        if out.iter().any(|(line, _)| line.ends_with(['{', '['])) {
            return None;
        }
        text = left
            .into_iter()
            .map(|(line, _)| format!("{line}\n"))
            .collect();
    }
}

/// JSON, which is YAML: a line for each address, route or interface without addresses.
fn lines(value: &Value, text: &mut String) {
    let flat = |value: &Value| !value.is_array() && !value.is_object();
    match value {
        Value::Array(items) if !items.is_empty() => {
            *text += "[\n";
            for item in items {
                lines(item, text);
                *text += ",\n";
            }
            *text += "]";
        }
        Value::Object(map) if !map.values().all(flat) => {
            *text += "{\n";
            for (key, value) in map {
                *text += &format!("\"{key}\": ");
                lines(value, text);
                *text += ",\n";
            }
            *text += "}";
        }
        other => *text += &other.to_string(),
    }
}

/// IPv4 addresses that the kernel does not take for its own, or to whose subnet it has
/// no route.
fn unreached(ip: &str) -> String {
    let devices: Vec<Value> =
        serde_json::from_str(&sh(&format!("{ip} -j -4 address"))).expect("JSON");
    let mut wrong = String::new();
    for device in &devices {
        let dev = device["ifname"].as_str().expect("a name");
        let routes = sh(&format!("{ip} -4 route show proto kernel dev {dev}"));
        for address in device["addr_info"].as_array().expect("addresses") {
            let net = format!("{}/{}", address["local"], address["prefixlen"]).replace('"', "");
            let net: IpNet = net.parse().expect("an address");
            let got = sh(&format!("{ip} route get {}", net.addr()));
            let alone = dev == "lo" || net.prefix_len() == 32;
            let routed = alone
                || routes
                    .lines()
                    .any(|line| line.starts_with(&format!("{} ", net.trunc())));
            if !got.starts_with("local ") || !routed {
                wrong += &format!("{net} on {dev}: {got}{routes}");
            }
        }
    }
    wrong
}
