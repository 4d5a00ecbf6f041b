//! What a file says of routes beside their next hops, on the real kernel.

use crate::join::up_and_well;
use crate::sandbox::{file, ok, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![test("routes::each is added, changed, found, removed", each)]
}

/// What the file says, and what `ip route` then shows.
const ROUTES: [(&str, &str); 9] = [
    (
        "to: 192.0.2.0/24, via: 10.9.0.2",
        "via 10.9.0.2 dev eth0 proto static",
    ),
    (
        "to: 192.0.2.0/24, via: 10.9.0.2, mtu: 1400",
        "via 10.9.0.2 dev eth0 proto static mtu 1400",
    ),
    (
        "to: 192.0.2.0/24, via: 10.9.0.2, advmss: 1300",
        "proto static advmss 1300",
    ),
    (
        "to: 192.0.2.0/24, dev: eth0",
        "dev eth0 proto static scope link",
    ),
    (
        "to: 192.0.2.0/24, dev: eth0, scope: global, mtu: 1200",
        "dev eth0 proto static mtu 1200",
    ),
    (
        "to: 192.0.2.0/24, dev: eth0, scope: host",
        "dev eth0 proto static scope host",
    ),
    (
        "to: 192.0.2.0/24, dev: eth0, scope: 200, metric: 7",
        "proto static scope site metric 7",
    ),
    (
        "to: \"fd00:7::/64\", dev: eth0, mtu: 1300",
        "dev eth0 proto static metric 1024 mtu 1300",
    ),
    (
        "to: \"fd00:7::/64\", via: \"fd00:9::2\", mtu: 1300, advmss: 1200",
        "metric 1024 mtu 1300 advmss 1200",
    ),
];

fn each() {
    let lab = |routes: &str| {
        let text = format!(
            "lab: ways\nnetworks: {{ lan: {{ subnets: [10.9.0.0/24, \"fd00:9::/64\"] }} }}\n\
             namespaces: {{ one: {{ interfaces: {{ eth0: {{ network: lan }} }}, routes: [{routes}] }} }}\n"
        );
        file("ways.yaml", &text)
    };
    let before = snapshot::host();
    for (said, shown) in ROUTES {
        up_yes(&lab(&format!("{{ {said} }}")));
        let of = if said.contains("fd00:7") {
            "-6 route show fd00:7::/64"
        } else {
            "route show 192.0.2.0/24"
        };
        let route = sh(&format!("ip -n one {of}"));
        assert!(
            route.contains(shown) && route.lines().count() == 1,
            "{said}\n{route}"
        );
        // Somebody has changed it.
        let verb = if route.starts_with("fd00") {
            "-6 route"
        } else {
            "route"
        };
        sh(&format!("ip -n one {verb} del {}", route.trim()));
        ok(&["repair", "ways"]);
        assert_eq!(route, sh(&format!("ip -n one {of}")), "{said}");
    }
    up_yes(&lab(""));
    assert_eq!(
        sh("ip -n one route show 192.0.2.0/24; ip -n one -6 route show fd00:7::/64"),
        ""
    );
    ok(&["down", "--wait", "ways"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

#[track_caller]
fn up_yes(yaml: &str) {
    ok(&["up", "--yes", yaml]);
    up_and_well(yaml);
}
