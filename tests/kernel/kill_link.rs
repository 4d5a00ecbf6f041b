//! SIGKILL after system calls of a change of links, and Ctrl-C: what is then set is what the journal
//! says, or the kernel, and `repair` or the next word brings it right. Not after each call, but with
//! `NETYARD_EVERY_CALL=1`.

use crate::kill::{End, signalled_after, stride};
use crate::sandbox::{file, ok, outcome, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    let set = &["link", "set", "cut", "one:eth0", "--rate", "8mbit"];
    let clear = &["link", "set", "cut", "one:eth0", "--clear"];
    let part = &["link", "partition", "cut", "one", "two,three"];
    let heal = &["link", "heal", "cut"];
    let down = &["link", "down", "cut", "one:eth0"];
    let up = &["link", "up", "cut", "one:eth0"];
    vec![
        test("kill_link::set", move || killed(set, clear)),
        test("kill_link::down", move || killed(down, up)),
        test("kill_link::partition", move || killed(part, heal)),
        test("kill_link::heal", move || {
            lab();
            ok(part);
            sweep(heal, part);
        }),
        test("kill_link::Ctrl-C leaves all as before", move || {
            interrupted(set, clear);
            interrupted(part, heal);
        }),
    ]
}

/// Odd, so that what follows by turns goes on by turns.
fn calls() -> impl Iterator<Item = usize> {
    (1..10_000).step_by(stride(9))
}

fn lab() {
    let text = "
lab: cut
networks: { lan: { subnets: [10.5.0.0/24, 'fd05::/64'] } }
namespaces:
  one: { interfaces: { eth0: { network: lan, addresses: [10.5.0.10/24, 'fd05::10/64'] } } }
  two: { interfaces: { eth0: { network: lan, addresses: [10.5.0.20/24, 'fd05::20/64'] } } }
  three: { interfaces: { eth0: { network: lan, addresses: [10.5.0.30/24, 'fd05::30/64'] } } }
";
    ok(&["up", "--yes", &file("cut.yaml", text)]);
}

/// All that such a change is of.
fn seen() -> String {
    // The kernel numbers queues as they come.
    sh(
        "for n in one two three; do echo $n; tc -n $n qdisc show dev eth0 | cut -d: -f2-
            ip -n $n -br address show dev eth0 | sed 's/fe80[^ ]*//'
            ip -n $n route | sort; ip -n $n -6 route | grep -v fe80 | sort
            ip netns exec $n nft list ruleset; done
        tc qdisc show dev one-eth0 | cut -d: -f2-",
    )
}

fn killed(change: &[&str], back: &[&str]) {
    let clean = snapshot::host();
    lab();
    sweep(change, back);
    ok(&["down", "cut"]);
    snapshot::assert_same(&clean, &snapshot::host(), "after the sweep");
}

/// By turns `repair` and the same words again; what the journal says is what `repair` brings.
fn sweep(change: &[&str], back: &[&str]) {
    ok(change);
    let after = seen();
    ok(back);
    let before = seen();
    assert_ne!(before, after);
    let (mut kills, mut halves) = (0, 0);
    for n in calls() {
        let end = signalled_after(change, n, libc::SIGKILL);
        let left = seen();
        halves += usize::from(left != before && left != after);
        match n % 2 {
            0 => {
                ok(&["repair", "--yes", "cut"]);
                let now = seen();
                assert!(now == before || now == after, "call {n}:\n{now}");
                // What was done is not taken back.
                assert!(
                    left != after || now == after,
                    "call {n}: it was there:\n{now}"
                );
            }
            _ => {
                ok(change);
                assert_eq!(seen(), after, "call {n}");
            }
        }
        // Each is a good part of a second under the many that are traced.
        if n % 8 < 2 {
            assert_eq!(outcome(&["status", "cut"]).code, Some(0), "call {n}");
        }
        ok(back);
        if end == End::Ran {
            assert_eq!(seen(), before);
            break;
        }
        kills += 1;
    }
    assert!(kills > 8, "only {kills} kills");
    println!("{change:?} killed at {kills} points, {halves} times half done: right each time");
}

fn interrupted(change: &[&str], back: &[&str]) {
    lab();
    let before = seen();
    let mut undone = 0;
    for n in (1..10_000).step_by(stride(2)) {
        let end = signalled_after(change, n, libc::SIGINT);
        match end {
            End::Exited(0) | End::Ran => drop(ok(back)),
            End::Exited(code) => {
                assert_eq!(code, 130, "call {n}");
                undone += 1;
            }
            End::Killed => {}
        }
        assert_eq!(seen(), before, "call {n}");
        if end == End::Ran {
            assert_eq!(outcome(&["status", "cut"]).code, Some(0));
            break;
        }
    }
    assert!(undone > 0, "never undone");
    println!("{change:?}: {undone} times undone");
}
