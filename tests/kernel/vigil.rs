//! `watch` itself: what wakes it, what does not, how it ends.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::repair::LAB;
use crate::sandbox::{Outcome, file, netyard, ok, outcome, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("vigil::it makes no system call while nothing happens", idle),
        test("vigil::who fights is waited for", fight),
        test("vigil::labs come and go", come_and_go),
        test("vigil::it waits for whoever changes labs", in_turn),
        test("vigil::lost notifications make it look at all", lost),
        test("vigil::what is in the way is told once", in_the_way),
        test("vigil::only the labs that are named", only),
        test("vigil::in words", words),
        test("vigil::signals end it", signals),
    ]
}

/// `netyard watch --json`, and what it tells.
pub(crate) struct Watch {
    child: Child,
    lines: Receiver<Value>,
    changed: Instant,
}

impl Watch {
    pub(crate) fn start(labs: &[&str]) -> Self {
        let mut child = netyard(&[&["watch", "--json"], labs].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("netyard starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        Watch {
            child,
            lines,
            changed: Instant::now(),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    #[track_caller]
    fn next_by(&mut self, event: &str, by: Instant) -> Value {
        loop {
            let left = by.saturating_duration_since(Instant::now());
            let value = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|e| panic!("no {event}: {e}"));
            self.changed = Instant::now();
            if value["event"] == event {
                return value;
            }
        }
    }

    /// The next event of this kind.
    #[track_caller]
    pub(crate) fn next(&mut self, event: &str) -> Value {
        self.next_by(event, Instant::now() + Duration::from_secs(20))
    }

    /// The same, in the time that a repair may take after its cause.
    #[track_caller]
    pub(crate) fn soon(&mut self, event: &str) -> Value {
        self.next_by(event, Instant::now() + Duration::from_secs(5))
    }

    /// Tells nothing for so long.
    #[track_caller]
    fn is_silent(&self, time: Duration) {
        let told = self.lines.recv_timeout(time);
        assert_eq!(told, Err(RecvTimeoutError::Timeout));
    }

    /// It ends cleanly.
    #[track_caller]
    pub(crate) fn end(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.child.wait().expect("its end").code(), Some(0));
    }

    /// How often it was put to sleep or interrupted, what it has used of a processor,
    /// and the system call that it is in.
    fn activity(&self) -> (Vec<String>, String, String) {
        let pid = self.child.id();
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).expect("it runs");
        let status = read("status");
        let switches = status.lines().filter(|line| line.contains("ctxt_switches"));
        let stat = read("stat");
        let times: Vec<&str> = stat.split(' ').skip(13).take(2).collect();
        (
            switches.map(str::to_owned).collect(),
            times.join(" "),
            read("syscall"),
        )
    }

    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .expect("it runs")
            .count()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn up() {
    ok(&["up", &file("mine.yaml", LAB)]);
}

/// In one system call (poll) all the time: it was not woken, so it made no other. Its own
/// repairs do not keep it awake, and leave nothing open.
fn idle() {
    up();
    let mut watch = Watch::start(&[]);
    watch.next("watching");
    let open = |watch: &mut Watch| {
        sh("ip -n pc link set eth0 mtu 1300; nft flush ruleset");
        while ok(&["list"]).is_empty() || outcome(&["status", "mine"]).code != Some(0) {
            watch.next("repaired");
        }
        let slept = (0..10).any(|_| {
            let before = watch.activity();
            while watch.lines.try_recv().is_ok() {}
            watch.is_silent(Duration::from_secs(1));
            let poll = ["7 ", "271 ", "73 "]
                .iter()
                .any(|call| before.2.starts_with(call));
            let still = before == watch.activity();
            assert!(
                !still || poll || cfg!(not(target_arch = "x86_64")),
                "{before:?}"
            );
            still
        });
        assert!(slept, "{:?}", watch.activity());
        watch.open_files()
    };
    let first = open(&mut watch);
    assert_eq!(open(&mut watch), first);
    watch.end();
}

/// A program, and those of its group if it leads one, that end with the test.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Somebody who takes an address away as soon as it is there, often even before the
/// repair is looked at.
fn fight() {
    up();
    let mut watch = Watch::start(&[]);
    watch.next("watching");
    let fighter = "ip -n pc monitor address | while read line; do \
                   ip -n pc address del 10.5.0.10/24 dev eth0 2>/dev/null; done";
    let fighter = Command::new("setsid").args(["sh", "-c", fighter]).spawn();
    let fighter = Group(fighter.expect("util-linux"));
    // Until both listen it is taken away by hand.
    let (mut times, mut told) = (0, Value::Null);
    while times < 5 {
        sh("ip -n pc address del 10.5.0.10/24 dev eth0 2>/dev/null || true");
        let event = watch
            .lines
            .recv_timeout(Duration::from_secs(20))
            .expect("an event");
        if event["event"] == "fought" {
            let now = event["times"].as_u64().expect("a number");
            assert!(now > times, "{event}");
            (times, told) = (now, event);
        }
    }
    assert_eq!(told["thing"], "pc: add address 10.5.0.10/24 to eth0");
    let wait = told["wait"].as_f64().expect("seconds");
    assert!(wait > 2.0 && wait <= 4.0, "{told}");
    drop(fighter);
    let began = Instant::now();
    watch.next("repaired");
    assert!(began.elapsed() > Duration::from_secs(1), "it was put off");
    crate::sandbox::until("repaired", || outcome(&["status", "mine"]).code == Some(0));
    watch.end();
}

fn come_and_go() {
    let mut watch = Watch::start(&[]);
    assert_eq!(watch.next("watching")["labs"], Value::Array(vec![]));
    up();
    assert_eq!(watch.soon("watching")["labs"][0], "mine");
    sh("ip -n router link set eth0 down");
    watch.soon("repaired");
    // A namespace that it listens to is not kept by that.
    ok(&["down", "--wait", "mine"]);
    assert_eq!(watch.soon("watching")["labs"], Value::Array(vec![]));
    up();
    assert_eq!(watch.soon("watching")["labs"][0], "mine");
    sh("ip -n router link set eth0 down");
    watch.soon("repaired");
    watch.end();
}

fn in_turn() {
    up();
    let mut watch = Watch::start(&[]);
    watch.next("watching");
    let lock = OpenOptions::new()
        .write(true)
        .open("/run/netyard/lock")
        .expect("the lock");
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).expect("the lock");
    sh("ip -n pc address flush dev eth0");
    watch.is_silent(Duration::from_secs(1));
    assert!(!sh("ip -n pc address").contains("10.5.0.10"));
    drop(lock);
    watch.soon("repaired");
    watch.end();
}

