//! What a namespace says in another's name does not leave its port; raw frames show it.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::frames::{OTHER, PC, ethernet, honest, ipv4, marker, spoofed, tagged, udp};
use crate::sandbox::{file, ok, pings, sh, until};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("spoof::a port speaks for itself only", checked),
        test("spoof::a port that is trusted says anything", || {
            free("trusted: true", "")
        }),
        test("spoof::a router says anything", || {
            free("", "forward: true")
        }),
        test(
            "spoof::neighbours are found, and addresses checked",
            neighbours,
        ),
        test(
            "spoof::a port on another lab's network speaks for itself only",
            plugged_in,
        ),
        test("spoof::each lab has its own ports", labs),
        test("spoof::nothing comes in by reserved addresses", reserved),
    ]
}

fn lab(interface: &str, namespace: &str) -> String {
    let mac = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
    format!(
        r#"
lab: spoof
networks: {{ lan: {{ bridge: br-spoof, subnets: [10.5.0.0/24, "fd00:5::/64"] }} }}
namespaces:
  pc:
    interfaces:
      eth0: {{ network: lan, mac: "{}", addresses: [10.5.0.10/24, "fd00:5::a/64"], {interface} }}
    {namespace}
  other:
    interfaces: {{ eth0: {{ network: lan, mac: "{}", addresses: [10.5.0.11/24, "fd00:5::b/64"] }} }}
"#,
        mac(PC),
        mac(OTHER)
    )
}

/// A socket that sends and hears frames, opened in a namespace.
pub(crate) fn packet(netns: &str) -> OwnedFd {
    let path = format!("/run/netns/{netns}");
    let inside = thread::spawn(move || {
        let namespace = std::fs::File::open(path).expect("the namespace");
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), network).expect("inside");
        let all = rustix::net::Protocol::from_raw(
            std::num::NonZeroU32::new(u32::from((libc::ETH_P_ALL as u16).to_be()))
                .expect("a number"),
        );
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, Some(all));
        let socket = socket.expect("a packet socket");
        bind(&socket);
        socket
    });
    inside.join().expect("a packet socket")
}

/// To `eth0`.
fn bind(socket: &OwnedFd) {
    // SAFETY: the name ends with a zero.
    let index = unsafe { libc::if_nametoindex(c"eth0".as_ptr()) };
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: index as i32,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of_val(&address) as u32;
    // SAFETY: the address is of its family's type, and as long as said.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    assert_eq!(bound, 0, "{}", std::io::Error::last_os_error());
}

/// The way between two namespaces is one queue of the processor that sends: with one
/// processor alone, frames arrive in the order in which they were sent.
pub(crate) fn on_one_processor() {
    let here = rustix::thread::sched_getcpu();
    let mut one = rustix::thread::CpuSet::new();
    one.set(here);
    rustix::thread::sched_setaffinity(None, &one).expect("one processor");
}

struct Wire {
    from: OwnedFd,
    to: OwnedFd,
}

impl Wire {
    /// Whether a frame comes out at the other end: one that surely does follows it.
    fn carries(&self, frame: &[u8]) -> bool {
        let (seen, marker) = (untagged(frame), marker());
        let mut bytes = [0; 2048];
        let began = Instant::now();
        for frame in [frame, &marker] {
            rustix::net::send(&self.from, frame, SendFlags::empty()).expect("sent");
        }
        let mut carried = false;
        while began.elapsed() < Duration::from_secs(10) {
            let Ok((_, length)) = rustix::net::recv(&self.to, &mut bytes[..], RecvFlags::empty())
            else {
                thread::yield_now();
                continue;
            };
            match &bytes[..length] {
                heard if is(heard, &marker) => return carried,
                heard => carried |= is(heard, &seen),
            }
        }
        panic!("an honest frame did not come through");
    }
}

/// br_netfilter cuts the padding off (`br_validate_ipv4`).
fn is(heard: &[u8], sent: &[u8]) -> bool {
    heard.len() > 40 && sent.starts_with(heard)
}

/// As a packet socket gives it: the first tag is taken out (`skb_vlan_untag`).
fn untagged(frame: &[u8]) -> Vec<u8> {
    match frame[12..14] {
        [0x81, 0] | [0x88, 0xa8] => [&frame[..12], &frame[16..]].concat(),
        _ => frame.to_vec(),
    }
}

fn up(text: &str) -> Wire {
    ok(&["up", &file("spoof.yaml", text)]);
    wire()
}

fn wire() -> Wire {
    // A port carries frames once its carrier was noticed.
    until("the ports forward", || {
        pings("pc", "10.5.0.11") && pings("pc", "fd00:5::b")
    });
    on_one_processor();
    Wire {
        from: packet("pc"),
        to: packet("other"),
    }
}

