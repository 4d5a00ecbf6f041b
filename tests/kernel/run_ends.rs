//! What the end of a run takes down, and what not.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use rustix::process::Signal;

use crate::run::{Running, processes, send};
use crate::sandbox::{example, file, netyard, ok};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("run::a lab that somebody else made is left alone", another),
        test(
            "run::a lab that somebody waits to make is left alone",
            waiting,
        ),
        test("run::who forks all the time ends, too", forking),
    ]
}

/// The run's own was taken down meanwhile.
fn another() {
    let running = Running::start(&["run"], "echo ready; read line");
    ok(&["down", "three"]);
    ok(&["up", &example("three.yaml")]);
    let mut resident = netyard(&["exec", "two", "--", "cat"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("netyard starts");
    let before = snapshot::host();
    send(running.id(), Signal::TERM);
    assert_eq!(running.code().0, Some(143));
    snapshot::assert_same(&before, &snapshot::host(), "after the run");
    assert!(ok(&["status", "three"]).contains("as described"));
    drop(resident.stdin.take());
    assert_eq!(resident.wait().expect("its end").code(), Some(0));
}

/// It is interrupted while it holds the lock: nobody reads what it tells, which is more
/// than a pipe holds.
fn waiting() {
    let names = (0..400).map(|n| format!("  one{n}: {{}}\n"));
    let text = format!("lab: three\nnamespaces:\n{}", names.collect::<String>());
    let large = file("large.yaml", &text);
    let first = netyard(&["-vv", "run", &large, "--", "true"])
        .stderr(Stdio::piped())
        .spawn();
    let mut first = first.expect("netyard starts");
    let mut told = BufReader::new(first.stderr.take().expect("a pipe"));
    let begun = |line: std::io::Result<String>| line.is_ok_and(|line| line.starts_with("ip "));
    assert!(told.by_ref().lines().any(begun), "it begins");
    let second = netyard(&["up", &example("three.yaml")])
        .stderr(Stdio::piped())
        .spawn();
    let mut second = second.expect("netyard starts");
    let mut waits = String::new();
    let mut err = BufReader::new(second.stderr.take().expect("a pipe"));
    err.read_line(&mut waits).expect("a line");
    assert!(waits.contains("waiting"), "{waits}");
    send(first.id() as i32, Signal::INT);
    told.lines().for_each(drop);
    assert_eq!(first.wait().expect("its end").code(), Some(130));
    assert_eq!(second.wait().expect("its end").code(), Some(0));
    assert!(ok(&["status", "three"]).contains("as described"));
}

/// Each starts the next and ends, for at most some minutes. A single look misses most.
fn forking() {
    let script = "[ $1 -gt 0 ] && sh /run/next.yaml $(($1 - 1)) & exit";
    let next = file("next.yaml", script);
    let before = snapshot::host();
    let start = format!("sh {next} 30000 > /dev/null 2>&1; echo ready; read line");
    let running = Running::start(&["run"], &start);
    // Held, so that its number is not given to another.
    let netns = fs::File::open("/run/netns/one").expect("a namespace");
    let inode = std::os::unix::fs::MetadataExt::ino(&netns.metadata().expect("its number"));
    send(running.id(), Signal::TERM);
    running.code();
    let is_left = || processes().iter().any(|(.., netns)| *netns == inode);
    let left = (0..20).any(|_| is_left());
    fs::write(next, "exit").expect("an end");
    assert!(!left, "a process is still in the namespace");
    snapshot::assert_same(&before, &snapshot::host(), "after the run");
}
