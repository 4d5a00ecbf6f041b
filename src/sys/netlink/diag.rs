//! Sockets that listen (sock_diag(7)).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;

use super::attr::{parse, put};
use super::socket::{Request, Socket, u16_at, u32_at};
use crate::state::{Listener, PortRange, Transport};
use crate::sys::uapi::*;

/// With more ranges the kernel gets one around all of them: it compares each jump of the
/// filter with all before it (`inet_diag_bc_audit`, net/ipv4/inet_diag.c).
const MOST_RANGES: usize = 256;

/// A socket, and the inode by which its process knows it; 0: it is the kernel's own.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) listener: Listener,
    pub(crate) inode: u32,
    /// The number of the device that it is bound to; 0: none.
    pub(crate) dev: u32,
}

/// What listens on these ports, of one protocol and both families, in the namespace of
/// the socket. The kernel looks through its sockets and hands out only those.
pub(crate) fn listening(
    socket: &mut Socket,
    protocol: Transport,
    ports: &[PortRange],
) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let request = question(family as u8, protocol, &filter(&merged(ports)));
        match socket.dump(&request)? {
            Ok(replies) => {
                let all = replies.iter().filter_map(|(_, body)| read(protocol, body));
                let named = |one: &Found| {
                    let port = one.listener.at.port();
                    ports.iter().any(|range| range.contains(port))
                };
                found.extend(all.filter(named));
            }
            // A kernel without the protocol, or that cannot tell of it (CONFIG_INET_DIAG).
            Err(e) if e.errno == Errno::NOENT.raw_os_error() => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(found)
}

/// A UDP socket listens as long as it is connected to nobody.
fn states(protocol: Transport) -> u32 {
    match protocol {
        Transport::Tcp | Transport::Sctp => 1 << TCP_LISTEN,
        Transport::Udp => 1 << TCP_CLOSE,
    }
}

/// `struct inet_diag_req_v2`: family, protocol, what else is asked for, a pad, states, and
/// the ends of a connection, here any.
fn question(family: u8, protocol: Transport, filter: &[u8]) -> Request {
    let mut body = vec![family, protocol.number(), 0, 0];
    body.extend(states(protocol).to_ne_bytes());
    body.resize(INET_DIAG_REQUEST, 0);
    put(&mut body, INET_DIAG_REQ_BYTECODE, filter);
    Request {
        kind: SOCK_DIAG_BY_FAMILY,
        flags: 0,
        body,
    }
}

