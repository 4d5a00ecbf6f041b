//! How long netyard takes as a CNI plugin, against the chain of reference plugins that does
//! the same (bridge, host-local, portmap, firewall) and against what the kernel alone
//! charges: whole processes, called as libcni calls them, in the same run.
//!
//! `cargo bench --bench cni` (all), `cargo bench --bench cni -- 3 0 30` (quick: 3 rounds,
//! beside none and beside 30). The chain takes part where Debian's package
//! containernetworking-plugins is installed.

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "../peers/mod.rs"]
mod peers;
mod report;
#[path = "../yard/mod.rs"]
mod yard;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use peers::driver::{Attachment, Network};
use peers::{attach, detach};
use report::Report;
use yard::{compiled, ms, run, sandbox};

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");
/// With so many ports each.
const PORTS: [usize; 4] = [0, 1, 10, 100];
/// So many at once.
const PARALLEL: usize = 8;
/// Where plugins are that tell their memory.
const TELLING: &str = "/run/telling";
/// And what they tell.
const PEAKS: &str = "/run/peaks";
const KERNEL: &str = "kernel";
const OURS: &str = "netyard";
const CHAIN: &str = "chain";

/// What is measured: of whom, what, beside how many others, with how many ports.
type What = (&'static str, &'static str, usize, usize);
/// In ms.
type Samples = BTreeMap<What, Vec<f64>>;

/// Whose network, and how it is called.
struct Side {
    name: &'static str,
    network: Network,
    telling: Network,
}

fn main() {
    let (rounds, sizes) = yard::rounds_and_sizes(9, &[0, 300, 900]);
    let there = peers::found().into_iter().find(|peer| peer.name == "CNI");
    let (floor, peak) = (compiled("nsfloor"), compiled("peak"));
    sandbox();
    telling(&peak);
    let mut sides = vec![ours()];
    if let Some(peer) = &there {
        println!("the chain: {}, iptables-nft", peer.version);
        sides.push(Side {
            name: CHAIN,
            network: peers::chain(peers::PLUGINS),
            telling: peers::chain(TELLING),
        });
    }
    println!("{rounds} rounds, load before: {}", yard::load());
    let mut samples = Samples::new();
    for &size in &sizes {
        // They take turns, but that nobody pays for the others of somebody else.
        let groups = if size == 0 { sides.len() } else { 1 };
        for group in sides.chunks(groups) {
            eprintln!("{}, beside {size}", group[0].name);
            let crowds: Vec<_> = group.iter().map(|side| crowd(side, size)).collect();
            for _ in 0..rounds {
                kernel(&floor, &mut samples);
                group
                    .iter()
                    .for_each(|side| round(side, size, &mut samples));
            }
            for (side, crowd) in group.iter().zip(crowds) {
                leave(side, crowd);
            }
        }
    }
    sides.iter().for_each(|side| memory(side, &mut samples));
    println!("medians (smallest), load after: {}", yard::load());
    let report = Report { samples, sizes };
    report.ports();
    report.others();
    report.parallel();
    report.verdicts();
}

/// All that is measured of somebody beside so many others.
fn round(side: &Side, size: usize, samples: &mut Samples) {
    let with = if size == 0 { &PORTS[..] } else { &PORTS[1..2] };
    for &ports in with {
        one_more(side, size, ports, samples);
    }
    if size == 0 {
        at_once(side, samples);
    }
}

/// netyard's own network, as like the chain's as can be.
fn ours() -> Side {
    let list = json!({ "cniVersion": "1.1.0", "name": "bench", "plugins": [{
        "type": "netyard", "bridge": "yard0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
        "ipam": {
            "type": "host-local", "ranges": [[{ "subnet": "10.90.0.0/16" }]],
            "routes": [{ "dst": "0.0.0.0/0" }],
        },
        "capabilities": { "portMappings": true },
    }] });
    let path = Path::new(NETYARD).parent().expect("a directory");
    Side {
        name: OURS,
        network: Network::new(list.clone(), &path.display().to_string()),
        telling: Network::new(list, TELLING),
    }
}

/// The same plugins, which tell how much memory they took.
fn telling(peak: &Path) {
    fs::create_dir_all(TELLING).expect("a directory");
    let theirs = fs::read_dir(peers::PLUGINS).into_iter().flatten();
    let theirs = theirs.filter_map(|entry| Some(entry.ok()?.path()));
    for program in theirs.chain([NETYARD.into()]) {
        let file = Path::new(TELLING).join(program.file_name().expect("a name"));
        let (peak, program) = (peak.display(), program.display());
        let script = format!("#!/bin/sh\nexec {peak} {PEAKS} {program}\n");
        fs::write(&file, script).expect("a script");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it may be run");
    }
}

