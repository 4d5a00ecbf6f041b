//! The table as the kernel has it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::io::Errno;

use crate::state::{ChainName, Element, LabName, Rule, SetName, Table, TableName};
use crate::sys::netlink::KernelError;
use crate::sys::netlink::attr::{parse, put_text};
use crate::sys::netlink::socket::{Request, Socket, u32_at};
use crate::sys::uapi::rules::NFTA_SET_TIMEOUT;
use crate::sys::uapi::*;

use super::element;
use super::entry::{self, Entry};
use super::expr::{self, Expr, text};
use super::table::{Hook, MARK, Shape, has_pairs, hook, shape};
use super::{message, userdata};

/// How often the table is read again when it changed between two questions.
const TRIES: usize = 8;

/// The elements of our table, of which it is known that it has the chains, rules and sets that
/// netyard gives it.
pub(crate) fn read_elements(
    socket: &mut Socket,
    name: TableName,
    keys: &Keys,
) -> io::Result<Table> {
    let mut reader = Reader {
        keys: Some(keys),
        ..Reader::new(socket, name)
    };
    let mut table = Table::skeleton(name);
    table.sets.extend(reader.sets()?);
    Ok(table)
}

/// Our table of this name; `None` when there is none. What is in it but cannot
/// be part of our table (a set of another type, a chain at another hook) is left
/// out, so that it shows as missing. A chain or a set of a name that is not ours is
/// left out too and shows nowhere; it goes with the table.
pub(crate) fn read(
    socket: &mut Socket,
    name: TableName,
    keys: Option<&Keys>,
) -> io::Result<Option<Table>> {
    for _ in 0..TRIES {
        let mut reader = Reader {
            keys,
            ..Reader::new(socket, name)
        };
        let table = reader.table()?;
        if !reader.changed {
            return Ok(table);
        }
    }
    Err(io::Error::other(
        "the firewall changed each of the 8 times it was read",
    ))
}

/// The elements that matter, where not all do. Ranges are read all the same: they are few,
/// and may be in each other's way.
pub(crate) type Keys = BTreeMap<SetName, BTreeSet<Element>>;

/// To ask for one element takes as long as to list so many.
const LISTED: u32 = 4;
/// How many there are where the kernel does not count.
const SEVERAL: u32 = 1000;

type Sets = BTreeMap<SetName, BTreeMap<Element, Option<LabName>>>;

struct Reader<'a> {
    socket: &'a mut Socket,
    name: TableName,
    keys: Option<&'a Keys>,
    /// The number of the rule set's version, which every answer carries.
    generation: Option<Vec<u8>>,
    changed: bool,
    /// How many seconds each set keeps what packets put there.
    lifetimes: BTreeSet<u32>,
}

impl<'a> Reader<'a> {
    fn new(socket: &'a mut Socket, name: TableName) -> Self {
        Reader {
            socket,
            name,
            keys: None,
            generation: None,
            changed: false,
            lifetimes: BTreeSet::new(),
        }
    }

