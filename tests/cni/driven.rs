//! The protocol itself: what a runtime asks, in every order that happens.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::driver::{Attachment, Network};
use crate::sandbox::{pings, sh, try_sh};
use crate::world::{self, HOST, Whose, answer, bare, end};
use crate::{Tier, host};

pub(crate) fn tier() -> Tier {
    Tier {
        name: "driven",
        programs: &["busybox", "iptables"],
        tests: vec![
            ("attached, checked, detached", life),
            ("detached without all that is known", forgotten),
            ("an interface that is there", twice),
            ("eight at once", together),
            ("what is asked for", asked),
            ("what nobody knows is collected", collected),
            ("ready, and in which versions", ready),
        ],
        ours: Vec::new(),
    }
}

/// A network of theirs that was in use before: what stays of the first use stays for all.
pub(crate) fn network(whose: Whose) -> (Network, BTreeMap<String, String>) {
    world::make();
    let network = whose.network("a", 21);
    first_used(&network);
    (network, host::before(whose))
}

pub(crate) fn first_used(network: &Network) {
    let mut first = bare("first").asking("portMappings", ports(&[(8000, 80)]));
    network.add(&mut first).unwrap_or_else(|e| panic!("{e}"));
    network.del(&first).unwrap_or_else(|e| panic!("{e}"));
    sh("ip netns del first");
}

/// TCP ports of the host and of the container.
pub(crate) fn ports(pairs: &[(u16, u16)]) -> Value {
    let one = |(host, container): &(u16, u16)| json!({ "hostPort": host, "containerPort": container, "protocol": "tcp", "hostIP": "" });
    pairs.iter().map(one).collect()
}

/// Answers with a name on TCP port 80 of a namespace, until that goes.
pub(crate) fn serve(at: &Attachment) {
    let name = &at.container;
    sh(&format!(
        "ip netns exec {name} busybox nc -ll -p 80 -e /bin/echo {name} </dev/null >/dev/null 2>&1 &"
    ));
}

fn life(whose: Whose) {
    let (network, before) = network(whose);
    let mut one = bare("one").asking("portMappings", ports(&[(8080, 80)]));
    let mut two = bare("two");
    network.add(&mut one).unwrap_or_else(|e| panic!("{e}"));
    network.add(&mut two).unwrap_or_else(|e| panic!("{e}"));
    let address = one.addresses().remove(0);
    assert!(address.starts_with("10.21.0."), "{address}");
    assert!(pings("two", &address), "between containers");
    assert!(pings("two", "10.21.0.1"), "to the host");
    assert!(pings("host", &address), "from the host");
    assert!(pings("two", "192.0.2.2"), "to the world");
    serve(&one);
    host::until_said("from outside", "one", || answer("outside", HOST, 8080));
    assert_eq!(answer("host", "127.0.0.1", 8080), "one", "from the host");
    assert_eq!(answer("outside", HOST, 8081), "", "nobody published that");
    // The reference's portmap looks for rules of IPv6 that it never made.
    for attached in [&two, &one].into_iter().take(match whose {
        Whose::Reference => 1,
        Whose::Netyard => 2,
    }) {
        network.check(attached).unwrap_or_else(|e| panic!("{e}"));
    }
    sh("ip -n one address flush dev eth0");
    network.check(&one).expect_err("the address is gone");
    for attached in [&one, &two] {
        network.del(attached).unwrap_or_else(|e| panic!("{e}"));
        assert_ne!(
            try_sh(&format!("ip -n {} link show eth0", attached.container)).code,
            Some(0)
        );
    }
    end("one");
    end("two");
    host::is_again(&before, whose, "after DEL");
}

/// DEL is repeated, comes after the namespace is gone, and without a result.
fn forgotten(whose: Whose) {
    let (network, before) = network(whose);
    let cases = ["repeated", "no namespace", "namespace gone", "no result"];
    for (n, case) in cases.into_iter().enumerate() {
        let name = format!("c{n}");
        let mut one = bare(&name).asking("portMappings", ports(&[(8080, 80)]));
        network
            .add(&mut one)
            .unwrap_or_else(|e| panic!("{case}: {e}"));
        match case {
            "repeated" => network.del(&one).unwrap_or_else(|e| panic!("{case}: {e}")),
            "no namespace" => {
                end(&name);
                one.netns = None;
            }
            "namespace gone" => end(&name),
            // The firewall plugin of the reference needs one.
            _ if whose == Whose::Netyard => one.result = None,
            _ => {}
        }
        network.del(&one).unwrap_or_else(|e| panic!("{case}: {e}"));
        try_sh(&format!("ip netns del {name}"));
        host::is_again(&before, whose, case);
    }
    // Of one that never was.
    let never = Attachment::new("never", "/run/netns/never");
    if whose == Whose::Netyard {
        network.del(&never).unwrap_or_else(|e| panic!("{e}"));
    }
    host::is_again(&before, whose, "never attached");
}

