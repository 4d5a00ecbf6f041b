//! Requests and responses over TCP on one processor (`floor/tcprr.c`): from namespace to
//! namespace, out through the host, in by a published port; with 300 namespaces and 1,000
//! published ports against two namespaces and one port, taking turns; and the same with the
//! CNI plugins, where they are installed.
//! docs/performance.md says what came of it.
//!
//! `cargo bench --bench datapath` (9 rounds), `cargo bench --bench datapath -- 3 50 100`
//! (3 rounds, 50 namespaces, 100 ports).

#![allow(unsafe_code, clippy::disallowed_methods, clippy::disallowed_macros)]

mod peers;
mod yard;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use peers::{Container, Peer};
use yard::{compiled, median, run, sandbox, settle};

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");
/// Where the server listens, in its namespace.
const PORT: usize = 5202;
/// The port of the host that leads there; others follow.
const PUBLISHED: usize = 20_000;
/// One measurement, in seconds.
const SECONDS: &str = "2";

/// A way through the host: its name, who asks, who answers, at which address and port.
type Way = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    usize,
);

/// The ways, with the address that the first namespace has.
fn ways(first: &'static str) -> [Way; 3] {
    [
        ("namespace to namespace", "t1", "t0", first, PORT),
        ("out, masqueraded", "t1", "outside", "192.0.2.2", PORT),
        (
            "in by a published port",
            "outside",
            "t0",
            "192.0.2.1",
            PUBLISHED,
        ),
    ]
}

fn main() {
    let mut numbers = yard::numbers();
    let rounds = numbers.next().unwrap_or(9);
    let namespaces = numbers.next().unwrap_or(300);
    let ports = numbers.next().unwrap_or(1000);
    let tcprr = compiled("tcprr");
    let cni = peers::found().into_iter().find(|peer| peer.name == "CNI");
    sandbox();
    println!("{rounds} rounds, load before {}", yard::load());
    outside();
    let mut samples: BTreeMap<(&str, &str, bool), Vec<f64>> = BTreeMap::new();
    let mut note = |who, full, ways: [Way; 3]| {
        for way in ways {
            let rate = measure(&tcprr, way);
            samples.entry((who, way.0, full)).or_default().push(rate);
        }
    };
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        // Who goes first changes, so that a machine that tires favours nobody.
        for full in [round % 2 == 0, round % 2 != 0] {
            let (n, p) = if full { (namespaces, ports) } else { (2, 1) };
            run(Command::new(NETYARD).args(["up", &lab(n, p)]));
            note("netyard", full, ways("10.77.0.2"));
            run(Command::new(NETYARD).args(["down", "--wait", "path"]));
            if let Some(cni) = &cni {
                let all = attach(cni, n, p);
                note("CNI", full, ways("10.89.0.2"));
                cni.clear(&all);
            }
        }
    }
    println!("medians, load after {}\n", yard::load());
    println!(
        "| requests a second | 2 namespaces, 1 port | {namespaces} namespaces, {ports} ports | ratio |"
    );
    println!("|---|---|---|---|");
    for who in ["netyard", "CNI"] {
        for (way, ..) in ways("") {
            let rate = |full| Some(median(samples.get(&(who, way, full))?).0);
            if let (Some(few), Some(many)) = (rate(false), rate(true)) {
                println!(
                    "| {who}: {way} | {few:.0} | {many:.0} | {:.3} |",
                    many / few
                );
            }
        }
    }
}

/// As many containers by the CNI plugins, of which each publishes its share of the ports.
fn attach(cni: &Peer, namespaces: usize, ports: usize) -> Vec<Container> {
    let one = |i| {
        let made = cni.namespace(&format!("t{i}"), i);
        cni.up(&made, share(i, namespaces, ports));
        made
    };
    (0..namespaces).map(one).collect()
}

/// The ports of one namespace, and where each leads.
fn share(one: usize, namespaces: usize, ports: usize) -> impl Iterator<Item = (usize, usize)> {
    let own = (0..ports).filter(move |port| port % namespaces == one);
    own.map(|port| (PUBLISHED + port, PORT))
}

/// One network with namespaces, of which each publishes its share of the ports.
fn lab(namespaces: usize, ports: usize) -> String {
    let mut text = "lab: path\nnetworks:\n  lan: { bridge: br-path, subnets: [10.77.0.0/16], masquerade: true }\nnamespaces:\n".to_owned();
    for i in 0..namespaces {
        let (a, b) = ((i + 1) / 250, (i + 1) % 250 + 1);
        let _ = writeln!(
            text,
            "  t{i}:\n    interfaces: {{ eth0: {{ network: lan, addresses: [10.77.{a}.{b}/16] }} }}"
        );
        let mut own = share(i, namespaces, ports).peekable();
        if own.peek().is_some() {
            text += "    publish:\n";
        }
        for (host, port) in own {
            let _ = writeln!(
                text,
                "      - {{ host: {host}, port: {port}, visible: public }}"
            );
        }
    }
    let path = format!("/run/path-{namespaces}.yaml");
    fs::write(&path, text).expect("the topology");
    path
}

/// A machine beyond the host, which knows no way into the lab's network.
fn outside() {
    let lines = "netns add outside
        link add up0 type veth peer name eth0 netns outside
        address add 192.0.2.1/24 dev up0
        link set up0 up
        -n outside address add 192.0.2.2/24 dev eth0
        -n outside link set eth0 up
        -n outside link set lo up";
    for line in lines.lines() {
        run(Command::new("ip").args(line.split_whitespace()));
    }
}

fn measure(tcprr: &Path, (_, from, to, address, port): Way) -> f64 {
    let inside = |netns: &str| {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", netns]).arg(tcprr);
        command
    };
    let mut server = inside(to);
    let server = server.args(["-s", &PORT.to_string(), "-c", "1"]);
    let mut server = server.stdout(Stdio::null()).spawn().expect("a server");
    listening(&mut server, to);
    settle();
    let port = port.to_string();
    let said = run(inside(from).args([address, &port, SECONDS, "rr", "-c", "1"]));
    server
        .kill()
        .and_then(|()| server.wait())
        .expect("the server ends");
    let rate = said.split(' ').next().and_then(|rate| rate.parse().ok());
    rate.expect("the client tells its rate")
}

/// Waits until the server can be asked.
fn listening(server: &mut Child, netns: &str) {
    let began = Instant::now();
    let port = format!(":{PORT:04X} ");
    loop {
        let table = run(Command::new("ip").args(["netns", "exec", netns, "cat", "/proc/net/tcp"]));
        if table
            .lines()
            .any(|line| line.contains(&port) && line.contains(" 0A "))
        {
            return;
        }
        let ended = server.try_wait().expect("its state");
        assert!(
            ended.is_none() && began.elapsed() < Duration::from_secs(10),
            "no server"
        );
    }
}