/// `pc` of another lab, with the same addresses: the first of the pool.
fn plugged_in() {
    let mac = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
    let owner = format!(
        r#"
lab: owner
networks:
  lan:
    subnets: [10.5.0.0/24, "fd00:5::/64"]
    ranges: [10.5.0.10-10.5.0.20, "fd00:5::a-fd00:5::20"]
namespaces:
  other:
    interfaces: {{ eth0: {{ network: lan, mac: "{}", addresses: [10.5.0.11/24, "fd00:5::b/64"] }} }}
"#,
        mac(OTHER)
    );
    let guest = format!(
        r#"
lab: guest
networks: {{ lan: {{ external: owner }} }}
namespaces: {{ pc: {{ interfaces: {{ eth0: {{ network: lan, mac: "{}" }} }} }} }}
"#,
        mac(PC)
    );
    ok(&["up", &file("owner.yaml", &owner)]);
    ok(&["up", &file("guest.yaml", &guest)]);
    let wire = wire();
    only_honest(&wire);
    // And after a change of the lab that has the network.
    ok(&[
        "up",
        "--yes",
        &file("owner.yaml", &owner.replace("fd00:5::20", "fd00:5::30")),
    ]);
    only_honest(&wire);
}

fn only_honest(wire: &Wire) {
    for (what, frame) in honest() {
        assert!(wire.carries(&frame), "{what} is dropped");
    }
    for (what, frame) in spoofed() {
        assert!(!wire.carries(&frame), "{what} passes");
    }
}

fn checked() {
    let wire = up(&lab("", ""));
    only_honest(&wire);
    // What is honest is no more so behind a tag, where nobody looks.
    let (_, datagram) = &honest()[0];
    assert!(!wire.carries(&tagged(datagram, &[0x8100])));
    // And again when somebody took the table away.
    sh("nft delete table bridge netyard");
    let (what, frame) = &spoofed()[0];
    assert!(wire.carries(frame), "without a table {what} passes");
    ok(&["up", "--yes", &file("spoof.yaml", &lab("", ""))]);
    assert!(!wire.carries(frame), "{what} passes");
}

fn free(interface: &str, namespace: &str) {
    let wire = up(&lab(interface, namespace));
    for (what, frame) in honest().into_iter().chain(spoofed()) {
        assert!(wire.carries(&frame), "{what} is dropped");
    }
    // The key is a change like any other.
    ok(&["up", "--yes", &file("spoof.yaml", &lab("", ""))]);
    for (what, frame) in spoofed() {
        assert!(!wire.carries(&frame), "{what} passes");
    }
}

/// Neighbours forgotten, and addresses that the kernel checks before it uses them.
fn neighbours() {
    ok(&["up", &file("spoof.yaml", &lab("", ""))]);
    for netns in ["pc", "other"] {
        sh(&format!("ip -n {netns} neigh flush all"));
        // With duplicate address detection, which netyard leaves out.
        sh(&format!("ip -n {netns} link set eth0 down"));
        sh(&format!("ip -n {netns} link set eth0 up"));
    }
    ok(&["up", "--yes", &file("spoof.yaml", &lab("", ""))]);
    until("the link-local address is checked", || {
        !sh("ip -n pc -6 address show dev eth0").contains("tentative")
    });
    let own = sh("ip -n pc -6 address show dev eth0");
    assert!(
        own.contains("fe80::ff:fe00:a/64") && !own.contains("dadfailed"),
        "{own}"
    );
    for to in [
        "10.5.0.11",
        "fd00:5::b",
        "fe80::ff:fe00:b%eth0",
        "fd00:5::1",
    ] {
        assert!(pings("pc", to), "{to}");
    }
}

/// An address given by hand is nobody's; another lab's elements stay when one goes.
fn labs() {
    let second = "
lab: second
networks: { lan: { subnets: [10.6.0.0/24] } }
namespaces: { two: { interfaces: { eth0: { network: lan, addresses: 10.6.0.2/24 } } } }
";
    ok(&["up", &file("spoof.yaml", &lab("", ""))]);
    ok(&["up", &file("second.yaml", second)]);
    ok(&["down", "spoof"]);
    assert!(pings("two", "10.6.0.1"));
    sh("ip -n two address add 10.6.0.66/24 dev eth0");
    sh("ip -n two address del 10.6.0.2/24 dev eth0");
    assert!(!pings("two", "10.6.0.1"));
    ok(&["up", "--yes", &file("second.yaml", second)]);
    assert!(pings("two", "10.6.0.1"));
    ok(&["down", "second"]);
    assert_eq!(sh("nft list ruleset"), "");
}

/// A frame to the group of LLDP, with another's source and a datagram for the host: it comes
/// by no rule that looks at a port's frames.
fn reserved() {
    ok(&["up", &file("spoof.yaml", &lab("", ""))]);
    let host = std::net::UdpSocket::bind("10.5.0.1:4000").expect("a free port");
    let sender = packet("pc");
    let to_host = ipv4("10.5.0.66", "10.5.0.1", 17, &udp(1, 4000));
    let forged = ethernet([0x01, 0x80, 0xc2, 0, 0, 0x0e], PC, 0x800, &to_host);
    let first = || {
        rustix::net::send(&sender, &forged, SendFlags::empty()).expect("sent");
        sh("ip netns exec pc bash -c 'echo honest > /dev/udp/10.5.0.1/4000'");
        let (_, from) = host.recv_from(&mut [0; 99]).expect("a datagram");
        from.ip().to_string()
    };
    on_one_processor();
    until("a way", || pings("pc", "10.5.0.1"));
    assert_eq!(first(), "10.5.0.10");
    sh("nft flush chain inet netyard raw");
    assert_eq!(first(), "10.5.0.66", "else this test shows nothing");
    ok(&["repair", "spoof"]);
}
