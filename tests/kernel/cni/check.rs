//! CHECK tells of what is missing, by name, and of nothing that others may change.

use serde_json::{Value, json};

use super::call::{call, changed, containers, network};
use crate::sandbox::{ok, pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::CHECK tells what is missing", missing),
        test("cni::CHECK of rules and settings", rules),
        test("cni::CHECK after a change of tuning", tuned),
        test("cni::CHECK right after ADD", at_once),
        test("cni::CHECK of what was never there", never),
        test("cni::CHECK against another result", other_result),
        test("cni::CHECK of what the runtime asks for", as_asked),
        test("cni::what CHECK tells, repair mends", repaired),
    ]
}

const DAMAGE: [(&str, &[&str]); 13] = [
    (
        "ip -n c1 address del 10.5.0.2/24 dev eth0",
        &["10.5.0.2/24", "eth0", "/run/netns/c1"],
    ),
    (
        "ip -n c1 -6 address del fd05::2/64 dev eth0",
        &["fd05::2/64", "eth0"],
    ),
    (
        "ip -n c1 route del default",
        &["default via 10.5.0.1", "/run/netns/c1"],
    ),
    ("ip -n c1 -6 route del default", &["default via fd05::1"]),
    ("ip -n c1 route del 198.51.100.0/24", &["198.51.100.0/24"]),
    ("ip -n c1 link set eth0 down", &["eth0"]),
    ("ip -n c1 link del eth0", &["eth0"]),
    ("ip link set PORT down", &["PORT"]),
    ("ip link set PORT nomaster", &["PORT", "br-lan"]),
    (
        "ip address del 10.5.0.1/24 dev br-lan",
        &["10.5.0.1/24", "br-lan"],
    ),
    ("ip link set br-lan down", &["br-lan"]),
    ("ip link del br-lan", &["br-lan"]),
    ("nft delete table inet netyard", &["netyard"]),
];

fn everything() -> Value {
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]],
        "routes": [{"dst": "198.51.100.0/24"}]});
    let ports =
        json!({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]});
    network(
        "lan",
        json!({"ipam": ipam, "runtimeConfig": ports, "macspoofchk": true}),
    )
}

/// ADD; the call of CHECK with its result, and the name of the port.
fn attached(conf: &Value) -> (super::call::Call, String) {
    let said = call("ADD", conf, "c1").ok();
    let port = said["interfaces"][1]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    let check = call("CHECK", &changed(conf, json!({"prevResult": said})), "c1");
    check.done();
    (check, port)
}

fn missing() {
    containers(&["c1"]);
    let before = snapshot::host();
    let conf = everything();
    for (damage, words) in DAMAGE {
        let (check, port) = attached(&conf);
        let named = |text: &str| text.replace("PORT", &port);
        sh(&named(damage));
        let said = check.fails(101);
        for word in words {
            assert!(
                said.contains(&named(word)),
                "{damage}: no `{}` in: {said}",
                named(word)
            );
        }
        println!("{damage}: {}", said.lines().next().unwrap_or_default());
        call("DEL", &conf, "c1").done();
        super::nothing_left(&before, &[&conf]);
    }
}

/// Each part of the rules and of the ports.
fn rules() {
    containers(&["c1"]);
    let conf = everything();
    for damage in [
        "nft delete element inet netyard ports4 '{ tcp . 8080 }'",
        "nft delete element inet netyard masquerade4 '{ 10.5.0.0/24 }'",
        "nft flush chain inet netyard postrouting",
        "sysctl -qw net.ipv4.ip_forward=0",
    ] {
        let (check, _) = attached(&conf);
        sh(damage);
        check.fails(101);
        call("DEL", &conf, "c1").done();
        super::collect(&conf);
    }
}

fn tuned() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    let (check, port) = attached(&conf);
    for change in [
        "ip -n c1 link set eth0 address 02:00:00:00:00:99",
        "ip -n c1 link set eth0 mtu 1300",
        "ip -n c1 link set eth0 promisc on",
        "ip -n c1 link set eth0 allmulticast on",
        "ip -n c1 link set eth0 txqueuelen 77",
        "ip netns exec c1 sysctl -qw net.ipv4.conf.eth0.arp_filter=1 net.ipv4.ip_forward=1",
        "ip -n c1 address add 172.31.0.9/24 dev eth0",
        "ip -n c1 route add 192.0.2.0/24 via 10.5.0.9",
        "ip -n c1 link add eth1 type bridge",
        "ip netns exec c1 nft add table inet theirs",
        "nft add table inet portmap",
        &format!("tc qdisc add dev {port} root tbf rate 1mbit burst 10kb latency 50ms"),
        &format!("ip link set {port} mtu 1300"),
    ] {
        sh(change);
        let answer = check.run();
        assert_eq!(answer.code, Some(0), "{change}\n{answer:?}");
    }
    call("DEL", &conf, "c1").done();
}

fn at_once() {
    let conf = everything();
    for _ in 0..20 {
        containers(&["c1"]);
        attached(&conf);
        call("DEL", &conf, "c1").done();
        sh("ip netns del c1");
    }
}

