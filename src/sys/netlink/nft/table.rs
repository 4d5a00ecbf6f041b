//! The messages that make the table: itself, its sets, chains, elements, rules.

use crate::state::{ChainName, Family, Kind, LabName, MOST, Rule, SetName, Table};
use crate::sys::Failure;
use crate::sys::netlink::attr::{put, put_nested, put_text};
use crate::sys::netlink::socket::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, Request};
use crate::sys::uapi::rules::{
    NFT_SET_EVAL, NFT_SET_TIMEOUT, NFTA_SET_DESC_SIZE, NFTA_SET_TIMEOUT,
};
use crate::sys::uapi::*;

use super::{element, expr, message, put_u32, userdata};

/// The comment of the table, of each rule and of netyard's own elements.
pub(super) const MARK: &str = "netyard";

/// Tells what these messages make from what they would make otherwise: a sum of their bytes.
pub(crate) const DIGEST: u64 = 0x9c6d_071e_6fe2_dc62;

/// A set's key and data as the kernel keeps them. The types are nft's own (enum datatypes
/// of its include/datatype.h): the kernel stores them unread.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) key: (u32, u32),
    pub(super) data: (u32, u32),
    pub(super) flags: u32,
}

/// Numbers behind [`SetName::declaration`].
pub(super) fn shape(set: SetName) -> Shape {
    let (several, map) = (set.key().len() > 1, !set.data().is_empty());
    let mut flags = 0;
    if set.has_intervals() {
        flags |= NFT_SET_INTERVAL | if several { NFT_SET_CONCAT } else { 0 };
    }
    if map {
        flags |= NFT_SET_MAP;
    }
    if set.is_filled_by_packets() {
        flags |= NFT_SET_EVAL | NFT_SET_TIMEOUT;
    }
    Shape {
        key: together(set.key()),
        data: together(set.data()),
        flags,
    }
}

/// Whether each range is two entries: its first key, and the key after its last.
pub(super) fn has_pairs(set: SetName) -> bool {
    set.has_intervals() && set.key().len() == 1
}

/// Type and length of several parts. A concatenation has six bits for the type of each
/// part, and each part begins at a multiple of four bytes.
fn together(kinds: &[Kind]) -> (u32, u32) {
    match kinds {
        [kind] => (number(*kind), length(*kind)),
        _ => kinds.iter().fold((0, 0), |(types, bytes), kind| {
            let width = length(*kind).next_multiple_of(4);
            (types << 6 | number(*kind), bytes + width)
        }),
    }
}

fn number(kind: Kind) -> u32 {
    match kind {
        Kind::Family => 2,
        Kind::Device => 41,
        Kind::Address(Family::Ipv4) | Kind::Subnet(Family::Ipv4) => 7,
        Kind::Address(Family::Ipv6) | Kind::Subnet(Family::Ipv6) => 8,
        // What nft has no name for is an integer to it.
        Kind::Bits | Kind::Vlan => 4,
        Kind::Mac => 9,
        Kind::Protocol => 12,
        Kind::Port => 13,
    }
}

/// Bytes of a part. A name has 16 (`IFNAMSIZ`).
pub(super) fn length(kind: Kind) -> u32 {
    match kind {
        Kind::Family | Kind::Protocol => 1,
        Kind::Port | Kind::Vlan => 2,
        Kind::Mac => 6,
        Kind::Address(Family::Ipv4) => 4,
        Kind::Subnet(Family::Ipv4) => 8,
        Kind::Device | Kind::Bits | Kind::Address(Family::Ipv6) => 16,
        Kind::Subnet(Family::Ipv6) => 32,
    }
}

/// nft's enum byteorder of a type: none, host, network.
fn byte_order(kinds: &[Kind]) -> u32 {
    match kinds {
        [Kind::Address(_) | Kind::Subnet(_) | Kind::Port] => 2,
        [Kind::Device] | [_, _, ..] => 1,
        _ => 0,
    }
}

/// Where a base chain hangs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hook<'a> {
    pub(super) kind: &'a str,
    pub(super) number: u32,
    pub(super) priority: i32,
}

