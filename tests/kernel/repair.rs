//! What others do to a lab, and `repair` and `watch` bringing it back.

use serde_json::Value;

use crate::sandbox::{file, ok, outcome, sh, until};
use crate::vigil::Watch;
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        test("repair::all labs, and what it says", all_labs),
        test("repair::what is lost is asked for first", asks),
        test(
            "repair::a lab that was killed on its way is left alone",
            unfinished,
        ),
    ];
    for (name, command, cause) in DRIFTS {
        tests.push(test(&format!("repair::{name}"), || by_hand(command)));
        tests.push(test(&format!("repair::{name}, watched"), || {
            watched(command, cause)
        }));
        // A namespace that netyard did not make is none of its own.
        if command != "ip netns del pc" {
            tests.push(test(&format!("repair::{name}, typed"), || typed(command)));
        }
    }
    tests.push(test("repair::a port disabled", || port(by_hand)));
    let watch = |command: &str| watched(command, "a device changed on the host");
    tests.push(test("repair::a port disabled, watched", move || {
        port(watch)
    }));
    tests
}

/// Only a port that has come to carry packets can be found not to do so.
fn port(disabled: impl Fn(&str)) {
    up();
    until("its carrier", || {
        sh("ip -d link show pc-eth0").contains("bridge_slave state forwarding")
    });
    disabled("bridge link set dev pc-eth0 state 0");
}

pub(crate) const LAB: &str = "
lab: mine
networks:
  lan:
    bridge: br-mine
    subnets: [10.5.0.0/24, 'fd00:5::/64']
    masquerade: true
namespaces:
  pc: { interfaces: { eth0: { network: lan, addresses: [10.5.0.10/24, 'fd00:5::10/64'] } } }
  router:
    forward: true
    interfaces: { eth0: { network: lan, addresses: 10.5.0.20/24 } }
    routes: [{ to: 10.77.0.0/16, via: 10.5.0.10 }]
";

/// As Debian's nftables.service reloads: a file that begins with a flush.
const RELOAD: &str = "printf '#!/usr/sbin/nft -f\\nflush ruleset\\ntable inet filter {\\n chain input {\\n  \
                      type filter hook input priority filter; policy accept;\\n }\\n}\\n' > /run/nftables.conf; \
                      nft -f /run/nftables.conf";

