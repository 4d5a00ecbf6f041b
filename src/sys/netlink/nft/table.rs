//! The messages that make the table: itself, its sets, chains, elements, rules.

use crate::state::{ChainName, LabName, Rule, SetName, TABLE, Table};
use crate::sys::Failure;
use crate::sys::netlink::attr::{put, put_nested, put_text};
use crate::sys::netlink::socket::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, Request};
use crate::sys::uapi::*;

use super::{element, expr, message, put_u32, userdata};

/// The comment of the table, of each rule and of netyard's own elements.
pub(super) const MARK: &str = "netyard";

/// A set's key as the kernel keeps it. The types are nft's own (enum datatypes of
/// its include/datatype.h): the kernel stores them unread.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) kind: u32,
    pub(super) length: u32,
    pub(super) flags: u32,
}

/// Numbers behind [`SetName::key`]. A name has 16 bytes (`IFNAMSIZ`).
pub(super) fn key(set: SetName) -> Key {
    let (kind, length, flags) = match set {
        SetName::Guard => (2, 1, 0),
        // A concatenation has six bits for each of its types.
        SetName::Bridged => (41 << 6 | 41, 32, 0),
        SetName::Inside | SetName::Networks => (41, 16, 0),
        SetName::Masquerade4 => (7, 4, NFT_SET_INTERVAL),
        SetName::Masquerade6 => (8, 16, NFT_SET_INTERVAL),
    };
    Key {
        kind,
        length,
        flags,
    }
}

/// nft's enum byteorder of the key's type: none, host, network.
fn byte_order(set: SetName) -> u32 {
    match set {
        SetName::Guard => 0,
        SetName::Bridged | SetName::Inside | SetName::Networks => 1,
        SetName::Masquerade4 | SetName::Masquerade6 => 2,
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
pub(super) fn hook(chain: ChainName) -> Hook<'static> {
    let (kind, number, priority) = match chain {
        ChainName::Forward => ("filter", NF_INET_FORWARD, NF_IP_PRI_FILTER),
        ChainName::Postrouting => ("nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC),
    };
    Hook {
        kind,
        number,
        priority,
    }
}

/// All that makes the table, in an order in which each message finds what it names.
pub(super) fn requests(table: &Table) -> Result<Vec<Request>, Failure> {
    let mut all = vec![add_table(table.ours)];
    for (i, set) in table.sets.keys().enumerate() {
        all.push(add_set(*set, i as u32 + 1));
    }
    all.extend(table.chains.keys().map(|chain| add_chain(*chain)));
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

/// `NLM_F_EXCL`: a table that is there already is refused, never taken over.
fn add_table(ours: bool) -> Request {
    message(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, |out| {
        put_text(out, NFTA_TABLE_NAME, TABLE);
        if ours {
            put(out, NFTA_TABLE_USERDATA, &userdata::comment(MARK));
        }
    })
}

/// The kernel insists on an id even where all refer to the set by its name.
fn add_set(set: SetName, id: u32) -> Request {
    let key = key(set);
    message(NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, |out| {
        put_text(out, NFTA_SET_TABLE, TABLE);
        put_text(out, NFTA_SET_NAME, set.as_str());
        put_u32(out, NFTA_SET_FLAGS, key.flags);
        put_u32(out, NFTA_SET_KEY_TYPE, key.kind);
        put_u32(out, NFTA_SET_KEY_LEN, key.length);
        put_u32(out, NFTA_SET_ID, id);
        let order = userdata::byte_order(byte_order(set));
        put(out, NFTA_SET_USERDATA, &order);
    })
}

/// The hook makes it a base chain, which packets meet by themselves. Its policy is
/// accept from the start: the kernel may call the chain before its rules are there.
fn add_chain(chain: ChainName) -> Request {
    let hook = hook(chain);
    message(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, |out| {
        put_text(out, NFTA_CHAIN_TABLE, TABLE);
        put_text(out, NFTA_CHAIN_NAME, chain.as_str());
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
    Ok(message(
        NFT_MSG_NEWRULE,
        NLM_F_CREATE | NLM_F_APPEND,
        |out| {
            put_text(out, NFTA_RULE_TABLE, TABLE);
            put_text(out, NFTA_RULE_CHAIN, chain.as_str());
            put_nested(out, NFTA_RULE_EXPRESSIONS, |out| {
                for expression in &expressions {
                    expression.put(out);
                }
            });
            put(out, NFTA_RULE_USERDATA, &userdata::comment(MARK));
        },
    ))
}

/// What an element of this owner has as comment.
pub(super) fn owner_mark(owner: Option<&LabName>) -> &str {
    owner.map_or(MARK, LabName::as_str)
}
