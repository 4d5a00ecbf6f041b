//! Namespaces for the tests, and programs run in them.
#![allow(unsafe_code)]

use std::any::Any;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use libtest_mimic::Failed;
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;

/// Enters user, network and mount namespaces. Must run before any thread starts.
pub(crate) fn enter() -> Result<(), String> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let flags = UnshareFlags::NEWUSER | UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    // SAFETY: no other thread exists, and no file table is unshared.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(|e| {
        format!("no user namespace to be had ({e}); sysctl kernel.unprivileged_userns_clone or AppArmor may forbid it")
    })?;
    let write = |file: &str, text: String| {
        fs::write(file, text).map_err(|e| format!("cannot write {file}: {e}"))
    };
    // Without this an unprivileged process may not map its group (user_namespaces(7)).
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {} 1", uid.as_raw()))?;
    write("/proc/self/gid_map", format!("0 {} 1", gid.as_raw()))
}

/// The processes of this run, and of no other: those in the user namespace that it has made.
pub(crate) fn own_processes() -> Vec<i32> {
    let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/user")).ok();
    let here = of("self");
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let pids = pids.filter(|pid| pid.starts_with(|c: char| c.is_ascii_digit()) && of(pid) == here);
    pids.filter_map(|pid| pid.parse().ok()).collect()
}

/// Ends what tests have left running, such as programs of labs that failed.
pub(crate) fn end_others() {
    let here = std::process::id() as i32;
    for pid in own_processes().into_iter().filter(|pid| *pid != here) {
        let pid = rustix::process::Pid::from_raw(pid).expect("a number");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// Runs a test on a thread with network and mount namespaces and a /run of its own.
pub(crate) fn fresh(body: Box<dyn FnOnce() + Send>) -> Result<(), Failed> {
    let thread = std::thread::spawn(move || {
        separate();
        body();
    });
    thread
        .join()
        .map_err(|panic| message(panic.as_ref()).into())
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the test panicked").to_owned()
}

/// Puts the calling thread, and the programs it starts, into fresh namespaces.
pub(crate) fn separate() {
    let flags = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    // SAFETY: only this thread, made for one test, leaves the shared namespaces.
    unsafe { rustix::thread::unshare_unsafe(flags) }.expect("a namespace for the test");
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).expect("private mounts");
    rustix::mount::mount("tmpfs", "/run", "tmpfs", MountFlags::empty(), None)
        .expect("an empty /run");
    sh("ip link set lo up");
}

/// The program under test.
pub(crate) fn netyard(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netyard"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Its output, whatever its exit code.
pub(crate) fn outcome(arguments: &[&str]) -> Outcome {
    Outcome::of(netyard(arguments).output().expect("netyard starts"))
}

/// Its output; it must succeed.
#[track_caller]
pub(crate) fn ok(arguments: &[&str]) -> String {
    let outcome = outcome(arguments);
    assert_eq!(
        outcome.code,
        Some(0),
        "netyard {arguments:?}\n{}{}",
        outcome.out,
        outcome.err
    );
    outcome.out
}

/// What a program said and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Self {
        Outcome {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a shell command that must succeed, and gives its output.
#[track_caller]
pub(crate) fn sh(command: &str) -> String {
    let outcome = try_sh(command);
    assert_eq!(
        outcome.code,
        Some(0),
        "{command}\n{}{}",
        outcome.out,
        outcome.err
    );
    outcome.out
}

/// Runs a shell command.
pub(crate) fn try_sh(command: &str) -> Outcome {
    let mut shell = Command::new("/bin/sh");
    Outcome::of(shell.args(["-c", command]).output().expect("a shell"))
}

/// Whether one real ping arrives; a lost first packet is asked for again.
pub(crate) fn pings(from: &str, to: &str) -> bool {
    let enter = if from == "host" {
        String::new()
    } else {
        format!("ip netns exec {from} ")
    };
    (0..3).any(|_| try_sh(&format!("{enter}ping -n -c 1 -W 1 {to}")).code == Some(0))
}

/// Waits until something is so that comes by itself; fails if it does not.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed().as_secs() < 10, "{what}");
        std::thread::yield_now();
    }
}

/// Writes a topology into this test's own /run.
pub(crate) fn file(name: &str, text: &str) -> String {
    let path = format!("/run/{name}");
    fs::write(&path, text).expect("a topology file");
    path
}

/// The path of an example.
pub(crate) fn example(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "examples", name]
        .iter()
        .collect();
    path.display().to_string()
}

/// Every example, by file name.
pub(crate) fn all_examples() -> Vec<String> {
    let directory = [env!("CARGO_MANIFEST_DIR"), "examples"]
        .iter()
        .collect::<PathBuf>();
    let entries = fs::read_dir(directory).expect("the examples");
    let names = entries.map(|entry| entry.expect("an example").file_name());
    let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| name.ends_with(".yaml"));
    names.sort();
    names
}

/// The table of a document that begins with the same line is this; with NETYARD_BLESS=1 it
/// becomes this.
pub(crate) fn has_table(document: &str, table: &str) {
    let path = format!("{}/{document}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).expect("the document");
    let head = table.lines().next().expect("a head");
    let start = text.find(head).expect("the table");
    let end = start + text[start..].find("\n\n").expect("its end") + 1;
    if std::env::var_os("NETYARD_BLESS").is_some() {
        let text = text[..start].to_owned() + table + &text[end..];
        fs::write(path, text).expect("the document is written");
        return;
    }
    assert_eq!(&text[start..end], table, "NETYARD_BLESS=1 writes it anew");
}
