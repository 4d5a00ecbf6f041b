//! Whether a condition of iptables holds.

use std::net::IpAddr;

use super::Info;
use crate::explain::filter::bytes::{Bytes, Truth, both};
use crate::explain::filter::headers;
use crate::explain::filter::load;
use crate::explain::filter::packet::{Bits, ConnectionState, Packet};
use crate::explain::filter::walk::Scene;
use crate::state::ruleset::Meta;

/// Whether it holds; `None`: that is not known, or it is not understood.
pub(in crate::explain::filter) fn holds(
    name: &str,
    revision: u32,
    info: &[u8],
    packet: &Packet,
    scene: &Scene<'_>,
) -> Truth {
    let info = Info(info);
    match (name, revision) {
        // That a limit is not reached is assumed.
        ("comment" | "limit", _) => Some(true),
        ("conntrack", 1..) => conntrack(info, revision, packet, scene),
        ("state", _) => Some(info.u32(0) & state(packet, scene, 1 << 6) != 0),
        ("addrtype", _) => address_type(info, revision, packet, scene),
        ("tcp", _) => tcp(info, packet),
        ("udp" | "udplite", _) => ports(info, packet, info.u8(8)),
        ("icmp" | "icmp6", _) => icmp(info, packet),
        ("multiport", 1) => multiport(info, packet),
        ("mark", 1) => marked(info, packet.mark),
        ("connmark", 1) if !has_connection(packet, scene) => Some(false),
        ("connmark", 1) => marked(info, packet.connection.mark),
        ("iprange", 1) => Some(in_range(info, packet)),
        ("mac", _) => {
            let (source, _) = packet.ether?;
            Some((source == info.bytes::<6>(0)) != (info.u32(8) != 0))
        }
        ("pkttype", _) => {
            let kind = load::meta(Meta::PktType, packet, scene)?;
            Some((kind.equals(&[info.u32(0) as u8])?) != (info.u32(4) != 0))
        }
        ("length", _) => {
            let size = packet.size.min(0xffff) as u16;
            Some((info.u16(0)..=info.u16(2)).contains(&size) != (info.u8(4) != 0))
        }
        ("ttl" | "hl", _) => Some(match (info.u8(0), info.u8(1)) {
            (0, ttl) => packet.ttl == ttl,
            (1, ttl) => packet.ttl != ttl,
            (2, ttl) => packet.ttl < ttl,
            (_, ttl) => packet.ttl > ttl,
        }),
        _ => None,
    }
}

fn has_connection(packet: &Packet, scene: &Scene<'_>) -> bool {
    let none = [ConnectionState::Invalid, ConnectionState::Untracked];
    scene.tracked && !none.contains(&packet.connection.state)
}

/// The state's bit; that of what is not tracked is not the same everywhere.
fn state(packet: &Packet, scene: &Scene<'_>, untracked: u32) -> u32 {
    match packet.connection.state {
        ConnectionState::Untracked => untracked,
        _ => load::state_bits(packet, scene),
    }
}

/// conntrack_mt of net/netfilter/xt_conntrack.c; `struct xt_conntrack_mtinfo3`, of which the
/// first revision has shorter masks.
fn conntrack(info: Info<'_>, revision: u32, packet: &Packet, scene: &Scene<'_>) -> Truth {
    const STATE: u16 = 1;
    const STATUS: u16 = 1 << 6;
    const DIRECTION: u16 = 1 << 12;
    /// What is told of replies, and how long it lasts.
    const OTHERS: u16 = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 10 | 1 << 11;
    const SNAT: u32 = 1 << 6;
    const DNAT: u32 = 1 << 7;
    const UNTRACKED: u32 = 1 << 8;
    let (flags, inverted) = (info.u16(146), info.u16(148));
    let (states, status) = match revision {
        1 => (info.u8(150).into(), info.u8(151).into()),
        _ => (u32::from(info.u16(150)), u32::from(info.u16(152))),
    };
    let mut holds = Some(true);
    let mut test = |flag: u16, is: Truth| {
        if flags & flag != 0 {
            holds = both(holds, is.map(|is| is != (inverted & flag != 0)));
        }
    };
    let connection = &packet.connection;
    let there = has_connection(packet, scene);
    let mut bit = state(packet, scene, UNTRACKED);
    bit |= if there && connection.snat { SNAT } else { 0 };
    bit |= if there && connection.dnat { DNAT } else { 0 };
    test(STATE, Some(states & bit != 0));
    if !there {
        return both(holds, Some(flags & STATE != 0));
    }
    test(DIRECTION, Some(!connection.reply));
    let (set, known) = load::status_bits(packet);
    test(
        STATUS,
        match status & set {
            0 => (status & !known == 0).then_some(false),
            _ => Some(true),
        },
    );
    test(OTHERS, None);
    both(holds, originally(info, revision, packet))
}

/// From where to where the connection went at first.
fn originally(info: Info<'_>, revision: u32, packet: &Packet) -> Truth {
    const PROTO: u16 = 1 << 1;
    const SOURCE: u16 = 1 << 2;
    const DESTINATION: u16 = 1 << 3;
    const SOURCE_PORT: u16 = 1 << 8;
    const DESTINATION_PORT: u16 = 1 << 9;
    let (flags, inverted) = (info.u16(146), info.u16(148));
    let ends = packet.connection.original.unwrap_or_else(|| packet.ends());
    let port = |port: u16, first: usize, last: usize| match revision {
        3.. => (info.u16(first)..=info.u16(last)).contains(&port),
        _ => info.port(first) == port,
    };
    let tests = [
        (PROTO, info.u16(136) == u16::from(packet.protocol)),
        (SOURCE, masked(info, 0, ends.source.0)),
        (DESTINATION, masked(info, 32, ends.destination.0)),
        (SOURCE_PORT, port(ends.source.1, 138, 154)),
        (DESTINATION_PORT, port(ends.destination.1, 140, 156)),
    ];
    let mut wanted = tests.iter().filter(|(flag, _)| flags & flag != 0);
    Some(wanted.all(|(flag, is)| *is != (inverted & flag != 0)))
}

