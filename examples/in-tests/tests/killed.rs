//! A test that is killed leaves nothing behind.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use netyard::lab::Lab;

#[test]
fn programs_end_with_a_test_that_is_killed() {
    let this = std::env::current_exe().expect("this program");
    let mut test = Command::new(this)
        .args([
            "--ignored",
            "--exact",
            "a_test_that_is_killed",
            "--nocapture",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(test.stdout.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("a program runs") {
        line.clear();
        assert!(
            said.read_line(&mut line).expect("a line") > 0,
            "it has ended"
        );
    }
    test.kill().expect("SIGKILL");
    let killed = Instant::now();
    // Its programs have the same pipe: it ends with the last of them.
    said.read_to_string(&mut line).expect("the end");
    assert!(
        killed.elapsed() < Duration::from_secs(20),
        "{:?}",
        killed.elapsed()
    );
    test.wait().expect("it has ended");
}

#[test]
#[ignore = "is started, and killed, by the other"]
fn a_test_that_is_killed() {
    let lab = Lab::from_text("{ lab: killed, namespaces: { one: {} } }").expect("a lab");
    let one = lab.namespace("one").expect("it is there");
    let mut shell = Command::new("sh");
    shell.args(["-c", "sleep 60 & echo a program runs; sleep 60"]);
    one.status(&mut shell).expect("it starts");
}