/// The second ADD fails, and the first attachment is as it was.
fn twice(whose: Whose) {
    let (network, before) = network(whose);
    let mut one = bare("one");
    network.add(&mut one).unwrap_or_else(|e| panic!("{e}"));
    let failure = network.add(&mut one.clone()).expect_err("eth0 is there");
    assert!(failure.code.is_some(), "an error as JSON: {failure}");
    assert!(pings("one", "10.21.0.1"), "the first is as it was");
    network.del(&one).unwrap_or_else(|e| panic!("{e}"));
    end("one");
    host::is_again(&before, whose, "after DEL");
    let mut nowhere = Attachment::new("nowhere", "/run/netns/nowhere");
    let failure = network.add(&mut nowhere).expect_err("no such namespace");
    assert!(failure.code.is_some(), "an error as JSON: {failure}");
    if whose == Whose::Netyard {
        host::is_again(&before, whose, "after a failed ADD");
    }
}

fn together(whose: Whose) {
    let (network, before) = network(whose);
    let names: Vec<String> = (0..8).map(|n| format!("c{n}")).collect();
    let at_once = |attached: Vec<Attachment>, what: fn(&Network, &mut Attachment)| {
        let network = &network;
        std::thread::scope(|scope| {
            let each = attached.into_iter().map(|mut one| {
                scope.spawn(move || {
                    what(network, &mut one);
                    one
                })
            });
            let each: Vec<_> = each.collect();
            let joined = each
                .into_iter()
                .map(|thread| thread.join().expect("it ends"));
            joined.collect::<Vec<_>>()
        })
    };
    let attached = (8000..)
        .zip(&names)
        .map(|(port, name)| bare(name).asking("portMappings", ports(&[(port, 80)])));
    let attached = at_once(attached.collect(), |network, one| {
        network.add(one).unwrap_or_else(|e| panic!("{e}"));
    });
    let mut addresses: Vec<String> = attached.iter().flat_map(Attachment::addresses).collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 8, "each has its own address");
    attached.iter().for_each(serve);
    for (port, name) in (8000..).zip(&names) {
        host::until_said("from outside", name, || answer("outside", HOST, port));
    }
    at_once(attached, |network, one| {
        network.del(one).unwrap_or_else(|e| panic!("{e}"));
    });
    names.iter().for_each(|name| end(name));
    host::is_again(&before, whose, "after all DEL");
}

/// An address and a MAC of the runtime's choice.
fn asked(whose: Whose) {
    let (network, before) = network(whose);
    let mut one = bare("one")
        .asking("ips", json!(["10.21.0.77"]))
        .asking("mac", json!("02:00:00:00:00:77"));
    network.add(&mut one).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(one.addresses(), ["10.21.0.77"]);
    assert!(sh("ip -n one link show eth0").contains("02:00:00:00:00:77"));
    let mut two = bare("two").asking("ips", json!(["10.21.0.77"]));
    network.add(&mut two).expect_err("the address is taken");
    network.del(&two).unwrap_or_else(|e| panic!("{e}"));
    assert!(pings("host", "10.21.0.77"), "the first is as it was");
    network.del(&one).unwrap_or_else(|e| panic!("{e}"));
    end("one");
    end("two");
    host::is_again(&before, whose, "after DEL");
}

/// What a runtime that was killed left.
fn collected(whose: Whose) {
    world::make();
    let cold = host::state(whose);
    let network = whose.network("a", 21);
    first_used(&network);
    let before = host::before(whose);
    if whose == Whose::Reference {
        // None of them does, which is no reason not to ask the others.
        let failures = network.gc(&[]).expect_err("none collects");
        let of: Vec<&str> = failures.iter().map(|one| one.plugin.as_str()).collect();
        assert_eq!(of, ["bridge", "portmap", "firewall"]);
        assert!(
            failures.iter().all(|one| one.code.is_some()),
            "{failures:?}"
        );
        return host::is_again(&before, whose, "after GC");
    }
    let mut one = bare("one").asking("portMappings", ports(&[(8080, 80)]));
    let mut two = bare("two").asking("portMappings", ports(&[(8081, 80)]));
    let mut three = bare("three");
    for attached in [&mut one, &mut two, &mut three] {
        network.add(attached).unwrap_or_else(|e| panic!("{e}"));
    }
    end("two");
    network.gc(&[&one]).unwrap_or_else(|all| panic!("{all:?}"));
    serve(&one);
    host::until_said("the one that is known", "one", || {
        answer("outside", HOST, 8080)
    });
    network.check(&one).unwrap_or_else(|e| panic!("{e}"));
    assert_ne!(
        try_sh("ip -n three link show eth0").code,
        Some(0),
        "nobody knows it"
    );
    network.gc(&[]).unwrap_or_else(|all| panic!("{all:?}"));
    end("one");
    end("three");
    host::is_again(&cold, whose, "after GC of all");
}

fn ready(whose: Whose) {
    let (network, before) = network(whose);
    for said in network.versions().unwrap_or_else(|e| panic!("{e}")) {
        let all = said["supportedVersions"].as_array().expect("a list");
        let expected: &[&str] = match whose {
            Whose::Reference => &["0.4.0", "1.0.0"],
            Whose::Netyard => &["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
        };
        for version in expected {
            assert!(all.contains(&json!(version)), "{said}");
        }
    }
    if whose == Whose::Netyard {
        network.status().unwrap_or_else(|e| panic!("{e}"));
    }
    host::is_again(&before, whose, "after questions");
}
