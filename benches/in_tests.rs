//! How long a lab takes in a `#[test]`, built and gone again: each on a machine that has nothing
//! else to do, and one right after another, while the kernel still clears away the last.
//!
//! `cargo bench -p netyard --bench in_tests --features testing`, as root and as an ordinary
//! user (`setpriv --reuid 65534 --regid 65534 --clear-groups target/release/deps/in_tests-...`).
//! With more features the program's is among them, and then an ordinary user gets no labs.

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]
#![allow(dead_code, reason = "the other benchmarks use the rest")]

mod yard;

use std::time::{Duration, Instant};

use netyard::lab::Lab;

fn main() {
    let (rounds, sizes) = yard::rounds_and_sizes(15, &[2, 5, 20]);
    println!("load before: {}", yard::load());
    println!(
        "| namespaces | built and gone, median of {rounds} | least | one after another | least |"
    );
    println!("|---|---|---|---|---|");
    for count in sizes {
        let text = topology(count);
        let life = || {
            let began = Instant::now();
            drop(Lab::from_text(&text).expect("a lab"));
            yard::ms(began.elapsed())
        };
        let settled = || {
            yard::settle_within(Duration::from_secs(3));
            life()
        };
        let alone: Vec<f64> = (0..rounds).map(|_| settled()).collect();
        let next: Vec<f64> = (0..rounds).map(|_| life()).collect();
        let [(alone, least), (next, fastest)] = [alone, next].map(|all| yard::median(&all));
        println!("| {count} | {alone:.1} ms | {least:.1} | {next:.1} | {fastest:.1} |");
    }
}

/// On one switch, each with an address.
fn topology(count: usize) -> String {
    let one = |n: usize| format!("  n{n}: {{ interfaces: {{ eth0: {{ network: lan }} }} }}\n");
    let all: String = (0..count).map(one).collect();
    format!("lab: small\nnetworks: {{ lan: {{ subnets: [10.0.0.0/24] }} }}\nnamespaces:\n{all}")
}
