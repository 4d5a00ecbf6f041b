//! DEL and GC: whatever is left goes, and nothing else.

use serde_json::{Value, json};

use super::call::{addresses, call, changed, containers, network, of_network};
use crate::sandbox::{ok, pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::DEL of what is not there", nothing_there),
        test("cni::DEL again and again", repeated),
        test("cni::DEL without a namespace", without_netns),
        test("cni::DEL without an interface", without_interface),
        test("cni::DEL by a configuration of another time", later),
        test("cni::DEL leaves the others", others),
        test("cni::DEL beside a foreign table of our name", foreign_table),
        test("cni::GC keeps what is valid", collected),
        test("cni::GC goes on after an error", goes_on),
        test("cni::GC of a network of another name", other_network),
        test("cni::GC asks for its list", no_list),
        test("cni::leases come back", leases),
    ]
}

/// A network with everything, for a container.
fn with_all(name: &str) -> Value {
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]],
        "routes": [{"dst": "198.51.100.0/24"}]});
    let ports = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
        {"hostPort": 8080, "containerPort": 80, "protocol": "udp"}]);
    let keys = json!({"ipam": ipam, "macspoofchk": true, "portIsolation": true, "hairpinMode": true, "mtu": 1400,
        "runtimeConfig": {"portMappings": ports, "mac": "02:00:00:00:00:07"}});
    network(name, keys)
}

fn nothing_there() {
    let before = snapshot::host();
    let conf = with_all("lan");
    call("DEL", &conf, "c1").done();
    call("DEL", &conf, "c1").without("CNI_NETNS").done();
    call("DEL", &conf, "c1").with("CNI_NETNS", "").done();
    snapshot::assert_same(&before, &snapshot::host(), "after DEL");
    super::nothing_left(&before, &[&conf]);
}

fn repeated() {
    containers(&["c1"]);
    let before = snapshot::host();
    let within = crate::join::inside("/run/netns/c1");
    let conf = with_all("lan");
    for _ in 0..2 {
        let said = call("ADD", &conf, "c1").ok();
        let conf = changed(&conf, json!({"prevResult": said}));
        for _ in 0..3 {
            call("DEL", &conf, "c1").done();
        }
        assert_eq!(within, crate::join::inside("/run/netns/c1"));
    }
    super::nothing_left(&before, &[&conf]);
}

fn without_netns() {
    containers(&["c0"]);
    let before = snapshot::host();
    let conf = with_all("lan");
    let without: [fn(&Value) -> super::call::Call; 3] = [
        |conf| call("DEL", conf, "c1"),
        |conf| call("DEL", conf, "c1").without("CNI_NETNS"),
        |conf| call("DEL", conf, "c1").with("CNI_NETNS", "/proc/1073741824/ns/net"),
    ];
    for del in without {
        // With the namespace there, and with it gone.
        for gone in [false, true] {
            containers(&["c1"]);
            call("ADD", &conf, "c1").ok();
            if gone {
                sh("ip netns del c1");
            }
            del(&conf).done();
            if !gone {
                let left = sh("ip -n c1 -br link | grep -v ^lo || true");
                assert_eq!(left, "", "after DEL");
                sh("ip netns del c1");
            }
            // Its address can be had at once.
            call(
                "ADD",
                &changed(&conf, json!({"runtimeConfig": {"ips": ["10.5.0.2"]}})),
                "c0",
            )
            .ok();
            call("DEL", &conf, "c0").done();
        }
    }
    super::nothing_left(&before, &[&conf]);
}

fn without_interface() {
    containers(&["c1"]);
    let before = snapshot::host();
    let conf = with_all("lan");
    for damage in [
        "ip -n c1 link del eth0",
        "ip -n c1 link set eth0 name other",
        "ip link del br-lan",
        "nft flush ruleset",
        "ip -n c1 address flush dev eth0; ip -n c1 route flush table main",
        "ip netns add away; ip -n c1 link set eth0 netns away; ip netns del away",
    ] {
        call("ADD", &conf, "c1").ok();
        sh(damage);
        call("DEL", &conf, "c1").done();
        call("DEL", &conf, "c1").done();
        super::nothing_left(&before, &[&conf]);
    }
    assert_eq!(sh("ip -n c1 -br link | grep -c ."), "1\n");
}

