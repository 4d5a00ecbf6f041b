//! Which addresses containers get.

use serde_json::{Value, json};

use super::call::{addresses, call, changed, containers, network, of_network};
use crate::sandbox::{ok, pings, sh, try_sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::dual stack where IPv6 is switched off", ipv6_off),
        test("cni::ranges begin and end", part),
        test("cni::the second range when the first is full", second),
        test("cni::an address of each set", sets),
        test("cni::ranges of the runtime come first", of_runtime),
        test("cni::an address or MAC that is asked for", asked),
        test("cni::one that is held is told", held),
        test("cni::no address is left", full),
        test("cni::addresses come again", again),
        test("cni::STATUS of what is in the way", in_the_way),
    ]
}

fn ranges(name: &str, ranges: Value) -> Value {
    network(
        name,
        json!({"ipam": {"type": "host-local", "ranges": ranges}}),
    )
}

/// The addresses that an ADD gives.
#[track_caller]
fn add(conf: &Value, container: &str) -> Vec<String> {
    let said = call("ADD", conf, container).ok();
    let ips = said["ips"].as_array().expect("a list").iter();
    let told: Vec<String> = ips
        .map(|ip| ip["address"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(told, addresses(container, "eth0"));
    told
}

/// An `ADD` could not succeed.
fn in_the_way() {
    let conf = network("lan", json!({}));
    sh("ip link add br-lan type bridge");
    of_network("STATUS", &conf).says(50, &["br-lan"]);
    sh("ip link del br-lan");
    let before = snapshot::host();
    of_network("STATUS", &conf).done();
    assert_eq!(snapshot::host(), before);
    let conf = json!({"cniVersion": "1.1.0", "name": "far", "type": "netyard", "kind": "macvlan", "master": "up0",
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.6.0.0/24"}]]}});
    of_network("STATUS", &conf).says(50, &["up0", "master"]);
    sh("ip link add up0 type veth peer name up1");
    of_network("STATUS", &conf).done();
    // What every ADD would refuse.
    for (code, keys, words) in [
        (7, json!({"mode": "brigde"}), ["brigde", "passthru"]),
        (50, json!({"mtu": 9000}), ["up0", "1500"]),
        (7, json!({"kind": "vlan", "vlanId": 5000}), ["5000", "VLAN"]),
    ] {
        let conf = changed(&conf, keys);
        of_network("STATUS", &conf).says(code, &words);
        containers(&["c1"]);
        assert_ne!(call("ADD", &conf, "c1").run().code, Some(0));
        sh("ip netns del c1");
    }
    // A kind that this kernel may lack.
    let known = try_sh("ip link add i0 link up0 type ipvlan && ip link del i0").code == Some(0);
    let conf = changed(&conf, json!({"kind": "ipvlan", "mode": "l2"}));
    match known {
        true => of_network("STATUS", &conf).done(),
        false => of_network("STATUS", &conf).says(50, &["ipvlan"]),
    }
}

fn part() {
    containers(&["c1", "c2", "c3"]);
    let conf = ranges(
        "lan",
        json!([[{"subnet": "10.5.0.0/24", "rangeStart": "10.5.0.100",
        "rangeEnd": "10.5.0.101", "gateway": "10.5.0.254"}]]),
    );
    assert_eq!(add(&conf, "c1"), ["10.5.0.100/24"]);
    assert_eq!(add(&conf, "c2"), ["10.5.0.101/24"]);
    call("ADD", &conf, "c3").says(100, &["10.5.0"]);
    assert_eq!(addresses("host", "br-lan"), ["10.5.0.254/24"]);
    assert!(pings("c1", "10.5.0.254") && pings("c1", "10.5.0.101"));
    // Only one end is said.
    let conf = ranges(
        "two",
        json!([[{"subnet": "10.6.0.0/24", "rangeEnd": "10.6.0.2"}]]),
    );
    assert_eq!(
        add(&changed(&conf, json!({"isDefaultGateway": true})), "c3"),
        ["10.6.0.2/24"]
    );
}

fn second() {
    containers(&["c1", "c2", "c3", "c4", "c5"]);
    let before = snapshot::host();
    // Three of a subnet, then those of another; one of them is in between.
    let conf = ranges(
        "lan",
        json!([[
            {"subnet": "10.5.0.0/24", "rangeStart": "10.5.0.10", "rangeEnd": "10.5.0.10"},
            {"subnet": "10.5.0.0/24", "rangeStart": "10.5.0.20", "rangeEnd": "10.5.0.20"},
            {"subnet": "10.6.0.0/24", "rangeStart": "10.6.0.10", "rangeEnd": "10.6.0.11"}
        ]]),
    );
    assert_eq!(add(&conf, "c1"), ["10.5.0.10/24"]);
    assert_eq!(add(&conf, "c2"), ["10.5.0.20/24"]);
    let third = call("ADD", &conf, "c3").ok();
    assert_eq!(
        third["ips"][0],
        json!({"address": "10.6.0.10/24", "gateway": "10.6.0.1", "interface": 2})
    );
    assert_eq!(
        third["routes"],
        json!([{"dst": "0.0.0.0/0", "gw": "10.6.0.1"}])
    );
    assert!(pings("c3", "10.6.0.1") && pings("c3", "10.5.0.10"));
    assert_eq!(add(&conf, "c4"), ["10.6.0.11/24"]);
    let full = call("ADD", &conf, "c5");
    full.says(100, &["10.6.0"]);
    call("DEL", &conf, "c2").done();
    assert_eq!(add(&conf, "c5"), ["10.5.0.20/24"]);
    for name in ["c1", "c3", "c4", "c5"] {
        call("DEL", &conf, name).done();
    }
    super::nothing_left(&before, &[&conf]);
}

fn sets() {
    containers(&["c1", "c2", "c3"]);
    let conf = ranges(
        "lan",
        json!([
            [{"subnet": "10.5.0.0/24"}],
            [{"subnet": "10.6.0.0/24", "rangeStart": "10.6.0.50", "rangeEnd": "10.6.0.50"},
             {"subnet": "10.7.0.0/24"}],
            [{"subnet": "fd05::/64"}]
        ]),
    );
    assert_eq!(
        add(&conf, "c1"),
        ["10.5.0.2/24", "10.6.0.50/24", "fd05::2/64"]
    );
    let second = add(&conf, "c2");
    assert_eq!(second, ["10.5.0.3/24", "10.7.0.2/24", "fd05::3/64"]);
    for to in ["10.5.0.1", "10.6.0.1", "10.7.0.2", "fd05::3"] {
        assert!(pings("c1", to), "{to}");
    }
}

fn of_runtime() {
    containers(&["c1", "c2"]);
    let conf = ranges("lan", json!([[{"subnet": "10.5.0.0/24"}]]));
    let asked = json!({"runtimeConfig": {"ipRanges": [[{"subnet": "10.9.0.0/24"}]]}});
    assert_eq!(
        add(&changed(&conf, asked), "c1"),
        ["10.9.0.2/24", "10.5.0.2/24"]
    );
    // A network may have no others.
    let alone = network(
        "two",
        json!({"ipam": {"type": "host-local"},
        "runtimeConfig": {"ipRanges": [[{"subnet": "10.8.0.0/24"}], [{"subnet": "fd08::/64"}]]}}),
    );
    assert_eq!(add(&alone, "c2"), ["10.8.0.2/24", "fd08::2/64"]);
}

fn asked() {
    containers(&["c1", "c2", "c3", "c4", "c5"]);
    let conf = ranges(
        "lan",
        json!([[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]]),
    );
    let mac = |said: &Value| said["interfaces"][2]["mac"].clone();
    let with = |keys: Value| changed(&conf, keys);
    let runtime = with(
        json!({"runtimeConfig": {"mac": "02:00:00:00:00:07", "ips": ["10.5.0.70/24", "fd05::70"]},
        "args": {"cni": {"mac": "02:00:00:00:00:08", "ips": ["10.5.0.80"]}}}),
    );
    let by_args =
        with(json!({"args": {"cni": {"mac": "02:00:00:00:00:08", "ips": ["10.5.0.80"]}}}));
    let variables = "IgnoreUnknown=1;IP=10.5.0.90;MAC=02:00:00:00:00:09;K8S_POD_NAME=web";
    let one = call("ADD", &runtime, "c1").with("CNI_ARGS", variables).ok();
    assert_eq!(mac(&one), "02:00:00:00:00:07");
    assert_eq!(addresses("c1", "eth0"), ["10.5.0.70/24", "fd05::70/64"]);
    let two = call("ADD", &by_args, "c2").with("CNI_ARGS", variables).ok();
    assert_eq!(mac(&two), "02:00:00:00:00:08");
    assert_eq!(addresses("c2", "eth0"), ["10.5.0.80/24", "fd05::2/64"]);
    let three = call("ADD", &conf, "c3").with("CNI_ARGS", variables).ok();
    assert_eq!(mac(&three), "02:00:00:00:00:09");
    assert_eq!(addresses("c3", "eth0"), ["10.5.0.90/24", "fd05::3/64"]);
    for (name, mac) in [("c1", "07"), ("c2", "08"), ("c3", "09")] {
        let shown = super::call::ip(&format!("-n {name} link show dev eth0"));
        assert_eq!(shown[0]["address"], format!("02:00:00:00:00:{mac}"));
        assert!(pings(name, "10.5.0.1"), "{name}");
    }
}

fn held() {
    containers(&["c1", "c2"]);
    let conf = network("lan", json!({}));
    let asking = |ip: &str| changed(&conf, json!({"runtimeConfig": {"ips": [ip]}}));
    assert_eq!(add(&asking("10.5.0.9"), "c1"), ["10.5.0.9/24"]);
    let before = snapshot::host();
    call("ADD", &asking("10.5.0.9"), "c2").says(100, &["10.5.0.9"]);
    // That of the gateway, of the network, of all.
    for taken in ["10.5.0.1", "10.5.0.0", "10.5.0.255"] {
        let answer = call("ADD", &asking(taken), "c2").run();
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.out.contains(taken), "{answer:?}");
    }
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
    call("DEL", &conf, "c1").done();
    assert_eq!(add(&asking("10.5.0.9"), "c2"), ["10.5.0.9/24"]);
}

fn full() {
    containers(&["c1", "c2", "c3"]);
    let conf = ranges("lan", json!([[{"subnet": "10.5.0.0/30"}]]));
    assert_eq!(add(&conf, "c1"), ["10.5.0.2/30"]);
    let before = snapshot::host();
    let said = call("ADD", &conf, "c2").fails(100);
    assert!(
        said.contains("10.5.0.0/30") && said.contains("lan"),
        "{said}"
    );
    snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
    of_network("STATUS", &conf).says(50, &["10.5.0.0/30"]);
    call("DEL", &conf, "c1").done();
    of_network("STATUS", &conf).done();
    assert_eq!(add(&conf, "c2"), ["10.5.0.2/30"]);
    // One that goes without DEL has its address until the kernel has cleared up.
    let open = std::fs::File::open("/run/netns/c2").expect("a namespace");
    sh("ip netns del c2");
    call("ADD", &conf, "c3").says(11, &["10.5.0.0/30", "c2", "gone"]);
    of_network("STATUS", &conf).says(50, &["10.5.0.0/30"]);
    drop(open);
    until("STATUS counts what ADD would take back", || {
        of_network("STATUS", &conf).run().code == Some(0)
    });
    assert_eq!(add(&conf, "c3"), ["10.5.0.2/30"]);
}

/// The one that was free for longest, as host-local has it.
fn again() {
    containers(&["c1", "c2", "c3"]);
    let conf = network("lan", json!({}));
    assert_eq!(add(&conf, "c1"), ["10.5.0.2/24"]);
    call("DEL", &conf, "c1").done();
    let next = add(&conf, "c2");
    call("DEL", &conf, "c2").done();
    assert_eq!(add(&conf, "c3").len(), 1);
    println!("after 10.5.0.2 was given back: {next:?}");
}

/// As engines do in containers that have no address of it.
fn ipv6_off() {
    containers(&["c1"]);
    let off = |dev: &str| format!("net.ipv6.conf.{dev}.disable_ipv6");
    let settings = || {
        let all = [off("all"), off("default"), off("lo")].join(" ");
        sh(&format!("ip netns exec c1 sysctl -n {all}"))
    };
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]]});
    let conf = network("lan", json!({"ipam": ipam}));
    for which in [vec![off("all"), off("default")], vec![off("default")]] {
        let set: Vec<String> = which.iter().map(|key| format!("{key}=1")).collect();
        sh(&format!("ip netns exec c1 sysctl -qw {}", set.join(" ")));
        let (before, host) = (settings(), snapshot::host());
        call("ADD", &conf, "c1").ok();
        assert_eq!(addresses("c1", "eth0"), ["10.5.0.2/24", "fd05::2/64"]);
        assert!(pings("c1", "fd05::1") && pings("c1", "10.5.0.1"));
        assert_eq!(before, settings());
        call("CHECK", &conf, "c1").done();
        // By somebody's hand it takes the addresses along.
        sh(&format!("ip netns exec c1 sysctl -qw {}=1", off("eth0")));
        call("CHECK", &conf, "c1").fails(101);
        ok(&["repair", "c1-eth0-9c060919540944ab"]);
        call("CHECK", &conf, "c1").done();
        call("DEL", &conf, "c1").done();
        assert_eq!(before, settings());
        super::nothing_left(&host, &[&conf]);
        sh(&format!(
            "ip netns exec c1 sysctl -qw {}=0 {}=0",
            off("all"),
            off("default")
        ));
    }
}
