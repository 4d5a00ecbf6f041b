//! `explain` on networks that are broken in one way each: it names that one cause, before and
//! after packets were tried, and the packets agree.

mod links;
mod odd;
mod ways;

use serde_json::Value;

use crate::sandbox::{example, has_table, ok, outcome, sh, try_sh, until};
use crate::{Test, test};

/// A network, what breaks it, what is asked, and the cause.
struct Case {
    name: &'static str,
    /// What is done to the network.
    broken: &'static str,
    ask: &'static str,
    cause: &'static str,
    /// A part of the line that decides.
    line: &'static str,
}

pub(crate) fn tests() -> Vec<Test> {
    let all = cases().map(|case| {
        let body = move || broken(case);
        test(&format!("broken::{}", case.name), body)
    });
    let more = [
        test("broken::nothing is, and all arrives", whole),
        test("broken::every cause has its case", all_causes),
        test("broken::what is not known, and what is chosen", chosen),
        test("broken::listens on another address only", elsewhere),
        test("broken::listens for IPv6 alone", odd::six_only),
        test("broken::listens on another device only", odd::bound),
        test(
            "broken::asks from an address that is not answered",
            odd::announced,
        ),
        test("broken::somebody stands in for another", odd::proxies),
        test("broken::a namespace that is called host", odd::called_host),
        test("broken::one of several ways leads nowhere", odd::several),
        test("broken::an address that two have, by IPv6", duplicate6),
        test("broken::by our own policy", policy),
        test("broken::an answer from another than was asked", hairpin),
        test("broken::explain and packets agree in every example", agree),
    ];
    all.chain(more).collect()
}

/// Two namespaces on a bridge, a host that forwards and masquerades, and one beyond: made by
/// hand, as others do.
const NETWORK: &str = r#"
ip link add br0 up type bridge; ip address add 10.0.0.1/24 dev br0; ip address add fd00::1/64 dev br0 nodad
for n in one:10 two:20; do
  netns=${n%:*}; number=${n#*:}
  ip netns add $netns; ip -n $netns link set lo up
  ip link add p-$netns up master br0 type veth peer name eth0 netns $netns
  ip -n $netns address add 10.0.0.$number/24 dev eth0
  ip -n $netns address add fd00::$number/64 dev eth0 nodad
  ip -n $netns link set eth0 up
  ip -n $netns route add default via 10.0.0.1
done
ip netns add internet; ip -n internet link set lo up
ip link add uplink up type veth peer name eth0 netns internet
ip address add 203.0.113.1/24 dev uplink
ip -n internet address add 203.0.113.2/24 dev eth0; ip -n internet link set eth0 up
ip -n internet address add 10.9.0.5/32 dev lo
ip route add 10.9.0.5/32 via 203.0.113.2
sysctl -qw net.ipv4.ip_forward=1
nft -f - <<'END'
table ip nat {
  chain pre { type nat hook prerouting priority -100; }
  chain post { type nat hook postrouting priority 100; ip saddr 10.0.0.0/24 oifname "uplink" masquerade; }
}
table inet filter {
  chain input { type filter hook input priority 0; }
  chain forward { type filter hook forward priority 0; }
}
END
"#;

fn cases() -> impl Iterator<Item = &'static Case> {
    links::CASES.iter().chain(ways::CASES).chain(odd::CASES)
}

/// What explain says: the cause and the line.
fn explained(ask: &str) -> (String, String) {
    let mut arguments = vec!["explain"];
    arguments.extend(ask.split(' '));
    arguments.push("--json");
    let said = outcome(&arguments);
    let told: Value = serde_json::from_str(&said.out)
        .unwrap_or_else(|e| panic!("{ask}: {e}: {}{}", said.out, said.err));
    let arrives = told["verdict"] == "arrives";
    assert_eq!(said.code, Some(i32::from(!arrives)), "{ask}: {told:#}");
    let word = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
    match told["verdict"].as_str() {
        Some("stops") => (word("cause"), word("line")),
        Some(verdict) => (verdict.to_owned(), word("line")),
        None => panic!("{ask}: {told:#}"),
    }
}

/// What became of the packet that `--send` sends; it does not belie what was explained.
fn sent(ask: &str) -> Value {
    let mut arguments = vec!["explain"];
    arguments.extend(ask.split(' '));
    arguments.extend(["--json", "--send"]);
    let said = outcome(&arguments);
    let told: Value = serde_json::from_str(&said.out)
        .unwrap_or_else(|e| panic!("{ask}: {e}: {}{}", said.out, said.err));
    assert_ne!(told["sent"]["agrees"], false, "{ask}: {told:#}");
    told["sent"].clone()
}

