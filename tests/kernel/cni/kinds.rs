//! Other ways to connect a container than a bridge, and limits.

use super::nothing_left;
use serde_json::json;

use super::call::{addresses, call, containers, ip, network};
use super::ports::{neighbour, serve};
use crate::sandbox::{pings, sh, try_sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::loopback", loopback),
        test("cni::ptp", ptp),
        test("cni::macvlan, where the kernel has it", macvlan),
        test("cni::a VLAN, where the kernel tells them apart", vlan),
        test("cni::bandwidth", bandwidth),
        test("cni::the host's namespace where it is meant", overridden),
        test("cni::podman's and containerd's own files", files),
    ]
}

fn loopback() {
    sh("ip netns add c1");
    let (before, within) = (snapshot::host(), crate::join::inside("/run/netns/c1"));
    let conf = json!({"cniVersion": "1.0.0", "name": "cni-loopback", "type": "loopback", "kind": "loopback"});
    let lo = |verb: &str| call(verb, &conf, "c1").with("CNI_IFNAME", "lo");
    let said = lo("ADD").ok();
    assert_eq!(said["interfaces"][0]["name"], "lo");
    assert_eq!(said["interfaces"][0]["sandbox"], "/run/netns/c1");
    assert_eq!(said["ips"][0]["address"], "127.0.0.1/8");
    assert!(pings("c1", "127.0.0.1") && pings("c1", "::1"));
    lo("CHECK").done();
    lo("DEL").done();
    lo("DEL").done();
    snapshot::assert_same(&before, &snapshot::host(), "after DEL");
    drop(within);
    // It may be up before.
    containers(&["c2"]);
    call("ADD", &conf, "c2").with("CNI_IFNAME", "lo").ok();
    call("DEL", &conf, "c2").with("CNI_IFNAME", "lo").done();
}

fn ptp() {
    containers(&["c1", "c2"]);
    neighbour();
    let before = snapshot::host();
    let conf = json!({"cniVersion": "1.1.0", "name": "wires", "type": "netyard", "kind": "ptp", "ipMasq": true,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}});
    let said = call("ADD", &conf, "c1").ok();
    assert_eq!(
        said["interfaces"].as_array().map(Vec::len),
        Some(2),
        "{said}"
    );
    assert_eq!(
        addresses("c1", "eth0"),
        [said["ips"][0]["address"].as_str().expect("one")]
    );
    call("ADD", &conf, "c2").ok();
    assert!(pings("c1", "10.5.0.1") && pings("c1", "10.5.0.3"));
    let server = serve("outside", "tcp", 7);
    assert_eq!(
        server.seen("c1", "192.0.2.2", 7).as_deref(),
        Some("192.0.2.1")
    );
    for name in ["c1", "c2"] {
        call("CHECK", &conf, name).done();
        call("DEL", &conf, name).done();
    }
    super::nothing_left(&before, &[&conf]);
}

fn vlan() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let known = try_sh("ip link add b0 type bridge vlan_filtering 1").code == Some(0);
    sh("ip link del b0 2>/dev/null || true");
    let conf = json!({"cniVersion": "1.1.0", "name": "floor", "type": "bridge", "bridge": "br7", "vlan": 100,
        "isDefaultGateway": true, "ipam": {"type": "host-local", "subnet": "10.5.0.0/24"}});
    if !known {
        call("ADD", &conf, "c1").says(100, &["VLAN filtering", "CONFIG_BRIDGE_VLAN_FILTERING"]);
        snapshot::assert_same(&before, &snapshot::host(), "after a refusal");
        return;
    }
    for name in ["c1", "c2"] {
        call("ADD", &conf, name).ok();
    }
    assert!(pings("c1", "10.5.0.1") && pings("c1", "10.5.0.3"));
    for name in ["c1", "c2"] {
        call("CHECK", &conf, name).done();
        call("DEL", &conf, name).done();
    }
    nothing_left(&before, &[&conf]);
}

fn macvlan() {
    sh("ip link add up0 type dummy 2>/dev/null || ip link add up0 type veth peer name up1");
    let known = try_sh("ip link add m0 link up0 type macvlan && ip link del m0").code == Some(0);
    containers(&["c1"]);
    let before = snapshot::host();
    let conf = json!({"cniVersion": "1.1.0", "name": "mac", "type": "netyard", "kind": "macvlan", "master": "up0",
        "ipam": {"type": "host-local", "subnet": "10.5.0.0/24"}});
    match known {
        true => {
            call("ADD", &conf, "c1").ok();
            assert_eq!(addresses("c1", "eth0"), ["10.5.0.2/24"]);
            call("CHECK", &conf, "c1").done();
        }
        false => drop(call("ADD", &conf, "c1").fails(100)),
    }
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
}

fn bandwidth() {
    containers(&["c1"]);
    let before = snapshot::host();
    let limits = json!({"ingressRate": 8_000_000, "ingressBurst": 800_000, "egressRate": 4_000_000,
        "egressBurst": 800_000});
    let conf = network("lan", json!({"runtimeConfig": {"bandwidth": limits}}));
    let said = call("ADD", &conf, "c1").ok();
    let port = said["interfaces"][1]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    let rate = |netns: &str, dev: &str| sh(&format!("tc {netns} qdisc show dev {dev} root"));
    assert!(
        rate("", &port).contains("tbf") && rate("", &port).contains("8Mbit"),
        "{}",
        rate("", &port)
    );
    assert!(
        rate("-n c1", "eth0").contains("4Mbit"),
        "{}",
        rate("-n c1", "eth0")
    );
    call("CHECK", &conf, "c1").done();
    sh(&format!("tc qdisc del dev {port} root"));
    call("CHECK", &conf, "c1").says(101, &[&port]);
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
}

/// The reference library refuses it, too, whatever the variable says.
fn overridden() {
    let conf = network("lan", json!({}));
    let own = call("ADD", &conf, "c1").with("CNI_NETNS", "/proc/self/ns/net");
    for word in ["", "1", "true"] {
        let own = own.clone().with("CNI_NETNS_OVERRIDE", word);
        own.says(8, &["/proc/self/ns/net"]);
    }
    super::collect(&conf);
}

/// As they hand them over, with `type` changed.
fn files() {
    containers(&["c1", "c2"]);
    let before = snapshot::host();
    let podman = json!({"cniVersion": "0.4.0", "name": "podman", "type": "netyard", "bridge": "cni-podman0",
        "isGateway": true, "ipMasq": true, "hairpinMode": true,
        "ipam": {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}],
            "ranges": [[{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}]]},
        "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": ""}]}});
    let containerd = json!({"cniVersion": "1.0.0", "name": "containerd-net", "type": "netyard", "bridge": "cni0",
        "isGateway": true, "ipMasq": true, "promiscMode": true,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.89.0.0/16"}], [{"subnet": "2001:db8:4860::/64"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]},
        "capabilities": {"portMappings": true},
        "runtimeConfig": {"portMappings": [], "dns": {"servers": ["192.0.2.53"], "searches": ["a.b"]},
            "cgroupPath": "/kubepods"}});
    let one = call("ADD", &podman, "c1").ok();
    assert_eq!(one["ips"][0]["version"], "4");
    assert_eq!(ip("-n c1 route show default")[0]["gateway"], "10.88.0.1");
    call("ADD", &containerd, "c2").ok();
    assert!(pings("c2", "2001:db8:4860::1") && pings("c1", "10.88.0.1"));
    call("DEL", &podman, "c1").done();
    call("DEL", &containerd, "c2").done();
    super::nothing_left(&before, &[&podman, &containerd]);
}
