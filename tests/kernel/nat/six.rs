//! What routers do with IPv6, and what they do not let out.

use std::io::ErrorKind;
use std::net::{SocketAddr, SocketAddrV6, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::matrix::within;
use crate::sandbox::{ok, pings};
use crate::{Test, test};

use super::classify::Client;
use super::{ONE, lab, up};

pub(super) fn tests() -> Vec<Test> {
    vec![
        test("nat::IPv6 behind a firewall", firewall),
        test("nat::IPv6 with the router's address", nat66),
        test("nat::IPv6 with another prefix outside", nptv6),
        test("nat::IPv6 that does not pass", none),
        test("nat::no UDP outwards", no_udp),
    ]
}

fn bound(netns: &'static str, at: &'static str) -> UdpSocket {
    let at: SocketAddrV6 = at.parse().expect("an address");
    let socket = within(netns, move || UdpSocket::bind(at)).expect("a free port");
    let patience = Some(Duration::from_secs(5));
    socket.set_read_timeout(patience).expect("a time");
    socket
}

/// One inside and one outside.
fn two() -> [UdpSocket; 2] {
    [
        bound("one", "[fd00:1:0:1::2]:4001"),
        bound("net", "[2001:db8::1]:3478"),
    ]
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn send(from: &UdpSocket, to: SocketAddr) {
    from.send_to(b"word", to).expect("it is sent");
}

fn came(to: &UdpSocket) -> SocketAddr {
    to.recv_from(&mut [0; 64]).expect("it comes").1
}

const NET: &str = "[2001:db8::1]:3478";
const INSIDE: &str = "[fd00:1:0:1::2]:4001";

/// What goes out has an answer; who was not spoken with does not come in.
fn firewall() {
    up("home");
    let [one, net] = two();
    let other = bound("net", "[2001:db8::1]:3479");
    send(&one, at(NET));
    assert_eq!(came(&net), at(INSIDE), "it keeps its address");
    send(&other, at(INSIDE));
    send(&net, at(INSIDE));
    assert_eq!(came(&one), at(NET), "the other's was first");
    assert!(pings("one", "2001:db8::1"));
    ok(&["down", "nat"]);
    up("none");
    let [one, net] = two();
    send(&net, at(INSIDE));
    assert_eq!(came(&one), at(NET), "a router and nothing else");
}

fn nat66() {
    up("{ kind: home, ipv6: nat66 }");
    let [one, net] = two();
    let other = bound("net", "[2001:db8::1]:3479");
    send(&one, at(NET));
    let mapped = came(&net);
    assert_eq!(mapped, at("[2001:db8::9]:4001"));
    for from in [&other, &net] {
        send(from, mapped);
    }
    assert_eq!(came(&one), at(NET));
}

/// In both directions.
fn nptv6() {
    up("{ kind: none, ipv6: nptv6, prefix: \"2001:db8:1::/48\" }");
    let [one, net] = two();
    let seen = at("[2001:db8:1:1::2]:4001");
    send(&net, seen);
    assert_eq!(came(&one), at(NET));
    send(&one, at(NET));
    assert_eq!(came(&net), seen);
    // What began inside, too.
    let fresh = bound("one", "[fd00:1:0:1::2]:4002");
    send(&fresh, at(NET));
    assert_eq!(came(&net), at("[2001:db8:1:1::2]:4002"));
    assert!(pings("net", "2001:db8:1:2::2") && pings("two", "2001:db8::1"));
}

/// Those inside still reach each other.
fn none() {
    let server = up("{ kind: home, ipv6: none }");
    let [one, net] = two();
    let client = Client::at("one", ONE, 4003);
    send(&one, at(NET));
    // By the same way, and later.
    server.sees(&client, 0, 0);
    net.set_nonblocking(true).expect("it does not wait");
    let nothing = net.recv_from(&mut [0; 64]).map_err(|e| e.kind());
    assert_eq!(nothing, Err(ErrorKind::WouldBlock));
    assert!(pings("one", "fd00:1:0:2::2") && !pings("net", "fd00:1:0:1::2"));
}

/// TCP passes, and what is sent inside.
fn no_udp() {
    ok(&["up", &lab("{ kind: home, filter: no-udp }")]);
    let net = within("net", || UdpSocket::bind("203.0.113.1:53")).expect("a free port");
    net.set_nonblocking(true).expect("it does not wait");
    let one = within("one", || UdpSocket::bind("10.0.1.2:4001")).expect("a free port");
    send(&one, at("203.0.113.1:53"));
    let listener = within("net", || TcpListener::bind("203.0.113.1:53")).expect("a free port");
    let _out = within("one", || TcpStream::connect("203.0.113.1:53")).expect("the way out");
    listener.accept().expect("a connection");
    let nothing = net.recv_from(&mut [0; 64]).map_err(|e| e.kind());
    assert_eq!(nothing, Err(ErrorKind::WouldBlock));
    let two = within("two", || UdpSocket::bind("10.0.2.2:53")).expect("a free port");
    let patience = Some(Duration::from_secs(5));
    two.set_read_timeout(patience).expect("a time");
    send(&one, at("10.0.2.2:53"));
    assert_eq!(came(&two), at("10.0.1.2:4001"));
}
