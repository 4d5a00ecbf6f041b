//! Links of a lab that is up: slower, down, up again; kept until the file's turn comes.

use serde_json::{Value, json};

use crate::sandbox::{file, ok, outcome, pings, sh, try_sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("link::a rate holds until the next up", rate),
        test("link::down, and up again with all it had", down),
        test("link::down on a network", down_on_a_network),
        test("link::what fails is undone, in the journal too", undone),
        test("link::a kernel without netem is named", without_netem),
        test("link::what cannot be", refused),
        test("link::nothing else is touched", alone),
    ]
}

const LAB: &str = "
lab: slow
networks: { lan: { subnets: [10.5.0.0/24, 'fd00:5::/64'] } }
namespaces:
  one:
    interfaces:
      eth0: { network: lan, addresses: [10.5.0.10/24, 'fd00:5::10/64'], rate: { in: 20mbit } }
      x0: { addresses: [10.6.0.1/24, 'fd00:6::1/64'] }
    routes: [{ to: 10.9.0.0/16, via: 10.6.0.2 }, { to: 'fd00:9::/64', via: 'fd00:6::2' }]
  two:
    interfaces:
      eth0: { network: lan, addresses: [10.5.0.20/24, 'fd00:5::20/64'] }
      x0: { addresses: [10.6.0.2/24, 'fd00:6::2/64'] }
links: [{ endpoints: ['one:x0', 'two:x0'] }]
expect:
  - { from: one, to: 10.6.0.2 }
  - { from: one, to: 'fd00:6::2' }
  - { from: one, to: 10.5.0.20 }
";

fn up() -> String {
    ok(&["up", "--yes", &file("slow.yaml", LAB)])
}

/// What a device sends through, as tc(8) says it.
fn queue(tc: &str, dev: &str) -> String {
    let said = sh(&format!("{tc} -j qdisc show dev {dev}"));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let rate = &said[0]["options"]["rate"];
    let kind = said[0]["kind"].as_str().expect("a kind");
    match rate.as_u64() {
        Some(rate) => format!("{kind} {rate}"),
        None => kind.to_owned(),
    }
}

fn queues() -> [String; 4] {
    [
        ("tc", "one-eth0"),
        ("tc -n one", "eth0"),
        ("tc -n one", "x0"),
        ("tc -n two", "x0"),
    ]
    .map(|(tc, dev)| queue(tc, dev))
}

const AS_FILED: [&str; 4] = ["tbf 2500000", "noqueue", "noqueue", "noqueue"];
const AS_SET: [&str; 4] = ["tbf 1000000", "noqueue", "tbf 250000", "tbf 500000"];

/// What `link show` says of an interface.
fn shown(end: &str) -> Value {
    let all: Value = serde_json::from_str(&ok(&["link", "show", "slow", "--json"])).expect("JSON");
    let mut all = all.as_array().expect("a list").iter();
    all.find(|one| one["end"] == end).expect("the end").clone()
}

fn is_well() {
    assert_eq!(outcome(&["status", "slow"]).code, Some(0));
    assert!(ok(&["repair", "slow"]).contains("nothing to repair"));
}

fn rate() {
    let before = snapshot::host();
    up();
    ok(&["link", "set", "slow", "one:eth0", "--in", "--rate", "8mbit"]);
    ok(&["link", "set", "slow", "one:x0", "--rate", "4mbit"]);
    // The same direction, told of its other end.
    ok(&["link", "set", "slow", "two:x0", "--in", "--rate", "2mbit"]);
    assert_eq!(queues(), AS_SET);
    let again = ok(&["link", "set", "slow", "two:x0", "--in", "--rate", "2mbit"]);
    assert!(again.contains("is so already"), "{again}");
    let x0 = shown("one:x0");
    assert_eq!(x0["out"]["rate"], "2mbit", "{x0}");
    assert_eq!(
        (&x0["in"]["rate"], &x0["set"]),
        (&"4mbit".into(), &json!(["in", "out"]))
    );
    is_well();
    sh("tc -n one qdisc del dev x0 root; tc qdisc del dev one-eth0 root");
    assert_eq!(outcome(&["status", "slow"]).code, Some(1));
    ok(&["repair", "--yes", "slow"]);
    assert_eq!(queues(), AS_SET);
    ok(&["link", "set", "slow", "one:x0", "--in", "--clear"]);
    assert_eq!(queues()[3], "noqueue");
    ok(&["link", "set", "slow", "one:eth0", "--rate", "none"]);
    assert_eq!(queues()[0], "noqueue");
    ok(&["link", "set", "slow", "one:eth0", "--clear"]);
    assert_eq!(queues()[0], AS_FILED[0]);
    // What `up` would do is what it does.
    let plan = ok(&["plan", "/run/slow.yaml"]);
    assert!(plan.contains("x0 no limit (now rate 2mbit)"), "{plan}");
    up();
    assert_eq!(queues(), AS_FILED);
    assert_eq!(shown("one:x0")["set"], json!([]));
    is_well();
    // Nor does the next lab of this name know of it.
    ok(&["link", "set", "slow", "one:x0", "--rate", "4mbit"]);
    ok(&["down", "slow"]);
    up();
    assert_eq!(queues(), AS_FILED);
    is_well();
    ok(&["down", "slow"]);
    snapshot::assert_same(&before, &snapshot::host(), "after the lab");
}

