//! What `down` and `gc` say and leave.

use std::process::Stdio;

use crate::sandbox::{example, netyard, ok, outcome, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("down::--wait returns when the kernel is done", waits),
        test("down::a process that is still inside is told", inhabited),
        test("down::--all removes every lab", all),
        test("down::a file that is not up is no mistake", not_up),
    ]
}

/// A namespace counts against the limit until the kernel has taken it apart
/// (`dec_net_namespaces` at the end of `cleanup_net`): with no room for a second lab,
/// each `up` shows that the one before is gone.
fn waits() {
    let netyard = env!("CARGO_BIN_EXE_netyard");
    let file = example("three.yaml");
    sh(&format!(
        "unshare --user --map-root-user --net --mount sh -ec '
            mount -t tmpfs run /run
            echo 5 > /proc/sys/user/max_net_namespaces
            for round in 1 2 3 4 5 6 7 8; do {netyard} up {file}; {netyard} down --wait three; done'"
    ));
}

fn inhabited() {
    ok(&["up", &example("two-pcs.yaml")]);
    let mut inside = netyard(&["exec", "pc-one", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cat");
    let pid = inside.id();
    while sh(&format!("cat /proc/{pid}/comm")) != "cat\n" {
        std::thread::yield_now();
    }
    let said = outcome(&["down", "two-pcs"]);
    assert_eq!(said.code, Some(0));
    let note = format!("process {pid} (cat) is still in what was namespace pc-one");
    assert!(said.err.contains(&note), "{}", said.err);
    drop(inside.stdin.take());
    inside.wait().expect("it ends");
}

fn all() {
    let before = snapshot::host();
    ok(&["up", &example("internet.yaml")]);
    ok(&["up", &example("routers.yaml")]);
    let said = ok(&["down", "--all"]);
    assert!(said.contains("lab internet is down") && said.contains("lab routers is down"));
    snapshot::assert_same(&before, &snapshot::host(), "after down --all");
    assert_eq!(ok(&["down", "--all"]), "no lab is up\n");
}

fn not_up() {
    assert!(ok(&["down", &example("three.yaml")]).contains("not up"));
    assert_eq!(outcome(&["down", "three"]).code, Some(1));
}
