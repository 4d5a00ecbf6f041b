//! What is drawn.

use netyard::graph;
use netyard::ipam::Leases;
use netyard::state::survey::{Far, Survey};
use netyard::state::{Published, Transport, Visible};
use netyard::topology::{parse, resolve};

use crate::made::{At, Made};

/// What a file asks for.
pub(crate) fn file(text: &str) -> Survey {
    let topology = parse(text).unwrap_or_else(|e| panic!("{e}"));
    let (state, _) = resolve(&topology, &Leases::default()).unwrap();
    graph::survey(&state)
}

/// An example of the repository.
pub(crate) fn example(name: &str) -> Survey {
    let path = format!("{}/examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    file(&std::fs::read_to_string(path).unwrap())
}

/// Sixty namespaces: three areas of three sites of five computers, and routers between.
pub(crate) fn tree() -> Survey {
    let (mut networks, mut namespaces) = (String::new(), String::new());
    let mut network = |name: &str, number: u32| {
        networks += &format!("  {name}: {{ subnets: [10.70.{number}.0/24], gateway: none }}\n");
    };
    let router = |name: &str, up: &str, down: &str| {
        let interfaces = format!("up: {{ network: {up} }}, down: {{ network: {down} }}");
        format!("  {name}: {{ forward: true, interfaces: {{ {interfaces} }} }}\n")
    };
    let computer = |name: &str, network: &str| {
        format!("  {name}: {{ interfaces: {{ eth0: {{ network: {network} }} }} }}\n")
    };
    network("core", 0);
    for area in 1..=3 {
        network(&format!("area{area}"), area);
        namespaces += &router(&format!("r{area}"), "core", &format!("area{area}"));
        for site in (1..=3).map(|site| area * 10 + site) {
            let name = format!("site{site}");
            network(&name, site);
            namespaces += &router(&format!("r{site}"), &format!("area{area}"), &name);
            for pc in 1..=5 {
                namespaces += &computer(&format!("pc{site}{pc}"), &name);
            }
        }
    }
    for server in 1..=3 {
        namespaces += &computer(&format!("server{server}"), "core");
    }
    file(&format!(
        "lab: tree\nnetworks:\n{networks}namespaces:\n{namespaces}"
    ))
}

/// So many that are alike, on one switch.
pub(crate) fn alike(count: usize) -> Survey {
    let mut made = Made::new();
    let switch = made.add(0, "br0", "bridge", &["10.80.0.1/16"]);
    for n in 0..count {
        let room = made.room(&format!("web-{n}"));
        let address = format!("10.80.{}.{}/16", (n + 2) / 250, (n + 2) % 250);
        made.plug((room, "eth0"), &[&address], &format!("veth{n}"), switch);
    }
    made.0
}

/// A host with something of everything, and some of it broken.
pub(crate) fn everything() -> Survey {
    let mut made = Made::new();
    made.0.namespaces[0].forwards.ipv4 = true;
    made.0.namespaces[0].masquerades = vec!["10.0.0.0/24".parse().unwrap()];
    made.0.namespaces[0].published = vec![
        published("8080", "web", "80"),
        published("5432", "db", "5432"),
    ];
    let eth0 = made.add(0, "eth0", "device", &["192.0.2.10/24"]);
    let eth1 = made.add(0, "eth1", "device", &[]);
    made.down(eth1, true);
    made.route(0, "0.0.0.0/0", "192.0.2.1", "eth0");
    let vlan = made.add(0, "eth0.42", "vlan", &["10.42.0.1/24"]);
    made.get(vlan)
        .details
        .insert("id".to_owned(), "42".to_owned());
    made.on(vlan, eth0);
    let vxlan = made.add(0, "vx7", "vxlan", &[]);
    for (word, value) in [("id", "7"), ("remote", "192.0.2.99")] {
        made.get(vxlan)
            .details
            .insert(word.to_owned(), value.to_owned());
    }
    made.on(vxlan, eth0);
    let switch = made.add(0, "br0", "bridge", &["10.0.0.1/24"]);
    made.port(vxlan, switch);
    rooms(&mut made, switch);
    let mac = made.room("mac");
    let device = made.add(mac, "mv0", "macvlan", &["192.0.2.20/24"]);
    made.get(device)
        .details
        .insert("mode".to_owned(), "bridge".to_owned());
    made.on(device, eth0);
    let [spare, other] = made.cable((0, "spare0", &[]), (0, "spare1", &[]));
    made.down(spare, false);
    made.down(other, false);
    let router = made.room("router");
    made.0.namespaces[router].forwards.ipv4 = true;
    made.plug((router, "eth0"), &["10.0.0.6/24"], "v-router", switch);
    let far = made.room("far");
    made.cable(
        (router, "r0", &["10.5.0.1/24"]),
        (far, "eth0", &["10.5.0.2/24"]),
    );
    made.room("empty");
    let hidden = made.add(0, "veth9", "veth", &[]);
    made.port(hidden, switch);
    made.get(hidden).far = Some(Far::Unseen(Some(3)));
    made.0
}

/// Namespaces on a switch, each with something of its own.
fn rooms(made: &mut Made, switch: At) {
    for (n, name) in ["web", "db", "slow", "off"].into_iter().enumerate() {
        let room = made.room(name);
        let address = format!("10.0.0.{}/24", n + 2);
        let port = made.plug((room, "eth0"), &[&address], &format!("v-{name}"), switch);
        match name {
            "db" => made.get(port).port.as_mut().unwrap().isolated = true,
            "slow" => made.get(port).qdisc = Some("netem".to_owned()),
            "off" => {
                made.down(port, true);
                made.down((room, 1), false);
            }
            _ => {}
        }
    }
    let blocked = made.room("blocked");
    let port = made.plug((blocked, "eth0"), &["10.0.0.9/24"], "v-blocked", switch);
    made.get(port).port.as_mut().unwrap().state = "blocking".to_owned();
}

fn published(host: &str, netns: &str, port: &str) -> Published {
    Published {
        protocol: Transport::Tcp,
        host: host.parse().unwrap(),
        address: None,
        netns: netns.parse().unwrap(),
        port: port.parse().unwrap(),
        to: Default::default(),
        visible: Visible::Public,
    }
}
