//! Who may speak with whom, on a real kernel: lists that overlap, changes while the lab is
//! up, hosts that forward, and what somebody flushes.

use crate::sandbox::{file, ok, outcome, pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "policy::isolated interfaces, and which is the way out",
            isolated,
        ),
        test("policy::lists may overlap in any way", overlapping),
        test(
            "policy::a change of a list is a change of elements",
            changed,
        ),
        test("policy::a host that forwards opens nothing", forwarding),
        test(
            "policy::what is flushed inside is told and comes back",
            flushed,
        ),
        test(
            "policy::what was spoken before a list is answered",
            answered,
        ),
    ]
}

/// The sides of two networks, with these permissions.
fn lab(allow: &str, one: &str, expect: &str) -> String {
    format!(
        r#"
lab: rules
networks:
  left: {{ subnets: [10.5.0.0/24, "fd00:5::/64"] }}
  right: {{ subnets: [10.6.0.0/24, "fd00:6::/64"] }}
namespaces:
  one:
    interfaces: {{ eth0: {{ network: left, addresses: [10.5.0.10/24, "fd00:5::a/64"] }} }}
    {one}
  two: {{ interfaces: {{ eth0: {{ network: right, addresses: [10.6.0.20/24, "fd00:6::14/64"] }} }} }}
allow: [{allow}]
expect: [{expect}]
"#
    )
}

fn up(text: &str) -> String {
    ok(&["up", "--yes", &file("rules.yaml", text)])
}

fn proved() {
    let table = ok(&["test", "/run/rules.yaml"]);
    assert!(!table.contains("FAIL"), "{table}");
}

