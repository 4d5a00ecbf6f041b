//! Namespaces that are parted, and healed again: nothing between them, and all else as before.

mod refused;
mod routers;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::matrix::within;
use crate::sandbox::{file, ok, outcome, pings, sh, try_sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("partition::two do not reach each other, all others do", two),
        test("partition::a connection stalls, and goes on", stalls),
        test(
            "partition::groups add up, and are healed one by one",
            groups,
        ),
        test("partition::it holds until the next up", holds),
    ]
    .into_iter()
    .chain(routers::tests())
    .chain(refused::tests())
    .collect()
}

const LAB: &str = "
lab: split
networks:
  lan: { subnets: [10.5.0.0/24, 'fd00:5::/64'] }
  away: { subnets: [10.7.0.0/24, 'fd00:7::/64'], gateway: none }
namespaces:
  one:
    interfaces:
      eth0: { network: lan, addresses: [10.5.0.10/24, 'fd00:5::10/64'] }
      x0: { addresses: [10.6.0.1/24, 'fd00:6::1/64'] }
    routes: [{ to: 10.7.0.0/24, via: 10.5.0.2 }, { to: 'fd00:7::/64', via: 'fd00:5::2' }]
  two:
    interfaces:
      eth0: { network: lan, addresses: [10.5.0.20/24, 'fd00:5::20/64'] }
      x0: { addresses: [10.6.0.2/24, 'fd00:6::2/64'] }
    routes: [{ to: 10.7.0.0/24, via: 10.5.0.2 }, { to: 'fd00:7::/64', via: 'fd00:5::2' }]
  three:
    interfaces: { eth0: { network: lan, addresses: [10.5.0.30/24, 'fd00:5::30/64'] } }
    routes: [{ to: 10.7.0.0/24, via: 10.5.0.2 }, { to: 'fd00:7::/64', via: 'fd00:5::2' }]
  r:
    forward: true
    interfaces:
      eth0: { network: lan, addresses: [10.5.0.2/24, 'fd00:5::2/64'] }
      eth1: { network: away, addresses: [10.7.0.2/24, 'fd00:7::2/64'] }
  far:
    interfaces: { eth0: { network: away, addresses: [10.7.0.40/24, 'fd00:7::40/64'] } }
    routes: [{ to: default, via: 10.7.0.2 }, { to: default, via: 'fd00:7::2' }]
links: [{ endpoints: ['one:x0', 'two:x0'] }]
expect:
  - { from: one, to: three }
  - { from: one, to: far }
  - { from: three, to: far }
";

fn up() {
    ok(&["up", "--yes", &file("split.yaml", LAB)]);
}

/// Of all pairs of namespaces, those of which no probe arrives.
fn apart() -> Vec<String> {
    let said = outcome(&["test", "--all", "split", "--json"]);
    let said: Value = serde_json::from_str(&said.out).expect("JSON");
    let probes = said["probes"].as_array().expect("probes").iter();
    let lost = probes.filter(|probe| probe["seen"] != "reached");
    let pair = |probe: &Value| {
        let word = |key: &str| probe[key].as_str().expect("a name").to_owned();
        format!("{} {}", word("from"), word("name"))
    };
    let all = lost.map(pair);
    let mut all: Vec<String> = all.filter(|pair| !pair.contains("host")).collect();
    all.sort();
    all.dedup();
    all
}

/// Whether a single ping is lost.
fn lost(from: &str, to: &str) -> bool {
    try_sh(&format!("ip netns exec {from} ping -n -c 1 -W 1 {to}")).code != Some(0)
}

fn is_well() {
    assert_eq!(outcome(&["status", "split"]).code, Some(0));
    assert!(ok(&["repair", "split"]).contains("nothing to repair"));
}

/// The tables of a namespace.
fn tables(netns: &str) -> String {
    sh(&format!("ip netns exec {netns} nft list tables"))
}

