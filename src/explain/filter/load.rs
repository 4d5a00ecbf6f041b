//! What rules look at, as bytes in a register. `None`: the packet has no such thing, and the
//! rule ends (`NFT_BREAK`).

use super::bytes::Bytes;
use super::headers;
use super::packet::{Bits, ConnectionState, Device, Layer, Packet};
use super::passage::AddressType;
use super::walk::Scene;
use crate::state::ruleset::{Ct, Fib, FibResult, Header, Hook, Meta, Payload, TableFamily};

/// A device's name as the kernel compares it (`IFNAMSIZ`).
const NAME: usize = 16;

const NFPROTO_IPV4: u8 = 2;
const NFPROTO_ARP: u8 = 3;
const NFPROTO_NETDEV: u8 = 5;
const NFPROTO_BRIDGE: u8 = 7;
const NFPROTO_IPV6: u8 = 10;

fn number(value: u32) -> Bytes {
    Bytes::known(value.to_ne_bytes())
}

fn bits(bits: Bits) -> Bytes {
    Bytes::masked(&bits.value.to_ne_bytes(), &bits.known.to_ne_bytes())
}

fn byte(value: u8) -> Bytes {
    Bytes::known([value])
}

fn name(text: &str) -> Bytes {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(NAME, 0);
    Bytes::known(bytes)
}

/// IPv4 or IPv6 by netfilter's number.
pub(super) fn family(packet: &Packet) -> u8 {
    match packet.is_ipv6() {
        false => NFPROTO_IPV4,
        true => NFPROTO_IPV6,
    }
}

/// A device that is not there has the number 0 and an empty name (nft_meta_store_ifindex,
/// nft_meta_store_ifname in net/netfilter/nft_meta.c).
fn device(device: Option<&Device>, key: Meta, scene: &Scene<'_>) -> Bytes {
    let unknown = Bytes::unknown(4);
    match (device, key) {
        (None, Meta::Iif | Meta::Oif) => number(0),
        (None, Meta::IifName | Meta::OifName) => name(""),
        (Some((_, index)), Meta::Iif | Meta::Oif) => number(*index),
        (Some((dev, _)), Meta::IifName | Meta::OifName) => name(dev),
        (Some((dev, _)), Meta::IifGroup | Meta::OifGroup) => {
            scene.ask.group(dev).map_or(unknown, number)
        }
        (Some((dev, _)), Meta::IifKind | Meta::OifKind) => match scene.ask.kind(dev) {
            Some(kind) => name(&kind),
            None => Bytes::unknown(NAME),
        },
        // ARPHRD_LOOPBACK and ARPHRD_ETHER of linux/if_arp.h.
        (Some((dev, _)), Meta::IifType | Meta::OifType) if dev == "lo" => {
            Bytes::known(772u16.to_ne_bytes())
        }
        _ => Bytes::unknown(NAME),
    }
}

pub(super) fn meta(key: Meta, packet: &Packet, scene: &Scene<'_>) -> Option<Bytes> {
    let absent = |device: &Option<Device>| device.is_none();
    Some(match key {
        Meta::Length => number(packet.size),
        Meta::Protocol => Bytes::known(headers::ethertype(packet)),
        Meta::Mark => bits(packet.mark),
        Meta::Trace => byte(0),
        Meta::NfProto => byte(match (scene.family, scene.layer) {
            (TableFamily::Netdev, _) => NFPROTO_NETDEV,
            (TableFamily::Arp, _) => NFPROTO_ARP,
            (_, Layer::Bridge) => NFPROTO_BRIDGE,
            (_, Layer::Ip) => family(packet),
        }),
        Meta::L4Proto if packet.arp.is_some() => return None,
        Meta::L4Proto => byte(packet.protocol),
        Meta::PktType => pkttype(packet, scene),
        Meta::Iif | Meta::IifName => device(packet.iif.as_ref(), key, scene),
        Meta::Oif | Meta::OifName => device(packet.oif.as_ref(), key, scene),
        // These end the rule where there is no device (nft_meta_store_kind and its like).
        Meta::IifKind | Meta::IifGroup | Meta::IifType if absent(&packet.iif) => return None,
        Meta::OifKind | Meta::OifGroup | Meta::OifType if absent(&packet.oif) => return None,
        Meta::IifKind | Meta::IifGroup | Meta::IifType => device(packet.iif.as_ref(), key, scene),
        Meta::OifKind | Meta::OifGroup | Meta::OifType => device(packet.oif.as_ref(), key, scene),
        // Only what a socket here sends or takes has an owner (nft_meta_get_eval_skugid).
        Meta::SkUid | Meta::SkGid if !has_socket(packet, scene) => return None,
        _ => Bytes::unknown(NAME),
    })
}

