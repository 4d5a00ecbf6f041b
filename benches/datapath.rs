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
/// So often each way is measured while a lab stands, by turns.
const SAMPLES: usize = 8;
/// So long after a lab is up nothing is measured: all its namespaces ask for routers at once,
/// after 1, 5, 13, 29 and 61 s and then seldom (RFC 7559, section 2), and 300 of them on one
/// bridge are heard 90,000 times. That takes a tenth of the requests, whoever wired them.
const ASKING: Duration = Duration::from_secs(65);
/// One measurement, in seconds.
const SECONDS: &str = "1";

/// A way through the host: its name, who asks, who answers, at which address and port.
type Way = (&'static str, String, String, String, usize);

/// The ways between the last two of so many namespaces, of which the first has this address.
/// What is asked in order is asked longest for them.
fn ways(namespaces: usize, address: String) -> [Way; 3] {
    let (one, two) = (namespaces - 2, namespaces - 1);
    let (t, u, out) = (format!("t{one}"), format!("t{two}"), "outside".to_owned());
    let [host, beyond] = ["192.0.2.1", "192.0.2.2"].map(str::to_owned);
    [
        (NAMES[0], u.clone(), t.clone(), address, PORT),
        (NAMES[1], u, out.clone(), beyond, PORT),
        (NAMES[2], out, t, host, PUBLISHED + one),
    ]
}

const NAMES: [&str; 3] = [
    "namespace to namespace",
    "out, masqueraded",
    "in by a published port",
];

/// Requests a second, by who wired it, by which way, and whether there is all or little.
type Samples = BTreeMap<(&'static str, &'static str, bool), Vec<f64>>;

fn main() {
    let mut numbers = yard::numbers();
    let rounds = numbers.next().unwrap_or(5);
    let namespaces = numbers.next().unwrap_or(300);
    let ports = numbers.next().unwrap_or(1000);
    assert!(
        ports + 1 >= namespaces,
        "each but the last publishes a port"
    );
    let tcprr = compiled("tcprr");
    let cni = peers::found().into_iter().find(|peer| peer.name == "CNI");
    sandbox();
    println!("{rounds} rounds of {SAMPLES}, load before {}", yard::load());
    outside();
    let mut samples = Samples::new();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        // Who goes first changes, so that a machine that tires favours nobody.
        for full in [round % 2 == 0, round % 2 != 0] {
            let (n, p) = if full { (namespaces, ports) } else { (2, 1) };
            run(Command::new(NETYARD).args(["up", &lab(n, p)]));
            let ways_of = ways(n, address(n - 2));
            measure(&tcprr, &ways_of, |way, rate| {
                samples
                    .entry(("netyard", way, full))
                    .or_default()
                    .push(rate);
            });
            run(Command::new(NETYARD).args(["down", "--wait", "path"]));
            if let Some(cni) = &cni {
                let all = attach(cni, n, p);
                let ways_of = ways(n, all[n - 2].address());
                measure(&tcprr, &ways_of, |way, rate| {
                    samples.entry(("CNI", way, full)).or_default().push(rate);
                });
                cni.clear(&all);
            }
        }
    }
    println!("medians, load after {}\n", yard::load());
    println!(
        "| requests a second | 2 namespaces, 1 port | {namespaces} namespaces, {ports} ports | ratio |"
    );
    println!("|---|---|---|---|");
    for (who, way) in ["netyard", "CNI"]
        .into_iter()
        .flat_map(|who| NAMES.map(|way| (who, way)))
    {
        let rate = |full| Some(median(samples.get(&(who, way, full))?).0);
        if let (Some(few), Some(many)) = (rate(false), rate(true)) {
            println!(
                "| {who}: {way} | {few:.0} | {many:.0} | {:.3} |",
                many / few
            );
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
        let own = address(i);
        let _ = writeln!(
            text,
            "  t{i}:\n    interfaces: {{ eth0: {{ network: lan, addresses: [{own}/16] }} }}"
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

fn address(i: usize) -> String {
    format!("10.77.{}.{}", (i + 1) / 250, (i + 1) % 250 + 1)
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

/// Measures all ways by turns.
fn measure(tcprr: &Path, ways: &[Way; 3], mut note: impl FnMut(&'static str, f64)) {
    let inside = |netns: &str| {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", netns]).arg(tcprr);
        command
    };
    let servers = [&ways[0].2, &ways[1].2].map(|netns| {
        let mut server = inside(netns);
        let server = server.args(["-s", &PORT.to_string(), "-c", "1"]);
        let mut server = server.stdout(Stdio::null()).spawn().expect("a server");
        listening(&mut server, netns);
        server
    });
    std::thread::sleep(ASKING);
    settle();
    for _ in 0..SAMPLES {
        for (way, from, _, address, port) in ways {
            let port = port.to_string();
            let said = run(inside(from).args([address, &port, SECONDS, "rr", "-c", "1"]));
            let rate = said.split(' ').next().and_then(|rate| rate.parse().ok());
            note(way, rate.expect("the client tells its rate"));
        }
    }
    for mut server in servers {
        let ended = server.kill().and_then(|()| server.wait());
        ended.expect("the server ends");
    }
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