/// What somebody does, and what the watch hears first of it.
const DRIFTS: [(&str, &str, &str); 28] = [
    (
        "nft flush ruleset",
        "nft flush ruleset",
        "the firewall was changed by nft",
    ),
    (
        "a reload of nftables.service",
        RELOAD,
        "the firewall was changed by nft",
    ),
    (
        "ip address flush",
        "ip -n pc address flush dev eth0",
        "an address went in pc",
    ),
    (
        "ip address flush on the bridge",
        "ip address flush dev br-mine",
        "an address went on the host",
    ),
    (
        "ip link set nomaster",
        "ip link set pc-eth0 nomaster",
        "a device went on the host",
    ),
    (
        "a link set down",
        "ip link set pc-eth0 down",
        "a device changed on the host",
    ),
    (
        "a link set down inside",
        "ip -n pc link set eth0 down",
        "a device changed in pc",
    ),
    (
        "lo set down",
        "ip -n pc link set lo down",
        "a device changed in pc",
    ),
    (
        "a route deleted",
        "ip -n router route del 10.77.0.0/16",
        "a route went in router",
    ),
    (
        "forwarding switched off on the host",
        "sysctl -qw net.ipv4.ip_forward=0",
        "a setting changed on the host",
    ),
    (
        "forwarding switched off inside",
        "ip netns exec router sysctl -qw net.ipv4.ip_forward=0",
        "a setting changed in router",
    ),
    (
        "forwarding switched on inside",
        "ip netns exec pc sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
        "a setting changed in pc",
    ),
    (
        "forwarding switched off on one device",
        "ip netns exec router sysctl -qw net.ipv4.conf.eth0.forwarding=0",
        "a setting changed in router",
    ),
    (
        "forwarding switched off on the bridge",
        "sysctl -qw net.ipv4.conf.br-mine.forwarding=0 net.ipv6.conf.br-mine.forwarding=0",
        "a setting changed on the host",
    ),
    (
        "the routes to a subnet deleted",
        "ip -n pc route del 10.5.0.0/24 dev eth0; ip -n pc -6 route del fd00:5::/64 dev eth0",
        "a route went in pc",
    ),
    (
        "the routes to a subnet deleted on the host",
        "ip route del 10.5.0.0/24 dev br-mine; ip -6 route del fd00:5::/64 dev br-mine",
        "a route went on the host",
    ),
    (
        "the route to a subnet replaced",
        "ip -n pc route replace 10.5.0.0/24 dev eth0",
        "a route came in pc",
    ),
    (
        "routes that lead nowhere",
        "ip -n pc route add blackhole 10.9.0.0/16; ip -n pc route add prohibit default metric 5; \
         ip -n pc -6 route add unreachable fd09::/64",
        "a route came in pc",
    ),
    (
        "rules and routes that hide a next hop",
        "ip -n pc route add blackhole 10.5.0.1; ip -n pc rule add prohibit priority 5; \
         ip -n pc rule del priority 32766; ip -n pc route del default",
        "a routing rule changed in pc",
    ),
    (
        "routing rules",
        "ip -n pc rule add from 10.5.0.10 fwmark 0x5 lookup 100; ip -n pc -6 rule add prohibit; \
         ip -n pc rule del priority 32766",
        "a routing rule changed in pc",
    ),
    (
        "an address that shall go in time",
        "ip -n pc address change 10.5.0.10/24 dev eth0 valid_lft 100 preferred_lft 50; \
         ip -n pc address change fd00:5::10/64 dev eth0 nodad valid_lft 100 preferred_lft 50",
        "an address came in pc",
    ),
    (
        "an address that is used no more",
        "ip -n pc address change 10.5.0.10/24 dev eth0 preferred_lft 0",
        "an address came in pc",
    ),
    (
        "the link-local address deleted",
        "ip -n pc address flush dev eth0 scope link",
        "an address went in pc",
    ),
    (
        "a port isolated",
        "bridge link set dev pc-eth0 isolated on",
        "a device changed on the host",
    ),
    (
        "a queue of somebody else's",
        "tc -n pc qdisc add dev eth0 root pfifo limit 5",
        "a queue changed in pc",
    ),
    (
        "a namespace's name deleted",
        "ip netns del pc",
        // Its devices go with it: whichever the kernel tells first.
        "the name pc|a device changed on the host",
    ),
    (
        "a bridge deleted",
        "ip link del br-mine",
        "a device went on the host",
    ),
    (
        "an MTU changed",
        "ip -n pc link set eth0 mtu 1300",
        "a device changed in pc",
    ),
];

/// The lab as the judges see it: inside too.
fn seen() -> String {
    let inside = |name: &str| {
        let commands = [
            "-d link", "address", "route", "-6 route", "rule", "-6 rule", "netconf",
        ];
        let all = commands.map(|command| sh(&format!("ip -n {name} {command}")));
        steady(&all.concat())
    };
    ["pc", "router"].map(inside).concat() + &sh("nft list table inet netyard")
}

/// Numbers and hardware addresses are others in a device that was made anew, and so is
/// the order in which things come. Who made a route is not in what is typed.
fn steady(text: &str) -> String {
    let number = regex_lite::Regex::new("(?m)^[0-9]+: |@if[0-9]+|(link/ether|netnsid) [^ ]+|fe80::[^ ]+|brd [^ ]+|state [A-Z]+| (tentative|nodad)| proto static|,?(NO-CARRIER|LOWER_UP|M-DOWN)|linkdown").expect("a pattern");
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| number.replace_all(line, "").trim().to_owned())
        .collect();
    // The link-local address that the kernel makes by itself, when it comes to it.
    let kernels = |line: &str| {
        line.starts_with("inet6  scope link")
            || line.starts_with("dev ") && line.contains("proto kernel metric 256")
            || line == "valid_lft forever preferred_lft forever"
    };
    lines.retain(|line| !line.is_empty() && !line.contains("multicast") && !kernels(line));
    lines.sort();
    lines.join("\n")
}

fn up() -> String {
    ok(&["up", &file("mine.yaml", LAB)]);
    seen()
}

/// What the lab is not made of stays as it was.
fn is_back(before: &str) {
    assert_eq!(ok(&["status", "mine"]), "lab mine is as described\n");
    let now = seen();
    let times = |text: &str, line: &str| text.lines().filter(|other| *other == line).count();
    let only = |a: &str, b: &str| {
        let lines = a.lines().filter(|line| times(a, line) > times(b, line));
        lines.map(|line| format!("  {line}\n")).collect::<String>()
    };
    let (missing, new) = (only(before, &now), only(&now, before));
    assert!(now == before, "missing:\n{missing}new:\n{new}");
}

