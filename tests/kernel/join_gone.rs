//! Namespaces that were joined: what is told of them, and what is when they are gone.

use std::process::Command;

use crate::join::{Guest, inside, lab, said, up_and_well};
use crate::sandbox::{file, ok, pings, sh};
use crate::vigil::Watch;
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("join::one that is gone", gone),
        test("join::one that is going", going),
        test("join::another at the path is not touched", another),
        test("join::it stays when the journal is lost", lost),
        test("join::it is watched over", watched),
        test("join::what `show`, `list`, `test` and `graph` tell", told),
    ]
}

/// The kernel takes a namespace apart while `down` looks and removes.
fn going() {
    for _ in 0..12 {
        let guest = Guest::new();
        ok(&["up", &lab("one", &guest.path(), "")]);
        drop(guest);
        ok(&["down", "one"]);
    }
    assert!(!sh("ip -br link").contains("br-one"));
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

/// Only the name of the port tells then that the namespace is somebody else's.
fn lost() {
    sh("ip netns add box; ip -n box link set lo up");
    ok(&["up", &lab("one", "/run/netns/box", "")]);
    sh("rm /run/netyard/netyard.db*");
    ok(&["gc", "--yes"]);
    assert!(sh("ip netns list").contains("box"));
    assert!(!sh("ip -br link").contains("br-one"));
    assert!(!sh("ip -n box -br link").contains("eth"));
    sh("ip netns del box");
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

fn watched() {
    sh("ip netns add box; ip -n box link set lo up");
    ok(&["up", &lab("one", "/run/netns/box", "")]);
    let mut watch = Watch::start(&[]);
    watch.next("watching");
    sh("ip -n box address del 10.8.0.2/24 dev eth0");
    watch.soon("repaired");
    assert!(pings("box", "10.8.0.1"));
    // What is not the lab's wakes it and is left.
    sh("ip -n box address add 10.99.0.1/24 dev lo; ip -n box link del eth0");
    watch.soon("repaired");
    assert!(sh("ip -n box address show lo").contains("10.99.0.1"));
    sh("ip netns del box; ip netns add box");
    let failed = watch.soon("failed");
    let problem = &failed["error"]["problems"][0];
    assert_eq!(problem["code"], "joined-gone", "{failed}");
    watch.end();
    assert_eq!(sh("ip -n box -br link | grep -c ."), "1\n");
    ok(&["down", "one"]);
}

fn told() {
    let guest = Guest::new();
    let path = guest.path();
    sh(&format!(
        "nsenter --net={path} ip link add theirs0 type bridge; \
         nsenter --net={path} ip address add 172.17.0.2/16 dev theirs0; \
         nsenter --net={path} ip link set theirs0 up"
    ));
    let text = format!(
        "lab: one\nnetworks: {{ lan: {{ subnets: [10.8.0.0/24] }} }}\nnamespaces:\n  \
         two: {{ interfaces: {{ eth0: {{ network: lan }} }} }}\n  \
         {path}: {{ interfaces: {{ eth0: {{ network: lan }} }}, publish: [8080:80] }}\n\
         expect:\n  - {{ from: {path}, to: two }}\n  - {{ from: two, to: {path}, tcp: 80 }}\n  \
         - {{ from: host, to: {path} }}\n  - {{ from: {path}, to: 192.0.2.1, reach: false }}\n"
    );
    let yaml = file("one.yaml", &text);
    up_and_well(&yaml);
    for target in [yaml.as_str(), "one"] {
        let proof = ok(&["test", target]);
        assert!(!proof.contains("172.17.0.2"), "{proof}");
    }
    ok(&["test", "--all", "one"]);
    let list = ok(&["list"]);
    assert!(list.contains(&path) && list.contains("10.8.0."), "{list}");
    assert!(!list.contains("theirs0"), "{list}");
    assert!(ok(&["show"]).contains("joined by lab one"));
    assert!(ok(&["graph", "one"]).contains("theirs0"));
    assert!(ok(&["graph", &yaml]).contains("eth0"));
    let inside = ok(&["exec", &path, "--", "ls", "/sys/class/net"]);
    assert!(inside.contains("theirs0"), "{inside}");
    let hosts = ok(&["exec", &path, "--", "cat", "/etc/hosts"]);
    assert!(hosts.contains("two"), "{hosts}");
    assert_eq!(ok(&["gc", "--yes"]).lines().count(), 1);
    ok(&["plan", "--json", &yaml]);
    drop(guest);
    let said = said(&["test", "one"]);
    assert!(
        said.contains(&format!("joined at {path} is gone")),
        "{said}"
    );
    ok(&["down", "one"]);
}