pub(super) fn has_socket(packet: &Packet, scene: &Scene<'_>) -> bool {
    match scene.hook {
        Hook::Output | Hook::Input => true,
        Hook::Postrouting | Hook::Egress => packet.iif.is_none(),
        _ => false,
    }
}

/// `PACKET_HOST` is 0, `PACKET_BROADCAST` 1, `PACKET_MULTICAST` 2 (linux/if_packet.h). By IP
/// goes only what is for this host's device; on a bridge also what is for others.
fn pkttype(packet: &Packet, scene: &Scene<'_>) -> Bytes {
    match packet.ether {
        _ if packet.iif.is_none() => byte(0),
        Some((_, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])) => byte(1),
        Some((_, [first, ..])) if first & 1 != 0 => byte(2),
        _ if scene.layer == Layer::Bridge => Bytes::unknown(1),
        Some(_) => byte(0),
        None if packet.destination.is_multicast() => byte(2),
        None => match scene.ask.address_type(packet.destination, None) {
            Some(AddressType::Broadcast) => byte(1),
            Some(_) => byte(0),
            None => Bytes::unknown(1),
        },
    }
}

/// What is behind the headers that are known is not known.
pub(super) fn payload(payload: Payload, packet: &Packet, scene: &Scene<'_>) -> Option<Bytes> {
    let Payload { offset, length, .. } = payload;
    let header = match payload.base {
        // What this namespace sends has no frame yet (nft_payload_eval).
        Header::Link if scene.hook == Hook::Output => return None,
        Header::Link => headers::link(packet),
        Header::Network => headers::network(packet),
        Header::Transport if packet.arp.is_some() => return None,
        Header::Transport => headers::transport(packet),
        Header::Inner => return Some(Bytes::unknown(length)),
    };
    let begun = match payload.base {
        Header::Transport if packet.is_ipv6() => 40,
        Header::Transport => 20,
        _ => 0,
    };
    if payload.base != Header::Link && begun + offset + length > packet.size as usize {
        return None;
    }
    let mut bytes = Bytes::unknown(length);
    let there = header.len().saturating_sub(offset).min(length);
    if let Some(known) = header.cut(offset, there) {
        bytes.put(0, &known);
    }
    Some(bytes)
}

/// Bits of the state (`NF_CT_STATE_BIT`, linux/netfilter/nf_conntrack_common.h).
pub(super) fn state_bits(packet: &Packet, scene: &Scene<'_>) -> u32 {
    const INVALID: u32 = 1;
    const UNTRACKED: u32 = 1 << 6;
    match packet.connection.state {
        ConnectionState::Untracked => UNTRACKED,
        _ if !scene.tracked => INVALID,
        ConnectionState::Established => 2,
        ConnectionState::Related => 4,
        ConnectionState::New => 8,
        ConnectionState::Invalid => INVALID,
    }
}

/// Bits of the status that are set, and those that are known (`enum ip_conntrack_status`).
pub(super) fn status_bits(packet: &Packet) -> (u32, u32) {
    const SEEN_REPLY: u32 = 2;
    const ASSURED: u32 = 4;
    const SRC_NAT: u32 = 0x10;
    const DST_NAT: u32 = 0x20;
    let connection = &packet.connection;
    let mut set = 0;
    set |= if connection.snat { SRC_NAT } else { 0 };
    set |= if connection.dnat { DST_NAT } else { 0 };
    let known = SRC_NAT | DST_NAT | SEEN_REPLY;
    match connection.state {
        ConnectionState::New => (set, known | ASSURED),
        ConnectionState::Established => (set | SEEN_REPLY, known),
        _ => (set, SRC_NAT | DST_NAT),
    }
}

