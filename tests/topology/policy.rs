//! Internal networks, and the ways that permissions need from them.

use crate::{example, routes, state};

#[test]
fn an_internal_network_is_no_way_out() {
    let state = state(&example("policy"));
    // Only the two subnets of the network whose namespace the permission names.
    let to_front = [
        "10.60.0.0/24 via 10.60.1.1 dev eth0",
        "fd00:60::/64 via fd00:61::1 dev eth0",
    ];
    assert_eq!(routes(&state, "db"), to_front);
    assert!(routes(&state, "cache").is_empty());
    assert_eq!(routes(&state, "web").len(), 2);
    let default = |route: &String| route.starts_with("default ");
    assert!(routes(&state, "web").iter().all(default));
}

#[test]
fn a_way_that_is_there_is_not_made_twice() {
    let state = state(
        r#"
lab: ways
networks:
  back: { subnets: [10.0.0.0/24], internal: true }
  more: { subnets: [10.1.0.0/24], internal: true, gateway: 10.1.0.9 }
  front: { subnets: [10.2.0.0/24, "fd00::/64"] }
namespaces:
  # A route of its own, and an interface in the subnet itself.
  own:
    interfaces: { eth0: { network: back } }
    routes: [{ to: 10.2.0.0/24, via: 10.0.0.77 }]
  near: { interfaces: { eth0: { network: back }, eth1: { network: front } } }
  # Two permissions for one way, and two networks that lead there.
  both: { interfaces: { eth0: { network: back }, eth1: { network: more } } }
  part: { interfaces: { eth0: { network: more } } }
allow:
  - { from: back, to: front }
  - { from: front, to: both, protocol: icmp }
  - { from: 10.1.0.0/28, to: 10.2.0.7 }
"#,
    );
    assert_eq!(
        routes(&state, "own"),
        ["10.2.0.0/24 via 10.0.0.77 dev eth0"]
    );
    let near = [
        "default via 10.2.0.1 dev eth1",
        "default via fd00::1 dev eth1",
    ];
    assert_eq!(routes(&state, "near"), near);
    assert_eq!(
        routes(&state, "both"),
        ["10.2.0.0/24 via 10.0.0.1 dev eth0"]
    );
    assert_eq!(
        routes(&state, "part"),
        ["10.2.0.0/24 via 10.1.0.9 dev eth0"]
    );
}
