//! Who reaches a published port, from everywhere and over everything; and what may not come
//! in by it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::os::fd::AsFd;

use crate::sandbox::{file, ok, pings, sh, until};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("matrix::from everywhere, over everything", || {
            everywhere(LAB)
        }),
        test("matrix::the same without a bridge", || {
            everywhere(&LAB.replace("lan: {", "lan: { routed: true,"));
        }),
        test("matrix::where bridges pass no rules", without_bridge_rules),
        test(
            "matrix::ranges and single addresses lead where they say",
            ranges,
        ),
        test("matrix::127.0.0.1 stays closed to everybody else", loopback),
        test("matrix::udp goes to the new place at once", moved),
    ]
}

const LAB: &str = r#"
lab: web
networks:
  lan: { subnets: [10.7.0.0/24, "fd00:7::/64"] }
  other: { subnets: [10.8.0.0/24, "fd00:8::/64"] }
namespaces:
  web:
    interfaces: { eth0: { network: lan, addresses: [10.7.0.10/24, "fd00:7::10/64"] } }
    publish:
      - 8080:80
      - 8080:80/udp
      - { host: 8081, port: 80, visible: lan }
      - { host: 8081, port: 80, protocol: udp, visible: lan }
      - { host: 8082, port: 80, visible: public }
      - { host: 8082, port: 80, protocol: udp, visible: public }
      - { host: 8083, port: 80, visible: [192.0.2.0/24, "2001:db8::/64"] }
      - { host: 8083, port: 80, protocol: udp, visible: [192.0.2.0/24, "2001:db8::/64"] }
  near: { interfaces: { eth0: { network: lan, addresses: [10.7.0.20/24, "fd00:7::20/64"] } } }
  far: { interfaces: { eth0: { network: other, addresses: [10.8.0.20/24, "fd00:8::20/64"] } } }
"#;

/// A host with a neighbour, and somebody beyond that.
const WORLD: &str = "
  dad='net.ipv6.conf.default.accept_dad=0'; sysctl -qw $dad
  for ns in outside beyond; do ip netns add $ns; ip netns exec $ns sysctl -qw $dad; done
  ip link add up0 type veth peer name up0 netns outside
  ip -n outside link add up1 type veth peer name up0 netns beyond
  address() { ip $1 address add $2 dev $3; ip $1 address add $4 dev $3 nodad; ip $1 link set $3 up; }
  address '-n outside' 192.0.2.2/24 up0 2001:db8::2/64
  address '-n outside' 198.51.100.1/24 up1 2001:db8:1::1/64
  address '-n beyond' 198.51.100.2/24 up0 2001:db8:1::2/64
  address '' 192.0.2.1/24 up0 2001:db8::1/64
  ip route add 198.51.100.0/24 via 192.0.2.2
  ip route add 2001:db8:1::/64 via 2001:db8::2
  ip -n beyond route add default via 198.51.100.1
  ip -n beyond route add default via 2001:db8:1::1
  ip netns exec outside sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
";

/// The lab up in that world, once the kernel has seen that every cable carries.
fn world(lab: &str) -> String {
    sh(WORLD);
    let lab = file("web.yaml", lab);
    ok(&["up", &lab]);
    for (from, to) in [
        ("beyond", "192.0.2.1"),
        ("beyond", "2001:db8::1"),
        ("host", "10.7.0.10"),
        ("host", "fd00:7::10"),
    ] {
        until("a way", || pings(from, to));
    }
    lab
}

/// Something done in a namespace; what it opens stays there. `host`: where the test is.
pub(crate) fn within<T: Send>(netns: &str, body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if netns != "host" {
                let place =
                    std::fs::File::open(format!("/run/netns/{netns}")).expect("it is there");
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(place.as_fd(), kind).expect("a way in");
            }
            body()
        });
        thread.join().expect("no panic")
    })
}

const PATIENCE: Duration = Duration::from_millis(400);

