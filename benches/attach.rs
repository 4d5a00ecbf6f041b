//! How long one more namespace takes on the network of another lab, beside others that are
//! on it already, against what the kernel alone charges for the same: as whole processes,
//! taking turns.
//!
//! `cargo bench --bench attach` (all), `cargo bench --bench attach -- 5 0 300` (5 rounds of
//! two sizes).

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]

mod yard;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::Instant;

use yard::{median, ms, run, sandbox, settle};

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");

/// What is measured at each size.
const WHAT: [&str; 4] = ["up", "up again", "down", "by hand"];

/// What the kernel is asked for, with `ip`.
const BY_HAND: &str = "ip netns add hand
ip link add hand-eth0 master shop-lan up type veth peer name eth0 netns hand
ip -n hand link set lo up
ip -n hand link set eth0 up
ip -n hand address add 10.77.255.250/16 dev eth0
ip -n hand route add default via 10.77.0.1";

/// Samples in ms, by what was measured beside how many.
type Samples = BTreeMap<(&'static str, usize), Vec<f64>>;

fn main() {
    let (rounds, sizes) = yard::rounds_and_sizes(9, &[0, 300, 900]);
    sandbox();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let shop = "lab: shop\nnetworks:\n  lan: { subnets: [10.77.0.0/16] }\n";
    let (shop, one) = (write("shop", shop), write("one", &guests("one", 1)));
    netyard(&["up", &shop]);
    let mut samples = Samples::new();
    for &size in &sizes {
        eprintln!("beside {size}, {rounds} rounds");
        let crowd = write("crowd", &guests("crowd", size));
        if size > 0 {
            netyard(&["up", &crowd]);
        }
        for _ in 0..rounds {
            one_more(&one, size, &mut samples);
        }
        if size > 0 {
            netyard(&["down", "--wait", "crowd"]);
        }
    }
    netyard(&["down", "shop"]);
    report(rounds, &sizes, &samples, load.trim());
}

/// A lab of so many namespaces on the network of lab `shop`.
fn guests(lab: &str, count: usize) -> String {
    let mut text = format!("lab: {lab}\nnetworks:\n  lan: {{ external: shop }}\nnamespaces:\n");
    for i in 0..count {
        let _ = writeln!(
            text,
            "  {lab}{i}: {{ interfaces: {{ eth0: {{ network: lan }} }} }}"
        );
    }
    text
}

fn write(name: &str, text: &str) -> String {
    let path = format!("/run/{name}.yaml");
    fs::write(&path, text).expect("the topology");
    path
}

fn netyard(arguments: &[&str]) -> f64 {
    let began = Instant::now();
    run(Command::new(NETYARD).args(arguments));
    ms(began.elapsed())
}

fn one_more(file: &str, size: usize, samples: &mut Samples) {
    let mut note = |what, time| samples.entry((what, size)).or_default().push(time);
    settle();
    note("up", netyard(&["up", file]));
    settle();
    note("up again", netyard(&["up", file]));
    note("down", netyard(&["down", "one"]));
    settle();
    let began = Instant::now();
    run(Command::new("sh").args(["-ec", BY_HAND]));
    note("by hand", ms(began.elapsed()));
    run(Command::new("ip").args(["netns", "del", "hand"]));
}

fn report(rounds: usize, sizes: &[usize], samples: &Samples, load: &str) {
    println!("medians (smallest) of {rounds}, load before: {load}\n");
    println!("| others | {} | of none |", WHAT.join(" | "));
    println!("|---|---|---|---|---|---|");
    for &n in sizes {
        let of = |what, n| samples.get(&(what, n)).map(|list| median(list));
        let cell = |what: &&'static str| {
            let (middle, least) = of(*what, n).unwrap_or_default();
            format!("{middle:.1} ms ({least:.1})")
        };
        let cells: Vec<String> = WHAT.iter().map(cell).collect();
        let ratio = match (of("up", n), of("up", 0)) {
            (Some((with, _)), Some((none, _))) => format!("{:.2}", with / none),
            _ => "-".to_owned(),
        };
        println!("| {n} | {} | {ratio} |", cells.join(" | "));
    }
}