fn by_hand(command: &str) {
    let before = up();
    sh(command);
    let dry = outcome(&["repair", "-n", "mine"]);
    assert_eq!(dry.code, Some(1), "{}{}", dry.out, dry.err);
    assert_eq!(
        outcome(&["status"]).code,
        Some(1),
        "a dry run repairs nothing"
    );
    let said = ok(&["repair", "--yes", "mine"]);
    assert!(said.contains("lab mine is repaired"), "{said}");
    is_back(&before);
    assert_eq!(
        ok(&["repair"]),
        "lab mine is as described: nothing to repair\n"
    );
    ok(&["down", "mine"]);
}

/// The commands that are printed do the same.
fn typed(command: &str) {
    let before = up();
    sh(command);
    let script = ok(&["plan", "--as", "sh", "mine"]);
    sh(&format!("sh {}", file("repair.sh", &script)));
    is_back(&before);
}

fn watched(command: &str, cause: &str) {
    let before = up();
    let mut watch = Watch::start(&[]);
    assert_eq!(watch.next("watching")["labs"][0], "mine");
    sh(command);
    let repaired = watch.soon("repaired");
    let causes = repaired["causes"].as_array().expect("causes");
    let told = causes
        .iter()
        .filter_map(Value::as_str)
        .any(|told| cause.split('|').any(|cause| told.contains(cause)));
    assert!(told, "{repaired}");
    // What dies slowly, as devices of a namespace do, may take a second repair.
    until("as described", || {
        outcome(&["status", "mine"]).code == Some(0)
    });
    is_back(&before);
    watch.end();
    ok(&["down", "mine"]);
}

fn all_labs() {
    assert_eq!(ok(&["repair"]), "no lab is up\n");
    assert_eq!(outcome(&["repair", "mine"]).code, Some(1));
    up();
    let other = "lab: other\nnamespaces: { alone: {} }\n";
    ok(&["up", &file("other.yaml", other)]);
    sh("ip -n pc address del 10.5.0.10/24 dev eth0; ip -n alone link set lo down");
    let said = ok(&["repair"]);
    let pc = "  namespace pc
    + address 10.5.0.10/24 on eth0         the file gives it this address
    + route default via 10.5.0.1 dev eth0
        what is not on a link goes to the gateway

2 made

";
    let took = regex_lite::Regex::new(r" \([0-9.]+ ms\)").expect("a pattern");
    let said = took.replace_all(&said, "");
    let alone = "  namespace alone
    ~ lo up (now down)  a device carries packets only when up

1 changed

";
    let repaired = |lab: &str| format!("lab {lab} is repaired\n");
    let all = [pc, &repaired("mine"), alone, &repaired("other")].concat();
    assert_eq!(said, all);
    sh("ip -n pc link set eth0 mtu 1300");
    let json: Value = serde_json::from_str(&ok(&["repair", "--json"])).expect("JSON");
    assert_eq!(
        json[0]["changes"][0]["what"], "eth0 mtu 1500 (now 1300)",
        "{json}"
    );
    assert_eq!(
        (&json[0]["changed"], &json[1]["changed"]),
        (&true.into(), &false.into())
    );
}

fn asks() {
    up();
    sh("ip -n pc address add 10.9.9.9/24 dev eth0");
    let before = snapshot::host();
    let said = outcome(&["repair"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("cut: what talks with 10.9.9.9"),
        "{}",
        said.err
    );
    snapshot::assert_same(&before, &snapshot::host(), "nobody agreed");
    ok(&["repair", "-y"]);
    assert!(!sh("ip -n pc address").contains("10.9.9.9"));
}

fn unfinished() {
    up();
    let db = rusqlite::Connection::open("/run/netyard/netyard.db").expect("the journal");
    db.execute("UPDATE lab SET whole = 0", [])
        .expect("a killed run");
    sh("ip -n pc link set eth0 mtu 1300");
    let said = outcome(&["repair"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("error[unfinished]"), "{}", said.err);
    let mut watch = Watch::start(&[]);
    assert_eq!(watch.next("failed")["error"]["code"], "unfinished");
    watch.end();
    assert!(sh("ip -n pc link show eth0").contains("mtu 1300"));
    ok(&["up", "mine"]);
}
