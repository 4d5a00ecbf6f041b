//! What rules look at, by nft's names, and of which kind its values are.

use super::value::Kind;
use crate::state::ruleset::{Ct, Fib, FibResult, Header, Meta, Payload};

/// As nft writes it, and the kind of its values.
pub(super) fn meta_kind(key: Meta) -> (&'static str, Kind) {
    match key {
        Meta::Length => ("meta length", Kind::Host),
        Meta::Protocol => ("meta protocol", Kind::EtherType),
        Meta::Priority => ("meta priority", Kind::Host),
        Meta::Mark => ("meta mark", Kind::Mark),
        Meta::Iif => ("iif", Kind::Index),
        Meta::Oif => ("oif", Kind::Index),
        Meta::IifName => ("iifname", Kind::Name),
        Meta::OifName => ("oifname", Kind::Name),
        Meta::IifType => ("iiftype", Kind::Host),
        Meta::OifType => ("oiftype", Kind::Host),
        Meta::SkUid => ("meta skuid", Kind::Host),
        Meta::SkGid => ("meta skgid", Kind::Host),
        Meta::Trace => ("meta nftrace", Kind::Host),
        Meta::Realm => ("meta rtclassid", Kind::Host),
        Meta::NfProto => ("meta nfproto", Kind::Family),
        Meta::L4Proto => ("meta l4proto", Kind::Protocol),
        Meta::BridgeIifName => ("meta ibrname", Kind::Name),
        Meta::BridgeOifName => ("meta obrname", Kind::Name),
        Meta::PktType => ("meta pkttype", Kind::PktType),
        Meta::Cpu => ("meta cpu", Kind::Host),
        Meta::IifGroup => ("iifgroup", Kind::Host),
        Meta::OifGroup => ("oifgroup", Kind::Host),
        Meta::Cgroup => ("meta cgroup", Kind::Host),
        Meta::Random => ("meta random", Kind::Host),
        Meta::Ipsec => ("meta ipsec", Kind::Exists),
        Meta::IifKind => ("meta iifkind", Kind::Name),
        Meta::OifKind => ("meta oifkind", Kind::Name),
        Meta::Time => ("meta time", Kind::Host),
        Meta::Day => ("meta day", Kind::Host),
        Meta::Hour => ("meta hour", Kind::Host),
        Meta::Other => ("<meta>", Kind::Bytes),
    }
}

/// Something about a packet.
pub(in crate::explain::filter) fn meta(key: Meta) -> String {
    meta_kind(key).0.to_owned()
}

pub(super) fn ct_kind(key: Ct) -> (&'static str, Kind) {
    match key {
        Ct::State => ("state", Kind::State),
        Ct::Direction => ("direction", Kind::Direction),
        Ct::Status => ("status", Kind::Status),
        Ct::Mark => ("mark", Kind::Mark),
        Ct::Helper => ("helper", Kind::Name),
        Ct::L3Proto => ("l3proto", Kind::Family),
        Ct::Saddr => ("saddr", Kind::Address),
        Ct::Daddr => ("daddr", Kind::Address),
        Ct::Protocol => ("protocol", Kind::Protocol),
        Ct::ProtoSrc => ("proto-src", Kind::Number),
        Ct::ProtoDst => ("proto-dst", Kind::Number),
        Ct::Zone => ("zone", Kind::Host),
        Ct::Label => ("label", Kind::Bytes),
        Ct::Other => ("<ct>", Kind::Bytes),
    }
}

/// Something about a connection.
pub(in crate::explain::filter) fn ct(key: Ct) -> String {
    format!("ct {}", ct_kind(key).0)
}

/// A question to the routes.
pub(in crate::explain::filter) fn fib(fib: Fib) -> String {
    let mut parts = vec![if fib.source { "saddr" } else { "daddr" }];
    let more = [(fib.mark, "mark"), (fib.iif, "iif"), (fib.oif, "oif")];
    parts.extend(more.iter().filter(|(is, _)| *is).map(|(_, name)| name));
    let result = match fib.result {
        FibResult::Oif => "oif",
        FibResult::OifName => "oifname",
        FibResult::AddressType => "type",
        FibResult::Other => "<fib>",
    };
    format!("fib {} {result}", parts.join(" . "))
}

/// Bytes of a packet of which no more is known than where they are.
pub(in crate::explain::filter) fn payload(payload: Payload) -> String {
    let base = match payload.base {
        Header::Link => "ll",
        Header::Network => "nh",
        Header::Transport => "th",
        Header::Inner => "ih",
    };
    format!("@{base},{},{}", payload.offset * 8, payload.length * 8)
}

