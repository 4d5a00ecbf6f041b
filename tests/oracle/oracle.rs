//! For every example: what the printed script makes, run by the real `ip`, `nft`
//! and `sysctl`, against what `up` makes. Both are looked at with the real tools,
//! so that netyard is not its own judge.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::changes::{CHANGES, LAB};
use crate::sandbox::{all_examples, example, file, ok, separate, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    let example = |name: String| test(&format!("oracle::{name}"), move || agrees(&example(&name)));
    let mut tests: Vec<Test> = all_examples().into_iter().map(example).collect();
    tests.push(test("oracle::each change of a lab that is up", changes));
    tests.push(test("oracle::names that a shell would read", odd_names));
    tests.push(test("oracle::addresses with a scope of their own", scopes));
    tests.push(test("oracle::a namespace that others made", joined));
    tests.push(test("oracle::networks without a bridge", routed));
    tests.push(test("oracle::rates", || agrees(&file("slow.yaml", RATES))));
    tests.push(test("oracle::on a device of the host", on_parent));
    tests.push(test("oracle::routers", routers));
    tests.push(test("oracle::what is said of routes", routes));
    tests
}

/// From the same lab to the same other one: by `up`, and by the printed script.
fn changes() {
    for (name, from, to) in CHANGES {
        let (before, after) = (file("before.yaml", LAB), LAB.replace(from, to));
        ok(&["up", &before]);
        let script = ok(&["plan", "--as", "sh", &file("after.yaml", &after)]);
        ok(&["up", "--yes", &file("after.yaml", &after)]);
        let ours = everything();
        separate();
        ok(&["up", &file("before.yaml", LAB)]);
        assert_eq!(sh(&format!("sh {}", file("plan.sh", &script))), "");
        assert_eq!(ours, everything(), "{name}\n{script}");
        separate();
    }
}

/// The kernel takes nearly any byte in a device's name.
fn odd_names() {
    let text = r#"
lab: odd
networks:
  lan: { bridge: "x'$(id)'y*", subnets: [10.9.0.0/24], masquerade: true }
namespaces:
  one:
    interfaces: { "`id`;&x": { network: lan, addresses: [10.9.0.10/24], mtu: 1400 } }
    routes: [{ to: 192.0.2.0/24, via: 10.9.0.1 }]
"#;
    agrees(&file("odd.yaml", text));
}

/// `ip address` gives some addresses another scope than `global` unasked.
fn scopes() {
    let text = r#"
lab: scopes
networks:
  lan: { subnets: [10.9.0.0/24, "fe80::/64"], gateway: 10.9.0.1 }
namespaces:
  one: { interfaces: { lo: { addresses: [127.0.0.5/8, 127.1.0.1/32, 10.7.0.1/32] }, eth0: { network: lan } } }
"#;
    agrees(&file("scopes.yaml", text));
}

/// Round ones and others, on networks, links and the host.
const RATES: &str = r#"
lab: slow
networks:
  lan: { bridge: "x'$y", subnets: [10.9.0.0/24] }
namespaces:
  one: { interfaces: { "a&b": { network: lan, rate: 10mbit }, x0: { rate: { in: 40gbit, out: 8kbit } } } }
  two: { interfaces: { eth0: { network: lan, mtu: 9000, rate: { in: 1234568bit, out: 2.5gbit, out_burst: 65536 } } } }
  host: { interfaces: { x0: { rate: { out: 1tbit, out_burst: 100000 } } } }
links: [{ endpoints: ["one:x0", "host:x0"] }]
"#;

