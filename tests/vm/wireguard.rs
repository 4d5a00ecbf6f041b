//! WireGuard interfaces: what wg(8) says of them, packets that go through, and what becomes of
//! peers that stay while others change.

use std::collections::BTreeMap;

use crate::join::{said, up_and_well};
use crate::oracle::agrees;
use crate::sandbox::{example, file, ok, outcome, pings, separate, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("wireguard::two namespaces", two),
        test("wireguard::three namespaces over one", three),
        test("wireguard::peers change in place", changed),
        test("wireguard::what others did is repaired", repaired),
        test("wireguard::the printed script makes the same", scripted),
        test("wireguard::keys are not shown", hidden),
        test(
            "wireguard::an error in the middle undoes everything",
            undone,
        ),
        test("wireguard::many addresses behind one peer", many),
    ]
}

/// Keys for labs: private ones, then the public ones that follow.
const PRIVATE: [&str; 3] = [
    "yIFxnqrY3OJV1VOlO+9WSPebswuqJskSpksaCpPUKlI=",
    "4D+73uJUQF5dpAfntS7qiZ0j8aNSIPSwcNLYBMZFgGw=",
    "SBLzT+3rkJH00+XYZLTGb71Kxf4lQBs0nkd5RZa3Imc=",
];
const PUBLIC: [&str; 3] = [
    "uAu0+vkXlU6RYVy1kjYhauPpRbpvwb8JrA5/37xT11g=",
    "w4Rp1afs0cmm69vyJ8ipViI/TlPALty8ARPai18K6jQ=",
    "MISN50zMIWmEXiOEqfCY9jkCbkA5B1qilwptCVPvyAM=",
];
const PRESHARED: &str = "IoCtoJ6ZlypRw6j5jbjcCFAcsrcfByDWHWmOGOvaTY8=";

/// Two on a switch, with IPv6 in the tunnel, and peers of `one` beside the other.
fn tunnel(more: &str) -> String {
    let [one, two, _] = PRIVATE;
    let text = format!(
        r#"
lab: tunnel
networks: {{ lan: {{ subnets: [10.0.0.0/24] }} }}
namespaces:
  one:
    interfaces:
      eth0: {{ network: lan, addresses: 10.0.0.10/24 }}
      wg0:
        addresses: [10.9.0.1/24, "fd09::1/64"]
        wireguard:
          private-key: {one}
          listen-port: 51820
          fwmark: 7
          peers:
            - peer: two:wg0
              preshared-key: {PRESHARED}
              endpoint: 10.0.0.20:51821
              allowed-ips: [10.9.0.2/32, "fd09::2/128"]
              persistent-keepalive: 25
{more}
  two:
    interfaces:
      eth0: {{ network: lan, addresses: 10.0.0.20/24 }}
      wg0:
        mtu: 1380
        addresses: [10.9.0.2/24, "fd09::2/64"]
        wireguard:
          private-key: {two}
          listen-port: 51821
          peers:
            - {{ peer: one:wg0, preshared-key: {PRESHARED}, endpoint: "10.0.0.10:51820", allowed-ips: [10.9.0.0/24, "fd09::/64"] }}
expect:
  - {{ from: one, to: 10.9.0.2 }}
  - {{ from: two, to: "fd09::1" }}
  - {{ from: host, to: 10.9.0.1, reach: false }}
"#
    );
    file("tunnel.yaml", &text)
}

/// A peer that was spoken with while its bridge did not forward yet is so again only after 5 s.
#[track_caller]
fn speaks(from: &str, to: &str) {
    until(&format!("{from} pings {to}"), || pings(from, to));
}

/// What wg(8) says of a setting of one interface.
fn wg(netns: &str, what: &str) -> String {
    sh(&format!("ip netns exec {netns} wg show wg0 {what}"))
}