/// Addresses and routes of a namespace, without what changes by itself.
fn inside(netns: &str) -> String {
    let settled = || !sh(&format!("ip -n {netns} address")).contains("tentative");
    until("addresses are settled", settled);
    sh(&format!(
        "ip -n {netns} -o address | sed 's/ valid_lft.*//'; ip -n {netns} route; ip -n {netns} -6 route | sort"
    ))
}

fn down() {
    up();
    ok(&["test", "slow"]);
    let before = [inside("one"), inside("two")];
    ok(&["link", "down", "slow", "one:x0"]);
    assert!(!pings("one", "10.6.0.2") && pings("one", "10.5.0.20"));
    assert!(sh("ip -n one -br link show x0").contains("DOWN"));
    assert_eq!(shown("one:x0")["down"], true);
    is_well();
    let said = outcome(&["explain", "two", "10.6.0.1"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.contains("device x0 in one is down"),
        "{}",
        said.out
    );
    let test = outcome(&["test", "slow"]);
    assert_eq!(test.code, Some(1), "{}", test.out);
    // Somebody sets it up; it is to be down.
    sh("ip -n one link set x0 up");
    assert_eq!(outcome(&["status", "slow"]).code, Some(1));
    ok(&["repair", "--yes", "slow"]);
    assert!(sh("ip -n one -br link show x0").contains("DOWN"));
    // Somebody removes it: it comes back, and is down.
    sh("ip -n one link del x0");
    ok(&["repair", "--yes", "slow"]);
    assert!(sh("ip -n one -br link show x0").contains("DOWN"));
    is_well();
    ok(&["link", "up", "slow", "one:x0"]);
    is_well();
    ok(&["test", "slow"]);
    ok(&["link", "down", "slow", "two:x0"]);
    ok(&["link", "up", "slow", "two:x0"]);
    let after = [inside("one"), inside("two")];
    let plain = |text: &String| -> Vec<String> {
        // The cable was made anew: its devices have other numbers and addresses of their own.
        let lines = text.lines().filter(|line| !line.contains("fe80::"));
        lines
            .map(|line| {
                line.split_once(": ")
                    .map_or(line, |(_, rest)| rest)
                    .trim()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(before.each_ref().map(plain), after.each_ref().map(plain));
    ok(&["link", "down", "slow", "one:x0"]);
    up();
    ok(&["test", "slow"]);
}

fn down_on_a_network() {
    up();
    ok(&["link", "down", "slow", "two:eth0"]);
    assert!(!pings("one", "10.5.0.20") && pings("one", "10.6.0.2"));
    is_well();
    ok(&["link", "up", "slow", "two:eth0"]);
    assert!(pings("one", "10.5.0.20") && pings("one", "fd00:5::20"));
    is_well();
    ok(&["test", "slow"]);
}

fn undone() {
    up();
    ok(&["link", "down", "slow", "one:x0"]);
    // Its IPv6 address will be refused, when it is up already.
    sh("ip netns exec one sh -c 'echo 1 > /proc/sys/net/ipv6/conf/x0/disable_ipv6'");
    let failed = outcome(&["link", "up", "slow", "one:x0"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.err.contains("was undone"), "{}", failed.err);
    assert!(sh("ip -n one -br link show x0").contains("DOWN"));
    assert_eq!(shown("one:x0")["down"], true);
    sh("ip netns exec one sh -c 'echo 0 > /proc/sys/net/ipv6/conf/x0/disable_ipv6'");
    is_well();
    ok(&["link", "up", "slow", "one:x0"]);
    ok(&["test", "slow"]);
}

/// Or, where the kernel has it, is not.
fn without_netem() {
    let has =
        try_sh("ip netns add try; tc -n try qdisc add dev lo root netem loss 1%").code == Some(0);
    try_sh("ip netns del try");
    up();
    let set = outcome(&["link", "set", "slow", "one:x0", "--loss", "10%"]);
    let file = file(
        "lossy.yaml",
        &LAB.replace("'two:x0'] }", "'two:x0'], netem: { loss: 10% } }"),
    );
    let [plan, up] = [["plan", &file], ["up", &file]].map(|arguments| outcome(&arguments));
    if has {
        assert_eq!([set.code, plan.code, up.code], [Some(0); 3]);
        assert_eq!(queue("tc -n one", "x0"), "netem");
        return;
    }
    for refused in [set, plan, up] {
        assert_eq!(refused.code, Some(1));
        for words in [
            "no queueing discipline netem",
            "modprobe sch_netem",
            "nothing was changed",
        ] {
            let said = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(words), "{words} in {}", refused.err);
        }
    }
    assert_eq!(queues(), AS_FILED);
    assert_eq!(shown("one:x0")["set"], json!([]));
    is_well();
}

fn refused() {
    let none = outcome(&["link", "set", "slow", "one:x0", "--rate", "1mbit"]);
    assert!(none.err.contains("no lab `slow`"), "{}", none.err);
    up();
    for (arguments, code, words) in [
        (
            &["set", "slow", "one:q0", "--rate", "1mbit"][..],
            1,
            "no device `q0` in namespace one",
        ),
        (
            &["set", "slow", "six:x0", "--rate", "1mbit"],
            1,
            "no device `x0` in namespace six",
        ),
        (
            &["set", "slow", "one:lo", "--rate", "1mbit"],
            1,
            "no end of a cable",
        ),
        (&["down", "slow", "host:slow-lan"], 1, "no end of a cable"),
        (
            &["set", "slow", "one:x0", "--jitter", "1ms"],
            1,
            "a jitter longer than the delay",
        ),
        (
            &["set", "slow", "one:x0", "--reorder", "1%"],
            1,
            "a reordering without a delay",
        ),
        (
            &["set", "slow", "one:x0", "--loss", "101%"],
            2,
            "more than all packets",
        ),
        (
            &["set", "slow", "one:x0", "--delay", "40"],
            2,
            "has no unit",
        ),
        (
            &["set", "slow", "one:x0", "--preset", "5g"],
            2,
            "there is no preset `5g`",
        ),
        (&["set", "slow", "one:x0"], 2, "nothing is said"),
        (
            &["set", "slow", "one:x0", "--in", "--out", "--rate", "1mbit"],
            2,
            "cannot be used with",
        ),
        (&["set", "slow", "x0", "--rate", "1mbit"], 2, "x0"),
    ] {
        let said = outcome(&[&["link"], arguments].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(words), "{arguments:?}: {}", said.err);
    }
    assert_eq!(queues(), AS_FILED);
    is_well();
}

/// What others have changed elsewhere stays for `repair`.
fn alone() {
    up();
    sh("ip -n two address del 10.5.0.20/24 dev eth0; ip -n one route del 10.9.0.0/16");
    ok(&["link", "set", "slow", "one:eth0", "--rate", "1mbit"]);
    assert_eq!(queues()[..2], ["tbf 125000", "tbf 125000"]);
    let two = sh("ip -n two address show dev eth0");
    assert!(!two.contains("10.5.0.20"), "{two}");
    let left = outcome(&["status", "slow"]);
    assert_eq!(left.code, Some(1));
    assert!(!left.out.contains("rate"), "{}", left.out);
    ok(&["repair", "--yes", "slow"]);
    assert_eq!(queues()[..2], ["tbf 125000", "tbf 125000"]);
    is_well();
}
