//! What is in the way is told in words of a network's configuration: its reader has no file of
//! a lab.

use serde_json::{Value, json};

use super::call::{call, changed, containers, network, of_network};
use crate::sandbox::sh;
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::a bridge or a subnet of another network", taken),
        test("cni::a port of another container", port),
        test("cni::a second interface on one network", second),
        test("cni::a key that has to wait for the last container", waits),
        test("cni::what a device of the host cannot carry", carried),
        test("cni::lo is of the kind loopback", lo),
    ]
}

/// Which it fails with, without a word of files, of nft, or of a lab to take down.
#[track_caller]
fn says(conf: &Value, container: &str, code: u32, words: &[&str]) {
    let call = call("ADD", conf, container);
    call.says(code, words);
    let said = call.fails(code);
    for word in [
        "file",
        "nft",
        " set ",
        "netyard down",
        "`parent`",
        "0-65535",
    ] {
        assert!(!said.contains(word), "`{word}` in: {said}");
    }
}

fn taken() {
    containers(&["c1", "c2"]);
    let lan = network("lan", json!({"ipMasq": true}));
    call("ADD", &lan, "c1").ok();
    let before = snapshot::host();
    let ipam = json!({"type": "host-local", "subnet": "10.6.0.0/24"});
    let bridge = changed(&lan, json!({"name": "other", "ipam": ipam}));
    says(
        &bridge,
        "c2",
        100,
        &["device br-lan", "cni-lan", "`bridge`"],
    );
    let said = call("ADD", &bridge, "c2").fails(100);
    assert!(!said.contains("things"), "{said}");
    let subnet = changed(&lan, json!({"name": "other", "bridge": "br-other"}));
    says(
        &subnet,
        "c2",
        100,
        &["10.5.0.1/24", "cni-lan", "subnet of its own"],
    );
    let said = call("ADD", &subnet, "c2").fails(100);
    assert_eq!(said.matches("subnet of its own").count(), 1, "{said}");
    of_network("STATUS", &subnet).says(50, &["10.5.0.1/24", "subnet of its own"]);
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
}

fn port() {
    containers(&["c1", "c2"]);
    let mapped =
        json!({"runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80}]}});
    let conf = network("lan", mapped);
    call("ADD", &conf, "c1").ok();
    says(
        &conf,
        "c2",
        100,
        &["tcp 8080 of the host", "c1-eth0-", "`hostPort`"],
    );
}

fn second() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let before = snapshot::host();
    let again = call("ADD", &conf, "c1").with("CNI_IFNAME", "eth1");
    again.says(
        100,
        &[
            "of device eth0",
            "it belongs to lab c1-eth0-",
            "on each network once",
        ],
    );
    snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
}

fn waits() {
    containers(&["c1", "c2"]);
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").ok();
    let before = snapshot::host();
    let bridge = changed(&conf, json!({"bridge": "br-new"}));
    let ptp = json!({"kind": "ptp", "bridge": null, "isGateway": null, "isDefaultGateway": null,
        "hairpinMode": null});
    let ptp = changed(&conf, ptp);
    let waiting = "when no container is attached";
    says(&bridge, "c2", 100, &["bridge", "br-lan", "br-new", waiting]);
    says(&ptp, "c2", 100, &["kind", "`bridge`", "`ptp`", waiting]);
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
    call("DEL", &conf, "c1").done();
    call("ADD", &bridge, "c2").ok();
}

fn carried() {
    containers(&["c1"]);
    sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up");
    let keys = json!({"kind": "macvlan", "master": "up0", "bridge": null, "isGateway": null,
        "isDefaultGateway": null});
    let conf = changed(&network("lan", json!({})), keys);
    says(
        &changed(&conf, json!({"master": "up9"})),
        "c1",
        100,
        &["up9", "`master`"],
    );
    let ports = json!({"portMappings": [{"hostPort": 80, "containerPort": 80}]});
    let ports = changed(&conf, json!({"runtimeConfig": ports}));
    says(
        &ports,
        "c1",
        7,
        &["runtimeConfig.portMappings", "bridge or ptp"],
    );
}

fn lo() {
    containers(&["c1"]);
    let conf = network("lan", json!({}));
    let lo = call("ADD", &conf, "c1").with("CNI_IFNAME", "lo");
    lo.says(4, &["CNI_IFNAME", "lo", "loopback"]);
}