/// One with a device and a way out of its own, and one with nothing.
fn joined() {
    let text = r#"
lab: attach
networks: { lan: { subnets: [10.9.0.0/24, "fd00:9::/64"], masquerade: true } }
namespaces:
  /run/netns/box:
    interfaces: { eth1: { network: lan } }
    routes: [{ to: 192.0.2.0/24, via: 10.9.0.1, metric: 7 }]
    publish: [8080:80]
    forward: true
    egress: [{ to: 10.9.0.0/24 }]
  /var/run/netns/bare: { interfaces: { eth0: { network: lan }, x0: {} } }
  own: { interfaces: { y0: { addresses: [10.7.0.1/24] } } }
links: [{ endpoints: ["own:y0", "/var/run/netns/bare:x0"] }]
"#;
    let topology = file("attach.yaml", text);
    agrees_after(&topology, || {
        sh(
            "ip netns add box; ip -n box link set lo up; ip -n box link add eth0 address 02:00:00:00:00:09 type bridge; \
            ip -n box link set eth0 up; ip -n box address add 172.17.0.2/16 dev eth0; \
            ip -n box route add default via 172.17.0.1; ip netns add bare",
        );
    });
}

/// A cable of its own for each interface.
fn routed() {
    let text = r#"
lab: cables
networks:
  lan: { routed: true, subnets: [10.9.0.0/24, "fd00:9::/64"], masquerade: true, mtu: 1400 }
namespaces:
  one: { interfaces: { eth0: { network: lan } }, publish: [8080:80] }
  two: { interfaces: { eth0: { network: lan, isolated: true, default_route: false } } }
"#;
    agrees(&file("cables.yaml", text));
}

/// What they do with IPv6, and filters.
fn routers() {
    let path = "/tests/plan/nat-ipv6/topology.yaml";
    agrees(&format!("{}{path}", env!("CARGO_MANIFEST_DIR")));
}

/// With and without a next hop, with sizes and a scope.
fn routes() {
    let text = r#"
lab: ways
networks: { lan: { subnets: [10.9.0.0/24, "fd00:9::/64"] } }
namespaces:
  one:
    interfaces: { eth0: { network: lan } }
    routes:
      - { to: 192.0.2.0/24, via: 10.9.0.2, metric: 7, mtu: 1400, advmss: 1360 }
      - { to: 198.51.100.0/24, dev: eth0 }
      - { to: 203.0.113.0/25, dev: eth0, scope: global }
      - { to: 203.0.113.128/25, dev: eth0, scope: host }
      - { to: 203.0.114.0/24, via: 10.9.0.2, dev: eth0, scope: 200 }
      - { to: "fd00:8::/64", dev: eth0, mtu: 1300, advmss: 1200 }
      - { to: "fd00:7::/64", via: "fd00:9::2", metric: 9, advmss: 1000 }
  host:
    routes: [{ to: 192.0.2.0/24, dev: ways-lan, mtu: 1400 }]
"#;
    agrees(&file("ways.yaml", text));
}

/// As far as every kernel has it that the tests run on.
fn on_parent() {
    let text = r#"
lab: street
namespaces:
  one: { interfaces: { eth0: { macvlan: { parent: eth1 }, addresses: [192.0.2.9/24, "2001:db8::9/64"] } } }
  two:
    interfaces: { eth0: { macvlan: { parent: eth1, mode: private }, mtu: 1400, addresses: [192.0.2.10/24] } }
    routes: [{ to: default, via: 192.0.2.1 }]
    forward: true
  /run/netns/box: { interfaces: { eth1: { macvlan: { parent: "e&2", mode: passthru }, addresses: [198.51.100.9/24] } } }
"#;
    let topology = file("street.yaml", text);
    agrees_after(&topology, || {
        sh(
            "ip link add eth1 type veth peer name far1; ip link set eth1 up; \
            ip link add 'e&2' address 02:00:00:00:00:02 mtu 9000 type veth peer name far2 mtu 9000; ip netns add box; ip -n box link set lo up",
        );
    });
}

pub(crate) fn agrees(topology: &str) {
    agrees_after(topology, || ());
}

fn agrees_after(topology: &str, prepare: fn()) {
    prepare();
    let script = ok(&["plan", "--as", "sh", topology]);
    ok(&["up", topology]);
    let ours = everything();
    // Another host for the script: new namespaces for this very thread.
    separate();
    prepare();
    let said = sh(&format!("sh {}", file("plan.sh", &script)));
    assert_eq!(said, "", "nothing else is run");
    let theirs = everything();
    for (place, ours) in &ours {
        assert_eq!(Some(ours), theirs.get(place), "{place}\n{script}");
    }
    assert_eq!(ours.len(), theirs.len());
}

