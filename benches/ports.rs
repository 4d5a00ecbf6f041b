//! How long published ports take, as whole processes: many at once, one more beside
//! others, and beside what netavark and the CNI plugins take for the same, where they are
//! installed; and how many rules a packet meets. docs/performance.md says what came of it.
//!
//! `cargo bench --bench ports` (all), `cargo bench --bench ports -- 5 1000` (5 rounds, one
//! more beside none and beside 1000).

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]

mod peers;
mod yard;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use peers::Peer;
use yard::{median, ms, run, sandbox, settle};

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");

/// So many ports are published at once.
const AT_ONCE: [usize; 6] = [0, 1, 10, 100, 200, 1000];
/// And so many by the peers, of which some take seconds.
const AT_ONCE_BY_PEERS: [usize; 4] = [1, 10, 100, 200];
/// Beside so many one more of the peers.
const BESIDE_BY_PEERS: [usize; 2] = [0, 200];
/// Who may use the ports that one more is published beside.
const VISIBLE: [&str; 2] = ["loopback", "public"];

/// Samples in ms, by who or what was measured, for whom the ports are, and how many.
type Samples = BTreeMap<(&'static str, &'static str, usize), Vec<f64>>;

fn main() {
    let (rounds, mut sizes) = yard::rounds_and_sizes(9, &[1000, 10_000]);
    sizes.insert(0, 0);
    let peers = peers::found();
    sandbox();
    println!("{rounds} rounds, load before {}", yard::load());
    let mut samples = Samples::new();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        for count in AT_ONCE {
            at_once(count, &mut samples);
            for peer in &peers {
                at_once_by(peer, count, &mut samples);
            }
        }
        for visible in VISIBLE {
            for &size in &sizes {
                one_more(visible, size, &mut samples);
            }
        }
        for peer in &peers {
            for size in BESIDE_BY_PEERS {
                one_more_by(peer, size, &mut samples);
            }
        }
    }
    println!("medians (smallest), load after {}", yard::load());
    report_at_once(&samples);
    report_one_more(&sizes, &samples);
    report_peers(&peers, &samples);
    report_rules();
}

/// A lab of one namespace with so many ports, each to itself.
fn lab(name: &str, net: u8, first: usize, (count, visible): (usize, &str)) -> String {
    let mut text = format!(
        "lab: {name}\nnetworks:\n  lan: {{ bridge: br-{name}, subnets: [10.{net}.0.0/24] }}\n\
         namespaces:\n  {name}:\n    interfaces: {{ eth0: {{ network: lan, addresses: [10.{net}.0.2/24] }} }}\n"
    );
    if count > 0 {
        text += "    publish:\n";
    }
    for port in first..first + count {
        let _ = match visible {
            "loopback" => writeln!(text, "      - {port}:{port}"),
            _ => writeln!(text, "      - {{ host: {port}, visible: {visible} }}"),
        };
    }
    let path = format!("/run/{name}-{count}.yaml");
    fs::write(&path, text).expect("the topology");
    path
}

fn web(count: usize) -> String {
    lab("web", 77, 20_000, (count, "loopback"))
}

fn netyard(arguments: &[&str]) -> f64 {
    let began = Instant::now();
    run(Command::new(NETYARD).args(arguments));
    ms(began.elapsed())
}

