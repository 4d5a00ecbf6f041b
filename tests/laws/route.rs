//! Routes that move from device to device.

use netyard::fake::Fake;
use netyard::ipam::Leases;
use serde_json::{Value, json};

use crate::child::parents;
use crate::{desired, every_failure, every_kill, must_up};

/// A namespace on a network without a switch, by the interface of this name, with the
/// default routes or with those of a metric of its own.
fn by(dev: &str, metric: Option<u32>) -> Value {
    let via = |to: &str, via: &str| json!({ "to": to, "via": via, "metric": metric });
    let routes = match metric {
        Some(_) => json!([via("0.0.0.0/0", "10.1.1.1"), via("::/0", "fd00:1:1::1")]),
        None => json!([]),
    };
    json!({ "lab": "lab1",
        "networks": { "n": {
            "routed": true, "subnets": ["10.1.1.0/24", "fd00:1:1::/64"],
            "gateway": ["10.1.1.1", "fd00:1:1::1"],
        } },
        "namespaces": { "one": { "routes": routes, "interfaces": { dev: { "network": "n" } } } } })
}

#[test]
fn the_way_to_a_next_hop_moves_there_and_back_before_what_goes_by_it() {
    let mut clean = Fake::new();
    parents(&mut clean);
    let mut first = by("e0", None);
    // A device that goes after the other one.
    first["namespaces"]["one"]["interfaces"]["z"] = json!({ "macvlan": { "parent": "up10" } });
    let (a, leases) = desired(&first, &Leases::default());
    let mut fake = clean.clone();
    must_up(&mut fake, &a);
    for metric in [None, Some(1)] {
        let (b, _) = desired(&by("e1", metric), &leases);
        every_failure(&fake, &b).unwrap();
        every_kill(&clean, &fake, &b).unwrap();
    }
}
