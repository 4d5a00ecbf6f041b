//! What the benches share: namespaces of their own, programs, a quiet machine, medians.

#![allow(dead_code, reason = "no bench uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;

/// Compiles a program of `floor/`.
pub(crate) fn compiled(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/floor/{name}.c"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut cc = Command::new("cc");
    let done = cc
        .args(["-O2", "-pthread", "-o"])
        .arg(&program)
        .arg(source)
        .status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "cc compiles the floor program"
    );
    program
}

/// Namespaces of our own: nothing of this is seen by the machine.
pub(crate) fn sandbox() {
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let flags = UnshareFlags::NEWUSER | UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    // SAFETY: no other thread exists, and no file table is unshared.
    unsafe { rustix::thread::unshare_unsafe(flags) }.expect("a user namespace");
    fs::write("/proc/self/setgroups", "deny").expect("setgroups");
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).expect("uid_map");
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).expect("gid_map");
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).expect("private mounts");
    rustix::mount::mount("tmpfs", "/run", "tmpfs", MountFlags::empty(), None)
        .expect("an empty /run");
    run(Command::new("ip").args(["link", "set", "lo", "up"]));
}

#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Waits until the kernel has cleaned up after the last one, and others are quiet:
/// both CPUs mostly idle, at most 15 s.
pub(crate) fn settle() {
    settle_within(Duration::from_secs(15));
}

/// The same, for so long at most.
pub(crate) fn settle_within(most: Duration) {
    let began = Instant::now();
    while began.elapsed() < most {
        let before = cpu();
        std::thread::sleep(Duration::from_millis(250));
        let now = cpu();
        let (busy, all) = (now.0 - before.0, now.1 - before.1);
        if busy * 8 < all {
            return;
        }
    }
}

/// Busy and total ticks since boot (proc_stat(5)).
fn cpu() -> (u64, u64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = first
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|t| t.parse().ok())
        .collect();
    let all: u64 = ticks.iter().sum();
    let idle = ticks.iter().skip(3).take(2).sum::<u64>();
    (all - idle, all)
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The median, and the smallest.
pub(crate) fn median(samples: &[f64]) -> (f64, f64) {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[sorted.len() / 2], sorted[0])
}

/// The time in ms that a program tells on the line which begins so.
#[track_caller]
pub(crate) fn told(said: &str, line: &str) -> f64 {
    let rest = said.lines().find_map(|l| l.strip_prefix(line));
    let time = rest.and_then(|rest| rest.split(' ').next()?.parse().ok());
    time.unwrap_or_else(|| panic!("no time after {line:?} in: {said}"))
}

/// What the machine has to do, over the last minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.trim().to_owned()
}

/// How many rounds, and of which sizes, from the command line; these where it says none.
pub(crate) fn rounds_and_sizes(rounds: usize, sizes: &[usize]) -> (usize, Vec<usize>) {
    let mut numbers = numbers();
    let rounds = numbers.next().unwrap_or(rounds);
    let asked: Vec<usize> = numbers.collect();
    match asked.is_empty() {
        true => (rounds, sizes.to_vec()),
        false => (rounds, asked),
    }
}

/// The arguments that are numbers.
pub(crate) fn numbers() -> impl Iterator<Item = usize> {
    std::env::args()
        .skip(1)
        .filter_map(|word| word.parse().ok())
}
