//! What is said of packets by a host's rules, ours and others', beside what becomes of real
//! packets.

mod host;
mod programs;
mod rulesets;
mod yard;

use super::{Test, test};
use crate::sandbox::{file, ok, sh};
use host::Host;
use netyard::explain::filter::Fate;
use programs::PROGRAMS;
use rulesets::RULESETS;
use yard::{Probe, Servers};

pub(crate) fn tests() -> Vec<Test> {
    let groups = RULESETS
        .iter()
        .map(|(group, cases)| test(&format!("filter::{group}"), || each(cases, str::to_owned)));
    groups
        .chain([
            test("filter::the_old_kind", the_old_kind),
            test("filter::ours", ours),
            test("filter::frames on a bridge", bridged),
            test("filter::many_rules", many),
        ])
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
    let servers = ["h", "s"].map(Servers::open);
    for (name, commands, unknown) in cases {
        sh(&format!("set -e\n{}", made(commands)));
        compare(name, &PROBES, &servers, unknown);
        sh(FLUSH);
    }
}

/// What is foretold of each packet, beside what becomes of it; and how often each is so.
fn compare(
    name: &str,
    probes: &[&'static str],
    servers: &[Servers],
    unknown: &[&str],
) -> [usize; 2] {
    let host = Host::read();
    let (mut wrong, mut ends) = (Vec::new(), [0; 2]);
    for text in probes {
        let probe = Probe::of(text);
        let foretold = host.foretell(&probe, yard::source(&probe));
        let came = probe.send(servers, foretold.came.is_some());
        let last = foretold.passages.last();
        let by = last.map(|(hook, passage)| (hook, &passage.line));
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
        ends[usize::from(came.is_some())] += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    ends
}

/// netyard's own tables, with ports that all, the near and the host alone see.
fn ours() {
    yard::build();
    let lab = file(
        "web.yaml",
        "lab: web
networks:
  lan: { subnets: [10.7.0.0/24, \"fd00:7::/64\"], masquerade: true }
  other: { subnets: [10.8.0.0/24] }
namespaces:
  one:
    interfaces: { eth0: { network: lan } }
    publish:
      - { host: 8080, port: 80, visible: public }
      - 443:443
      - { host: 9005, port: 53, protocol: udp, visible: lan }
  two: { interfaces: { eth0: { network: other } } }
allow: [{ from: other, to: lan, protocol: udp, port: 5000 }]
",
    );
    ok(&["up", &lab]);
    let servers = ["h", "s", "one", "two"].map(Servers::open);
    let probes = [
        "c tcp 10.1.0.1 8080",
        "c tcp 10.1.0.1 443",
        "c udp 10.1.0.1 9005",
        "c tcp fd00:1::1 8080",
        "c udp fd00:1::1 9005",
        "c udp 10.7.0.2 53",
        "c tcp 10.7.0.2 80",
        "c udp 10.2.0.2 53",
        "h tcp 10.1.0.1 8080",
        "h tcp 127.0.0.1 443",
        "h tcp 10.7.0.2 80",
        "h udp 10.2.0.1 9005",
        "one udp 10.2.0.2 53",
        "one tcp 10.1.0.1 8080",
        "one udp 10.8.0.2 53",
        "two udp 10.7.0.2 5000",
        "two udp 10.7.0.2 53",
        "two tcp 10.1.0.1 8080",
        "two tcp 10.1.0.1 443",
        "two udp 10.2.0.2 53",
    ];
    let [stopped, came] = compare("ours", &probes, &servers, &[]);
    assert!(stopped >= 5 && came >= 5, "{stopped} {came}");
    let probe = Probe::of("c udp 10.7.0.2 53");
    let foretold = Host::read().foretell(&probe, yard::source(&probe));
    let (_, last) = foretold.passages.last().expect("a hook");
    let line = last.line.as_ref().expect("a rule");
    assert_eq!(
        (line.table.as_str(), line.chain.as_str(), line.text.as_str()),
        ("netyard", "forward", "oifname @networks drop")
    );
    ok(&["down", &lab]);
}

/// More rules with sets of their own than are listed.
fn many() {
    yard::build();
    sh("nft 'table inet f { chain c { type filter hook forward priority 0; }; }'");
    // More at once do not fit into what may be sent without rights on the machine.
    for hundreds in 0..15 {
        let rules = (0..100).map(|i| {
            let port = 100 * hundreds + i;
            format!(
                "add rule inet f c ip saddr 10.9.{hundreds}.{i} tcp dport {{ {port}, 80 }} drop\n"
            )
        });
        let rules = file("many.nft", &rules.collect::<String>());
        sh(&format!("nft -f {rules}"));
    }
    sh("nft add rule inet f c udp dport { 53, 9000-9010 } drop");
    let servers = ["s"].map(Servers::open);
    let probes = [
        "c udp 10.2.0.2 53",
        "c udp 10.2.0.2 9005",
        "c udp 10.2.0.2 5000",
    ];
    assert_eq!(compare("many", &probes, &servers, &[]), [2, 1]);
    let probe = Probe::of(probes[2]);
    let foretold = Host::read().foretell(&probe, yard::source(&probe));
    let met: usize = foretold.passages.iter().map(|(_, p)| p.met).sum();
    assert_eq!(met, 1501);
}

/// Frames between two ports of a bridge, which rules of family `bridge` see.
fn bridged() {
    sh(
        "ip netns add c; ip netns add s; ip link add br0 type bridge; ip link set br0 up
        for n in c s; do
          ip link add v$n type veth peer name eth0 netns $n; ip link set v$n master br0 up
          ip -n $n link set eth0 address 02:00:00:00:00:0$(echo $n | tr cs 12) up
        done
        ip -n c addr add 10.3.0.1/24 dev eth0; ip -n s addr add 10.3.0.2/24 dev eth0
        ip -n c neigh add 10.3.0.2 lladdr 02:00:00:00:00:02 dev eth0
        ip -n s neigh add 10.3.0.1 lladdr 02:00:00:00:00:01 dev eth0",
    );
    sh("nft -f - <<'E'
table bridge b {
  set known { typeof iifname . ether saddr; elements = { vc . 02:00:00:00:00:01 }; }
  chain pre { type filter hook prerouting priority dstnat; iifname . ether saddr != @known drop; ether type ip udp dport 53 meta mark set 3; }
  chain forward { type filter hook forward priority filter; iifname vc oifname vs meta mark 3 drop; ip saddr 10.3.0.1 udp dport 5000 drop; ether daddr 02:00:00:00:00:03 drop; meta protocol ip6 drop; }
  chain post { type filter hook postrouting priority 300; meta l4proto udp th dport 80 drop; }
}
E");
    let servers = ["s"].map(Servers::open);
    let host = Host::read();
    for (port, arrives) in [
        (53, false),
        (5000, false),
        (80, false),
        (443, true),
        (8080, true),
    ] {
        let probe = Probe {
            from: "c",
            protocol: "udp",
            to: [10, 3, 0, 2].into(),
            port,
        };
        let fate = host.switched(&probe, [10, 3, 0, 1].into(), [1, 2]);
        let came = probe.send(&servers, arrives).is_some();
        assert_eq!(
            (came, fate == Fate::Accept),
            (arrives, arrives),
            "{port}: {fate:?}"
        );
    }
}
