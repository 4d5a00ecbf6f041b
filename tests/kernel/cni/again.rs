//! More than one call for a container, and what stands in the way.

use serde_json::{Value, json};

use super::call::{addresses, call, changed, containers, network};
use crate::join::inside;
use crate::sandbox::{file, ok, pings, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::a second ADD is an error", twice),
        test("cni::a foreign interface of that name", foreign),
        test("cni::two networks of a container", two_networks),
        test(
            "cni::a second interface on one network is refused",
            two_interfaces,
        ),
        test("cni::one mapping on two networks", one_mapping),
        test("cni::what one that is gone had is given back", gone),
        test("cni::a foreign bridge of that name", foreign_bridge),
        test("cni::a lab of that name", lab),
        test("cni::subnets of others", others_subnet),
        test("cni::two networks on one bridge", one_bridge),
    ]
}

fn twice() {
    containers(&["c1"]);
    let conf = network(
        "lan",
        json!({"runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80}]}}),
    );
    call("ADD", &conf, "c1").ok();
    let (before, within) = (snapshot::host(), inside("/run/netns/c1"));
    for _ in 0..2 {
        call("ADD", &conf, "c1").says(100, &["eth0", "/run/netns/c1"]);
    }
    // With other wishes, too.
    for keys in [
        json!({"macspoofchk": true}),
        json!({"runtimeConfig": {"ips": ["10.5.0.77"]}}),
        json!({"runtimeConfig": {"portMappings": [{"hostPort": 9090, "containerPort": 90}]}}),
    ] {
        call("ADD", &changed(&conf, keys), "c1").says(100, &["eth0"]);
    }
    snapshot::assert_same(&before, &snapshot::host(), "after the second ADD");
    assert_eq!(within, inside("/run/netns/c1"));
    assert!(pings("c1", "10.5.0.1"));
    call("CHECK", &conf, "c1").done();
}

fn foreign() {
    containers(&["c1"]);
    sh(
        "ip -n c1 link add eth0 type veth peer name up0; ip -n c1 address add 172.17.0.2/16 dev eth0; ip -n c1 link set eth0 up",
    );
    let (before, within) = (snapshot::host(), inside("/run/netns/c1"));
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").says(100, &["eth0", "/run/netns/c1"]);
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
    assert_eq!(within, inside("/run/netns/c1"));
}

fn two_networks() {
    containers(&["c1"]);
    let before = snapshot::host();
    let within = inside("/run/netns/c1");
    let one = network("one", json!({}));
    let range = json!({"type": "host-local", "ranges": [[{"subnet": "10.6.0.0/24"}]]});
    let two = network(
        "two",
        json!({"ipam": range, "isDefaultGateway": false, "isGateway": true}),
    );
    let second = |verb: &str| call(verb, &two, "c1").with("CNI_IFNAME", "net1");
    call("ADD", &one, "c1").ok();
    let said = second("ADD").ok();
    assert_eq!(said["routes"], json!([]));
    assert_eq!(addresses("c1", "net1"), ["10.6.0.2/24"]);
    assert!(sh("ip -n c1 route show default").starts_with("default via 10.5.0.1 dev eth0"));
    assert!(pings("c1", "10.5.0.1") && pings("c1", "10.6.0.1"));
    call("CHECK", &one, "c1").done();
    second("CHECK").done();
    call("DEL", &one, "c1").done();
    assert!(pings("c1", "10.6.0.1"));
    second("CHECK").done();
    second("DEL").done();
    super::nothing_left(&before, &[&one, &two]);
    assert_eq!(within, inside("/run/netns/c1"));
}

/// The kernel would take the one of two equal routes that was there first for both.
fn two_interfaces() {
    containers(&["c1"]);
    let conf = network("lan", json!({"isDefaultGateway": false, "isGateway": true}));
    let second = |verb: &str, conf: &Value| call(verb, conf, "c1").with("CNI_IFNAME", "eth1");
    call("ADD", &conf, "c1").ok();
    let (before, within) = (snapshot::host(), inside("/run/netns/c1"));
    second("ADD", &conf).says(100, &["10.5.0.2/24", "eth0", "eth1", "/run/netns/c1"]);
    second("DEL", &conf).done();
    snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
    assert_eq!(within, inside("/run/netns/c1"));
    call("CHECK", &conf, "c1").done();
}

/// Podman asks both networks of a container for its ports.
fn one_mapping() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let ports =
        json!({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]});
    let one = network("one", json!({"runtimeConfig": ports}));
    let range = json!({"type": "host-local", "ranges": [[{"subnet": "10.6.0.0/24"}]]});
    let two = network("two", json!({"ipam": range, "runtimeConfig": ports}));
    let second = |verb: &str| call(verb, &two, "c1").with("CNI_IFNAME", "eth1");
    call("ADD", &one, "c1").ok();
    second("ADD").ok();
    let reach = || {
        let server = super::ports::serve("c1", "tcp", 80);
        server.seen("host", "127.0.0.1", 8080).is_some()
    };
    assert!(reach());
    // Another container gets it on neither.
    call("ADD", &one, "c2").says(100, &["8080"]);
    second("CHECK").done();
    call("DEL", &one, "c1").done();
    // With the attachment that had it the mapping went.
    assert!(!reach());
    second("CHECK").says(101, &["tcp 8080 -> 80", "eth1"]);
    second("DEL").done();
    call("ADD", &one, "c2").ok();
    call("DEL", &one, "c2").done();
    super::nothing_left(&before, &[&one, &two]);
}

