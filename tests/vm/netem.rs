//! What becomes of packets on a link: as tc(8) shows it, and as datagrams are measured.

use serde_json::{Value, json};

use crate::oracle::agrees;
use crate::sandbox::{file, ok, outcome, sh};
use crate::shots::{Path, Shots, is_likely, median};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("netem::tc shows it, its change and its end", shown),
        test("netem::what others did to it is repaired", repaired),
        test("netem::the printed script makes the same", scripted),
        test("netem::delays of each direction are as asked", delayed),
        test("netem::as many get lost as asked", lost),
        test("netem::as many come twice as asked", twice),
        test("netem::as many are broken as asked", broken),
        test("netem::as many overtake as asked", overtaking),
        test("netem::it is as fast as asked", fast),
        test("netem::set while the lab is up", set),
    ]
}

const LAB: &str = "
lab: far
networks: { lan: { subnets: [10.5.0.0/24] } }
namespaces:
  one:
    interfaces:
      eth0: { network: lan, netem: { in: { loss: 30% }, out: { delay: 1.6ms, rate: 5gbit } } }
      x0:
        addresses: [10.6.0.1/24]
        netem: { delay: 40ms, jitter: 5ms, loss: 0.3%, duplicate: 2%, reorder: 25%, corrupt: 3%, rate: 10mbit, limit: 77 }
  two:
    interfaces: { x0: { addresses: [10.6.0.2/24] } }
links: [{ endpoints: ['one:x0', 'two:x0'] }]
";

fn up(text: &str) -> String {
    ok(&["up", "--yes", &file("far.yaml", text)])
}

/// The kind of queue that a device has, and of an emulator its options: microseconds, bytes a
/// second, and shares in millionths, as tc(8) rounds them.
fn queue(tc: &str, dev: &str) -> Value {
    let said = sh(&format!("{tc} -j qdisc show dev {dev}"));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let [queue] = &said.as_array().expect("a list")[..] else {
        panic!("one queue: {said}");
    };
    let options = &queue["options"];
    let number = |at: &Value, unit: f64| at.as_f64().map(|n| (n * unit).round() as u64);
    match queue["kind"].as_str() {
        Some("netem") => json!({
            "limit": options["limit"],
            "delay": number(&options["delay"]["delay"], 1e6),
            "jitter": number(&options["delay"]["jitter"], 1e6).filter(|us| *us > 0),
            "loss": number(&options["loss-random"]["loss"], 1e6),
            "duplicate": number(&options["duplicate"]["duplicate"], 1e6),
            "reorder": number(&options["reorder"]["reorder"], 1e6),
            "corrupt": number(&options["corrupt"]["corrupt"], 1e6),
            "rate": number(&options["rate"]["rate"], 1.0),
        }),
        kind => json!(kind),
    }
}

fn queues() -> [Value; 4] {
    [
        ("tc", "one-eth0"),
        ("tc -n one", "eth0"),
        ("tc -n one", "x0"),
        ("tc -n two", "x0"),
    ]
    .map(|(tc, dev)| queue(tc, dev))
}

/// What is not named is none.
fn netem(mut options: Value) -> Value {
    let all = options.as_object_mut().expect("an object");
    for key in [
        "delay",
        "jitter",
        "loss",
        "duplicate",
        "reorder",
        "corrupt",
        "rate",
    ] {
        all.entry(key).or_insert(Value::Null);
    }
    options
}

fn as_asked() -> [Value; 4] {
    let cable = netem(json!({
        "limit": 77, "delay": 40_000, "jitter": 5000, "loss": 3000, "duplicate": 20_000,
        "reorder": 250_000, "corrupt": 30_000, "rate": 1_250_000,
    }));
    [
        netem(json!({ "limit": 1000, "loss": 300_000 })),
        netem(json!({ "limit": 11_750, "delay": 1600, "rate": 625_000_000 })),
        cable.clone(),
        cable,
    ]
}

