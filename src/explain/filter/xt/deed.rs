//! What iptables does with a packet.

use super::Info;
use crate::explain::filter::machine::{Deed, Step};
use crate::explain::filter::packet::{Bits, ConnectionState, Packet};
use crate::explain::filter::passage::{Fate, Rewrite};
use crate::explain::filter::walk::Scene;
use crate::state::ruleset::NatKind;

/// What is done. A target that is not understood may do anything.
pub(in crate::explain::filter) fn target(
    name: &str,
    revision: u32,
    data: &[u8],
    packet: &mut Packet,
    scene: &Scene<'_>,
) -> Step {
    let info = Info(data);
    match (name, revision) {
        ("MARK", 2) => packet.mark = changed(packet.mark, info.u32(4), info.u32(0).into()),
        ("CONNMARK", 1 | 2) => connmark(info, revision, packet),
        // `IPT_TTL_SET`, `IPT_TTL_INC`, `IPT_TTL_DEC`.
        ("TTL" | "HL", _) => {
            packet.ttl = match (info.u8(0), info.u8(1)) {
                (0, ttl) => ttl,
                (1, more) => packet.ttl.saturating_add(more),
                (_, less) => packet.ttl.saturating_sub(less),
            }
        }
        ("NOTRACK", _) if !scene.tracked => untrack(packet),
        // `XT_CT_NOTRACK`.
        ("CT", _) if info.u16(0) & 1 != 0 && !scene.tracked => untrack(packet),
        (name, _) if PASS.contains(&name) => {}
        ("REJECT", _) => {
            let with = refusal(info.u32(0), packet.is_ipv6());
            return Step::Then(Deed::End(Fate::Reject(with)));
        }
        _ => {
            return Step::Then(match rewrite(name, revision, data, packet.is_ipv6()) {
                Some(rewrite) => Deed::Nat(rewrite),
                None => Deed::End(Fate::Unknown(format!("target {name}"))),
            });
        }
    }
    Step::Go
}

/// Targets behind which the packet meets the next rule, with nothing changed that is looked
/// at here.
const PASS: [&str; 20] = [
    "LOG",
    "NFLOG",
    "TRACE",
    "CT",
    "NOTRACK",
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNSECMARK",
    "DSCP",
    "TOS",
    "ECN",
    "IDLETIMER",
    "LED",
    "RATEEST",
    "SECMARK",
    "SET",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
];

fn untrack(packet: &mut Packet) {
    packet.connection.state = ConnectionState::Untracked;
}

/// The bits of the mask are cleared, then those of the value turned around.
fn changed(old: Bits, mask: u32, new: Bits) -> Bits {
    let known = (old.known | mask) & new.known;
    Bits {
        value: ((old.value & !mask) ^ new.value) & known,
        known,
    }
}

fn masked(bits: Bits, mask: u32) -> Bits {
    Bits {
        value: bits.value & mask,
        known: bits.known | !mask,
    }
}

/// connmark_tg of net/netfilter/xt_connmark.c. Its second revision can shift bits.
fn connmark(info: Info<'_>, revision: u32, packet: &mut Packet) {
    let (ctmark, ctmask, nfmask) = (info.u32(0), info.u32(4), info.u32(8));
    let (shift, mode) = match revision {
        1 => (0, info.u8(12)),
        _ => (info.u8(13), info.u8(14)),
    };
    let unknown = Bits::default();
    let connection = &mut packet.connection;
    match mode {
        _ if shift != 0 && mode == 2 => packet.mark = unknown,
        _ if shift != 0 => connection.mark = unknown,
        0 => connection.mark = changed(connection.mark, ctmask, ctmark.into()),
        1 => connection.mark = changed(connection.mark, ctmask, masked(packet.mark, nfmask)),
        _ => packet.mark = changed(packet.mark, nfmask, masked(connection.mark, ctmask)),
    }
}

/// With what a packet is refused, as nft writes it (linux/netfilter_ipv4/ipt_REJECT.h,
/// linux/netfilter_ipv6/ip6t_REJECT.h).
pub(in crate::explain::filter) fn refusal(with: u32, six: bool) -> String {
    const FOUR: [&str; 9] = [
        "icmp net-unreachable",
        "icmp host-unreachable",
        "icmp prot-unreachable",
        "icmp port-unreachable",
        "icmp echo-reply",
        "icmp net-prohibited",
        "icmp host-prohibited",
        "tcp reset",
        "icmp admin-prohibited",
    ];
    const SIX: [&str; 9] = [
        "icmpv6 no-route",
        "icmpv6 admin-prohibited",
        "icmpv6 not-neighbour",
        "icmpv6 addr-unreachable",
        "icmpv6 port-unreachable",
        "icmpv6 echo-reply",
        "tcp reset",
        "icmpv6 policy-fail",
        "icmpv6 reject-route",
    ];
    let names = if six { SIX } else { FOUR };
    let name = names.get(with as usize);
    name.map_or_else(|| format!("code {with}"), |name| (*name).to_owned())
}

/// The addresses that a packet gets; `None`: the target gives none.
pub(in crate::explain::filter) fn rewrite(
    name: &str,
    revision: u32,
    data: &[u8],
    six: bool,
) -> Option<Rewrite> {
    let kind = match name {
        "DNAT" => NatKind::Destination,
        "SNAT" => NatKind::Source,
        "MASQUERADE" => NatKind::Masquerade,
        "REDIRECT" => NatKind::Redirect,
        _ => return None,
    };
    let info = Info(data);
    // The first revision of IPv4 has `struct nf_nat_ipv4_multi_range_compat`, all others
    // `struct nf_nat_range` or what begins like it.
    let (flags, addresses, ports) = match (six, revision) {
        (false, 0) => (info.u32(4), [8, 12], [16, 18]),
        _ => (info.u32(0), [4, 20], [36, 38]),
    };
    let [first, last] = addresses.map(|at| info.address(at, six));
    let [low, high] = ports.map(|at| info.port(at));
    Some(Rewrite {
        kind,
        address: (flags & 1 != 0).then_some((first, last)),
        port: (flags & 2 != 0).then_some((low, high)),
    })
}
