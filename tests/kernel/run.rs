//! `run` and `shell`: a program with a lab, or a private world, that ends with it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::kill::stride;
use crate::sandbox::{Outcome, example, file, netyard, ok, outcome, sh, until};
use crate::{Test, snapshot, test};

/// In the lab on the host, and in a private world.
const BOTH: [&[&str]; 2] = [&["run"], &["run", "--private"]];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("run::exit codes are those of the program", exit_codes),
        test("run::on the host the lab goes with the program", on_host),
        test("run::a lab that is up already is left alone", already_up),
        test(
            "run::a private world leaves nothing and sees nothing",
            private,
        ),
        test("run::everything works in a private world", nested),
        test("run::names, standard input", names_and_input),
        test("run::signals are passed on", signals),
        test("run::limits are those netyard was started with", limits),
        test("run::kill -9 of any process leaves nothing", killed),
        test(
            "run::kill -9 at any step of up leaves nothing",
            killed_while_up,
        ),
    ]
}

fn run(how: &[&str], rest: &[&str]) -> Outcome {
    let three = example("three.yaml");
    outcome(&[how, &[&three], rest].concat())
}

fn exit_codes() {
    for how in BOTH {
        for (script, code) in [
            ("exit 7", 7),
            ("kill -KILL $$", 137),
            ("kill -TERM $$", 143),
        ] {
            let code = Some(code);
            assert_eq!(
                run(how, &["--", "sh", "-c", script]).code,
                code,
                "{how:?} {script}"
            );
        }
        assert_eq!(run(how, &["no-such-program"]).code, Some(127));
        assert_eq!(run(how, &["--in", "two", "/etc/passwd"]).code, Some(126));
        let nobody = run(how, &["--in", "four", "true"]);
        assert_eq!(nobody.code, Some(2));
        assert!(
            nobody.err.contains("it has one, three, two"),
            "{}",
            nobody.err
        );
    }
    let bad = file("bad.yaml", "lab: bad\nnamespace: {}\n");
    assert_eq!(outcome(&["run", &bad, "true"]).code, Some(2));
    assert_eq!(outcome(&["shell", &bad]).code, Some(2));
    assert_eq!(outcome(&["shell", "one", "two"]).code, Some(2));
}