/// Servers on port 80 of a namespace, which tell who speaks to them.
struct Servers {
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Servers {
    fn of(netns: &str) -> Self {
        let (tcp, udp) = within(netns, || {
            (TcpListener::bind("[::]:80"), UdpSocket::bind("[::]:80"))
        });
        let (tcp, udp) = (tcp.expect("a free port"), udp.expect("a free port"));
        udp.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        Servers { tcp, udp }
    }

    /// As whom the server sees a client that got its answer; `None`: it got none.
    fn tcp(&self, client: &str, to: SocketAddr) -> Option<IpAddr> {
        let stream = within(client, || TcpStream::connect_timeout(&to, PATIENCE));
        let mut stream = stream.ok()?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        let (mut server, peer) = self.tcp.accept().expect("a connection that stands");
        server.write_all(b"answer").expect("a way back");
        let mut answer = [0; 6];
        stream.read_exact(&mut answer).ok()?;
        Some(peer.ip().to_canonical())
    }

    fn udp(&self, client: &str, to: SocketAddr) -> Option<IpAddr> {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = within(client, || UdpSocket::bind(any)).expect("a free port");
        socket.connect(to).ok()?;
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        socket.send(b"word").ok()?;
        let (_, peer) = self.udp.recv_from(&mut [0; 9]).ok()?;
        self.udp.send_to(b"answer", peer).expect("a way back");
        // Connected, it takes what comes from there alone.
        socket.recv(&mut [0; 9]).ok()?;
        Some(peer.ip().to_canonical())
    }
}

/// From where, in which namespace, by which addresses of the host.
const CLIENTS: [(&str, &str, [&str; 2]); 8] = [
    (
        "a neighbour of the host",
        "outside",
        ["192.0.2.1", "2001:db8::1"],
    ),
    ("somebody beyond it", "beyond", ["192.0.2.1", "2001:db8::1"]),
    (
        "the host, by its address",
        "host",
        ["192.0.2.1", "2001:db8::1"],
    ),
    (
        "the host, by 127.0.0.1 and ::1",
        "host",
        ["127.0.0.1", "::1"],
    ),
    ("the same network", "near", ["192.0.2.1", "2001:db8::1"]),
    (
        "the same network, by the gateway",
        "near",
        ["10.7.0.1", "fd00:7::1"],
    ),
    ("another network", "far", ["192.0.2.1", "2001:db8::1"]),
    ("the namespace itself", "web", ["192.0.2.1", "2001:db8::1"]),
];

const VISIBLE: [(u16, &str); 4] = [
    (8080, "`loopback`"),
    (8081, "`lan`"),
    (8082, "`public`"),
    (8083, "`[192.0.2.0/24, …]`"),
];

fn everywhere(lab: &str) {
    world(lab);
    let servers = Servers::of("web");
    let seen = |client: &str, to: &str, port: u16| {
        let to = SocketAddr::new(to.parse().expect("an address"), port);
        [servers.tcp(client, to), servers.udp(client, to)]
    };
    let mut who =
        "| from | IPv4, TCP | IPv4, UDP | IPv6, TCP | IPv6, UDP |\n|---|---|---|---|---|\n"
            .to_owned();
    let words = VISIBLE.map(|(_, word)| word);
    let mut may = format!("| from | {} |\n|---|---|---|---|---|\n", words.join(" | "));
    for (name, client, by) in CLIENTS {
        let mut cells = Vec::new();
        for (port, word) in VISIBLE {
            let all = by.map(|to| seen(client, to, port));
            if word == "`public`" {
                let cell = |one: &Option<IpAddr>| one.map_or("no".to_owned(), |ip| ip.to_string());
                let cells: Vec<String> = all.iter().flatten().map(cell).collect();
                who += &format!("| {name} | {} |\n", cells.join(" | "));
            }
            let reached = all.map(|both| both.map(|one| one.is_some()));
            cells.push(match reached {
                [[true, true], [true, true]] => "yes",
                [[true, true], [false, false]] => "IPv4",
                [[false, false], [false, false]] => "no",
                _ => "in part",
            });
        }
        may += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ports-and-policy.md");
    let docs = std::fs::read_to_string(path).expect("the documentation");
    for table in [who, may] {
        assert!(
            docs.contains(&table),
            "docs/ports-and-policy.md should have\n\n{table}"
        );
    }
    ok(&["down", "web"]);
}

/// As on a host without br_netfilter: the answer of a neighbour would pass the host by.
fn without_bridge_rules() {
    let web = world(LAB);
    let servers = Servers::of("web");
    let seen = |client, to: &str| servers.udp(client, to.parse().expect("an address"));
    let from = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
    assert_eq!(seen("near", "10.7.0.1:8082"), from("10.7.0.20"));
    sh("sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0");
    sh("conntrack -F 2>/dev/null");
    assert_eq!(
        seen("near", "10.7.0.1:8082"),
        None,
        "else this test shows nothing"
    );
    let said = ok(&["plan", &web]);
    assert!(said.contains("+ ipv4 in nft set direct"), "{said}");
    ok(&["up", &web]);
    assert_eq!(seen("near", "10.7.0.1:8082"), from("10.7.0.1"));
    assert_eq!(seen("near", "[fd00:7::1]:8082"), from("fd00:7::1"));
    assert_eq!(
        seen("far", "10.8.0.1:8082"),
        from("10.8.0.20"),
        "of another network"
    );
    assert_eq!(seen("outside", "192.0.2.1:8082"), from("192.0.2.2"));
    assert_eq!(seen("web", "192.0.2.1:8082"), from("10.7.0.1"));
    sh("sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1");
    ok(&["up", &web]);
    sh("conntrack -F 2>/dev/null");
    assert_eq!(seen("near", "10.7.0.1:8082"), from("10.7.0.20"));
    sh("sysctl -qw net.bridge.bridge-nf-call-iptables=0");
    ok(&["up", &web]);
    ok(&["down", "web"]);
    assert_eq!(
        sh("nft list ruleset"),
        "",
        "nothing stays for the bridges' sake"
    );
}

fn ranges() {
    let publish = r#"
      - { host: 9000-9010, visible: public }
      - { host: 9100-9101, port: 80-81, protocol: udp, visible: public }
      - { host: 8084, port: 80, address: 192.0.2.1, visible: public }
      - { host: 8085, port: 80, address: "2001:db8::1", visible: [2001:db8::2/128] }
      - { host: 8086-8087, port: 80-81, address: 192.0.2.1, visible: lan }
      - "127.0.0.1:8088:80"
"#;
    let head = LAB.split("      - 8080:80\n").next().expect("a head");
    world(&format!("{head}{publish}"));
    let servers = Servers::of("web");
    let middle = within("web", || TcpListener::bind("[::]:9005")).expect("a free port");
    let tcp = |client, to: &str| {
        servers
            .tcp(client, to.parse().expect("an address"))
            .is_some()
    };
    let udp = |client, to: &str| {
        servers
            .udp(client, to.parse().expect("an address"))
            .is_some()
    };
    for to in ["192.0.2.1:9005", "[2001:db8::1]:9005"] {
        let to = to.parse().expect("an address");
        within("outside", || TcpStream::connect_timeout(&to, PATIENCE)).expect("a way in");
        middle.accept().expect("a connection");
    }
    let reached = [
        udp("outside", "192.0.2.1:9100"),
        tcp("outside", "192.0.2.1:8084"),
        tcp("outside", "[2001:db8::1]:8085"),
        tcp("outside", "192.0.2.1:8086"),
        tcp("host", "127.0.0.1:8088"),
        tcp("host", "192.0.2.1:8084"),
    ];
    assert_eq!(reached, [true; 6]);
    let not = [
        udp("outside", "192.0.2.1:9101"),
        tcp("beyond", "192.0.2.1:8086"),
        tcp("beyond", "[2001:db8::1]:8085"),
        tcp("host", "127.0.0.1:8084"),
        tcp("host", "192.0.2.1:8088"),
        tcp("outside", "192.0.2.1:8088"),
        tcp("outside", "192.0.2.1:9011"),
    ];
    assert_eq!(not, [false; 7]);
}

/// The device of a network routes 127.0.0.0/8 while a port is published there, and the
/// kernel then takes such packets from that network, too (CVE-2020-8558): our rules do not.
fn loopback() {
    world(LAB);
    let localnet = sh("sysctl -n net.ipv4.conf.web-lan.route_localnet");
    assert_eq!(localnet, "1\n");
    let service = TcpListener::bind("127.0.0.1:7000").expect("a free port");
    service
        .set_nonblocking(true)
        .expect("a socket that does not wait");
    let udp = UdpSocket::bind("127.0.0.1:7000").expect("a free port");
    udp.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    // Of their own 127.0.0.0/8 nothing is left, and they send it to the host.
    for (netns, dev, via) in [
        ("outside", "up0", "192.0.2.1"),
        ("near", "eth0", "10.7.0.1"),
    ] {
        sh(&format!(
            "ip -n {netns} address flush dev lo
             ip netns exec {netns} sysctl -qw net.ipv4.conf.{dev}.route_localnet=1
             ip -n {netns} route add 127.0.0.0/8 via {via} dev {dev} onlink"
        ));
    }
    sh("sysctl -qw net.ipv4.conf.up0.route_localnet=1");
    let reached = |client: &str| {
        let [to, published] = ["127.0.0.1:7000", "127.0.0.1:8080"];
        let tcp = |to: &str| {
            let to: SocketAddr = to.parse().expect("an address");
            within(client, || TcpStream::connect_timeout(&to, PATIENCE)).is_ok()
        };
        let sender = within(client, || UdpSocket::bind("0.0.0.0:0")).expect("a free port");
        sender.send_to(b"word", to).expect("a way out");
        let heard = udp.recv_from(&mut [0; 9]).is_ok();
        [tcp(to), tcp(published), heard]
    };
    for client in ["outside", "near"] {
        assert_eq!(reached(client), [false; 3], "{client}");
    }
    // That it is these rules which keep them out:
    sh("nft flush chain inet netyard raw");
    for client in ["outside", "near"] {
        assert_eq!(reached(client), [true, false, true], "{client}");
    }
    ok(&["repair", "--yes", "web"]);
    assert_eq!(reached("outside"), [false; 3]);
}

/// A flow of UDP that does not pause goes where the port leads now.
fn moved() {
    let lab = |netns: &str| {
        let publish = "    publish: [{ host: 53, protocol: udp, visible: public, port: 80 }]\n";
        let [web, near] = ["web", "near"].map(|one| if one == netns { publish } else { "" });
        let text = format!(
            "lab: web\nnetworks: {{ lan: {{ subnets: [10.7.0.0/24, \"fd00:7::/64\"] }} }}\nnamespaces:\n\
             \x20 web:\n    interfaces: {{ eth0: {{ network: lan, addresses: [10.7.0.10/24, \"fd00:7::10/64\"] }} }}\n{web}\
             \x20 near:\n    interfaces: {{ eth0: {{ network: lan }} }}\n{near}"
        );
        text
    };
    let again = |netns| ok(&["up", "--yes", &file("web.yaml", &lab(netns))]);
    world(&lab("web"));
    let servers = ["web", "near"].map(Servers::of);
    let client = within("outside", || UdpSocket::bind("192.0.2.2:5353")).expect("a free port");
    let hears = |server: &Servers| {
        client.send_to(b"word", "192.0.2.1:53").expect("a way out");
        server.udp.recv_from(&mut [0; 9]).is_ok()
    };
    assert!(hears(&servers[0]));
    assert!(hears(&servers[0]));
    again("near");
    assert!(hears(&servers[1]), "the same flow, at the new place");
    // A kill between the firewall and the flows leaves elements that only the journal has.
    let table = sh("nft list table inet netyard");
    let element = "{ udp . 53 : 10.7.0.2 . 80 }";
    assert!(table.contains("udp . 53") && hears(&servers[1]), "{table}");
    sh(&format!(
        "nft delete element inet netyard ports4 '{element}'"
    ));
    again("nobody");
    assert!(!hears(&servers[1]) && !hears(&servers[0]));
}
