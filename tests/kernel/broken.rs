//! `explain` on networks that are broken in one way each: it names that one cause, before and
//! after packets were tried, and the packets agree.

use serde_json::Value;

use crate::sandbox::{ok, outcome, sh, try_sh, until};
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
    let cases = CASES.iter().map(|case| {
        let body = move || broken(case);
        test(&format!("broken::{}", case.name), body)
    });
    let more = [
        test("broken::nothing is, and all arrives", whole),
        test("broken::every cause has its case", all_causes),
        test("broken::listens on another address only", elsewhere),
        test("broken::an address that two have, by IPv6", duplicate6),
        test("broken::by our own policy", policy),
    ];
    cases.chain(more).collect()
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

const CASES: &[Case] = &[
    Case { name: "the sender's device is down", broken: "ip -n one link set eth0 down", ask: "one two", cause: "device-down", line: "eth0 in one" },
    Case { name: "the receiver's device is down", broken: "ip -n two link set eth0 down", ask: "one two", cause: "device-down", line: "eth0 in two" },
    Case { name: "a port is down", broken: "ip link set p-two down", ask: "one two", cause: "device-down", line: "p-two in host" },
    Case { name: "the bridge is down", broken: "ip link set br0 down", ask: "one two", cause: "device-down", line: "br0 in host" },
    Case { name: "the bridge is down, to beyond", broken: "ip link set br0 down", ask: "one internet", cause: "device-down", line: "br0 in host" },
    Case { name: "the uplink is down", broken: "ip link set uplink down", ask: "one 203.0.113.2", cause: "device-down", line: "uplink in host" },
    Case { name: "no lo", broken: "ip -n one link set lo down", ask: "one 10.0.0.10", cause: "loopback-down", line: "lo in one" },
    Case { name: "no address", broken: "ip -n one -4 address flush dev eth0", ask: "one 10.0.0.20", cause: "no-address", line: "one has no IPv4 address" },
    Case { name: "nobody has the address", broken: "ip -n two -4 address flush dev eth0", ask: "one 10.0.0.20", cause: "nobody-there", line: "nobody on that link" },
    Case { name: "the sender's prefix is too narrow", broken: "ip -n one address del 10.0.0.10/24 dev eth0; ip -n one address add 10.0.0.10/28 dev eth0", ask: "one 10.0.0.20", cause: "wrong-prefix", line: "10.0.0.10/28 on eth0 in one" },
    Case { name: "the receiver's prefix is too narrow", broken: "ip -n two address del 10.0.0.20/24 dev eth0; ip -n two address add 10.0.0.20/30 dev eth0", ask: "one 10.0.0.20", cause: "wrong-prefix", line: "10.0.0.20/30 on eth0 in two" },
    Case { name: "a prefix is too wide", broken: "ip -n one address del 10.0.0.10/24 dev eth0; ip -n one address add 10.0.0.10/8 dev eth0; ip -n one route add default via 10.0.0.1", ask: "one 10.9.0.5", cause: "wrong-prefix", line: "10.0.0.10/8 on eth0 in one" },
    Case { name: "no route", broken: "ip -n one route del default", ask: "one 203.0.113.2", cause: "no-route", line: "one has no route to 203.0.113.2" },
    Case { name: "no route on the way", broken: "ip route del 10.9.0.5/32", ask: "one 10.9.0.5", cause: "no-route", line: "host has no route to 10.9.0.5" },
    Case { name: "no route back", broken: "ip -n internet route add 10.0.0.0/24 via 203.0.113.1; ip -n two route del default", ask: "internet 10.0.0.20", cause: "no-return-route", line: "two has no route back to 203.0.113.2" },
    Case { name: "no masquerade", broken: "nft flush chain ip nat post", ask: "one 203.0.113.2", cause: "no-masquerade", line: "not masqueraded" },
    Case { name: "forwarding is off", broken: "sysctl -qw net.ipv4.ip_forward=0", ask: "one 203.0.113.2", cause: "forwarding-off", line: "host, on the way, does not forward IPv4" },
    Case { name: "a foreign policy", broken: "nft 'add chain inet filter forward { type filter hook forward priority 0; policy drop; }'", ask: "one 203.0.113.2", cause: "filtered", line: "table inet filter of host drops it (forward): chain forward: policy drop" },
    Case { name: "a foreign policy, on one bridge", broken: "nft 'add chain inet filter forward { type filter hook forward priority 0; policy drop; }'", ask: "one two", cause: "filtered", line: "table inet filter of host drops it (forward): chain forward: policy drop" },
    Case { name: "a foreign rule", broken: "nft add rule inet filter input ip saddr 10.0.0.10 drop", ask: "one 10.0.0.1", cause: "filtered", line: "ip saddr 10.0.0.10 drop" },
    Case { name: "a foreign rule that refuses", broken: "nft add rule inet filter forward ip daddr 203.0.113.0/24 reject", ask: "one 203.0.113.2", cause: "filtered", line: "refused" },
    Case { name: "a rule of the receiver", broken: "ip netns exec two nft 'table inet f { chain i { type filter hook input priority 0; policy drop; }; }'", ask: "one two", cause: "filtered", line: "table inet f of two drops it (input)" },
    Case { name: "a rule of the sender", broken: "ip netns exec one nft 'table inet f { chain o { type filter hook output priority 0; icmp type echo-request drop; }; }'", ask: "one two", cause: "filtered", line: "table inet f of one drops it (output)" },
    Case { name: "a rule that drops answers", broken: "ip netns exec two nft 'table inet f { chain o { type filter hook output priority 0; ct state established drop; }; }'", ask: "one two", cause: "filtered", line: "table inet f of two drops it (output)" },
    Case { name: "a rule for frames", broken: "nft 'table bridge f { chain f { type filter hook forward priority 0; iifname \"p-one\" ip protocol icmp drop; }; }'", ask: "one two", cause: "filtered", line: "table bridge f of host drops it (forward)" },
    Case { name: "redirected to nobody", broken: "nft add rule ip nat pre ip daddr 203.0.113.1 icmp type echo-request dnat to 10.0.0.99", ask: "internet 203.0.113.1", cause: "nobody-there", line: "looks for 10.0.0.99" },
    Case { name: "reverse path filter", broken: "ip -n internet route add 10.0.0.0/24 via 203.0.113.1; ip route add 203.0.113.2/32 dev br0; sysctl -qw net.ipv4.conf.uplink.rp_filter=1", ask: "internet 10.0.0.20", cause: "reverse-path-filter", line: "uplink in host" },
    Case { name: "too large for a device", broken: "ip link set uplink mtu 1000", ask: "one 203.0.113.2 --size 1400", cause: "too-large", line: "uplink in host takes packets of 1000 bytes" },
    Case { name: "too large for a port, and nobody tells", broken: "ip link set p-two mtu 1000", ask: "one 10.0.0.20 --size 1400", cause: "too-large", line: "p-two in host takes packets of 1000 bytes" },
    Case { name: "an address that two have", broken: "ip netns add three; ip link add p-three up master br0 type veth peer name eth0 netns three; ip -n three address add 10.0.0.20/24 dev eth0; ip -n three link set eth0 up; ip -n two link set eth0 down; ip -n two link set eth0 up", ask: "one 10.0.0.20", cause: "duplicate-address", line: "both have 10.0.0.20" },
    Case { name: "another bridge", broken: "ip link add br1 up type bridge; ip link set p-two master br1", ask: "one 10.0.0.20", cause: "other-link", line: "which eth0 in two has: on another link" },
    Case { name: "plugged into nothing", broken: "ip link set p-two nomaster", ask: "one 10.0.0.20", cause: "not-plugged", line: "p-two in host" },
    Case { name: "the sender is plugged into nothing", broken: "ip link set p-one nomaster", ask: "one 10.0.0.20", cause: "not-plugged", line: "p-one in host" },
    Case { name: "a blocked port", broken: "until bridge link show dev p-two | grep -q forwarding; do :; done; bridge link set dev p-two state 0", ask: "one two", cause: "port-blocked", line: "p-two in host of a bridge is disabled" },
    Case { name: "the spanning tree is still listening", broken: "ip link set p-two down; ip link set br0 type bridge stp_state 1 forward_delay 3000; ip link set p-two up", ask: "one two", cause: "port-blocked", line: "of a bridge is listening" },
    Case { name: "isolated ports", broken: "bridge link set dev p-one isolated on; bridge link set dev p-two isolated on", ask: "one two", cause: "isolated-ports", line: "both isolated" },
    Case { name: "a neighbour that does not answer", broken: "ip -n two link set eth0 arp off; ip -n one neigh flush all", ask: "one 10.0.0.20", cause: "neighbour-failed", line: "nobody answered" },
    Case { name: "a wrong entry in the neighbour table", broken: "ip -n one neigh replace 10.0.0.20 lladdr 02:00:00:00:00:99 dev eth0 nud permanent", ask: "one 10.0.0.20", cause: "wrong-neighbour", line: "02:00:00:00:00:99" },
    Case { name: "nobody listens", broken: "true", ask: "one two:80", cause: "nothing-listens", line: "nobody listens on 80/tcp in two" },
    Case { name: "nobody listens, by UDP", broken: "true", ask: "one two:53/udp", cause: "nothing-listens", line: "nobody listens on 53/udp in two" },
    Case { name: "pings are not answered", broken: "ip netns exec two sysctl -qw net.ipv4.icmp_echo_ignore_all=1", ask: "one two", cause: "echo-ignored", line: "two is told not to answer pings" },
    Case { name: "a route that says unreachable", broken: "ip -n one route add unreachable 203.0.113.0/24", ask: "one 203.0.113.2", cause: "route-refuses", line: "says unreachable" },
    Case { name: "a route that says prohibit", broken: "ip -n one route add prohibit 203.0.113.0/24", ask: "one 203.0.113.2", cause: "route-refuses", line: "says prohibit" },
    Case { name: "a route that says blackhole", broken: "ip -n one route add blackhole 203.0.113.0/24", ask: "one 203.0.113.2", cause: "route-refuses", line: "says blackhole" },
    Case { name: "a routing rule that says prohibit", broken: "ip -n one rule add to 203.0.113.2 priority 10 prohibit", ask: "one 203.0.113.2", cause: "route-refuses", line: "says prohibit" },
    Case { name: "a router that is not there", broken: "ip -n one route replace default via 10.0.0.99", ask: "one 203.0.113.2", cause: "nobody-there", line: "the router 10.0.0.99" },
    Case { name: "routes in a circle", broken: "ip netns exec internet sysctl -qw net.ipv4.ip_forward=1; ip route add 192.0.2.0/24 via 203.0.113.2; ip -n internet route add 192.0.2.0/24 via 203.0.113.1; nft flush chain ip nat post", ask: "one 192.0.2.1", cause: "routing-circle", line: "in a circle" },
    Case { name: "IPv6 is switched off", broken: "ip netns exec one sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1", ask: "one fd00::20", cause: "ipv6-off", line: "eth0 in one" },
    Case { name: "no IPv6 route", broken: "ip -n one -6 route del fd00::/64 dev eth0", ask: "one fd00::20", cause: "no-route", line: "one has no route to fd00::20" },
    Case { name: "a source that is the receiver's own", broken: "ip -n internet route add 10.0.0.0/24 via 203.0.113.1; ip -n two address add 203.0.113.2/32 dev lo", ask: "internet 10.0.0.20", cause: "martian-source", line: "eth0 in two drops what comes from 203.0.113.2" },
];

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
    let port = case.ask.contains(':') && !case.ask.contains("::");
    // Of two that have one address, one may well answer.
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
        "one two", "one internet", "two one", "host one", "one host", "one 203.0.113.1",
        "internet 203.0.113.1", "one 10.9.0.5", "one one", "host host", "one fd00::20",
        "host fd00::10", "one 10.0.0.20 --size 1500",
    ] {
        assert_eq!(explained(ask).0, "arrives", "{ask}");
        let own = ["one one", "host host", "one host"];
        if !own.contains(&ask) {
            assert!(tried(ask), "{ask} does not arrive");
            assert_eq!(explained(ask).0, "arrives", "{ask}");
        }
    }
}

/// The table in the documentation has every case.
fn all_causes() {
    let causes: std::collections::BTreeSet<&str> = CASES.iter().map(|case| case.cause).collect();
    assert!(CASES.len() >= 30 && causes.len() >= 20, "{causes:?}");
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

fn duplicate6() {
    sh(NETWORK);
    sh("ip netns add three; ip link add p-three up master br0 type veth peer name eth0 netns three");
    sh("ip -n three address add fd00::20/64 dev eth0; ip -n three link set eth0 up");
    until("the kernel finds the duplicate, and gives an address of its own", || {
        let addresses = sh("ip -n three address show dev eth0");
        let own = addresses.lines().find(|line| line.contains("fe80::"));
        addresses.contains("dadfailed") && own.is_some_and(|own| !own.contains("tentative"))
    });
    let (cause, line) = explained("three fd00::10");
    assert_eq!(cause, "address-unusable", "{line}");
}

fn policy() {
    ok(&["up", &crate::sandbox::example("policy.yaml")]);
    let told = outcome(&["explain", "web", "db", "--json"]);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(told["verdict"], "stops", "{told:#}");
    assert_eq!(told["cause"], "filtered", "{told:#}");
}
