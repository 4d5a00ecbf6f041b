//! Partitions across routers, of which some change addresses.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use super::{is_well, lost, up};
use crate::matrix::within;
use crate::sandbox::{file, ok, outcome, pings, sh, try_sh};
use crate::{Test, test};

pub(super) fn tests() -> Vec<Test> {
    vec![
        test("partition::by a router others go on", by_a_router),
        test("partition::behind a NAT", behind_a_nat),
    ]
}

/// What a namespace hands on is not its own: who is parted from a router goes on by it, finds it on
/// the link, and hears of errors.
fn by_a_router() {
    up();
    ok(&["link", "partition", "split", "r", "one,far"]);
    sh("ip -n one neigh flush all; ip -n r neigh flush all; ip -n far neigh flush all");
    assert!(lost("one", "10.5.0.2") && lost("one", "fd00:5::2") && lost("r", "10.5.0.10"));
    assert!(lost("far", "10.5.0.2") && lost("far", "fd00:7::2"));
    assert!(pings("one", "10.7.0.40") && pings("one", "fd00:7::40"));
    assert!(pings("far", "10.5.0.10") && pings("far", "fd00:5::10"));
    assert!(pings("r", "10.5.0.30"));
    // It says that it cannot deliver.
    let said = try_sh("ip netns exec one ping -n -c 1 -W 2 -t 1 10.7.0.40").out;
    assert!(said.contains("From 10.5.0.2"), "{said}");
    let said = try_sh("ip netns exec one ping -n -c 1 -W 2 -t 1 fd00:7::40").out;
    assert!(said.contains("From fd00:5::2"), "{said}");
    ok(&["test", "split"]);
    is_well();
}

/// Who is asked sees the router's address alone: who asks drops it.
fn behind_a_nat() {
    let text = "
lab: split
networks:
  home: { subnets: [192.168.1.0/24], gateway: none }
  net: { subnets: [203.0.113.0/24], gateway: none }
namespaces:
  one:
    interfaces: { eth0: { network: home, addresses: [192.168.1.10/24] } }
    routes: [{ to: default, via: 192.168.1.1 }]
  two:
    interfaces: { eth0: { network: home, addresses: [192.168.1.20/24] } }
    routes: [{ to: default, via: 192.168.1.1 }]
  r:
    forward: true
    nat: home
    interfaces:
      lan0: { network: home, addresses: [192.168.1.1/24] }
      wan0: { network: net, addresses: [203.0.113.2/24] }
    routes: [{ to: default, via: 203.0.113.1 }]
  server: { interfaces: { eth0: { network: net, addresses: [203.0.113.1/24] } } }
";
    ok(&["up", &file("split.yaml", text)]);
    let listener = within("server", || TcpListener::bind("203.0.113.1:80")).expect("a listener");
    let mut one = within("one", || TcpStream::connect("203.0.113.1:80")).expect("a connection");
    let (mut server, seen) = listener.accept().expect("the connection");
    assert_eq!(seen.ip().to_string(), "203.0.113.2");
    let short = Some(Duration::from_millis(300));
    server.set_read_timeout(short).expect("a limit");
    one.set_read_timeout(short).expect("a limit");
    ok(&["link", "partition", "split", "one", "server"]);
    let mut word = [0; 4];
    one.write_all(b"late").expect("it waits to be sent");
    server.write_all(b"back").expect("it waits to be sent");
    assert!(server.read_exact(&mut word).is_err() && one.read_exact(&mut word).is_err());
    assert!(lost("one", "203.0.113.1") && pings("two", "203.0.113.1") && pings("r", "203.0.113.1"));
    assert!(pings("one", "192.168.1.20") && pings("one", "203.0.113.2"));
    let udp = within("one", || UdpSocket::bind("0.0.0.0:0")).expect("a socket");
    let told = udp
        .send_to(b"x", "203.0.113.1:53")
        .map_err(|e| e.raw_os_error());
    assert_eq!(told, Err(Some(libc::EPERM)));
    let said = outcome(&["explain", "one", "203.0.113.1"]).out;
    assert!(said.contains("one is parted from where it goes"), "{said}");
    is_well();
    ok(&["link", "heal", "split"]);
    let long = Some(Duration::from_secs(10));
    server.set_read_timeout(long).expect("a limit");
    one.set_read_timeout(long).expect("a limit");
    server.read_exact(&mut word).expect("it goes on");
    assert_eq!(&word, b"late");
    one.read_exact(&mut word).expect("it goes on");
    assert_eq!(&word, b"back");
}
