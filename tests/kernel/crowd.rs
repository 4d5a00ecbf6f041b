//! `test` where many namespaces talk to each other at once.

use std::fmt::Write as _;

use crate::sandbox::{file, ok, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("crowd::more pairs than the neighbour table holds", many),
        test("crowd::neighbours known before are kept", kept),
        test("crowd::more connections than a queue holds", connections),
    ]
}

/// A network with this many namespaces, each with an address of both families.
pub(crate) fn network(count: usize) -> String {
    let mut text =
        "lab: many\nnetworks:\n  lan: { subnets: [10.0.0.0/24, 'fd00::/64'] }\nnamespaces:\n"
            .to_owned();
    for n in 0..count {
        let _ = writeln!(
            text,
            "  n{n}: {{ interfaces: {{ eth0: {{ network: lan }} }} }}"
        );
    }
    text
}

/// 41 * 40 entries of each family, where a table has room for 1024.
fn many() {
    let mut text = network(40) + "expect:\n";
    for (one, other) in (0..40).flat_map(|a| (0..40).map(move |b| (a, b))) {
        if one != other {
            let _ = writeln!(text, "  - {{ from: n{one}, to: n{other} }}");
        }
    }
    let path = file("many.yaml", &text);
    ok(&["up", &path]);
    let said = ok(&["test", "--all", &path]);
    let verdict = "3280 of 3280 pings arrive";
    assert!(
        said.contains(verdict) && said.contains("all 3120 probes as expected"),
        "{said}"
    );
    assert!(said.lines().all(|line| line.len() <= 80), "{said}");
    let said = ok(&["test", &path]);
    assert!(said.contains("all 3120 probes as expected"), "{said}");
}

fn kept() {
    let path = file("many.yaml", &network(40));
    ok(&["up", &path]);
    sh("ip -n n0 neigh add 10.0.0.250 lladdr 02:00:00:00:00:01 dev eth0 nud permanent");
    sh("ip netns exec n0 ping -n -c 1 -W 2 10.0.0.1");
    let before = sh("ip -n n0 neigh show 10.0.0.1; ip -n n0 neigh show 10.0.0.250");
    assert_eq!(before.lines().count(), 2);
    ok(&["test", "--all", &path]);
    let known = sh("ip -n n0 neigh show 10.0.0.1; ip -n n0 neigh show 10.0.0.250");
    assert_eq!(known.lines().count(), 2, "{known}");
    let all: usize = (0..40)
        .map(|n| sh(&format!("ip -n n{n} -4 neigh")).lines().count())
        .sum();
    assert!(all < 10, "{all} entries were left");
}

/// Listeners of netyard's own take each connection from their queue.
fn connections() {
    let mut text = network(40) + "expect:\n";
    for n in 1..40 {
        for port in 1..=5 {
            let _ = writeln!(text, "  - {{ from: n{n}, to: n0, tcp: {} }}", 8000 + port);
            let _ = writeln!(text, "  - {{ from: n{n}, to: n0, udp: {} }}", 8000 + port);
        }
    }
    let path = file("many.yaml", &text);
    ok(&["up", &path]);
    assert!(ok(&["test", &path]).contains("all 780 probes as expected"));
}