fn link_local(netns: &str, dev: &str) -> String {
    let found = || {
        let said = sh(&format!(
            "ip -n {netns} -6 -br address show dev {dev} scope link"
        ));
        let address = said
            .split_whitespace()
            .find(|word| word.starts_with("fe80"));
        address.map(|word| word.split('/').next().unwrap_or_default().to_owned())
    };
    until("it has a link-local address", || found().is_some());
    found().expect("an address")
}

fn two() {
    let before = snapshot::host();
    up();
    let nobody: [String; 0] = [];
    assert_eq!(apart(), nobody);
    let said = ok(&["-v", "link", "partition", "split", "one", "two"]);
    assert!(said.contains("one: parted from two"), "{said}");
    assert_eq!(apart(), ["one two", "two one"]);
    for to in ["10.5.0.20", "10.6.0.2", "fd00:5::20", "fd00:6::2"] {
        assert!(lost("one", to), "{to}");
    }
    for dev in ["eth0", "x0"] {
        assert!(
            lost("one", &format!("{}%{dev}", link_local("two", dev))),
            "{dev}"
        );
        assert!(
            lost("two", &format!("{}%{dev}", link_local("one", dev))),
            "{dev}"
        );
    }
    let near = format!("{}%eth0", link_local("three", "eth0"));
    assert!(pings("one", &near) && pings("two", &near));
    // To all of a link: others answer.
    let all = try_sh("ip netns exec one ping -n -c 1 -W 1 ff02::1%x0").out;
    assert!(
        !all.contains("DUP") && all.matches("from").count() <= 1,
        "{all}"
    );
    is_well();
    let said = ok(&["link", "partition", "split", "two", "one"]);
    assert!(said.contains("already"), "{said}");
    let shown = ok(&["link", "show", "split"]);
    assert!(shown.contains("one and two are parted"), "{shown}");
    let shown = ok(&["show", "two"]);
    assert!(shown.contains("parted from one"), "{shown}");
    let explained = outcome(&["explain", "one", "two"]);
    assert_eq!(explained.code, Some(1));
    // Who sends is not told: it is as if the cable were cut.
    sh("ip netns exec one bash -c 'echo x >/dev/udp/10.5.0.20/53'");
    for words in ["two is parted from where it comes from", "link heal"] {
        assert!(explained.out.contains(words), "{}", explained.out);
    }
    let said = ok(&["link", "heal", "split", "--json"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(
        (&said["changed"], &said["parted"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(apart(), nobody);
    assert_eq!(tables("one"), "");
    assert!(pings("one", &format!("{}%x0", link_local("two", "x0"))));
    is_well();
    assert!(ok(&["link", "heal", "split"]).contains("nobody is parted"));
    ok(&["down", "split"]);
    snapshot::assert_same(&before, &snapshot::host(), "after the lab");
}

/// A connection over each family that began before, and others beside it.
fn stalls() {
    up();
    for (at, other) in [
        ("10.5.0.20:80", "10.5.0.30:80"),
        ("[fd00:5::20]:80", "[fd00:5::30]:80"),
    ] {
        let talk = |netns: &str, at: &'static str| {
            let listener = within(netns, || TcpListener::bind(at)).expect("a listener");
            let client = within("one", || TcpStream::connect(at)).expect("a connection");
            let (server, _) = listener.accept().expect("the connection");
            (client, server)
        };
        let (mut client, mut server) = talk("two", at);
        let (mut beside, mut third) = talk("three", other);
        let mut word = [0; 4];
        client.write_all(b"ping").expect("sent");
        server.read_exact(&mut word).expect("it arrives");
        ok(&["link", "partition", "split", "one", "two"]);
        client.write_all(b"late").expect("it waits to be sent");
        server.write_all(b"back").expect("it waits to be sent");
        let short = Some(Duration::from_millis(300));
        client.set_read_timeout(short).expect("a limit");
        server.set_read_timeout(short).expect("a limit");
        assert!(server.read_exact(&mut word).is_err());
        assert!(client.read_exact(&mut word).is_err());
        beside.write_all(b"here").expect("sent");
        third.read_exact(&mut word).expect("it arrives");
        ok(&["link", "heal", "split", "two", "one"]);
        let long = Some(Duration::from_secs(10));
        client.set_read_timeout(long).expect("a limit");
        server.set_read_timeout(long).expect("a limit");
        server.read_exact(&mut word).expect("it goes on");
        assert_eq!(&word, b"late");
        client.read_exact(&mut word).expect("it goes on");
        assert_eq!(&word, b"back");
    }
}

fn groups() {
    up();
    ok(&["link", "partition", "split", "one,two", "three,far"]);
    let all = [
        "far one",
        "far two",
        "one far",
        "one three",
        "three one",
        "three two",
        "two far",
        "two three",
    ];
    assert_eq!(apart(), all);
    let test = outcome(&["test", "split"]);
    let words = "three is parted from where it comes from";
    assert!(
        test.code == Some(1) && test.out.contains(words),
        "{}",
        test.out
    );
    let test = outcome(&["test", "--all", "split"]).out;
    let words = "namespace far and namespace one are parted: `netyard link heal LAB`";
    let said = test.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(words), "{test}");
    is_well();
    let ends = ok(&["link", "show", "split", "--json"]);
    let ends: Value = serde_json::from_str(&ends).expect("JSON");
    let mut ends = ends.as_array().expect("a list").iter();
    let one = ends.find(|end| end["end"] == "one:eth0").expect("the end");
    assert_eq!(one["apart"], json!(["far", "three"]));
    ok(&["link", "heal", "split", "three", "one,two"]);
    assert!(pings("one", "10.5.0.30") && pings("three", "fd00:5::20"));
    assert!(lost("one", "10.7.0.40") && lost("far", "fd00:5::10"));
    is_well();
    ok(&["link", "partition", "split", "one", "three"]);
    assert!(lost("one", "10.5.0.30") && lost("one", "10.7.0.40"));
    ok(&["link", "heal", "split"]);
    assert_eq!(tables("far"), "");
    ok(&["test", "split"]);
    is_well();
}

fn holds() {
    up();
    ok(&["link", "partition", "split", "one", "two"]);
    ok(&["link", "set", "split", "one:eth0", "--rate", "10mbit"]);
    ok(&["link", "down", "split", "one:x0"]);
    is_well();
    // Somebody takes the table away, or a part of it, or adds to it.
    for change in [
        "delete table inet netyard-partition",
        "flush chain inet netyard-partition output",
        "delete element inet netyard-partition parted4 { 10.5.0.20 }",
        "add element inet netyard-partition parted6 { fd00:5::99 }",
    ] {
        sh(&format!("ip netns exec one nft '{change}'"));
        assert_eq!(outcome(&["status", "split"]).code, Some(1), "{change}");
        ok(&["repair", "--yes", "split"]);
        is_well();
        assert!(lost("one", "10.5.0.20"), "{change}");
    }
    // A namespace is made anew.
    sh("ip netns del two");
    // The kernel removes the other end of its cable a moment later.
    until("its cable is gone", || {
        try_sh("ip link show two-eth0").code != Some(0)
    });
    ok(&["repair", "--yes", "split"]);
    assert!(lost("two", "10.5.0.10") && pings("two", "10.5.0.30"));
    is_well();
    ok(&["link", "up", "split", "one:x0"]);
    assert!(lost("one", "10.6.0.2"));
    let plan = ok(&["plan", "/run/split.yaml"]);
    assert!(plan.contains("netyard-partition"), "{plan}");
    up();
    assert_eq!(tables("one") + &tables("two"), "");
    assert!(pings("one", "10.6.0.2") && pings("two", "fd00:5::10"));
    is_well();
    // Nor does the next lab of this name know of it.
    ok(&["link", "partition", "split", "one", "two"]);
    ok(&["down", "split"]);
    up();
    assert!(pings("one", "10.5.0.20"));
    is_well();
}
