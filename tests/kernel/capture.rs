//! `capture`: several places in one file, filters, drops, ends.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};

use rustix::net::SendFlags;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::frames::{OTHER, PC, ethernet, ipv4, udp};
use crate::join::Guest;
use crate::pcapng::{File, tcpdump, tshark};
use crate::sandbox::{file, netyard, ok, outcome, pings, sh, until};
use crate::spoof::packet;
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("capture::one ping at three places, in order", places),
        test("capture::a process's namespace", of_a_process),
        test("capture::a filter chooses", filters),
        test("capture::a bad filter is told before anything is done", bad),
        test("capture::it ends after so many packets, or seconds", ends),
        test("capture::what was dropped is told", drops),
        test("capture::devices go, and it goes on", vanish),
        test("capture::devices come, and are captured", newcomers),
        test("capture::it keeps no namespace alive", alive),
    ]
}

const LAB: &str = "
lab: mine
networks:
  lan: { bridge: br-mine, subnets: [10.5.0.0/24] }
namespaces:
  pc: { interfaces: { eth0: { network: lan, addresses: 10.5.0.10/24, mac: '02:00:00:00:00:0a' } } }
  other: { interfaces: { eth0: { network: lan, addresses: 10.5.0.11/24, mac: '02:00:00:00:00:0b' } } }
";

pub(crate) fn up() {
    // What the kernel says by itself is in nobody's count.
    sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
    ok(&["up", &file("mine.yaml", LAB)]);
    assert!(pings("pc", "10.5.0.11"), "neighbours know each other");
}

/// `netyard capture` that has begun.
pub(crate) struct Capture {
    child: Child,
    err: BufReader<ChildStderr>,
}

