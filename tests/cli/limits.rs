//! Files that would use up time or memory are errors, and soon.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Outcome, directory};

/// Far more than is needed, by a build without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Checks this text with 400 MB of address space at most.
fn check(name: &str, text: &str) -> Outcome {
    let file = directory(name).join("file.yaml");
    fs::write(&file, text).unwrap();
    bounded(&format!("check {}", file.display()), "")
}

fn bounded(arguments: &str, stdin: &str) -> Outcome {
    let script = format!(
        "ulimit -v 400000; exec timeout {} {} {arguments}",
        PATIENCE.as_secs(),
        env!("CARGO_BIN_EXE_netyard")
    );
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).stdin(Stdio::piped());
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    // It need not read to the end.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn refused(said: &Outcome, code: &str) {
    assert_eq!(said.code, Some(2), "{}{}", said.out, said.err);
    assert!(said.err.contains(&format!("error[{code}]")), "{}", said.err);
    assert!(said.err.len() < 20_000, "{} bytes are said", said.err.len());
}

/// Namespaces with nothing in them, until there are so many bytes.
fn namespaces(bytes: usize) -> String {
    let mut text = "lab: big\nnamespaces:\n".to_owned();
    let mut n = 0;
    while text.len() < bytes {
        writeln!(text, "  namespace-{n}: {{}}").unwrap();
        n += 1;
    }
    text
}

#[test]
fn ten_megabytes() {
    let text = namespaces(10 << 20);
    refused(&check("ten-megabytes", &text), "too-large");
    refused(&bounded("check -", &text), "too-large");
}

#[test]
fn a_file_without_an_end() {
    refused(&bounded("check /dev/zero", ""), "too-large");
}

#[test]
fn as_large_as_may_be_and_right() {
    let said = check("large-and-right", &namespaces(1 << 20));
    assert_eq!(said.code, Some(0), "{}", said.err);
}

#[test]
fn more_values_than_may_be() {
    let text = format!("lab: big\nexpect: [{}]\n", "1, ".repeat(300_000));
    refused(&check("many-values", &text), "too-large");
}

#[test]
fn a_billion_laughs() {
    let mut text = "lab: laughs\nl0: &l0 [ha, ha]\n".to_owned();
    for n in 1..10 {
        let before = format!("*l{}, ", n - 1).repeat(10);
        writeln!(text, "l{n}: &l{n} [{before}]").unwrap();
    }
    refused(&check("laughs", &text), "too-many-aliases");
}

#[test]
fn nested_a_hundred_thousand_times() {
    let said = check("nested", &format!("lab: {}", "[".repeat(100_000)));
    refused(&said, "not-yaml");
    let mut block = String::new();
    for depth in 0..1000 {
        writeln!(block, "{}a:", " ".repeat(depth)).unwrap();
    }
    refused(&check("nested-block", &block), "too-deep");
}

/// The time for each mistake must not grow with the file.
#[test]
fn ten_thousand_mistakes_on_one_line() {
    let keys: String = (0..10_000)
        .map(|n| format!("n{n}: {{ forwrad: 1 }}, "))
        .collect();
    let said = check(
        "one-line",
        &format!("{{ lab: line, namespaces: {{ {keys} }} }}\n"),
    );
    refused(&said, "unknown-key");
    assert!(said.err.contains("and 9980 more"), "{}", said.err);
}

#[test]
fn names_that_are_all_misspelt() {
    let mut text = "lab: typos\nnetworks:\n".to_owned();
    for n in 0..1000 {
        writeln!(text, "  network-with-a-long-name-{n}: {{ subnets: [] }}").unwrap();
    }
    text += "namespaces:\n";
    for n in 0..3000 {
        writeln!(
            text,
            "  n{n}: {{ interfaces: {{ e: {{ network: netwrok-wiht-a-name-{n} }} }} }}"
        )
        .unwrap();
    }
    let said = check("typos", &text);
    refused(&said, "unknown-network");
    assert!(said.err.contains("more\n"), "{}", said.err);
}

#[test]
fn a_name_of_a_megabyte() {
    let said = check("long-name", &format!("lab: {}\n", "a".repeat(1 << 20)));
    refused(&said, "bad-name");
}
