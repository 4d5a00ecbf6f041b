//! What goes wrong around a plugin: others behind it that fail, a kill at any moment, hands
//! that reach in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use serde_json::{Value, json};

use crate::driven::{first_used, network, ports, serve};
use crate::driver::Network;
use crate::sandbox::{pings, sh, try_sh};
use crate::world::{self, HOST, PLUGINS, Whose, answer, bare, end};
use crate::{Tier, host};

pub(crate) fn tier() -> Tier {
    Tier {
        name: "troubled",
        programs: &["busybox", "iptables"],
        tests: vec![("others behind it", chained)],
        ours: vec![
            ("one behind it fails", failing),
            ("killed at any moment", killed),
            ("others reach in", reached),
            ("one port for two containers", taken),
        ],
    }
}

/// As many as an ADD is long, one after another.
const MOMENTS: u32 = 12;

/// Their network with more plugins behind it.
fn followed(whose: Whose, more: &[Value]) -> Network {
    let mut list = whose.list("a", 21);
    let plugins = list["plugins"].as_array_mut().expect("plugins");
    plugins.extend_from_slice(more);
    Network::new(list, PLUGINS)
}

/// A plugin of the test's own.
fn plugin(name: &str, script: &str) {
    let file = format!("{PLUGINS}/{name}");
    let _ = fs::remove_file(&file);
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it may be run");
}

/// Reference plugins take netyard's result as they take bridge's.
fn chained(whose: Whose) {
    world::make();
    let tuning = json!({ "type": "tuning", "sysctl": { "net.ipv4.conf.eth0.log_martians": "1" }, "mtu": 1400 });
    let network = followed(whose, &[tuning, json!({ "type": "firewall" })]);
    first_used(&network);
    let before = host::before(whose);
    let mut one = bare("one").asking("portMappings", ports(&[(8080, 80)]));
    network.add(&mut one).unwrap_or_else(|e| panic!("{e}"));
    assert!(sh("ip -n one link show eth0").contains("mtu 1400"));
    let martians = "ip netns exec one sysctl -n net.ipv4.conf.eth0.log_martians";
    assert_eq!(sh(martians).trim(), "1");
    serve(&one);
    host::until_said("from outside", "one", || answer("outside", HOST, 8080));
    if whose == Whose::Netyard {
        // A later plugin may have changed what it made.
        network.check(&one).unwrap_or_else(|e| panic!("{e}"));
    }
    network.del(&one).unwrap_or_else(|e| panic!("{e}"));
    end("one");
    host::is_again(&before, whose, "after DEL");
}

/// libcni leaves what was made by those before; the runtime then calls DEL without a result.
fn failing(whose: Whose) {
    let (_, before) = network(whose);
    plugin(
        "failing",
        "[ $CNI_COMMAND = DEL ] && exit; echo '{\"code\": 100, \"msg\": \"no\"}'; exit 1",
    );
    let network = followed(whose, &[json!({ "type": "failing" })]);
    let mut one = bare("one").asking("portMappings", ports(&[(8080, 80)]));
    let failure = network.add(&mut one).expect_err("the last one fails");
    assert_eq!(
        (failure.plugin.as_str(), failure.code),
        ("failing", Some(100))
    );
    network.del(&one).unwrap_or_else(|e| panic!("{e}"));
    end("one");
    host::is_again(&before, whose, "after DEL");
}

