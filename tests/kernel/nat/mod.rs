//! Routers: each kind of NAT is what it says, by what comes through it.

mod classify;
mod life;
mod six;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::matrix::within;
use crate::sandbox::{file, has_table, ok, sh, until};
use crate::{Test, snapshot, test};

use classify::{Client, Depends, Found, Server, Source};

/// A kind as the file has it, and what it is to be.
struct Preset {
    name: &'static str,
    nat: &'static str,
    mapping: Depends,
    filtering: Depends,
    hairpin: Option<Source>,
}

const fn preset(
    name: &'static str,
    nat: &'static str,
    [mapping, filtering]: [Depends; 2],
    hairpin: Option<Source>,
) -> Preset {
    Preset {
        name,
        nat,
        mapping,
        filtering,
        hairpin,
    }
}

use Depends::{NotThere, OnAddress, OnBoth, OnNothing};

const PRESETS: &[Preset] = &[
    preset(
        "none",
        "none",
        [NotThere, OnNothing],
        Some(Source::Internal),
    ),
    preset("home", "home", [OnNothing, OnBoth], None),
    preset(
        "home with hairpin",
        "{ kind: home, hairpin: true }",
        [OnNothing, OnBoth],
        Some(Source::External),
    ),
    preset("full cone", "full-cone", [OnNothing, OnNothing], None),
    preset(
        "full cone with hairpin",
        "{ kind: full-cone, hairpin: true }",
        [OnNothing, OnNothing],
        Some(Source::External),
    ),
    preset(
        "address-restricted",
        "address-restricted",
        [OnNothing, OnAddress],
        None,
    ),
    preset("symmetric", "symmetric", [OnBoth, OnBoth], None),
    preset(
        "carrier",
        "cgnat",
        [OnNothing, OnNothing],
        Some(Source::External),
    ),
    preset(
        "carrier without hairpin",
        "{ kind: cgnat, hairpin: false }",
        [OnNothing, OnNothing],
        None,
    ),
];

pub(crate) fn tests() -> Vec<Test> {
    let all = PRESETS.iter().map(|preset| {
        let body = move || classified(preset);
        test(&format!("nat::{} is what it says", preset.name), body)
    });
    let more = [
        test("nat::the document has what was found", documented),
        test("nat::two inside with one port have two outside", collision),
        test("nat::what nobody has sent for stays outside", unasked),
        test("nat::a mapping ends when it says", lifetime),
    ];
    all.chain(more)
        .chain(life::tests())
        .chain(six::tests())
        .collect()
}

const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// Two inside, a router, and a server outside that knows the way inside, too.
fn lab(nat: &str) -> String {
    let text = format!(
        r#"
lab: nat
namespaces:
  one:
    interfaces: {{ eth0: {{ addresses: [10.0.1.2/24, "fd00:1:0:1::2/64"] }} }}
    routes: [{{ to: default, via: 10.0.1.1 }}, {{ to: default, via: "fd00:1:0:1::1" }}]
  two:
    interfaces: {{ eth0: {{ addresses: [10.0.2.2/24, "fd00:1:0:2::2/64"] }} }}
    routes: [{{ to: default, via: 10.0.2.1 }}, {{ to: default, via: "fd00:1:0:2::1" }}]
  router:
    forward: true
    nat: {nat}
    interfaces:
      lan1: {{ addresses: [10.0.1.1/24, "fd00:1:0:1::1/64"] }}
      lan2: {{ addresses: [10.0.2.1/24, "fd00:1:0:2::1/64"] }}
      wan0: {{ addresses: [203.0.113.9/24, "2001:db8::9/64"] }}
    routes: [{{ to: default, via: 203.0.113.1 }}, {{ to: default, via: "2001:db8::1" }}]
  net:
    interfaces:
      eth0: {{ addresses: [203.0.113.1/24, 203.0.113.2/24, "2001:db8::1/64"] }}
    routes: [{{ to: 10.0.0.0/16, via: 203.0.113.9 }}, {{ to: "fd00:1::/48", via: "2001:db8::9" }}, {{ to: "2001:db8:1::/48", via: "2001:db8::9" }}]
links:
  - endpoints: ["one:eth0", "router:lan1"]
  - endpoints: ["two:eth0", "router:lan2"]
  - endpoints: ["net:eth0", "router:wan0"]
"#
    );
    file("nat.yaml", &text)
}

fn up(nat: &str) -> Server {
    ok(&["up", &lab(nat)]);
    Server::start()
}

fn found() -> Found {
    let server = Server::start();
    let client = |port| Client::at("one", ONE, port);
    Found {
        mapping: classify::mapping(&server, &client(4001)),
        filtering: classify::filtering(&server, &client(4002)),
        hairpin: classify::hairpin(&server, &client(4003), &client(4004)),
    }
}

