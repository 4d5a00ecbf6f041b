//! Programs that are killed while they remove several labs.

use crate::kill::{End, sweep_by};
use crate::sandbox::{example, file, ok, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("kill::gc, then gc leaves the host as before", gc_then_gc),
        test("kill::Ctrl-C while gc", gc_interrupted),
        test("kill::Ctrl-C while down --all", all_interrupted),
    ]
}

/// Small ones: each point of a sweep makes them anew.
fn up_two() {
    let text = "lab: lone\nnamespaces: { left: {}, right: {} }\nlinks: [{ endpoints: [\"left:a\", \"right:b\"] }]\n";
    let lone = file("lone.yaml", text);
    ok(&["up", &lone]);
    ok(&["up", &example("two-pcs.yaml")]);
}

/// Two labs of which the journal knows nothing.
fn lose_two() {
    up_two();
    sh("rm -r /run/netyard");
}

/// How the directory of names was found is lost with the journal: it is there.
fn with_names() {
    sh("ip netns add first && ip netns del first");
}

fn gc_then_gc() {
    with_names();
    let before = snapshot::host();
    lose_two();
    let kills = sweep_by(7, &["gc", "--yes"], libc::SIGKILL, |n, end| {
        if end == End::Killed {
            ok(&["gc", "--yes"]);
        }
        let when = format!("killed after call {n}");
        snapshot::assert_same(&before, &snapshot::host(), &when);
        assert_eq!(ok(&["status"]), "no lab is up\n", "{when}");
        lose_two();
        end == End::Killed
    });
    ok(&["gc", "--yes"]);
    assert!(kills > 50, "only {kills} kills");
    println!("gc killed at {kills} points, then gc: the host as before each time");
}

/// Once the first Ctrl-C is caught, it is caught until the end.
fn gc_interrupted() {
    with_names();
    let (before, mut caught) = (snapshot::host(), 0);
    lose_two();
    let signals = sweep_by(7, &["gc", "--yes"], libc::SIGINT, |n, end| {
        let when = format!("interrupted after call {n}");
        match end {
            End::Exited(code) => {
                assert!(code == 130 || code == 0, "{when}: {code}");
                caught += 1;
            }
            _ => assert!(end == End::Ran || caught == 0, "{when}: it was killed"),
        }
        ok(&["gc", "--yes"]);
        snapshot::assert_same(&before, &snapshot::host(), &when);
        lose_two();
        end != End::Ran
    });
    ok(&["gc", "--yes"]);
    println!("gc interrupted at {signals} points, caught {caught} times");
}

/// It ends all, not the first of them.
fn all_interrupted() {
    let (before, mut caught) = (snapshot::host(), 0);
    up_two();
    let signals = sweep_by(3, &["down", "--all"], libc::SIGINT, |n, end| {
        let when = format!("interrupted after call {n}");
        let left = ok(&["list"]);
        match end {
            End::Exited(130) => {
                let ended = left.contains("two-pcs") || !left.contains("lone");
                assert!(ended, "{when} it went on:\n{left}");
                caught += 1;
            }
            End::Exited(code) => assert_eq!(code, 0, "{when}"),
            _ => assert!(end == End::Ran || caught == 0, "{when}: it was killed"),
        }
        ok(&["down", "--all"]);
        snapshot::assert_same(&before, &snapshot::host(), &when);
        up_two();
        end != End::Ran
    });
    ok(&["down", "--all"]);
    assert!(caught > 10, "caught only {caught} times of {signals}");
    println!("down --all interrupted at {signals} points, {caught} times caught");
}
