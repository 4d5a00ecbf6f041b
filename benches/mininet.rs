//! Against Mininet, where it is installed: one switch with so many hosts is built and taken
//! down, and each host pings each other. In the same run, taking turns, in namespaces of their own.
//!
//! netyard as whole processes; Mininet timed inside of its process, from when its modules are
//! imported (`peers/one_switch.py`), which is to its favour.
//!
//! `cargo bench --bench mininet` (all), `cargo bench --bench mininet -- 3 100` (3 rounds of 100
//! hosts), `--no-pings` for building and taking down alone: a round of Mininet's takes a minute.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]
#![allow(unsafe_code)]

mod yard;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use yard::{ms, run, sandbox, settle_within, told};

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");
/// How long a machine that is never quiet is waited for.
const QUIET: Duration = Duration::from_secs(4);
/// Debian's modules are for Debian's Python.
const PYTHON: &str = "/usr/bin/python3";
/// All to all is for so many hosts at most.
const MOST_PINGS: usize = 100;
/// What is measured, and what Mininet calls it. Mininet's hosts are told each other's hardware
/// addresses before they ping (`introduce` in its script says why); netyard's find them out, and
/// then, once more, are told them, too.
const WHAT: [(&str, &str); 4] = [
    ("up", "up "),
    (ASKED, "pingall "),
    (TOLD, "pingall "),
    ("down", "stop "),
];
const ASKED: &str = "all to all, asked for by ARP";
const TOLD: &str = "all to all, told to both";

/// Samples in ms, by number of hosts, by what, of Mininet or not.
type Samples = BTreeMap<(usize, &'static str, bool), Vec<f64>>;

fn main() {
    let (rounds, sizes) = yard::rounds_and_sizes(5, &[100, 300]);
    let pings = !std::env::args().any(|word| word == "--no-pings");
    let version = match version() {
        Ok(version) => version,
        Err(reason) => return println!("skipped, no Mininet here: {reason}"),
    };
    sandbox();
    let bridges = switched();
    println!(
        "Mininet {version}; {rounds} rounds, load before: {}; {bridges}",
        yard::load()
    );
    let mut samples = Samples::new();
    for round in 0..rounds {
        for &hosts in &sizes {
            eprintln!("round {} of {rounds}, {hosts} hosts", round + 1);
            let pings = pings && hosts <= MOST_PINGS;
            netyard(hosts, pings, &mut samples);
            mininet(hosts, pings, &mut samples);
            let last = |(key, list): (&(usize, _, _), &Vec<f64>)| {
                (key.0 == hosts).then(|| list.last().copied())
            };
            eprintln!(
                "{:.1?}",
                samples
                    .iter()
                    .filter_map(last)
                    .flatten()
                    .collect::<Vec<_>>()
            );
        }
    }
    report(&sizes, &samples);
}

/// Mininet's version, or why it cannot take part.
fn version() -> Result<String, String> {
    let import = "import mininet.net; print(mininet.net.VERSION)";
    let said = Command::new(PYTHON).args(["-c", import]).output();
    let said = said.map_err(|e| format!("{PYTHON}: {e}"))?;
    if !said.status.success() {
        let why = String::from_utf8_lossy(&said.stderr);
        let why = why.lines().last().unwrap_or("its modules do not load");
        return Err(format!("{why} (Debian: apt-get install mininet)"));
    }
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Where the module br_netfilter is loaded, all that a bridge forwards goes through the rules of the
/// host. Mininet warns where that is so; here it is not, for both.
fn switched() -> &'static str {
    let directory = Path::new("/proc/sys/net/bridge");
    for table in ["arp", "ip", "ip6"] {
        let setting = directory.join(format!("bridge-nf-call-{table}tables"));
        if setting.exists() {
            fs::write(&setting, "0").expect("a setting of our own network namespace");
        }
    }
    match directory.exists() {
        true => "br_netfilter is loaded, and switched off for both",
        false => "no br_netfilter",
    }
}

/// Up, all to all, down.
fn netyard(hosts: usize, pings: bool, samples: &mut Samples) {
    let (shape, lab) = (format!("star:{hosts}"), format!("star-{hosts}"));
    let mut timed = |what, arguments: &[&str]| {
        settle_within(QUIET);
        let began = Instant::now();
        let said = run(Command::new(NETYARD).args(arguments));
        let list = samples.entry((hosts, what, false)).or_default();
        list.push(ms(began.elapsed()));
        said
    };
    timed("up", &["up", &shape]);
    // The first reaches the last. As of Mininet it is asked before what is timed.
    run(Command::new(NETYARD).args(["test", &lab]));
    for what in [ASKED, TOLD].into_iter().filter(|_| pings) {
        if what == TOLD {
            introduce(hosts);
        }
        let said = timed(what, &["test", "--all", &lab]);
        let pairs = hosts * (hosts - 1);
        // The host has no address on the switch, and is told so beside.
        assert!(said.contains(&format!(": {pairs} of ")), "{said}");
    }
    timed("down", &["down", &lab]);
}

/// Each host knows the hardware addresses of all, as Mininet's do.
fn introduce(hosts: usize) {
    let ip = |arguments: &[&str]| run(Command::new("ip").args(arguments));
    let names: Vec<String> = (1..=hosts).map(|n| format!("h{n}")).collect();
    let seen: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let link = ip(&["-n", name, "-br", "link", "show", "dev", "eth0"]);
            let address = ip(&["-n", name, "-br", "-4", "address", "show", "dev", "eth0"]);
            let word = |text: &str| {
                text.split_whitespace()
                    .nth(2)
                    .expect("a third word")
                    .to_owned()
            };
            let address = word(&address);
            let address = address.split('/').next().expect("an address").to_owned();
            (address, word(&link))
        })
        .collect();
    for (at, name) in names.iter().enumerate() {
        let others = seen.iter().enumerate().filter(|(other, _)| *other != at);
        let lines =
            others.map(|(_, (to, mac))| format!("neigh replace {to} lladdr {mac} dev eth0\n"));
        fs::write("/run/neighbours", lines.collect::<String>()).expect("a file");
        ip(&["-n", name, "-batch", "/run/neighbours"]);
    }
}

/// The same by Mininet, in a process namespace of its own: hosts are shells, which all end with it.
fn mininet(hosts: usize, pings: bool, samples: &mut Samples) {
    settle_within(QUIET);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/one_switch.py");
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", "mount -t sysfs none /sys && exec \"$@\"", "sh"])
        .args([PYTHON, "-B"])
        .arg(script)
        .arg(hosts.to_string());
    if pings {
        command.arg("pings");
    }
    let said = run(&mut command);
    for (what, word) in WHAT {
        if pings || word != "pingall " {
            let list = samples.entry((hosts, what, true)).or_default();
            list.push(told(&said, word));
        }
    }
}

fn report(sizes: &[usize], samples: &Samples) {
    println!("| hosts | | netyard | least | Mininet | least | times faster |");
    println!("|---|---|---|---|---|---|---|");
    for &hosts in sizes {
        for (what, _) in WHAT {
            let both = [false, true].map(|peer| samples.get(&(hosts, what, peer)));
            let [Some(own), Some(peer)] = both else {
                continue;
            };
            let [(own, least), (peer, fastest)] = [own, peer].map(|list| yard::median(list));
            println!(
                "| {hosts} | {what} | {own:.1} ms | {least:.1} | {peer:.0} ms | {fastest:.0} | {:.1} |",
                peer / own
            );
        }
    }
}
