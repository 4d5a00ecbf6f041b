//! `monitor` where more happens than the kernel can tell, and whether what it tells is all.

use std::time::Duration;

use rustix::process::Signal;

use super::program::{Monitor, pair};
use crate::sandbox::{file, sh, try_sh, until};
use crate::{Test, test};

pub(super) fn tests() -> Vec<Test> {
    vec![
        test("monitor::lost::it is said and made good", lost),
        test("monitor::lost::nothing is missed that was not lost", law),
    ]
}

/// Far more than the buffer holds, and nothing is different after it.
fn flood() {
    let mut commands = String::new();
    for n in 0..20_000 {
        let verb = if n % 2 == 0 { "add" } else { "del" };
        commands += &format!("address {verb} 192.0.2.1/32 dev lo\n");
    }
    sh(&format!("ip -batch {}", file("batch", &commands)));
}

/// What is told before events were lost, and after it.
#[track_caller]
fn by_lost(told: &[String]) -> (&[String], &[String]) {
    let is = |line: &String| line.contains("events were lost; looking again");
    let lost = told.iter().position(is);
    let lost = lost.unwrap_or_else(|| panic!("nothing was lost: {told:#?}"));
    (&told[..lost], &told[lost + 1..])
}

fn lost() {
    pair();
    sh("ip -n one address add 10.0.0.1/24 dev v1; ip -n one link set v1 up");
    let mut monitor = Monitor::everything(&[]);
    monitor.signal(Signal::STOP);
    flood();
    sh(
        "ip -n one address add 10.0.0.5/24 dev v1; ip -n one link set v1 mtu 1400; \
        ip netns del two; ip netns add three; ip -n three link set lo mtu 1000; \
        ip netns exec one nft add table inet x",
    );
    until("two is gone", || {
        try_sh("ip -n one link show v1").code != Some(0)
    });
    monitor.signal(Signal::CONT);
    let told = monitor.mark();
    let (before, told) = by_lost(&told);
    // By a queue of its own, from which nothing was lost.
    let nft = |line: &String| line.contains("nft rule set changed by nft");
    assert!(before.iter().any(nft), "{before:#?}");
    let has = |words: &str| {
        let there = told.iter().any(|line| {
            let line: Vec<&str> = line.split_whitespace().skip(1).collect();
            line.join(" ") == words
        });
        assert!(there, "{words} in\n{told:#?}");
    };
    has("one link - v1 (found)");
    has("one address - 10.0.0.1/24 on v1 (found)");
    has("one route - 10.0.0.0/24 dev v1 src 10.0.0.1 (found)");
    has("two namespace - two");
    has("three namespace + three");
    has("three link lo mtu 65536 → 1000 (found)");
    monitor.end();
}

/// A number from the last one (Knuth's MMIX).
fn dice(seed: &mut u64, sides: u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % sides
}

/// A command that does something, or is refused.
fn command(seed: &mut u64) -> String {
    let mut of = |all: &[&str]| all[dice(seed, all.len() as u64) as usize].to_owned();
    let names = ["one", "two", "three"];
    let devices = ["d0", "d1", "d2", "br0"];
    let (netns, dev) = (of(&names), of(&devices));
    let (onoff, verb) = (
        of(&["up", "down"]),
        of(&["add", "del", "replace", "append"]),
    );
    let address = of(&[
        "10.1.0.1/24",
        "10.1.0.2/24",
        "10.2.0.1/24",
        "fd01::1/64",
        "fd02::1/64",
    ]);
    let (to, via) = match of(&["4", "6"]).as_str() {
        "4" => (
            of(&["default", "10.8.0.0/16", "10.9.0.0/16"]),
            of(&["10.1.0.7", "10.1.0.8", "10.2.0.7"]),
        ),
        _ => (
            of(&["default", "fd08::/64"]),
            of(&["fd01::7", "fd01::8", "fd02::7"]),
        ),
    };
    let what = match of(&[
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
    ])
    .as_str()
    {
        "a" => format!("link add {dev} type veth"),
        "b" => "link add br0 type bridge".to_owned(),
        "c" => format!("link del {dev}"),
        "d" | "e" => format!("link set {dev} {onoff}"),
        "f" => format!("link set {dev} mtu {}", of(&["1300", "1400", "1500"])),
        "g" => format!("link set {dev} {}", of(&["master br0", "nomaster"])),
        "h" => format!("link set {dev} netns {}", of(&names)),
        "i" => format!(
            "link set {dev} down; ip -n {netns} link set {dev} name {}",
            of(&devices)
        ),
        "j" => format!("address {} {address} dev {dev}", of(&["add", "add", "del"])),
        "k" => format!("route {verb} {to} via {via} metric {}", of(&["7", "8"])),
        "l" => format!(
            "rule {} pref {} lookup 100",
            of(&["add", "del"]),
            of(&["7", "8"])
        ),
        _ => format!(
            "neigh {} {via} lladdr 02:00:00:00:00:0{} dev {dev}",
            of(&["replace", "del"]),
            of(&["1", "2"])
        ),
    };
    format!("ip -n {netns} {what}")
}

/// The law: who has heard everything finds nothing new by looking again.
fn law() {
    // Addresses that are told of only once nobody else has them.
    let settled = "for file in all default; do \
                   echo 0 > /proc/sys/net/ipv6/conf/$file/accept_dad; done";
    for name in ["one", "two", "three"] {
        sh(&format!(
            "ip netns add {name}; ip netns exec {name} sh -c '{settled}'"
        ));
    }
    let mut monitor = Monitor::everything(&[]);
    let (mut seed, mut heard) = (20_261_128, 0);
    for round in 0..8 {
        let commands: Vec<String> = (0..60).map(|_| command(&mut seed)).collect();
        sh(&format!("({}) 2>/dev/null; true", commands.join("; ")));
        // What happens by itself a little later, such as a carrier, is waited for.
        let later = Duration::from_millis(1500);
        heard += std::iter::from_fn(|| monitor.lines.recv_timeout(later).ok()).count();
        monitor.signal(Signal::STOP);
        flood();
        monitor.signal(Signal::CONT);
        let told = monitor.mark();
        let (_, found) = by_lost(&told);
        // Whatever the flood was at when it was read.
        let found: Vec<&String> = (found.iter())
            .filter(|line| !line.contains("192.0.2.1"))
            .collect();
        assert!(
            found.is_empty(),
            "round {round}: {found:#?}\nafter {commands:#?}"
        );
    }
    assert!(heard > 200, "only {heard} events");
    monitor.end();
}
