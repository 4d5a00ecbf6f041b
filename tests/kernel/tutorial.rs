//! The well-known tutorial, step by step, judged by the real `ping`.

use crate::sandbox::{file, ok, outcome, pings, sh, try_sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("tutorial::two namespaces and a cable", one_cable),
        test(
            "tutorial::the host reaches a bridge's namespaces once the bridge has an address",
            bridge_address,
        ),
        test(
            "tutorial::masquerade and forwarding, switched back when the last lab goes",
            forwarding,
        ),
        test(
            "tutorial::a host that forwards already stays as it is",
            forwards_already,
        ),
        test("tutorial::IPv6 addresses are usable at once", no_detection),
        test("tutorial::real namespaces of ip netns", real_namespaces),
    ]
}

fn one_cable() {
    ok(&["up", &crate::sandbox::example("two-pcs.yaml")]);
    for (from, to) in [
        ("pc-one", "10.0.0.1"),
        ("pc-one", "10.0.0.2"),
        ("pc-two", "10.0.0.1"),
    ] {
        assert!(pings(from, to), "{from} reaches {to}");
    }
    for address in ["10.0.0.1", "10.0.0.2"] {
        assert!(!pings("host", address), "the host does not reach {address}");
    }
}

const LAN: &str = "
lab: steps
networks:
  lan: { bridge: br-steps, subnets: [10.0.0.0/24, 'fd00:1::/64'], gateway: GATEWAY }
namespaces:
  one: { interfaces: { eth0: { network: lan, addresses: [10.0.0.10/24, 'fd00:1::10/64'] } } }
  two: { interfaces: { eth0: { network: lan, addresses: [10.0.0.20/24, 'fd00:1::20/64'] } } }
";

fn bridge_address() {
    let without = file("without.yaml", &LAN.replace("GATEWAY", "none"));
    ok(&["up", &without]);
    assert!(pings("one", "10.0.0.20") && pings("one", "fd00:1::20"));
    assert!(!pings("host", "10.0.0.10") && !pings("host", "fd00:1::10"));
    let with = file(
        "steps.yaml",
        &LAN.replace("GATEWAY", "[10.0.0.1, 'fd00:1::1']"),
    );
    ok(&["up", &with]);
    assert!(pings("host", "10.0.0.10") && pings("host", "fd00:1::10"));
    ok(&["up", "--yes", &without]);
    for address in ["10.0.0.10", "fd00:1::10"] {
        let way = try_sh(&format!("ip route get {address}"));
        assert!(!pings("host", address), "{address} over {}", way.out);
    }
}

fn value(key: &str) -> String {
    sh(&format!("cat /proc/sys/{key}")).trim().to_owned()
}

const FORWARD: [&str; 2] = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];

fn lab(name: &str, net: u8) -> String {
    let text = format!(
        "lab: {name}
networks:
  lan: {{ subnets: [10.7.{net}.0/24, 'fd00:{net}::/64'], masquerade: true }}
namespaces:
  {name}-pc: {{ interfaces: {{ eth0: {{ network: lan }} }} }}
"
    );
    file(&format!("{name}.yaml"), &text)
}

fn forwarding() {
    assert_eq!(FORWARD.map(value), ["0", "0"]);
    ok(&["up", &lab("a", 1)]);
    ok(&["up", &lab("b", 2)]);
    assert_eq!(FORWARD.map(value), ["1", "1"]);
    assert!(
        sh("nft list ruleset").contains("elements = { ipv4"),
        "the guard stands"
    );
    ok(&["down", "a"]);
    assert_eq!(FORWARD.map(value), ["1", "1"], "b still needs it");
    assert!(
        sh("nft list ruleset").contains("elements = { ipv4"),
        "the guard stands for b"
    );
    ok(&["down", "b"]);
    assert_eq!(FORWARD.map(value), ["0", "0"]);
    assert_eq!(sh("nft list ruleset"), "");
}

fn forwards_already() {
    sh("echo 1 > /proc/sys/net/ipv4/ip_forward");
    ok(&["up", &lab("a", 1)]);
    let rules = sh("nft list set inet netyard guard");
    assert!(
        rules.contains("ipv6") && !rules.contains("ipv4 "),
        "only IPv6 is guarded:\n{rules}"
    );
    ok(&["down", "a"]);
    assert_eq!(FORWARD.map(value), ["1", "0"]);
}

fn no_detection() {
    ok(&[
        "up",
        &file("steps.yaml", &LAN.replace("GATEWAY", "'fd00:1::1'")),
    ]);
    for place in ["-n one", "-n two", ""] {
        let tentative = sh(&format!(
            "ip {place} -6 address show scope global tentative"
        ));
        assert_eq!(tentative, "", "ip {place}");
    }
}

fn real_namespaces() {
    ok(&["up", &crate::sandbox::example("two-pcs.yaml")]);
    let names = sh("ip netns list");
    assert!(
        names.contains("pc-one") && names.contains("pc-two"),
        "{names}"
    );
    assert!(sh("ip netns exec pc-one ip -o address").contains("10.0.0.1/24"));
    let error = outcome(&["exec", "nobody"]).err;
    assert!(error.contains("there is no namespace `nobody`"), "{error}");
}
