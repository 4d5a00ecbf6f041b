//! Limits of how fast interfaces are, as tc(8) shows them and as connections feel them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::join::Guest;
use crate::matrix::within;
use crate::sandbox::{file, ok, outcome, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("rate::tc shows it, and its change and its end", shown),
        test("rate::a failed up leaves it as it was", undone),
        test("rate::what others did to it is repaired", repaired),
        test("rate::in a namespace that is joined", joined),
        test("rate::show and graph tell it", told),
        test("rate::connections are as fast as it says", felt),
    ]
}

const LAB: &str = "
lab: slow
networks: { lan: { subnets: [10.5.0.0/24] } }
namespaces:
  one:
    interfaces:
      eth0: { network: lan, addresses: [10.5.0.10/24], rate: { in: 20mbit, out: 8mbit } }
      x0: { addresses: [10.6.0.1/24], rate: { out: 40mbit } }
  two:
    interfaces:
      eth0: { network: lan, addresses: [10.5.0.20/24] }
      x0: { addresses: [10.6.0.2/24], rate: { in: 10mbit, out: 16mbit, out_burst: 65536 } }
links: [{ endpoints: ['one:x0', 'two:x0'] }]
";

fn up(text: &str) -> String {
    ok(&["up", "--yes", &file("slow.yaml", text)])
}

/// Rate in bytes a second, burst in bytes and longest wait in microseconds; `None`: the
/// kernel's own queue.
fn limit(tc: &str, dev: &str) -> Option<[u64; 3]> {
    let said: Value =
        serde_json::from_str(&sh(&format!("{tc} -j qdisc show dev {dev}"))).expect("JSON");
    let [queue] = &said.as_array().expect("a list")[..] else {
        panic!("one queue: {said}");
    };
    match queue["kind"].as_str() {
        Some("noqueue") => None,
        Some("tbf") => {
            let number = |name: &str| queue["options"][name].as_f64().expect("a number") as u64;
            Some(["rate", "burst", "lat"].map(number))
        }
        other => panic!("{other:?}"),
    }
}

/// Of every device that the lab has.
fn limits() -> [Option<[u64; 3]>; 6] {
    [
        ("tc", "one-eth0"),
        ("tc -n one", "eth0"),
        ("tc", "two-eth0"),
        ("tc -n two", "eth0"),
        ("tc -n one", "x0"),
        ("tc -n two", "x0"),
    ]
    .map(|(tc, dev)| limit(tc, dev))
}

/// Those of [`LAB`]. Of a link both ends' limits hold.
const LIMITS: [Option<[u64; 3]>; 6] = [
    Some([2_500_000, 25_000, 25_000]),
    Some([1_000_000, 10_000, 25_000]),
    None,
    None,
    Some([1_250_000, 12_500, 25_000]),
    Some([2_000_000, 65_536, 25_000]),
];

fn shown() {
    let before = snapshot::host();
    up(LAB);
    assert_eq!(limits(), LIMITS);
    assert!(up(LAB).contains("nothing to change"));
    // More than 32 bits say, a rate that is no round number, and one direction less.
    let other = LAB
        .replace("{ in: 20mbit, out: 8mbit }", "{ in: 40gbit }")
        .replace("out: 40mbit", "out: 1234568bit");
    up(&other);
    let [port, eth0, .., x0, far] = limits();
    let [rate, burst, _] = port.expect("a limit");
    assert_eq!(rate, 5_000_000_000);
    assert!(burst.abs_diff(50_000_000) < 10_000, "tc(8) rounds: {burst}");
    assert_eq!((eth0, far), (None, LIMITS[5]));
    assert_eq!(x0.map(|[rate, ..]| rate), Some(154_321));
    assert!(up(&other).contains("nothing to change"));
    up(&without());
    assert_eq!(limits(), [None; 6]);
    up(LAB);
    assert_eq!(limits(), LIMITS);
    ok(&["down", "slow"]);
    snapshot::assert_same(&before, &snapshot::host(), "after the lab");
}

