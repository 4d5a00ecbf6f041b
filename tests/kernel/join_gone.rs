//! Namespaces that were joined and are not there any more.

use std::process::Command;

use crate::join::{Guest, inside, lab, said, up_and_well};
use crate::sandbox::{ok, pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("join::one that is gone", gone),
        test("join::another at the path is not touched", another),
    ]
}

fn gone() {
    let guest = Guest::new();
    let (before, path) = (snapshot::host(), guest.path());
    let yaml = lab(
        "one",
        &path,
        ", forward: true, egress: [{ to: 10.0.0.0/8 }]",
    );
    up_and_well(&yaml);
    drop(guest);
    for words in [&["status", "one"][..], &["repair", "one"]] {
        let said = said(words);
        assert!(
            said.contains(&format!("the namespace that was joined at {path} is gone")),
            "{said}"
        );
    }
    assert!(ok(&["list"]).contains("one"));
    ok(&["down", "one"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

/// The name is given to another namespace, as a number is to another process.
fn another() {
    sh("ip netns add box; ip -n box link set lo up");
    let path = "/run/netns/box";
    let yaml = lab("one", path, ", forward: true");
    up_and_well(&yaml);
    // The old one lives on: a process is in it.
    let mut old = Command::new("ip")
        .args(["netns", "exec", "box", "sleep", "1000"])
        .spawn()
        .expect("ip");
    crate::sandbox::until("it is inside", || {
        !sh("ip netns pids box").trim().is_empty()
    });
    sh("ip netns del box; ip netns add box");
    let within = inside(path);
    let host = sh("ip -br link");
    for words in [&["status", "one"][..], &["repair", "one"]] {
        let said = said(words);
        assert!(said.contains("is gone, and another is there"), "{said}");
    }
    assert_eq!(within, inside(path));
    assert_eq!(host, sh("ip -br link"));
    // `up` joins what is there now.
    ok(&["up", "--yes", &yaml]);
    assert!(ok(&["plan", &yaml]).contains("nothing to do"));
    assert!(pings("box", "10.8.0.1"));
    let left = sh(&format!(
        "nsenter --net=/proc/{}/ns/net ip -br link",
        old.id()
    ));
    assert!(!left.contains("eth0"), "the old cable is gone: {left}");
    sh("ip netns del box; ip netns add box");
    let within = inside(path);
    ok(&["down", "one"]);
    assert_eq!(within, inside(path));
    assert!(!sh("ip -br link").contains("br-one"));
    drop(old.kill());
    drop(old.wait());
}
