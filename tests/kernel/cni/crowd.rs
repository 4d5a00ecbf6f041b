//! Many calls at once: no address twice, no call that fails, nothing left, and an end in time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::call::{addresses, call, changed, network, of_network};
use crate::sandbox::{ok, pings, sh};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::100 ADDs and 100 DELs, 16 at once", hundred),
        test("cni::ADDs, DELs and GCs at once", mixed),
        test("cni::many first ADDs at once", first),
        test("cni::first ADDs with subnets of their own", subnets),
        test("cni::many networks at once", networks),
    ]
}

/// Processes at once.
const AT_ONCE: usize = 16;
/// More than any of it may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Calls `each` with all numbers below `count`, on so many threads.
fn at_once(count: usize, each: impl Fn(usize) + Sync) -> Duration {
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let work = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return;
            }
            each(n);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(count) {
            scope.spawn(work);
        }
    });
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?}");
    took
}

fn names(count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|n| format!("c{n}")).collect();
    let all = names.join(" ");
    sh(&format!(
        "for n in {all}; do ip netns add $n; ip -n $n link set lo up; done"
    ));
    names
}

fn address(said: &Value) -> String {
    said["ips"][0]["address"]
        .as_str()
        .expect("an address")
        .to_owned()
}

fn hundred() {
    let names = names(100);
    let before = snapshot::host();
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]]});
    let conf = network("lan", json!({"ipam": ipam}));
    let asked = |n: usize| {
        let port = json!([{"hostPort": 20_000 + n, "containerPort": 80, "protocol": "tcp"}]);
        changed(&conf, json!({"runtimeConfig": {"portMappings": port}}))
    };
    for round in 0..2 {
        let given = std::sync::Mutex::new(BTreeSet::new());
        let added = at_once(100, |n| {
            let said = call("ADD", &asked(n), &names[n]).ok();
            assert_eq!(addresses(&names[n], "eth0")[0], address(&said));
            assert!(
                given.lock().expect("no panic").insert(address(&said)),
                "{said}"
            );
        });
        assert_eq!(given.lock().expect("no panic").len(), 100);
        assert!(pings("c0", "10.5.0.1") && pings("c99", "fd05::1"));
        let checked = at_once(100, |n| call("CHECK", &asked(n), &names[n]).done());
        let deleted = at_once(100, |n| call("DEL", &conf, &names[n]).done());
        println!(
            "round {round}, {AT_ONCE} at once: 100 ADDs {added:.2?}, 100 CHECKs {checked:.2?}, 100 DELs {deleted:.2?}"
        );
    }
    super::nothing_left(&before, &[&conf]);
}

/// What is attached stays attached, whatever else goes on.
fn mixed() {
    let names = names(48);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    let valid: Vec<Value> = names
        .iter()
        .map(|name| json!({"containerID": name, "ifname": "eth0"}))
        .collect();
    let collect = changed(&conf, json!({"cni.dev/valid-attachments": valid}));
    let took = at_once(48 * 3, |n| {
        let name = &names[n % 48];
        match n / 48 {
            // Every third time GC, by a runtime that knows all of them.
            _ if n % 3 == 2 => of_network("GC", &collect).done(),
            _ => {
                call("ADD", &conf, name).run();
                match n % 2 {
                    0 => call("DEL", &conf, name).done(),
                    _ => drop(call("CHECK", &conf, name).run()),
                }
            }
        }
    });
    println!("ADDs, DELs, CHECKs and GCs of 48 containers, {AT_ONCE} at once: {took:.2?}");
    let listed: Vec<Value> = serde_json::from_str(&ok(&["list", "--json"])).expect("JSON");
    println!("labs at the end: {}", listed.len());
    at_once(48, |n| call("DEL", &conf, &names[n]).done());
    super::nothing_left(&before, &[&conf]);
}

/// The network is made by one of them.
fn first() {
    let names = names(AT_ONCE);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    for _ in 0..5 {
        at_once(AT_ONCE, |n| drop(call("ADD", &conf, &names[n]).ok()));
        at_once(AT_ONCE, |n| call("CHECK", &conf, &names[n]).done());
        // The last one takes the network along, by GC of several at once.
        at_once(AT_ONCE, |n| call("DEL", &conf, &names[n]).done());
        let none = changed(&conf, json!({"cni.dev/valid-attachments": []}));
        at_once(4, |_| of_network("GC", &none).done());
        super::nothing_left(&before, &[&conf]);
    }
}

/// Nobody takes away what another is about to attach to.
fn subnets() {
    let names = names(12);
    let before = snapshot::host();
    let conf = network("lan", json!({}));
    let asked = |n: usize| {
        let range = json!([[{"subnet": format!("10.{}.0.0/24", 60 + n % 3)}]]);
        changed(
            &conf,
            json!({"ipam": {"type": "host-local"}, "runtimeConfig": {"ipRanges": range}}),
        )
    };
    for _ in 0..3 {
        at_once(12, |n| drop(call("ADD", &asked(n), &names[n]).ok()));
        for (n, name) in names.iter().enumerate() {
            assert!(pings(name, &format!("10.{}.0.1", 60 + n % 3)), "{name}");
        }
        at_once(12, |n| call("DEL", &conf, &names[n]).done());
        super::nothing_left(&before, &[&conf]);
    }
}

fn networks() {
    let names = names(32);
    let before = snapshot::host();
    let conf = |n: usize| {
        let range = json!({"type": "host-local", "subnet": format!("10.7.{n}.0/24")});
        network(&format!("net{n}"), json!({"ipam": range}))
    };
    let took = at_once(32, |n| drop(call("ADD", &conf(n % 8), &names[n]).ok()));
    println!("32 ADDs on 8 networks, {AT_ONCE} at once: {took:.2?}");
    for n in [0, 9, 31] {
        assert!(pings(&names[n], &format!("10.7.{}.1", n % 8)));
    }
    at_once(32, |n| call("DEL", &conf(n % 8), &names[n]).done());
    let all: Vec<Value> = (0..8).map(conf).collect();
    super::nothing_left(&before, &all.iter().collect::<Vec<_>>());
}
