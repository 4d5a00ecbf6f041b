//! Values as nft writes them.

use std::net::IpAddr;

use crate::explain::filter::nat;
use crate::state::Verdict;
use crate::state::ruleset::Refusal;

/// Of which kind a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    Mac,
    /// A device's name, or the begin of one.
    Name,
    /// A number in the order of the network.
    Number,
    /// A number in the order of this machine.
    Host,
    Mark,
    Family,
    Protocol,
    EtherType,
    PktType,
    State,
    Status,
    Direction,
    AddressType,
    TcpFlags,
    Icmp,
    Icmp6,
    IcmpCode,
    Icmp6Code,
    /// A device's number.
    Index,
    Exists,
    Bytes,
}

type Names = &'static [(u32, &'static str)];

const FAMILIES: Names = &[
    (1, "inet"),
    (2, "ipv4"),
    (3, "arp"),
    (7, "bridge"),
    (10, "ipv6"),
];
const PROTOCOLS: Names = &[
    (1, "icmp"),
    (2, "igmp"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (108, "comp"),
    (112, "vrrp"),
    (132, "sctp"),
    (136, "udplite"),
];
const ETHERTYPES: Names = &[
    (0x0800, "ip"),
    (0x0806, "arp"),
    (0x8100, "8021q"),
    (0x86dd, "ip6"),
    (0x88a8, "8021ad"),
];
const PKTTYPES: Names = &[
    (0, "host"),
    (1, "broadcast"),
    (2, "multicast"),
    (3, "other"),
];
const STATES: Names = &[
    (1, "invalid"),
    (2, "established"),
    (4, "related"),
    (8, "new"),
    (64, "untracked"),
];
const STATUSES: Names = &[
    (1, "expected"),
    (2, "seen-reply"),
    (4, "assured"),
    (8, "confirmed"),
    (0x10, "snat"),
    (0x20, "dnat"),
    (0x200, "dying"),
];
const DIRECTIONS: Names = &[(0, "original"), (1, "reply")];
const ADDRESS_TYPES: Names = &[
    (0, "unspec"),
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
];
const TCP_FLAGS: Names = &[
    (1, "fin"),
    (2, "syn"),
    (4, "rst"),
    (8, "psh"),
    (16, "ack"),
    (32, "urg"),
    (64, "ecn"),
    (128, "cwr"),
];
const ICMP: Names = &[
    (0, "echo-reply"),
    (3, "destination-unreachable"),
    (4, "source-quench"),
    (5, "redirect"),
    (8, "echo-request"),
    (9, "router-advertisement"),
    (10, "router-solicitation"),
    (11, "time-exceeded"),
    (12, "parameter-problem"),
    (13, "timestamp-request"),
    (14, "timestamp-reply"),
];
const ICMP6: Names = &[
    (1, "destination-unreachable"),
    (2, "packet-too-big"),
    (3, "time-exceeded"),
    (4, "parameter-problem"),
    (128, "echo-request"),
    (129, "echo-reply"),
    (130, "mld-listener-query"),
    (131, "mld-listener-report"),
    (132, "mld-listener-done"),
    (133, "nd-router-solicit"),
    (134, "nd-router-advert"),
    (135, "nd-neighbor-solicit"),
    (136, "nd-neighbor-advert"),
    (137, "nd-redirect"),
    (138, "router-renumbering"),
    (143, "mld2-listener-report"),
];
const REFUSED: Names = &[
    (0, "net-unreachable"),
    (1, "host-unreachable"),
    (2, "prot-unreachable"),
    (3, "port-unreachable"),
    (9, "net-prohibited"),
    (10, "host-prohibited"),
    (13, "admin-prohibited"),
];
const REFUSED6: Names = &[
    (0, "no-route"),
    (1, "admin-prohibited"),
    (3, "addr-unreachable"),
    (4, "port-unreachable"),
    (5, "policy-fail"),
    (6, "reject-route"),
];
const REFUSED_EITHER: Names = &[
    (0, "no-route"),
    (1, "port-unreachable"),
    (2, "host-unreachable"),
    (3, "admin-prohibited"),
];

/// The name of a protocol.
pub(super) fn protocol(number: u8) -> String {
    named(PROTOCOLS, u64::from(number))
}

fn named(names: Names, value: u64) -> String {
    let name = names.iter().find(|(number, _)| u64::from(*number) == value);
    name.map_or_else(|| value.to_string(), |(_, name)| (*name).to_owned())
}

fn names(kind: Kind) -> Option<Names> {
    Some(match kind {
        Kind::Family => FAMILIES,
        Kind::Protocol => PROTOCOLS,
        Kind::EtherType => ETHERTYPES,
        Kind::PktType => PKTTYPES,
        Kind::State => STATES,
        Kind::Status => STATUSES,
        Kind::Direction => DIRECTIONS,
        Kind::AddressType => ADDRESS_TYPES,
        Kind::TcpFlags => TCP_FLAGS,
        Kind::Icmp => ICMP,
        Kind::Icmp6 => ICMP6,
        Kind::IcmpCode => REFUSED,
        Kind::Icmp6Code => REFUSED6,
        // The first device of each namespace (`loopback_net_init`).
        Kind::Index => &[(1, "\"lo\"")],
        _ => return None,
    })
}

/// Whether numbers of this kind are in this machine's order.
pub(super) fn is_host(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Host | Kind::Index | Kind::Mark | Kind::State | Kind::Status | Kind::AddressType
    )
}