/// Numbers behind [`ChainName::hook`]. IPv6 has the same priorities in the table of
/// family `inet` (include/uapi/linux/netfilter_ipv4.h).
pub(super) fn hook(chain: ChainName) -> Option<Hook<'static>> {
    let (kind, number, priority) = match chain {
        ChainName::User
        | ChainName::Publish
        | ChainName::Near
        | ChainName::Routed
        | ChainName::PortArp
        | ChainName::PortIp
        | ChainName::PortIp6
        | ChainName::Endpoint => return None,
        ChainName::Forward | ChainName::RouterForward => {
            ("filter", NF_INET_FORWARD, NF_IP_PRI_FILTER)
        }
        ChainName::Raw => ("filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW),
        ChainName::Prerouting | ChainName::RouterPrerouting => {
            ("nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST)
        }
        ChainName::NatOutput => ("nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST),
        ChainName::Postrouting | ChainName::RouterPostrouting => {
            ("nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC)
        }
        ChainName::Bindings => ("filter", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC + 10),
        ChainName::Port => ("filter", NF_BR_PRE_ROUTING, NF_BR_PRI_NAT_DST_BRIDGED),
        ChainName::Input | ChainName::RouterInput | ChainName::PartitionInput => {
            ("filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER)
        }
        ChainName::Output | ChainName::PartitionOutput => {
            ("filter", NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER)
        }
    };
    Some(Hook {
        kind,
        number,
        priority,
    })
}

/// All that makes the table, in an order in which each message finds what it names.
pub(super) fn requests(table: &Table) -> Result<Vec<Request>, Failure> {
    let mut all = vec![add_table(table)];
    for (i, set) in table.sets.keys().enumerate() {
        all.push(add_set(*set, i as u32 + 1, table.lifetime));
    }
    let chains = table.chains.keys();
    all.extend(chains.map(|chain| add_chain(*chain, table.user_rules > 0)));
    for (set, elements) in &table.sets {
        let elements = elements.iter().map(|(e, owner)| (e, owner.as_ref()));
        all.extend(element::add(*set, elements));
    }
    for (chain, rules) in &table.chains {
        for rule in rules {
            all.push(add_rule(*chain, rule)?);
        }
    }
    Ok(all)
}

/// All that takes the table away. Rules of the user stay, in their chain: then only what is
/// ours goes, rules before the sets that they name.
pub(super) fn removal(table: &Table) -> Vec<Request> {
    if table.user_rules == 0 {
        return vec![message(table.name, NFT_MSG_DELTABLE, 0, |out| {
            put_text(out, NFTA_TABLE_NAME, table.name.as_str());
        })];
    }
    let ours = || table.chains.keys().filter(|chain| !chain.is_users());
    let flush = |chain: &ChainName| {
        message(table.name, NFT_MSG_DELRULE, 0, |out| {
            put_text(out, NFTA_RULE_TABLE, table.name.as_str());
            put_text(out, NFTA_RULE_CHAIN, chain.as_str());
        })
    };
    let remove_chain = |chain: &ChainName| {
        message(table.name, NFT_MSG_DELCHAIN, 0, |out| {
            put_text(out, NFTA_CHAIN_TABLE, table.name.as_str());
            put_text(out, NFTA_CHAIN_NAME, chain.as_str());
        })
    };
    let remove_set = |set: &SetName| {
        message(table.name, NFT_MSG_DELSET, 0, |out| {
            put_text(out, NFTA_SET_TABLE, table.name.as_str());
            put_text(out, NFTA_SET_NAME, set.as_str());
        })
    };
    let flushed = ours().map(flush);
    let chains = flushed.chain(ours().map(remove_chain));
    chains.chain(table.sets.keys().map(remove_set)).collect()
}

/// `NLM_F_EXCL`: a table that is there already is refused, never taken over, but for one
/// that was left to the user.
fn add_table(table: &Table) -> Request {
    let flags = NLM_F_CREATE | if table.user_rules > 0 { 0 } else { NLM_F_EXCL };
    message(table.name, NFT_MSG_NEWTABLE, flags, |out| {
        put_text(out, NFTA_TABLE_NAME, table.name.as_str());
        if table.ours {
            put(out, NFTA_TABLE_USERDATA, &userdata::comment(MARK));
        }
    })
}

/// The kernel insists on an id even where all refer to the set by its name.
fn add_set(set: SetName, id: u32, lifetime: u32) -> Request {
    let shape = shape(set);
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    message(set.table(), NFT_MSG_NEWSET, flags, |out| {
        put_text(out, NFTA_SET_TABLE, set.table().as_str());
        put_text(out, NFTA_SET_NAME, set.as_str());
        put_u32(out, NFTA_SET_FLAGS, shape.flags);
        put_u32(out, NFTA_SET_KEY_TYPE, shape.key.0);
        put_u32(out, NFTA_SET_KEY_LEN, shape.key.1);
        if shape.flags & NFT_SET_MAP != 0 {
            put_u32(out, NFTA_SET_DATA_TYPE, shape.data.0);
            put_u32(out, NFTA_SET_DATA_LEN, shape.data.1);
        }
        if shape.flags & NFT_SET_CONCAT != 0 {
            put_fields(out, set.key());
        }
        if set.is_filled_by_packets() {
            let millis = u64::from(lifetime) * 1000;
            put(out, NFTA_SET_TIMEOUT, &millis.to_be_bytes());
            put_nested(out, NFTA_SET_DESC, |out| {
                put_u32(out, NFTA_SET_DESC_SIZE, MOST);
            });
        }
        put_u32(out, NFTA_SET_ID, id);
        put(out, NFTA_SET_USERDATA, &notes(set));
    })
}

/// What nft needs to show the set as it would have made it.
fn notes(set: SetName) -> Vec<u8> {
    let other = match set.key() {
        [_, Kind::Bits] => userdata::target(),
        [_, Kind::Vlan] => userdata::vlan_id(),
        key => {
            let mut orders = userdata::byte_orders(byte_order(key), byte_order(set.data()));
            if matches!(set.data(), [Kind::Subnet(_)]) {
                userdata::data_is_interval(&mut orders);
            }
            return orders;
        }
    };
    [
        userdata::byte_orders(0, 0),
        userdata::typeof_name_and(&other),
    ]
    .concat()
}

/// Ranges of several parts are kept part by part: the kernel asks for the length of each.
fn put_fields(out: &mut Vec<u8>, kinds: &[Kind]) {
    put_nested(out, NFTA_SET_DESC, |out| {
        put_nested(out, NFTA_SET_DESC_CONCAT, |out| {
            for kind in kinds {
                put_nested(out, NFTA_LIST_ELEM, |out| {
                    put_u32(out, NFTA_SET_FIELD_LEN, length(*kind));
                });
            }
        });
    });
}

/// The hook makes it a base chain, which packets meet by themselves. Its policy is
/// accept from the start: the kernel may call the chain before its rules are there.
fn add_chain(chain: ChainName, left: bool) -> Request {
    let there = left && chain.is_users();
    let flags = NLM_F_CREATE | if there { 0 } else { NLM_F_EXCL };
    message(chain.table(), NFT_MSG_NEWCHAIN, flags, |out| {
        put_text(out, NFTA_CHAIN_TABLE, chain.table().as_str());
        put_text(out, NFTA_CHAIN_NAME, chain.as_str());
        let Some(hook) = hook(chain) else {
            return;
        };
        put_text(out, NFTA_CHAIN_TYPE, hook.kind);
        put_u32(out, NFTA_CHAIN_POLICY, NF_ACCEPT as u32);
        put_nested(out, NFTA_CHAIN_HOOK, |out| {
            put_u32(out, NFTA_HOOK_HOOKNUM, hook.number);
            // Signed, but sent in the same four bytes.
            put_u32(out, NFTA_HOOK_PRIORITY, hook.priority as u32);
        });
    })
}

/// Appended, so that the order is that of the messages. A term that was read but not
/// understood cannot be written: half a rule would let through what the whole one
/// does not.
fn add_rule(chain: ChainName, rule: &Rule) -> Result<Request, Failure> {
    let mut expressions = Vec::new();
    for term in &rule.0 {
        let known = expr::of(term).ok_or_else(|| Failure {
            errno: 0,
            text: Some(format!("netyard cannot write the rule `{rule}`")),
        })?;
        expressions.extend(known);
    }
    let flags = NLM_F_CREATE | NLM_F_APPEND;
    Ok(message(chain.table(), NFT_MSG_NEWRULE, flags, |out| {
        put_text(out, NFTA_RULE_TABLE, chain.table().as_str());
        put_text(out, NFTA_RULE_CHAIN, chain.as_str());
        put_nested(out, NFTA_RULE_EXPRESSIONS, |out| {
            for expression in &expressions {
                expression.put(out);
            }
        });
        put(out, NFTA_RULE_USERDATA, &userdata::comment(MARK));
    }))
}

/// What an element of this owner has as comment.
pub(super) fn owner_mark(owner: Option<&LabName>) -> &str {
    owner.map_or(MARK, LabName::as_str)
}
