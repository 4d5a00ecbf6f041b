//! How programs of a lab end: with the lab, whoever is killed.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::programs::{kill, known, none, shop, sleepers};
use crate::sandbox::{file, netyard, ok, outcome, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "programs::kill -9 of whoever waits for one",
            attendant_killed,
        ),
        test("programs::kill -9 of up while it waits", up_killed),
        test("programs::one that does not listen to SIGTERM", stubborn),
        test("programs::on the host itself", on_the_host),
    ]
}

/// Who is the parent of this process.
fn parent(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.and_then(|number| number.trim().parse().ok())
        .expect("its parent")
}

fn attendant_killed() {
    let text = "one: { command: [sleep, '987607'] }\ntwo: { command: 'sleep 987611 | sleep 987611; true' }";
    let yaml = shop("shop.yaml", text);
    ok(&["up", &yaml]);
    until("both run", || sleepers("987611").len() == 2);
    kill(parent(sleepers("987607")[0]));
    kill(parent(parent(sleepers("987611")[0])));
    until("the program went with it", || sleepers("987607").is_empty());
    let lost = ["one", "two"].map(|name| (format!("web/{name}"), Value::from("lost")));
    assert_eq!(known(), lost);
    // What the second had started is found, and is not there twice.
    ok(&["up", &yaml]);
    until("both run", || sleepers("987611").len() == 2);
    assert_eq!(sleepers("987607").len(), 1);
    kill(parent(parent(sleepers("987611")[0])));
    ok(&["down", "shop"]);
    none("987607");
    none("987611");
}

fn up_killed() {
    let before = snapshot::host();
    let yaml = shop(
        "shop.yaml",
        "one: { command: [sleep, '987608'], ready: { text: never, within: 100s } }",
    );
    let mut up = netyard(&["up", &yaml])
        .stdout(Stdio::null())
        .spawn()
        .expect("netyard starts");
    until("it waits", || !sleepers("987608").is_empty());
    up.kill().expect("it was there");
    up.wait().expect("its end");
    assert_eq!(known()[0].1, "running");
    ok(&["down", "--wait", "shop"]);
    none("987608");
    snapshot::assert_same(&before, &snapshot::host(), "down");
    // Ctrl-C while it waits undoes all.
    let up = netyard(&["up", &yaml])
        .stderr(Stdio::piped())
        .spawn()
        .expect("netyard starts");
    until("it waits", || !sleepers("987608").is_empty());
    let pid = Pid::from_raw(up.id() as i32).expect("a number");
    kill_process(pid, Signal::TERM).expect("it was there");
    let told = up.wait_with_output().expect("its end");
    assert_eq!(told.status.code(), Some(130), "{told:?}");
    none("987608");
    snapshot::assert_same(&before, &snapshot::host(), "Ctrl-C");
}

fn stubborn() {
    let line = "trap '' TERM; echo deaf; while :; do sleep 987609; done";
    let yaml = shop(
        "shop.yaml",
        &format!("one: {{ command: \"{line}\", ready: {{ text: deaf }} }}"),
    );
    ok(&["up", &yaml]);
    until("it sleeps", || !sleepers("987609").is_empty());
    ok(&["down", "--wait", "shop"]);
    none("987609");
}

fn on_the_host() {
    let text = "lab: near\nnetworks: { lan: { subnets: [10.7.0.0/24] } }\nnamespaces:\n\
                \x20 host: { run: { one: { command: sleep 987610 } } }\n\
                \x20 far: { interfaces: { eth0: { network: lan } } }\n";
    let yaml = file("near.yaml", text);
    ok(&["up", &yaml]);
    until("the shell has become it", || sleepers("987610").len() == 1);
    ok(&["down", "near"]);
    none("987610");
    assert_eq!(outcome(&["run", &yaml, "true"]).code, Some(0));
    none("987610");
}
