//! What is said of packets by a host's rules, ours and others', beside what becomes of real
//! packets.

mod programs;
mod rulesets;
mod yard;

use super::{Test, test};
use crate::sandbox::sh;
use programs::PROGRAMS;
use rulesets::RULESETS;
use yard::{Host, Probe, Servers};

pub(crate) fn tests() -> Vec<Test> {
    let groups = RULESETS
        .iter()
        .map(|(group, cases)| test(&format!("filter::{group}"), || each(cases, str::to_owned)));
    groups
        .chain([test("filter::the_old_kind", the_old_kind)])
        .collect()
}

/// What iptables-nft makes, made by iptables-legacy.
fn the_old_kind() {
    let old: Vec<Case> = PROGRAMS
        .iter()
        .copied()
        .filter(|case| case.1.contains("tables-nft"))
        .collect();
    each(&old, |commands| {
        commands.replace("tables-nft", "tables-legacy")
    });
}

/// Who speaks to whom, whatever the rules are.
const PROBES: [&str; 19] = [
    "c udp 10.2.0.2 53",
    "c udp 10.2.0.2 5000",
    "c tcp 10.2.0.2 80",
    "c tcp 10.2.0.2 8080",
    "c udp 10.1.0.1 53",
    "c tcp 10.1.0.1 80",
    "c tcp 10.1.0.1 443",
    "c tcp 10.1.0.1 8080",
    "c udp 10.1.0.1 9005",
    "c tcp 10.2.0.1 8080",
    "h udp 10.2.0.2 53",
    "h tcp 10.2.0.2 80",
    "h tcp 10.1.0.1 8080",
    "c icmp 10.2.0.2",
    "c icmp 10.1.0.1",
    "c udp fd00:2::2 53",
    "c tcp fd00:2::2 80",
    "c udp fd00:1::1 53",
    "c tcp fd00:1::1 8080",
];

/// Nothing filters any more.
const FLUSH: &str = "nft flush ruleset
for ip in ip ip6; do
  for table in $(cat /proc/self/net/${ip}_tables_names); do
    for chain in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do
      ${ip}tables-legacy -t $table -P $chain ACCEPT 2>/dev/null || true
    done
    ${ip}tables-legacy -t $table -F; ${ip}tables-legacy -t $table -X
  done
done";

/// A ruleset: its name, the commands that make it, and what of it cannot be known.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn each(cases: &[Case], made: impl Fn(&str) -> String) {
    yard::build();
    let servers = [Servers::open("h"), Servers::open("s")];
    let servers: Vec<&Servers> = servers.iter().collect();
    let mut wrong = Vec::new();
    let sources: Vec<_> = PROBES.map(Probe::of).iter().map(yard::source).collect();
    for (name, commands, unknown) in cases {
        sh(&format!("set -e\n{}", made(commands)));
        let host = Host::read();
        for ((text, probe), source) in PROBES.iter().zip(PROBES.map(Probe::of)).zip(&sources) {
            let foretold = host.foretell(&probe, *source);
            let came = probe.send(&servers, foretold.came.is_some());
            let by = foretold
                .passages
                .last()
                .map(|(hook, passage)| (hook, &passage.line));
            if let Some(what) = &foretold.unknown {
                if !unknown.contains(&what.as_str()) {
                    wrong.push(format!("{name}: {text}: not known: {what}: {by:?}"));
                }
                continue;
            }
            let mut expected = foretold.came.clone();
            if let (Some(expected), "icmp") = (&mut expected, probe.protocol) {
                (expected.at, expected.from) = ("?".to_owned(), probe.to);
            }
            if came != expected {
                wrong.push(format!(
                    "{name}: {text}: said {expected:?}, was {came:?}: {by:?}"
                ));
            }
        }
        sh(FLUSH);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