fn classified(preset: &Preset) {
    let before = snapshot::host();
    let path = lab(preset.nat);
    ok(&["up", &path]);
    let wanted = Found {
        mapping: preset.mapping,
        filtering: preset.filtering,
        hairpin: preset.hairpin,
    };
    assert_eq!(
        found(),
        wanted,
        "{}",
        sh("ip netns exec router nft list ruleset")
    );
    // What packets have put into its sets is no drift.
    let again = ok(&["up", &path]);
    assert!(again.contains("nothing to change"), "{again}");
    ok(&["down", "nat"]);
    snapshot::assert_same(&before, &snapshot::host(), "after down");
}

/// The kernel by itself would give both the same port, as long as they speak with different
/// hosts.
fn collision() {
    for nat in ["home", "full-cone"] {
        let server = up(nat);
        let [one, two] = [Client::at("one", ONE, 5000), Client::at("two", TWO, 5000)];
        let ones = server.sees(&one, 0, 0);
        assert_eq!(ones.port(), 5000, "it keeps its own");
        let twos = server.sees(&two, 1, 0);
        assert_ne!(ones, twos, "{nat}");
        for (address, port) in [(0, 0), (0, 1), (1, 1)] {
            assert_eq!(server.sees(&two, address, port), twos, "{nat}");
            assert_eq!(server.sees(&one, address, port), ones, "{nat}");
        }
        assert_eq!(server.get_through(&two, twos, &[(1, 0)]).len(), 1);
        ok(&["down", "nat"]);
    }
}

/// Packets to the router's ports, to addresses inside, and connections.
fn unasked() {
    let server = up("home");
    let client = Client::at("one", ONE, 4001);
    let mapped = server.sees(&client, 0, 0);
    // Past the router's address the way inside is known.
    let inside = client.local();
    server.socket(1, 0).send_to(b"you", inside).expect("sent");
    let came = server.get_through(&client, mapped, &[(1, 0), (0, 0)]);
    assert_eq!(came, [Server::address(0, 0)]);
    let listener = within("one", || TcpListener::bind((ONE, 80))).expect("a listener");
    listener.set_nonblocking(true).expect("it does not wait");
    for to in [
        SocketAddr::from((ONE, 80)),
        "203.0.113.9:80".parse().expect("one"),
    ] {
        let connect = move || TcpStream::connect_timeout(&to, Duration::from_millis(300));
        let refused = within("net", connect).expect_err("nobody answers");
        assert_eq!(refused.kind(), ErrorKind::TimedOut, "{to}");
    }
    let two = within("two", || TcpStream::connect((ONE, 80))).expect("they reach each other");
    let (_, from) = listener.accept().expect("one connection");
    assert_eq!(from, two.local_addr().expect("its address"));
    assert_eq!(
        listener.accept().map(|_| ()).map_err(|e| e.kind()),
        Err(ErrorKind::WouldBlock)
    );
    let listener = within("net", || TcpListener::bind("203.0.113.1:443")).expect("a listener");
    let _out = within("one", || TcpStream::connect("203.0.113.1:443")).expect("the way out");
    let (_, from) = listener.accept().expect("one connection");
    assert_eq!(from.ip(), mapped.ip());
}

/// Of a flow that nobody answered, and of an endpoint that everybody may reach.
fn lifetime() {
    for nat in ["home", "full-cone"] {
        let timed = format!("{{ kind: {nat}, udp_timeout: 2, udp_stream_timeout: 4 }}");
        let server = up(&timed);
        let client = Client::at("one", ONE, 4001);
        let began = Instant::now();
        let mapped = server.sees(&client, 0, 0);
        assert_eq!(server.get_through(&client, mapped, &[(0, 0)]).len(), 1);
        let remembered = || {
            let flows = sh("ip netns exec router conntrack -L -p udp 2>/dev/null");
            let table = "inet netyard-router";
            let map = sh(&format!(
                "ip netns exec router nft list map {table} endpoints"
            ));
            flows.contains("dport=3478") || map.contains("203.0.113.9 . 4001")
        };
        assert!(remembered());
        until("it is forgotten", || !remembered());
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(2), "{nat}: after {took:?}");
        server.socket(0, 0).send_to(b"late", mapped).expect("sent");
        let again = Client::at("one", ONE, 4002);
        server.sees(&again, 1, 0);
        // What came late would have come before this.
        let mapped = server.sees(&client, 1, 0);
        let came = server.get_through(&client, mapped, &[(1, 0)]);
        assert_eq!(came, [Server::address(1, 0)], "{nat}");
        ok(&["down", "nat"]);
    }
}

/// The table in docs/nat.md has every kind, with what was asked and is found.
fn documented() {
    let rows = PRESETS.iter().map(|preset| {
        let hairpin = match preset.hairpin {
            None => "no",
            Some(Source::External) => "with the external source",
            Some(Source::Internal) => "yes, as it is",
        };
        format!(
            "| {} | `{}` | {} | {} | {hairpin} |\n",
            preset.name,
            preset.nat,
            preset.mapping.words(),
            preset.filtering.words(),
        )
    });
    let table = "| router | `nat:` | mapping | filtering | hairpinning |\n|---|---|---|---|---|\n"
        .to_owned()
        + &rows.collect::<String>();
    has_table("docs/nat.md", &table);
}
