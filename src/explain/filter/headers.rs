//! The headers of a packet as bytes, of which what the packet does not say is not known.

use std::net::IpAddr;

use super::bytes::Bytes;
use super::packet::{Arp, ConnectionState, Packet};

const TCP: u8 = 6;
const UDP: u8 = 17;
const UDPLITE: u8 = 136;
const SCTP: u8 = 132;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The address as it stands in a header.
pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

/// Its EtherType.
pub(super) fn ethertype(packet: &Packet) -> [u8; 2] {
    match packet.is_ipv6() {
        false if packet.arp.is_some() => [0x08, 0x06],
        false => [0x08, 0x00],
        true => [0x86, 0xdd],
    }
}

/// Of the frame (IEEE 802.3).
pub(super) fn link(packet: &Packet) -> Bytes {
    let mut bytes = match packet.ether {
        Some((source, destination)) => Bytes::known([destination, source].concat()),
        None => Bytes::unknown(12),
    };
    bytes.append(Bytes::known(ethertype(packet)));
    bytes
}

/// Of IPv4 (RFC 791) without options, or of IPv6 (RFC 8200).
pub(super) fn network(packet: &Packet) -> Bytes {
    if let Some(arp) = &packet.arp {
        return of_arp(arp, packet);
    }
    let size = packet.size;
    let mut bytes;
    match packet.is_ipv6() {
        false => {
            bytes = Bytes::known([0x45]);
            // Type of service; the length; an identification; a first fragment with no more.
            bytes.append(Bytes::unknown(1));
            bytes.append(Bytes::known((size.min(0xffff) as u16).to_be_bytes()));
            bytes.append(Bytes::unknown(2));
            bytes.append(Bytes::masked(&[0; 2], &[0xbf, 0xff]));
            bytes.append(Bytes::known([packet.ttl, packet.protocol]));
            bytes.append(Bytes::unknown(2));
        }
        true => {
            let payload = size.saturating_sub(40).min(0xffff) as u16;
            bytes = Bytes::masked(&[0x60, 0, 0, 0], &[0xf0, 0, 0, 0]);
            bytes.append(Bytes::known(payload.to_be_bytes()));
            bytes.append(Bytes::known([packet.protocol, packet.ttl]));
        }
    }
    bytes.append(Bytes::known(octets(packet.source)));
    bytes.append(Bytes::known(octets(packet.destination)));
    bytes
}

/// Of Ethernet and IPv4 (RFC 826).
fn of_arp(arp: &Arp, packet: &Packet) -> Bytes {
    let mac = |mac: Option<[u8; 6]>| mac.map_or(Bytes::unknown(6), Bytes::known);
    let code = if arp.reply { 2 } else { 1 };
    let mut bytes = Bytes::known([0, 1, 8, 0, 6, 4, 0, code]);
    bytes.append(mac(arp.sender));
    bytes.append(Bytes::known(octets(packet.source)));
    bytes.append(mac(arp.target.filter(|_| arp.reply).or(Some([0; 6]))));
    bytes.append(Bytes::known(octets(packet.destination)));
    bytes
}

/// Where the source's address stands in the header of IP, the destination's, and how long
/// each is.
pub(super) fn addresses_at(packet: &Packet) -> (usize, usize, usize) {
    match packet.is_ipv6() {
        false => (12, 16, 4),
        true => (8, 24, 16),
    }
}

/// Of TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), ICMP (RFC 792, RFC 4443), and of all
/// else nothing.
pub(super) fn transport(packet: &Packet) -> Bytes {
    let ports = || {
        let ports = [packet.source_port, packet.destination_port];
        Bytes::known(ports.map(u16::to_be_bytes).concat())
    };
    match packet.protocol {
        TCP => {
            let mut bytes = ports();
            // Sequence, acknowledgement, how long the header is.
            bytes.append(Bytes::unknown(8));
            bytes.append(Bytes::masked(&[0], &[0x0e]));
            bytes.append(flags(packet));
            bytes.append(Bytes::unknown(6));
            bytes
        }
        UDP | UDPLITE => {
            let mut bytes = ports();
            let header = if packet.is_ipv6() { 40 } else { 20 };
            let length = packet.size.saturating_sub(header).min(0xffff) as u16;
            bytes.append(Bytes::known(length.to_be_bytes()));
            bytes.append(Bytes::unknown(2));
            bytes
        }
        SCTP => {
            let mut bytes = ports();
            bytes.append(Bytes::unknown(8));
            bytes
        }
        ICMP | ICMPV6 => {
            let kind = packet.icmp;
            let mut bytes = match kind {
                Some((kind, code)) => Bytes::known([kind, code]),
                None => Bytes::unknown(2),
            };
            bytes.append(Bytes::unknown(6));
            bytes
        }
        _ => Bytes::unknown(0),
    }
}

/// Whether the protocol has ports where TCP has them.
pub(super) fn has_ports(protocol: u8) -> bool {
    [TCP, UDP, UDPLITE, SCTP, 33].contains(&protocol)
}

/// A first packet has SYN alone; of later ones ACK is sure, and that none ends the connection
/// is assumed.
fn flags(packet: &Packet) -> Bytes {
    const SYN: u8 = 2;
    const ACK: u8 = 0x10;
    const PSH: u8 = 8;
    match (packet.tcp_flags, packet.connection.state) {
        (Some(flags), _) => Bytes::known([flags]),
        (None, ConnectionState::New) => Bytes::known([SYN]),
        (None, ConnectionState::Established) => Bytes::masked(&[ACK], &[!(SYN | PSH)]),
        _ => Bytes::unknown(1),
    }
}
