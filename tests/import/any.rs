//! Whatever a file says, it is taken as a file that netyard reads, or refused.

use std::cell::Cell;

use libtest_mimic::Failed;
use netyard::topology::{NotImported, import, parse};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

const CASES: u32 = 2000;

/// How many were taken.
fn run(strategy: impl Strategy<Value = String>) -> Result<u32, Failed> {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let taken = Cell::new(0);
    let ran = runner.run(&strategy, |text| {
        match import(&text) {
            Ok(imported) => {
                taken.set(taken.get() + 1);
                prop_assert!(parse(&imported.file).is_ok(), "{}", imported.file);
            }
            Err(NotImported::File(error) | NotImported::Result(error)) => {
                prop_assert!(!error.problems().is_empty());
            }
        }
        Ok(())
    });
    ran.map_err(|e| e.to_string())?;
    Ok(taken.get())
}

/// Texts of YAML's own signs.
pub(crate) fn yaml() -> Result<(), Failed> {
    let signs =
        "([a-z0-9é:,\\[\\]{}\"'&*!|>#%@~ \t\n-]|name|topology: |nodes: |links: |\n  ){0,60}";
    run(signs).map(|_| ())
}

/// Values, of which each is right somewhere.
const LEAVES: &str = "a|b|br|host|bridge|linux|~|true|1500|eth1|\"a:eth1\"|\"b:eth1\"|\"host:x\"|\"br:x\"|\
    \"macvlan:eth0\"|\"8080:80\"|\"a:ethernet-1/1\"|\"a:lo\"|10.0.0.1/24|\"fd00::1/64\"|veth|macvlan|vxlan|\
    ip addr add 10.0.0.1/24 dev eth1|ip addr add 10.0.0.9/24 dev eth1|ip route add default via 10.0.0.2|\
    ip route add 10.9.0.0/16 via 10.0.0.2|\"é\"|\"\\u2028\\n# x\"|ip link set dev eth1 mtu 9000|\
    sysctl -w net.ipv4.ip_forward=1|02:00:00:00:00:01";

const KEYS: &str = "name|topology|nodes|links|kinds|defaults|groups|kind|group|exec|ports|a|b|br|host|linux|\
    endpoints|endpoint|type|node|interface|mac|mtu|host-interface|mode|ipv4|sysctls|network-mode|ipv4-subnet|image";

fn one_of(all: &'static str) -> impl Strategy<Value = String> + Clone {
    let all: Vec<&str> = all.split('|').collect();
    select(all).prop_map(str::to_owned)
}

fn list(of: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let all = prop::collection::vec(of, 0..4);
    all.prop_map(|all| format!("[{}]", all.join(", ")))
}

/// Anything within anything.
fn value() -> impl Strategy<Value = String> + Clone {
    one_of(LEAVES).prop_recursive(4, 24, 4, |inner| {
        let entry =
            (one_of(KEYS), inner.clone()).prop_map(|(key, value)| format!("{key}: {value}"));
        let mapping = prop::collection::vec(entry, 0..4);
        let mapping = mapping.prop_map(|all| format!("{{{}}}", all.join(", ")));
        prop_oneof![list(inner), mapping]
    })
}

/// What is mostly a containerlab file.
pub(crate) fn pieces() -> Result<(), Failed> {
    let exec = list(one_of(LEAVES));
    let node = (
        exec,
        one_of("linux|bridge|host|srl"),
        prop_oneof![9 => Just("~".to_owned()), 1 => value()],
    );
    let node = node
        .prop_map(|(exec, kind, more)| format!("{{exec: {exec}, kind: {kind}, ports: {more}}}"));
    let node = prop_oneof![9 => node, 1 => value()];
    let end = one_of(
        "\"a:eth1\"|\"b:eth1\"|\"a:eth2\"|\"br:1\"|\"host:x\"|\"macvlan:eth0\"|{node: b, interface: eth2}",
    );
    let link = (end.clone(), end).prop_map(|(a, b)| format!("{{endpoints: [{a}, {b}]}}"));
    let link = prop_oneof![9 => link, 1 => value()];
    let kinds = prop_oneof![9 => Just("{}".to_owned()), 1 => value()];
    let file = (node.clone(), node, kinds, list(link)).prop_map(|(a, b, kinds, links)| {
        let nodes = format!("{{a: {a}, b: {b}, br: {{kind: bridge}}}}");
        format!("{{name: l, topology: {{nodes: {nodes}, kinds: {kinds}, links: {links}}}}}")
    });
    let taken = run(file)?;
    match (CASES / 10..CASES).contains(&taken) {
        true => Ok(()),
        false => Err(format!("{taken} of {CASES} were taken: that shows little").into()),
    }
}