/// A word of wg(8) for each peer of `one`.
fn of_peers(what: &str) -> BTreeMap<String, String> {
    let all = wg("one", what);
    let lines = all.lines().filter_map(|line| line.split_once('\t'));
    lines
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn two() {
    let before = snapshot::host();
    let yaml = tunnel("");
    up_and_well(&yaml);
    speaks("one", "10.9.0.2");
    speaks("two", "fd09::1");
    let table = ok(&["test", "tunnel"]);
    assert!(!table.contains("FAIL"), "{table}");
    assert_eq!(wg("one", "public-key").trim(), PUBLIC[0]);
    assert_eq!(wg("two", "public-key").trim(), PUBLIC[1]);
    assert_eq!(wg("one", "listen-port").trim(), "51820");
    assert_eq!(wg("one", "fwmark").trim(), "0x7");
    assert_eq!(
        of_peers("allowed-ips")[PUBLIC[1]],
        "10.9.0.2/32 fd09::2/128"
    );
    assert_eq!(of_peers("persistent-keepalive")[PUBLIC[1]], "25");
    assert_eq!(of_peers("preshared-keys")[PUBLIC[1]], PRESHARED);
    // What is sent through is seen on the switch as UDP alone.
    assert!(sh("ip -n one -s link show dev wg0").contains("POINTOPOINT"));
    assert!(sh("ip -n two link show dev wg0").contains("mtu 1380"));
    assert!(sh("ip -n one link show dev wg0").contains("mtu 1420"));
    assert!(ok(&["up", &yaml]).contains("nothing to change"));
    let show = ok(&["show", "one"]);
    assert!(show.contains("wireguard"), "{show}");
    assert!(show.contains("listen-port 51820 peers 1"), "{show}");
    for graph in [ok(&["graph"]), ok(&["graph", &yaml])] {
        assert!(graph.contains("listen-port 51820"), "{graph}");
    }
    ok(&["down", "--wait", "tunnel"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

fn three() {
    let before = snapshot::host();
    let yaml = example("wireguard/office.yaml");
    up_and_well(&yaml);
    let table = ok(&["test", "office"]);
    assert!(!table.contains("FAIL"), "{table}");
    // Where the branches are the office has heard by now, and that is no drift.
    assert!(ok(&["up", &yaml]).contains("nothing to change"));
    ok(&["status", "office"]);
    ok(&["down", "--wait", "office"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

fn changed() {
    let third = |of: &str| format!("            - {{ public-key: {}, {of} }}", PUBLIC[2]);
    up_and_well(&tunnel(""));
    speaks("one", "10.9.0.2");
    let session = of_peers("latest-handshakes")[PUBLIC[1]].clone();
    assert_ne!(session, "0");
    for (of, shows) in [
        ("allowed-ips: 10.9.0.3/32", "10.9.0.3/32"),
        (
            "allowed-ips: [10.9.0.4/32, 10.9.0.5/32]",
            "10.9.0.4/32 10.9.0.5/32",
        ),
        ("endpoint: 10.0.0.77:5, persistent-keepalive: 9", "(none)"),
        (
            "endpoint: '[fd00::77]:6', allowed-ips: 0.0.0.0/0",
            "0.0.0.0/0",
        ),
    ] {
        let yaml = tunnel(&third(of));
        let plan = ok(&["plan", "--as", "sh", &yaml]);
        assert!(!plan.contains(PUBLIC[1]), "who stays is not named:\n{plan}");
        ok(&["up", "--yes", &yaml]);
        assert!(ok(&["plan", &yaml]).contains("nothing to do"), "{of}");
        assert_eq!(of_peers("allowed-ips")[PUBLIC[2]], shows, "{of}");
        assert_eq!(of_peers("latest-handshakes")[PUBLIC[1]], session, "{of}");
    }
    assert_eq!(of_peers("endpoints")[PUBLIC[2]], "[fd00::77]:6");
    let yaml = tunnel("");
    ok(&["up", "--yes", &yaml]);
    assert!(!of_peers("allowed-ips").contains_key(PUBLIC[2]));
    assert_eq!(of_peers("latest-handshakes")[PUBLIC[1]], session);
    // A new key: the other end follows, as its peer is named and not copied.
    let text = std::fs::read_to_string(&yaml).expect("the file");
    let yaml = file("tunnel.yaml", &text.replace(PRIVATE[0], PRIVATE[2]));
    ok(&["up", "--yes", &yaml]);
    assert!(ok(&["plan", &yaml]).contains("nothing to do"));
    assert_eq!(wg("two", "peers").trim(), PUBLIC[2]);
    speaks("one", "10.9.0.2");
    ok(&["down", "--wait", "tunnel"]);
}

fn repaired() {
    let before = snapshot::host();
    up_and_well(&tunnel(""));
    let keys = "/run/keys";
    std::fs::write(keys, PRIVATE[2]).expect("a file");
    let peer = PUBLIC[1];
    let dump = |netns| sh(&format!("ip netns exec {netns} wg showconf wg0"));
    let as_asked = dump("one");
    for done in [
        format!("private-key {keys}"),
        "listen-port 4444".to_owned(),
        "fwmark 0".to_owned(),
        format!("peer {peer} remove"),
        format!("peer {peer} endpoint 10.0.0.99:1"),
        format!("peer {peer} preshared-key /dev/null"),
        format!("peer {peer} persistent-keepalive 0 allowed-ips 10.1.0.0/16"),
        format!("peer {} allowed-ips 10.9.0.2/32", PUBLIC[2]),
    ] {
        sh(&format!("ip netns exec one wg set wg0 {done}"));
        let status = said(&["status", "tunnel"]);
        assert!(status.contains("wg0"), "{done}\n{status}");
        ok(&["repair", "--yes", "tunnel"]);
        assert_eq!(dump("one"), as_asked, "{done}");
        ok(&["status", "tunnel"]);
    }
    sh("ip -n two link del wg0; ip -n one link set wg0 down");
    ok(&["repair", "--yes", "tunnel"]);
    ok(&["test", "tunnel"]);
    std::fs::remove_file(keys).expect("the file");
    ok(&["down", "--wait", "tunnel"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

/// Devices, addresses and routes, and what wg(8) writes of both ends.
fn scripted() {
    let more = format!(
        "            - {{ public-key: {}, endpoint: '[fd00::77]:6' }}",
        PUBLIC[2]
    );
    let yaml = tunnel(&more);
    let dump = || ["one", "two"].map(|netns| sh(&format!("ip netns exec {netns} wg showconf wg0")));
    agrees(&yaml);
    let theirs = dump();
    separate();
    ok(&["up", &tunnel(&more)]);
    assert_eq!(dump(), theirs);
    assert!(theirs[0].contains("fd00::77"), "{theirs:?}");
    speaks("one", "10.9.0.2");
    // A change by hand, too.
    let yaml = tunnel("");
    let script = ok(&["plan", "--as", "sh", &yaml]);
    sh(&format!("sh {}", file("change.sh", &script)));
    assert!(ok(&["plan", &yaml]).contains("nothing to do"), "{script}");
    ok(&["down", "--wait", "tunnel"]);
}

fn hidden() {
    let yaml = tunnel("");
    let shows_none = |text: &str| {
        let none = PRIVATE.iter().chain([&PRESHARED]);
        none.into_iter().all(|key| !text.contains(key))
    };
    for arguments in [
        &["plan", &yaml][..],
        &["plan", "--json", &yaml],
        &["plan", "--as", "list", &yaml],
        &["check", "--json", &yaml],
        &["up", "--json", &yaml],
        &["show", "--json"],
        &["status", "--json"],
        &["list", "--json"],
        &["graph"],
    ] {
        let said = outcome(arguments);
        assert!(shows_none(&(said.out + &said.err)), "{arguments:?}");
    }
    sh("ip netns exec one wg set wg0 private-key /dev/null");
    let drift = outcome(&["status", "--json"]);
    assert!(
        drift.out.contains("(hidden)") || drift.out.contains("private key"),
        "{}",
        drift.out
    );
    assert!(shows_none(&drift.out));
    let script = ok(&["plan", "--as", "sh", &yaml]);
    assert!(!shows_none(&script), "it could not work");
    ok(&["down", "--wait", "tunnel"]);
}

/// In a namespace of others, where somebody has the port.
fn undone() {
    sh(
        "ip netns add box; ip -n box link set lo up; ip -n box link add theirs type wireguard; \
        ip netns exec box wg set theirs listen-port 51820; ip -n box link set theirs up",
    );
    let inside =
        || sh("ip -n box -d link; ip -n box address; ip netns exec box wg showconf theirs");
    let (before, there) = (snapshot::host(), inside());
    let lab = |port: u16| {
        let text = format!(
            "lab: boxed\nnamespaces:\n  one: {{}}\n  /run/netns/box:\n    interfaces:\n      \
             wg0: {{ addresses: 10.9.0.1/24, wireguard: {{ private-key: {}, listen-port: {port} }} }}\n",
            PRIVATE[0]
        );
        file("boxed.yaml", &text)
    };
    let refused = outcome(&["up", &lab(51820)]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("in use"), "{}", refused.err);
    assert!(!refused.err.contains(PRIVATE[0]), "{}", refused.err);
    snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
    assert_eq!(inside(), there);
    up_and_well(&lab(51821));
    ok(&["down", "--wait", "boxed"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
    assert_eq!(inside(), there);
}

/// More than one message holds, there and back.
fn many() {
    let nets: Vec<String> = (0..2500)
        .map(|n| format!("10.{}.{}.0/24", 100 + n / 250, n % 250))
        .collect();
    let more = format!(
        "            - {{ public-key: {}, allowed-ips: [{}] }}",
        PUBLIC[2],
        nets.join(", ")
    );
    let yaml = tunnel(&more);
    up_and_well(&yaml);
    assert_eq!(
        of_peers("allowed-ips")[PUBLIC[2]].split(' ').count(),
        nets.len()
    );
    ok(&["down", "--wait", "tunnel"]);
}
