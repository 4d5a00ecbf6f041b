//! Sets and maps, and what is in them.

use std::io;

use super::{FAMILY_HEADER, LISTED, expr, find, number, request, value};
use crate::state::ruleset::{Elements, RuleSet, SetData, SetElement, TableFamily};
use crate::sys::netlink::attr::{parse, put, put_nested};
use crate::sys::netlink::socket::{Socket, u32_at};
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

/// `NFTA_SET_COUNT`, of Linux 6.16: the headers by which the numbers of `uapi.rs` are checked
/// may be older. A kernel that does not count is asked for single elements.
const NFTA_SET_COUNT: u16 = 20;

/// A set without its elements; listed, if they are few.
pub(super) fn shape(body: &[u8]) -> RuleSet {
    let flags = number(body, NFTA_SET_FLAGS);
    let anonymous = flags & NFT_SET_ANONYMOUS != 0;
    let count = find(body, NFTA_SET_COUNT).and_then(|count| u32_at(count, 0));
    let few = anonymous || count.is_some_and(|count| u32::from_be(count) <= LISTED);
    RuleSet {
        anonymous,
        parts: parts(body),
        elements: match few {
            true => Elements::Listed(Vec::new()),
            false => Elements::Asked,
        },
    }
}

/// Only where parts may be ranges the kernel knows them.
fn parts(body: &[u8]) -> Vec<usize> {
    let desc = find(body, NFTA_SET_DESC).unwrap_or_default();
    let parts = find(desc, NFTA_SET_DESC_CONCAT).unwrap_or_default();
    let parts: Vec<usize> = parse(parts)
        .map(|(_, part)| number(part, NFTA_SET_FIELD_LEN) as usize)
        .collect();
    match parts.is_empty() {
        true => vec![number(body, NFTA_SET_KEY_LEN) as usize],
        false => parts,
    }
}

/// An entry as the kernel has it.
pub(super) struct Entry {
    first: Vec<u8>,
    last: Option<Vec<u8>>,
    ends: bool,
    rest: bool,
    data: SetData,
    each: Vec<crate::state::ruleset::Expression>,
}

impl Entry {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let flags = number(bytes, NFTA_SET_ELEM_FLAGS);
        let data = find(bytes, NFTA_SET_ELEM_DATA);
        let last = find(bytes, NFTA_SET_ELEM_KEY_END).map(|_| value(bytes, NFTA_SET_ELEM_KEY_END));
        Entry {
            first: value(bytes, NFTA_SET_ELEM_KEY),
            last,
            ends: flags & NFT_SET_ELEM_INTERVAL_END != 0,
            rest: flags & NFT_SET_ELEM_CATCHALL != 0,
            data: match data {
                None => SetData::None,
                Some(data) if find(data, NFTA_DATA_VERDICT).is_some() => {
                    SetData::Verdict(expr::verdict(data))
                }
                Some(_) => SetData::Value(value(bytes, NFTA_SET_ELEM_DATA)),
            },
            each: expr::nested(bytes, NFTA_SET_ELEM_EXPR, NFTA_SET_ELEM_EXPRESSIONS),
        }
    }

    fn element(self, last: Vec<u8>) -> SetElement {
        SetElement {
            keys: (!self.rest).then_some((self.first, last)),
            data: self.data,
            each: self.each,
        }
    }
}

/// In an interval set of one part a key is a start or, flagged, the first behind an end
/// (net/netfilter/nft_set_rbtree.c); elsewhere each stands for itself.
pub(super) fn elements(shape: &[u8], mut entries: Vec<Entry>) -> Vec<SetElement> {
    let flags = number(shape, NFTA_SET_FLAGS);
    let pairs = flags & NFT_SET_INTERVAL != 0 && flags & NFT_SET_CONCAT == 0;
    if pairs {
        entries.sort_by(|a, b| (&a.first, !a.ends).cmp(&(&b.first, !b.ends)));
    }
    let mut all = Vec::new();
    let mut rest = entries.into_iter().peekable();
    while let Some(mut entry) = rest.next() {
        if entry.ends {
            continue;
        }
        let last = match (entry.last.take(), rest.peek()) {
            _ if entry.rest => Vec::new(),
            (Some(last), _) => last,
            (None, Some(next)) if pairs && !next.rest => before(&next.first),
            (None, _) if pairs => vec![0xff; entry.first.len()],
            _ => entry.first.clone(),
        };
        all.push(entry.element(last));
    }
    all
}

/// The key before this one.
fn before(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let borrows = *byte == 0;
        *byte = byte.wrapping_sub(1);
        if !borrows {
            break;
        }
    }
    key
}

/// The element of a set that stands for a key; `None`: there is none.
pub(crate) fn element(
    socket: &mut Socket,
    family: TableFamily,
    table: &str,
    set: &str,
    key: &[u8],
) -> io::Result<Option<SetElement>> {
    match entry(socket, family, table, set, Some(key))? {
        Some(entry) => Ok(Some(entry.element(key.to_vec()))),
        None => Ok(entry(socket, family, table, set, None)?.map(|e| e.element(Vec::new()))),
    }
}

/// Without a key it is the one that stands for all the rest.
fn entry(
    socket: &mut Socket,
    family: TableFamily,
    table: &str,
    set: &str,
    key: Option<&[u8]>,
) -> io::Result<Option<Entry>> {
    let names = [
        (NFTA_SET_ELEM_LIST_TABLE, table),
        (NFTA_SET_ELEM_LIST_SET, set),
    ];
    let mut question = request(NFT_MSG_GETSETELEM, super::family_number(family), &names);
    put_nested(&mut question.body, NFTA_SET_ELEM_LIST_ELEMENTS, |out| {
        put_nested(out, NFTA_LIST_ELEM, |out| match key {
            Some(key) => put_nested(out, NFTA_SET_ELEM_KEY, |out| {
                put(out, NFTA_DATA_VALUE, key);
            }),
            None => {
                let flags = NFT_SET_ELEM_CATCHALL.to_be_bytes();
                put(out, NFTA_SET_ELEM_FLAGS, &flags);
            }
        });
    });
    let (_, answer) = match socket.ask(&question)? {
        Ok(answer) => answer,
        Err(e) if e.errno == libc::ENOENT => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let attributes = answer.get(FAMILY_HEADER..).unwrap_or_default();
    let list = find(attributes, NFTA_SET_ELEM_LIST_ELEMENTS).unwrap_or_default();
    Ok(parse(list).next().map(|(_, bytes)| Entry::read(bytes)))
}
