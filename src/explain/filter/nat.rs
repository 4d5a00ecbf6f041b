//! The addresses that a packet gets.

use std::net::IpAddr;

use super::bytes::Bytes;
use super::headers;
use super::machine::Machine;
use super::packet::Packet;
use super::passage::Rewrite;
use crate::state::ruleset::{Header, Nat, NatKind, Payload};

/// What an expression makes of a packet; `None`: that is not known.
pub(super) fn rewrite(nat: &Nat, machine: &Machine<'_>, packet: &Packet) -> Option<Rewrite> {
    let length = headers::addresses_at(packet).2;
    let known = |from: usize, length: usize| {
        let bytes = machine.register(from, length);
        bytes.is_known().then_some(bytes.value)
    };
    let address = match nat.address {
        None => None,
        Some((first, last)) => Some((
            address(&known(first, length)?)?,
            address(&known(last, length)?)?,
        )),
    };
    let ports = |(first, last)| Some((port(&known(first, 2)?)?, port(&known(last, 2)?)?));
    let port = match nat.port.map(ports) {
        // Where it is not known which port it comes from, it is not which one it gets.
        Some(None) if is_source(nat.kind) && packet.is_chosen(true) => None,
        None => None,
        Some(ports) => Some(ports?),
    };
    let address = match (address, nat.netmap) {
        (Some(range), true) => Some(moved(range, target(nat.kind, packet))?),
        (address, _) => address,
    };
    Some(Rewrite {
        kind: nat.kind,
        address,
        port,
    })
}

/// Whether two ways give a packet the same addresses, and the same ports as far as these are
/// known: a port that was chosen is any in any case.
pub(super) fn agree(one: &Option<Rewrite>, other: &Option<Rewrite>, packet: &Packet) -> bool {
    match (one, other) {
        (Some(one), Some(other)) if is_source(one.kind) && packet.is_chosen(true) => {
            (one.kind, one.address) == (other.kind, other.address)
        }
        _ => one == other,
    }
}

/// What two that agree give.
pub(super) fn shared(one: Option<Rewrite>, other: &Option<Rewrite>) -> Option<Rewrite> {
    let other = other.as_ref().and_then(|other| other.port);
    let mut one = one?;
    one.port = one.port.filter(|port| other == Some(*port));
    Some(one)
}

fn target(kind: NatKind, packet: &Packet) -> IpAddr {
    match is_source(kind) {
        true => packet.source,
        false => packet.destination,
    }
}

pub(super) fn is_source(kind: NatKind) -> bool {
    matches!(kind, NatKind::Source | NatKind::Masquerade)
}

/// The host's part of an address in another network, given by its first and last address
/// (nft_nat_setup_netmap, net/netfilter/nft_nat.c).
fn moved((first, last): (IpAddr, IpAddr), old: IpAddr) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = (headers::octets(first), headers::octets(last));
    let old = headers::octets(old);
    let bytes = first.iter().zip(&last).zip(&old);
    let new: Vec<u8> = bytes
        .map(|((first, last), old)| {
            let host = first ^ last;
            (old & host) | (first & !host)
        })
        .collect();
    let new = address(&new)?;
    Some((new, new))
}

pub(super) fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

fn port(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

/// Gives the packet the addresses; says whether they are known. A port that is in the range
/// stays, else a destination gets the first one (nf_nat_l4proto_unique_tuple,
/// net/netfilter/nf_nat_core.c).
pub(super) fn apply(rewrite: &Rewrite, packet: &mut Packet) -> bool {
    let before = packet.ends();
    packet.connection.original.get_or_insert(before);
    let source = is_source(rewrite.kind);
    let mut known = true;
    match (rewrite.address, source) {
        (Some((first, last)), true) => {
            packet.source = first;
            known &= first == last;
        }
        (Some((first, last)), false) => {
            packet.destination = first;
            known &= first == last;
        }
        (None, _) => known &= matches!(rewrite.kind, NatKind::Source | NatKind::Destination),
    }
    let old = match source {
        true => &mut packet.source_port,
        false => &mut packet.destination_port,
    };
    if let Some((first, last)) = rewrite.port
        && !(first..=last).contains(old)
    {
        *old = first;
        known &= !source || first == last;
    }
    known
}

/// What a rule writes over a packet's header by itself: addresses, ports, and how many routers
/// it may still pass.
pub(super) fn write(payload: Payload, bytes: &Bytes, packet: &mut Packet) {
    let (source, destination, length) = headers::addresses_at(packet);
    match (payload.base, payload.offset, payload.length) {
        (Header::Network, at, size) if size == length && bytes.is_known() => {
            if let Some(new) = address(&bytes.value) {
                if at == source {
                    packet.source = new;
                }
                if at == destination {
                    packet.destination = new;
                }
            }
        }
        // With the byte beside it, for the checksum's sake.
        (Header::Network, at, 1 | 2) => {
            let place = if packet.is_ipv6() { 7 } else { 8 };
            let own = usize::checked_sub(place, at).and_then(|from| bytes.cut(from, 1));
            if let Some(own) = own.filter(Bytes::is_known) {
                packet.ttl = own.value[0];
            }
        }
        (Header::Transport, at, 2) if headers::has_ports(packet.protocol) => {
            match (at, port(&bytes.value)) {
                (0, Some(new)) => packet.source_port = new,
                (2, Some(new)) => packet.destination_port = new,
                _ => {}
            }
        }
        _ => {}
    }
}