/// Whether an address is the one there, as far as the mask behind it says.
fn masked(info: Info<'_>, at: usize, address: IpAddr) -> bool {
    let octets = headers::octets(address);
    let there = |i: usize| (info.u8(at + i), info.u8(at + 16 + i));
    octets.iter().enumerate().all(|(i, octet)| {
        let (wanted, mask) = there(i);
        (octet ^ wanted) & mask == 0
    })
}

/// addrtype_mt_v1 of net/netfilter/xt_addrtype.c.
fn address_type(info: Info<'_>, revision: u32, packet: &Packet, scene: &Scene<'_>) -> Truth {
    let flags = match revision {
        0 => u32::from(info.u32(4) != 0) | u32::from(info.u32(8) != 0) << 1,
        _ => info.u32(4),
    };
    let device = match (flags & 4 != 0, flags & 8 != 0) {
        (true, _) => packet.iif.as_ref(),
        (_, true) => packet.oif.as_ref(),
        _ => None,
    };
    let dev = device.map(|(name, _)| name.as_str());
    let is = |address, mask: u16, not: bool| match mask {
        0 => Some(true),
        _ => {
            let kind = scene.ask.address_type(address, dev)?;
            Some((mask & 1 << kind as u16 != 0) != not)
        }
    };
    both(
        is(packet.source, info.u16(0), flags & 1 != 0),
        is(packet.destination, info.u16(2), flags & 2 != 0),
    )
}

fn ports(info: Info<'_>, packet: &Packet, inverted: u8) -> Truth {
    let within = |source, at: usize, not: bool| {
        let is = packet.port_in(source, (info.u16(at), info.u16(at + 2)));
        is.map(|is| is != not)
    };
    both(
        within(true, 0, inverted & 1 != 0),
        within(false, 4, inverted & 2 != 0),
    )
}

/// tcp_mt of net/netfilter/xt_tcpudp.c. Options are not known.
fn tcp(info: Info<'_>, packet: &Packet) -> Truth {
    let inverted = info.u8(11);
    let flags = headers::transport(packet).cut(13, 1);
    let flags = flags.unwrap_or_else(|| Bytes::unknown(1));
    let mask = info.u8(9);
    let seen = flags.each(|_, value, known| (value & mask, known | !mask));
    let flagged = match mask {
        0 => Some(true),
        _ => seen.equals(&[info.u8(10)]),
    };
    let flagged = flagged.map(|is| is != (inverted & 4 != 0));
    let option = (info.u8(8) == 0).then_some(true);
    both(ports(info, packet, inverted), both(flagged, option))
}

/// The type 255 stands for all.
fn icmp(info: Info<'_>, packet: &Packet) -> Truth {
    let (kind, code) = packet.icmp?;
    let any = info.u8(0) == 0xff;
    let is = info.u8(0) == kind && (info.u8(1)..=info.u8(2)).contains(&code);
    Some((any || is) != (info.u8(3) & 1 != 0))
}

/// Ports one by one, or, flagged, the first of two that are a range.
fn multiport(info: Info<'_>, packet: &Packet) -> Truth {
    let among = |source: bool| {
        let count = usize::from(info.u8(1)).min(15);
        let value = |i: usize| info.u16(2 + 2 * i);
        let ranged = |i: usize| info.u8(32 + i) != 0;
        let range = |i: usize| match ranged(i) {
            true => (value(i), value(i + 1)),
            false => (value(i), value(i)),
        };
        any((0..count).map(|i| packet.port_in(source, range(i))))
    };
    let is = match info.u8(0) {
        0 => among(true),
        1 => among(false),
        _ => any([among(true), among(false)]),
    };
    is.map(|is| is != (info.u8(47) != 0))
}

/// Whether one of these holds.
fn any(all: impl IntoIterator<Item = Truth>) -> Truth {
    let mut none = Some(false);
    for one in all {
        match one {
            Some(true) => return Some(true),
            Some(false) => {}
            None => none = None,
        }
    }
    none
}

fn marked(info: Info<'_>, mark: Bits) -> Truth {
    let (wanted, mask) = (info.u32(0), info.u32(4));
    let differs = (mark.value ^ wanted) & mask & mark.known != 0 || wanted & !mask != 0;
    let known = mask & !mark.known == 0;
    let equal = match differs {
        true => Some(false),
        false => known.then_some(true),
    };
    equal.map(|equal| equal != (info.u8(8) != 0))
}

/// `struct xt_iprange_mtinfo`.
fn in_range(info: Info<'_>, packet: &Packet) -> bool {
    let flags = info.u8(64);
    let six = packet.is_ipv6();
    let is = |address: IpAddr, at: usize, flag: u8| {
        let range = info.address(at, six)..=info.address(at + 16, six);
        flags & flag == 0 || range.contains(&address) != (flags & flag << 4 != 0)
    };
    is(packet.source, 0, 1) && is(packet.destination, 32, 2)
}