/// Whether a packet and its answer arrive, tried once.
fn tried(ask: &str) -> bool {
    let words: Vec<&str> = ask.split(' ').collect();
    let (from, to) = (words[0], words[1]);
    let to = match to {
        "one" => "10.0.0.10",
        "two" => "10.0.0.20",
        "internet" => "203.0.113.2",
        to => to,
    };
    let inside = match from {
        "host" => String::new(),
        from => format!("ip netns exec {from} "),
    };
    let size = match words.as_slice() {
        [.., "--size", size] => {
            let size: u32 = size.parse().expect("a size");
            format!("-M do -s {}", size - 28)
        }
        _ => String::new(),
    };
    try_sh(&format!("{inside}ping -c1 -W0.3 {size} {to}")).code == Some(0)
}

fn broken(case: &Case) {
    sh(NETWORK);
    sh(case.broken);
    let first = explained(case.ask);
    assert_eq!(first.0, case.cause, "{}: {}", case.ask, first.1);
    assert!(first.1.contains(case.line), "{}: {}", case.line, first.1);
    let packet = sent(case.ask);
    // Of two that have one address, one may well answer.
    if case.cause != "duplicate-address" {
        assert_ne!(packet["seen"], "reached", "{}: {packet:#}", case.ask);
    }
    let port = case.ask.contains(':') && !case.ask.contains("::");
    if !port && case.cause != "duplicate-address" {
        assert!(!tried(case.ask), "{} does arrive", case.ask);
        // What was tried leaves traces, such as neighbours that failed.
        let again = explained(case.ask);
        assert_eq!(again, first);
    }
}

fn whole() {
    sh(NETWORK);
    for ask in [
        "one two",
        "one internet",
        "two one",
        "host one",
        "one host",
        "one 203.0.113.1",
        "internet 203.0.113.1",
        "one 10.9.0.5",
        "one one",
        "host host",
        "one fd00::20",
        "host fd00::10",
        "one 10.0.0.20 --size 1500",
    ] {
        assert_eq!(explained(ask).0, "arrives", "{ask}");
        let own = ["one one", "host host", "one host"];
        if !own.contains(&ask) {
            assert!(tried(ask), "{ask} does not arrive");
            assert_eq!(explained(ask).0, "arrives", "{ask}");
        }
        assert_eq!(sent(ask)["agrees"], true, "{ask}");
    }
    // What is on top of a bridge hears what comes to it.
    sh("ip netns add c; ip link add mv link br0 type macvlan mode bridge; ip link set mv netns c");
    sh("ip -n c address add 10.0.0.40/24 dev mv; ip -n c link set mv up");
    for ask in ["two c", "c two"] {
        assert_eq!(explained(ask).0, "arrives", "{ask}");
        assert_eq!(sent(ask)["agrees"], true, "{ask}");
    }
    assert!(!sh("nft list tables").contains("netyard-trace"));
}

/// The table in the documentation has every case.
fn all_causes() {
    let causes: std::collections::BTreeSet<&str> = cases().map(|case| case.cause).collect();
    assert!(cases().count() >= 30 && causes.len() >= 20, "{causes:?}");
    let rows = cases().map(
        |Case {
             name,
             ask,
             cause,
             line,
             ..
         }| { format!("| {name} | `{ask}` | `{cause}` | {line} |\n") },
    );
    let table = "| broken how | asked | cause | it says |\n|---|---|---|---|\n".to_owned()
        + &rows.collect::<String>();
    has_table("docs/see-and-explain.md", &table);
}

fn elsewhere() {
    sh(NETWORK);
    let listener = |address: &'static str| {
        crate::matrix::within("two", move || std::net::TcpListener::bind(address))
    };
    let own = listener("127.0.0.1:8000").expect("a listener");
    let (cause, line) = explained("one two:8000");
    assert_eq!(cause, "nothing-listens");
    assert!(line.contains("at 127.0.0.1 only"), "{line}");
    drop(own);
    let all = listener("0.0.0.0:8000").expect("a listener");
    assert_eq!(explained("one two:8000").0, "arrives");
    drop(all);
}

/// The answer goes past where the address was rewritten.
fn hairpin() {
    sh(NETWORK);
    sh("sysctl -qw net.bridge.bridge-nf-call-iptables=0");
    sh("nft add rule ip nat pre ip daddr 203.0.113.1 tcp dport 8085 dnat to 10.0.0.20:80");
    let listener = crate::matrix::within("two", || std::net::TcpListener::bind("0.0.0.0:80"));
    let _listener = listener.expect("a listener");
    let connect = "timeout 0.5 bash -c 'exec 3<>/dev/tcp/203.0.113.1/8085'";
    let tried = || try_sh(&format!("ip netns exec one {connect}")).code == Some(0);
    let (cause, line) = explained("one 203.0.113.1:8085");
    assert_eq!(cause, "answer-from-another", "{line}");
    assert!(!tried());
    sh("nft add rule ip nat post ip saddr 10.0.0.0/24 ip daddr 10.0.0.20 masquerade");
    assert_eq!(explained("one 203.0.113.1:8085").0, "arrives");
    assert!(tried());
}

