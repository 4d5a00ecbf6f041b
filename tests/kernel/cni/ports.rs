//! Mapped ports, and what of it everybody reaches.
#![allow(unsafe_code)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use serde_json::{Value, json};

use super::call::{call, changed, containers, network};
use crate::matrix::within;
use crate::sandbox::{pings, sh, until};
use crate::{Test, snapshot, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("cni::a mapped port of each protocol", protocols),
        test("cni::a mapped port of one address", of_one_address),
        test("cni::one port for two is told", taken),
        test("cni::mapped ports in both families", families),
        test("cni::a hundred mapped ports", hundred),
        test(
            "cni::a mapped port of an address that is asked for",
            asked_for,
        ),
    ]
}

const PATIENCE: Duration = Duration::from_millis(600);

/// A server in a namespace, until it is dropped. It tells who speaks to it.
pub(crate) enum Server {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

pub(crate) fn serve(netns: &str, protocol: &str, port: u16) -> Server {
    let at = format!("[::]:{port}");
    within(netns, || match protocol {
        "tcp" => {
            let listener = TcpListener::bind(at).expect("a server");
            listener.set_nonblocking(true).expect("it does not wait");
            Server::Tcp(listener)
        }
        _ => {
            let socket = UdpSocket::bind(at).expect("a server");
            socket.set_nonblocking(true).expect("it does not wait");
            Server::Udp(socket)
        }
    })
}

impl Server {
    /// Answers whoever is there, by what it sees them as.
    fn answer(&self) {
        let said = |from: SocketAddr| from.ip().to_canonical().to_string();
        match self {
            Server::Tcp(listener) => {
                if let Ok((mut client, from)) = listener.accept() {
                    drop(client.write_all(said(from).as_bytes()));
                }
            }
            Server::Udp(socket) => {
                if let Ok((_, from)) = socket.recv_from(&mut [0; 64]) {
                    drop(socket.send_to(said(from).as_bytes(), from));
                }
            }
        }
    }

    /// As whom a client from there is seen, if it is at all.
    pub(crate) fn seen(&self, from: &str, to: &str, port: u16) -> Option<String> {
        let to: SocketAddr = format!("{to}:{port}").parse().expect("an address");
        std::thread::scope(|scope| {
            let client = scope.spawn(|| within(from, || self.ask(to)));
            while !client.is_finished() {
                self.answer();
                std::thread::yield_now();
            }
            client.join().expect("no panic")
        })
    }

    fn ask(&self, to: SocketAddr) -> Option<String> {
        let mut text = [0; 64];
        let length = match self {
            Server::Tcp(_) => {
                let mut stream = TcpStream::connect_timeout(&to, PATIENCE).ok()?;
                stream.set_read_timeout(Some(PATIENCE)).ok()?;
                stream.read(&mut text).ok()?
            }
            Server::Udp(_) => {
                let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any).ok()?;
                socket.set_read_timeout(Some(PATIENCE)).ok()?;
                socket.send_to(b"?", to).ok()?;
                socket.recv(&mut text).ok()?
            }
        };
        let text = String::from_utf8_lossy(&text[..length]).into_owned();
        Some(text).filter(|text| !text.is_empty())
    }
}

/// A neighbour of the host, `outside`, who knows no way to containers.
pub(crate) fn neighbour() {
    sh("ip netns add outside; ip -n outside link set lo up; \
         ip link add up0 type veth peer name up0 netns outside; \
         ip address add 192.0.2.1/24 dev up0; ip address add 2001:db8::1/64 dev up0 nodad; \
         ip -n outside address add 192.0.2.2/24 dev up0; \
         ip -n outside address add 2001:db8::2/64 dev up0 nodad; \
         ip link set up0 up; ip -n outside link set up0 up");
    until("a way", || pings("outside", "192.0.2.1"));
    until("addresses", || !sh("ip address").contains("tentative"));
}

fn mapping(host: u16, container: u16, protocol: &str) -> Value {
    json!({"hostPort": host, "containerPort": container, "protocol": protocol, "hostIP": ""})
}

fn mapped(name: &str, ports: &[Value]) -> Value {
    network(name, json!({"runtimeConfig": {"portMappings": ports}}))
}