fn overlapping() {
    let allow = "
      { from: left, to: right, protocol: tcp, port: [80-90, 85-100, 100] },
      { from: one, to: two, protocol: tcp, port: 1-85 },
      { from: 10.5.0.0/25, to: 10.6.0.0/25, protocol: tcp, port: 50-81 },
      { from: 10.5.0.8/29, to: 10.6.0.0/16, protocol: udp },
      { from: one, to: right, protocol: udp, port: 53 },
      { from: 'fd00:5::/64', to: '::/0', protocol: icmp }";
    let one = "
    egress:
      - { to: any, protocol: tcp, port: 1-90 }
      - { to: 10.6.0.0/24, protocol: tcp, port: [60-95, 443] }
      - { to: two, protocol: udp }
      - { to: two }
      - { to: 0.0.0.0/1, protocol: udp, port: 1000-2000 }";
    let expect = "
      { from: one, to: two, tcp: 82 }, { from: one, to: two, tcp: 90 },
      { from: one, to: two, tcp: 1 }, { from: one, to: two, tcp: 100 },
      { from: one, to: two, tcp: 101, reach: false },
      { from: one, to: 10.6.0.20, udp: 9 }, { from: one, to: 'fd00:6::14', udp: 53 },
      { from: one, to: 'fd00:6::14', udp: 54, reach: false },
      { from: one, to: 'fd00:6::14' }, { from: one, to: 10.6.0.20, reach: false },
      { from: two, to: one, tcp: 82, reach: false }";
    let before = snapshot::host();
    up(&lab(allow, one, expect));
    proved();
    let again = ok(&["up", "/run/rules.yaml"]);
    assert!(again.contains("nothing to change"), "{again}");
    ok(&["down", "rules"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

fn changed() {
    let ways = "{ from: one, to: two, tcp: 80 }, { from: one, to: two, tcp: 81, reach: false }";
    let back = "{ from: one, to: two, tcp: 80, reach: false }, { from: one, to: two, tcp: 81 }";
    let allow = |port: &str| format!("{{ from: left, to: two, protocol: tcp, port: {port} }}");
    up(&lab(&allow("80"), "", ways));
    proved();
    up(&lab(&allow("81"), "", back));
    proved();
    // A list comes, changes, and goes again.
    let list = |port: &str| format!("egress: [{{ to: right, protocol: tcp, port: {port} }}]");
    up(&lab(&allow("80-81"), &list("80"), ways));
    proved();
    up(&lab(&allow("80-81"), &list("'79-79'"), ""));
    assert!(!pings("one", "10.5.0.1"));
    up(&lab(&allow("80-81"), &list("81"), back));
    proved();
    up(&lab(&allow("81"), "", back));
    proved();
    assert_eq!(sh("ip netns exec one nft list ruleset"), "");
}

fn forwarding() {
    sh("echo 1 > /proc/sys/net/ipv4/ip_forward");
    sh("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    let expect = "
      { from: one, to: two, reach: false }, { from: two, to: one, tcp: 80, reach: false },
      { from: one, to: 192.0.2.9, reach: false }, { from: one, to: host }";
    // Beyond the host there is somebody who would answer.
    sh("ip link add wan type veth peer name wan-far");
    sh("ip netns add far; ip link set wan-far netns far; ip link set wan up");
    sh("ip address add 192.0.2.1/24 dev wan; ip -n far link set wan-far up");
    sh("ip -n far address add 192.0.2.9/24 dev wan-far; ip -n far route add default via 192.0.2.1");
    up(&lab("", "", expect));
    proved();
    // The same way, allowed.
    let expect = "{ from: one, to: 192.0.2.9 }, { from: one, to: two, reach: false }";
    up(&lab("{ from: left, to: 192.0.2.0/24 }", "", expect));
    proved();
    assert!(!pings("far", "10.5.0.10"), "one direction");
}

fn flushed() {
    let expect = "{ from: one, to: two, tcp: 80, reach: false }, { from: one, to: host }";
    let one = "egress: [{ to: host, protocol: icmp }]";
    let allow = "{ from: left, to: right }";
    up(&lab(allow, one, expect));
    proved();
    sh("ip netns exec one nft flush ruleset");
    assert!(pings("one", "10.6.0.20"), "nothing holds it back");
    let said = outcome(&["status", "rules"]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    up(&lab(allow, one, expect));
    proved();
    // Somebody opened what the file does not.
    sh(
        "ip netns exec one nft add element inet netyard egress4 '{ 10.6.0.0/24 . 0-255 . 0-65535 }'",
    );
    assert!(pings("one", "10.6.0.20"));
    up(&lab(allow, one, expect));
    proved();
}

/// A direction that is closed answers; what begins there does not.
fn answered() {
    let allow = "{ from: left, to: right }, { from: right, to: left }";
    up(&lab(allow, "egress: []", ""));
    assert!(pings("two", "10.5.0.10") && pings("two", "fd00:5::a"));
    assert!(!pings("one", "10.6.0.20") && !pings("one", "fd00:6::14"));
    assert!(pings("one", "10.5.0.10"), "itself");
    up(&lab(allow, "ingress: []", ""));
    assert!(!pings("two", "10.5.0.10") && !pings("two", "fd00:5::a"));
    assert!(pings("one", "10.6.0.20") && pings("one", "fd00:6::14"));
}

/// On the switch itself; what is not isolated, and the host, they reach.
fn isolated() {
    let text = "lab: apart
networks:
  lan: { subnets: [10.7.0.0/24, \"fd00:7::/64\"] }
  back: { subnets: [10.8.0.0/24] }
namespaces:
  one:
    interfaces:
      a: { network: back, default_route: false }
      b: { network: lan, isolated: true, addresses: [10.7.0.10/24, \"fd00:7::10/64\"] }
  two: { interfaces: { eth0: { network: lan, isolated: true, addresses: 10.7.0.20/24 } } }
  open: { interfaces: { eth0: { network: lan, addresses: 10.7.0.30/24 } } }
expect:
  - { from: one, to: 10.7.0.20, reach: false }
  - { from: two, to: 10.7.0.10, reach: false }
  - { from: one, to: 10.7.0.30 }
  - { from: open, to: 10.7.0.20 }
  - { from: host, to: 10.7.0.10 }
";
    let path = file("apart.yaml", text);
    ok(&["up", &path]);
    ok(&["test", &path]);
    let routes = sh("ip -n one route");
    assert!(routes.contains("default via 10.7.0.1 dev b"), "{routes}");
    assert!(sh("ip -n one -6 route").contains("default via fd00:7::1 dev b"));
    assert!(ok(&["up", &path]).contains("nothing to change"));
    let told = outcome(&["explain", "one", "10.7.0.20", "--json"]).out;
    assert!(told.contains("isolated-ports"), "{told}");
    // What others switch off comes back.
    sh("bridge link set dev one-b isolated off");
    ok(&["repair", "apart"]);
    assert!(sh("bridge -d link show dev one-b").contains("isolated on"));
    let free = text
        .replace(", isolated: true", "")
        .replace(", reach: false", "");
    ok(&["up", &file("apart.yaml", &free)]);
    ok(&["test", &path]);
}
