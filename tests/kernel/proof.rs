//! `test`: the matrix, how well pings arrive, servers, JUnit.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::sandbox::{example, file, ok, outcome, sh};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("proof::the matrix of two examples", matrix),
        test("proof::the matrix tells causes and judges", matrix_judges),
        test("proof::round trips within bounds, or not", rtt),
        test("proof::a share of echoes lost, or not", loss),
        test("proof::packets as large as the device's", mtu),
        test("proof::a switch that drops large packets", black_hole),
        test("proof::a server of its own answers", servers),
        test("proof::JUnit XML for CI", junit),
        test("proof::what explain says, test says", as_explained),
    ]
}

/// An example without its expectations.
fn without_expect(name: &str) -> String {
    let text = std::fs::read_to_string(example(name)).expect("the example");
    text.split("\nexpect:").next().expect("a lab").to_owned()
}

/// Brings a lab with these expectations up; gives its file.
fn lab(text: &str, expect: &[&str]) -> String {
    let lines: String = expect
        .iter()
        .map(|line| format!("  - {{ {line} }}\n"))
        .collect();
    let path = file("lab.yaml", &format!("{text}\nexpect:\n{lines}"));
    ok(&["up", &path]);
    path
}

/// The probes of a test, whatever came of them.
fn probes(arguments: &[&str]) -> Vec<Value> {
    let said = outcome(&[&["test", "--json"], arguments].concat());
    let value: Value = serde_json::from_str(&said.out).expect(&said.err);
    value["probes"].as_array().expect("a list").clone()
}

/// Whether each probe is as expected.
fn verdicts(path: &str) -> Vec<bool> {
    let all = probes(&[path]);
    all.iter().map(|probe| probe["ok"] == true).collect()
}

/// The causes of the probes that are not as expected.
fn causes(path: &str) -> String {
    let text = |probe: &Value| probe["cause"].as_str().unwrap_or_default().to_owned();
    probes(&[path])
        .iter()
        .map(text)
        .collect::<Vec<_>>()
        .join("\n")
}

const ROUTERS: &str = "\
FROM \\ TO   pc-left  pc-right  router-one  router-two
host        --       --        --          --
pc-left     .        46        46          46
pc-right    46       .         46          46
router-one  46       46        .           46
router-two  46       46        46          .
";

const INTERNET: &str = "\
FROM \\ TO  host  internet  one  stranger  two
host       .     4         4    4         4
internet   4     .         -    -         -
one        4     4         .    4         4
stranger   4     -         -    .         -
two        4     4         4    4         .
";

fn matrix() {
    for (name, drawn) in [("routers.yaml", ROUTERS), ("internet.yaml", INTERNET)] {
        let path = example(name);
        ok(&["up", &path]);
        let said = ok(&["test", "--all", &path]);
        assert!(said.starts_with(drawn), "{said}");
        assert!(said.contains("as expected"), "{said}");
        ok(&["down", &path]);
    }
}

fn matrix_judges() {
    let path = example("internet.yaml");
    ok(&["up", &path]);
    let said = ok(&["test", "--all", &path]);
    for cause in [
        "namespace internet has no route there: see `ip -n internet route`",
        "the host drops it: nobody outside reaches a network unless the file allows it",
        "14 of 20 pings arrive",
    ] {
        assert!(said.contains(cause), "{said}");
    }
    sh("ip -n two link set veth-two-in down");
    let said = outcome(&["test", "--all", &path]);
    assert_eq!(said.code, Some(1), "what is expected fails: {}", said.out);
    assert!(
        said.out.contains("-!") && said.out.contains("!: not as expected"),
        "{}",
        said.out
    );
    let nothing = file("lab.yaml", &without_expect("internet.yaml"));
    let said = outcome(&["test", "--all", &nothing]);
    assert_eq!(said.code, Some(0), "nothing is expected: {}", said.out);
    assert!(
        said.out
            .contains("device veth-two-in in namespace two is down"),
        "{}",
        said.out
    );
    let all = probes(&["--all", &nothing]);
    assert_eq!(all.len(), 20);
    assert!(
        all.iter()
            .all(|probe| probe["ok"].is_null() && probe["expected"].is_null())
    );
}