/// Ranges in order, those that touch as one; of too many one around all.
fn merged(ports: &[PortRange]) -> Vec<(u16, u16)> {
    let mut ports: Vec<_> = ports.iter().map(|p| (p.first(), p.last())).collect();
    ports.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (first, last) in ports {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    match (merged.first(), merged.last()) {
        (Some((first, _)), Some((_, last))) if merged.len() > MOST_RANGES => vec![(*first, *last)],
        _ => merged,
    }
}

/// The ranges as a program for the kernel (`inet_diag_bc_run`): each step has an offset to
/// go on at for yes and for no. Who comes to the end is listed, who jumps over it is not.
fn filter(ranges: &[(u16, u16)]) -> Vec<u8> {
    const COMPARE: usize = 8;
    const JUMP: usize = 4;
    let block = 2 * COMPARE + JUMP;
    let length = (ranges.len() * block).saturating_sub(JUMP);
    let mut out = Vec::with_capacity(length);
    let step = |out: &mut Vec<u8>, code: u8, yes: usize, no: usize| {
        out.extend([code, yes as u8]);
        out.extend((no as u16).to_ne_bytes());
    };
    let compare = |out: &mut Vec<u8>, code, no, port: u16| {
        step(out, code, COMPARE, no);
        // The port stands where a step has its second offset.
        out.extend([0, 0]);
        out.extend(port.to_ne_bytes());
    };
    for (first, last) in ranges {
        // From the last one these lead over the end.
        compare(&mut out, INET_DIAG_BC_S_GE, block, *first);
        compare(&mut out, INET_DIAG_BC_S_LE, COMPARE + JUMP, *last);
        if out.len() < length {
            let rest = length - out.len();
            step(&mut out, INET_DIAG_BC_JMP, JUMP, rest);
        }
    }
    out
}

/// `struct inet_diag_msg`.
fn read(protocol: Transport, body: &[u8]) -> Option<Found> {
    let ipv4 = i32::from(*body.first()?) == libc::AF_INET;
    let port = u16::from_be(u16_at(body, 4)?);
    let address: IpAddr = match ipv4 {
        true => <[u8; 4]>::try_from(body.get(8..12)?)
            .ok()
            .map(Ipv4Addr::from)?
            .into(),
        false => <[u8; 16]>::try_from(body.get(8..24)?)
            .ok()
            .map(Ipv6Addr::from)?
            .into(),
    };
    // An IPv6 socket may be bound to an IPv4 address (`::ffff:127.0.0.1`, RFC 4291, 2.5.5.2).
    let address = address.to_canonical();
    let attributes = body.get(INET_DIAG_ANSWER..).unwrap_or_default();
    let only = parse(attributes).any(|(kind, v)| kind == INET_DIAG_SKV6ONLY && v != [0]);
    Some(Found {
        listener: Listener {
            protocol,
            at: SocketAddr::new(address, port),
            both: address == IpAddr::from(Ipv6Addr::UNSPECIFIED) && !only,
            process: None,
        },
        inode: u32_at(body, 68)?,
        dev: u32_at(body, 40)?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the kernel does with the program.
    fn lets(filter: &[u8], port: u16) -> bool {
        let mut at = 0;
        while at < filter.len() {
            let no = usize::from(u16_at(filter, at + 2).unwrap());
            let bound = u16_at(filter, at + 6);
            let yes = match filter[at] {
                INET_DIAG_BC_S_GE => port >= bound.unwrap(),
                INET_DIAG_BC_S_LE => port <= bound.unwrap(),
                _ => false,
            };
            at += if yes { usize::from(filter[at + 1]) } else { no };
        }
        at == filter.len()
    }

    #[test]
    fn the_filter_lets_the_ranges_through() {
        let ranges = ["80", "8000-8010", "8011", "65535", "1"];
        let ranges = ranges.map(|range| range.parse().unwrap());
        assert_eq!(
            merged(&ranges),
            [(1, 1), (80, 80), (8000, 8011), (65535, 65535)]
        );
        let filter = filter(&merged(&ranges));
        for port in [1, 80, 8000, 8005, 8011, 65535] {
            assert!(lets(&filter, port), "{port}");
        }
        for port in [0, 2, 79, 81, 7999, 8012, 65534] {
            assert!(!lets(&filter, port), "{port}");
        }
    }

    #[test]
    fn too_many_ranges_are_one() {
        let odd = (1..2000)
            .step_by(2)
            .map(|port| port.to_string().parse().unwrap());
        assert_eq!(merged(&odd.collect::<Vec<_>>()), [(1, 1999)]);
    }

    #[test]
    fn what_listens_is_found_and_nothing_else() {
        use std::net::{TcpListener, UdpSocket};
        let (tcp, other) = (
            TcpListener::bind("127.0.0.1:0"),
            TcpListener::bind("127.0.0.1:0"),
        );
        let (tcp, _other) = (tcp.unwrap(), other.unwrap());
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect("127.0.0.1:9").unwrap();
        let mut socket = Socket::diag().unwrap();
        let mut at = |protocol, sockets: &[SocketAddr]| -> Vec<SocketAddr> {
            let range = |at: &SocketAddr| at.port().to_string().parse().unwrap();
            let ports: Vec<PortRange> = sockets.iter().map(range).collect();
            let found = listening(&mut socket, protocol, &ports).unwrap();
            found.iter().map(|one| one.listener.at).collect()
        };
        let tcp = tcp.local_addr().unwrap();
        assert_eq!(at(Transport::Tcp, &[tcp]), [tcp]);
        let (udp, client) = (udp.local_addr().unwrap(), client.local_addr().unwrap());
        assert_eq!(at(Transport::Udp, &[udp, client]), [udp]);
    }
}
