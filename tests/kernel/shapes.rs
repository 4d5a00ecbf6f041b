//! Shapes in the kernel: up, proved, down, as before.

use crate::sandbox::{ok, outcome, pings, sh};
use crate::{Test, snapshot, test};

/// Each with who is farthest apart in it.
const SHAPES: [(&str, [&str; 2]); 7] = [
    ("star:4", ["h1", "10.0.0.4"]),
    ("line:5", ["h1", "10.0.4.2"]),
    ("mesh:4", ["h3", "10.3.4.4"]),
    ("tree:2,3", ["h1", "10.0.10.2"]),
    ("tree:3,2", ["h9", "10.0.1.1"]),
    ("fat-tree:4", ["h1-1-1", "10.4.2.2"]),
    ("dumbbell:3", ["left-1", "10.0.2.3"]),
];

pub(crate) fn tests() -> Vec<Test> {
    let each = SHAPES.map(|(shape, far)| {
        let name = format!("shapes::{shape} goes up, is proved, goes down");
        test(&name, move || runs(shape, far))
    });
    let more = [
        test("shapes::with Mininet's word", topo),
        test("shapes::a file of that name comes first", file_first),
        test("shapes::a program in one of its own", run),
        test("shapes::strict rp_filter hinders none", strict),
    ];
    each.into_iter().chain(more).collect()
}

fn runs(shape: &str, [from, to]: [&str; 2]) {
    let before = snapshot::host();
    let said = ok(&["up", shape]);
    assert!(said.contains("is up:"), "{said}");
    let table = ok(&["test", shape]);
    assert!(table.contains("as expected"), "{table}");
    assert!(pings(from, to), "{from} to {to}");
    let lab = shape.replace([':', ','], "-");
    assert!(ok(&["up", &lab]).contains("nothing to change"));
    assert!(ok(&["plan", shape]).contains("nothing to do"));
    ok(&["down", shape]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

fn topo() {
    ok(&["up", "--topo", "star:2"]);
    assert!(pings("h1", "10.0.0.2"));
    let said = outcome(&["up", "--topo", "tree,2,3"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("`tree:3,2`"), "{}", said.err);
    ok(&["down", "star-2"]);
}

fn file_first() {
    sh("mkdir /run/here; printf 'lab: mine\\nnamespaces: { one: {} }\\n' > /run/here/star:2");
    let netyard = env!("CARGO_BIN_EXE_netyard");
    let said = sh(&format!(
        "cd /run/here; {netyard} check star:2; {netyard} up star:2"
    ));
    assert!(said.contains("lab mine is right"), "{said}");
    assert!(ok(&["list"]).contains("mine"));
}

fn run() {
    let words = [
        "run", "line:3", "--in", "h1", "--", "ping", "-nc1", "10.0.2.2",
    ];
    let said = ok(&words);
    // h2 is between them.
    assert!(said.contains("ttl=63"), "{said}");
    assert!(ok(&["list"]).contains("no lab is up"));
}

/// As distributions set it for the host, whose values new namespaces take over.
fn strict() {
    sh("sysctl -q -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1");
    for shape in ["fat-tree:4", "tree:2,3"] {
        ok(&["up", shape]);
        let namespaces = sh("ls /run/netns");
        for netns in namespaces.lines() {
            let set = "sysctl -q -w net.ipv4.conf.all.rp_filter=1";
            sh(&format!("ip netns exec {netns} {set}"));
        }
        let table = ok(&["test", shape]);
        assert!(table.contains("as expected"), "{table}");
        ok(&["down", shape]);
    }
}
