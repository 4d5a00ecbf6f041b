//! A rule's expressions as values. What is not known keeps its name.

use super::{find, nat, number, plain, text, u64_at, value};
use crate::state::Verdict;
use crate::state::ruleset::*;
use crate::sys::netlink::attr::parse;
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

/// One entry of a rule's list.
pub(super) fn read(bytes: &[u8]) -> Expression {
    let name = text(bytes, NFTA_EXPR_NAME);
    let data = find(bytes, NFTA_EXPR_DATA).unwrap_or_default();
    let known = loaded(&name, data)
        .or_else(|| compared(&name, data))
        .or_else(|| decided(&name, data));
    known.unwrap_or(Expression::Unknown(name))
}

/// What happens to whoever meets an element: one expression, or a list.
pub(super) fn nested(bytes: &[u8], one: u16, several: u16) -> Vec<Expression> {
    let list = find(bytes, several).unwrap_or_default();
    let all = parse(list).map(|(_, bytes)| read(bytes));
    all.chain(find(bytes, one).map(read)).collect()
}

/// Where a register begins: the first four are of 16 bytes each, those with numbers of their
/// own of 4 (nft_parse_register, net/netfilter/nf_tables_api.c).
pub(super) fn register(data: &[u8], attribute: u16) -> Option<usize> {
    find(data, attribute)?;
    let number = number(data, attribute);
    let at = match number {
        NFT_REG_1..NFT_REG32_00 => (number - NFT_REG_1) * 16,
        NFT_REG32_00.. => (number - NFT_REG32_00) * 4,
        NFT_REG_VERDICT => return None,
    };
    (at < REGISTERS as u32).then_some(at as usize)
}

/// What brings something into a register, or out of it.
fn loaded(name: &str, data: &[u8]) -> Option<Expression> {
    let into = |attribute| register(data, attribute);
    let load = |attribute| Some(Expression::Load(name.to_owned(), into(attribute)?));
    Some(match name {
        "meta" => {
            let key = meta(number(data, NFTA_META_KEY));
            match into(NFTA_META_DREG) {
                Some(to) => Expression::Meta(key, to),
                None => Expression::SetMeta(key, into(NFTA_META_SREG)?),
            }
        }
        "payload" => {
            let payload = payload(data)?;
            match into(NFTA_PAYLOAD_DREG) {
                Some(to) => Expression::Payload(payload, to),
                None => Expression::SetPayload(payload, into(NFTA_PAYLOAD_SREG)?),
            }
        }
        "ct" => {
            let key = ct(number(data, NFTA_CT_KEY));
            let direction = find(data, NFTA_CT_DIRECTION).and_then(<[u8]>::first);
            match into(NFTA_CT_DREG) {
                Some(to) => Expression::Ct(key, direction.map(|reply| *reply != 0), to),
                None => Expression::SetCt(key, into(NFTA_CT_SREG)?),
            }
        }
        "fib" => Expression::Fib(fib(data), into(NFTA_FIB_DREG)?),
        "immediate" => match find(data, NFTA_IMMEDIATE_DATA) {
            Some(verdict) if find(verdict, NFTA_DATA_VERDICT).is_some() => decided_by(verdict),
            _ => {
                Expression::Immediate(value(data, NFTA_IMMEDIATE_DATA), into(NFTA_IMMEDIATE_DREG)?)
            }
        },
        "bitwise" => Expression::Bitwise(bitwise(data)?),
        "byteorder" => Expression::Byteorder(Byteorder {
            from: into(NFTA_BYTEORDER_SREG)?,
            to: into(NFTA_BYTEORDER_DREG)?,
            length: number(data, NFTA_BYTEORDER_LEN) as usize,
            size: number(data, NFTA_BYTEORDER_SIZE) as usize,
        }),
        // What is written into a packet's options changes nothing that is looked at here.
        "exthdr" if into(NFTA_EXTHDR_SREG).is_some() => Expression::Nothing("<exthdr>".into()),
        "exthdr" => load(NFTA_EXTHDR_DREG)?,
        "rt" => load(NFTA_RT_DREG)?,
        "socket" => load(NFTA_SOCKET_DREG)?,
        "numgen" => load(NFTA_NG_DREG)?,
        "hash" => load(NFTA_HASH_DREG)?,
        "tunnel" => load(NFTA_TUNNEL_DREG)?,
        "xfrm" => load(NFTA_XFRM_DREG)?,
        "osf" => load(NFTA_OSF_DREG)?,
        _ => return None,
    })
}

