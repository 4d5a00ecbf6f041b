//! Labs on networks of other labs.

use std::process::Stdio;

use crate::kill::{End, sweep_by};
use crate::sandbox::{example, file, netyard, ok, outcome, pings, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("external::reached, and gone before its lab", reached),
        test("external::a network that is used stays", stays),
        test("external::what is not there", missing),
        test("external::labs on each other, all down", all_down),
        test("external::labs do not wait for each other", circle),
        test("external::both families, both ways", both_ways),
        test("external::policy is that of the network's lab", policy),
        test("external::an internal network stays internal", internal),
        test("external::a bridge that went, and came back", bridge_gone),
        test("external::what the network's lab changes", changed),
        test("external::a small subnet", full),
        test("external::killed while up, then down", killed),
        test("external::a lost journal", lost),
        test("external::a lab that ends with a program", run_ends),
    ]
}

pub(crate) fn shop() -> String {
    example("external/shop.yaml")
}

fn app() -> String {
    example("external/app.yaml")
}

/// Another lab on the same network, of one namespace.
pub(crate) fn guest(name: &str) -> String {
    let text = "lab: NAME
networks: { lan: { external: shop } }
namespaces: { NAME: { interfaces: { eth0: { network: lan } } } }";
    file(&format!("{name}.yaml"), &text.replace("NAME", name))
}

pub(crate) fn address(netns: &str) -> String {
    let shown = sh(&format!("ip -n {netns} -4 -o address show dev eth0"));
    let address = shown.split_whitespace().nth(3).expect("an address");
    let (address, _) = address.split_once('/').expect("a prefix length");
    address.to_owned()
}

