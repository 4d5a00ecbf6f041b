//! `monitor`: what the kernel is made to do, in the very lines that tell it.

mod lost;
mod program;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sandbox::{example, ok, outcome, sh, try_sh, until};
use crate::{Test, test};
use program::{Monitor, QUIET, pair};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        test("monitor::addresses, routes, neighbours, rules", script),
        test("monitor::devices", devices),
        test("monitor::namespaces come and go", namespaces),
        test("monitor::a device moves between namespaces", moved),
        test("monitor::events as JSON", json),
        test("monitor::only what is asked for", only),
        test("monitor::a lab", lab),
        test("monitor::an ordinary user", ordinary),
        test("monitor::it holds no namespace and rests", idle),
    ];
    tests.extend(lost::tests());
    tests
}

fn script() {
    pair();
    sh("ip -n two link set v2 up");
    let mut monitor = Monitor::everything(&[]);
    monitor.tells(
        "ip -n one address add 10.0.0.1/24 dev v1",
        &["one address + 10.0.0.1/24 on v1"],
    );
    monitor.tells(
        "ip -n one link set v1 up",
        &[
            "one link v1 up",
            "one route + 10.0.0.0/24 dev v1 src 10.0.0.1",
            "two link v2 up",
        ],
    );
    monitor.tells(
        "ip -n one route add default via 10.0.0.2; ip -n one route replace default via 10.0.0.3",
        &[
            "one route + default via 10.0.0.2 dev v1",
            "one route ~ default via 10.0.0.2 dev v1 → default via 10.0.0.3 dev v1",
        ],
    );
    monitor.tells(
        "ip -n one neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev v1; \
         ip -n one neigh replace 10.0.0.2 lladdr 02:00:00:00:00:03 dev v1; \
         ip -n one neigh del 10.0.0.2 dev v1",
        &[
            "one neighbour + 10.0.0.2 on v1 permanent at MAC",
            "one neighbour 10.0.0.2 on v1 permanent at MAC (was MAC)",
            "one neighbour 10.0.0.2 on v1 failed",
            "one neighbour - 10.0.0.2 on v1",
        ],
    );
    monitor.tells(
        "ip -n one rule add from 10.0.0.9 lookup 100; ip -n one rule del pref 32767",
        &[
            "one rule + priority 32765 from 10.0.0.9/32 lookup 100",
            "one rule - priority 32767 from all lookup default",
        ],
    );
    monitor.tells(
        "ip netns exec two nft 'add table inet x; add chain inet x y; add rule inet x y accept'; \
         ip netns exec two nft flush ruleset",
        &[
            "two nft rule set changed by nft (process NUMBER): + table, + chain, + rule",
            "two nft rule set changed by nft (process NUMBER): - table, - chain, - rule",
        ],
    );
    monitor.end();
}

fn devices() {
    pair();
    sh("ip -n one link set v1 up; ip -n two link set v2 up; \
        ip -n one address add 10.0.0.1/24 dev v1; ip -n one route add default via 10.0.0.3");
    let mut monitor = Monitor::everything(&[]);
    // Of routes that go with their device the kernel says nothing.
    monitor.tells(
        "ip -n one link set v1 down",
        &[
            "one link v1 down",
            "one route - default via 10.0.0.3 dev v1",
            "one route - 10.0.0.0/24 dev v1 src 10.0.0.1",
            "two link v2 down (carrier lost)",
        ],
    );
    monitor.tells(
        "ip -n one link set v1 name eth0; ip -n one link set eth0 mtu 1400; \
         ip -n one link set eth0 mtu 1500",
        &[
            "one link v1 renamed to eth0",
            "one link eth0 mtu 1500 → 1400",
            "one link eth0 mtu 1400 → 1500",
        ],
    );
    monitor.tells(
        "ip -n one link add br0 address 02:00:00:00:00:09 type bridge; \
         ip -n one link set eth0 master br0; ip -n one link set eth0 nomaster",
        &[
            "one link + br0 (bridge, down)",
            "one link eth0 joined br0",
            "one link eth0 left br0",
        ],
    );
    monitor.end();
}

