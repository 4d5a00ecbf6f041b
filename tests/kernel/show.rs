//! `show` on a host that others made: every namespace once, and what is wired to what.

use serde_json::Value;

use crate::sandbox::{example, ok, outcome, sh, until};
use crate::typed::Typed;
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("show::what others made", foreign),
        test("show::a lab and its namespaces", lab),
        test("show::a lab before a namespace of its name", of_one_name),
        test("show::a process, by its number", process),
        test("show::what nobody is called", nobody),
        test("show::one namespace by several names, once", once),
        test("show::kinds of devices", kinds),
        test("show::a terminal has an end", folded),
        test("show::many routes are counted", routes),
        test("show::mount points of any bytes", bytes),
    ]
}

fn survey(arguments: &[&str]) -> Value {
    let mut all = vec!["show", "--json"];
    all.extend(arguments);
    serde_json::from_str(&ok(&all)).expect("JSON")
}

fn space<'s>(survey: &'s Value, name: &str) -> &'s Value {
    let mut all = survey["namespaces"].as_array().expect("namespaces").iter();
    all.find(|space| space["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {survey:#}"))
}

fn device<'s>(space: &'s Value, name: &str) -> &'s Value {
    let mut all = space["devices"].as_array().expect("devices").iter();
    all.find(|device| device["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {space:#}"))
}

fn foreign() {
    sh("ip netns add one; ip netns add two; ip link add br0 up type bridge");
    sh("ip link add p1 up master br0 type veth peer name eth0 netns one");
    sh("ip -n one link add between type veth peer name between netns two");
    sh("ip -n one address add 10.1.0.1/24 dev eth0; ip -n one link set eth0 up");
    sh("ip -n one route add default via 10.1.0.254");
    sh("ip -n one neigh add 10.1.0.254 lladdr 02:00:00:00:00:01 dev eth0");
    let seen = survey(&[]);
    let (host, one, two) = (
        space(&seen, "host"),
        space(&seen, "one"),
        space(&seen, "two"),
    );
    assert_eq!(host["host"], true);
    assert_eq!(device(host, "p1")["master"], "br0");
    assert_eq!(device(host, "p1")["far"]["found"]["netns"], "one");
    assert_eq!(device(one, "eth0")["far"]["found"]["dev"], "p1");
    assert_eq!(device(one, "between")["far"]["found"]["netns"], "two");
    assert_eq!(device(two, "between")["far"]["found"]["netns"], "one");
    assert_eq!(device(one, "eth0")["addresses"][0]["net"], "10.1.0.1/24");
    assert_eq!(one["routes"][0]["hops"][0]["via"], "10.1.0.254");
    assert_eq!(one["neighbours"][0]["mac"], "02:00:00:00:00:01");
    let text = ok(&["show", "one"]);
    for part in [
        "to p1 in host",
        "to between in two",
        "route default via 10.1.0.254 dev eth0",
        "neighbour 10.1.0.254 on eth0 at 02:00:00:00:00:01 permanent",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("br0"), "{text}");
}

fn lab() {
    ok(&["up", &example("ports.yaml")]);
    sh("ip netns add other; ip link add foreign type veth peer name eth0 netns other");
    let whole = survey(&[]);
    assert_eq!(space(&whole, "web")["lab"], "ports");
    assert!(space(&whole, "other")["lab"].is_null());
    assert!(
        !space(&whole, "host")["published"]
            .as_array()
            .expect("ports")
            .is_empty()
    );
    let part = survey(&["lab:ports"]);
    let names: Vec<&str> = (part["namespaces"].as_array().expect("namespaces").iter())
        .filter_map(|space| space["name"].as_str())
        .collect();
    assert!(
        names.contains(&"host") && names.contains(&"web"),
        "{names:?}"
    );
    assert!(!names.contains(&"other"), "{names:?}");
    let own = space(&part, "host")["devices"].as_array().expect("devices");
    assert!(
        own.iter().all(|device| device["name"] != "foreign"),
        "{own:?}"
    );
}