/// Before connections are tracked there is none, and only its state can be asked for
/// (nft_ct_get_eval, net/netfilter/nft_ct.c).
pub(super) fn ct(
    key: Ct,
    reply: Option<bool>,
    packet: &Packet,
    scene: &Scene<'_>,
) -> Option<Bytes> {
    let connection = &packet.connection;
    if key == Ct::State {
        return Some(number(state_bits(packet, scene)));
    }
    let untracked = [ConnectionState::Invalid, ConnectionState::Untracked];
    if !scene.tracked || untracked.contains(&connection.state) {
        return None;
    }
    let ends = connection.original.unwrap_or_else(|| packet.ends());
    let ends = match reply {
        Some(true) if connection.snat || connection.dnat => None,
        Some(true) => Some((ends.destination, ends.source)),
        _ => Some((ends.source, ends.destination)),
    };
    let address = if packet.is_ipv6() { 16 } else { 4 };
    Some(match (key, ends) {
        (Ct::Direction, _) => byte(connection.reply.into()),
        (Ct::Status, _) => {
            let (set, known) = status_bits(packet);
            Bytes::masked(&set.to_ne_bytes(), &known.to_ne_bytes())
        }
        (Ct::Mark, _) => bits(connection.mark),
        (Ct::L3Proto, _) => byte(family(packet)),
        (Ct::Protocol, _) => byte(packet.protocol),
        (Ct::Saddr, Some((source, _))) => Bytes::known(headers::octets(source.0)),
        (Ct::Daddr, Some((_, destination))) => Bytes::known(headers::octets(destination.0)),
        (Ct::ProtoSrc, Some((source, _))) => Bytes::known(source.1.to_be_bytes()),
        (Ct::ProtoDst, Some((_, destination))) => Bytes::known(destination.1.to_be_bytes()),
        (Ct::Saddr | Ct::Daddr, None) => Bytes::unknown(address),
        (Ct::ProtoSrc | Ct::ProtoDst, None) => Bytes::unknown(2),
        _ => Bytes::unknown(NAME),
    })
}

/// As nft_fib4_eval and nft_fib4_eval_type of net/ipv4/netfilter/nft_fib_ipv4.c.
pub(super) fn fib(fib: Fib, packet: &Packet, scene: &Scene<'_>) -> Bytes {
    let device = match (fib.iif, fib.oif) {
        (true, _) => packet.iif.as_ref(),
        (_, true) => packet.oif.as_ref(),
        _ => None,
    };
    let dev = device.map(|(name, _)| name.as_str());
    let address = if fib.source {
        packet.source
    } else {
        packet.destination
    };
    if fib.result == FibResult::AddressType {
        let kind = scene.ask.address_type(address, dev);
        return kind.map_or(Bytes::unknown(4), |kind| number(kind as u32));
    }
    let mark = fib.mark.then_some(packet.mark.value);
    let from_lo = packet.iif.as_ref().is_some_and(|(name, _)| name == "lo");
    let way = match scene.hook {
        Hook::Prerouting if from_lo => Some(packet.iif.clone()),
        // What a mark that is not known leads to is not known.
        _ if fib.mark && packet.mark.known != u32::MAX => None,
        _ => scene.ask.way(address, mark, dev),
    };
    let length = if fib.result == FibResult::OifName && !fib.present {
        NAME
    } else {
        4
    };
    match (way, fib.result) {
        (None, _) => Bytes::unknown(length),
        (Some(way), _) if fib.present => byte(way.is_some().into()),
        (Some(way), FibResult::Oif) => number(way.map_or(0, |(_, index)| index)),
        (Some(way), FibResult::OifName) => name(&way.map_or_else(String::new, |(dev, _)| dev)),
        _ => Bytes::unknown(NAME),
    }
}