/// One of several is chosen by what is not known before; an address by the next router.
fn chosen() {
    sh(NETWORK);
    sh("nft add rule ip nat pre ip daddr 9.9.9.9 dnat to 10.0.0.20-10.0.0.21");
    assert_eq!(explained("one 9.9.9.9").0, "unknown");
    sh("ip address flush dev uplink; ip address add 198.51.100.7/24 dev uplink");
    sh("ip address add 203.0.113.1/24 dev uplink; ip route add 10.9.0.5 via 203.0.113.2");
    for ask in ["one 203.0.113.2", "one 10.9.0.5"] {
        assert_eq!(explained(ask).0, "arrives", "{ask}");
        assert_eq!(sent(ask)["proved"], true, "{ask}");
    }
    // A port that is yet to be chosen.
    let listener = crate::matrix::within("two", || std::net::TcpListener::bind("0.0.0.0:80"));
    let _listener = listener.expect("a listener");
    let rules = |rule: &str| {
        sh(&format!(
            "ip netns exec two nft 'flush ruleset; add table inet f; \
            add chain inet f i {{ type filter hook input priority 0; }}; add rule inet f i {rule}'"
        ));
        explained("one two:80").0
    };
    assert_eq!(rules("tcp sport 49152 drop"), "unknown");
    assert_eq!(rules("tcp sport < 1024 drop"), "arrives");
    assert_eq!(rules("tcp sport 1024-65535 drop"), "filtered");
    assert_eq!(rules("tcp dport 80 meta length 60 drop"), "filtered");
    // Rewritten on a bridge.
    sh("nft add rule ip nat pre ip daddr 10.0.0.20 dnat to 10.0.0.1");
    assert_eq!(explained("one 10.0.0.20").0, "unknown");
}

fn duplicate6() {
    sh(NETWORK);
    sh(
        "ip netns add three; ip link add p-three up master br0 type veth peer name eth0 netns three",
    );
    sh("ip -n three address add fd00::20/64 dev eth0; ip -n three link set eth0 up");
    until(
        "the kernel finds the duplicate, and gives an address of its own",
        || {
            let addresses = sh("ip -n three address show dev eth0");
            let own = addresses.lines().find(|line| line.contains("fe80::"));
            addresses.contains("dadfailed") && own.is_some_and(|own| !own.contains("tentative"))
        },
    );
    let (cause, line) = explained("three fd00::10");
    assert_eq!(cause, "address-unusable", "{line}");
}

fn policy() {
    ok(&["up", &example("policy.yaml")]);
    let told = outcome(&["explain", "web", "db", "--json"]);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(told["verdict"], "stops", "{told:#}");
    assert_eq!(told["cause"], "filtered", "{told:#}");
}

/// What packets do that an example expects or not, `explain` says before.
fn agree() {
    for file in crate::sandbox::all_examples() {
        ok(&["up", &example(&file)]);
        let told = ok(&["test", "--json", &example(&file)]);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        for probe in told["probes"].as_array().expect("probes") {
            let (from, to) = (probe["from"].as_str(), probe["to"].as_str());
            let (from, to) = (from.expect("who"), to.expect("to whom"));
            let port =
                |protocol: &str| Some((probe["probe"][protocol].as_u64()?, protocol.to_owned()));
            let ask = match port("tcp").or_else(|| port("udp")) {
                Some((port, protocol)) => format!("{from} [{to}]:{port}/{protocol}"),
                None => format!("{from} {to}"),
            };
            let (said, line) = explained(&ask);
            // The server of the test has ended by now; without one, who has the address refuses.
            let there = ["arrives", "nothing-listens", "not-published-to-it"];
            let arrives = there.contains(&said.as_str());
            let arrived = probe["seen"] == "reached" || probe["seen"] == "refused";
            assert_eq!(arrives, arrived, "{file}: {ask}: {said}: {line}: {probe:#}");
        }
        ok(&["down", &lab(&file)]);
    }
}

fn lab(file: &str) -> String {
    let text = std::fs::read_to_string(example(file)).expect("an example");
    let name = text.lines().find_map(|line| line.strip_prefix("lab: "));
    name.expect("its lab")
        .split(' ')
        .next()
        .expect("a name")
        .to_owned()
}
