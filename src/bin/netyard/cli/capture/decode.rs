//! A packet in one line, in the words of tcpdump.

mod dns;
mod icmp;
mod tcp;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

use etherparse::{
    ArpOperation, ArpPacketSlice, EtherType, LaxNetSlice, LaxSlicedPacket, LinkSlice,
    TransportSlice, UdpSlice,
};
use netyard::capture::Medium;
use netyard::state::Mac;

/// What there is to say of a packet.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// The tags, the outermost first.
    pub(super) vlans: Vec<u16>,
    /// As programs call it: the highest layer that is known.
    pub(super) protocol: String,
    /// `IP` or `IP6`, with the ends.
    pub(super) ends: Option<[At; 2]>,
    /// The rest.
    pub(super) info: String,
}

/// Whom it is from or for.
#[derive(Debug)]
pub(super) struct At {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
}

/// tcpdump's way: the port follows a dot.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match self.port {
            Some(port) => write!(f, ".{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for vlan in &self.vlans {
            write!(f, "vlan {vlan}, ")?;
        }
        if let Some([from, to]) = &self.ends {
            let family = if from.address.is_ipv4() { "IP" } else { "IP6" };
            write!(f, "{family} {from} > {to}: ")?;
        }
        f.write_str(&self.info)
    }
}

/// Decodes packets, and remembers of TCP where its streams began.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    streams: tcp::Streams,
}

impl Decoder {
    /// Decodes what is there of a packet of this length.
    pub(super) fn decode(&mut self, medium: Medium, bytes: &[u8], length: u32) -> Decoded {
        decode(&mut self.streams, medium, bytes, length)
    }
}

fn decode(streams: &mut tcp::Streams, medium: Medium, bytes: &[u8], length: u32) -> Decoded {
    let sliced = match medium {
        Medium::Ethernet => LaxSlicedPacket::from_ethernet(bytes).ok(),
        Medium::Ip => LaxSlicedPacket::from_ip(bytes).ok(),
    };
    let Some(packet) = sliced else {
        return Decoded {
            protocol: "unknown".to_owned(),
            info: format!("[|cut], length {length}"),
            ..Decoded::default()
        };
    };
    let vlans = packet.vlan_ids().iter().map(|id| id.value()).collect();
    Decoded {
        vlans,
        ..above(streams, &packet, length)
    }
}

fn above(streams: &mut tcp::Streams, packet: &LaxSlicedPacket<'_>, length: u32) -> Decoded {
    match &packet.net {
        None => other(packet, length),
        Some(LaxNetSlice::Arp(arp)) => Decoded {
            protocol: "arp".to_owned(),
            info: of_arp(arp),
            ..Decoded::default()
        },
        Some(LaxNetSlice::Ipv4(ip)) => {
            let (from, to) = (ip.header().source_addr(), ip.header().destination_addr());
            let declared = usize::from(ip.header().total_len());
            let within = declared.checked_sub(ip.header().slice().len());
            let inside = Inside {
                payload: ip.payload().payload,
                length: within.unwrap_or(ip.payload().payload.len()),
                number: ip.payload().ip_number.0,
                fragment: ip.is_payload_fragmented(),
            };
            of_ip(
                streams,
                [from.into(), to.into()],
                &packet.transport,
                &inside,
            )
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let (from, to) = (header.source_addr(), header.destination_addr());
            let declared = usize::from(header.payload_length());
            let within = declared.checked_sub(ip.extensions().slice().len());
            let inside = Inside {
                payload: ip.payload().payload,
                // A jumbogram declares none.
                length: within
                    .filter(|_| declared > 0)
                    .unwrap_or(ip.payload().payload.len()),
                number: ip.payload().ip_number.0,
                fragment: ip.is_payload_fragmented(),
            };
            of_ip(
                streams,
                [from.into(), to.into()],
                &packet.transport,
                &inside,
            )
        }
    }
}

/// What an IP header says of what follows.
struct Inside<'p> {
    payload: &'p [u8],
    length: usize,
    number: u8,
    fragment: bool,
}

