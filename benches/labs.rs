//! How long labs take, as whole processes, against what the kernel alone charges
//! (`floor/nsfloor.c`) and against `ip -batch` (`floor/batch.sh`), in one run and
//! taking turns; and how long a ping from each to each takes. docs/performance.md says
//! what came of it.
//!
//! `cargo bench` (all), `cargo bench -- 5 100 300` (5 rounds of two sizes).

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]

mod yard;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use yard::{compiled, ms, run, sandbox, settle};

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");

/// Samples in ms by what was measured and for how many namespaces.
type Samples = BTreeMap<(usize, &'static str), Vec<f64>>;

fn main() {
    let (rounds, sizes) = yard::rounds_and_sizes(7, &[100, 300, 1000]);
    let floor = compiled("nsfloor");
    sandbox();
    let load = yard::load();
    let mut samples = Samples::new();
    let mut peak = BTreeMap::new();
    for round in 0..rounds {
        for &n in &sizes {
            eprintln!("round {} of {rounds}, {n} namespaces", round + 1);
            let file = topology(n);
            peak.insert(n, netyard(n, &file, &mut samples));
            nsfloor(n, &floor, &mut samples);
            if n <= 100 {
                batch(n, &mut samples);
            }
        }
    }
    report(&sizes, &samples, &peak, &load);
    start_up(rounds);
}

/// One bridge, `n` namespaces, each with an address and a default route.
fn topology(n: usize) -> String {
    let mut text = "lab: many\nnetworks:\n  lan: { bridge: many-bridge, subnets: [10.77.0.0/16] }\nnamespaces:\n".to_owned();
    for i in 0..n {
        let (a, b) = ((i + 2) / 250, (i + 2) % 250 + 1);
        let _ = writeln!(
            text,
            "  t{i}: {{ interfaces: {{ eth0: {{ network: lan, addresses: 10.77.{a}.{b}/16 }} }} }}"
        );
    }
    let path = format!("/run/many-{n}.yaml");
    fs::write(&path, text).expect("the topology");
    path
}

/// Up, up again, all to all, down; the peak memory of making and removing in bytes.
fn netyard(n: usize, file: &str, samples: &mut Samples) -> u64 {
    let mut time = |what, arguments: &[&str]| {
        settle();
        let began = Instant::now();
        let peak = peak_of(Command::new(NETYARD).args(arguments));
        let list = samples.entry((n, what)).or_default();
        list.push(ms(began.elapsed()));
        peak
    };
    let up = time("up", &["up", file]);
    let again = time("up again", &["up", file]);
    // Every ping between two that do not know each other yet begins with a broadcast
    // to all: a cost that grows with the cube of N.
    if n <= 100 {
        // Right after `up` it would wait for carriers, up to a second.
        run(Command::new(NETYARD).args(["test", "many"]));
        time("all to all", &["test", "--all", "many"]);
    }
    let peak = up.max(again).max(time("down", &["down", "many"]));
    let names = fs::read_dir("/run/netns").map_or(0, Iterator::count);
    let bridge = Path::new("/proc/sys/net/ipv4/conf/many-bridge").exists();
    assert!(
        names == 0 && !bridge,
        "when down returns every name is free"
    );
    peak
}

/// Runs a program and gives its peak memory in bytes.
#[expect(
    clippy::zombie_processes,
    reason = "wait4 waits for it and tells its memory"
)]
fn peak_of(command: &mut Command) -> u64 {
    let child = command
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid; the kernel fills it and the status, both live.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::wait4(child.id() as i32, &raw mut status, 0, &raw mut usage);
        usage
    };
    assert_eq!(status, 0, "{command:?}");
    usage.ru_maxrss as u64 * 1024
}

/// The floor program makes the same network and tells its own times.
fn nsfloor(n: usize, program: &Path, samples: &mut Samples) {
    settle();
    let directory = Path::new("/run/netns");
    fs::create_dir_all(directory).expect("the directory of names");
    let out = run(Command::new(program).args(["-n", &n.to_string(), "-t", "1", "-D", "3"]));
    for (line, what) in [("total ", "floor up"), ("bridge_gone ", "floor down")] {
        let list = samples.entry((n, what)).or_default();
        list.push(yard::told(&out, line));
    }
    let _ = fs::remove_dir(directory);
}

fn batch(n: usize, samples: &mut Samples) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor/batch.sh");
    for (act, what) in [("up", "batch up"), ("down", "batch down")] {
        settle();
        let began = Instant::now();
        run(Command::new("sh").arg(&script).args([act, &n.to_string()]));
        samples
            .entry((n, what))
            .or_default()
            .push(ms(began.elapsed()));
    }
    // `ip netns` leaves its directory mounted on itself.
    run(Command::new("umount").arg("/run/netns"));
    let _ = fs::remove_dir("/run/netns");
}

fn median(samples: &Samples, n: usize, what: &'static str) -> Option<f64> {
    let mut list = samples.get(&(n, what))?.clone();
    list.sort_by(f64::total_cmp);
    list.get(list.len() / 2).copied()
}

fn report(sizes: &[usize], samples: &Samples, peak: &BTreeMap<usize, u64>, load: &str) {
    println!("load before: {}", load);
    println!(
        "| namespaces | floor up | netyard up | ratio | up again | `ip -batch` up | times faster | floor down | netyard down | ratio | `ip -batch` down | all to all | peak memory |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for &n in sizes {
        let get = |what| median(samples, n, what);
        let time = |what| get(what).map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
        let ratio = |a, b| match (get(a), get(b)) {
            (Some(a), Some(b)) => format!("{:.2}", a / b),
            _ => "-".to_owned(),
        };
        println!(
            "| {n} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} MB |",
            time("floor up"),
            time("up"),
            ratio("up", "floor up"),
            time("up again"),
            time("batch up"),
            ratio("batch up", "up"),
            time("floor down"),
            time("down"),
            ratio("down", "floor down"),
            time("batch down"),
            time("all to all"),
            peak.get(&n).copied().unwrap_or(0) as f64 / 1e6,
        );
    }
}

/// The small things: a process that does nearly nothing.
fn start_up(rounds: usize) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/three.yaml");
    let example = example.display().to_string();
    for arguments in [vec!["--version"], vec!["check", &example]] {
        let mut samples = Samples::new();
        for _ in 0..rounds * 10 {
            let began = Instant::now();
            run(Command::new(NETYARD).args(&arguments));
            samples
                .entry((1, "start"))
                .or_default()
                .push(ms(began.elapsed()));
        }
        println!(
            "`netyard {}`: {:.2} ms",
            arguments[0],
            median(&samples, 1, "start").unwrap_or(0.0)
        );
    }
    let size = fs::metadata(NETYARD).map_or(0, |file| file.len());
    println!("binary: {:.2} MB", size as f64 / 1e6);
}