/// The lab without any rate.
fn without() -> String {
    let rate = regex_lite::Regex::new(r",? rate: \{[^}]*\}").expect("a pattern");
    rate.replace_all(LAB, "").into_owned()
}

/// What was there comes back, also what netyard does not make.
fn undone() {
    up(LAB);
    sh("tc -n two qdisc add dev eth0 root pfifo limit 7");
    let fifo = || sh("tc -n two qdisc show dev eth0").contains("limit 7p");
    let before = limits_of_ours();
    // The bridge then refuses its IPv6 address, when all else is done.
    sh("echo 1 > /proc/sys/net/ipv6/conf/slow-lan/disable_ipv6");
    let other = without().replace("[10.5.0.0/24]", "[10.5.0.0/24, 'fd00:5::/64']");
    for text in [
        &other,
        &other.replace("network: lan", "network: lan, rate: 1mbit"),
    ] {
        let failed = outcome(&["up", "--yes", &file("slow.yaml", text)]);
        assert!(failed.err.contains("was undone"), "{}", failed.err);
        assert_eq!(limits_of_ours(), before);
        assert!(fifo());
    }
    up(LAB);
    assert_eq!(limits(), LIMITS);
}

fn limits_of_ours() -> [Option<[u64; 3]>; 4] {
    [
        ("tc", "one-eth0"),
        ("tc -n one", "eth0"),
        ("tc -n one", "x0"),
        ("tc -n two", "x0"),
    ]
    .map(|(tc, dev)| limit(tc, dev))
}

/// Also on devices without a limit; on those of others nothing is touched.
fn repaired() {
    sh("ip link add theirs type veth peer name far; ip link set theirs up");
    sh("tc qdisc add dev theirs root tbf rate 1mbit burst 5000 latency 1ms");
    up(LAB);
    for done in [
        "tc -n one qdisc del dev eth0 root",
        "tc qdisc del dev one-eth0 root",
        "tc -n two qdisc replace dev x0 root tbf rate 16mbit burst 65536 latency 26ms",
        "tc -n two qdisc replace dev x0 root tbf rate 16mbit burst 65536 latency 25ms peakrate 20mbit mtu 2000",
        "tc -n one qdisc replace dev x0 root pfifo limit 5",
        "tc -n two qdisc add dev eth0 root pfifo limit 5",
        "tc qdisc add dev slow-lan root tbf rate 1mbit burst 5000 latency 1ms",
        "tc -n two qdisc add dev lo root pfifo",
    ] {
        sh(done);
        assert_eq!(outcome(&["status", "slow"]).code, Some(1), "{done}");
        ok(&["repair", "--yes", "slow"]);
        assert_eq!(limits(), LIMITS, "{done}");
        assert!(
            !sh("tc qdisc show dev slow-lan; tc -n two qdisc").contains("fifo"),
            "{done}"
        );
        assert!(up(LAB).contains("nothing to change"), "{done}");
    }
    assert_eq!(limit("tc", "slow-lan"), None);
    assert_eq!(limit("tc", "theirs"), Some([125_000, 5000, 1000]));
}

fn joined() {
    let guest = Guest::new();
    let enter = format!("nsenter --net={}", guest.path());
    let tc = format!("{enter} tc");
    sh(&format!("{enter} ip link add eth0 type bridge"));
    sh(&format!("{tc} qdisc add dev eth0 root pfifo limit 5"));
    let text = format!(
        "lab: slow\nnetworks: {{ lan: {{ subnets: [10.5.0.0/24] }} }}\nnamespaces:\n  \
         {}: {{ interfaces: {{ eth1: {{ network: lan, rate: {{ in: 8mbit, out: 16mbit }} }}, x0: {{ rate: {{ in: 4mbit }} }} }} }}\n  \
         own: {{}}\nlinks: [{{ endpoints: ['own:x0', '{}:x0'] }}]\n",
        guest.path(),
        guest.path(),
    );
    up(&text);
    let rate = |tc: &str, dev: &str| limit(tc, dev).map(|[rate, ..]| rate);
    assert_eq!(rate(&tc, "eth1"), Some(2_000_000));
    assert_eq!(rate(&tc, "x0"), None);
    assert_eq!(rate("tc -n own", "x0"), Some(500_000));
    assert!(up(&text).contains("nothing to change"));
    sh(&format!("{tc} qdisc del dev eth1 root"));
    ok(&["repair", "slow"]);
    assert_eq!(rate(&tc, "eth1"), Some(2_000_000));
    ok(&["down", "slow"]);
    assert!(
        sh(&format!("{tc} qdisc show dev eth0")).contains("limit 5p"),
        "theirs"
    );
}