/// A field of a header, of which so many bytes are looked at.
pub(super) struct Place {
    pub(super) text: String,
    pub(super) kind: Kind,
    /// The whole field's bytes.
    pub(super) whole: usize,
}

/// Of what the network's header is.
#[derive(Clone, Copy)]
pub(super) enum Network {
    /// That is not known.
    Open,
    /// Of IPv6, or of IPv4.
    Ip(bool),
    /// Of ARP for Ethernet and IPv4 (RFC 826).
    Arp,
}

/// By what the network's header is, and the protocol of what is behind it.
pub(super) fn place(at: Payload, header: Network, protocol: Option<u8>) -> Place {
    let known = match at.base {
        Header::Link => link(at.offset, at.length),
        Header::Network => match header {
            Network::Open => None,
            Network::Ip(six) => network(at.offset, at.length, six),
            Network::Arp => arp(at.offset, at.length),
        },
        Header::Transport => transport(at.offset, at.length, protocol),
        Header::Inner => None,
    };
    let (text, kind, whole) = known.unwrap_or((payload(at), Kind::Bytes, at.length));
    Place { text, kind, whole }
}

type Known = Option<(String, Kind, usize)>;

fn link(offset: usize, length: usize) -> Known {
    let (name, kind, whole) = match (offset, length) {
        (0, ..=6) => ("daddr", Kind::Mac, 6),
        (6, ..=6) => ("saddr", Kind::Mac, 6),
        (12, 2) => ("type", Kind::EtherType, 2),
        _ => return None,
    };
    Some((format!("ether {name}"), kind, whole))
}

fn arp(offset: usize, length: usize) -> Known {
    let (name, kind) = match (offset, length) {
        (6, 2) => ("operation", Kind::Number),
        (8, 6) => ("saddr ether", Kind::Mac),
        (14, 4) => ("saddr ip", Kind::Address),
        (18, 6) => ("daddr ether", Kind::Mac),
        (24, 4) => ("daddr ip", Kind::Address),
        _ => return None,
    };
    Some((format!("arp {name}"), kind, length))
}

fn network(offset: usize, length: usize, six: bool) -> Known {
    let (name, kind, whole) = match (six, offset, length) {
        (false, 12, ..=4) => ("ip saddr", Kind::Address, 4),
        (false, 16, ..=4) => ("ip daddr", Kind::Address, 4),
        (false, 9, 1) => ("ip protocol", Kind::Protocol, 1),
        (false, 8, 1) => ("ip ttl", Kind::Number, 1),
        (false, 2, 2) => ("ip length", Kind::Number, 2),
        (false, 4, 2) => ("ip id", Kind::Number, 2),
        (true, 8, ..=16) => ("ip6 saddr", Kind::Address, 16),
        (true, 24, ..=16) => ("ip6 daddr", Kind::Address, 16),
        (true, 6, 1) => ("ip6 nexthdr", Kind::Protocol, 1),
        (true, 7, 1) => ("ip6 hoplimit", Kind::Number, 1),
        (true, 4, 2) => ("ip6 length", Kind::Number, 2),
        _ => return None,
    };
    Some((name.to_owned(), kind, whole))
}

fn transport(offset: usize, length: usize, protocol: Option<u8>) -> Known {
    let name = match protocol {
        Some(6) => "tcp",
        Some(17) => "udp",
        Some(33) => "dccp",
        Some(132) => "sctp",
        Some(136) => "udplite",
        Some(1) => "icmp",
        Some(58) => "icmpv6",
        Some(_) => return None,
        None => "th",
    };
    let icmp = matches!(protocol, Some(1 | 58));
    let (field, kind) = match (icmp, offset, length) {
        (false, 0, 2) => ("sport", Kind::Number),
        (false, 2, 2) => ("dport", Kind::Number),
        (false, 4, 2) if matches!(protocol, Some(17 | 136)) => ("length", Kind::Number),
        (false, 13, 1) if protocol == Some(6) => ("flags", Kind::TcpFlags),
        (true, 0, 1) if protocol == Some(1) => ("type", Kind::Icmp),
        (true, 0, 1) => ("type", Kind::Icmp6),
        (true, 1, 1) if protocol == Some(1) => ("code", Kind::IcmpCode),
        (true, 1, 1) => ("code", Kind::Icmp6Code),
        _ => return None,
    };
    Some((format!("{name} {field}"), kind, length))
}