fn protocols() {
    containers(&["c1", "c2"]);
    neighbour();
    let before = snapshot::host();
    let ports = [
        mapping(8080, 80, "tcp"),
        mapping(8080, 81, "UDP"),
        mapping(8080, 82, "sctp"),
    ];
    let conf = mapped("lan", &ports);
    call("ADD", &conf, "c1").ok();
    call("ADD", &network("lan", json!({})), "c2").ok();
    for (protocol, port) in [("tcp", 80), ("udp", 81)] {
        let server = serve("c1", protocol, port);
        for (from, to, seen) in [
            ("outside", "192.0.2.1", "192.0.2.2"),
            ("host", "192.0.2.1", "192.0.2.1"),
            ("host", "127.0.0.1", "10.5.0.1"),
            ("c2", "10.5.0.1", "10.5.0.3"),
            ("c2", "192.0.2.1", "10.5.0.3"),
            ("c1", "192.0.2.1", "10.5.0.1"),
        ] {
            let said = server.seen(from, to, 8080);
            let said = said.unwrap_or_else(|| panic!("{protocol} from {from} to {to}"));
            // Where bridges pass no rules, who is on it is seen as the host.
            let bridged = from == "c2" && said == "10.5.0.1";
            assert!(
                bridged || said == seen,
                "{protocol} from {from} to {to}: {said}"
            );
        }
        assert_eq!(server.seen("outside", "192.0.2.1", 8081), None);
    }
    assert_eq!(sctp("outside", "192.0.2.1:8080", "c1"), Some(82));
    call("CHECK", &conf, "c1").done();
    call("DEL", &conf, "c1").done();
    call("DEL", &conf, "c2").done();
    super::nothing_left(&before, &[&conf]);
}

/// Sends an SCTP INIT (RFC 9260, 3.3.2) and tells which port it has in a namespace: a kernel
/// without SCTP carries it as any other.
fn sctp(from: &str, to: &str, at: &str) -> Option<u16> {
    let to: std::net::SocketAddrV4 = to.parse().expect("an address");
    let raw = || {
        // SAFETY: makes a file of our own.
        let file = unsafe { libc::socket(libc::AF_INET, libc::SOCK_RAW, 132) };
        assert!(file >= 0, "a raw socket");
        // SAFETY: nobody else has it.
        UdpSocket::from(unsafe { OwnedFd::from_raw_fd(file) })
    };
    let there = within(at, raw);
    there.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let mut packet = [0_u8; 32];
    packet[..2].copy_from_slice(&40_000_u16.to_be_bytes());
    packet[2..4].copy_from_slice(&to.port().to_be_bytes());
    // INIT, 20 bytes: a tag, a window, one stream each way, a first number.
    packet[12..].copy_from_slice(&[1, 0, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 7]);
    let sum = crc32c(&packet).to_le_bytes();
    packet[8..12].copy_from_slice(&sum);
    let here = within(from, raw);
    // SAFETY: an address of all zeros is one.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as u16;
    address.sin_addr.s_addr = u32::from_ne_bytes(to.ip().octets());
    // SAFETY: both are read for as long as the call takes, and have these lengths.
    let sent = unsafe {
        libc::sendto(
            here.as_raw_fd(),
            packet.as_ptr().cast(),
            packet.len(),
            0,
            (&raw const address).cast(),
            size_of_val(&address) as u32,
        )
    };
    assert_eq!(sent, 32, "{}", std::io::Error::last_os_error());
    let mut got = [0; 128];
    let length = there.recv(&mut got).ok()?;
    let header = usize::from(got[0] & 15) * 4;
    assert!(length >= header + 12);
    Some(u16::from_be_bytes([got[header + 2], got[header + 3]]))
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg());
    let all = bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), step)
    });
    !all
}

fn of_one_address() {
    containers(&["c1"]);
    neighbour();
    sh("ip address add 192.0.2.7/24 dev up0");
    let before = snapshot::host();
    let at = |address: &str, host: u16| {
        json!({"hostPort": host, "containerPort": 80, "protocol": "tcp",
        "hostIP": address})
    };
    let conf = mapped(
        "lan",
        &[
            at("192.0.2.7", 8080),
            at("127.0.0.1", 8081),
            at("0.0.0.0", 8082),
        ],
    );
    call("ADD", &conf, "c1").ok();
    let server = serve("c1", "tcp", 80);
    let reach = |from: &str, to: &str, port| server.seen(from, to, port).is_some();
    assert!(reach("outside", "192.0.2.7", 8080));
    assert!(!reach("outside", "192.0.2.1", 8080));
    assert!(!reach("host", "127.0.0.1", 8080));
    assert!(reach("host", "127.0.0.1", 8081));
    assert!(!reach("outside", "192.0.2.7", 8081));
    for to in ["192.0.2.7", "192.0.2.1"] {
        assert!(reach("outside", to, 8082), "{to}");
    }
    drop(server);
    call("CHECK", &conf, "c1").done();
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
}

