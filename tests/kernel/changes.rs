//! Changes of a lab that is up: who is disturbed, and who is not. Real pings run
//! meanwhile, five hundred a second.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::sandbox::{file, ok, pings, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests: Vec<Test> = CHANGES
        .iter()
        .map(|(name, from, to)| {
            let name = format!("changes::{name}, and the untouched lose no packet");
            test(&name, move || untouched(from, to))
        })
        .collect();
    tests.extend([
        test(
            "changes::a bridge gets another name and nobody notices",
            renamed,
        ),
        test(
            "changes::an address that makes room is back at once",
            makes_room,
        ),
        test(
            "changes::another prefix length cuts nobody off",
            other_prefix,
        ),
        test(
            "changes::another gateway is a blip for what leaves",
            gateway,
        ),
        test(
            "changes::a moved interface is cut from its old network",
            moved,
        ),
        test(
            "changes::neighbours hold the old hardware address",
            neighbours,
        ),
    ]);
    tests
}

/// `a` and `b` are the untouched; `net` is a world outside.
pub(crate) const LAB: &str = r#"
lab: eyes
networks:
  lan: { subnets: [10.5.0.0/24, "fd00:5::/64"] }
  back: { subnets: [10.6.0.0/24] }
namespaces:
  a: { interfaces: { eth0: { network: lan, addresses: [10.5.0.10/24, "fd00:5::10/64"] } } }
  b: { interfaces: { eth0: { network: lan, addresses: [10.5.0.20/24, "fd00:5::20/64"] } } }
  c: { interfaces: { eth0: { network: lan, addresses: [10.5.0.30/24, 10.5.0.31/24, "fd00:5::30/64"] } } }
  d: { interfaces: { eth0: { network: back, addresses: [10.6.0.40/24] } }, routes: [{ to: 198.51.100.0/24, via: 10.6.0.9 }] }
  net: { interfaces: { eth0: { addresses: [192.0.2.9/24] } } }
  host: { interfaces: { world: { addresses: [192.0.2.1/24] } } }
links:
  - endpoints: ["host:world", "net:eth0"]
"#;

/// What is replaced in the file by what.
pub(crate) const CHANGES: [(&str, &str, &str); 15] = [
    (
        "a rate",
        "c: { interfaces: { eth0: {",
        "c: { interfaces: { eth0: { rate: { in: 20mbit, out: 5mbit, out_burst: 65536 },",
    ),
    (
        "an interface's MTU",
        "c: { interfaces: { eth0: {",
        "c: { interfaces: { eth0: { mtu: 1400,",
    ),
    ("a network's MTU", "lan: {", "lan: { mtu: 1400,"),
    ("another address", "10.5.0.30/24", "10.5.0.33/24"),
    (
        "one address more",
        "10.5.0.31/24",
        "10.5.0.31/24, 10.5.0.32/24",
    ),
    (
        "another hardware address",
        "c: { interfaces: { eth0: {",
        HARDWARE,
    ),
    ("another route", "via: 10.6.0.9", "via: 10.6.0.8"),
    ("no route", ROUTES, "routes: []"),
    (
        "another gateway",
        "lan: {",
        "lan: { gateway: [10.5.0.254, 'fd00:5::fe'],",
    ),
    ("masquerade", "lan: {", "lan: { masquerade: true,"),
    ("a bridge's name", "lan: {", "lan: { bridge: br-other,"),
    ("a network's subnet", "10.6.", "10.7."),
    ("an interface on another network", TO_LAN.0, TO_LAN.1),
    (
        "one namespace more",
        "  net:",
        "  e: { interfaces: { eth0: { network: lan } } }\n  net:",
    ),
    ("another cable", "192.0.2.9/24", "192.0.2.8/24"),
];

const HARDWARE: &str = "c: { interfaces: { eth0: { mac: '02:00:00:00:00:0c',";
const ROUTES: &str = "routes: [{ to: 198.51.100.0/24, via: 10.6.0.9 }]";
const TO_LAN: (&str, &str) = (
    "{ network: back, addresses: [10.6.0.40/24] } }, routes: [{ to: 198.51.100.0/24, via: 10.6.0.9 }]",
    "{ network: lan, addresses: [10.5.0.40/24] } }",
);

/// A ping that goes on until it is asked what it lost.
struct Ping {
    child: Child,
    replies: Receiver<u32>,
    seen: BTreeSet<u32>,
}

impl Ping {
    /// One that is answered already.
    fn running(from: &str, to: &str) -> Self {
        let mut command = match from {
            "host" => Command::new("ping"),
            netns => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", netns, "ping"]);
                command
            }
        };
        let mut child = command
            .args(["-n", "-i", "0.002", to])
            .stdout(Stdio::piped())
            .spawn()
            .expect("ping starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            for line in lines
                .map_while(Result::ok)
                .filter(|line| line.contains("time="))
            {
                let number = line
                    .split("icmp_seq=")
                    .nth(1)
                    .and_then(|rest| rest.split(' ').next());
                let number = number.and_then(|n| n.parse().ok());
                number.map(|n: u32| sender.send(n));
            }
        });
        let seen = BTreeSet::new();
        let mut ping = Ping {
            child,
            replies,
            seen,
        };
        ping.answered(20);
        ping
    }

    /// Waits for this many further answers.
    #[track_caller]
    fn answered(&mut self, times: usize) {
        self.seen.extend(self.replies.try_iter());
        for _ in 0..times {
            let reply = self.replies.recv_timeout(Duration::from_secs(10));
            self.seen.insert(reply.expect("an answer within 10 s"));
        }
    }

    /// Ends it. How many were lost between the first and the last that was answered.
    #[track_caller]
    fn lost(mut self) -> usize {
        self.answered(20);
        let (first, last) = (self.seen.first(), self.seen.last());
        let sent = first.zip(last).map(|(first, last)| last - first + 1);
        sent.expect("answers") as usize - self.seen.len()
    }
}

