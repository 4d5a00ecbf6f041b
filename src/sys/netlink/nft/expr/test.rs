//! Conditions that need no set, as the kernel's expressions.

use crate::state::{Family, Test};
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

use super::router::{ORIGINAL, REPLY};
use super::{Expr, compare, is_family, masked, meta, network, number, payload};

/// The expressions of a condition, as nft makes them.
pub(super) fn of(test: Test) -> Vec<Expr> {
    match test {
        Test::Established => ct_bits(NFT_CT_STATE, CT_ESTABLISHED | CT_RELATED),
        Test::Published => ct_bits(NFT_CT_STATUS, IPS_DST_NAT),
        Test::FromLo => is_lo(NFT_META_IIFNAME),
        Test::ToLo => is_lo(NFT_META_OIFNAME),
        Test::LinkUpkeep => is_icmp6(NFT_CMP_GTE, ICMPV6_MGM_QUERY),
        Test::NotLocal => vec![local(), compare(NFT_CMP_NEQ, &RTN_LOCAL.to_ne_bytes())],
        Test::Local => is(local(), &RTN_LOCAL.to_ne_bytes()).to_vec(),
        Test::ByCableToGroup => [
            is(meta(NFT_META_IIFKIND, NFT_REG_1), &VETH),
            is(meta(NFT_META_PKTTYPE, NFT_REG_1), &[PACKET_MULTICAST]),
        ]
        .concat(),
        Test::HasPort => vec![
            payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1),
            compare(NFT_CMP_NEQ, &[0; 2]),
        ],
        Test::NotFromLo => {
            vec![meta(NFT_META_IIFNAME, NFT_REG_1), compare(NFT_CMP_NEQ, &LO)]
        }
        Test::FromLoopback => loopback(12),
        Test::ToLoopback => loopback(16),
        Test::ToLoopback6 => {
            let address = std::net::Ipv6Addr::LOCALHOST.octets();
            let load = network(24, 16, NFT_REG_1);
            [is_family(Family::Ipv6), is(load, &address)].concat()
        }
        Test::Arp => is_frame(ETH_P_ARP).to_vec(),
        Test::Ip => is_frame(ETH_P_IP).to_vec(),
        Test::Ip6 => is_frame(ETH_P_IPV6).to_vec(),
        Test::Vlan => is_frame(ETH_P_8021Q).to_vec(),
        Test::ServiceVlan => is_frame(ETH_P_8021AD).to_vec(),
        // Byte 14 of an Ethernet ARP packet (RFC 826).
        Test::ArpProbe => [is_frame(ETH_P_ARP), is(network(14, 4, NFT_REG_1), &[0; 4])].concat(),
        Test::DhcpReply => is_to(68).to_vec(),
        Test::DhcpRequest => [
            &is_network(ETH_P_IP)[..],
            &is(network(12, 4, NFT_REG_1), &[0; 4]),
            &is_to(67),
        ]
        .concat(),
        Test::Dhcp6Reply => is_to(546).to_vec(),
        Test::RouterAdvert => is_icmp(ND_ROUTER_ADVERT).to_vec(),
        Test::Redirect => is_icmp(ND_REDIRECT).to_vec(),
        Test::NeighbourAdvert => is_icmp(ND_NEIGHBOR_ADVERT).to_vec(),
        Test::AddressCheck => from_nobody(ND_NEIGHBOR_SOLICIT),
        Test::FirstReport => from_nobody(ICMPV6_MLD2_REPORT),
        Test::Ipv4 => is_family(Family::Ipv4).to_vec(),
        Test::Ipv6 => is_family(Family::Ipv6).to_vec(),
        Test::Udp => is_protocol(IPPROTO_UDP).to_vec(),
        Test::Original => is_direction(ORIGINAL),
        Test::Reply => is_direction(REPLY),
        Test::Invalid => ct_bits(NFT_CT_STATE, CT_INVALID),
        Test::Echo => is_type(Family::Ipv4, IPPROTO_ICMP, ICMP_ECHO),
        Test::Echo6 => is_type(Family::Ipv6, IPPROTO_ICMPV6, ICMPV6_ECHO_REQUEST),
        Test::Unreachable => is_type(Family::Ipv4, IPPROTO_ICMP, ICMP_DEST_UNREACH),
        Test::Expired => is_type(Family::Ipv4, IPPROTO_ICMP, ICMP_TIME_EXCEEDED),
        Test::Error6 => is_icmp6(NFT_CMP_LT, ICMPV6_ECHO_REQUEST),
    }
}

