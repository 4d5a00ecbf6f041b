//! What `down` and `gc` say and leave.

use std::process::Stdio;

use crate::sandbox::{example, netyard, ok, outcome, sh};
use crate::status::Terminal;
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
        test("gc::who cannot see a lab's host does not judge it", unseen),
        test("gc::names that come and go do no harm", churn),
        test("gc::only what was shown is removed", only_shown),
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

/// With /run in common, and other eyes.
fn unseen() {
    ok(&["up", &example("two-pcs.yaml")]);
    let before = snapshot::host();
    let netyard = env!("CARGO_BIN_EXE_netyard");
    for other in ["--pid --fork --mount-proc", "--user --map-root-user"] {
        let said = sh(&format!(
            "unshare --net --mount {other} sh -c '{netyard} gc --yes; {netyard} status'"
        ));
        let expected = "nothing is left of labs and containers that are gone\n\
            lab two-pcs was made from another network namespace, which can tell\n";
        assert_eq!(said, expected, "{other}");
    }
    snapshot::assert_same(&before, &snapshot::host(), "after gc");
}

fn churn() {
    ok(&["up", &example("two-pcs.yaml")]);
    sh("touch /run/go");
    let others = std::process::Command::new("sh")
        .args([
            "-c",
            "while [ -e /run/go ]; do ip netns add other; ip netns del other; done",
        ])
        .spawn();
    let said: Vec<_> = (0..100).map(|_| outcome(&["gc", "--dry-run"])).collect();
    sh("rm /run/go");
    others.expect("a shell").wait().expect("its end");
    for said in said {
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    }
}

fn only_shown() {
    for lab in ["internet.yaml", "two-pcs.yaml"] {
        ok(&["up", &example(lab)]);
    }
    sh("rm -r /run/netyard");
    // No bridges: the firewall table knows of each.
    let forge = |dev, lab| {
        sh(&format!(
            "ip link add {dev} type veth peer name {dev}b; ip link set {dev} alias netyard:{lab}"
        ))
    };
    let mut terminal = Terminal::of("gc");
    let asked = terminal.question();
    assert!(!asked.contains("forged"), "{asked}");
    forge("forged0", "internet");
    terminal.answer("y");
    let again = terminal.question();
    assert!(again.contains("forged0"), "{again}");
    assert!(
        sh("ip netns list").contains("pc-one"),
        "nothing was changed"
    );
    forge("forged1", "strange");
    terminal.answer("y");
    assert_eq!(terminal.end().1, Some(0));
    assert_eq!(sh("ip netns list"), "");
    assert!(sh("ip link").contains("forged1"), "it was not shown");
    assert!(!sh("ip link").contains("forged0"));
}
