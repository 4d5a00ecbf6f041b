//! Ethernet frames, byte by byte: those that a namespace sends honestly, and those
//! that it sends in another's name.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) type Mac = [u8; 6];

/// `pc`, `other`, the host, and nobody.
pub(crate) const PC: Mac = [2, 0, 0, 0, 0, 0x0a];
pub(crate) const OTHER: Mac = [2, 0, 0, 0, 0, 0x0b];
const NOBODY: Mac = [2, 0x66, 0x66, 0x66, 0x66, 0x66];
const ALL: Mac = [0xff; 6];

const PC4: &str = "10.5.0.10";
const OTHER4: &str = "10.5.0.11";
const PC6: &str = "fd00:5::a";
const OTHER6: &str = "fd00:5::b";
/// What the kernel makes of the hardware addresses.
const PC_NEAR: &str = "fe80::ff:fe00:a";
const OTHER_NEAR: &str = "fe80::ff:fe00:b";

/// The sum that IP, UDP and ICMP have (RFC 1071).
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let bytes = parts.concat();
    let words = bytes.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([pair[0], low]))
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// Padded to what Ethernet asks for.
fn ethernet(to: Mac, from: Mac, kind: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = [&to[..], &from, &kind.to_be_bytes(), body].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}

pub(crate) fn tagged(frame: &[u8], tags: &[u16]) -> Vec<u8> {
    let tags = tags
        .iter()
        .flat_map(|kind| [kind.to_be_bytes(), [0, 0]].concat());
    let tags: Vec<u8> = tags.collect();
    [&frame[..12], &tags, &frame[12..]].concat()
}

fn udp(from: u16, to: u16) -> Vec<u8> {
    let body = b"netyard!";
    let length = 8 + body.len() as u16;
    // No sum is a sum too, for IPv4 (RFC 768); nobody here reads it for IPv6.
    [
        &from.to_be_bytes()[..],
        &to.to_be_bytes(),
        &length.to_be_bytes(),
        &[0, 0],
        body,
    ]
    .concat()
}

fn ipv4(from: &str, to: &str, protocol: u8, body: &[u8]) -> Vec<u8> {
    let address = |text: &str| text.parse::<Ipv4Addr>().expect("an address").octets();
    let length = (20 + body.len() as u16).to_be_bytes();
    let start = [0x45, 0, length[0], length[1], 0, 7, 0, 0, 64, protocol];
    let ends = [address(from), address(to)].concat();
    let sum = checksum(&[&start, &[0, 0], &ends]);
    [&start[..], &sum, &ends, body].concat()
}

fn octets(text: &str) -> [u8; 16] {
    text.parse::<Ipv6Addr>().expect("an address").octets()
}

fn ipv6(from: &str, to: &str, next: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    let start = [0x60, 0, 0, 0, length[0], length[1], next, 255];
    [&start[..], &octets(from), &octets(to), body].concat()
}

fn icmpv6(from: &str, to: &str, kind: u8, rest: &[u8]) -> Vec<u8> {
    let length = (4 + rest.len() as u32).to_be_bytes();
    let pseudo = [&octets(from)[..], &octets(to), &length, &[0, 0, 0, 58]].concat();
    let sum = checksum(&[&pseudo, &[kind, 0, 0, 0], rest]);
    [&[kind, 0], &sum[..], rest].concat()
}

fn six(from: &str, to: &str, kind: u8, rest: &[u8]) -> Vec<u8> {
    let body = ipv6(from, to, 58, &icmpv6(from, to, kind, rest));
    ethernet(OTHER, PC, 0x86dd, &body)
}

fn arp(op: u8, mac: Mac, from: &str, to: &str) -> Vec<u8> {
    let address = |text: &str| text.parse::<Ipv4Addr>().expect("an address").octets();
    let start = [0, 1, 8, 0, 6, 4, 0, op];
    let body = [&start[..], &mac, &address(from), &[0; 6], &address(to)].concat();
    ethernet(ALL, PC, 0x806, &body)
}

fn v4(mac: Mac, from: &str, ports: (u16, u16)) -> Vec<u8> {
    ethernet(
        OTHER,
        mac,
        0x800,
        &ipv4(from, OTHER4, 17, &udp(ports.0, ports.1)),
    )
}

fn v6(from: &str, to: &str, ports: (u16, u16)) -> Vec<u8> {
    ethernet(
        OTHER,
        PC,
        0x86dd,
        &ipv6(from, to, 17, &udp(ports.0, ports.1)),
    )
}

/// What a neighbour says of an address: that it is its own, and at which hardware address.
fn advertised(from: &str, target: &str) -> Vec<u8> {
    let rest = [&[0x20, 0, 0, 0], &octets(target)[..], &[2, 1], &PC].concat();
    six(from, "ff02::1", 136, &rest)
}