fn shown() {
    let before = snapshot::host();
    up(LAB);
    assert_eq!(queues(), as_asked());
    assert!(up(LAB).contains("nothing to change"));
    // All of it goes from the emulator that stays, and another kind takes the place of one.
    let other = LAB
        .replace("out: { delay: 1.6ms, rate: 5gbit }", "out: { rate: 8mbit }")
        .replace("delay: 40ms, jitter: 5ms, loss: 0.3%, duplicate: 2%, reorder: 25%, corrupt: 3%, rate: 10mbit, limit: 77", "loss: 1%");
    up(&other);
    let [port, eth0, x0, far] = queues();
    assert_eq!(port, as_asked()[0]);
    assert_eq!(eth0, "tbf");
    assert_eq!(
        [x0, far],
        [(); 2].map(|()| netem(json!({ "limit": 1000, "loss": 10_000 })))
    );
    assert!(up(&other).contains("nothing to change"));
    let long = regex_lite::Regex::new("netem: . delay: 40ms.*").expect("a pattern");
    let short = regex_lite::Regex::new(", netem: . in: .*").expect("a pattern");
    let without = short.replace(&long.replace(LAB, ""), " }").into_owned();
    up(&without);
    assert_eq!(queues(), [(); 4].map(|()| json!("noqueue")));
    up(LAB);
    assert_eq!(queues(), as_asked());
    ok(&["down", "far"]);
    snapshot::assert_same(&before, &snapshot::host(), "after the lab");
}

fn repaired() {
    up(LAB);
    for done in [
        "tc -n one qdisc del dev x0 root",
        "tc -n one qdisc change dev x0 root netem limit 77 delay 40ms",
        "tc -n one qdisc replace dev x0 root netem limit 77 delay 40ms 5ms 50% loss 0.3% duplicate 2% reorder 25% corrupt 3% rate 10mbit",
        "tc -n two qdisc replace dev x0 root netem loss gemodel 1% 10%",
        "tc -n two qdisc replace dev x0 root netem delay 40ms slot 10ms 20ms",
        "tc -n two qdisc replace dev x0 root netem loss 1% ecn",
        "tc -n two qdisc replace dev x0 root netem rate 10mbit 4 16 2",
        "tc -n two qdisc replace dev x0 root netem delay 40ms reorder 25% gap 5",
        "tc -n two qdisc replace dev x0 root tbf rate 1mbit burst 5000 latency 1ms",
        "tc qdisc replace dev far-lan root netem loss 1%",
    ] {
        sh(done);
        assert_eq!(outcome(&["status", "far"]).code, Some(1), "{done}");
        ok(&["repair", "--yes", "far"]);
        assert_eq!(queues(), as_asked(), "{done}");
        assert!(up(LAB).contains("nothing to change"), "{done}");
    }
    assert_eq!(queue("tc", "far-lan"), "noqueue");
}

fn scripted() {
    agrees(&file("far.yaml", LAB));
}

/// A cable with these conditions of what `one` receives and sends.
fn cable(netem: &str) -> Path<'static> {
    up(&format!(
        "lab: far\nnamespaces:\n  one: {{ interfaces: {{ x0: {{ addresses: [10.6.0.1/24], netem: {netem} }} }} }}\n  \
         two: {{ interfaces: {{ x0: {{ addresses: [10.6.0.2/24] }} }} }}\n\
         links: [{{ endpoints: ['one:x0', 'two:x0'] }}]\n"
    ));
    Path {
        from: ("one", "10.6.0.1"),
        to: ("two", "10.6.0.2"),
    }
}

/// Within 1 ms and 5 %, beyond what the same way takes without it.
fn delayed() {
    let there = cable("{}");
    let ways = [there, there.back()];
    let plain = ways.map(|way| median(&Shots::of(50, 5).over(way)));
    for [received, sent] in [[20, 60], [0, 200]] {
        cable(&format!(
            "{{ in: {{ delay: {received}ms }}, out: {{ delay: {sent}ms }} }}"
        ));
        for ((way, plain), asked) in ways.into_iter().zip(plain).zip([sent, received]) {
            let added = (median(&Shots::of(50, 5).over(way)) - plain) * 1e3;
            let asked = f64::from(asked);
            println!("delay of {asked} ms: {added:.2} ms");
            assert!(
                (added - asked).abs() <= 1.0 + 0.05 * asked,
                "{asked} ms: {added}"
            );
        }
    }
}

const MANY: u32 = 2000;

