//! Networks without a bridge: a cable of its own for each interface, and a host that routes.

use crate::sandbox::{file, ok, outcome, pings, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("routed::neighbours, the host and the world", reached),
        test(
            "routed::127.0.0.1 is open as long as a port is published",
            published,
        ),
        test("routed::isolated, trusted, internal, allowed", policy),
        test("routed::nobody speaks for another", spoofed),
        test("routed::another lab on it", external),
        test("routed::a bridge becomes routed, and back", changed),
        test("routed::repaired", repaired),
    ]
}

const LAN: &str = r#"routed: true, subnets: [10.5.0.0/24, "fd00:5::/64"]"#;

fn lab(network: &str, one: &str, two: &str, rest: &str) -> String {
    let text = format!(
        r#"
lab: cables
networks: {{ lan: {{ {network} }}, far: {{ subnets: [10.6.0.0/24, "fd00:6::/64"] }} }}
namespaces:
  one: {{ interfaces: {{ eth0: {{ network: lan, addresses: [10.5.0.10/24, "fd00:5::a/64"] }} }} {one} }}
  two: {{ interfaces: {{ eth0: {{ network: lan, addresses: [10.5.0.20/24, "fd00:5::14/64"] {two} }} }} }}
  three: {{ interfaces: {{ eth0: {{ network: far, addresses: [10.6.0.30/24, "fd00:6::1e/64"] }} }} }}
{rest}
"#
    );
    file("cables.yaml", &text)
}

fn proved(lab: &str) {
    let table = ok(&["test", lab]);
    assert!(!table.contains("FAIL"), "{table}");
}

/// Beyond the host, without a way back to networks behind it.
fn world() {
    sh(
        "ip netns add world; ip link add up0 type veth peer name eth0 netns world; \
        ip address add 203.0.113.1/24 dev up0; ip link set up0 addrgenmode none; ip link set up0 up; \
        ip -n world address add 203.0.113.2/24 dev eth0; ip -n world link set eth0 up",
    );
}

fn pings_as(from: &str, source: &str, to: &str) -> bool {
    let ping = format!("ip netns exec {from} ping -c 1 -W 0.5 -I {source} {to}");
    try_sh(&ping).code == Some(0)
}

fn reached() {
    world();
    let before = snapshot::host();
    let expect = "expect: [{ from: one, to: two }, { from: two, to: one }, { from: host, to: one }, \
        { from: one, to: host }, { from: one, to: 203.0.113.2 }, { from: one, to: three, reach: false }, \
        { from: three, to: one, reach: false }]";
    let lab = lab(&format!("{LAN}, masquerade: true"), "", "", expect);
    ok(&["up", &lab]);
    proved(&lab);
    for (from, to) in [
        ("one", "10.5.0.20"),
        ("two", "fd00:5::a"),
        ("one", "fd00:5::1"),
    ] {
        assert!(pings(from, to), "{from} to {to}");
    }
    // Nobody comes in from outside, whatever the source that he writes.
    sh("ip -n world route add 10.5.0.0/24 via 203.0.113.1; \
        ip -n world address add 10.5.0.77/32 dev eth0");
    assert!(!pings("world", "10.5.0.10"));
    assert!(!pings_as("world", "10.5.0.77", "10.5.0.10"));
    assert!(!sh("ip link").contains("cables-lan"));
    let told = ok(&["explain", "one", "two"]);
    assert!(told.contains("arrives: packet and answer arrive"), "{told}");
    assert!(ok(&["up", &lab]).contains("nothing to change"));
    ok(&["down", "cables"]);
    snapshot::assert_same(&before, &snapshot::host(), "up and down");
}

fn published() {
    let before = snapshot::host();
    let ports = ", publish: [8080:80]";
    ok(&["up", &lab(LAN, ports, "", "")]);
    let localnet = || sh("cat /proc/sys/net/ipv4/conf/one-eth0/route_localnet");
    assert_eq!(localnet().trim(), "1");
    ok(&["up", "--yes", &lab(LAN, "", "", "")]);
    assert_eq!(localnet().trim(), "0");
    ok(&["down", "cables"]);
    snapshot::assert_same(&before, &snapshot::host(), "up and down");
}

