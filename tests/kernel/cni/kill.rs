//! SIGKILL after system calls by which a call of the plugin changes something: at every so
//! many-th of them, where all are in reach.

use std::collections::BTreeMap;

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::call::{Call, call, changed, containers, network};
use super::collect;
use crate::kill::{End, signalled};
use crate::sandbox::{pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::a killed ADD, then DEL", add_then_del),
        test("cni::a killed ADD, then ADD", add_then_add),
        test(
            "cni::a killed ADD on a network that is there",
            add_on_network,
        ),
        test("cni::a killed ADD, then GC", add_then_gc),
        test("cni::a killed DEL, then DEL", del_then_del),
        test("cni::a killed GC, then GC", gc_then_gc),
    ]
}

fn conf() -> Value {
    let ports =
        json!({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]});
    network("lan", json!({"runtimeConfig": ports, "macspoofchk": true}))
}

/// The program of this call, with its input in a file.
fn program(call: &Call) -> Command {
    std::fs::write("/run/input.yaml", call.text()).expect("a file");
    let mut command = call.command();
    command.stdin(Stdio::from(File::open("/run/input.yaml").expect("a file")));
    command
}

/// The host is again as it was.
#[track_caller]
fn as_before(before: &BTreeMap<String, String>, n: usize) {
    let when = format!("killed after call {n}");
    snapshot::assert_same(before, &snapshot::host(), &when);
}

/// Kills the call at one point after the other until it runs through; says how often.
fn sweep(step: usize, call: &Call, mut each: impl FnMut(usize, End) -> bool) -> usize {
    for n in (1..10_000).step_by(step) {
        if !each(n, signalled(program(call), n, libc::SIGKILL)) {
            return n / step;
        }
    }
    panic!("it never ran through");
}

fn add_then_del() {
    containers(&["c1"]);
    std::fs::write("/run/input.yaml", "").expect("a file");
    let (conf, before) = (conf(), snapshot::host());
    let within = crate::join::inside("/run/netns/c1");
    let kills = sweep(9, &call("ADD", &conf, "c1"), |n, end| {
        call("DEL", &conf, "c1").done();
        assert_eq!(
            within,
            crate::join::inside("/run/netns/c1"),
            "killed after call {n}"
        );
        collect(&conf);
        as_before(&before, n);
        end == End::Killed
    });
    super::nothing_left(&before, &[&conf]);
    assert!(kills > 20, "only {kills} kills");
    println!("ADD killed at {kills} points, then DEL and GC: the host as before each time");
}

fn add_then_add() {
    containers(&["c1"]);
    let (conf, before) = (conf(), snapshot::host());
    let kills = sweep(9, &call("ADD", &conf, "c1"), |n, end| {
        if end == End::Killed {
            let said = call("ADD", &conf, "c1").run();
            // It may have been killed when all was done already.
            let there = said.out.contains("attached already");
            assert!(
                said.code == Some(0) || there,
                "killed after call {n}: {said:?}"
            );
        }
        call("CHECK", &conf, "c1").done();
        assert!(pings("c1", "10.5.0.1"), "killed after call {n}");
        call("DEL", &conf, "c1").done();
        collect(&conf);
        end == End::Killed
    });
    super::nothing_left(&before, &[&conf]);
    println!("ADD killed at {kills} points, then ADD: complete each time");
}

/// Nothing of it is left for the others.
fn add_on_network() {
    containers(&["c0", "c1"]);
    let conf = conf();
    let plain = network("lan", json!({}));
    call("ADD", &plain, "c0").ok();
    std::fs::write("/run/input.yaml", "").expect("a file");
    let before = snapshot::host();
    let kills = sweep(7, &call("ADD", &conf, "c1"), |n, end| {
        call("DEL", &plain, "c1").without("CNI_NETNS").done();
        as_before(&before, n);
        end == End::Killed
    });
    call("CHECK", &plain, "c0").done();
    assert!(kills > 20, "only {kills} kills");
    println!("ADD killed at {kills} points, then DEL: the network as before each time");
}

fn add_then_gc() {
    containers(&["c1"]);
    let (conf, before) = (conf(), snapshot::host());
    let kills = sweep(17, &call("ADD", &conf, "c1"), |n, end| {
        collect(&conf);
        as_before(&before, n);
        end == End::Killed
    });
    super::nothing_left(&before, &[&conf]);
    println!("ADD killed at {kills} points, then GC: the host as before each time");
}

fn del_then_del() {
    containers(&["c1"]);
    let (conf, before) = (conf(), snapshot::host());
    call("ADD", &conf, "c1").ok();
    let kills = sweep(7, &call("DEL", &conf, "c1"), |n, end| {
        call("DEL", &conf, "c1").done();
        let left = sh(
            "ip -n c1 -br link | grep -c .; nft list map inet netyard ports4 | grep -c 8080 || true",
        );
        assert_eq!(left, "1\n0\n", "killed after call {n}");
        if end == End::Killed {
            call("ADD", &conf, "c1").ok();
        }
        end == End::Killed
    });
    super::nothing_left(&before, &[&conf]);
    println!("DEL killed at {kills} points, then DEL: nothing is left each time");
}

fn gc_then_gc() {
    containers(&["c1", "c2"]);
    let (conf, before) = (network("lan", json!({})), snapshot::host());
    let again = || {
        for name in ["c1", "c2"] {
            call("ADD", &conf, name).ok();
        }
    };
    again();
    let none = changed(&conf, json!({"cni.dev/valid-attachments": []}));
    let kills = sweep(17, &super::of_network("GC", &none), |n, end| {
        collect(&conf);
        as_before(&before, n);
        if end == End::Killed {
            again();
        }
        end == End::Killed
    });
    super::nothing_left(&before, &[&conf]);
    println!("GC killed at {kills} points, then GC: the host as before each time");
}