fn lost() {
    for (share, words) in [(0.1, "10%"), (0.01, "1%")] {
        let way = cable(&format!("{{ out: {{ loss: {words} }} }}"));
        let lost = MANY - Shots::of(MANY, 1).over(way).distinct();
        println!("loss of {words}: {lost} of {MANY}");
        assert!(is_likely(lost, MANY, share), "{words}: {lost} of {MANY}");
        assert_eq!(
            Shots::of(500, 1).over(way.back()).distinct(),
            500,
            "the other way"
        );
    }
    let way = cable("{ loss: 100% }");
    assert_eq!(Shots::of(50, 1).over(way).distinct(), 0);
}

fn twice() {
    let way = cable("{ out: { duplicate: 10% } }");
    let flight = Shots::of(MANY, 1).over(way);
    let (there, more) = (flight.distinct(), flight.arrivals() - flight.distinct());
    println!("duplicate of 10%: {more} of {MANY}");
    assert_eq!(there, MANY);
    assert!(is_likely(more, MANY, 0.1), "{more} of {MANY}");
    let back = Shots::of(500, 1).over(way.back());
    assert_eq!(
        (back.distinct(), back.arrivals()),
        (500, 500),
        "the other way"
    );
}

/// The receiver's kernel drops what its checksum shows to be broken. A wrong bit in the sender's
/// hardware address nothing shows: that is 6 bytes of 1042.
fn broken() {
    let way = cable("{ out: { corrupt: 10% } }");
    let missing = MANY - Shots::of(MANY, 1).over(way).distinct();
    println!("corrupt of 10%: {missing} of {MANY} are not taken");
    let share = 0.1 * (1.0 - 6.0 / 1042.0);
    assert!(is_likely(missing, MANY, share), "{missing} of {MANY}");
    let sums = sh("ip netns exec two cat /proc/net/snmp");
    assert!(!sums.contains("InCsumErrors 0\n"), "{sums}");
    assert_eq!(
        Shots::of(500, 1).over(way.back()).distinct(),
        500,
        "the other way"
    );
}

/// Those that do not wait overtake all that were sent in the 100 ms before.
fn overtaking() {
    let way = cable("{ out: { delay: 100ms, reorder: 25% } }");
    let flight = Shots::of(MANY, 1).over(way);
    assert_eq!(flight.distinct(), MANY);
    let ahead = flight.overtakers();
    println!("reorder of 25%: {ahead} of {MANY}");
    assert!(is_likely(ahead, MANY, 0.25), "{ahead} of {MANY}");
}

/// Frames, with Ethernet's header.
fn fast() {
    let there = cable("{ in: { rate: 250kbit, delay: 10ms }, out: { rate: 1mbit, loss: 0.1% } }");
    for (way, asked) in [(there, 1e6), (there.back(), 2.5e5)] {
        // Half as much again as passes, for some 3 s.
        let count = (asked * 4.5 / (8.0 * 1042.0)) as u32;
        let rate = Shots::of(count, 0).paced(asked * 1.5).over(way).speed();
        println!("rate of {asked}: {rate:.0}");
        assert!((0.9..1.1).contains(&(rate / asked)), "{rate} of {asked}");
    }
}

fn set() {
    let way = cable("{}");
    let link = |arguments: &[&str]| ok(&[&["link", "set", "far", "one:x0"], arguments].concat());
    let queues = || [("tc -n one", "x0"), ("tc -n two", "x0")].map(|(tc, dev)| queue(tc, dev));
    link(&["--preset", "3g"]);
    let [sent, received] = [96_000, 200_000]
        .map(|rate| netem(json!({ "limit": 250, "delay": 150_000, "rate": rate })));
    assert_eq!(queues(), [sent.clone(), received.clone()]);
    // What is not named stays.
    link(&["--in", "--loss", "100%"]);
    let mut deaf = received;
    deaf["loss"] = json!(1_000_000);
    assert_eq!(queues(), [sent, deaf]);
    assert_eq!(outcome(&["status", "far"]).code, Some(0));
    sh("tc -n two qdisc change dev x0 root netem loss 1%");
    ok(&["repair", "--yes", "far"]);
    assert_eq!(Shots::of(50, 1).over(way.back()).distinct(), 0);
    link(&["--in", "--loss", "0%", "--delay", "0", "--rate", "none"]);
    assert_eq!(queues()[1], "noqueue");
    assert_eq!(Shots::of(50, 1).over(way.back()).distinct(), 50);
    link(&["--clear"]);
    assert_eq!(queues(), [(); 2].map(|()| json!("noqueue")));
}
