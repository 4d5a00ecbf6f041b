//! What the kernel tells of the rule set of nftables: each noun, and then the version that
//! they came with, and who made it.

use std::collections::BTreeMap;

use crate::state::happening::Ruleset;
use crate::sys::netlink::attr::parse;
use crate::sys::netlink::notices::process;
use crate::sys::netlink::socket::u16_at;
use crate::sys::uapi::*;

/// What was told of since the last version.
#[derive(Debug, Default)]
pub(super) struct Counted {
    came: BTreeMap<u16, usize>,
    went: BTreeMap<u16, usize>,
}

/// In the order that they are made in: nouns, and their messages.
const NOUNS: [(&str, u16, u16); 6] = [
    ("table", NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE),
    ("chain", NFT_MSG_NEWCHAIN, NFT_MSG_DELCHAIN),
    ("set", NFT_MSG_NEWSET, NFT_MSG_DELSET),
    ("element", NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM),
    ("object", NFT_MSG_NEWOBJ, NFT_MSG_DELOBJ),
    ("rule", NFT_MSG_NEWRULE, NFT_MSG_DELRULE),
];

impl Counted {
    /// Takes a message. With a new version it is told what it is made of.
    pub(super) fn take(&mut self, message: &[u8]) -> Option<(Option<u32>, Ruleset)> {
        let kind = u16_at(message, 4)?;
        if kind >> 8 != NFNL_SUBSYS_NFTABLES {
            return None;
        }
        let attributes = message.get(HEADER + FAMILY_HEADER..)?;
        match kind & 0xff {
            NFT_MSG_NEWGEN => {
                let Counted { came, went } = std::mem::take(self);
                let ruleset = Ruleset {
                    by: process(attributes),
                    came: named(&came, |(_, new, _)| *new),
                    went: named(&went, |(_, _, gone)| *gone),
                };
                return Some((generation(attributes), ruleset));
            }
            kind if NOUNS.iter().any(|(_, new, _)| *new == kind) => {
                *self.came.entry(kind).or_default() += 1;
            }
            kind => *self.went.entry(kind).or_default() += 1,
        }
        None
    }
}

fn named(
    counted: &BTreeMap<u16, usize>,
    kind: impl Fn(&(&'static str, u16, u16)) -> u16,
) -> Vec<(&'static str, usize)> {
    let count = |noun: &'static (&'static str, u16, u16)| Some((noun, *counted.get(&kind(noun))?));
    let found = NOUNS.iter().filter_map(count);
    found.map(|((noun, ..), count)| (*noun, count)).collect()
}

fn generation(attributes: &[u8]) -> Option<u32> {
    let (_, number) = parse(attributes).find(|(kind, _)| *kind == NFTA_GEN_ID)?;
    Some(u32::from_be_bytes(number.try_into().ok()?))
}