/// One rule for all verbs that take either; who is left out is told of.
fn of_one_name() {
    ok(&["up", &example("three.yaml")]);
    sh("ip netns add other");
    let seen = |verb: &[&str]| {
        let said = outcome(verb);
        assert_eq!(said.code, Some(0), "{verb:?}: {}", said.err);
        (said.out, said.err)
    };
    let too = "there is a namespace of that name, too: ns:three";
    for (name, has_one, told) in [
        ("three", true, true),
        ("lab:three", true, false),
        ("ns:three", false, false),
        ("other", false, false),
        ("ns:other", false, false),
    ] {
        for verb in [["show"].as_slice(), &["graph"], &["graph", "--as", "dot"]] {
            let (out, err) = seen(&[verb, &[name]].concat());
            let has = out.contains("veth-one-in");
            assert_eq!(has, has_one, "{verb:?} {name}: {out}");
            assert_eq!(err.contains(too), told, "{verb:?} {name}: {err}");
        }
        for verb in [
            ["monitor", "--for", "0.05"].as_slice(),
            &["capture", "--for", "0.05"],
        ] {
            let (_, err) = seen(&[verb, &[name]].concat());
            assert_eq!(err.contains(too), told, "{verb:?} {name}: {err}");
            if verb[0] == "capture" {
                assert_eq!(err.contains("one:veth-one-in"), has_one, "{name}: {err}");
            }
        }
    }
    for (name, none) in [
        ("ns:nope", "no namespace is called `nope`"),
        ("lab:nope", "no lab is called `nope`"),
        ("nope", "no namespace, container or lab is called `nope`"),
    ] {
        let said = outcome(&["show", name]);
        assert_eq!(said.code, Some(1), "{}", said.out);
        assert!(said.err.contains(none), "{}", said.err);
    }
    let explained = ok(&["explain", "ns:one", "ns:two"]);
    assert!(explained.contains("arrives"), "{explained}");
}

fn process() {
    let mut child = std::process::Command::new("unshare")
        .args(["--net", "sleep", "60"])
        .spawn()
        .expect("unshare");
    let place = format!("/proc/{}/ns/net", child.id());
    let own = std::fs::read_link("/proc/self/ns/net").expect("a link");
    until("it has a namespace of its own", || {
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", child.id()));
        let there = std::fs::read_link(&place).is_ok_and(|net| net != own);
        there && comm.is_ok_and(|comm| comm == "sleep\n")
    });
    let name = format!("pid:{}", child.id());
    let seen = survey(&[&name]);
    let spaces = seen["namespaces"].as_array().expect("namespaces");
    assert_eq!(spaces.len(), 1);
    assert_eq!(spaces[0]["name"], format!("sleep:{}", child.id()));
    assert_eq!(spaces[0]["devices"][0]["name"], "lo");
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
}

