//! What went on by a rule that is gone ends; what others began goes on.

use crate::sandbox::{file, netyard, ok, sh, try_sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(
            "flows::a network that leaves no more takes its flows with it",
            withdrawn,
        ),
        test(
            "flows::a smaller subnet keeps the flows that are still in it",
            smaller,
        ),
        test("flows::the printed script ends the same", by_hand),
        test(
            "flows::what is allowed no more ends, on the host and inside",
            not_allowed,
        ),
    ]
}

fn lab(prefix: u8, masquerade: bool) -> String {
    let text = format!(
        "lab: out\n\
         networks:\n  lan: {{ subnets: [10.7.0.0/{prefix}], masquerade: {masquerade} }}\n\
         namespaces:\n  one: {{ interfaces: {{ eth0: {{ network: lan, addresses: [10.7.0.10/{prefix}] }} }} }}\n",
    );
    file(&format!("out-{prefix}-{masquerade}.yaml"), &text)
}

/// A host that forwards, with somebody beyond it who is sent a word by `one`; and flows that
/// are no business of the lab.
fn talk() {
    sh("sysctl -qw net.ipv4.ip_forward=1
        ip link add up0 type veth peer name up1
        ip address add 192.0.2.1/24 dev up0
        ip link set up0 up; ip link set up1 up
        ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev up0");
    ok(&["up", &lab(24, true)]);
    sh("ip netns exec one bash -c 'echo x >/dev/udp/192.0.2.2/53'");
    sh(
        "conntrack -I -t 60 -p udp -s 10.8.0.2 -d 192.0.2.2 --sport 1 --dport 53 -n 192.0.2.1
        conntrack -I -t 60 -p udp -s 10.7.0.200 -d 192.0.2.2 --sport 1 --dport 53 -n 192.0.2.1
        conntrack -I -t 60 -p udp -s 10.7.0.10 -d 10.7.0.1 --sport 1 --dport 53
        conntrack -I -t 60 -p udp -s 192.0.2.2 -d 10.7.0.10 --sport 1 --dport 53",
    );
    assert_eq!(flows(), ALL);
}

const ALL: [&str; 5] = [
    "10.7.0.10 to 10.7.0.1",
    "10.7.0.10 to 192.0.2.2",
    "10.7.0.200 to 192.0.2.2",
    "10.8.0.2 to 192.0.2.2",
    "192.0.2.2 to 10.7.0.10",
];

/// Who sent the first packet of each to whom.
fn flows() -> Vec<String> {
    let list = sh("conntrack -L -p udp 2>/dev/null");
    let word = |line: &str, key: &str| {
        let mut words = line.split_whitespace();
        words.find_map(|word| Some(word.strip_prefix(key)?.to_owned()))
    };
    let told = |line: &str| {
        Some(format!(
            "{} to {}",
            word(line, "src=")?,
            word(line, "dst=")?
        ))
    };
    let mut all: Vec<String> = list.lines().filter_map(told).collect();
    all.sort();
    all
}

fn withdrawn() {
    talk();
    ok(&["up", "--yes", &lab(24, false)]);
    assert_eq!(flows(), [ALL[0], ALL[3], ALL[4]]);
    ok(&["down", "out"]);
    assert_eq!(flows(), [ALL[0], ALL[3], ALL[4]]);
}

fn smaller() {
    talk();
    ok(&["up", "--yes", &lab(25, true)]);
    assert_eq!(flows(), [ALL[0], ALL[1], ALL[3], ALL[4]]);
    ok(&["down", "out"]);
    assert_eq!(flows(), [ALL[0], ALL[3], ALL[4]]);
}

/// Twice, as it may have been run before: that there is nothing to end is no failure.
fn by_hand() {
    talk();
    let script = netyard(&["plan", "--as", "sh", &lab(24, false)]);
    let script = { script }.output().expect("netyard starts").stdout;
    let script = String::from_utf8(script).expect("a script is text");
    let ends: Vec<&str> = script
        .lines()
        .filter(|line| line.starts_with("conntrack"))
        .collect();
    assert_eq!(ends.len(), 1, "{script}");
    for _ in 0..2 {
        assert_eq!(try_sh(ends[0]).code, Some(0));
        assert_eq!(flows(), [ALL[0], ALL[3], ALL[4]]);
    }
}

/// Two networks; what `one` may say to `two`, by the host's word and by its own.
fn two(ports: &str) -> String {
    let text = format!(
        "lab: two\n\
         networks:\n  a: {{ subnets: [10.7.0.0/24] }}\n  b: {{ subnets: [10.8.0.0/24] }}\n\
         namespaces:\n  one:\n    interfaces: {{ eth0: {{ network: a, addresses: [10.7.0.10/24] }} }}\n    \
         egress: [{{ to: b, protocol: udp, port: {ports} }}]\n  \
         two: {{ interfaces: {{ eth0: {{ network: b, addresses: [10.8.0.10/24] }} }} }}\n\
         allow: [{{ from: a, to: b, protocol: udp, port: {ports} }}]\n"
    );
    file(&format!("two-{ports}.yaml"), &text)
}

/// The ports that `one` talks to, as a namespace remembers it.
fn talked_to(enter: &str) -> Vec<String> {
    let list = sh(&format!(
        "{enter} conntrack -L -p udp -s 10.7.0.10 2>/dev/null"
    ));
    let port = |line: &str| Some(line.split_once(" dport=")?.1.split(' ').next()?.to_owned());
    let mut ports: Vec<String> = list.lines().filter_map(port).collect();
    ports.sort();
    ports
}

fn not_allowed() {
    ok(&["up", &two("50-59")]);
    sh(
        "ip netns exec one bash -c 'for port in 53 57 58; do echo x >/dev/udp/10.8.0.10/$port; done'",
    );
    let places = ["", "ip netns exec one"];
    for enter in places {
        assert_eq!(talked_to(enter), ["53", "57", "58"], "{enter}");
    }
    ok(&["up", "--yes", &two("50-57")]);
    for enter in places {
        assert_eq!(talked_to(enter), ["53", "57"], "{enter}");
    }
}
