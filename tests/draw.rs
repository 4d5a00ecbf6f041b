//! The drawings of the examples.

use netyard::draw;
use netyard::ipam::Leases;
use netyard::topology::{parse, resolve};

fn drawn(text: &str) -> String {
    let topology = parse(text).unwrap_or_else(|e| panic!("{e}"));
    draw::tree(
        &resolve(&topology, &Leases::default())
            .unwrap_or_else(|e| panic!("{e}"))
            .0,
    )
}

#[test]
fn a_host_with_a_switch_and_cables() {
    let expected = "\
host
 ├─ side  192.0.2.1/24  ── stranger:eth0  192.0.2.2/24
 ├─ uplink  203.0.113.1/24  ── internet:eth0  203.0.113.2/24
 └─ virtual-bridge  10.0.0.1/24  switch, masquerades
     ├─ one  veth-one-in  10.0.0.10/24
     └─ two  veth-two-in  10.0.0.20/24
";
    assert_eq!(drawn(include_str!("../examples/internet.yaml")), expected);
}

#[test]
fn a_line_of_routers_and_a_lonely_namespace() {
    let text = include_str!("../examples/routers.yaml")
        .replace("namespaces:\n", "namespaces:\n  alone: {}\n");
    let expected = "\
pc-left     eth0   10.1.0.10/24 fd00:1::10/64  ── router-one:left  10.1.0.1/24 fd00:1::1/64
pc-right    eth0   10.2.0.10/24 fd00:2::10/64  ── router-two:right  10.2.0.1/24 fd00:2::1/64
router-one  right  10.12.0.1/30 fd00:12::1/64  ── router-two:left  10.12.0.2/30 fd00:12::2/64
alone  lo  plugged into nothing
";
    assert_eq!(drawn(&text), expected);
}
