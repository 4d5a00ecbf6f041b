//! The command line: exit codes, JSON, standard input, signals.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use crate::sandbox::{Outcome, example, file, netyard, ok, outcome, sh, try_sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cli::exit codes and signals of exec pass through", exec),
        test("cli::what cannot be run, and why", cannot_run),
        test("cli::a dash reads standard input", stdin),
        test("cli::JSON where there is output", json),
        test("cli::a bad file is drawn and nothing is touched", bad_file),
        test("cli::test says what is missing", drift),
        test(
            "cli::test fails when an expectation does",
            failing_expectation,
        ),
    ]
}

fn exec() {
    ok(&["up", &example("two-pcs.yaml")]);
    assert_eq!(
        outcome(&["exec", "pc-one", "--", "sh", "-c", "exit 7"]).code,
        Some(7)
    );
    assert_eq!(
        outcome(&["exec", "pc-one", "no-such-program"]).code,
        Some(127)
    );
    assert_eq!(
        outcome(&["exec", "pc-one", "--", "/etc/passwd"]).code,
        Some(126)
    );
    let killed = netyard(&["exec", "pc-one", "--", "sh", "-c", "kill -TERM $$"])
        .status()
        .expect("netyard");
    assert_eq!(killed.signal(), Some(15));
    let devices = ok(&["exec", "pc-one", "--", "ls", "/sys/class/net"]);
    assert!(devices.contains("veth-pc-one"), "{devices}");
    let shell = netyard(&["exec", "pc-two"])
        .env("SHELL", "/bin/pwd")
        .output()
        .expect("netyard");
    assert_eq!(Outcome::of(shell).code, Some(0));
}

fn cannot_run() {
    let pcs = example("two-pcs.yaml");
    ok(&["up", &pcs]);
    let exec = |program| outcome(&["exec", "pc-one", "--", program]);
    let said = exec("/etc/passwd");
    refused(
        &said,
        126,
        &["`/etc/passwd`", "execute permission", "chmod +x"],
    );
    refused(&exec("/etc"), 126, &["it is a directory"]);
    refused(&exec("no-such-program"), 127, &["`no-such-program`"]);
    let empty = "name of the program is empty";
    refused(&exec(""), 127, &[empty, "none at all for a shell"]);
    let run = ["run", "--private", &pcs];
    refused(&outcome(&[&run[..], &["--", ""]].concat()), 127, &[empty]);
    let program = env!("CARGO_BIN_EXE_netyard");
    let user = format!("setpriv --bounding-set=-all {program} exec pc-one true");
    refused(&try_sh(&user), 126, &["needs root", "sudo netyard"]);
    for words in [
        &["exec", "pc-one"][..],
        &["shell", "pc-one"],
        &["shell"],
        &["shell", "--private", &pcs],
        &run,
    ] {
        let with = |shell| {
            let said = netyard(words).env("SHELL", shell).output();
            Outcome::of(said.expect("netyard"))
        };
        let named = "$SHELL, which is `/no/such/fish`,";
        refused(&with("/no/such/fish"), 127, &[named, "SHELL=/bin/sh"]);
        refused(
            &with("/etc/passwd"),
            126,
            &["$SHELL, which is `/etc/passwd`,"],
        );
        assert_eq!(with("").code, Some(0), "{words:?}");
    }
}

#[track_caller]
fn refused(said: &Outcome, code: i32, told: &[&str]) {
    assert_eq!(said.code, Some(code), "{}", said.err);
    assert!(said.err.contains("error[cannot-run]"), "{}", said.err);
    for told in told {
        assert!(said.err.contains(told), "`{told}` in\n{}", said.err);
    }
}

fn stdin() {
    let text = std::fs::read_to_string(example("two-pcs.yaml")).expect("the example");
    for verb in ["check", "plan", "up", "test", "down"] {
        let mut child = netyard(&[verb, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("netyard");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(text.as_bytes())
            .expect("the text");
        let outcome = Outcome::of(child.wait_with_output().expect("its end"));
        assert_eq!(
            outcome.code,
            Some(0),
            "{verb} -\n{}{}",
            outcome.out,
            outcome.err
        );
    }
}

fn json() {
    let three = example("three.yaml");
    for arguments in [
        vec!["check", "--json", &three],
        vec!["plan", "--json", &three],
        vec!["plan", "--as", "json", &three],
        vec!["up", "--json", &three],
        vec!["list", "--json"],
        vec!["test", "--json", "three"],
        vec!["down", "--json", "three"],
    ] {
        let said = ok(&arguments);
        let value: Result<serde_json::Value, _> = serde_json::from_str(&said);
        assert!(value.is_ok(), "{arguments:?}: {said}");
        assert!(!said.contains('\u{1b}'), "no colours in {arguments:?}");
    }
}

fn bad_file() {
    let bad = file(
        "bad.yaml",
        "lab: bad\nnetworks:\n  lan: { subnet: [10.0.0.0/24] }\n",
    );
    for verb in ["check", "plan", "up", "down", "test"] {
        let outcome = outcome(&[verb, &bad]);
        assert_eq!(outcome.code, Some(2), "{verb}: {}", outcome.err);
        assert!(
            outcome.err.contains("subnets") && outcome.err.contains(":3:"),
            "{}",
            outcome.err
        );
    }
    assert_eq!(outcome(&["up", "/run/no-such-file.yaml"]).code, Some(2));
    assert!(!std::path::Path::new("/run/netns").exists());
}

fn failing_expectation() {
    let text = std::fs::read_to_string(example("two-pcs.yaml")).expect("the example");
    let wrong = text.clone()
        + "  - { from: pc-one, to: pc-two, reach: false }\n  - { from: pc-one, to: 10.9.9.9 }\n";
    let wrong = file("wrong.yaml", &wrong);
    ok(&["up", &wrong]);
    let outcome = outcome(&["test", &wrong]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    assert!(
        outcome.out.contains("no route"),
        "the cause is told:\n{}",
        outcome.out
    );
}

fn drift() {
    let file = example("two-pcs.yaml");
    ok(&["up", &file]);
    sh("ip -n pc-two link set veth-pc-two down");
    let said = outcome(&["test", &file]);
    assert_eq!(said.code, Some(1));
    let repair = "ip -n pc-two link set dev veth-pc-two up";
    assert!(said.out.contains(repair), "{}", said.out);
    sh("ip netns del pc-two");
    let said = outcome(&["test", "two-pcs"]);
    assert!(
        said.err
            .contains("namespace pc-two of lab two-pcs is not there"),
        "{}",
        said.err
    );
    ok(&["up", &file]);
    ok(&["test", &file]);
}