fn solicited(from: &str, target: &str) -> Vec<u8> {
    six(
        from,
        "ff02::1",
        135,
        &[&[0; 4], &octets(target)[..]].concat(),
    )
}

const ROUTER: [u8; 12] = [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];

/// Behind a header of options, which says nothing.
fn router_behind_options() -> Vec<u8> {
    let options = [58, 0, 1, 4, 0, 0, 0, 0];
    let inner = icmpv6(PC_NEAR, "ff02::1", 134, &ROUTER);
    let body = ipv6(PC_NEAR, "ff02::1", 60, &[&options[..], &inner].concat());
    ethernet(OTHER, PC, 0x86dd, &body)
}

/// The frame that tells a receiver that all before it have been through.
pub(crate) fn marker() -> Vec<u8> {
    v4(PC, PC4, (4, 4))
}

pub(crate) fn honest() -> Vec<(&'static str, Vec<u8>)> {
    let discover = ipv4("0.0.0.0", "255.255.255.255", 17, &udp(68, 67));
    vec![
        ("a datagram", v4(PC, PC4, (1, 2))),
        ("an ARP request", arp(1, PC, PC4, OTHER4)),
        ("an ARP reply", arp(2, PC, PC4, OTHER4)),
        ("an ARP probe", arp(1, PC, "0.0.0.0", PC4)),
        (
            "a DHCP client without an address",
            ethernet(ALL, PC, 0x800, &discover),
        ),
        ("a DHCP client with one", v4(PC, PC4, (68, 67))),
        ("a datagram, IPv6", v6(PC6, OTHER6, (1, 2))),
        ("a datagram, link-local", v6(PC_NEAR, OTHER_NEAR, (1, 2))),
        ("a DHCPv6 client", v6(PC_NEAR, "ff02::1:2", (546, 547))),
        (
            "who looks for a router",
            six(PC_NEAR, "ff02::2", 133, &[0; 4]),
        ),
        ("its own address", advertised(PC6, PC6)),
        ("its own link-local address", advertised(PC_NEAR, PC_NEAR)),
        ("who looks for a neighbour", solicited(PC6, OTHER6)),
        ("whether its own address is taken", solicited("::", PC6)),
        ("what joins a group", six("::", "ff02::16", 143, &[0; 4])),
    ]
}

pub(crate) fn spoofed() -> Vec<(&'static str, Vec<u8>)> {
    let reply = ipv4(PC4, "255.255.255.255", 17, &udp(67, 68));
    let forged = v4(PC, "10.5.0.66", (1, 2));
    let router = six(PC_NEAR, "ff02::1", 134, &ROUTER);
    let better = [&[0; 4], &octets(PC_NEAR)[..], &octets("fd00:5::99")].concat();
    let redirect = ipv4(
        "10.5.0.1",
        OTHER4,
        1,
        &[[5, 1].as_slice(), &[0; 30]].concat(),
    );
    vec![
        ("another's IPv4 address", v4(PC, OTHER4, (1, 2))),
        ("nobody's IPv4 address", forged.clone()),
        ("the gateway's IPv4 address", v4(PC, "10.5.0.1", (1, 2))),
        ("no address, and no DHCP", v4(PC, "0.0.0.0", (68, 99))),
        ("nobody's hardware address", v4(NOBODY, PC4, (1, 2))),
        (
            "a redirect as the gateway",
            ethernet(OTHER, PC, 0x800, &redirect),
        ),
        ("ARP for the gateway", arp(2, PC, "10.5.0.1", OTHER4)),
        (
            "ARP with nobody's hardware address",
            arp(2, NOBODY, PC4, OTHER4),
        ),
        ("a DHCP reply", ethernet(ALL, PC, 0x800, &reply)),
        ("a DHCP reply from another port", v4(PC, PC4, (1067, 68))),
        (
            "another's address behind a VLAN tag",
            tagged(&forged, &[0x8100]),
        ),
        ("the same behind two", tagged(&forged, &[0x8100, 0x8100])),
        ("the same behind a provider's", tagged(&forged, &[0x88a8])),
        ("another's IPv6 address", v6(OTHER6, OTHER6, (1, 2))),
        (
            "another's link-local address",
            v6(OTHER_NEAR, OTHER6, (1, 2)),
        ),
        ("a DHCPv6 reply", v6(PC_NEAR, OTHER_NEAR, (547, 546))),
        ("a router advertisement", router.clone()),
        ("the same behind options", router_behind_options()),
        ("the same behind a VLAN tag", tagged(&router, &[0x8100])),
        ("an IPv6 redirect", six(PC_NEAR, OTHER6, 137, &better)),
        (
            "the gateway's address, advertised",
            advertised(PC6, "fd00:5::1"),
        ),
        (
            "another's link-local address, advertised",
            advertised(PC6, OTHER_NEAR),
        ),
        (
            "another's address, said to be taken",
            solicited("::", OTHER6),
        ),
    ]
}
