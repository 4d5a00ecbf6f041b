//! Names of namespaces inside `exec`, `run`, `shell`: a hosts file that only they see.

use std::fs;

use crate::sandbox::{example, ok, outcome, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "names::ping by name, from everywhere, and /etc is untouched",
            ping,
        ),
        test("names::/etc/netns/NAME/hosts is the base", own_base),
        test("names::no /etc/hosts, a read-only /etc", odd_etc),
        test("names::what is no file in /etc", no_files),
        test("names::a namespace of no lab has none", foreign),
        test("names::a thousand namespaces", many),
        test(
            "names::what is named from inside is named outside",
            named_inside,
        ),
        test("names::none is made where nobody else sees it", unseen),
    ]
}

/// What a program there reads.
fn hosts(netns: &str) -> String {
    ok(&["exec", netns, "--", "cat", "/etc/hosts"])
}

fn ping() {
    let (file, before) = (example("three.yaml"), snapshot::host());
    let base = fs::read_to_string("/etc/hosts").expect("the hosts file");
    ok(&["up", &file]);
    for (from, to, address) in [
        ("one", "three", "10.0.0.2"),
        ("one", "one", "10.0.0.10"),
        ("three", "host", "10.0.0.1"),
        ("host", "two", "10.0.0.20"),
    ] {
        let said = ok(&["exec", from, "--", "ping", "-c1", "-w3", to]);
        assert!(
            said.contains(&format!("{to} ({address})")),
            "{from}: {said}"
        );
    }
    assert!(hosts("one").ends_with(&base));
    assert_eq!(
        fs::read_to_string("/etc/hosts").expect("the hosts file"),
        base
    );
    ok(&["down", &file]);
    assert_eq!(hosts("host"), base);
    snapshot::assert_same(&before, &snapshot::host(), "after all");
}

/// As `sh` would see it with another /etc, of these files.
fn with_etc(prepare: &str) {
    sh(&format!(
        "mkdir /run/etc && mount -t tmpfs etc /run/etc && cp /etc/passwd /etc/nsswitch.conf /run/etc &&
         cd /run/etc && {prepare} && mount --rbind /run/etc /etc"
    ));
}

fn own_base() {
    with_etc(
        "mkdir -p netns/one && echo 192.0.2.7 printer >hosts && echo 192.0.2.8 scanner three >netns/one/hosts",
    );
    ok(&["up", &example("three.yaml")]);
    let one = hosts("one");
    assert!(one.contains("10.0.0.2\tthree\n"), "{one}");
    assert!(one.ends_with("\n192.0.2.8\tscanner\n"), "{one}");
    assert!(hosts("two").ends_with("\n192.0.2.7 printer\n"));
}

/// A pipe has no end, a directory no lines; what has no counterpart is left out.
fn no_files() {
    with_etc(
        "rm -f hosts && mkfifo hosts && mkdir -p netns/one/sub && ln -s /nowhere netns/one/link && touch netns/two",
    );
    ok(&["up", &example("three.yaml")]);
    for from in ["one", "two", "host"] {
        ok(&["exec", from, "--", "ping", "-c1", "-w3", "three"]);
    }
    assert_eq!(
        ok(&["exec", "one", "--", "ls", "/etc"]),
        "hosts\nnetns\nnsswitch.conf\npasswd\n"
    );
    sh("rm /etc/hosts && mkdir /etc/hosts");
    ok(&["exec", "one", "--", "true"]);
}

fn odd_etc() {
    with_etc("rm -f hosts && ln -s nowhere dangling");
    ok(&["up", &example("three.yaml")]);
    for from in ["one", "host"] {
        ok(&["exec", from, "--", "ping", "-c1", "-w3", "three"]);
        let seen = ok(&["exec", from, "--", "ls", "/etc"]);
        assert_eq!(seen, "dangling\nhosts\nnsswitch.conf\npasswd\n");
    }
    sh("! test -e /etc/hosts && touch /etc/hosts && mount -o remount,bind,ro /etc");
    ok(&["exec", "one", "--", "ping", "-c1", "-w3", "three"]);
    // Where there is nothing to look it up in, the program runs all the same.
    sh("mount -t tmpfs none /etc");
    ok(&["exec", "one", "--", "true"]);
}

fn foreign() {
    sh("ip netns add foreign");
    ok(&["up", &example("two-pcs.yaml")]);
    assert!(!hosts("foreign").contains("pc-one"));
    // Another that took the place of ours is no part of the lab.
    sh("ip netns del pc-two && ip netns add other && ip netns add pc-two");
    assert!(!hosts("pc-two").contains("pc-one"));
    assert!(hosts("pc-one").contains("10.0.0.2\tpc-two"));
    let said = outcome(&["exec", "nobody", "--", "true"]);
    assert!(
        said.err.contains("there is no namespace `nobody`"),
        "{}",
        said.err
    );
}

fn many() {
    let mut text =
        "lab: many\nnetworks:\n  lan: { subnets: [10.8.0.0/16] }\nnamespaces:\n".to_owned();
    for n in 0..1000 {
        text += &format!("  n{n}: {{ interfaces: {{ eth0: {{ network: lan }} }} }}\n");
    }
    ok(&["up", &crate::sandbox::file("many.yaml", &text)]);
    assert_eq!(hosts("n7").matches("\tn").count(), 1000);
    ok(&["exec", "n7", "--", "ping", "-c1", "-w3", "n999"]);
    ok(&["down", "many"]);
}

fn named_inside() {
    ok(&["up", &example("three.yaml")]);
    let netyard = env!("CARGO_BIN_EXE_netyard");
    ok(&[
        "exec",
        "host",
        "--",
        netyard,
        "up",
        &example("two-pcs.yaml"),
    ]);
    assert!(sh("ip netns exec pc-one ip -br address").contains("10.0.0.1/24"));
    ok(&["exec", "host", "--", netyard, "down", "two-pcs"]);
    assert!(!sh("ip netns list").contains("pc-one"));
}

/// In the mount namespace of a program that was put into a namespace.
fn unseen() {
    sh("ip netns add other");
    ok(&["up", &example("two-pcs.yaml")]);
    let (before, three) = (snapshot::host(), example("three.yaml"));
    let netyard = env!("CARGO_BIN_EXE_netyard");
    for from in ["other", "pc-one"] {
        let said = outcome(&["exec", from, "--", netyard, "up", &three]);
        assert!(said.err.contains("error[names-unseen]"), "{}", said.err);
        assert_eq!(said.code, Some(1));
    }
    snapshot::assert_same(&before, &snapshot::host(), "nothing is made");
    let run = format!("ip netns exec other {netyard} run --private {three} --");
    sh(&format!("{run} ping -c1 -w3 three"));
    // Names of the world that it is in are seen in all of it.
    sh(&format!("{run} {netyard} up {}", example("two-pcs.yaml")));
}