fn later() {
    containers(&["c1"]);
    let before = snapshot::host();
    let conf = with_all("lan");
    for keys in [
        json!({"unheardOf": {"a": [1, 2]}, "vlan": 7}),
        json!({"ipam": {"type": "netyard", "ranges": "none", "x": 1}}),
        json!({"ipam": null, "bridge": null, "type": null}),
        json!({"cniVersion": "9.9.9"}),
        json!({"cniVersion": null}),
        json!({"runtimeConfig": {"portMappings": "?"}, "mtu": "large"}),
        json!({"bridge": "br-other", "ipam": {"type": "host-local", "subnet": "10.77.0.0/24"}}),
        json!({"prevResult": {"ips": 7}}),
        json!({"ipam": 7}),
    ] {
        call("ADD", &conf, "c1").ok();
        call("DEL", &changed(&conf, keys), "c1").done();
        assert_eq!(sh("ip -n c1 -br link | grep -c ."), "1\n");
    }
    super::nothing_left(&before, &[&conf]);
}

fn others() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let one = snapshot::host();
    let asked = json!({"macspoofchk": true, "runtimeConfig": {
        "portMappings": [{"hostPort": 80, "containerPort": 80}]}});
    call("ADD", &changed(&conf, asked), "c2").ok();
    call("DEL", &conf, "c2").done();
    snapshot::assert_same(&one, &snapshot::host(), "after DEL of the other");
    assert!(pings("c1", "10.5.0.1"));
    call("CHECK", &conf, "c1").done();
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
}

/// What others need is not made anew in order to take something away.
fn foreign_table() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = with_all("lan");
    call("ADD", &conf, "c1").ok();
    let c2 = changed(&conf, json!({"runtimeConfig": {}}));
    call("ADD", &c2, "c2").ok();
    call("DEL", &c2, "c2").done();
    sh(
        "nft delete table inet netyard; nft add table inet netyard; nft add chain inet netyard theirs",
    );
    let theirs = sh("nft list table inet netyard");
    call("ADD", &c2, "c2").says(100, &["inet netyard", "exists already"]);
    call("DEL", &conf, "c1").done();
    assert_eq!(sh("ip -n c1 -br link | grep -c ."), "1\n");
    assert!(!ok(&["list"]).contains("c1-eth0"));
    super::collect(&conf);
    assert_eq!(theirs, sh("nft list table inet netyard"));
    sh("nft delete table inet netyard");
    super::nothing_left(&before, &[&conf]);
}

fn valid(conf: &Value, all: &[(&str, &str)]) -> Value {
    let one = |(container, dev): &(&str, &str)| json!({"containerID": container, "ifname": dev});
    let list: Vec<Value> = all.iter().map(one).collect();
    changed(
        conf,
        json!({"cni.dev/valid-attachments": list, "cni.dev/attachments": list}),
    )
}