fn on_host() {
    let before = snapshot::host();
    for script in [
        "ip netns list | grep -q one",
        "kill -KILL $$",
        "true & exit 3",
    ] {
        run(&["run"], &["--", "sh", "-c", script]);
        snapshot::assert_same(&before, &snapshot::host(), script);
    }
    // What up cannot do is undone and told by up.
    sh("ip netns add two");
    let refused = run(&["run"], &["--", "true"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.contains("namespace two exists already"),
        "{}",
        refused.err
    );
    sh("ip netns del two");
    assert!(ok(&["list"]).contains("no lab is up"));
}

fn already_up() {
    ok(&["up", &example("three.yaml")]);
    let before = snapshot::host();
    let refused = run(&["run"], &["--", "true"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.contains("`three` is up already"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("netyard exec"), "{}", refused.err);
    snapshot::assert_same(&before, &snapshot::host(), "after the refusal");
}

fn private() {
    fs::create_dir("/run/dir").expect("a directory");
    sh(
        "mount -t tmpfs sub /run/dir && touch /run/dir/file && ln -s dir /run/link && mkfifo /run/pipe && ip netns add outside",
    );
    let before = snapshot::host();
    let seen = "cd /run && test -e link/file && test -p pipe && touch dir/made && ip link add br0 type bridge &&
        ! ip netns list | grep outside && test $(ls /proc | grep -c '^[0-9]') -lt 8 && ls netns && ls /sys/class/net";
    let said = run(&["run", "--private"], &["--", "sh", "-ec", seen]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(
        said.out.starts_with("one\nthree\ntwo\n") && said.out.contains("br0"),
        "{}",
        said.out
    );
    assert!(
        std::path::Path::new("/run/dir/made").exists(),
        "the rest of /run is the outer one"
    );
    snapshot::assert_same(&before, &snapshot::host(), "after all");
}

fn nested() {
    let netyard = env!("CARGO_BIN_EXE_netyard");
    let (two_pcs, three) = (example("two-pcs.yaml"), example("three.yaml"));
    let script = format!(
        "{netyard} test three && {netyard} up {two_pcs} &&
         {netyard} exec pc-one -- ping -c1 -w3 pc-two && ip netns exec pc-one ping -c1 -w3 10.0.0.2 &&
         {netyard} list && {netyard} down three && {netyard} run {three} --in one -- ping -c1 -w3 two &&
         {netyard} run {two_pcs} --private --in pc-one -- ping -c1 -w3 pc-two &&
         {netyard} down two-pcs && {netyard} list && ! ip link | grep virtual-bridge && ! test -e /run/netns"
    );
    let said = run(&["run", "--private"], &["--", "sh", "-ec", &script]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.ends_with("no lab is up\n"), "{}", said.out);
    let shell = netyard_shell(&format!("{netyard} up {three} && {netyard} test three"));
    assert_eq!(shell.code, Some(0), "{}{}", shell.out, shell.err);
}

/// `netyard shell`, which reads this from standard input.
fn netyard_shell(script: &str) -> Outcome {
    fed(&["shell"], script)
}

fn fed(arguments: &[&str], input: &str) -> Outcome {
    let mut command = netyard(arguments);
    command.env("SHELL", "/bin/sh").stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("netyard starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    Outcome::of(child.wait_with_output().expect("its end"))
}

fn names_and_input() {
    for how in BOTH {
        let said = run(how, &["--in", "one", "--", "ping", "-c1", "-w3", "three"]);
        assert!(
            said.out.contains("three (10.0.0.2)"),
            "{}{}",
            said.out,
            said.err
        );
        let three = example("three.yaml");
        let said = fed(&[how, &[&three, "--", "cat"]].concat(), "through");
        assert_eq!(
            (said.code, said.out.as_str()),
            (Some(0), "through"),
            "{}",
            said.err
        );
        // The file from standard input, too.
        let text = fs::read_to_string(&three).expect("the example");
        let said = fed(&[how, &["-", "--", "ip", "netns", "list"]].concat(), &text);
        assert!(said.out.contains("three"), "{}{}", said.out, said.err);
    }
}

/// A program that was started in the lab, once it said so.
pub(crate) struct Running {
    netyard: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    pub(crate) fn start(how: &[&str], script: &str) -> Self {
        let three = example("three.yaml");
        let words = [how, &[&three, "--in", "one", "--", "sh", "-c", script]].concat();
        let mut netyard = netyard(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("netyard starts");
        let mut out = BufReader::new(netyard.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Running { netyard, out }
    }

    pub(crate) fn id(&self) -> i32 {
        self.netyard.id() as i32
    }

    pub(crate) fn code(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.out, &mut rest).expect("its output");
        (self.netyard.wait().expect("its end").code(), rest)
    }
}

pub(crate) fn send(process: i32, signal: Signal) {
    let process = Pid::from_raw(process).expect("a process");
    kill_process(process, signal).expect("it is there");
}

fn signals() {
    let script = "for s in HUP INT QUIT TERM USR1 USR2 WINCH; do trap \"echo $s; exit 9\" $s; done
        echo ready; while :; do sleep 0.1; done";
    for how in BOTH {
        for (signal, name) in [
            (Signal::TERM, "TERM\n"),
            (Signal::HUP, "HUP\n"),
            (Signal::INT, "INT\n"),
            (Signal::QUIT, "QUIT\n"),
            (Signal::USR1, "USR1\n"),
            (Signal::WINCH, "WINCH\n"),
        ] {
            let running = Running::start(how, script);
            send(running.id(), signal);
            assert_eq!(running.code(), (Some(9), name.to_owned()), "{how:?}");
        }
    }
    assert!(ok(&["list"]).contains("no lab is up"));
}

/// Every process of the machine that this one can look at: its parent and the inode of
/// its network namespace.
pub(crate) fn processes() -> Vec<(i32, i32, u64)> {
    let all = fs::read_dir("/proc").expect("the processes");
    let all = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let look = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let parent = stat
            .rsplit(')')
            .next()?
            .split_whitespace()
            .nth(1)?
            .parse()
            .ok()?;
        let netns = fs::metadata(format!("/proc/{pid}/ns/net")).ok()?;
        Some((pid, parent, std::os::unix::fs::MetadataExt::ino(&netns)))
    };
    all.filter_map(look).collect()
}

fn killed() {
    let script = "sleep 1000 & echo ready; sleep 1000; :";
    let (before, own) = (snapshot::host(), own_netns());
    for how in BOTH {
        for victim in ["netyard", "its keeper", "the program"] {
            let running = Running::start(how, script);
            let id = running.id();
            let all = processes();
            let children: Vec<_> = all.iter().filter(|(_, parent, _)| *parent == id).collect();
            let [keeper, program] = children[..] else {
                panic!("netyard has two children: {children:?}")
            };
            let spaces = [keeper.2, program.2]
                .into_iter()
                .filter(|netns| *netns != own);
            let spaces: Vec<u64> = spaces.collect();
            match victim {
                "netyard" => send(id, Signal::KILL),
                "the program" => send(program.0, Signal::KILL),
                _ => {
                    send(keeper.0, Signal::KILL);
                    // On the host the program goes on; netyard sees to the lab then.
                    if how == BOTH[0] {
                        send(program.0, Signal::TERM);
                    }
                }
            }
            let (code, _) = running.code();
            let by_netyard = [Some(137), Some(143)].contains(&code);
            assert!(
                by_netyard || victim == "netyard",
                "{how:?} {victim}: {code:?}"
            );
            let gone = || {
                !processes()
                    .iter()
                    .any(|(_, _, netns)| spaces.contains(netns))
            };
            until(&format!("{how:?}: nothing is left of {victim}"), gone);
            until("the lab is gone", || ok(&["list"]).contains("no lab is up"));
            snapshot::assert_same(&before, &snapshot::host(), victim);
        }
    }
}

fn own_netns() -> u64 {
    let netns = fs::metadata("/proc/thread-self/ns/net").expect("a namespace");
    std::os::unix::fs::MetadataExt::ino(&netns)
}

/// netyard gets a signal when `up` has told of its n-th command. Its other processes
/// hold the pipe that this is told through: at its end all are gone.
fn killed_while_up() {
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        let (before, mut n) = (snapshot::host(), 0);
        while let Some(code) = signalled_after(n, signal) {
            let when = format!("{signal:?} after {n}");
            // Ended by the signal, or told as shells do, or too late.
            let known = [None, Some(0), Some(130), Some(128 + signal.as_raw())];
            assert!(known.contains(&code), "{when}: {code:?}");
            snapshot::assert_same(&before, &snapshot::host(), &when);
            assert!(ok(&["list"]).contains("no lab is up"), "{when}");
            n += stride(3);
        }
        assert!(n > 10, "only {n} times");
        println!("run got {signal:?} at {n} steps of up: the host as before each time");
    }
}

/// How it ended; `None` when `up` has fewer commands.
fn signalled_after(n: usize, signal: Signal) -> Option<Option<i32>> {
    let three = example("three.yaml");
    let mut command = netyard(&["-v", "run", &three, "--", "true"]);
    let child = command.stderr(Stdio::piped()).spawn();
    let mut child = child.expect("netyard starts");
    let mut told = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let seen = told.by_ref().take(n).count();
    // It is there, if only as a zombie.
    send(child.id() as i32, signal);
    told.for_each(drop);
    let code = child.wait().expect("its end").code();
    (seen == n).then_some(code)
}

/// netyard raises its own limit of open files; a shell is told the same way.
fn limits() {
    let three = example("three.yaml");
    let program = env!("CARGO_BIN_EXE_netyard");
    for how in ["run", "run --private", "shell", "shell --private"] {
        let line =
            format!("ulimit -Sn 600; echo 'ulimit -Sn' | SHELL=/bin/sh {program} {how} {three}");
        assert_eq!(sh(&line), "600\n", "{how}");
    }
}
