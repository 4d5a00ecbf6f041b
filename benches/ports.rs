//! How long published ports take, as whole processes: many at once, one more beside
//! others, 200 against one; and how many rules a packet meets. docs/performance.md says
//! what came of it.
//!
//! `cargo bench --bench ports` (all), `cargo bench --bench ports -- 5 1000` (5 rounds, one
//! more beside 1000).

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]

mod yard;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use yard::{median, ms, run, sandbox, settle};

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");

/// So many ports are published at once.
const AT_ONCE: [usize; 6] = [0, 1, 10, 100, 200, 1000];

/// Samples in ms, by what was measured beside how many ports.
type Samples = BTreeMap<(&'static str, usize), Vec<f64>>;

fn main() {
    let mut numbers = yard::numbers();
    let rounds = numbers.next().unwrap_or(9);
    let mut sizes: Vec<usize> = numbers.collect();
    if sizes.is_empty() {
        sizes = vec![0, 1000, 10_000];
    }
    sandbox();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut samples = Samples::new();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for count in AT_ONCE {
            at_once(count, &mut samples);
        }
        for &size in &sizes {
            one_more(size, &mut samples);
        }
    }
    println!(
        "medians (smallest) of {rounds}, load before: {}",
        load.trim()
    );
    report_at_once(&samples);
    report_one_more(&sizes, &samples);
    report_rules();
}

/// A lab of one namespace with so many ports, each to itself.
fn lab(name: &str, net: u8, first: usize, count: usize, visible: &str) -> String {
    let mut text = format!(
        "lab: {name}\nnetworks:\n  lan: {{ bridge: br-{name}, subnets: [10.{net}.0.0/24] }}\n\
         namespaces:\n  {name}:\n    interfaces: {{ eth0: {{ network: lan, addresses: [10.{net}.0.2/24] }} }}\n"
    );
    if count > 0 {
        text += "    publish:\n";
    }
    for port in first..first + count {
        let _ = match visible {
            "loopback" => writeln!(text, "      - \"{port}:{port}\""),
            _ => writeln!(
                text,
                "      - {{ host: {port}, port: {port}, visible: {visible} }}"
            ),
        };
    }
    let path = format!("/run/{name}-{count}.yaml");
    fs::write(&path, text).expect("the topology");
    path
}

fn netyard(arguments: &[&str]) -> f64 {
    let began = Instant::now();
    run(Command::new(NETYARD).args(arguments));
    ms(began.elapsed())
}

/// A new lab with its ports; the same ports for a lab that is up; and all of it down.
fn at_once(count: usize, samples: &mut Samples) {
    let mut note = |what, time| samples.entry((what, count)).or_default().push(time);
    let (without, with) = (
        lab("web", 77, 20_000, 0, "loopback"),
        lab("web", 77, 20_000, count, "loopback"),
    );
    settle();
    note("new", netyard(&["up", &with]));
    note("again", netyard(&["up", &with]));
    note("down", netyard(&["down", "web"]));
    settle();
    netyard(&["up", &without]);
    note("added", netyard(&["up", &with]));
    note("removed", netyard(&["up", "--yes", &without]));
    netyard(&["down", "web"]);
}

/// One port of a lab of its own, and one more of the same lab, beside so many.
fn one_more(size: usize, samples: &mut Samples) {
    let mut note = |what, time| samples.entry((what, size)).or_default().push(time);
    netyard(&["up", &lab("crowd", 78, 20_000, size, "loopback")]);
    let one = lab("one", 79, 15_000, 1, "loopback");
    settle();
    note("other lab", netyard(&["up", &one]));
    note("other lab down", netyard(&["down", "one"]));
    note(
        "same lab",
        netyard(&["up", &lab("crowd", 78, 20_000, size + 1, "loopback")]),
    );
    netyard(&["down", "crowd"]);
}

fn cell(samples: &Samples, what: &'static str, n: usize) -> String {
    let (middle, least) = median(&samples[&(what, n)]);
    format!("{middle:.1} ms ({least:.1})")
}