fn never() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    call("CHECK", &conf, "c1").says(101, &["eth0", "c1", "lan"]);
    call("ADD", &conf, "c1").ok();
    call("CHECK", &conf, "c2").says(101, &["eth0", "c2", "lan"]);
    call("CHECK", &conf, "c1")
        .with("CNI_IFNAME", "eth1")
        .says(101, &["eth1", "c1"]);
    call("DEL", &conf, "c1").done();
    call("CHECK", &conf, "c1").says(101, &["eth0", "c1", "lan"]);
}

/// What the runtime holds for true is compared with what there is.
fn other_result() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    let said = call("ADD", &conf, "c1").ok();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut said = said.clone();
        change(&mut said);
        call("CHECK", &changed(&conf, json!({"prevResult": said})), "c1")
    };
    with(&|_| ()).done();
    with(&|said| said["ips"][0]["address"] = json!("10.5.0.77/24"))
        .says(101, &["10.5.0.77/24", "eth0"]);
    with(&|said| said["interfaces"][2]["name"] = json!("eth7"))
        .says(101, &["eth0", "/run/netns/c1"]);
    with(&|said| said["interfaces"] = json!([])).says(101, &["eth0"]);
    with(&|said| said["interfaces"][0]["name"] = json!("gone9")).says(101, &["br-lan"]);
    let port = said["interfaces"][1]["name"].as_str().expect("a name");
    with(&|said| said["interfaces"][1]["name"] = json!("gone9")).says(101, &[port]);
    with(&|said| said["ips"] = json!([])).says(101, &["10.5.0.2/24", "eth0"]);
    with(&|said| said["ips"][0]["interface"] = json!(0)).says(101, &["10.5.0.2/24", "eth0"]);
    with(&|said| said["ips"][0]["gateway"] = json!("10.5.0.9"))
        .says(101, &["10.5.0.2/24", "10.5.0.1", "10.5.0.9"]);
    with(&|said| said["routes"][0]["gw"] = json!("10.5.0.9"))
        .says(101, &["0.0.0.0/0 via 10.5.0.9"]);
    with(&|said| said["routes"] = json!([{"dst": "198.51.100.0/24"}]))
        .says(101, &["198.51.100.0/24"]);
    let none = changed(&conf, json!({})).to_string();
    let none = none.replacen('{', "{\"prevResult\":null,", 1);
    call("CHECK", &conf, "c1")
        .input(&none)
        .says(7, &["prevResult"]);
    // Of another interface, which came later.
    with(&|said| {
        let more = json!({"name": "eth1", "sandbox": "/run/netns/c1"});
        said["interfaces"]
            .as_array_mut()
            .expect("a list")
            .push(more);
        let ip = json!({"address": "10.9.0.2/24", "interface": 3});
        said["ips"].as_array_mut().expect("a list").push(ip);
    })
    .done();
    call("DEL", &conf, "c1").done();
}

fn repaired() {
    containers(&["c1"]);
    let conf = everything();
    let (check, port) = attached(&conf);
    for (damage, _) in DAMAGE {
        sh(&damage.replace("PORT", &port));
        check.fails(101);
        // The network's first, on which the other stands.
        for lab in ["cni-lan", "c1-eth0-9c060919540944ab"] {
            ok(&["repair", lab]);
        }
        let answer = check.run();
        assert_eq!(answer.code, Some(0), "{damage}\n{answer:?}");
    }
    assert!(pings("c1", "10.5.0.1"));
    assert!(
        super::ports::serve("c1", "tcp", 80)
            .seen("host", "10.5.0.1", 8080)
            .is_some()
    );
}

/// What it asks ADD for, it asks CHECK for.
fn as_asked() {
    containers(&["c1", "c2"]);
    let port = |host: u16| json!({"hostPort": host, "containerPort": 80, "protocol": "tcp"});
    let limits = |rate: u64| json!({"ingressRate": rate, "ingressBurst": 800_000});
    let asked = |keys: Value| network("lan", json!({"runtimeConfig": keys}));
    let check = |keys: Value| call("CHECK", &asked(keys), "c1");
    let made =
        json!({"portMappings": [port(8080)], "bandwidth": limits(8_000_000), "ips": ["10.5.0.9"]});
    call("ADD", &asked(made.clone()), "c1").ok();
    for same in [
        made,
        json!({}),
        Value::Null,
        json!({"bandwidth": limits(8_000_000)}),
    ] {
        check(same).done();
    }
    for (keys, words) in [
        (
            json!({"portMappings": [port(8080), port(8081)]}),
            ["tcp 8081 -> 80", "tcp 8080 -> 80"],
        ),
        (
            json!({"bandwidth": limits(16_000_000)}),
            ["bandwidth", "8000000"],
        ),
        (json!({"ips": ["10.5.0.8"]}), ["10.5.0.8", "10.5.0.9"]),
    ] {
        check(keys).says(101, &words);
    }
    let plain = network("lan", json!({}));
    call("ADD", &plain, "c2").ok();
    let said = call("CHECK", &asked(json!({"portMappings": [port(8080)]})), "c2").fails(101);
    assert!(
        said.contains("tcp 8080 -> 80") && said.contains("none"),
        "{said}"
    );
    let said = call(
        "CHECK",
        &asked(json!({"bandwidth": limits(8_000_000)})),
        "c2",
    )
    .fails(101);
    assert!(
        said.contains("bandwidth") && said.contains("none"),
        "{said}"
    );
}
