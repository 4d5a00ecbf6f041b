//! Devices of kinds that not every kernel has: ipvlan and VLAN on a device of the host.

use crate::join::{said, up_and_well};
use crate::sandbox::{file, ok, pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("kinds::ipvlan of mode l2", || ipvlan("l2")),
        test("kinds::ipvlan of mode l3", || ipvlan("l3")),
        test("kinds::ipvlan of mode l3s", || ipvlan("l3s")),
        test("kinds::VLANs over a cable", vlan),
        test("kinds::changed from one to the other", changed),
        test("kinds::on a dummy", dummy),
        test("kinds::what is in the way", in_the_way),
        test("kinds::a bridge gets another name", another_name),
        test("kinds::what `show`, `status` and `graph` tell", told),
    ]
}

/// A device `eth1` of the host with the hardware address 02:..:01; at its other end is
/// `outside`, who has 192.0.2.1.
pub(crate) fn parent() {
    sh(
        "ip netns add outside; ip link add eth1 address 02:00:00:00:00:01 type veth peer name up0 netns outside; \
        ip link set eth1 addrgenmode none; ip link set eth1 up; ip -n outside link set up0 up; \
        ip -n outside address add 192.0.2.1/24 dev up0",
    );
}

fn street(one: &str, two: &str) -> String {
    let text = format!(
        "lab: street\nnamespaces:\n\
         \x20 one: {{ interfaces: {{ eth0: {{ {one}, addresses: [192.0.2.9/24] }} }} }}\n\
         \x20 two: {{ interfaces: {{ eth0: {{ {two}, addresses: [192.0.2.10/24] }} }} }}\n\
         expect: [{{ from: one, to: two }}, {{ from: two, to: one }}]\n"
    );
    file("street.yaml", &text)
}