impl Capture {
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = netyard(&[&["capture"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netyard starts");
        let mut err = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        err.read_line(&mut line).expect("a line");
        assert!(line.starts_with("capturing on "), "{line}");
        Capture { child, err }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// The next line of what it says.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.err.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Its end, which must be a good one: what it printed and said.
    #[track_caller]
    pub(crate) fn end(mut self) -> (String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        let stdout = self.child.stdout.as_mut().expect("a pipe");
        stdout.read_to_string(&mut out).expect("text");
        self.err.read_to_string(&mut err).expect("text");
        let code = self.child.wait().expect("its end").code();
        assert_eq!(code, Some(0), "{out}{err}");
        (out, err)
    }

    #[track_caller]
    pub(crate) fn interrupt(self) -> (String, String) {
        self.signal(Signal::INT);
        self.end()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// ICMP in an Ethernet frame, of this type.
fn is_icmp(kind: u8) -> impl Fn(&[u8]) -> bool {
    move |frame| frame[12..14] == [8, 0] && frame[23] == 1 && frame[34] == kind
}

const REQUEST: u8 = 8;
const REPLY: u8 = 0;

fn places() {
    up();
    let before = snapshot::host();
    let capture = Capture::start(&["pc", "host:pc-eth0", "other:eth0", "-w", "/run/a.pcapng"]);
    assert!(pings("pc", "10.5.0.11"));
    let (out, err) = capture.interrupt();
    assert_eq!(out, "");
    assert!(
        err.contains(" captured, 0 dropped by the kernel, in /run/a.pcapng"),
        "{err}"
    );
    let read = File::read("/run/a.pcapng");
    let names: Vec<_> = read
        .interfaces
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["pc:lo", "pc:eth0", "host:pc-eth0", "other:eth0"]);
    let comments: Vec<_> = read
        .interfaces
        .iter()
        .map(|(_, comment)| comment.as_str())
        .collect();
    let (pc, other) = ("namespace pc of lab mine", "namespace other of lab mine");
    assert_eq!(comments, [pc, pc, "namespace host", other]);
    let there = ["pc:eth0 out", "host:pc-eth0 in", "other:eth0 in"];
    assert_eq!(read.way(is_icmp(REQUEST))[..3], there);
    let back = ["other:eth0 out", "host:pc-eth0 out", "pc:eth0 in"];
    assert_eq!(read.way(is_icmp(REPLY))[..3], back);
    assert!(read.packets.is_sorted_by_key(|packet| packet.time));
    assert_eq!(read.statistics.len(), 4);
    let handed_on: u64 = read
        .statistics
        .iter()
        .map(|[_, _, captured]| captured)
        .sum();
    assert_eq!(handed_on as usize, read.packets.len());
    let lines = tcpdump("/run/a.pcapng");
    assert_eq!(lines.len(), read.packets.len());
    let request = "IP 10.5.0.10 > 10.5.0.11: ICMP echo request, ";
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with(request))
            .count(),
        3,
        "{lines:?}"
    );
    if let Some(places) = tshark("/run/a.pcapng") {
        let own = read
            .packets
            .iter()
            .map(|packet| &read.interfaces[packet.interface].0);
        assert!(places.iter().eq(own), "{places:?}");
    }
    sh("rm /run/a.pcapng");
    snapshot::assert_same(&before, &snapshot::host(), "after the capture");
}

/// By its number, and as `show` calls it.
fn of_a_process() {
    let guest = Guest::new();
    let path = guest.path();
    let inside = format!("nsenter --net={path}");
    sh(&format!("{inside} ip link set lo up"));
    let pid = path.split('/').nth(2).expect("its number");
    for place in [
        format!("pid:{pid}"),
        format!("pid:{pid}:lo"),
        format!("sleep:{pid}"),
        format!("sleep:{pid}:lo"),
        format!("{path}:lo"),
    ] {
        let capture = Capture::start(&[&place, "icmp"]);
        sh(&format!("{inside} ping -c1 -W1 127.0.0.1"));
        let (_, err) = capture.interrupt();
        assert!(err.contains(&format!("  {path}:lo  2 captured")), "{err}");
    }
    for nobody in ["pid:1073741824", "pid:self", "sleep:1073741824"] {
        let none = outcome(&["capture", nobody]);
        let said = format!("there is no namespace `{nobody}`");
        assert!(none.err.contains(&said), "{}", none.err);
    }
}

pub(crate) fn send(sender: &OwnedFd, frame: &[u8]) {
    rustix::net::send(sender, frame, SendFlags::empty()).expect("sent");
}

/// Something for port 9, where nobody listens.
pub(crate) fn datagram() {
    let frame = ethernet(
        OTHER,
        PC,
        0x0800,
        &ipv4("10.5.0.10", "10.5.0.11", 17, &udp(9000, 9)),
    );
    send(&packet("pc"), &frame);
}

fn filters() {
    up();
    let icmp = Capture::start(&["other", "icmp", "-w", "/run/icmp.pcapng"]);
    let udp = Capture::start(&["other", "-w", "/run/udp.pcapng", "--", "udp", "port", "9"]);
    let both = Capture::start(&[
        "other:eth0",
        "-w",
        "/run/both.pcapng",
        "icmp[0] == 8 or udp",
    ]);
    assert!(pings("pc", "10.5.0.11"));
    datagram();
    let read = |capture: Capture, path: &str| {
        capture.interrupt();
        let lines = tcpdump(path);
        lines
            .into_iter()
            .map(|line| line.split(", ").next().unwrap_or_default().to_owned())
            .collect::<Vec<String>>()
    };
    let request = "IP 10.5.0.10 > 10.5.0.11: ICMP echo request";
    let reply = "IP 10.5.0.11 > 10.5.0.10: ICMP echo reply";
    let refused = "IP 10.5.0.11 > 10.5.0.10: ICMP 10.5.0.11 udp port 9 unreachable";
    let datagram = "IP 10.5.0.10.9000 > 10.5.0.11.9: UDP";
    assert_eq!(read(icmp, "/run/icmp.pcapng"), [request, reply, refused]);
    assert_eq!(read(udp, "/run/udp.pcapng"), [datagram]);
    assert_eq!(read(both, "/run/both.pcapng"), [request, datagram]);
}

fn bad() {
    up();
    let said = outcome(&["capture", "pc", "-w", "/run/no.pcapng", "icmp prot 9"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    let words = "error[bad-filter]: `icmp prot 9` is no filter: can't parse filter expression: syntax error";
    assert!(said.err.contains(words), "{}", said.err);
    assert!(!Path::new("/run/no.pcapng").exists());
    // A namespace's name with a slip begins the filter, and the filter is none.
    let said = outcome(&["capture", "--json", "pc", "othr", "icmp"]);
    let error: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(
        (said.code, &error["error"]["code"]),
        (Some(2), &"bad-filter".into())
    );
}

fn ends() {
    up();
    let capture = Capture::start(&["pc", "other", "-c", "3", "icmp"]);
    assert!(pings("pc", "10.5.0.11"));
    let (out, err) = capture.end();
    assert_eq!(out.lines().count(), 3, "{out}");
    assert!(
        err.starts_with("3 packets captured, 0 dropped by the kernel"),
        "{err}"
    );
    let capture = Capture::start(&["pc:eth0", "-c", "1", "icmp"]);
    assert!(pings("pc", "10.5.0.11"));
    let (_, err) = capture.end();
    assert!(err.starts_with("1 packet captured, 0 dropped"), "{err}");
    // What comes just before the end is not lost in a block that is not full.
    let capture = Capture::start(&["pc:eth0", "--for", "1.5", "udp"]);
    datagram();
    let (out, _) = capture.end();
    assert_eq!(out.lines().count(), 1, "{out}");
}

fn drops() {
    up();
    let capture = Capture::start(&["other:eth0", "--buffer", "1", "-w", "/run/d.pcapng", "icmp"]);
    capture.signal(Signal::STOP);
    sh("ip netns exec pc ping -q -f -c 2000 -s 1000 10.5.0.11");
    capture.signal(Signal::CONT);
    let (_, err) = capture.interrupt();
    let read = File::read("/run/d.pcapng");
    let [received, dropped, captured] = read.statistics[0];
    assert_eq!(received, 4000, "{err}");
    assert!(captured > 0 && dropped > 0, "{err}");
    assert_eq!(
        (captured + dropped, read.packets.len() as u64),
        (4000, captured)
    );
    let said = format!("{captured} packets captured, {dropped} dropped by the kernel");
    assert!(err.starts_with(&said), "{err}");
}

fn vanish() {
    up();
    let mut capture = Capture::start(&["pc:eth0", "other:eth0", "-w", "/run/v.pcapng", "icmp"]);
    assert!(pings("pc", "10.5.0.11"));
    sh("ip -n pc link del eth0");
    assert_eq!(capture.line(), "pc:eth0 is gone");
    assert!(pings("other", "10.5.0.1"), "the bridge is there");
    // One that is down is not gone.
    sh("ip -n other link set eth0 down; ip -n other link set eth0 up");
    // Until the kernel has seen the carrier, packets are lost.
    until("it carries again", || pings("other", "10.5.0.1"));
    sh("ip -n other link del eth0");
    assert_eq!(capture.line(), "other:eth0 is gone");
    capture.end();
    let read = File::read("/run/v.pcapng");
    // A request may be lost while a link comes up; each ping that arrived has one answer.
    let answers = [
        "other:eth0 out",
        "pc:eth0 in",
        "other:eth0 in",
        "other:eth0 in",
    ];
    assert_eq!(read.way(is_icmp(REPLY)), answers);
}

fn newcomers() {
    up();
    let mut all = Capture::start(&["pc", "-w", "/run/n.pcapng", "icmp"]);
    let mut json = netyard(&["capture", "--json", "pc", "-c", "1", "icmp"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("netyard starts");
    let mut lines = BufReader::new(json.stdout.take().expect("a pipe")).lines();
    let mut line = || lines.next().map(|line| line.expect("a line"));
    assert!(line().is_some_and(|line| line.contains("capturing")));
    let mut frames = Capture::start(&["pc", "ether", "proto", "0x0806"]);
    let one = Capture::start(&["pc:eth0", "icmp"]);
    sh("ip link add far type veth peer name eth1 index 100 netns pc");
    assert_eq!(all.line(), "pc:eth1 has come");
    assert_eq!(frames.line(), "pc:eth1 has come");
    sh("ip address add 10.6.0.1/24 dev far; ip link set far up");
    sh("ip -n pc address add 10.6.0.2/24 dev eth1; ip -n pc link set eth1 up");
    until("it carries", || pings("pc", "10.6.0.1"));
    // Another of the same number takes its place.
    sh("ip -n pc link del eth1; ip -n pc link add eth1 index 100 type veth peer name eth2");
    assert_eq!(all.line(), "pc:eth1 is gone");
    let mut come = [all.line(), all.line()];
    come.sort();
    assert_eq!(come, ["pc:eth1 has come", "pc:eth2 has come"]);
    // What has no Ethernet header, with a filter that is about one and one that is not.
    sh("ip -n pc tuntap add tun0 mode tun");
    assert_eq!(all.line(), "pc:tun0 has come");
    let said = std::iter::from_fn(|| Some(frames.line())).find(|line| line.contains("tun0"));
    let missed = "pc:tun0 has come, and is not captured: the filter cannot be about its packets";
    assert_eq!(said.as_deref(), Some(missed));
    all.interrupt();
    frames.interrupt();
    let read = File::read("/run/n.pcapng");
    let names = read.interfaces.iter().map(|(name, _)| name.as_str());
    let names: std::collections::BTreeSet<&str> = names.collect();
    let eths = ["pc:eth0", "pc:eth1", "pc:eth2", "pc:lo", "pc:tun0"];
    assert!(names.iter().eq(&eths), "{names:?}");
    let way = read.way(is_icmp(REPLY));
    assert!(
        way.iter().all(|place| place == "pc:eth1 in") && !way.is_empty(),
        "{way:?}"
    );
    if let Some(places) = tshark("/run/n.pcapng") {
        assert_eq!(places.len(), read.packets.len());
    }
    json.wait().expect("it ends");
    let told = std::iter::from_fn(line);
    let told = told.map(|line| serde_json::from_str::<Value>(&line).expect("JSON"));
    let told = told.take_while(|one| one["event"] != "end");
    let told: Vec<[Value; 2]> = told
        .map(|one| ["event", "interface"].map(|key| one[key].clone()))
        .collect();
    assert_eq!(told[0], ["came", "eth1"]);
    assert_eq!(told[told.len() - 1], ["packet", "eth1"]);
    // One device was asked for, and there is no more.
    let (_, err) = one.interrupt();
    assert!(!err.contains("has come"), "{err}");
}

fn alive() {
    up();
    let mut capture = Capture::start(&["--lab", "mine", "host:br-mine"]);
    ok(&["down", "mine", "--wait"]);
    let mut gone: Vec<String> = (0..5).map(|_| capture.line()).collect();
    gone.sort();
    let all = ["host:br-mine", "other:eth0", "other:lo", "pc:eth0", "pc:lo"];
    assert_eq!(gone, all.map(|name| format!("{name} is gone")));
    capture.end();
}