fn rtt() {
    let expect = [
        "from: pc-left, to: pc-right, rtt_ms: 500",
        "from: pc-left, to: pc-right, rtt_ms: 0.001",
    ];
    let path = lab(&without_expect("routers.yaml"), &expect);
    assert_eq!(verdicts(&path), [true, true, false, false], "IPv4 and IPv6");
    assert!(causes(&path).contains("longer than 0.001 ms"));
    let full = lab(
        &without_expect("routers.yaml"),
        &["from: pc-left, to: 10.2.0.10, rtt_ms: 100, loss: 99%, mtu: 1400"],
    );
    // 200 packets of 1400 bytes are more than such a link takes in their time.
    let slow = "tc -n pc-left qdisc add dev eth0 root tbf rate 1mbit burst 1600 limit 100000";
    sh(slow);
    assert_eq!(verdicts(&full), [false], "{}", causes(&full));
}

fn loss() {
    let expect = [
        "from: pc-left, to: 10.2.0.10, loss: 5%",
        "from: pc-left, to: 10.2.0.10, loss: 60%",
        "from: pc-left, to: 10.2.0.10",
    ];
    let path = lab(&without_expect("routers.yaml"), &expect);
    assert_eq!(verdicts(&path), [true, true, true]);
    let drop = "table ip lossy {\n chain forward {\n  type filter hook forward priority 0;\n  ip daddr 10.2.0.10 numgen random mod 100 < 20 drop\n }\n}\n";
    let rules = file("lossy.nft", drop);
    sh(&format!("ip netns exec router-one nft -f {rules}"));
    // Of 200 echoes, 40 are lost on average; less than 11 in one of ten million runs.
    assert_eq!(verdicts(&path), [false, true, true], "{}", causes(&path));
    let all = probes(&[&path]);
    let count = |key: &str| all[0][key].as_u64().expect("a number");
    assert_eq!(count("sent"), 200);
    assert!((100..190).contains(&count("answered")), "{}", all[0]);
    assert!(causes(&path).contains("of 200 echoes were lost, more than 5%"));
}

fn mtu() {
    let expect = [
        "from: pc-left, to: pc-right, mtu: 1400",
        "from: pc-left, to: pc-right, mtu: 1401",
        "from: pc-left, to: pc-right, mtu: true",
        "from: pc-right, to: router-two, mtu: true",
        "from: pc-left, to: 10.2.0.10, mtu: 2000",
        "from: pc-left, to: 10.2.0.10, mtu: true, loss: 5%",
    ];
    let path = lab(&without_expect("routers.yaml"), &expect);
    let verdict = [
        true, true, false, false, false, false, true, true, false, false,
    ];
    // Twice: the kernel now remembers the path's MTU, and is not asked for it.
    for _ in 0..2 {
        assert_eq!(verdicts(&path), verdict, "{}", causes(&path));
    }
    let said = causes(&path);
    for cause in [
        "in router-one takes packets of 1400 bytes, and this one has 1401",
        "in router-one takes packets of 1400 bytes, and this one has 1500",
        "in pc-left takes packets of 1500 bytes, and this one has 2000",
    ] {
        assert!(said.contains(cause), "{said}");
    }
}

const HOLE: &str = "
lab: hole
networks: { lan: { subnets: [10.0.0.0/24] } }
namespaces:
  one: { interfaces: { eth0: { network: lan } } }
  two: { interfaces: { eth0: { network: lan, mtu: 1300 } } }
";

fn black_hole() {
    let expect = [
        "from: one, to: two, mtu: 1300",
        "from: one, to: two, mtu: true",
        "from: one, to: two, mtu: true, loss: 5%",
    ];
    let path = lab(HOLE, &expect);
    assert_eq!(verdicts(&path), [true, false, false]);
    assert!(
        causes(&path).contains("two-eth0 in host takes packets of 1300 bytes"),
        "{}",
        causes(&path)
    );
}

/// Runs `f` on a thread inside a namespace.
fn inside<T: Send + 'static>(
    netns: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    let netns = File::open(format!("/run/netns/{netns}")).expect("the namespace");
    std::thread::spawn(move || {
        move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)).expect("inside");
        f()
    })
}

