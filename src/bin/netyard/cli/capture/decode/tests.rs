//! Bytes to lines.

use etherparse::{
    ArpEthIpv4Packet, ArpOperation, ArpPacket, Icmpv6Type, PacketBuilder, PacketBuilderStep, VlanId,
};

use super::*;

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
const ONE: [u8; 4] = [10, 0, 0, 10];
const TWO: [u8; 4] = [10, 0, 0, 20];
const ONE6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10];
const TWO6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20];

fn four() -> PacketBuilderStep<etherparse::IpHeaders> {
    PacketBuilder::ethernet2(MACS[0], MACS[1]).ipv4(ONE, TWO, 64)
}

fn six() -> PacketBuilderStep<etherparse::IpHeaders> {
    PacketBuilder::ethernet2(MACS[0], MACS[1]).ipv6(ONE6, TWO6, 64)
}

/// The bytes of a packet.
macro_rules! bytes {
    ($builder:expr, $payload:expr) => {{
        let mut bytes = Vec::new();
        $builder.write(&mut bytes, $payload).unwrap();
        bytes
    }};
}

#[track_caller]
fn line(bytes: &[u8]) -> String {
    let mut decoder = Decoder::default();
    let decoded = decoder.decode(Medium::Ethernet, bytes, bytes.len() as u32);
    decoded.to_string()
}

#[test]
fn arp() {
    let told = |operation| {
        let packet = ArpEthIpv4Packet {
            operation,
            sender_mac: MACS[0],
            sender_ipv4: ONE,
            target_mac: [0; 6],
            target_ipv4: TWO,
        };
        let frame = PacketBuilder::ethernet2(MACS[0], [0xff; 6]).arp(ArpPacket::from(packet));
        let mut bytes = Vec::new();
        frame.write(&mut bytes).unwrap();
        line(&bytes)
    };
    let request = "ARP, Request who-has 10.0.0.20 tell 10.0.0.10, length 28";
    assert_eq!(told(ArpOperation::REQUEST), request);
    let reply = "ARP, Reply 10.0.0.10 is-at 02:00:00:00:00:01, length 28";
    assert_eq!(told(ArpOperation::REPLY), reply);
}

#[test]
fn echo_of_both_families() {
    let ping = bytes!(four().icmpv4_echo_request(7, 1), &[0; 56]);
    let told = "IP 10.0.0.10 > 10.0.0.20: ICMP echo request, id 7, seq 1, length 64";
    assert_eq!(line(&ping), told);
    // Cut, it is as long as it says.
    assert_eq!(line(&ping[..60]), told);
    let pong = bytes!(six().icmpv6_echo_reply(7, 1), &[0; 56]);
    let told = "IP6 fd00::10 > fd00::20: ICMP6, echo reply, id 7, seq 1, length 64";
    assert_eq!(line(&pong), told);
}

#[test]
fn errors_name_what_they_are_about() {
    let datagram = bytes!(four().udp(9000, 9), b"hello");
    let about = &datagram[14..];
    let told = |code: u8, rest: [u8; 4]| {
        let error = four().icmpv4_raw(3, code, rest);
        line(&bytes!(error, about))
    };
    let [head, port] = ["IP 10.0.0.10 > 10.0.0.20: ICMP", "10.0.0.20 udp port 9"];
    assert_eq!(
        told(3, [0; 4]),
        format!("{head} {port} unreachable, length 41")
    );
    let host = format!("{head} host 10.0.0.20 unreachable, length 41");
    assert_eq!(told(1, [0; 4]), host);
    let cut = format!("{head} 10.0.0.20 unreachable - need to frag (mtu 1400), length 41");
    assert_eq!(told(4, [0, 0, 0x05, 0x78]), cut);
    let admin = format!("{head} host 10.0.0.20 unreachable - admin prohibited filter, length 41");
    assert_eq!(told(13, [0; 4]), admin);
    let six_about = bytes!(six().udp(9000, 9), b"hello");
    let error = six().icmpv6_raw(1, 4, [0; 4]);
    let told = "IP6 fd00::10 > fd00::20: ICMP6, destination unreachable, \
                unreachable port, fd00::20 udp port 9, length 61";
    assert_eq!(line(&bytes!(error, &six_about[14..])), told);
    let big = six().icmpv6(Icmpv6Type::PacketTooBig { mtu: 1280 });
    let told = "IP6 fd00::10 > fd00::20: ICMP6, packet too big, mtu 1280, length 8";
    assert_eq!(line(&bytes!(big, &[])), told);
}

#[test]
fn neighbours() {
    let solicitation = six().icmpv6_raw(135, 0, [0; 4]);
    let told = "IP6 fd00::10 > fd00::20: ICMP6, neighbor solicitation, who has fd00::20, length 24";
    assert_eq!(line(&bytes!(solicitation, &TWO6)), told);
    let advertisement = six().icmpv6_raw(136, 0, [0x60, 0, 0, 0]);
    let told = "IP6 fd00::10 > fd00::20: ICMP6, neighbor advertisement, tgt is fd00::10, length 24";
    assert_eq!(line(&bytes!(advertisement, &ONE6)), told);
}