fn ipvlan(mode: &str) {
    parent();
    // A device of mode l3 does not answer ARP; who is outside has to know the way.
    sh(
        "for i in 9 10; do ip -n outside neigh add 192.0.2.$i lladdr 02:00:00:00:00:01 dev up0; done",
    );
    let before = snapshot::host();
    let keys = format!("ipvlan: {{ parent: eth1, mode: {mode} }}");
    let yaml = street(&keys, &keys);
    up_and_well(&yaml);
    for name in ["one", "two"] {
        let link = sh(&format!("ip -n {name} -d link show dev eth0"));
        assert!(link.contains(&format!("mode {mode} bridge")), "{link}");
        assert!(link.contains("alias netyard:street"), "{link}");
        assert!(pings(name, "192.0.2.1"), "{name} to who is outside");
    }
    assert!(pings("one", "192.0.2.10") && pings("two", "192.0.2.9"));
    assert!(pings("outside", "192.0.2.10"));
    ok(&["test", "street"]);
    ok(&["down", "--wait", "street"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

/// A cable whose both ends are the host's.
pub(crate) fn cable() {
    sh("ip link add eth1 type veth peer name eth2; \
        for i in 1 2; do ip link set eth$i addrgenmode none; ip link set eth$i up; done");
}

fn vlan() {
    cable();
    let before = snapshot::host();
    let yaml = street(
        "vlan: { parent: eth1, id: 7 }",
        "vlan: { parent: eth2, id: 7 }",
    );
    up_and_well(&yaml);
    for name in ["one", "two"] {
        let link = sh(&format!("ip -n {name} -d link show dev eth0"));
        assert!(link.contains("vlan protocol 802.1Q id 7 "), "{link}");
    }
    assert!(pings("one", "192.0.2.10") && pings("two", "192.0.2.9"));
    // Another tag is another network.
    let yaml = street(
        "vlan: { parent: eth1, id: 7 }",
        "vlan: { parent: eth2, id: 4094 }",
    );
    ok(&["up", "--yes", &yaml]);
    assert!(sh("ip -n two -d link show dev eth0").contains("802.1Q id 4094 "));
    assert!(!pings("one", "192.0.2.10"));
    ok(&["down", "--wait", "street"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

/// Each is made in the place of the one before, and nothing of that stays on the parents.
fn changed() {
    cable();
    let before = snapshot::host();
    let two = "vlan: { parent: eth2, id: 7 }";
    up_and_well(&street("vlan: { parent: eth1, id: 7 }", two));
    for (keys, shows) in [
        (
            "vlan: { parent: eth1, id: 8 }",
            "vlan protocol 802.1Q id 8 ",
        ),
        ("vlan: { parent: eth1, id: 8 }, mtu: 1400", "mtu 1400"),
        ("ipvlan: { parent: eth1 }", "mode l2 bridge"),
        ("ipvlan: { parent: eth1, mode: l3 }", "mode l3 bridge"),
        ("ipvlan: { parent: eth1, mode: l2 }", "mode l2 bridge"),
        ("macvlan: { parent: eth1 }", "macvlan mode bridge"),
        (
            "vlan: { parent: eth1, id: 7 }",
            "vlan protocol 802.1Q id 7 ",
        ),
    ] {
        let yaml = street(keys, two);
        ok(&["up", "--yes", &yaml]);
        assert!(ok(&["plan", &yaml]).contains("nothing to do"), "{keys}");
        let link = sh("ip -n one -d link show dev eth0");
        assert!(link.contains(shows), "{keys}\n{link}");
    }
    ok(&["test", "street"]);
    ok(&["down", "--wait", "street"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

fn dummy() {
    sh("ip link add eth1 type dummy; ip link set eth1 addrgenmode none; ip link set eth1 up");
    let before = snapshot::host();
    for keys in ["ipvlan: { parent: eth1 }", "macvlan: { parent: eth1 }"] {
        up_and_well(&street(keys, keys));
        assert!(pings("one", "192.0.2.10"), "{keys}");
        ok(&["down", "--wait", "street"]);
        snapshot::assert_same(&before, &snapshot::host(), keys);
    }
}

/// Before Linux 6.2 a bridge that is up keeps its name, and another is made.
fn another_name() {
    let before = snapshot::host();
    let yaml = |bridge: &str| {
        let text = format!(
            "lab: street\nnetworks: {{ lan: {{ bridge: {bridge}, subnets: [192.0.2.0/24], masquerade: true }} }}\n\
             namespaces: {{ one: {{ interfaces: {{ eth0: {{ network: lan }} }} }} }}\n"
        );
        file("street.yaml", &text)
    };
    up_and_well(&yaml("br-one"));
    let other = yaml("br-other");
    ok(&["up", "--yes", &other]);
    assert!(ok(&["plan", &other]).contains("nothing to do"));
    assert!(pings("one", "192.0.2.1"));
    assert!(!sh("ip link").contains("br-one"));
    ok(&["down", "--wait", "street"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

/// A tag is one device's, and modes of ipvlan are the parent's.
fn in_the_way() {
    cable();
    let yaml = street("vlan: { parent: eth1, id: 7 }", "ipvlan: { parent: eth2 }");
    for (theirs, device) in [
        ("ip link add link eth1 name theirs type vlan id 7", "theirs"),
        (
            "ip link add link eth2 name theirs type ipvlan mode l3",
            "theirs",
        ),
        ("ip link add link eth2 name theirs type macvlan", "theirs"),
    ] {
        sh(theirs);
        let before = snapshot::host();
        let said = said(&["up", &yaml]);
        assert!(said.contains(device), "{theirs}\n{said}");
        snapshot::assert_same(&before, &snapshot::host(), theirs);
        sh("ip link del theirs");
    }
    up_and_well(&yaml);
    ok(&["down", "--wait", "street"]);
}

fn told() {
    cable();
    ok(&[
        "up",
        &street(
            "vlan: { parent: eth1, id: 7 }",
            "ipvlan: { parent: eth2, mode: l3 }",
        ),
    ]);
    let show = ok(&["show"]);
    for part in ["on eth1 in host", "on eth2 in host"] {
        assert!(show.contains(part), "{show}");
    }
    let graph = ok(&["graph"]);
    assert!(
        graph.contains("vlan 7") && graph.contains("ipvlan l3"),
        "{graph}"
    );
    sh("ip -n one link del eth0");
    let status = said(&["status", "street"]);
    assert!(status.contains("eth0, vlan id 7, on host:eth1"), "{status}");
    ok(&["repair", "street"]);
    ok(&["status", "street"]);
}