/// Conditions.
fn compared(name: &str, data: &[u8]) -> Option<Expression> {
    Some(match name {
        "cmp" => {
            let op = match number(data, NFTA_CMP_OP) {
                NFT_CMP_EQ => Comparison::Equal,
                NFT_CMP_NEQ => Comparison::Not,
                NFT_CMP_LT => Comparison::Less,
                NFT_CMP_LTE => Comparison::AtMost,
                NFT_CMP_GT => Comparison::More,
                NFT_CMP_GTE => Comparison::AtLeast,
                _ => return None,
            };
            let from = register(data, NFTA_CMP_SREG)?;
            Expression::Compare(op, from, value(data, NFTA_CMP_DATA))
        }
        "range" => Expression::Range {
            not: number(data, NFTA_RANGE_OP) == NFT_RANGE_NEQ,
            from: register(data, NFTA_RANGE_SREG)?,
            low: value(data, NFTA_RANGE_FROM_DATA),
            high: value(data, NFTA_RANGE_TO_DATA),
        },
        "lookup" => {
            let not = number(data, NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV != 0;
            let is_map = find(data, NFTA_LOOKUP_DREG).is_some();
            Expression::Lookup(Lookup {
                set: text(data, NFTA_LOOKUP_SET),
                from: register(data, NFTA_LOOKUP_SREG)?,
                then: match (is_map, register(data, NFTA_LOOKUP_DREG)) {
                    (true, Some(to)) => Found::To(to),
                    (true, None) => Found::Verdict,
                    (false, _) if not => Found::NotThere,
                    (false, _) => Found::There,
                },
            })
        }
        "limit" | "quota" | "connlimit" => limit(name, data),
        "match" => Expression::Match(
            text(data, NFTA_MATCH_NAME),
            number(data, NFTA_MATCH_REV),
            find(data, NFTA_MATCH_INFO).unwrap_or_default().to_vec(),
        ),
        _ => return None,
    })
}

/// What becomes of the packet, and what matters to nobody.
fn decided(name: &str, data: &[u8]) -> Option<Expression> {
    Some(match name {
        "nat" | "masq" | "redir" => Expression::Nat(nat::read(name, data)?),
        "reject" => Expression::Reject(nat::refusal(
            number(data, NFTA_REJECT_TYPE),
            find(data, NFTA_REJECT_ICMP_CODE).and_then(|code| code.first().copied()),
        )),
        "queue" => Expression::Verdict(Verdict::Unknown),
        "tproxy" | "synproxy" | "fwd" => Expression::Elsewhere(name.to_owned()),
        "notrack" => Expression::NoTrack,
        "counter" => Expression::Nothing("counter".to_owned()),
        "last" => Expression::Nothing("last used never".to_owned()),
        "dup" => Expression::Nothing("<dup>".to_owned()),
        "log" => Expression::Nothing(log(data)),
        "dynset" => Expression::Update {
            word: match number(data, NFTA_DYNSET_OP) {
                NFT_DYNSET_OP_ADD => "add",
                NFT_DYNSET_OP_UPDATE => "update",
                _ => "delete",
            },
            set: text(data, NFTA_DYNSET_SET_NAME),
            from: register(data, NFTA_DYNSET_SREG_KEY)?,
            each: nested(data, NFTA_DYNSET_EXPR, NFTA_DYNSET_EXPRESSIONS),
        },
        "objref" => object(data)?,
        "target" => Expression::Target(
            text(data, NFTA_TARGET_NAME),
            number(data, NFTA_TARGET_REV),
            find(data, NFTA_TARGET_INFO).unwrap_or_default().to_vec(),
        ),
        _ => return None,
    })
}

fn decided_by(data: &[u8]) -> Expression {
    match verdict(data) {
        Some(verdict) => Expression::Verdict(verdict),
        None => Expression::Nothing("continue".to_owned()),
    }
}

/// `None`: the next rule.
pub(super) fn verdict(data: &[u8]) -> Option<Verdict> {
    let verdict = find(data, NFTA_DATA_VERDICT)?;
    let chain = || text(verdict, NFTA_VERDICT_CHAIN);
    Some(match number(verdict, NFTA_VERDICT_CODE) as i32 {
        NF_ACCEPT => Verdict::Accept,
        NF_DROP => Verdict::Drop,
        NFT_RETURN => Verdict::Return,
        NFT_JUMP => Verdict::Jump(chain()),
        NFT_GOTO => Verdict::Goto(chain()),
        NFT_CONTINUE => return None,
        _ => Verdict::Unknown,
    })
}

fn meta(key: u32) -> Meta {
    match key {
        NFT_META_LEN => Meta::Length,
        NFT_META_PROTOCOL => Meta::Protocol,
        NFT_META_PRIORITY => Meta::Priority,
        NFT_META_MARK => Meta::Mark,
        NFT_META_IIF => Meta::Iif,
        NFT_META_OIF => Meta::Oif,
        NFT_META_IIFNAME => Meta::IifName,
        NFT_META_OIFNAME => Meta::OifName,
        NFT_META_IIFTYPE => Meta::IifType,
        NFT_META_OIFTYPE => Meta::OifType,
        NFT_META_SKUID => Meta::SkUid,
        NFT_META_SKGID => Meta::SkGid,
        NFT_META_NFTRACE => Meta::Trace,
        NFT_META_RTCLASSID => Meta::Realm,
        NFT_META_NFPROTO => Meta::NfProto,
        NFT_META_L4PROTO => Meta::L4Proto,
        NFT_META_BRI_IIFNAME => Meta::BridgeIifName,
        NFT_META_BRI_OIFNAME => Meta::BridgeOifName,
        NFT_META_PKTTYPE => Meta::PktType,
        NFT_META_CPU => Meta::Cpu,
        NFT_META_IIFGROUP => Meta::IifGroup,
        NFT_META_OIFGROUP => Meta::OifGroup,
        NFT_META_CGROUP => Meta::Cgroup,
        NFT_META_PRANDOM => Meta::Random,
        NFT_META_SECPATH => Meta::Ipsec,
        NFT_META_IIFKIND => Meta::IifKind,
        NFT_META_OIFKIND => Meta::OifKind,
        NFT_META_TIME_NS => Meta::Time,
        NFT_META_TIME_DAY => Meta::Day,
        NFT_META_TIME_HOUR => Meta::Hour,
        _ => Meta::Other,
    }
}

fn payload(data: &[u8]) -> Option<Payload> {
    Some(Payload {
        base: match number(data, NFTA_PAYLOAD_BASE) {
            NFT_PAYLOAD_LL_HEADER => Header::Link,
            NFT_PAYLOAD_NETWORK_HEADER => Header::Network,
            NFT_PAYLOAD_TRANSPORT_HEADER => Header::Transport,
            _ => Header::Inner,
        },
        offset: number(data, NFTA_PAYLOAD_OFFSET) as usize,
        length: number(data, NFTA_PAYLOAD_LEN) as usize,
    })
}

fn ct(key: u32) -> Ct {
    match key {
        NFT_CT_STATE => Ct::State,
        NFT_CT_DIRECTION => Ct::Direction,
        NFT_CT_STATUS => Ct::Status,
        NFT_CT_MARK => Ct::Mark,
        NFT_CT_HELPER => Ct::Helper,
        NFT_CT_L3PROTOCOL => Ct::L3Proto,
        NFT_CT_SRC | NFT_CT_SRC_IP | NFT_CT_SRC_IP6 => Ct::Saddr,
        NFT_CT_DST | NFT_CT_DST_IP | NFT_CT_DST_IP6 => Ct::Daddr,
        NFT_CT_PROTOCOL => Ct::Protocol,
        NFT_CT_PROTO_SRC => Ct::ProtoSrc,
        NFT_CT_PROTO_DST => Ct::ProtoDst,
        NFT_CT_ZONE => Ct::Zone,
        NFT_CT_LABELS => Ct::Label,
        _ => Ct::Other,
    }
}

fn fib(data: &[u8]) -> Fib {
    let flags = number(data, NFTA_FIB_FLAGS);
    Fib {
        result: match number(data, NFTA_FIB_RESULT) {
            NFT_FIB_RESULT_OIF => FibResult::Oif,
            NFT_FIB_RESULT_OIFNAME => FibResult::OifName,
            NFT_FIB_RESULT_ADDRTYPE => FibResult::AddressType,
            _ => FibResult::Other,
        },
        source: flags & NFTA_FIB_F_SADDR != 0,
        mark: flags & NFTA_FIB_F_MARK != 0,
        iif: flags & NFTA_FIB_F_IIF != 0,
        oif: flags & NFTA_FIB_F_OIF != 0,
        present: flags & NFTA_FIB_F_PRESENT != 0,
    }
}

fn bitwise(data: &[u8]) -> Option<Bitwise> {
    let shift = || {
        let shift = value(data, NFTA_BITWISE_DATA);
        Some(u32::from_ne_bytes(shift.get(..4)?.try_into().ok()?))
    };
    Some(Bitwise {
        op: match number(data, NFTA_BITWISE_OP) {
            NFT_BITWISE_MASK_XOR => BitwiseOp::MaskXor(
                value(data, NFTA_BITWISE_MASK),
                value(data, NFTA_BITWISE_XOR),
            ),
            NFT_BITWISE_LSHIFT => BitwiseOp::Left(shift()?),
            NFT_BITWISE_RSHIFT => BitwiseOp::Right(shift()?),
            _ => BitwiseOp::Other,
        },
        from: register(data, NFTA_BITWISE_SREG)?,
        to: register(data, NFTA_BITWISE_DREG)?,
        length: number(data, NFTA_BITWISE_LEN) as usize,
    })
}

fn limit(name: &str, data: &[u8]) -> Expression {
    let long = |attribute| find(data, attribute).and_then(u64_at).unwrap_or_default();
    let (flags, inverted) = match name {
        "limit" => (NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV),
        "quota" => (NFTA_QUOTA_FLAGS, NFT_QUOTA_F_INV),
        _ => (NFTA_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV),
    };
    let over = number(data, flags) & inverted != 0;
    let word = if over { "over " } else { "" };
    let text = match name {
        "limit" => rate(data, word),
        "quota" => format!("quota {word}{}", amount(long(NFTA_QUOTA_BYTES))),
        _ => format!("ct count {word}{}", number(data, NFTA_CONNLIMIT_COUNT)),
    };
    let reached = name == "quota" && long(NFTA_QUOTA_CONSUMED) >= long(NFTA_QUOTA_BYTES);
    Expression::Limit {
        text,
        over,
        reached,
    }
}

/// In the largest unit of which there are so many whole ones.
fn amount(bytes: u64) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} mbytes", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} kbytes", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

