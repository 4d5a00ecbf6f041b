//! Against the running kernel, and against conntrack(8) as oracle.

#![allow(clippy::unwrap_used, clippy::disallowed_macros)]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::plan::Op;
use crate::state::{Nat, Netns};
use crate::sys::netns::{self, Place};

type Way = fn(&mut Socket, &[FlowMatch]) -> io::Result<Result<(), KernelError>>;

struct Yard {
    place: Place,
    socket: Socket,
}

fn yard() -> Yard {
    let place = netns::create(1).unwrap().remove(0);
    let socket = netns::enter(Some(place.fd.as_fd()), Socket::netfilter).unwrap();
    let yard = Yard { place, socket };
    yard.sh("ip link set lo up");
    yard
}

impl Yard {
    fn inside<T: Send>(&self, f: impl FnOnce() -> io::Result<T> + Send) -> T {
        netns::enter(Some(self.place.fd.as_fd()), f).unwrap()
    }

    fn sh(&self, command: &str) -> String {
        let output = self.inside(|| Command::new("/bin/sh").args(["-ec", command]).output());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{command}\n{told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What conntrack(8) lists, without the time that each has left.
    fn flows(&self) -> BTreeSet<String> {
        let list = self.sh("conntrack -L 2>/dev/null; conntrack -L -f ipv6 2>/dev/null");
        let line = |line: &str| {
            let words = line.split_whitespace();
            words.skip(3).collect::<Vec<_>>().join(" ")
        };
        list.lines().map(line).collect()
    }

    fn count(&self) -> usize {
        self.sh("conntrack -C").trim().parse().unwrap()
    }

    fn delete(&mut self, flows: &[FlowMatch]) -> usize {
        self.delete_by(delete, flows)
    }

    fn delete_by(&mut self, way: Way, flows: &[FlowMatch]) -> usize {
        let before = self.count();
        way(&mut self.socket, flows).unwrap().unwrap();
        before - self.count()
    }
}

fn net(text: &str) -> Option<ipnet::IpNet> {
    let alone = text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
    Some(alone.unwrap_or_else(|_| text.parse::<ipnet::IpNet>().unwrap()))
}

/// Of this protocol to this port.
fn to_port(protocol: u8, port: u16, nat: Nat) -> FlowMatch {
    FlowMatch {
        protocol: Some(protocol),
        ports: Some((port, port)),
        ..FlowMatch::all(nat)
    }
}

fn published(protocol: u8, port: u16, target: &str, at: u16) -> FlowMatch {
    to_port(protocol, port, Nat::To(target.parse().unwrap(), Some(at)))
}

/// Two published ports in two protocols, flows to neither, a masqueraded network.
const FLOWS: &str = "
    i() { conntrack -I -t 100 \"$@\" >/dev/null 2>&1; }
    for port in 8080 8081 8085; do
        i -p udp -s 10.2.0.9 -d 10.1.0.1 --sport $port --dport $port -g 10.9.0.2
        i -p udp -s 10.2.0.8 -d 10.1.0.5 --sport $port --dport $port -g 10.9.0.3
        i -p tcp -s 10.2.0.9 -d 10.1.0.1 --sport $port --dport $port -g 10.9.0.2 \
            --state ESTABLISHED -u SEEN_REPLY,ASSURED
        i -p udp -s 10.2.0.7 -d 10.1.0.1 --sport $port --dport $port
        i -p udp -s 10.2.0.7 -d 10.9.0.2 --sport $port --dport $port
        i -p udp -s 10.9.0.2 -d 192.0.2.1 --sport $port --dport $port -n 10.1.0.1
        i -p udp -s 10.9.1.2 -d 192.0.2.2 --sport $port --dport $port -n 10.1.0.1
        i -p udp -s fd02::9 -d fd01::1 --sport $port --dport $port -g fd09::2
        i -p udp -s fd02::9 -d fd01::7 --sport $port --dport $port
        i -p sctp -s 10.2.0.9 -d 10.1.0.1 --sport $port --dport $port -g 10.9.0.2 --state ESTABLISHED \
            --orig-vtag 1 --reply-vtag 2
    done
    i -p icmp -s 10.9.0.2 -d 192.0.2.1 --icmp-type 8 --icmp-code 0 --icmp-id 7";

fn asked() -> Vec<Vec<FlowMatch>> {
    let straight = |port, dst| FlowMatch {
        dst: net(dst),
        ..to_port(17, port, Nat::Straight)
    };
    let to = |dst| FlowMatch {
        protocol: Some(17),
        dst: net(dst),
        ..FlowMatch::all(Nat::Any)
    };
    let from = |subnet, nat| FlowMatch {
        from: net(subnet),
        ..FlowMatch::all(nat)
    };
    vec![
        vec![published(17, 8080, "10.9.0.2", 8080)],
        vec![published(17, 8080, "10.9.0.2", 80)],
        vec![published(6, 8081, "10.9.0.2", 8081)],
        vec![published(132, 8081, "10.9.0.2", 8081)],
        vec![published(17, 8081, "fd09::2", 8081)],
        vec![
            published(17, 8080, "10.9.0.2", 8080),
            published(6, 8081, "10.9.0.2", 8081),
        ],
        vec![
            published(17, 8080, "10.9.0.2", 8080),
            published(17, 8080, "fd09::2", 8080),
        ],
        vec![FlowMatch {
            ports: Some((8081, 8090)),
            ..published(17, 0, "10.9.0.2", 8085)
        }],
        vec![FlowMatch {
            dst: net("10.1.0.5"),
            ..published(17, 8080, "10.9.0.3", 8080)
        }],
        vec![straight(8080, "10.1.0.1")],
        vec![straight(8080, "10.1.0.1"), straight(8080, "fd01::7")],
        vec![from("10.9.0.0/24", Nat::Masqueraded)],
        vec![from("10.9.0.0/24", Nat::Any)],
        vec![from("10.9.0.0/16", Nat::Masqueraded)],
        vec![FlowMatch {
            dst: net("192.0.2.0/24"),
            ..from("10.9.0.0/24", Nat::Any)
        }],
        vec![FlowMatch {
            protocol: Some(1),
            ..from("10.9.0.2", Nat::Any)
        }],
        vec![to("10.1.0.0/30")],
        vec![to("fd01::/64")],
    ]
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn the_same_go_as_by_conntrack() {
    for flows in asked() {
        let (mut ours, mut listed, theirs) = (yard(), yard(), yard());
        for one in [&ours, &listed, &theirs] {
            one.sh(FLOWS);
        }
        let before = ours.flows();
        assert_eq!(before, theirs.flows());
        let gone = ours.delete(&flows);
        let left = ours.flows();
        assert_eq!(listed.delete_by(delete_listed, &flows), gone);
        assert_eq!(left, listed.flows());
        let op = Op::DelFlows {
            netns: Netns::Host,
            flows,
        };
        for command in op.commands() {
            theirs.sh(&command);
        }
        assert_eq!(left, theirs.flows(), "{}", op.title());
        assert_eq!(before.len() - left.len(), gone, "{}", op.title());
        let none = op.title() == "remove flows udp 8080 to 10.9.0.2:80";
        assert_eq!(gone == 0, none, "{}", op.title());
    }
}

const DNAT: &str = "nft -f - <<'END'
table ip nat {
    map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
    chain output {
        type nat hook output priority -100;
        ip daddr 127.0.0.1 dnat ip to meta l4proto . th dport map @ports
    }
}
END
nft add element ip nat ports { udp . 8080 : 127.0.0.2 . 80, udp . 8081 : 127.0.0.2 . 81 }
nft add element ip nat ports { tcp . 8080 : 127.0.0.2 . 80, tcp . 8081 : 127.0.0.2 . 81 }";

fn udp(at: &str) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(at)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Sends a word, and says at which of the two it arrived.
fn arrives(client: &UdpSocket, old: &UdpSocket, new: &UdpSocket) -> &'static str {
    client.send(b"x").unwrap();
    let heard = |server: &UdpSocket| server.recv(&mut [0; 8]).is_ok();
    match (heard(old), heard(new)) {
        (true, false) => "old",
        (false, true) => "new",
        _ => "nowhere",
    }
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn udp_leaves_the_old_place_only_when_its_flow_ends() {
    let mut yard = yard();
    yard.sh(DNAT);
    let open = || {
        Ok((
            udp("127.0.0.2:80")?,
            udp("127.0.0.3:80")?,
            udp("127.0.0.1:4000")?,
        ))
    };
    let (old, new, client) = yard.inside(open);
    client.connect("127.0.0.1:8080").unwrap();
    assert_eq!(arrives(&client, &old, &new), "old");
    yard.sh("nft 'delete element ip nat ports { udp . 8080 }; add element ip nat ports { udp . 8080 : 127.0.0.3 . 80 }'");
    assert_eq!(arrives(&client, &old, &new), "old");
    assert_eq!(yard.delete(&[published(17, 8080, "127.0.0.2", 80)]), 1);
    assert_eq!(arrives(&client, &old, &new), "new");
    // A port that is published only now: what was sent there before was sent to the host.
    let open = || Ok((udp("127.0.0.1:9090")?, udp("127.0.0.1:4001")?));
    let (host, client) = yard.inside(open);
    client.connect("127.0.0.1:9090").unwrap();
    assert_eq!(arrives(&client, &host, &new), "old");
    yard.sh("nft 'add element ip nat ports { udp . 9090 : 127.0.0.3 . 80 }'");
    assert_eq!(arrives(&client, &host, &new), "old");
    let straight = FlowMatch {
        dst: net("127.0.0.1"),
        ..to_port(17, 9090, Nat::Straight)
    };
    assert_eq!(yard.delete(&[straight]), 1);
    assert_eq!(arrives(&client, &host, &new), "new");
}

#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn only_the_flows_of_one_tcp_port_end() {
    let mut yard = yard();
    yard.sh(DNAT);
    let talk = |at: &'static str, port: u16| {
        move || {
            let listener = TcpListener::bind(at)?;
            let mut client = TcpStream::connect(("127.0.0.1", port))?;
            let (mut served, _) = listener.accept()?;
            client.write_all(b"x")?;
            served.read_exact(&mut [0])?;
            Ok((client, served))
        }
    };
    let (mut one, mut server) = yard.inside(talk("127.0.0.2:80", 8080));
    let (mut other, mut its_server) = yard.inside(talk("127.0.0.2:81", 8081));
    let before = yard.flows();
    assert_eq!(yard.delete(&[published(6, 8080, "127.0.0.2", 80)]), 1);
    let gone: Vec<_> = before.difference(&yard.flows()).cloned().collect();
    assert!(
        matches!(&gone[..], [one] if one.contains("dport=8080")),
        "{gone:?}"
    );
    other.write_all(b"x").unwrap();
    its_server.read_exact(&mut [0]).unwrap();
    // Where the rules are as before, a connection does not even notice.
    one.write_all(b"x").unwrap();
    server.read_exact(&mut [0]).unwrap();
    assert_eq!(yard.flows().len(), before.len());
}

/// What stands beside it does not go, and takes no time worth speaking of.
#[test]
#[ignore = "needs CAP_NET_ADMIN: run by the kernel tier"]
fn ten_thousand_foreign_flows_stay() {
    let mut yard = yard();
    yard.sh(DNAT);
    yard.inside(|| {
        let client = UdpSocket::bind("127.0.0.1:0")?;
        for i in 0..10_000u16 {
            client.send_to(b"x", ("127.1.0.1", 10_000 + i))?;
        }
        let ports = [8080, 8081];
        ports
            .iter()
            .try_for_each(|port| client.send_to(b"x", ("127.0.0.1", *port)).map(|_| ()))
    });
    let all = yard.count();
    assert!(all >= 10_002, "{all}");
    let ports: Vec<FlowMatch> = (0..1000)
        .map(|i| published(17, 8080 + i, "127.0.0.2", 80 + i))
        .collect();
    for (flows, gone) in [(&ports[..1], 1), (&ports[..], 1), (&ports[..], 0)] {
        let began = Instant::now();
        assert_eq!(yard.delete(flows), gone);
        let took = began.elapsed();
        println!("{} ports beside 10,000 flows: {took:?}", flows.len());
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    assert_eq!(yard.count(), all - 2);
}