fn reached() {
    let before = snapshot::host();
    ok(&["up", &shop()]);
    let alone = snapshot::host();
    let plan = ok(&["plan", &app()]);
    assert!(plan.contains("master shop-lan up type veth"), "{plan}");
    assert!(!plan.contains("add name shop-lan"), "{plan}");
    snapshot::assert_same(&alone, &snapshot::host(), "plan");
    ok(&["check", &app()]);
    ok(&["up", &app()]);
    let table = ok(&["test", &app()]);
    assert!(table.contains("all 3 probes as expected"), "{table}");
    assert!(pings("till", &address("app")));
    assert!(sh("ip -n app route").contains("default via 10.7.0.1"));
    for same in [shop(), app()] {
        let again = ok(&["up", &same]);
        assert!(again.contains("nothing to change"), "{again}");
    }
    let status = ok(&["status"]);
    assert!(status.contains("on network lan of lab shop"), "{status}");
    assert!(
        status.contains("network lan has others on it: app"),
        "{status}"
    );
    assert!(!status.contains("not made by netyard"), "{status}");
    assert!(ok(&["list"]).contains("(network of lab shop)"));

    let with = snapshot::host();
    let refused = outcome(&["down", "shop"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("error[lab-in-use]"), "{refused:?}");
    assert!(refused.err.contains("others are on: app"), "{refused:?}");
    snapshot::assert_same(&with, &snapshot::host(), "a refused down");

    ok(&["down", "app"]);
    snapshot::assert_same(&alone, &snapshot::host(), "down app");
    ok(&["down", "shop"]);
    snapshot::assert_same(&before, &snapshot::host(), "down shop");
}

fn stays() {
    ok(&["up", &shop()]);
    ok(&["up", &app()]);
    let (with, text) = (snapshot::host(), std::fs::read_to_string(shop()));
    let text = text.expect("the example");
    let moved = text.replace("10.7.0.", "10.8.0.");
    let renamed = text.replace("lan: { sub", "lan: { bridge: br-shop, sub");
    let gone = text
        .replace("  lan: {", "  wan: {")
        .replace(": lan", ": wan");
    for (i, changed) in [moved, renamed, gone].iter().enumerate() {
        assert_ne!(*changed, text);
        let changed = file(&format!("{i}.yaml"), changed);
        for verb in [&["up", "--yes"][..], &["plan"][..]] {
            let refused = outcome(&[verb, &[&changed]].concat());
            assert!(refused.err.contains("error[lab-in-use]"), "{refused:?}");
        }
        snapshot::assert_same(&with, &snapshot::host(), "a refused up");
    }
    assert!(ok(&["test", &app()]).contains("all 3 probes as expected"));
}

fn missing() {
    let before = snapshot::host();
    let refused = outcome(&["up", &app()]);
    assert!(refused.err.contains("error[external-lab]"), "{refused:?}");
    snapshot::assert_same(&before, &snapshot::host(), "no such lab");
    ok(&["up", &shop()]);
    ok(&["up", &guest("a")]);
    let text = "lab: b
networks: { NET: { external: LAB } }
namespaces: { b: { interfaces: { eth0: { network: NET } } } }";
    for (network, lab) in [("wan", "shop"), ("lan", "a")] {
        let text = text.replace("NET", network).replace("LAB", lab);
        let refused = outcome(&["up", &file("b.yaml", &text)]);
        let said = refused.err.contains("error[external-network]");
        assert!(said, "{refused:?}");
    }
}

fn all_down() {
    let before = snapshot::host();
    ok(&["up", &shop()]);
    // By name one is before the lab whose network it is on, and one behind.
    ok(&["up", &guest("a")]);
    ok(&["up", &guest("z")]);
    // And one is on the network of one that is on another's.
    let [middle, last] = chain();
    ok(&["up", &middle]);
    ok(&["up", &last]);
    assert!(pings("last", &address("b")));
    assert_eq!(outcome(&["down", "b"]).code, Some(1));
    ok(&["down", "--all"]);
    snapshot::assert_same(&before, &snapshot::host(), "down --all");
}

/// Lab `b` is on shop's network, and `y` on one of `b`.
fn chain() -> [String; 2] {
    let middle = "lab: b
networks: { lan: { external: shop }, far: { subnets: 10.9.0.0/24 } }
namespaces:
  b:
    interfaces:
      eth0: { network: far, addresses: 10.9.0.7/24 }
      eth1: { network: lan }";
    let last = "lab: y
networks: { far: { external: b } }
namespaces: { last: { interfaces: { eth0: { network: far } } } }";
    [file("b.yaml", middle), file("y.yaml", last)]
}

fn circle() {
    ok(&["up", &shop()]);
    let [middle, last] = chain();
    ok(&["up", &middle]);
    ok(&["up", &last]);
    let before = snapshot::host();
    let text = std::fs::read_to_string(shop()).expect("the example");
    let far = text.replace("networks:\n", "networks:\n  far: { external: b }\n");
    let refused = outcome(&["up", "--yes", &file("far.yaml", &far)]);
    assert!(
        refused.err.contains("error[external-circle]"),
        "{refused:?}"
    );
    snapshot::assert_same(&before, &snapshot::host(), "a refused up");
    ok(&["down", "--all"]);
}

fn both_ways() {
    ok(&["up", &shop()]);
    ok(&["up", &app()]);
    let six = sh("ip -n app -6 -o address show dev eth0 scope global");
    let six = six.split_whitespace().nth(3).expect("an address");
    let own = [address("app"), six.trim_end_matches("/64").to_owned()];
    for (to, back) in ["10.7.0.10", "fd00:7::10"].iter().zip(&own) {
        assert!(pings("app", to), "{to}");
        assert!(pings("till", back), "{back}");
        assert!(pings("host", back), "{back}");
    }
    assert!(pings("app", "fd00:7::1"));
    assert!(sh("ip -n app -6 route").contains("default via fd00:7::1"));
}

/// Two networks of one lab, and another lab on the first.
fn policy() {
    let text = "lab: shop
networks: { lan: { subnets: 10.7.0.0/24 }, back: { subnets: 10.8.0.0/24 } }
namespaces:
  till: { interfaces: { eth0: { network: lan } } }
  base: { interfaces: { eth0: { network: back, addresses: 10.8.0.10/24 } } }
";
    ok(&["up", &file("shop.yaml", text)]);
    ok(&["up", &guest("a")]);
    assert!(pings("a", &address("till")));
    assert!(!pings("a", "10.8.0.10"), "networks are isolated");
    let open = format!("{text}allow: [{{ from: lan, to: back }}]\n");
    ok(&["up", "--yes", &file("shop.yaml", &open)]);
    assert!(pings("a", "10.8.0.10"), "the network's lab allows it");
    // A list of the namespace is its own lab's.
    let closed = std::fs::read_to_string(guest("a")).expect("the file");
    let closed = closed.replace("a: { interfaces", "a: { egress: [], interfaces");
    ok(&["up", "--yes", &file("a.yaml", &closed)]);
    assert!(!pings("a", "10.8.0.10"));
    assert!(!pings("a", &address("till")));
    ok(&["down", "a"]);
    assert!(ok(&["status"]).contains("lab shop is as described\n"));
}

fn internal() {
    let text = "lab: shop
networks: { lan: { subnets: 10.7.0.0/24, internal: true } }
namespaces: { till: { interfaces: { eth0: { network: lan } } } }
";
    ok(&["up", &file("shop.yaml", text)]);
    ok(&["up", &guest("a")]);
    assert!(pings("a", &address("till")));
    assert_eq!(sh("ip -n a route show default"), "");
}

fn bridge_gone() {
    ok(&["up", &shop()]);
    ok(&["up", &app()]);
    sh("ip link del shop-lan");
    let gone = |again: &str| {
        let before = snapshot::host();
        let refused = outcome(&["up", "--yes", &app()]);
        for said in [
            "error[external-bridge]",
            "bridge shop-lan of lab `shop`",
            again,
        ] {
            assert!(refused.err.contains(said), "{said}: {refused:?}");
        }
        assert!(outcome(&["status", "app"]).out.contains("is not there"));
        snapshot::assert_same(&before, &snapshot::host(), "a refused up");
    };
    gone("netyard repair shop");
    // Somebody else's of this name is not it.
    sh("ip link add shop-lan type bridge");
    gone("netyard repair shop");
    sh("ip link del shop-lan");
    // By name the lab on the network is first; what it is on is made before.
    let repaired = ok(&["repair", "--yes"]);
    assert!(repaired.contains("lab app is repaired"), "{repaired}");
    assert!(ok(&["test", &app()]).contains("all 3 probes as expected"));
    // The same by the two files.
    sh("ip link del shop-lan");
    ok(&["up", "--yes", &shop()]);
    let status = outcome(&["status"]).out;
    assert!(status.contains("lab app is not as described"), "{status}");
    assert!(status.contains("lab shop is as described"), "{status}");
    ok(&["up", "--yes", &app()]);
    assert!(ok(&["test", &app()]).contains("all 3 probes as expected"));
    ok(&["down", "--all"]);
}

/// MTU and gateway of the network are for those on it to follow.
fn changed() {
    ok(&["up", &shop()]);
    ok(&["up", &guest("a")]);
    let text = std::fs::read_to_string(shop()).expect("the example");
    let text = text.replace("lan: { sub", "lan: { mtu: 1400, gateway: 10.7.0.254, sub");
    ok(&["up", "--yes", &file("changed.yaml", &text)]);
    assert_eq!(outcome(&["status", "a"]).code, Some(1));
    ok(&["up", "--yes", &guest("a")]);
    assert!(sh("ip -n a link show dev eth0").contains("mtu 1400"));
    assert!(sh("ip -n a route").contains("default via 10.7.0.254"));
    assert!(pings("a", "10.7.0.10"));
    assert_eq!(outcome(&["status"]).code, Some(0));
}

/// Hosts of the subnet: .1 the gateway, .2 of `one`, and four more.
const SMALL: &str = "lab: shop
networks: { lan: { subnets: 10.7.0.0/29 } }
namespaces:
  one: { interfaces: { eth0: { network: lan } } }
";

fn full() {
    let two = "  two: { interfaces: { eth0: { network: lan } } }\n";
    ok(&["up", &file("shop.yaml", SMALL)]);
    for name in ["a", "b", "c"] {
        ok(&["up", &guest(name)]);
    }
    ok(&["up", &file("shop.yaml", &format!("{SMALL}{two}"))]);
    let before = snapshot::host();
    let none = outcome(&["up", &guest("d")]);
    assert!(none.err.contains("error[subnet-full]"), "{none:?}");
    snapshot::assert_same(&before, &snapshot::host(), "a refused up");
    // What is given back is there for others.
    let free = address("b");
    ok(&["down", "b"]);
    ok(&["up", &guest("d")]);
    assert_eq!(address("d"), free);
}

fn killed() {
    ok(&["up", &file("shop.yaml", SMALL)]);
    let (one, before) = (guest("a"), snapshot::host());
    let kills = sweep_by(3, &["up", &one], libc::SIGKILL, |n, end| {
        let outcome = outcome(&["down", "a"]);
        let none = outcome.err.contains("no lab `a` is up");
        assert!(outcome.code == Some(0) || none, "{n}: {outcome:?}");
        snapshot::assert_same(&before, &snapshot::host(), &format!("killed after {n}"));
        end == End::Killed
    });
    assert!(kills > 10, "only {kills} kills");
    // Of four addresses none is still held by what was killed.
    for name in ["a", "b", "c", "d"] {
        ok(&["up", &guest(name)]);
    }
    ok(&["down", "--all"]);
}

fn lost() {
    sh("ip netns add keep");
    let before = snapshot::host();
    ok(&["up", &shop()]);
    ok(&["up", &app()]);
    sh("rm /run/netyard/netyard.db*");
    ok(&["gc", "--yes"]);
    snapshot::assert_same(&before, &snapshot::host(), "after gc");
    ok(&["up", &shop()]);
    ok(&["up", &app()]);
    ok(&["down", "--all"]);
}

/// It ends whoever is on its networks; they say so, and can go.
fn run_ends() {
    let before = snapshot::host();
    let mut run = netyard(&["run", &shop(), "--", "cat"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("netyard starts");
    until("the lab is up", || {
        outcome(&["status"])
            .out
            .contains("lab shop is as described")
    });
    ok(&["up", &app()]);
    drop(run.stdin.take());
    assert!(run.wait().expect("an end").success());
    let status = outcome(&["status"]);
    assert!(
        status.out.contains("lab app cannot be judged"),
        "{status:?}"
    );
    assert!(status.out.contains("`shop`, which is not up"), "{status:?}");
    ok(&["down", "app"]);
    snapshot::assert_same(&before, &snapshot::host(), "down app");
}