fn servers() {
    let expect = [
        "from: one, to: two, tcp: 8080",
        "from: one, to: two, udp: 5353",
        "from: one, to: two, udp: 5354",
        "from: one, to: three, udp: 5354",
    ];
    let path = lab(&without_expect("dual-stack.yaml"), &expect);
    let own: Vec<Value> = probes(&[&path]);
    assert_eq!(own.len(), 8);
    assert!(own.iter().all(|p| p["ok"] == true && p["server"] == false));
    // On every address, of both families, as most servers do.
    let sockets = inside("two", || {
        let tcp = TcpListener::bind("[::]:8080").expect("a TCP server");
        let udp = UdpSocket::bind("[::]:5353").expect("a UDP server");
        (
            tcp,
            udp,
            UdpSocket::bind("[::]:5354").expect("a UDP server that is silent"),
        )
    });
    let (tcp, udp, _silent) = sockets.join().expect("servers");
    let served = std::thread::spawn(move || {
        let mut bytes = [0; 64];
        for _ in 0..2 {
            let (_, from) = udp.recv_from(&mut bytes).expect("a datagram");
            udp.send_to(b"hello", from).expect("an answer");
        }
    });
    let all = probes(&[&path]);
    let shown: Vec<_> = all
        .iter()
        .map(|p| (p["ok"] == true, p["server"] == true))
        .collect();
    let expected = [
        (true, true),
        (true, true),
        (true, true),
        (true, true),
        (false, true),
        (false, true),
        (true, false),
        (true, false),
    ];
    assert_eq!(shown, expected, "{all:#?}");
    assert_eq!(
        all[4]["cause"],
        "a server listens there, and it did not answer"
    );
    served.join().expect("both were asked");
    // The server's own queue has the two connections.
    tcp.set_nonblocking(true).expect("a socket");
    for _ in 0..2 {
        let (mut connection, _) = tcp.accept().expect("a connection of the probe");
        assert_eq!(
            connection.read(&mut [0]).ok(),
            Some(0),
            "it is closed again"
        );
        let _ = connection.write(b"late");
    }
}

fn junit() {
    let expect = [
        "from: pc-one, to: pc-two",
        "from: pc-one, to: pc-two, tcp: 80",
        "from: pc-one, to: 10.9.9.9",
        "from: host, to: 10.0.0.1, reach: false",
    ];
    let path = lab(&without_expect("two-pcs.yaml"), &expect);
    let (xml, report) = ("/run/report.xml", "--junit=/run/report.xml");
    for arguments in [
        vec!["test", report, &path],
        vec!["test", "--all", "--json", report, &path],
    ] {
        assert_eq!(outcome(&arguments).code, Some(1));
        let text = std::fs::read_to_string(xml).expect("the report");
        let tags = tags(&text);
        let count = |name: &str| tags.iter().filter(|tag| tag.as_str() == name).count();
        assert_eq!(
            (count("testsuite"), count("testcase"), count("failure")),
            (1, 4, 1),
            "{text}"
        );
        for part in [
            "tests=\"4\" failures=\"1\" errors=\"0\"",
            "name=\"pc-one to pc-two (10.0.0.2): tcp 80, reached\"",
            "message=\"pc-one has no route to 10.9.9.9\"",
            "\nchange: ip -n pc-one route add default via ROUTER",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
    let said = outcome(&["test", "--junit", "/no/such/folder.xml", &path]);
    assert!(said.code == Some(1) && said.err.contains("cannot write /no/such/folder.xml"));
}

/// The elements of an XML text, which must be well formed: one root, each closed in
/// its place.
fn tags(text: &str) -> Vec<String> {
    let body = text
        .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")
        .expect("a prologue");
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    for piece in body.trim().split('<').skip(1) {
        let (tag, words) = piece.split_once('>').expect("a closed tag");
        assert!(!words.contains('>') && !words.contains(" & "), "{piece}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            assert!(!open.is_empty() || words.is_empty(), "one root");
            continue;
        }
        let name = tag.split([' ', '/']).next().expect("a name").to_owned();
        assert!(tag.matches('"').count() % 2 == 0, "{tag}");
        seen.push(name.clone());
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} is not closed");
    seen
}

/// Cause and change are those of `explain`, whatever is broken.
fn as_explained() {
    let path = lab(HOLE, &["from: one, to: two", "from: one, to: two, tcp: 80"]);
    for (broken, mended) in [
        ("ip -n two link set eth0 down", "ip -n two link set eth0 up"),
        ("ip -n one link set eth0 down", "ip -n one link set eth0 up"),
        ("ip link set hole-lan down", "ip link set hole-lan up"),
        ("ip -n two route flush all", "true"),
    ] {
        sh(broken);
        let said = outcome(&["test", &path]).out;
        let all = probes(&[&path]);
        assert_eq!(all.len(), 2);
        for probe in all {
            let to = probe["to"].as_str().expect("an address");
            let explained = outcome(&["explain", "one", to, "--json"]).out;
            let explained: Value = serde_json::from_str(&explained).expect("JSON");
            assert_eq!(probe["ok"], false, "{broken}");
            assert_eq!(probe["cause"], explained["line"], "{broken}");
            assert_eq!(probe["change"], explained["change"], "{broken}");
        }
        for probe in ["ping", "tcp 80"] {
            let heading = format!("), {probe}: ");
            assert!(said.contains("FAIL one to two (10.0.0.") && said.contains(&heading));
        }
        sh(mended);
    }
}