fn of_ip(
    streams: &mut tcp::Streams,
    ends: [IpAddr; 2],
    transport: &Option<TransportSlice<'_>>,
    inside: &Inside<'_>,
) -> Decoded {
    let ports = match transport {
        Some(TransportSlice::Tcp(tcp)) => Some([tcp.source_port(), tcp.destination_port()]),
        Some(TransportSlice::Udp(udp)) => Some([udp.source_port(), udp.destination_port()]),
        _ => None,
    };
    let [from, to] = ends;
    let at = |address, n: usize| At {
        address,
        port: ports.map(|ports| ports[n]),
    };
    let length = inside.length;
    let (protocol, info) = match transport {
        Some(TransportSlice::Tcp(tcp)) => ("tcp".to_owned(), streams.told(ends, tcp, length)),
        Some(TransportSlice::Udp(udp)) => of_udp(udp),
        Some(TransportSlice::Icmpv4(icmp)) => ("icmp".to_owned(), icmp::v4(icmp, length)),
        Some(TransportSlice::Icmpv6(icmp)) => ("icmp6".to_owned(), icmp::v6(icmp, length)),
        _ => {
            let name = named(inside.number);
            let what = if inside.fragment { "fragment, " } else { "" };
            let cut = if inside.payload.is_empty() && length > 0 {
                "[|cut], "
            } else {
                ""
            };
            (
                name.to_lowercase(),
                format!("{name}, {what}{cut}length {length}"),
            )
        }
    };
    Decoded {
        vlans: Vec::new(),
        protocol,
        ends: Some([at(from, 0), at(to, 1)]),
        info,
    }
}

/// Protocols of IP (iana.org/assignments/protocol-numbers) without a decoder here.
fn named(number: u8) -> String {
    let name = match number {
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPIP",
        6 => "TCP",
        17 => "UDP",
        41 => "IP6IP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMP6",
        89 => "OSPF",
        103 => "PIM",
        112 => "VRRP",
        132 => "SCTP",
        _ => return format!("ip-proto-{number}"),
    };
    name.to_owned()
}

/// Who answers for names: DNS, and its cousin on the link.
const DNS: [u16; 2] = [53, 5353];

fn of_udp(udp: &UdpSlice<'_>) -> (String, String) {
    let length = usize::from(udp.length()).saturating_sub(udp.header_slice().len());
    let ports = [udp.source_port(), udp.destination_port()];
    let names = ports.iter().any(|port| DNS.contains(port));
    match dns::told(udp.payload()).filter(|_| names) {
        Some(told) => ("dns".to_owned(), format!("{told} ({length})")),
        None => ("udp".to_owned(), format!("UDP, length {length}")),
    }
}

fn of_arp(arp: &ArpPacketSlice<'_>) -> String {
    let length = arp.slice().len();
    let address = |bytes: &[u8]| match <[u8; 4]>::try_from(bytes) {
        Ok(four) => IpAddr::from(four).to_string(),
        Err(_) => "?".to_owned(),
    };
    let (sender, target) = (
        address(arp.sender_protocol_addr()),
        address(arp.target_protocol_addr()),
    );
    match arp.operation() {
        ArpOperation::REQUEST => {
            format!("ARP, Request who-has {target} tell {sender}, length {length}")
        }
        ArpOperation::REPLY => {
            let mac = arp.sender_hw_addr().try_into().map(Mac);
            let mac = mac.map_or_else(|_| "?".to_owned(), |mac| mac.to_string());
            format!("ARP, Reply {sender} is-at {mac}, length {length}")
        }
        other => format!("ARP, operation {}, length {length}", other.0),
    }
}

/// Something that is no IP: its ends and what it calls itself.
fn other(packet: &LaxSlicedPacket<'_>, length: u32) -> Decoded {
    let kind = packet.ether_payload().map(|payload| payload.ether_type);
    let kind = kind.unwrap_or(EtherType(0)).0;
    let macs = match &packet.link {
        Some(LinkSlice::Ethernet2(header)) => {
            let (from, to) = (Mac(header.source()), Mac(header.destination()));
            format!("{from} > {to}, ")
        }
        _ => String::new(),
    };
    // Below 0x600 it is a length, and LLC follows (IEEE 802.3, 3.2.6).
    let name = match kind {
        0..0x600 => "802.3".to_owned(),
        0x8847 => "MPLS".to_owned(),
        0x88cc => "LLDP".to_owned(),
        _ => format!("ethertype 0x{kind:04x}"),
    };
    Decoded {
        protocol: name.to_lowercase(),
        info: format!("{macs}{name}, length {length}"),
        ..Decoded::default()
    }
}