pub(super) fn number(kind: Kind, bytes: &[u8]) -> u64 {
    let fold = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
    match is_host(kind) && cfg!(target_endian = "little") {
        true => bytes.iter().rev().fold(0, fold),
        false => bytes.iter().fold(0, fold),
    }
}

/// A value.
pub(super) fn value(kind: Kind, bytes: &[u8]) -> String {
    match kind {
        Kind::Address => match nat::address(bytes) {
            Some(address) => address.to_string(),
            None => hex(bytes),
        },
        Kind::Mac => {
            let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            parts.join(":")
        }
        Kind::Name => name(bytes),
        Kind::Mark => format!("0x{:08x}", number(kind, bytes)),
        Kind::Number | Kind::Host => number(kind, bytes).to_string(),
        Kind::Exists if number(kind, bytes) == 0 => "missing".to_owned(),
        Kind::Exists => "exists".to_owned(),
        Kind::Bytes => hex(bytes),
        kind => named(names(kind).unwrap_or_default(), number(kind, bytes)),
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let digits = digits.trim_start_matches('0');
    format!("0x{}", if digits.is_empty() { "0" } else { digits })
}

/// One without its final zero is the begin of a name.
fn name(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match bytes.last() {
        Some(0) => format!("\"{}\"", text.trim_end_matches('\0')),
        _ => format!("\"{text}*\""),
    }
}

/// The names of bits that are set.
pub(super) fn bits(kind: Kind, bytes: &[u8], between: &str) -> Option<String> {
    let (names, mut rest) = (names(kind)?, number(kind, bytes));
    let mut set = Vec::new();
    for (bit, name) in names {
        if rest & u64::from(*bit) != 0 {
            set.push(*name);
            rest &= !u64::from(*bit);
        }
    }
    (rest == 0 && !set.is_empty()).then(|| set.join(between))
}

/// From the first to the last of them: one, a subnet, or a range.
pub(super) fn range(kind: Kind, first: &[u8], last: &[u8]) -> String {
    if first == last {
        return value(kind, first);
    }
    match (kind, prefix(first, last)) {
        (Kind::Address, Some(length)) => format!("{}/{length}", value(kind, first)),
        _ => format!("{}-{}", value(kind, first), value(kind, last)),
    }
}

/// How many first bits are shared, if all others are 0 in the one and 1 in the other.
fn prefix(first: &[u8], last: &[u8]) -> Option<usize> {
    let bit = |bytes: &[u8], i: usize| bytes[i / 8] >> (7 - i % 8) & 1;
    let all = first.len().min(last.len()) * 8;
    let shared = (0..all).take_while(|i| bit(first, *i) == bit(last, *i));
    let shared = shared.count();
    let whole = (shared..all).all(|i| bit(first, i) == 0 && bit(last, i) == 1);
    whole.then_some(shared)
}

/// The length of a prefix that a mask stands for.
pub(super) fn mask_length(mask: &[u8]) -> Option<usize> {
    let ones: usize = mask.iter().map(|byte| byte.leading_ones() as usize).sum();
    let set: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let first = mask.iter().take_while(|byte| **byte == 0xff).count();
    let next = mask
        .get(first)
        .map_or(0, |byte| byte.leading_ones() as usize);
    (ones == set as usize && first * 8 + next == ones).then_some(ones)
}

/// What becomes of a packet.
pub(super) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Jump(chain) => format!("jump {chain}"),
        Verdict::Goto(chain) => format!("goto {chain}"),
        Verdict::Unknown => "<queue>".to_owned(),
    }
}

/// With what a packet of this family is refused.
pub(in crate::explain::filter) fn refusal(with: Refusal, six: bool) -> String {
    match with {
        Refusal::Reset => "tcp reset".to_owned(),
        Refusal::Icmp(code) if six => format!("icmpv6 {}", named(REFUSED6, code.into())),
        Refusal::Icmp(code) => format!("icmp {}", named(REFUSED, code.into())),
        Refusal::Either(code) => format!("icmpx {}", named(REFUSED_EITHER, code.into())),
    }
}

/// An address with a port as one; of a range both ends.
pub(super) fn endpoint(
    address: Option<(IpAddr, IpAddr)>,
    port: Option<(u16, u16)>,
) -> Option<String> {
    let address = address.map(|(first, last)| match (first == last, port) {
        (true, Some(_)) if first.is_ipv6() => format!("[{first}]"),
        (true, _) => first.to_string(),
        (false, _) => format!("{first}-{last}"),
    });
    let port = port.map(|(first, last)| match first == last {
        true => format!(":{first}"),
        false => format!(":{first}-{last}"),
    });
    match (address, port) {
        (None, None) => None,
        (address, port) => Some(address.unwrap_or_default() + &port.unwrap_or_default()),
    }
}
