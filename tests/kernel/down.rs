//! What `down` and `gc` say and leave.

use std::process::Stdio;

use crate::sandbox::{example, netyard, ok, outcome, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("down::--wait returns when the kernel is done", waits),
        test("down::a process that is still inside is told", inhabited),
        test("down::--all removes every lab", all),
        test("down::a lab that is not up", not_up),
        test(
            "gc::what a lost journal knew is found and removed",
            lost_journal,
        ),
        test("gc::living labs and foreign objects are left alone", living),
        test("gc::a lab whose host is gone is removed", orphan),
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
    for target in ["three", &example("three.yaml")] {
        let said = outcome(&["down", target]);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("no lab `three` is up"), "{}", said.err);
    }
}

fn lost_journal() {
    sh("ip netns add keep; ip link add docker0 type bridge");
    let before = snapshot::host();
    ok(&["up", &example("internet.yaml")]);
    ok(&["up", &example("routers.yaml")]);
    sh("rm -r /run/netyard");
    let refused = outcome(&["up", &example("routers.yaml")]).err;
    assert!(
        refused.contains("lab routers left things here"),
        "{refused}"
    );
    let shown = outcome(&["gc", "--dry-run"]);
    assert_eq!(shown.code, Some(1));
    for text in [
        "lab internet",
        "virtual-bridge",
        "lab routers",
        "router-one",
        "stranger",
    ] {
        assert!(shown.out.contains(text), "{text} in {}", shown.out);
    }
    // Nobody can be asked: nothing is removed.
    assert_eq!(outcome(&["gc"]).code, Some(1));
    assert!(sh("ip netns list").contains("router-one"));
    ok(&["gc", "--yes"]);
    snapshot::assert_same(&before, &snapshot::host(), "after gc");
    assert!(ok(&["gc", "--dry-run"]).contains("nothing is left"));
}

fn living() {
    ok(&["up", &example("three.yaml")]);
    sh("ip link add forged type bridge; ip netns add strange");
    let before = snapshot::host();
    assert!(ok(&["gc", "--yes"]).contains("nothing is left"));
    snapshot::assert_same(&before, &snapshot::host(), "after gc");
    assert!(ok(&["up", &example("three.yaml")]).contains("nothing to change"));
}

fn orphan() {
    let (file, netyard) = (example("two-pcs.yaml"), env!("CARGO_BIN_EXE_netyard"));
    sh(&format!(
        "ip netns add h1; nsenter --net=/run/netns/h1 {netyard} up {file}; ip netns del h1"
    ));
    assert!(outcome(&["gc", "-n"]).out.contains("lab two-pcs"));
    ok(&["gc", "--yes"]);
    assert_eq!(
        (sh("ip netns list"), ok(&["list"])),
        (String::new(), "no lab is up\n".to_owned())
    );
}