/// What is left half done is taken back by the DEL that follows, and another ADD goes well.
fn killed(whose: Whose) {
    let (network, before) = network(whose);
    let program = env!("CARGO_BIN_EXE_netyard");
    let mut one = bare("one").asking("portMappings", ports(&[(8080, 80)]));
    let began = Instant::now();
    network.add(&mut one).unwrap_or_else(|e| panic!("{e}"));
    let whole = began.elapsed().as_secs_f64();
    network.del(&one).unwrap_or_else(|e| panic!("{e}"));
    end("one");
    for step in 0..MOMENTS {
        let seconds = whole * (f64::from(step) + 0.5) / f64::from(MOMENTS);
        let asked = bare("one").asking("portMappings", ports(&[(8080, 80)]));
        for verb in ["ADD", "DEL"] {
            let mut one = asked.clone();
            if verb == "DEL" {
                network
                    .add(&mut one)
                    .unwrap_or_else(|e| panic!("{seconds}: {e}"));
            }
            plugin(
                "netyard",
                &format!("exec timeout -s KILL {seconds} {program}"),
            );
            let _ = match verb {
                "ADD" => network.add(&mut one),
                _ => network.del(&one),
            };
            plugin("netyard", &format!("exec {program}"));
            one.result = None;
            network
                .del(&one)
                .unwrap_or_else(|e| panic!("{seconds} {verb}: {e}"));
            network
                .add(&mut one)
                .unwrap_or_else(|e| panic!("{seconds} {verb}: {e}"));
            assert!(pings("one", "10.21.0.1"), "{seconds} {verb}");
            network
                .del(&one)
                .unwrap_or_else(|e| panic!("{seconds} {verb}: {e}"));
        }
        end("one");
    }
    host::is_again(&before, whose, "after all of it");
}

/// CHECK sees what is missing; DEL takes back the rest.
fn reached(whose: Whose) {
    let (network, _) = network(whose);
    let cases = [
        "ip -n one link set eth0 down",
        "ip -n one route del default",
        "ip -n one link del eth0",
        "nft flush map inet netyard ports4",
        "nft flush ruleset",
        "ip link del cni-a",
    ];
    for case in cases {
        let mut one = bare("one").asking("portMappings", ports(&[(8080, 80)]));
        network
            .add(&mut one)
            .unwrap_or_else(|e| panic!("{case}: {e}"));
        network
            .check(&one)
            .unwrap_or_else(|e| panic!("{case}: {e}"));
        sh(case);
        let said = network.check(&one).map_err(|failure| failure.code);
        assert!(matches!(said, Err(Some(_))), "CHECK after {case}: {said:?}");
        network.del(&one).unwrap_or_else(|e| panic!("{case}: {e}"));
        end("one");
        // The next one finds a network that works, whatever was done to it.
        let mut next = bare("next").asking("portMappings", ports(&[(8080, 80)]));
        network
            .add(&mut next)
            .unwrap_or_else(|e| panic!("next after {case}: {e}"));
        assert!(pings("next", "10.21.0.1"), "next after {case}");
        serve(&next);
        host::until_said(case, "next", || answer("outside", HOST, 8080));
        network.del(&next).unwrap_or_else(|e| panic!("{case}: {e}"));
        end("next");
    }
    network.gc(&[]).unwrap_or_else(|all| panic!("{all:?}"));
    assert_ne!(
        try_sh("ip link show cni-a").code,
        Some(0),
        "the bridge goes"
    );
}

/// The second one is refused, and leaves nothing.
fn taken(whose: Whose) {
    let (network, before) = network(whose);
    let mut one = bare("one").asking("portMappings", ports(&[(8080, 80)]));
    let mut two = bare("two").asking("portMappings", ports(&[(8080, 80)]));
    network.add(&mut one).unwrap_or_else(|e| panic!("{e}"));
    serve(&one);
    let with_one = host::state(whose);
    let failure = network.add(&mut two).expect_err("the port is taken");
    assert!(failure.said.contains("8080"), "{failure}");
    host::is_again(&with_one, whose, "after the refused ADD");
    network.del(&two).unwrap_or_else(|e| panic!("{e}"));
    host::until_said("the first", "one", || answer("outside", HOST, 8080));
    network.del(&one).unwrap_or_else(|e| panic!("{e}"));
    end("one");
    end("two");
    host::is_again(&before, whose, "after DEL");
}