fn lost() {
    up();
    let mut watch = Watch::start(&[]);
    watch.next("watching");
    watch.signal(Signal::STOP);
    // Some 700 bytes each; without the machine's root the buffer has 208 KiB.
    let mut commands = String::new();
    for n in 0..20_000 {
        let verb = if n % 2 == 0 { "add" } else { "del" };
        commands += &format!("address {verb} 192.0.2.1/32 dev lo\n");
    }
    sh(&format!("ip -batch {}", file("batch", &commands)));
    sh("ip -n pc address flush dev eth0");
    watch.signal(Signal::CONT);
    watch.soon("lost");
    let repaired = watch.soon("repaired");
    assert!(
        repaired["causes"]
            .to_string()
            .contains("notifications were lost"),
        "{repaired}"
    );
    watch.end();
}

fn in_the_way() {
    up();
    let mut watch = Watch::start(&[]);
    watch.next("watching");
    watch.signal(Signal::STOP);
    sh("ip netns del pc; ip netns add pc");
    watch.signal(Signal::CONT);
    let failed = watch.soon("failed");
    assert_eq!(
        failed["error"]["problems"][0]["code"], "namespace-taken",
        "{failed}"
    );
    sh("ip link set lo mtu 60000; ip link set lo mtu 65536");
    watch.is_silent(Duration::from_secs(2));
    sh("ip netns del pc");
    watch.next("repaired");
    assert_eq!(outcome(&["status", "mine"]).code, Some(0));
    watch.end();
}

fn only() {
    up();
    let mut watch = Watch::start(&["other"]);
    let event = watch.next("watching");
    assert_eq!(
        (&event["labs"][0], &event["absent"][0]),
        (&Value::Null, &"other".into())
    );
    sh("ip -n pc link set lo down");
    ok(&[
        "up",
        &file("other.yaml", "lab: other\nnamespaces: { alone: {} }\n"),
    ]);
    let event = watch.soon("watching");
    assert_eq!(
        (&event["labs"][0], &event["absent"][0]),
        (&"other".into(), &Value::Null)
    );
    sh("ip -n alone link set lo down");
    assert_eq!(watch.soon("repaired")["lab"], "other");
    assert_eq!(outcome(&["status", "mine"]).code, Some(1));
    watch.end();
}

fn words() {
    let child = netyard(&["watch"]).stdout(Stdio::piped()).spawn();
    let mut child = Group(child.expect("netyard starts"));
    let mut lines = BufReader::new(child.0.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    assert_eq!(next(), "watching: no lab is up");
    up();
    assert_eq!(next(), "watching mine");
    sh("ip -n pc link set lo down");
    // What `up` did last may be told with it: the kernel speaks of carriers a second later.
    let line = r"^lab mine repaired: ~ lo up \(now down\) in pc; because an? .* (on the host|in pc) \([0-9.]+ ms\)$";
    let line = regex_lite::Regex::new(line).expect("a pattern");
    let said = next();
    assert!(line.is_match(&said), "{said}");
}

fn signals() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut watch = Watch::start(&[]);
        watch.next("watching");
        watch.signal(signal);
        assert_eq!(watch.child.wait().expect("its end").code(), Some(0));
    }
    let nobody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"].join(" ");
    let said: Outcome =
        crate::sandbox::try_sh(&format!("{nobody} {} watch", env!("CARGO_BIN_EXE_netyard")));
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(said.err.contains("error[not-root]"), "{}", said.err);
}