fn namespaces() {
    let mut monitor = Monitor::everything(&["--only", "namespaces,links"]);
    monitor.tells("ip netns add one", &["one namespace + one"]);
    monitor.tells("ip -n one link set lo up", &["one link lo up"]);
    monitor.tells("ip netns del one", &["one namespace - one"]);
    // One that has no name is a process's, and a name is better.
    let inside = format!("nsenter -t {} -p", monitor.pid.as_raw_nonzero());
    monitor.tells(
        &format!(
            "{inside} unshare -n sh -c 'sleep 100; true' >/dev/null 2>&1 & echo $! > /run/pid"
        ),
        &["sh:NUMBER namespace + sh:NUMBER"],
    );
    monitor.tells(
        "pid=$(cat /run/pid); sh=$(pgrep -P $pid); ip netns attach two $sh; pkill -P $sh; \
         while kill -0 $pid 2>/dev/null; do :; done",
        &["two namespace sh:NUMBER is now two"],
    );
    monitor.tells("ip netns del two", &["two namespace - two"]);
    // One that somebody has open, and nothing else.
    monitor.tells("ip netns add held", &["held namespace + held"]);
    let held = std::fs::File::open("/run/netns/held").expect("a namespace");
    monitor.tells(
        "ip netns del held",
        &["net:[NUMBER] namespace held is now net:[NUMBER]"],
    );
    drop(held);
    monitor.tells("true", &["net:[NUMBER] namespace - net:[NUMBER]"]);
    monitor.end();
}

fn moved() {
    pair();
    let mut monitor = Monitor::everything(&["--only", "links"]);
    monitor.tells(
        "ip -n one link set v1 netns two",
        &[
            "one link - v1 moved to two",
            "two link + v1 (veth, down) moved here from one",
        ],
    );
    monitor.tells(
        "ip -n two link set v1 netns $$",
        &[
            "two link - v1 moved to host",
            "host link + v1 (veth, down) moved here from two",
        ],
    );
    monitor.tells(
        "ip link set v1 netns one",
        &[
            "host link - v1 moved to one",
            "one link + v1 (veth, down) moved here from host",
        ],
    );
    monitor.end();
}

fn json() {
    pair();
    let mut monitor = Monitor::everything(&["--json"]);
    let mut next = |command: &str| -> Value {
        sh(command);
        serde_json::from_str(&monitor.next()).expect("a line of JSON")
    };
    let inode: u64 = sh("stat -Lc %i /run/netns/one")
        .trim()
        .parse()
        .expect("a number");
    let told = next("ip -n one address add 10.0.0.1/24 dev v1");
    let time = regex_lite::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$");
    let time = time.expect("a pattern");
    assert!(
        time.is_match(told["time"].as_str().expect("a text")),
        "{told}"
    );
    assert_eq!(
        (&told["netns"], &told["inode"]),
        (&"one".into(), &inode.into())
    );
    let words = ["what", "event", "dev", "address"].map(|key| told[key].as_str().expect("a text"));
    assert_eq!(words, ["address", "new", "v1", "10.0.0.1/24"]);
    let told = next("ip -n one link set v1 mtu 1400");
    assert_eq!(
        (&told["event"], &told["old"], &told["new"]),
        (&"mtu".into(), &1500.into(), &1400.into())
    );
    let told = next("ip -n one route add blackhole 10.9.0.0/16");
    assert_eq!(
        (&told["what"], &told["route"]),
        (&"route".into(), &"blackhole 10.9.0.0/16".into())
    );
    let told = next("ip -n one rule add pref 7 lookup 7");
    assert_eq!(
        (&told["what"], &told["rule"]),
        (&"rule".into(), &"priority 7 from all lookup 7".into())
    );
    let told = next("ip netns exec one nft add table ip x");
    assert_eq!(
        (&told["what"], &told["by"]["name"], &told["new"]["table"]),
        (&"ruleset".into(), &"nft".into(), &1.into())
    );
    monitor.end();
}