/// By containers that went without a DEL, whether from this network or from another.
fn gone() {
    containers(&["c1", "c2", "c3"]);
    let port = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]);
    let one = network("one", json!({"runtimeConfig": {"portMappings": port}}));
    call("ADD", &one, "c1").ok();
    call("ADD", &one, "c2").says(100, &["8080", "c1-eth0"]);
    let freed = |conf: &Value, name: &str| {
        until("its devices are gone", || {
            call("ADD", conf, name).run().code == Some(0)
        });
    };
    sh("ip netns del c1");
    freed(&one, "c2");
    sh("ip netns del c2");
    let range = json!({"type": "host-local", "ranges": [[{"subnet": "10.6.0.0/24"}]]});
    let two = network(
        "two",
        json!({"ipam": range, "runtimeConfig": {"portMappings": port}}),
    );
    freed(&two, "c3");
    let listed = ok(&["list"]);
    assert!(
        !listed.contains("c1-eth0") && !listed.contains("c2-eth0"),
        "{listed}"
    );
    call("DEL", &two, "c3").done();
    // Nor has one that is gone its address.
    let two = network(
        "two",
        json!({"ipam": range, "runtimeConfig": {"ips": ["10.6.0.9"]}}),
    );
    call("ADD", &two, "c3").ok();
    containers(&["c4"]);
    call("ADD", &two, "c4").says(100, &["10.6.0.9", "c3-eth0"]);
    sh("ip netns del c3");
    freed(&two, "c4");
}

fn foreign_bridge() {
    containers(&["c1"]);
    sh(
        "ip link add br-lan type bridge; ip address add 172.30.0.1/24 dev br-lan; ip link set br-lan up",
    );
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").says(100, &["br-lan", "exists already"]);
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
}

fn lab() {
    containers(&["c1"]);
    ok(&[
        "up",
        &file(
            "mine.yaml",
            "lab: cni-lan\nnetworks: { lan: { bridge: br-lan, subnets: [10.5.0.0/24] } }\n",
        ),
    ]);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").says(100, &["cni-lan", "netyard down cni-lan"]);
    call("DEL", &conf, "c1").done();
    let mut all = conf.clone();
    all["cni.dev/valid-attachments"] = json!([]);
    super::of_network("GC", &all).run();
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
    assert!(ok(&["status", "cni-lan"]).contains("cni-lan"));
    ok(&["down", "cni-lan"]);
    call("ADD", &conf, "c1").ok();
}

fn others_subnet() {
    containers(&["c1"]);
    sh("ip link add up0 type bridge; ip address add 10.5.0.9/16 dev up0; ip link set up0 up");
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    call("ADD", &conf, "c1").says(100, &["10.5.0.1/24", "br-lan", "10.5.0.9/16", "up0"]);
    snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
}

fn one_bridge() {
    containers(&["c1", "c2"]);
    let conf: Value = network("one", json!({"bridge": "cni0"}));
    let range = json!({"type": "host-local", "ranges": [[{"subnet": "10.6.0.0/24"}]]});
    let other = network("two", json!({"bridge": "cni0", "ipam": range}));
    call("ADD", &conf, "c1").ok();
    let before = snapshot::host();
    call("ADD", &other, "c2").says(100, &["cni0", "cni-one"]);
    snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
}
