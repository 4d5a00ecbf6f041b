//! What gives a packet another address, and how one is refused.

use super::{expr::register, number};
use crate::state::ruleset::{Nat, NatKind, Refusal};
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

pub(super) fn read(name: &str, data: &[u8]) -> Option<Nat> {
    let (kind, flags, ports) = match name {
        "masq" => (
            NatKind::Masquerade,
            NFTA_MASQ_FLAGS,
            [NFTA_MASQ_REG_PROTO_MIN, NFTA_MASQ_REG_PROTO_MAX],
        ),
        "redir" => (
            NatKind::Redirect,
            NFTA_REDIR_FLAGS,
            [NFTA_REDIR_REG_PROTO_MIN, NFTA_REDIR_REG_PROTO_MAX],
        ),
        _ => (
            match number(data, NFTA_NAT_TYPE) {
                NFT_NAT_DNAT => NatKind::Destination,
                _ => NatKind::Source,
            },
            NFTA_NAT_FLAGS,
            [NFTA_NAT_REG_PROTO_MIN, NFTA_NAT_REG_PROTO_MAX],
        ),
    };
    let pair = |[min, max]: [u16; 2]| {
        let min = register(data, min)?;
        Some((min, register(data, max).unwrap_or(min)))
    };
    let addresses = [NFTA_NAT_REG_ADDR_MIN, NFTA_NAT_REG_ADDR_MAX];
    let is_nat = name == "nat";
    let flags = number(data, flags);
    Some(Nat {
        kind,
        address: is_nat.then(|| pair(addresses)).flatten(),
        six: is_nat
            .then(|| family(number(data, NFTA_NAT_FAMILY)))
            .flatten(),
        port: pair(ports),
        netmap: flags & NF_NAT_RANGE_NETMAP != 0,
        flags: words(flags),
    })
}

fn family(number: u32) -> Option<bool> {
    match number as u8 {
        NFPROTO_IPV4 => Some(false),
        NFPROTO_IPV6 => Some(true),
        _ => None,
    }
}

fn words(flags: u32) -> String {
    let all = [
        (NF_NAT_RANGE_PROTO_RANDOM, "random"),
        (NF_NAT_RANGE_PROTO_RANDOM_FULLY, "fully-random"),
        (NF_NAT_RANGE_PERSISTENT, "persistent"),
    ];
    let set = all.iter().filter(|(flag, _)| flags & flag != 0);
    set.map(|(_, word)| *word).collect::<Vec<_>>().join(",")
}

pub(super) fn refusal(kind: u32, code: Option<u8>) -> Refusal {
    let code = code.unwrap_or_default();
    match kind {
        NFT_REJECT_TCP_RST => Refusal::Reset,
        NFT_REJECT_ICMP_UNREACH => Refusal::Icmp(code),
        _ => Refusal::Either(code),
    }
}
