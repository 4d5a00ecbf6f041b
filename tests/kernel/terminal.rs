//! `run` and `shell` on a terminal: Ctrl-C, Ctrl-Z, shells with job control, hang-up.

use std::os::unix::process::ExitStatusExt;

use rustix::termios::tcsetwinsize;

use crate::sandbox::{example, ok, try_sh, until};
use crate::typed::{Typed, window};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("terminal::Ctrl-C reaches the program", ctrl_c),
        test(
            "terminal::Ctrl-C ends a script with its program",
            ctrl_c_in_script,
        ),
        test("terminal::Ctrl-Z, then fg", ctrl_z),
        test("terminal::suspend inside, then fg", suspend),
        test(
            "terminal::shells have job control and give the terminal back",
            shells,
        ),
        test("terminal::the size of the window arrives", resized),
        test("terminal::a terminal that is closed ends it", hang_up),
    ]
}

const NETYARD: &str = env!("CARGO_BIN_EXE_netyard");

/// `netyard run`, on the host and in a private world, as a shell is told it.
fn both(rest: &str) -> [String; 2] {
    let three = example("three.yaml");
    ["", "--private "].map(|how| format!("{NETYARD} run {how}{three} {rest}"))
}

fn ctrl_c() {
    for line in both(
        "--in one -- sh -c 'trap \"echo got it; exit 9\" INT; echo rea''dy; while :; do sleep 0.1; done'",
    ) {
        let mut typed = Typed::start(&["/bin/sh", "-c", &format!("exec {line}")]);
        typed.sees("ready");
        typed.keys("\x03");
        let (shown, status) = typed.end();
        assert!(shown.contains("got it"), "{line}: {shown}");
        assert_eq!(status.code(), Some(9), "{line}: {shown}");
    }
    assert!(ok(&["list"]).contains("no lab is up"));
}

fn ctrl_c_in_script() {
    for line in both("-- sh -c 'echo rea''dy; exec sleep 1000'") {
        let mut typed = Typed::start(&["/bin/sh", "-c", &format!("{line}; echo went on")]);
        typed.sees("ready");
        typed.keys("\x03");
        let (shown, status) = typed.end();
        assert!(!shown.contains("went on"), "{shown}");
        assert_eq!(status.signal(), Some(2), "{shown}");
    }
    until("the lab is gone", || ok(&["list"]).contains("no lab is up"));
}

fn ctrl_z() {
    for line in both("-- sh -c 'echo rea''dy; exec sleep 1017'") {
        let mut typed = Typed::start(&["/bin/sh", "-i"]);
        typed.keys(&format!("{line}\n"));
        typed.sees("ready\r\n");
        typed.keys("\x1a");
        typed.sees("Stopped");
        typed.keys("echo $((40+2)); fg\n");
        typed.sees("42");
        typed.sees("run");
        // Before it goes on, Ctrl-C would be for the shell.
        let state = || try_sh("ps -o stat= -p $(pgrep -x -f 'sleep 1017')").out;
        until("it goes on", || state().starts_with('S'));
        typed.keys("\x03");
        typed.keys("echo code $((40+$?)); exit\n");
        typed.sees("code 170");
        assert!(typed.end().1.success());
    }
    until("the lab is gone", || ok(&["list"]).contains("no lab is up"));
}

fn suspend() {
    for line in both("-- sh -i") {
        let mut typed = Typed::start(&["/bin/sh", "-i"]);
        typed.keys(&format!("{line}\n"));
        typed.keys("echo in $((40+2)); kill -STOP $$; echo again $((40+3))\n");
        typed.sees("in 42");
        typed.sees("Stopped");
        typed.keys("echo out $((40+4)); fg\n");
        typed.sees("out 44");
        typed.sees("again 43");
        typed.keys("exit 7\n");
        typed.keys("echo code $((40+$?)); exit\n");
        typed.sees("code 47");
        assert!(typed.end().1.success());
    }
}

fn shells() {
    let three = example("three.yaml");
    let lines = [
        "shell".to_owned(),
        format!("shell {three} one"),
        format!("shell {three} --private"),
        format!("run {three} -- /bin/sh"),
        format!("run {three} --private -- /bin/sh"),
    ];
    for line in &lines {
        let words = [&[NETYARD][..], &line.split(' ').collect::<Vec<_>>()].concat();
        let mut typed = Typed::start(&words);
        // A job stops and goes on: the shell has job control.
        typed.keys("sleep 1000\n");
        typed.sees("sleep 1000\r\n");
        until("sleep has the terminal", || typed_at(&typed, "sleep"));
        typed.keys("\x1a");
        typed.sees("Stopped");
        // The first may be answered by "You have stopped jobs.".
        typed.keys("kill -KILL %1\nexit 5\nexit 5\n");
        let (shown, status) = typed.end();
        assert_eq!(status.code(), Some(5), "{line}: {shown}");
        for odd in ["job control", "process group", "annot"] {
            assert!(!shown.contains(odd), "{line}: {shown}");
        }
        // What comes after it in a script can read from the terminal.
        let script = format!("{NETYARD} {line}; read word; echo got $word");
        let mut typed = Typed::start(&["/bin/sh", "-c", &script]);
        typed.keys("exit\n");
        typed.keys("this\n");
        typed.sees("got this");
        assert!(typed.end().1.success());
    }
}

/// Whether the terminal listens to a program of this name.
fn typed_at(typed: &Typed, name: &str) -> bool {
    let front = rustix::termios::tcgetpgrp(&typed.screen);
    let path = |pid: rustix::process::Pid| format!("/proc/{}/comm", pid.as_raw_nonzero());
    front.is_ok_and(|pid| std::fs::read_to_string(path(pid)).is_ok_and(|comm| comm.trim() == name))
}

fn resized() {
    let script = "trap 'stty size' WINCH; echo rea''dy; while :; do sleep 0.1; done";
    for line in both(&format!("-- sh -c \"{script}\"")) {
        let mut typed = Typed::start(&["/bin/sh", "-c", &format!("exec {line}")]);
        typed.sees("ready");
        tcsetwinsize(&typed.screen, window(77)).expect("a window");
        typed.sees("33 77");
        typed.keys("\x1c");
        let code = typed.end().1.code();
        assert_eq!(code, Some(128 + 3));
    }
}

fn hang_up() {
    for line in both("-- sh -c 'echo rea''dy; exec sleep 1000'") {
        let mut typed = Typed::start(&["/bin/sh", "-c", &format!("exec {line}")]);
        typed.sees("ready");
        let Typed {
            mut program,
            screen,
            ..
        } = typed;
        drop(screen);
        assert_eq!(program.wait().expect("its end").code(), Some(128 + 1));
    }
    assert!(ok(&["list"]).contains("no lab is up"));
}
