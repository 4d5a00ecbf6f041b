//! What `doctor` says of this kernel, against what the real `ip`, `tc` and `nft` can do with
//! it, kind by kind.

use serde_json::Value;

use crate::doctor::{findings, levels};
use crate::sandbox::{outcome, try_sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![test("doctor_kinds::as ip, tc and nft find them", oracle)]
}

/// What is tried, and the same by hand.
const BY_HAND: &[(&str, &str)] = &[
    ("veth", "ip link add v0 type veth peer name v1"),
    ("bridge", "ip link add v0 type bridge"),
    (
        "bridge-isolation",
        "PORT && ip link set p0 type bridge_slave isolated on",
    ),
    (
        "bridge-hairpin",
        "PORT && ip link set p0 type bridge_slave hairpin on",
    ),
    (
        "bridge-vlans",
        "ip link add v0 type bridge vlan_filtering 1",
    ),
    (
        "rename-up",
        "CABLE && ip link set v0 up && ip link set v0 name v2",
    ),
    (
        "macvlan",
        "CABLE && ip link add link v0 name v2 type macvlan mode bridge",
    ),
    ("ipvlan", "CABLE && ip link add link v0 name v2 type ipvlan"),
    (
        "vlan",
        "CABLE && ip link add link v0 name v2 type vlan id 7",
    ),
    ("vxlan", "ip link add v0 type vxlan id 7 dstport 4789"),
    ("dummy", "ip link add v0 type dummy"),
    ("vrf", "ip link add v0 type vrf table 7"),
    ("wireguard", "ip link add v0 type wireguard"),
    ("tun", "ip tuntap add v0 mode tun"),
    ("ifb", "ip link add v0 type ifb"),
    ("bonding", "ip link add v0 type bond"),
    ("nft-inet", "nft add table inet x"),
    (
        "nft-filter",
        "echo 'table inet x { chain c { type filter hook forward priority 0; }; }' | nft -f -",
    ),
    (
        "nft-nat",
        "echo 'table inet x { chain c { type nat hook postrouting priority 100; }; }' | nft -f -",
    ),
    (
        "nft-ct",
        "echo 'table inet x { chain c { ct state established accept; }; }' | nft -f -",
    ),
    (
        "nft-fib",
        "echo 'table inet x { chain c { fib daddr type local accept; }; }' | nft -f -",
    ),
    (
        "nft-maps",
        "echo 'table inet x { map m { type ipv4_addr . inet_service : ipv4_addr; flags interval; }; }' | nft -f -",
    ),
    (
        "nft-masquerade",
        "echo 'table inet x { chain c { type nat hook postrouting priority 100; masquerade; }; }' | nft -f -",
    ),
    (
        "nft-dnat",
        "echo 'table inet x { chain c { type nat hook prerouting priority -100; dnat ip to 10.0.0.1; }; }' | nft -f -",
    ),
    (
        "nft-bridge",
        "echo 'table bridge x { chain c { type filter hook prerouting priority -300; }; }' | nft -f -",
    ),
    ("qdisc-netem", "tc qdisc add dev lo root netem delay 1ms"),
    (
        "qdisc-tbf",
        "tc qdisc add dev lo root tbf rate 1mbit burst 10kb latency 1ms",
    ),
    ("qdisc-htb", "tc qdisc add dev lo root htb"),
    ("qdisc-fq-codel", "tc qdisc add dev lo root fq_codel"),
    ("qdisc-ingress", "tc qdisc add dev lo ingress"),
    ("qdisc-clsact", "tc qdisc add dev lo clsact"),
    ("ipv4-forwarding", "echo 1 >/proc/sys/net/ipv4/ip_forward"),
    ("ipv6", "ip address add fd00::1/128 dev lo"),
    (
        "ipv6-forwarding",
        "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
    ),
];

/// For these there is no command.
const NO_COMMAND: [&str; 7] = [
    "nft-netyard",
    "ctnetlink",
    "raw-icmp",
    "packet-sockets",
    "netlink-strict",
    "netlink-ext-ack",
    "netlink-all-nsid",
];

/// Those that can be tried by hand.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    BY_HAND.iter().map(|(id, _)| *id)
}

/// Each by hand in a namespace of its own.
fn oracle() {
    let findings = findings(&outcome(&["doctor", "--json"]));
    let of_kernel = findings.iter().filter(|f| f["group"] == "kernel");
    let of_kernel: Vec<Value> = of_kernel.cloned().collect();
    let mut told = levels(&of_kernel);
    // Nor does this test load their modules.
    told.retain(|_, levels| *levels != ["untried"]);
    let untried = |id: &str| {
        let mut all = of_kernel.iter();
        all.any(|finding| finding["id"] == id && finding["level"] == "untried")
    };
    for (id, by_hand) in BY_HAND.iter().filter(|(id, _)| !untried(id)) {
        let cable = "ip link add v0 type veth peer name v1";
        let port =
            "ip link add br0 type bridge && ip link add p0 master br0 type veth peer name p1";
        let by_hand = by_hand.replace("CABLE", cable).replace("PORT", port);
        let script = format!("unshare --net sh -c \"{by_hand}\"");
        let real = try_sh(&script);
        let works = told.remove(*id).is_some_and(|levels| levels == ["ok"]);
        assert_eq!(works, real.code == Some(0), "{id}: {script}\n{}", real.err);
    }
    let rest: Vec<&str> = told.keys().map(String::as_str).collect();
    let mut known = NO_COMMAND;
    known.sort_unstable();
    assert_eq!(rest, known);
    // A lab works here, and so do these.
    assert!(known.iter().all(|id| told[*id] == ["ok"]), "{told:?}");
}
