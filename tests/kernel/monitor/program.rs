//! The program that is listened with.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{sh, until};

/// `netyard monitor`, and what it tells. It sees no processes of others, for they are in
/// the namespaces of other tests.
pub(super) struct Monitor {
    pub(super) child: Child,
    pub(super) pid: Pid,
    pub(super) lines: Receiver<String>,
}

impl Monitor {
    pub(super) fn start(arguments: &[&str]) -> Self {
        // The directory of names is shared from now on, also with other mount namespaces.
        sh("ip netns add first; ip netns del first");
        let mut child = Command::new("unshare")
            .args([
                "-pf",
                "--kill-child",
                "--mount-proc",
                "--propagation=unchanged",
            ])
            .args([env!("CARGO_BIN_EXE_netyard"), "monitor"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux");
        let id = child.id();
        let file = format!("/proc/{id}/task/{id}/children");
        let inner = || std::fs::read_to_string(&file).ok()?.trim().parse().ok();
        until("it runs", || inner().is_some());
        let pid = inner().and_then(Pid::from_raw).expect("a process");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Monitor { child, pid, lines }
    }

    /// The same, of all; ready.
    pub(super) fn everything(arguments: &[&str]) -> Self {
        let mut monitor = Monitor::start(arguments);
        monitor.mark();
        monitor
    }

    /// Makes something happen and skips all up to it.
    #[track_caller]
    pub(super) fn mark(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            assert!(Instant::now() < end, "{told:#?}");
            // The host's own, which is heard from the first moment on.
            sh("ip link add mark type bridge; ip link del mark");
            while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
                if line.contains("- mark")
                    || line.contains(r#""event":"gone""#) && line.contains(r#""dev":"mark""#)
                {
                    return told;
                }
                if !line.contains("mark") {
                    told.push(line);
                }
            }
        }
    }

    #[track_caller]
    pub(super) fn next(&mut self) -> String {
        let line = self.lines.recv_timeout(Duration::from_secs(10));
        line.unwrap_or_else(|e| panic!("nothing was told: {e}"))
    }

    /// These lines and no others, without their times.
    #[track_caller]
    pub(super) fn tells(&mut self, command: &str, expected: &[&str]) {
        sh(command);
        let time = regex_lite::Regex::new(r"^\d\d:\d\d:\d\d\.\d{3} ").expect("a pattern");
        for expected in expected {
            let said = self.lines.recv_timeout(Duration::from_secs(10));
            let said = said.unwrap_or_else(|_| panic!("{command}\ntells no\n{expected}"));
            assert!(time.is_match(&said), "{said}");
            let words: Vec<&str> = said.split_whitespace().skip(1).collect();
            let said = words.join(" ").replace(" (found)", "");
            let pattern = regex_lite::escape(expected).replace("NUMBER", r"\d+");
            let pattern = pattern.replace("MAC", "02(:[0-9a-f]{2}){5}");
            let pattern = regex_lite::Regex::new(&format!("^{pattern}$")).expect("a pattern");
            assert!(
                pattern.is_match(&said),
                "{command}\n{said}\nis not\n{expected}"
            );
        }
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("it runs");
    }

    #[track_caller]
    pub(super) fn end(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.child.wait().expect("its end").code(), Some(0));
        let rest: Vec<String> = self.lines.iter().collect();
        assert!(rest.is_empty(), "{rest:#?}");
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// IPv6 does much by itself, at times of its own.
pub(super) const QUIET: &str = "for file in all default; do \
                     echo 1 > /proc/sys/net/ipv6/conf/$file/disable_ipv6; done";

fn namespace(name: &str) {
    sh(&format!(
        "ip netns add {name}; ip netns exec {name} sh -c '{QUIET}'"
    ));
}

pub(super) fn pair() {
    sh(QUIET);
    namespace("one");
    namespace("two");
    sh(
        "ip link add v1 netns one address 02:00:00:00:00:01 type veth \
        peer name v2 netns two address 02:00:00:00:00:02",
    );
}