fn taken() {
    containers(&["c1", "c2"]);
    let conf = mapped("lan", &[mapping(8080, 80, "tcp")]);
    let before = snapshot::host();
    // Twice in one call.
    let twice = mapped("lan", &[mapping(8080, 80, "tcp"), mapping(8080, 81, "tcp")]);
    let said = call("ADD", &twice, "c1").run();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("8080"), "{said:?}");
    super::nothing_left(&before, &[&conf]);
    call("ADD", &conf, "c1").ok();
    let before = snapshot::host();
    for port in [
        mapping(8080, 81, "tcp"),
        json!({"hostPort": 8080, "containerPort": 80, "protocol": "tcp",
        "hostIP": "127.0.0.1"}),
    ] {
        call("ADD", &mapped("lan", &[port]), "c2").says(100, &["8080", "c1"]);
    }
    snapshot::assert_same(&before, &snapshot::host(), "after refusals");
    // Of another protocol it is another.
    call("ADD", &mapped("lan", &[mapping(8080, 80, "udp")]), "c2").ok();
    // A server of the host's has it first.
    call("DEL", &conf, "c1").done();
    let _server = TcpListener::bind("0.0.0.0:8080").expect("a server");
    let answer = call("ADD", &conf, "c1").run();
    println!("a port with a server of the host's: {}", answer.out);
}

fn families() {
    containers(&["c1"]);
    neighbour();
    let ipam = json!({"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]]});
    let conf = changed(
        &mapped("lan", &[mapping(8080, 80, "tcp"), mapping(8080, 80, "udp")]),
        json!({"ipam": ipam}),
    );
    call("ADD", &conf, "c1").ok();
    for protocol in ["tcp", "udp"] {
        let server = serve("c1", protocol, 80);
        for (to, seen) in [("192.0.2.1", "192.0.2.2"), ("[2001:db8::1]", "2001:db8::2")] {
            assert_eq!(
                server.seen("outside", to, 8080).as_deref(),
                Some(seen),
                "{protocol} {to}"
            );
        }
    }
}

fn hundred() {
    containers(&["c1"]);
    let before = snapshot::host();
    let ports: Vec<Value> = (0..100)
        .map(|n| mapping(20_000 + n, 80 + n, "tcp"))
        .collect();
    let conf = mapped("lan", &ports);
    let began = std::time::Instant::now();
    call("ADD", &conf, "c1").ok();
    println!("ADD with 100 ports: {:.1?}", began.elapsed());
    for n in [0, 50, 99] {
        assert!(
            serve("c1", "tcp", 80 + n)
                .seen("host", "127.0.0.1", 20_000 + n)
                .is_some()
        );
    }
    call("CHECK", &conf, "c1").done();
    call("DEL", &conf, "c1").done();
    super::nothing_left(&before, &[&conf]);
}

/// Whichever way it is asked for, and of whichever kind the network is.
fn asked_for() {
    containers(&["c1"]);
    let before = snapshot::host();
    let ports = json!([mapping(8080, 80, "tcp")]);
    let runtime = |ips: Value| json!({"portMappings": ports, "ips": ips});
    let plain = mapped("lan", &[mapping(8080, 80, "tcp")]);
    for kind in ["bridge", "ptp"] {
        let of = |keys: Value| {
            let bridge = match kind {
                "ptp" => json!({"kind": "ptp", "bridge": null, "isDefaultGateway": null,
                    "ipam": {"type": "host-local", "subnet": "10.5.0.0/24",
                        "routes": [{"dst": "0.0.0.0/0"}]}}),
                _ => json!({}),
            };
            changed(&changed(&plain, bridge), keys)
        };
        let args = json!({"cni": {"ips": ["10.5.0.50"]}});
        for add in [
            call(
                "ADD",
                &of(json!({"runtimeConfig": runtime(json!(["10.5.0.50"]))})),
                "c1",
            ),
            call(
                "ADD",
                &of(json!({"runtimeConfig": runtime(json!(["10.5.0.50/24"]))})),
                "c1",
            ),
            call("ADD", &of(json!({})), "c1").with("CNI_ARGS", "IP=10.5.0.50"),
            call("ADD", &of(json!({"args": args})), "c1"),
        ] {
            let result = add.ok();
            let given = result["ips"][0]["address"].as_str().unwrap_or_default();
            assert!(given.starts_with("10.5.0.50/"), "{result}");
            let server = serve("c1", "tcp", 80);
            assert!(server.seen("host", "127.0.0.1", 8080).is_some(), "{kind}");
            drop(server);
            call("DEL", &plain, "c1").done();
        }
        super::nothing_left(&before, &[&plain]);
    }
}