fn told() {
    up(LAB);
    let shown = ok(&["show", "one"]);
    for line in ["20mbit in, 8mbit out", "16mbit in, 10mbit out"] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    for drawn in [
        ok(&["graph", "slow"]),
        ok(&["graph", &file("slow.yaml", LAB)]),
    ] {
        assert!(drawn.contains("20mbit in, 8mbit out"), "{drawn}");
    }
    let plan: Value = serde_json::from_str(&ok(&["show", "--json", "one"])).expect("JSON");
    assert!(plan.to_string().contains(r#""rate":"8mbit""#), "{plan:#}");
}

/// Within a tenth of the limit, each way over each cable. Of packets that are cut only on a card
/// (GSO) a device counts the headers once, the limit each time: up to 4 % are missing.
fn felt() {
    up(LAB);
    for (from, to, (dev, address), limit) in [
        ("one", "two", ("eth0", "10.5.0.20"), 8e6),
        ("two", "one", ("eth0", "10.5.0.10"), 20e6),
        ("one", "two", ("x0", "10.6.0.2"), 10e6),
        ("two", "one", ("x0", "10.6.0.1"), 16e6),
    ] {
        let share = measured(from, to, (dev, address)) / limit;
        assert!(
            (0.9..1.1).contains(&share),
            "{from} to {dev} of {to}: {share:.3} of {limit}"
        );
    }
}

/// As many connections as it takes that one that waits (for 200 ms, `TCP_RTO_MIN`) is not felt.
const CONNECTIONS: usize = 4;

/// What a device receives, in bits a second, by its own count: 2 s, once a burst has passed.
fn measured(from: &str, to: &str, (dev, address): (&str, &str)) -> f64 {
    let server = within(to, || TcpListener::bind((address, 5001))).expect("a server");
    let streams: Vec<[TcpStream; 2]> = (0..CONNECTIONS)
        .map(|_| {
            let client = within(from, || TcpStream::connect((address, 5001)));
            [
                client.expect("a connection"),
                server.accept().expect("its other end").0,
            ]
        })
        .collect();
    std::thread::scope(|scope| {
        for [client, server] in &streams {
            let (mut client, mut server) = (client, server);
            scope.spawn(move || while client.write_all(&[0; 65536]).is_ok() {});
            scope.spawn(move || while server.read(&mut [0; 65536]).is_ok_and(|read| read > 0) {});
        }
        let rate = within(to, || {
            std::thread::sleep(Duration::from_millis(300));
            let before = received(dev);
            std::thread::sleep(Duration::from_secs(2));
            let after = received(dev);
            (after.0 - before.0) as f64 * 8.0 / (after.1 - before.1).as_secs_f64()
        });
        for stream in streams.iter().flatten() {
            stream.shutdown(Shutdown::Both).expect("an end");
        }
        rate
    })
}

/// The bytes that a device of the thread's namespace has received, and when.
fn received(dev: &str) -> (u64, Instant) {
    let all = std::fs::read_to_string("/proc/thread-self/net/dev").expect("its devices");
    let now = Instant::now();
    let line = all
        .lines()
        .find_map(|line| line.trim().strip_prefix(&format!("{dev}:")));
    let bytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    (bytes.expect("a count"), now)
}