/// A new lab with its ports; the same ports for a lab that is up; and all of it down.
fn at_once(count: usize, samples: &mut Samples) {
    let mut note = |what, time| note(samples, (what, "loopback", count), time);
    let (without, with) = (web(0), web(count));
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

/// The first port of a lab that is up, a lab of its own with one port, and one more of the
/// same lab, beside so many.
fn one_more(visible: &'static str, size: usize, samples: &mut Samples) {
    let mut note = |what, time| note(samples, (what, visible, size), time);
    let crowd = |more| lab("crowd", 78, 20_000, (size + more, visible));
    let one = |count| lab("one", 79, 15_000, (count, visible));
    netyard(&["up", &crowd(0)]);
    netyard(&["up", &one(0)]);
    settle();
    note("port", netyard(&["up", &one(1)]));
    note("port back", netyard(&["up", "--yes", &one(0)]));
    netyard(&["down", "--wait", "one"]);
    settle();
    note("lab", netyard(&["up", &one(1)]));
    note("lab back", netyard(&["down", "one"]));
    settle();
    note("same", netyard(&["up", &crowd(1)]));
    netyard(&["down", "--wait", "crowd"]);
}

fn at_once_by(peer: &Peer, count: usize, samples: &mut Samples) {
    if AT_ONCE_BY_PEERS.contains(&count) {
        let made = peer.namespace("one", 1);
        settle();
        note(
            samples,
            (peer.name, "up", count),
            peer.up(&made, each(20_000, count)),
        );
        note(samples, (peer.name, "down", count), peer.down(&made));
        peer.clear(&[made]);
    }
}

/// A container with one port beside another with so many.
fn one_more_by(peer: &Peer, size: usize, samples: &mut Samples) {
    let (crowd, one) = (peer.namespace("crowd", 1), peer.namespace("one", 2));
    peer.up(&crowd, each(20_000, size));
    settle();
    note(
        samples,
        (peer.name, "beside", size),
        peer.up(&one, each(15_000, 1)),
    );
    peer.down(&one);
    peer.down(&crowd);
    peer.clear(&[crowd, one]);
}

/// So many ports, each to itself.
fn each(first: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    (first..first + count).map(|port| (port, port))
}

fn note(samples: &mut Samples, what: (&'static str, &'static str, usize), time: f64) {
    samples.entry(what).or_default().push(time);
}

fn cell(samples: &Samples, what: (&'static str, &'static str, usize)) -> String {
    let (middle, least) = median(&samples[&what]);
    format!("{middle:.1} ms ({least:.1})")
}

/// A median, and what it is of the one with so many ports.
fn against(
    samples: &Samples,
    (what, who, n): (&'static str, &'static str, usize),
    of: usize,
) -> String {
    let middle = |n| median(&samples[&(what, who, n)]).0;
    format!(
        "{} | {:.2}",
        cell(samples, (what, who, n)),
        middle(n) / middle(of)
    )
}

fn report_at_once(samples: &Samples) {
    println!(
        "\n| ports at once | new lab | ratio to one | to a lab that is up | ratio to one | up again | taken back | down |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for n in AT_ONCE {
        let get = |what| cell(samples, (what, "loopback", n));
        println!(
            "| {n} | {} | {} | {} | {} | {} |",
            against(samples, ("new", "loopback", n), 1),
            against(samples, ("added", "loopback", n), 1),
            get("again"),
            get("removed"),
            get("down"),
        );
    }
}

fn report_one_more(sizes: &[usize], samples: &Samples) {
    println!(
        "\n| one more beside | `visible` | port of a lab that is up | ratio | taken back | ratio | lab with one port | ratio | its down | ratio | one more of the same lab | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for visible in VISIBLE {
        for &n in sizes {
            let row = ["port", "port back", "lab", "lab back", "same"]
                .map(|what| against(samples, (what, visible, n), sizes[0]));
            println!("| {n} | {visible} | {} |", row.join(" | "));
        }
    }
}

/// What a container takes with a peer, whose namespace is there before, and how many times
/// longer that is than a new lab with its namespace.
fn report_peers(peers: &[Peer], samples: &Samples) {
    for peer in peers {
        println!(
            "\n| {} | up | times netyard's | down | times netyard's |",
            peer.version
        );
        println!("|---|---|---|---|---|");
        for n in AT_ONCE_BY_PEERS {
            let row = [("up", "new"), ("down", "down")].map(|(theirs, ours)| {
                let times = median(&samples[&(peer.name, theirs, n)]).0
                    / median(&samples[&(ours, "loopback", n)]).0;
                format!("{} | {times:.1}", cell(samples, (peer.name, theirs, n)))
            });
            println!("| {n} ports at once | {} |", row.join(" | "));
        }
        for n in BESIDE_BY_PEERS {
            let one = cell(samples, (peer.name, "beside", n));
            println!("| one port beside {n} | {one} | | | |");
        }
    }
}

/// What a connection from outside to a published port costs in rules.
fn report_rules() {
    println!(
        "\n| published ports | rules in the table | rules that one connection's packets meet |"
    );
    println!("|---|---|---|");
    for count in [1, 1000] {
        netyard(&["up", &lab("web", 77, 20_000, (count, "public"))]);
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
        netyard(&["down", "--wait", "web"]);
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