impl Drop for Ping {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn up(text: &str) -> String {
    ok(&["up", "--yes", &file("eyes.yaml", text)])
}

fn changed(from: &str, to: &str) -> String {
    assert!(LAB.contains(from), "`{from}` is in the file");
    LAB.replace(from, to)
}

/// There and back again.
fn untouched(from: &str, to: &str) {
    up(LAB);
    let pings = [("a", "10.5.0.20"), ("b", "fd00:5::10")];
    let mut pings = pings.map(|(from, to)| Ping::running(from, to));
    let said = up(&changed(from, to));
    assert!(said.contains("lab eyes is up:"), "{said}");
    pings.iter_mut().for_each(|ping| ping.answered(20));
    up(LAB);
    assert_eq!(pings.map(Ping::lost), [0, 0]);
    assert!(ok(&["up", "eyes"]).contains("nothing to change"));
}

/// The most packets that a blip may cost on a busy machine: 0.3 s.
const BLIP: usize = 150;

#[track_caller]
fn is_blip(ping: Ping) {
    let lost = ping.lost();
    assert!(lost <= BLIP, "{lost} packets were lost");
}

#[track_caller]
fn says(said: &str, text: &str) {
    assert!(said.contains(text), "`{text}` in\n{said}");
}

/// The network of `a` and `b`, with what else it has.
fn lan(more: &str) -> String {
    changed("lan: {", &format!("lan: {{ {more},"))
}

fn renamed() {
    let before = lan("masquerade: true");
    up(&before);
    let ways = [
        ("a", "10.5.0.20"),
        ("host", "10.5.0.10"),
        ("a", "192.0.2.9"),
        ("host", "fd00:5::10"),
    ];
    let mut pings = ways.map(|(from, to)| Ping::running(from, to));
    let said = up(&lan("masquerade: true, bridge: br-other"));
    says(&said, "~ bridge br-other (now named eyes-lan)");
    pings.iter_mut().for_each(|ping| ping.answered(20));
    let seen = "ip -o link; nft list table inet netyard";
    assert!(!sh(seen).contains("eyes-lan"));
    up(&before);
    assert_eq!(pings.map(Ping::lost), [0; 4]);
    assert!(!sh(seen).contains("br-other"));
}

fn makes_room() {
    up(LAB);
    let ping = Ping::running("b", "10.5.0.31");
    let said = up(&changed("10.5.0.30/24, ", ""));
    says(&said, "cut: what talks with 10.5.0.30\n");
    says(&said, "blip: what talks with 10.5.0.31, for a moment");
    is_blip(ping);
}

fn other_prefix() {
    up(LAB);
    let v4 = Ping::running("a", "10.5.0.20");
    let v6 = Ping::running("a", "fd00:5::20");
    let mut other = LAB.replace("5::/64", "5::/80").replace("0/64", "0/80");
    for host in ["0", "10", "20", "30", "31"] {
        let host = format!("10.5.0.{host}");
        other = other.replace(&format!("{host}/24"), &format!("{host}/25"));
    }
    let said = up(&other);
    assert!(!said.contains("cut:"), "{said}");
    assert_eq!(v4.lost(), 0);
    says(&said, "blip: what talks with fd00:5::20, for a moment");
    is_blip(v6);
}

fn gateway() {
    up(&lan("masquerade: true"));
    let ping = Ping::running("a", "192.0.2.9");
    let said = up(&lan(
        "masquerade: true, gateway: [10.5.0.254, 'fd00:5::fe']",
    ));
    says(
        &said,
        "blip: what goes elsewhere, until 10.5.0.254 is there",
    );
    is_blip(ping);
}

fn moved() {
    up(LAB);
    assert!(pings("host", "10.6.0.40"));
    let (from, to) = TO_LAN;
    let said = up(&changed(from, to));
    says(&said, "cut: what it reaches by bridge eyes-back (d:eth0)");
    says(&said, "cut: what talks with 10.6.0.40\n");
    assert!(pings("a", "10.5.0.40") && !pings("host", "10.6.0.40"));
}

fn neighbours() {
    up(LAB);
    let mut ping = Ping::running("b", "10.5.0.30");
    let said = up(&changed("c: { interfaces: { eth0: {", HARDWARE));
    says(
        &said,
        "blip: neighbours that hold the old address, up to a minute",
    );
    // Until it says something itself.
    assert!(pings("c", "10.5.0.20"));
    ping.answered(1);
    assert!(ping.lost() > 0, "the old entry was believed for a while");
}