fn policy() {
    let alone = LAN.to_owned();
    let isolated = "interfaces: { eth0: { network: lan, isolated: true } }";
    let text = format!(
        r#"
lab: cables
networks: {{ lan: {{ {alone}, internal: true }}, far: {{ subnets: [10.6.0.0/24, "fd00:6::/64"] }} }}
namespaces:
  one: {{ {isolated} }}
  two: {{ {isolated} }}
  open: {{ interfaces: {{ eth0: {{ network: lan }} }} }}
  three: {{ interfaces: {{ eth0: {{ network: far }} }} }}
allow: [{{ from: three, to: one }}]
expect:
  - {{ from: one, to: two, reach: false }}
  - {{ from: one, to: open }}
  - {{ from: open, to: two }}
  - {{ from: three, to: one }}
  - {{ from: three, to: two, reach: false }}
"#
    );
    let lab = file("cables.yaml", &text);
    ok(&["up", &lab]);
    proved(&lab);
    assert!(!sh("ip -n one route").contains("default"));
}

fn spoofed() {
    let say = "ip -n two address add 10.5.0.99/32 dev eth0; ip -n two address add fd00:5::99/128 dev eth0 nodad; \
        ip route add 10.5.0.99/32 dev two-eth0; ip route add fd00:5::99/128 dev two-eth0";
    for (trusted, heard) in [("", false), (", trusted: true", true)] {
        let lab = lab(LAN, "", trusted, "");
        ok(&["up", "--yes", &lab]);
        sh(say);
        assert!(pings("two", "10.5.0.10"));
        assert_eq!(
            pings_as("two", "10.5.0.99", "10.5.0.10"),
            heard,
            "{trusted}"
        );
        assert_eq!(
            pings_as("two", "fd00:5::99", "fd00:5::a"),
            heard,
            "{trusted}"
        );
        ok(&["down", "cables"]);
    }
}

fn external() {
    let before = snapshot::host();
    ok(&["up", &lab(&format!("{LAN}, masquerade: true"), "", "", "")]);
    let guest = file(
        "guest.yaml",
        r#"
lab: guest
networks: { lan: { external: cables } }
namespaces:
  four: { interfaces: { eth0: { network: lan } }, publish: [8084:80] }
  five: { interfaces: { eth0: { network: lan } } }
expect:
  - { from: four, to: five }
  - { from: four, to: 10.5.0.10 }
  - { from: four, to: "fd00:5::14" }
  - { from: four, to: 10.6.0.30, reach: false }
  - { from: host, to: four }
"#,
    );
    ok(&["up", &guest]);
    proved(&guest);
    for lab in ["/run/cables.yaml", &guest] {
        assert!(ok(&["up", lab]).contains("nothing to change"));
    }
    assert!(outcome(&["down", "cables"]).code != Some(0));
    // Of two labs with one subnet the second is told.
    let rival = file(
        "rival.yaml",
        "lab: rival\nnetworks: { lan: { routed: true, subnets: 10.5.0.0/24 } }\n\
        namespaces: { six: { interfaces: { eth0: { network: lan, addresses: 10.5.0.66/24 } } } }",
    );
    let said = outcome(&["up", &rival]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    ok(&["down", "guest"]);
    ok(&["down", "cables"]);
    snapshot::assert_same(&before, &snapshot::host(), "up and down");
}

fn changed() {
    let before = snapshot::host();
    let expect = "expect: [{ from: one, to: two }, { from: host, to: one }]";
    for _ in 0..2 {
        for network in [LAN, &LAN.replace("routed: true, ", "")] {
            let lab = lab(network, "", "", expect);
            ok(&["up", "--yes", &lab]);
            proved(&lab);
        }
    }
    ok(&["down", "cables"]);
    snapshot::assert_same(&before, &snapshot::host(), "up and down");
}

fn repaired() {
    let lab = lab(
        LAN,
        "",
        "",
        "expect: [{ from: one, to: two }, { from: host, to: one }]",
    );
    ok(&["up", &lab]);
    for broken in [
        "ip route del 10.5.0.10/32",
        "ip -n one route del default",
        "ip -n one -6 route flush dev eth0 proto static",
        "ip -n one route flush dev eth0",
        "ip address del 10.5.0.1/32 dev one-eth0",
        "ip link set one-eth0 down",
        "nft delete element inet netyard networks '{ \"one-eth0\" }'",
        "nft flush set inet netyard beside4",
    ] {
        sh(broken);
        assert_eq!(outcome(&["status"]).code, Some(1), "{broken}");
        ok(&["repair"]);
        proved(&lab);
        // The order of two equal routes may be another than before.
        assert!(ok(&["status"]).contains("as described"), "{broken}");
    }
}