/// Types of ICMPv6 (RFC 4861, 4), of which the kernel tells programs nothing.
const ND_ROUTER_ADVERT: u8 = 134;
const ND_NEIGHBOR_SOLICIT: u8 = 135;
const ND_NEIGHBOR_ADVERT: u8 = 136;
const ND_REDIRECT: u8 = 137;

fn is(load: Expr, value: &[u8]) -> [Expr; 2] {
    [load, compare(NFT_CMP_EQ, value)]
}

/// A name has all 16 bytes of the register.
fn is_lo(key: u32) -> Vec<Expr> {
    is(meta(key, NFT_REG_1), &LO).to_vec()
}

const VETH: [u8; 16] = *b"veth\0\0\0\0\0\0\0\0\0\0\0\0";
const LO: [u8; 16] = *b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// The first byte of the address there is 127: nft compares no more of it.
fn loopback(offset: u32) -> Vec<Expr> {
    let first = is(network(offset, 1, NFT_REG_1), &[127]);
    [is_family(Family::Ipv4), first].concat()
}

/// What kind of address the destination is to this host.
fn local() -> Expr {
    Expr::new(
        "fib",
        [
            (NFTA_FIB_DREG, number(NFT_REG_1)),
            (NFTA_FIB_RESULT, number(NFT_FIB_RESULT_ADDRTYPE)),
            (NFTA_FIB_FLAGS, number(NFTA_FIB_F_DADDR)),
        ],
    )
}

/// By the frame's own header, at its byte 12: of a tagged one it says so.
pub(super) fn is_frame(kind: u16) -> [Expr; 2] {
    let load = payload(NFT_PAYLOAD_LL_HEADER, 12, 2, NFT_REG_1);
    is(load, &kind.to_be_bytes())
}

/// By what the kernel took the frame for.
pub(super) fn is_network(kind: u16) -> [Expr; 2] {
    is(meta(NFT_META_PROTOCOL, NFT_REG_1), &kind.to_be_bytes())
}

fn is_protocol(protocol: u8) -> [Expr; 2] {
    is(meta(NFT_META_L4PROTO, NFT_REG_1), &[protocol])
}

fn is_to(port: u16) -> [Expr; 4] {
    let [a, b] = is_protocol(IPPROTO_UDP);
    let load = payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
    let [c, d] = is(load, &port.to_be_bytes());
    [a, b, c, d]
}

fn is_direction(direction: u8) -> Vec<Expr> {
    let attributes = [
        (NFTA_CT_DREG, number(NFT_REG_1)),
        (NFTA_CT_KEY, number(NFT_CT_DIRECTION)),
    ];
    is(Expr::new("ct", attributes), &[direction]).to_vec()
}

fn is_type(family: Family, protocol: u8, kind: u8) -> Vec<Expr> {
    [
        &is_family(family)[..],
        &is_protocol(protocol),
        &is(icmp_type(), &[kind]),
    ]
    .concat()
}

/// Of a type that is so, beside another.
fn is_icmp6(op: u32, kind: u8) -> Vec<Expr> {
    [
        &is_family(Family::Ipv6)[..],
        &is_protocol(IPPROTO_ICMPV6),
        &[icmp_type(), compare(op, &[kind])],
    ]
    .concat()
}

fn icmp_type() -> Expr {
    payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1)
}

fn is_icmp(kind: u8) -> [Expr; 4] {
    let [a, b] = is_protocol(IPPROTO_ICMPV6);
    let [c, d] = is(icmp_type(), &[kind]);
    [a, b, c, d]
}

/// From the unspecified address.
fn from_nobody(kind: u8) -> Vec<Expr> {
    let source = is(network(8, 16, NFT_REG_1), &[0; 16]);
    [&is_network(ETH_P_IPV6)[..], &source, &is_icmp(kind)].concat()
}

/// State and status are bit masks in the host's byte order, unlike all else here.
fn ct_bits(key: u32, mask: u32) -> Vec<Expr> {
    vec![
        Expr::new(
            "ct",
            [
                (NFTA_CT_DREG, number(NFT_REG_1)),
                (NFTA_CT_KEY, number(key)),
            ],
        ),
        masked(NFT_REG_1, &mask.to_ne_bytes()),
        compare(NFT_CMP_NEQ, &[0; 4]),
    ]
}