    /// The table's own question comes first: where there is none, it is the only one.
    fn table(&mut self) -> io::Result<Option<Table>> {
        let question = self.get(NFT_MSG_GETTABLE, NFTA_TABLE_NAME, None);
        let answer = match self.socket.ask(&question)? {
            // A kernel without nf_tables refuses the message type
            // (nfnetlink_rcv_msg in net/netfilter/nfnetlink.c): no table there.
            Err(refused) if is(&refused, Errno::INVAL) => return Ok(None),
            answer => self.known(answer)?,
        };
        let Some(answer) = answer else {
            return Ok(None);
        };
        let notes = find(&answer, NFTA_TABLE_USERDATA);
        let ours = notes.and_then(userdata::read_comment) == Some(MARK);
        // The chains of a dormant table are hooked nowhere.
        let dormant = number(&answer, NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT != 0;
        let mut chains = if dormant {
            BTreeMap::new()
        } else {
            self.chains()?
        };
        let users = chains.iter_mut().find(|(chain, _)| chain.is_users());
        let users = users.map(|(_, rules)| std::mem::take(rules));
        let sets = self.sets()?;
        Ok(Some(Table {
            name: self.name,
            ours,
            chains,
            sets,
            lifetime: self.lifetimes.first().copied().unwrap_or_default(),
            user_rules: users.map_or(0, |rules| rules.len()),
        }))
    }

    /// Chains are asked for by name, as the kernel cannot list those of one table
    /// only (nf_tables_dump_chains) and a host may have thousands. Rules it can; they
    /// come in the order in which a packet meets them.
    fn chains(&mut self) -> io::Result<BTreeMap<ChainName, Vec<Rule>>> {
        let mut chains = BTreeMap::new();
        for chain in self.name.chains() {
            let name = Some((NFTA_CHAIN_NAME, chain.as_str()));
            let question = self.get(NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, name);
            let answer = self.socket.ask(&question)?;
            if self.known(answer)?.is_some_and(|a| is_chain(chain, &a)) {
                chains.insert(chain, Vec::new());
            }
        }
        let vocabulary = expr::vocabulary(self.name);
        for rule in self.list(&self.get(NFT_MSG_GETRULE, NFTA_RULE_TABLE, None))? {
            let place = find(&rule, NFTA_RULE_CHAIN).map(text);
            let chain = self.name.chains().find(|c| Some(c.as_str()) == place);
            if let Some(rules) = chain.and_then(|chain| chains.get_mut(&chain)) {
                let list = find(&rule, NFTA_RULE_EXPRESSIONS).unwrap_or_default();
                let list = parse(list).map(|(_, bytes)| Expr::read(bytes));
                let list: Vec<Expr> = list.filter(|expr| !expr::is_idle(expr)).collect();
                rules.push(Rule(expr::terms(&vocabulary, &list)));
            }
        }
        Ok(chains)
    }

    /// Only sets that are ours in kind are read: a map or a set of another type may
    /// have our name in a foreign table.
    fn sets(&mut self) -> io::Result<Sets> {
        let mut sets = BTreeMap::new();
        for found in self.list(&self.get(NFT_MSG_GETSET, NFTA_SET_TABLE, None))? {
            let name = find(&found, NFTA_SET_NAME).map(text);
            let set = self.name.sets().find(|s| Some(s.as_str()) == name);
            let Some(set) = set.filter(|set| is_set(*set, &found)) else {
                continue;
            };
            // What packets put there is as they are.
            if set.is_filled_by_packets() {
                let millis = find(&found, NFTA_SET_TIMEOUT).and_then(|ms| ms.try_into().ok());
                let seconds = millis.map_or(0, u64::from_be_bytes) / 1000;
                self.lifetimes
                    .insert(u32::try_from(seconds).unwrap_or_default());
                sets.insert(set, BTreeMap::new());
                continue;
            }
            let entries = match self.keys.map(|keys| keys.get(&set)) {
                _ if is_empty(set, &found) => Vec::new(),
                Some(keys) if is_asked(set, &found, keys) => self.some(set, keys)?,
                _ => self.all(set)?,
            };
            sets.insert(set, entry::elements(set, entries));
        }
        Ok(sets)
    }

    fn all(&mut self, set: SetName) -> io::Result<Vec<Entry>> {
        let name = Some((NFTA_SET_ELEM_LIST_SET, set.as_str()));
        let question = self.get(NFT_MSG_GETSETELEM, NFTA_SET_ELEM_LIST_TABLE, name);
        let parts = self.list(&question)?;
        Ok(parts.iter().flat_map(|part| entries(part)).collect())
    }

    fn some(&mut self, set: SetName, keys: Option<&BTreeSet<Element>>) -> io::Result<Vec<Entry>> {
        let keys = keys.into_iter().flatten();
        let questions: Vec<Request> = keys.map(|key| element::get(set, key)).collect();
        let mut all = Vec::new();
        for answer in self.socket.ask_each(&questions)? {
            all.extend(self.known(answer)?.iter().flat_map(|found| entries(found)));
        }
        Ok(all)
    }

    /// A question about the table, or about one thing in it.
    fn get(&self, kind: u16, table: u16, more: Option<(u16, &str)>) -> Request {
        message(self.name, kind, 0, |out| {
            put_text(out, table, self.name.as_str());
            if let Some((kind, name)) = more {
                put_text(out, kind, name);
            }
        })
    }

    /// An answer's attributes; `None` when what was asked for is not there.
    fn known(
        &mut self,
        answer: Result<(u16, Vec<u8>), KernelError>,
    ) -> io::Result<Option<Vec<u8>>> {
        match answer {
            Ok((_, body)) => Ok(Some(self.attributes(&body))),
            Err(refused) if is(&refused, Errno::NOENT) => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }

    /// A list's entries. A set that is gone has gone since it was listed.
    fn list(&mut self, question: &Request) -> io::Result<Vec<Vec<u8>>> {
        match self.socket.dump(question)? {
            Ok(replies) => Ok(replies
                .iter()
                .map(|(_, body)| self.attributes(body))
                .collect()),
            Err(refused) if is(&refused, Errno::NOENT) => {
                self.changed = true;
                Ok(Vec::new())
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// What follows the family's header, whose `res_id` is the low half of the
    /// rule set's version (nft_base_seq in net/netfilter/nf_tables_api.c).
    fn attributes(&mut self, body: &[u8]) -> Vec<u8> {
        let (header, rest) = body.split_at(FAMILY_HEADER.min(body.len()));
        let seen = header.get(2..).unwrap_or_default();
        let generation = self.generation.get_or_insert_with(|| seen.to_vec());
        self.changed |= generation != seen;
        rest.to_vec()
    }
}

/// `NFTA_SET_COUNT`, of Linux 6.16: the headers by which the numbers of `uapi.rs` are checked
/// may be older. Without it every set is asked.
const NFTA_SET_COUNT: u16 = 20;

/// Of pairs half are counted, so that an entry without an end is none
/// (`nft_rbtree_usize`, net/netfilter/nft_set_rbtree.c).
fn is_empty(set: SetName, attributes: &[u8]) -> bool {
    !has_pairs(set) && find(attributes, NFTA_SET_COUNT) == Some(&[0; 4])
}

/// Whether elements are asked for one by one: fewer matter than there are others. A kernel
/// that does not count is taken to have many.
fn is_asked(set: SetName, attributes: &[u8], keys: Option<&BTreeSet<Element>>) -> bool {
    let there = find(attributes, NFTA_SET_COUNT).and_then(|count| u32_at(count, 0));
    let there = there.map_or(SEVERAL, u32::from_be);
    let keys = keys.map_or(0, BTreeSet::len);
    !set.has_intervals() && !set.has_nobodys() && keys as u64 * u64::from(LISTED) <= there.into()
}

fn entries(part: &[u8]) -> impl Iterator<Item = Entry> {
    let list = find(part, NFTA_SET_ELEM_LIST_ELEMENTS).unwrap_or_default();
    parse(list).map(|(_, bytes)| Entry::read(bytes))
}

fn is(refused: &KernelError, errno: Errno) -> bool {
    refused.errno == errno.raw_os_error()
}

fn find(attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut all = parse(attributes);
    all.find(|(kind, _)| *kind == wanted)
        .map(|(_, value)| value)
}

/// A number that is there, or else zero.
fn number(attributes: &[u8], wanted: u16) -> u32 {
    let value = find(attributes, wanted).and_then(|value| u32_at(value, 0));
    value.map_or(0, u32::from_be)
}

/// Whether it hangs where our chain of this name hangs, and accepts at its end.
fn is_chain(chain: ChainName, attributes: &[u8]) -> bool {
    let place = find(attributes, NFTA_CHAIN_HOOK);
    let Some(wanted) = hook(chain) else {
        return place.is_none();
    };
    let place = place.unwrap_or_default();
    let found = Hook {
        kind: find(attributes, NFTA_CHAIN_TYPE).map_or("", text),
        number: number(place, NFTA_HOOK_HOOKNUM),
        priority: number(place, NFTA_HOOK_PRIORITY) as i32,
    };
    found == wanted && number(attributes, NFTA_CHAIN_POLICY) == NF_ACCEPT as u32
}

/// Whether it has the key, and the data, of our set of this name.
fn is_set(set: SetName, attributes: &[u8]) -> bool {
    let pair = |kind, length| (number(attributes, kind), number(attributes, length));
    let found = Shape {
        key: pair(NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN),
        data: pair(NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN),
        flags: number(attributes, NFTA_SET_FLAGS),
    };
    found == shape(set)
}