/// Host and namespaces, each as text of what was asked for.
fn everything() -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    places.insert("host".to_owned(), place("ip") + &sh("nft list ruleset"));
    for name in sh("ip netns list")
        .lines()
        .filter_map(|line| line.split(' ').next())
    {
        places.insert(name.to_owned(), place(&format!("ip -n {name}")));
    }
    for (name, text) in &mut places {
        let enter = if name == "host" {
            String::new()
        } else {
            format!("ip netns exec {name} ")
        };
        *text += &sh(&format!(
            "{enter}cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"
        ));
    }
    places
}

fn place(ip: &str) -> String {
    let devices = list(&format!("{ip} -d -j address"));
    let mut devices: Vec<String> = devices.iter().map(device_line).collect();
    devices.sort();
    let mut text = devices.concat();
    let mut queues: Vec<String> = list(&format!("{} -j qdisc", ip.replacen("ip", "tc", 1)))
        .iter()
        .map(|q| {
            // Where netem's chances begin is another place each time.
            let mut options = q["options"].clone();
            options.as_object_mut().and_then(|all| all.remove("seed"));
            (q, options)
        })
        .map(|(q, options)| format!("queue of {}: {} {}\n", q["dev"], q["kind"], options))
        .collect();
    queues.sort();
    text += &queues.concat();
    let mut vlans: Vec<String> = list(&format!("{} -j vlan", ip.replacen("ip", "bridge", 1)))
        .iter()
        .map(|port| format!("VLANs of {}: {}\n", port["ifname"], port["vlans"]))
        .collect();
    vlans.sort();
    text += &vlans.concat();
    for family in ["-4", "-6"] {
        let mut routes: Vec<String> = list(&format!("{ip} {family} -j route show table main"))
            .iter()
            .filter(|route| route["protocol"] != "kernel")
            .map(|route| {
                let (metric, scope) = (&route["metric"], &route["scope"]);
                format!(
                    "route {} via {} dev {} metric {metric} scope {scope} {}\n",
                    route["dst"], route["gateway"], route["dev"], route["metrics"]
                )
            })
            .collect();
        routes.sort();
        text += &routes.concat();
    }
    text
}

fn list(command: &str) -> Vec<Value> {
    let said = sh(command);
    match serde_json::from_str(&said) {
        Ok(Value::Array(list)) => list,
        _ if said.trim().is_empty() => Vec::new(),
        other => panic!("{command}: {other:?}"),
    }
}

/// What a topology decides; not the indexes, queues and random addresses.
fn device_line(device: &Value) -> String {
    let flags = device["flags"].as_array().expect("flags");
    let up = flags.iter().any(|flag| flag == "UP");
    let kind = device["linkinfo"]["info_kind"].as_str().unwrap_or("none");
    let mac = if ["bridge", "macvlan"].contains(&kind) {
        &device["address"]
    } else {
        &Value::Null
    };
    let data = match kind {
        "macvlan" => &device["linkinfo"]["info_data"]["mode"],
        "bridge" => &device["linkinfo"]["info_data"]["vlan_filtering"],
        _ => &Value::Null,
    };
    let mut addresses: Vec<String> = device["addr_info"]
        .as_array()
        .expect("addresses")
        .iter()
        .filter(|address| address["scope"] != "link")
        .map(|address| {
            let scope = &address["scope"];
            format!("{}/{} {scope}", address["local"], address["prefixlen"])
        })
        .collect();
    addresses.sort();
    format!(
        "{} {kind} {data} up={up} mtu={} mac={mac} master={} alias={} addrgen={} peer={} {addresses:?}\n",
        device["ifname"],
        device["mtu"],
        device["master"],
        device["ifalias"],
        device["inet6_addr_gen_mode"],
        device["link_netnsid"].is_number(),
    )
}