fn rate(data: &[u8], word: &str) -> String {
    let long = |attribute| find(data, attribute).and_then(u64_at).unwrap_or_default();
    let unit = match long(NFTA_LIMIT_UNIT) {
        1 => "second",
        60 => "minute",
        3600 => "hour",
        86400 => "day",
        _ => "week",
    };
    let bytes = number(data, NFTA_LIMIT_TYPE) == NFT_LIMIT_PKT_BYTES;
    let (kind, burst_kind) = if bytes {
        (" bytes", "bytes")
    } else {
        ("", "packets")
    };
    let rate = format!("limit rate {word}{}{kind}/{unit}", long(NFTA_LIMIT_RATE));
    match number(data, NFTA_LIMIT_BURST) {
        // Five packets are what nft leaves out.
        0 => rate,
        5 if !bytes => rate,
        burst => format!("{rate} burst {burst} {burst_kind}"),
    }
}

fn log(data: &[u8]) -> String {
    let mut log = "log".to_owned();
    if find(data, NFTA_LOG_PREFIX).is_some() {
        log += &format!(" prefix \"{}\"", text(data, NFTA_LOG_PREFIX));
    }
    if let Some(&[a, b]) = find(data, NFTA_LOG_GROUP) {
        log += &format!(" group {}", u16::from_be_bytes([a, b]));
    }
    log
}

/// An object that counts or is for the connection lets every packet pass; of one that limits
/// it is not known how far it is.
fn object(data: &[u8]) -> Option<Expression> {
    let name = plain(find(data, NFTA_OBJREF_IMM_NAME)?);
    let kind = match number(data, NFTA_OBJREF_IMM_TYPE) {
        NFT_OBJECT_COUNTER => "counter name",
        NFT_OBJECT_CT_HELPER => "ct helper set",
        NFT_OBJECT_CT_TIMEOUT => "ct timeout set",
        NFT_OBJECT_CT_EXPECT => "ct expectation set",
        NFT_OBJECT_SECMARK => "meta secmark set",
        _ => return None,
    };
    Some(Expression::Nothing(format!("{kind} \"{name}\"")))
}