#[test]
fn streams_count_from_their_beginning() {
    let mut decoder = Decoder::default();
    let mut told = |bytes: &[u8]| {
        let decoded = decoder.decode(Medium::Ethernet, bytes, bytes.len() as u32);
        decoded.to_string()
    };
    let back = || PacketBuilder::ethernet2(MACS[1], MACS[0]).ipv4(TWO, ONE, 64);
    let (there, here) = (
        "IP 10.0.0.10.4000 > 10.0.0.20.80",
        "IP 10.0.0.20.80 > 10.0.0.10.4000",
    );
    let syn = bytes!(four().tcp(4000, 80, 1000, 64240).syn(), &[]);
    assert_eq!(
        told(&syn),
        format!("{there}: Flags [S], seq 1000, win 64240, length 0")
    );
    let both = bytes!(back().tcp(80, 4000, 5000, 65160).syn().ack(1001), &[]);
    let line = format!("{here}: Flags [S.], seq 5000, ack 1, win 65160, length 0");
    assert_eq!(told(&both), line);
    let data = bytes!(four().tcp(4000, 80, 1001, 502).psh().ack(5001), b"GET /");
    let line = format!("{there}: Flags [P.], seq 1:6, ack 1, win 502, length 5");
    assert_eq!(told(&data), line);
    let end = bytes!(back().tcp(80, 4000, 5001, 502).fin().ack(1006), &[]);
    let line = format!("{here}: Flags [F.], seq 1, ack 6, win 502, length 0");
    assert_eq!(told(&end), line);
    // Of one whose beginning was not seen, the numbers are its own.
    let other = bytes!(four().tcp(4001, 80, 1001, 502).ack(5001), &[]);
    let line = "IP 10.0.0.10.4001 > 10.0.0.20.80: Flags [.], ack 5001, win 502, length 0";
    assert_eq!(told(&other), line);
}

#[test]
fn names() {
    let name = b"\x07example\x03org\0\0\x1c\0\x01";
    let query = [&[0x30, 0x39, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], name].concat();
    let udp = bytes!(four().udp(40000, 53), &query);
    let told = "IP 10.0.0.10.40000 > 10.0.0.20.53: 12345+ AAAA? example.org. (29)";
    assert_eq!(line(&udp), told);
    let answer = [&[0x30, 0x39, 0x81, 0x83, 0, 1, 0, 0, 0, 1, 0, 0][..], name].concat();
    let udp = bytes!(four().udp(53, 40000), &answer);
    let told = "IP 10.0.0.10.53 > 10.0.0.20.40000: 12345 NXDomain 0/1/0 AAAA? example.org. (29)";
    assert_eq!(line(&udp), told);
    let none = bytes!(four().udp(53, 40000), b"no names");
    assert_eq!(
        line(&none),
        "IP 10.0.0.10.53 > 10.0.0.20.40000: UDP, length 8"
    );
}

#[test]
fn tags() {
    let (ten, twenty) = (VlanId::try_new(10).unwrap(), VlanId::try_new(20).unwrap());
    let frame = || PacketBuilder::ethernet2(MACS[0], MACS[1]);
    let single = frame().single_vlan(ten).ipv4(ONE, TWO, 64).udp(1, 9);
    let told = "IP 10.0.0.10.1 > 10.0.0.20.9: UDP, length 1";
    assert_eq!(line(&bytes!(single, &[0])), format!("vlan 10, {told}"));
    let double = frame()
        .double_vlan(ten, twenty)
        .ipv4(ONE, TWO, 64)
        .udp(1, 9);
    assert_eq!(
        line(&bytes!(double, &[0])),
        format!("vlan 10, vlan 20, {told}")
    );
}

#[test]
fn what_is_not_known_is_named() {
    let other = [&MACS[1][..], &MACS[0], &0x88b5u16.to_be_bytes(), &[0; 46]].concat();
    let told = "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x88b5, length 60";
    assert_eq!(line(&other), told);
    let mut igmp = bytes!(four().icmpv4_raw(0x16, 0, [0; 4]), &[0; 8]);
    igmp[23] = 2;
    assert_eq!(line(&igmp), "IP 10.0.0.10 > 10.0.0.20: IGMP, length 16");
}

#[test]
fn nonsense_is_no_panic() {
    let frame = bytes!(six().tcp(4000, 80, 1000, 64240).syn(), b"hello");
    let mut decoder = Decoder::default();
    for end in 0..frame.len() {
        for medium in [Medium::Ethernet, Medium::Ip] {
            let decoded = decoder.decode(medium, &frame[..end], 74);
            assert!(!decoded.to_string().is_empty(), "{end}");
        }
    }
    for byte in 0..frame.len() {
        let mut frame = frame.clone();
        frame[byte] ^= 0xff;
        decoder.decode(Medium::Ethernet, &frame, 74);
    }
    assert_eq!(line(&[1, 2, 3]), "[|cut], length 3");
}