fn only() {
    pair();
    let mut monitor = Monitor::everything(&["--only", "addresses,links", "host", "one"]);
    sh("ip -n two address add 10.0.0.2/24 dev v2; ip -n one route add blackhole 10.9.0.0/16");
    monitor.tells(
        "ip -n one address add 10.0.0.1/24 dev v1",
        &["one address + 10.0.0.1/24 on v1"],
    );
    monitor.end();
    let began = Instant::now();
    let said = outcome(&["monitor", "--for", "0.2", "nobody"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""));
    assert!(began.elapsed() >= Duration::from_millis(200));
    let mut monitor = Monitor::start(&["--count", "2", "--only", "links"]);
    let done = || monitor.child.try_wait().expect("it can be asked").is_some();
    let mut done = done;
    until("two events", || {
        sh("ip link add mark type bridge; ip link del mark");
        done()
    });
    assert_eq!(monitor.lines.iter().count(), 2);
}

fn lab() {
    sh(QUIET);
    let mut monitor =
        Monitor::everything(&["host", "two-pcs", "--only", "namespaces,links,addresses"]);
    ok(&["up", &example("two-pcs.yaml")]);
    let mut told = Vec::new();
    // Namespaces are found when somebody looks, which is not at once on a busy machine.
    until("all of it is told", || {
        told.extend(monitor.mark());
        let has = |words: &str| {
            let mut lines = told.iter();
            lines.any(|line: &String| line.replace(" (found)", "").ends_with(words))
        };
        has(" namespace + pc-one (lab two-pcs)")
            && has(" namespace + pc-two (lab two-pcs)")
            && has(" address + 10.0.0.1/24 on veth-pc-one")
    });
    ok(&["down", "--wait", "two-pcs"]);
    let told = monitor.mark();
    let gone = told.iter().filter(|line| line.contains(" namespace - pc-"));
    assert_eq!(gone.count(), 2, "{told:#?}");
    monitor.end();
}

fn ordinary() {
    let nobody = "setpriv --bounding-set=-all --inh-caps=-all";
    let program = env!("CARGO_BIN_EXE_netyard");
    sh("ip netns add one");
    let said = try_sh(&format!("{nobody} {program} monitor --for 0.1"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(
        said.err
            .contains("an ordinary user hears of this namespace only"),
        "{}",
        said.err
    );
    let wanted = format!(
        "({nobody} {program} monitor --count 1 --for 20 --only links 2>/dev/null) & \
        while kill -0 $! 2>/dev/null; do ip link add mark type bridge; ip link del mark; done; wait"
    );
    assert!(sh(&wanted).contains("host       link "), "{wanted}");
}

/// Files that are open, and time used, in ticks.
fn idle() {
    for n in 0..20 {
        sh(&format!("ip netns add n{n}"));
    }
    let mut monitor = Monitor::everything(&["--only", "namespaces,links"]);
    let pid = monitor.pid.as_raw_nonzero();
    let used = || {
        let stat = sh(&format!("cat /proc/{pid}/stat"));
        let times = stat.split(' ').skip(13).take(2);
        times
            .map(|time| time.parse::<u64>().expect("a number"))
            .sum::<u64>()
    };
    let open = sh(&format!("ls /proc/{pid}/fd")).lines().count();
    assert!(open < 20, "{open} files are open");
    let before = used();
    let silent = monitor.lines.recv_timeout(Duration::from_secs(5));
    assert!(silent.is_err(), "{silent:?}");
    // A hundred a second.
    assert!(used() - before <= 5, "{} of 500", used() - before);
    monitor.tells("ip netns del n7", &["n7 namespace - n7"]);
    monitor.end();
}
