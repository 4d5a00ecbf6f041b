//! Containers on devices of kinds that not every kernel has.

use serde_json::{Value, json};

use crate::cni::call::{addresses, call, containers};
use crate::cni::nothing_left;
use crate::kinds::{cable, parent};
use crate::sandbox::{pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni_kinds::ipvlan of mode l2", || ipvlan("l2")),
        test("cni_kinds::ipvlan of mode l3", || ipvlan("l3")),
        test("cni_kinds::VLANs over a cable", vlan),
    ]
}

fn on(kind: &str, name: &str, keys: Value) -> Value {
    let mut conf = json!({"cniVersion": "1.1.0", "name": name, "type": "netyard", "kind": kind});
    let all = conf.as_object_mut().expect("an object");
    all.extend(keys.as_object().expect("an object").clone());
    conf
}

fn ipvlan(mode: &str) {
    parent();
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let conf = on(
        "ipvlan",
        "ip",
        json!({"master": "eth1", "mode": mode,
        "ipam": {"type": "host-local", "subnet": "10.5.0.0/24"}}),
    );
    for (name, address) in [("c1", "10.5.0.2/24"), ("c2", "10.5.0.3/24")] {
        let said = call("ADD", &conf, name).ok();
        assert_eq!(said["ips"][0]["address"], address, "{said}");
        assert_eq!(addresses(name, "eth0"), [address]);
        let link = sh(&format!("ip -n {name} -d link show dev eth0"));
        assert!(link.contains(&format!("mode {mode} bridge")), "{link}");
    }
    assert!(pings("c1", "10.5.0.3") && pings("c2", "10.5.0.2"));
    ends(&[(&conf, "c1"), (&conf, "c2")]);
    nothing_left(&before, &[&conf]);
}

fn vlan() {
    cable();
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let end = |name: &str, master: &str, address: &str| {
        on(
            "vlan",
            name,
            json!({"master": master, "vlanId": 7,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24", "rangeStart": address}]]}}),
        )
    };
    let one = end("one", "eth1", "10.5.0.2");
    let two = end("two", "eth2", "10.5.0.3");
    for (conf, name) in [(&one, "c1"), (&two, "c2")] {
        call("ADD", conf, name).ok();
        let link = sh(&format!("ip -n {name} -d link show dev eth0"));
        assert!(link.contains("vlan protocol 802.1Q id 7 "), "{link}");
    }
    assert!(pings("c1", "10.5.0.3") && pings("c2", "10.5.0.2"));
    ends(&[(&one, "c1"), (&two, "c2")]);
    nothing_left(&before, &[&one, &two]);
}

/// CHECK, and after something was taken away it tells; DEL, twice.
fn ends(all: &[(&Value, &str)]) {
    for (conf, name) in all {
        call("CHECK", conf, name).done();
    }
    let (conf, name) = all[0];
    sh(&format!("ip -n {name} address flush dev eth0"));
    call("CHECK", conf, name).says(101, &["eth0"]);
    for (conf, name) in all {
        call("DEL", conf, name).done();
        call("DEL", conf, name).done();
        assert!(!sh(&format!("ip -n {name} link")).contains("eth0"));
    }
}