fn collected() {
    containers(&["c1", "c2", "c3"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    let range = json!({"type": "host-local", "ranges": [[{"subnet": "10.6.0.0/24"}]]});
    let other = network("other", json!({"ipam": range}));
    for name in ["c1", "c2", "c3"] {
        call("ADD", &conf, name).ok();
    }
    call("ADD", &other, "c3").with("CNI_IFNAME", "eth1").ok();
    let all = snapshot::host();
    let valid_ones = [
        ("c1", "eth0"),
        ("c2", "eth0"),
        ("c3", "eth0"),
        ("c9", "eth0"),
    ];
    of_network("GC", &valid(&conf, &valid_ones)).done();
    snapshot::assert_same(&all, &snapshot::host(), "after GC of nothing");
    // Another interface of a container is another attachment.
    of_network("GC", &valid(&conf, &[("c1", "eth0"), ("c2", "eth1")])).done();
    for (name, count) in [("c1", "2\n"), ("c2", "1\n"), ("c3", "2\n")] {
        assert_eq!(
            sh(&format!("ip -n {name} -br link | grep -c .")),
            count,
            "{name}"
        );
    }
    assert_eq!(addresses("c3", "eth1"), ["10.6.0.2/24"]);
    assert!(pings("c1", "10.5.0.1") && pings("c3", "10.6.0.1"));
    call("CHECK", &conf, "c1").done();
    // One whose namespace went without a word.
    sh("ip netns del c1");
    of_network("GC", &valid(&conf, &[])).done();
    assert!(pings("c3", "10.6.0.1"));
    of_network("GC", &valid(&other, &[])).done();
    of_network("GC", &valid(&conf, &[])).done();
    let without_names = |mut host: std::collections::BTreeMap<String, String>| {
        host.retain(|key, _| !key.contains("mountinfo") && !key.contains("netns"));
        host
    };
    let now = without_names(snapshot::host());
    snapshot::assert_same(&without_names(before), &now, "after GC");
    assert_eq!(ok(&["list", "--json"]).trim(), "[]");
}

/// A lab that somebody holds, who gives its lock back in time, or one whose record is damaged
/// by hand.
fn goes_on() {
    containers(&["c1", "c2", "c3"]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    for name in ["c1", "c2", "c3"] {
        call("ADD", &conf, name).ok();
    }
    // Somebody's lab on the network holds it, so that it cannot go; all else does.
    let text = "lab: mine\nnetworks: { lan: { external: cni-lan } }\n\
                namespaces: { pc: { interfaces: { eth0: { network: lan } } } }\n";
    ok(&["up", &crate::sandbox::file("mine.yaml", text)]);
    let said = of_network("GC", &valid(&conf, &[("c3", "eth0")])).run();
    println!(
        "GC with a lab of the user's on the network: {} {}",
        said.code.unwrap_or(-1),
        said.out
    );
    for (name, count) in [("c1", "1\n"), ("c2", "1\n"), ("c3", "2\n")] {
        assert_eq!(
            sh(&format!("ip -n {name} -br link | grep -c .")),
            count,
            "{name}"
        );
    }
    assert!(pings("pc", "10.5.0.1"), "the lab of the user is left");
    call("DEL", &conf, "c3").done();
    of_network("GC", &valid(&conf, &[])).run();
    assert!(pings("pc", "10.5.0.1"), "and its network");
    ok(&["down", "mine"]);
    super::nothing_left(&before, &[&conf]);
}

fn other_network() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let all = snapshot::host();
    for name in ["la", "lan2", "cni-lan", "LAN"] {
        of_network("GC", &valid(&network(name, json!({})), &[])).done();
    }
    snapshot::assert_same(&all, &snapshot::host(), "after GC of others");
    // Nor is DEL of another network's attachment one of this.
    call("DEL", &network("lan2", json!({})), "c1").done();
    call("DEL", &conf, "c2").done();
    call("DEL", &conf, "c1").with("CNI_IFNAME", "eth1").done();
    snapshot::assert_same(&all, &snapshot::host(), "after DEL of others");
}

fn no_list() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let all = snapshot::host();
    of_network("GC", &conf).says(7, &["cni.dev/valid-attachments"]);
    for bad in [json!("all"), json!([7]), json!([{"containerID": "c1"}])] {
        let conf = changed(&conf, json!({"cni.dev/valid-attachments": bad}));
        assert_ne!(of_network("GC", &conf).run().code, Some(0), "{bad}");
    }
    snapshot::assert_same(&all, &snapshot::host(), "after refusals");
}

/// Also those of containers that went without a DEL.
fn leases() {
    let range = json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/28"}]]});
    let conf = network("lan", json!({"ipam": range}));
    for n in 0..20 {
        let name = format!("c{n}");
        containers(&[&name]);
        call("ADD", &conf, &name).ok();
        match n % 2 {
            0 => call("DEL", &conf, &name).done(),
            _ => drop(sh(&format!("ip netns del {name}"))),
        }
    }
    let listed: Value = serde_json::from_str(&ok(&["list", "--json"])).expect("JSON");
    println!(
        "labs after 10 containers that went by themselves: {}",
        listed.as_array().map_or(0, Vec::len)
    );
    of_network("GC", &valid(&conf, &[])).done();
    assert_eq!(ok(&["list", "--json"]).trim(), "[]");
}