fn ratio(samples: &Samples, what: &'static str, n: usize, of: usize) -> String {
    match (samples.get(&(what, n)), samples.get(&(what, of))) {
        (Some(a), Some(b)) => format!("{:.2}", median(a).0 / median(b).0),
        _ => "-".to_owned(),
    }
}

fn report_at_once(samples: &Samples) {
    println!(
        "\n| ports at once | new lab | of one port | to a lab that is up | up again | taken back | down |"
    );
    println!("|---|---|---|---|---|---|---|");
    for n in AT_ONCE {
        let get = |what| cell(samples, what, n);
        println!(
            "| {n} | {} | {} | {} | {} | {} | {} |",
            get("new"),
            ratio(samples, "new", n, 1),
            get("added"),
            get("again"),
            get("removed"),
            get("down"),
        );
    }
}

fn report_one_more(sizes: &[usize], samples: &Samples) {
    println!(
        "\n| one more beside | a lab with one port | ratio | its down | ratio | one more of the same lab | ratio |"
    );
    println!("|---|---|---|---|---|---|---|");
    let first = sizes[0];
    for &n in sizes {
        let row = ["other lab", "other lab down", "same lab"].map(|what| {
            format!(
                "{} | {}",
                cell(samples, what, n),
                ratio(samples, what, n, first)
            )
        });
        println!("| {n} | {} |", row.join(" | "));
    }
}

/// What a connection from outside to a published port costs in rules.
fn report_rules() {
    println!(
        "\n| published ports | rules in the table | rules that one connection's packets meet |"
    );
    println!("|---|---|---|");
    for count in [1, 1000] {
        netyard(&["up", &lab("web", 77, 20_000, count, "public")]);
        outside();
        let total = counted();
        // Nobody listens: a question and a refusal.
        let port = 20_000 + count - 1;
        let dial = format!("exec 3<>/dev/tcp/192.0.2.1/{port}");
        let dialled = Command::new("ip")
            .args(["netns", "exec", "outside", "bash", "-c", &dial])
            .output();
        let said = String::from_utf8_lossy(&dialled.expect("bash runs").stderr).into_owned();
        assert!(said.contains("refused"), "it was answered: {said}");
        println!("| {count} | {total} | {} |", met());
        run(Command::new("ip").args(["netns", "del", "outside"]));
        netyard(&["down", "web"]);
    }
}

/// A machine beyond the host.
fn outside() {
    let lines = "netns add outside
        link add up0 type veth peer name eth0 netns outside
        address add 192.0.2.1/24 dev up0
        link set up0 up
        -n outside address add 192.0.2.2/24 dev eth0
        -n outside link set eth0 up
        -n outside route add default via 192.0.2.1";
    for line in lines.lines() {
        run(Command::new("ip").args(line.split_whitespace()));
    }
}

/// Gives every rule of the host's table a counter, with all else as it is; says how many.
fn counted() -> usize {
    let list = run(Command::new("nft").args(["-s", "list", "table", "inet", "netyard"]));
    let (mut depth, mut chain, mut rules) = (0, false, 0);
    let mut script = "delete table inet netyard\n".to_owned();
    for line in list.lines() {
        let text = line.trim();
        let is_rule = chain && depth == 2 && !text.starts_with("type ") && text != "}";
        chain |= text.starts_with("chain ");
        depth += text.matches('{').count();
        depth -= text.matches('}').count();
        chain &= depth > 1;
        rules += usize::from(is_rule);
        let _ = writeln!(script, "{}{text}", if is_rule { "counter " } else { "" });
    }
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("nft starts");
    let mut input = nft.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut input, script.as_bytes()).expect("nft reads");
    drop(input);
    assert!(nft.wait().is_ok_and(|status| status.success()), "{script}");
    rules
}

/// The packets that all counters have seen: each packet once for each rule that it met.
fn met() -> usize {
    let list = run(Command::new("nft").args(["list", "table", "inet", "netyard"]));
    let seen = list.split("counter packets ").skip(1);
    let number = |text: &str| text.split(' ').next()?.parse::<usize>().ok();
    seen.filter_map(number).sum()
}