fn nobody() {
    let said = outcome(&["show", "nobody"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("error[no-such-namespace]"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("`netyard show` shows all"),
        "{}",
        said.err
    );
    // Nobody knows whether there is such a lab.
    sh("mkdir -p /run/netyard && echo 'no journal' >/run/netyard/netyard.db");
    let said = outcome(&["show", "nobody"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("labs are not known: "), "{}", said.err);
}

/// The same words as elsewhere, and no line that is too long.
fn folded() {
    sh("ip netns add a-namespace-with-a-long-name; ip netns add two");
    sh("ip link add a-long-name-too up type bridge");
    sh(
        "ip link add far-long-name-1 up master a-long-name-too type veth \
        peer name near-long-name netns a-namespace-with-a-long-name",
    );
    sh(
        "for n in 1 2 3; do ip -n a-namespace-with-a-long-name address add \
        fd00:1234:5678:9abc:def0:1234:5678:$n/64 dev near-long-name nodad; done",
    );
    sh("ip -n a-namespace-with-a-long-name link set near-long-name up");
    let fits = |arguments: &[&str]| {
        let words = [&[env!("CARGO_BIN_EXE_netyard")], arguments].concat();
        let (shown, status) = Typed::start(&words).end();
        let shown = uncoloured(&shown);
        assert!(status.success(), "{shown}");
        let long = shown.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None, "{shown}");
        shown
    };
    fits(&["show"]);
    fits(&["show", "--long"]);
    let one = ["show", "a-namespace-with-a-long-name"];
    let (shown, plain) = (fits(&one), ok(&one));
    assert!(shown.lines().count() > plain.lines().count(), "{shown}");
    // Counters are others by now.
    let words = |text: &str| -> Vec<String> {
        let all = text.split_whitespace();
        let all = all.filter(|word| word.contains(':') || !word.contains(char::is_numeric));
        all.map(str::to_owned).collect()
    };
    assert_eq!(words(&shown), words(&plain), "{shown}");
}

/// Without the escape sequences of colours.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        all + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

/// One is no UTF-8, and the namespace that is mounted there has no other name.
fn bytes() {
    sh("d=$(printf '/run/\\377'); mkdir $d; touch $d/net; \
        unshare --net mount --bind /proc/self/ns/net $d/net");
    let own = sh("stat -Lc %i /run/*/net");
    let own: u64 = own.trim().parse().expect("a number");
    let seen = survey(&[]);
    let mut all = seen["namespaces"].as_array().expect("namespaces").iter();
    assert!(all.any(|space| space["inode"] == own), "{own}{seen:#}");
    ok(&["up", &example("two-pcs.yaml")]);
    ok(&["down", "two-pcs"]);
}

fn routes() {
    sh("ip netns add one; ip -n one link set lo up");
    sh("for n in $(seq 25); do ip -n one route add 10.9.$n.0/24 dev lo; done");
    let shown = || {
        let all = survey(&["one"]);
        let routes = space(&all, "one")["routes"].as_array().map(Vec::len);
        let text = ok(&["show", "one"]);
        let lines = text.lines().filter(|line| line.starts_with("  route "));
        (routes.expect("routes"), lines.count(), text)
    };
    let (routes, lines, text) = shown();
    assert!(routes >= 25 && lines == 20, "{text}");
    let more = format!("\n  and {} more (--json has all)\n", routes - 20);
    assert!(text.contains(&more), "{text}");
    sh("for n in $(seq 12); do ip -n one route del 10.9.$n.0/24 dev lo; done");
    let (routes, lines, text) = shown();
    assert_eq!(routes, lines, "{text}");
    assert!(!text.contains("more (--json"), "{text}");
}

fn once() {
    sh(
        "ip netns add first; touch /run/netns/second; mount --bind /run/netns/first /run/netns/second",
    );
    let seen = survey(&["second"]);
    let spaces = seen["namespaces"].as_array().expect("namespaces");
    assert_eq!(spaces.len(), 1);
    assert_eq!(spaces[0]["names"], serde_json::json!(["first", "second"]));
}

fn kinds() {
    sh("ip link add base type veth peer name base1");
    sh("ip link add vx type vxlan id 42 remote 192.0.2.1 dstport 4789");
    sh("ip netns add inside; ip link add mv link base netns inside type macvlan mode bridge");
    sh("ip tuntap add tap0 mode tap");
    let seen = survey(&[]);
    let host = space(&seen, "host");
    assert_eq!(device(host, "vx")["details"]["id"], "42");
    assert_eq!(device(host, "tap0")["kind"], "tun");
    let mac = device(space(&seen, "inside"), "mv");
    assert_eq!(mac["far"]["found"]["netns"], "host");
    assert_eq!(mac["far"]["found"]["dev"], "base");
    assert_eq!(mac["details"]["mode"], "bridge");
}