/// A container, whose namespace the runtime makes before, with so many ports from one on.
fn container(name: &str, first: usize, ports: usize) -> Attachment {
    run(Command::new("ip").args(["netns", "add", name]));
    run(Command::new("ip").args(["-n", name, "link", "set", "lo", "up"]));
    let port = |n| json!({ "hostPort": first + n, "containerPort": 80 + n, "protocol": "tcp" });
    let ports: Value = (0..ports).map(port).collect();
    Attachment::new(name, &format!("/run/netns/{name}")).asking("portMappings", ports)
}

fn removed(name: &str) {
    run(Command::new("ip").args(["netns", "del", name]));
}

/// So many with a port each.
fn crowd(side: &Side, size: usize) -> Vec<Attachment> {
    let mut crowd: Vec<Attachment> = (0..size)
        .map(|n| container(&format!("crowd{n}"), 20_000 + n, 1))
        .collect();
    // What the first one of all makes, a bridge for one, is nobody's.
    let mut first = container("first", 12_000, 1);
    attach(&side.network, &mut first);
    detach(&side.network, &first);
    removed("first");
    for one in &mut crowd {
        attach(&side.network, one);
    }
    crowd
}

/// Takes all of it away at once: nothing of it is measured.
fn leave(side: &Side, crowd: Vec<Attachment>) {
    if side.name == OURS {
        side.network.gc(&[]).unwrap_or_else(|all| panic!("{all:?}"));
    } else {
        run(Command::new("nft").args(["flush", "ruleset"]));
        run(Command::new("ip").args(["link", "del", peers::BRIDGE]));
        let _ = fs::remove_dir_all(peers::LEASES);
    }
    crowd.iter().for_each(|one| removed(&one.container));
}

/// There are many steps: on a busy machine the load tells what they are worth.
fn settle() {
    yard::settle_within(Duration::from_secs(1));
}

/// What the kernel alone takes for a cable with an address and a route; and for its end.
fn kernel(floor: &Path, samples: &mut Samples) {
    settle();
    let out = run(Command::new(floor).args(["-n", "1", "-t", "1", "-D", "1"]));
    let phase = |name: &str| -> f64 {
        let line = out.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        value.expect("the floor tells its time")
    };
    let mut note = |what, time| samples.entry((KERNEL, what, 0, 0)).or_default().push(time);
    note("ADD", phase("veth ") + phase("config "));
    note("DEL", phase("dellink "));
    note("namespace", phase("netns "));
    // `ip netns` mounts its directory on itself when it comes first; the floor does not.
    let _ = fs::remove_dir("/run/netns");
}

fn one_more(side: &Side, size: usize, ports: usize, samples: &mut Samples) {
    let mut note = |what, time| {
        let list = samples.entry((side.name, what, size, ports));
        list.or_default().push(time);
    };
    let mut one = container("one", 10_000, ports);
    settle();
    note("ADD", attach(&side.network, &mut one));
    settle();
    note("DEL", detach(&side.network, &one));
    removed("one");
}

/// Several with a port each at the same time: how long until the last is there, and gone.
fn at_once(side: &Side, samples: &mut Samples) {
    let names: Vec<String> = (0..PARALLEL).map(|n| format!("par{n}")).collect();
    let mut all: Vec<Attachment> = names
        .iter()
        .enumerate()
        .map(|(n, name)| container(name, 11_000 + n, 1))
        .collect();
    let mut note = |what, time| {
        let list = samples.entry((side.name, what, 0, PARALLEL));
        list.or_default().push(time);
    };
    settle();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for one in &mut all {
            scope.spawn(|| attach(&side.network, one));
        }
    });
    note("ADD at once", ms(began.elapsed()));
    settle();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for one in &all {
            scope.spawn(|| detach(&side.network, one));
        }
    });
    note("DEL at once", ms(began.elapsed()));
    names.iter().for_each(|name| removed(name));
}

/// The peak of the largest plugin, in KiB.
fn memory(side: &Side, samples: &mut Samples) {
    for ports in [1, 100] {
        let mut one = container("one", 10_000, ports);
        for what in ["ADD memory", "DEL memory"] {
            let _ = fs::remove_file(PEAKS);
            match what {
                "ADD memory" => attach(&side.telling, &mut one),
                _ => detach(&side.telling, &one),
            };
            let told = fs::read_to_string(PEAKS).expect("what they told");
            let peak = told.lines().filter_map(|line| line.parse::<f64>().ok());
            let list = samples.entry((side.name, what, 0, ports)).or_default();
            list.push(peak.fold(0.0, f64::max));
        }
        removed("one");
    }
}
