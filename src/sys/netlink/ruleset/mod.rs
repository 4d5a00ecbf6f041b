//! All rules of a namespace, ours and others', as values. What a set has is listed as far
//! as it is not too much; of the others single elements can be asked for.

mod expr;
mod nat;
mod set;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use rustix::io::Errno;

use super::attr::{parse, put_text};
use super::nft::read_comment;
use super::socket::{Request, Socket, u32_at};
use crate::state::ruleset::{
    BaseChain, Elements, Expression, Hook, ListedRule, Lookup, RuleChain, RuleTable, Ruleset,
    TableFamily,
};
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

use crate::sys::xtables;
pub(crate) use set::element;

/// How often all is read again when it changed meanwhile.
const TRIES: usize = 8;
/// A set with more elements is not listed, but asked.
const LISTED: u32 = 4096;
/// So many sets are listed, and those behind them asked: the kernel finds one by going through
/// all that are before it (nft_set_lookup, net/netfilter/nf_tables_api.c), so that to list
/// ten thousand takes 15 s.
const SETS: usize = 1024;

/// The rules of the namespace that the netfilter socket is in. The calling thread must be
/// there too, for the tables of the old kind.
pub(crate) fn read(socket: &mut Socket) -> io::Result<Ruleset> {
    for _ in 0..TRIES {
        let mut reader = Reader {
            socket,
            generation: None,
            changed: false,
        };
        let tables = reader.tables()?;
        if !reader.changed {
            let (old, legacy) = xtables::read();
            let tables = tables.into_iter().chain(old).collect();
            return Ok(Ruleset { tables, legacy });
        }
    }
    Err(io::Error::other(
        "the firewall changed each of the 8 times it was read",
    ))
}

/// A table by its family, as the kernel numbers it, and its name.
type Place = (u8, String);

struct Reader<'a> {
    socket: &'a mut Socket,
    /// The number of the rule set's version, which every answer carries.
    generation: Option<Vec<u8>>,
    changed: bool,
}

impl Reader<'_> {
    /// Where there is no table the list of them is the only question.
    fn tables(&mut self) -> io::Result<Vec<RuleTable>> {
        let mut tables: BTreeMap<Place, RuleTable> = BTreeMap::new();
        let mut order = Vec::new();
        for (number, body) in self.list(NFT_MSG_GETTABLE, 0, &[])? {
            let Some(family) = family(number) else {
                continue;
            };
            let place = (number, text(&body, NFTA_TABLE_NAME));
            let table = RuleTable {
                family,
                name: place.1.clone(),
                legacy: false,
                dormant: self::number(&body, NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT != 0,
                chains: BTreeMap::new(),
                sets: BTreeMap::new(),
            };
            order.push(place.clone());
            tables.insert(place, table);
        }
        if !order.is_empty() {
            self.chains(&mut tables)?;
            self.rules(&mut tables)?;
            self.sets(&mut tables)?;
        }
        let taken = order.iter().filter_map(|place| tables.remove(place));
        Ok(taken.collect())
    }

    fn chains(&mut self, tables: &mut BTreeMap<Place, RuleTable>) -> io::Result<()> {
        let list = self.list(NFT_MSG_GETCHAIN, 0, &[])?;
        for (made, (family, body)) in list.into_iter().enumerate() {
            let place = (family, text(&body, NFTA_CHAIN_TABLE));
            if let Some(table) = tables.get_mut(&place) {
                let chain = RuleChain {
                    base: base(family, &body, made),
                    rules: Vec::new(),
                };
                table.chains.insert(text(&body, NFTA_CHAIN_NAME), chain);
            }
        }
        Ok(())
    }

    /// They come in the order in which a packet meets them.
    fn rules(&mut self, tables: &mut BTreeMap<Place, RuleTable>) -> io::Result<()> {
        for (family, body) in self.list(NFT_MSG_GETRULE, 0, &[])? {
            let table = tables.get_mut(&(family, text(&body, NFTA_RULE_TABLE)));
            let chain = text(&body, NFTA_RULE_CHAIN);
            if let Some(chain) = table.and_then(|table| table.chains.get_mut(&chain)) {
                chain.rules.push(rule(&body));
            }
        }
        Ok(())
    }

    /// Those that rules look into, with what is in them.
    fn sets(&mut self, tables: &mut BTreeMap<Place, RuleTable>) -> io::Result<()> {
        let looked_into: BTreeSet<(Place, String)> = tables
            .iter()
            .flat_map(|(place, table)| sets_of(table).map(|set| (place.clone(), set.to_owned())))
            .collect();
        if looked_into.is_empty() {
            return Ok(());
        }
        let all = self.list(NFT_MSG_GETSET, 0, &[])?;
        for (made, (family, body)) in all.into_iter().enumerate() {
            let place = (family, text(&body, NFTA_SET_TABLE));
            let key = (place, text(&body, NFTA_SET_NAME));
            if !looked_into.contains(&key) {
                continue;
            }
            let (place, name) = key;
            let mut set = set::shape(&body);
            if made >= SETS {
                set.elements = Elements::Asked;
            }
            if let Elements::Listed(elements) = &mut set.elements {
                *elements = self.elements(&place, &name, &body)?;
            }
            if let Some(table) = tables.get_mut(&place) {
                table.sets.insert(name, set);
            }
        }
        Ok(())
    }

    fn elements(
        &mut self,
        (family, table): &Place,
        set: &str,
        shape: &[u8],
    ) -> io::Result<Vec<crate::state::ruleset::SetElement>> {
        let question = [
            (NFTA_SET_ELEM_LIST_TABLE, table.as_str()),
            (NFTA_SET_ELEM_LIST_SET, set),
        ];
        let mut entries = Vec::new();
        for (_, body) in self.list(NFT_MSG_GETSETELEM, *family, &question)? {
            let list = find(&body, NFTA_SET_ELEM_LIST_ELEMENTS).unwrap_or_default();
            entries.extend(parse(list).map(|(_, bytes)| set::Entry::read(bytes)));
        }
        Ok(set::elements(shape, entries))
    }

    /// A list's entries: the family and the attributes of each.
    fn list(
        &mut self,
        kind: u16,
        family: u8,
        names: &[(u16, &str)],
    ) -> io::Result<Vec<(u8, Vec<u8>)>> {
        let replies = match self.socket.dump(&request(kind, family, names))? {
            Ok(replies) => replies,
            // What was listed has gone; a kernel without nf_tables has nothing to list
            // (nfnetlink_rcv_msg, net/netfilter/nfnetlink.c).
            Err(e) if e.errno == Errno::NOENT.raw_os_error() => {
                self.changed = true;
                Vec::new()
            }
            Err(e) if e.errno == Errno::INVAL.raw_os_error() => Vec::new(),
            Err(e) => return Err(e.into()),
        };
        let attributes = |(_, mut body): (u16, Vec<u8>)| {
            let rest = body.split_off(FAMILY_HEADER.min(body.len()));
            // `res_id`, the low half of the version.
            let seen = body.get(2..).unwrap_or_default();
            let generation = self.generation.get_or_insert_with(|| seen.to_vec());
            self.changed |= generation != seen;
            (body.first().copied().unwrap_or_default(), rest)
        };
        Ok(replies.into_iter().map(attributes).collect())
    }
}

fn request(kind: u16, family: u8, names: &[(u16, &str)]) -> Request {
    let mut body = vec![family, NFNETLINK_V0, 0, 0];
    names
        .iter()
        .for_each(|(kind, name)| put_text(&mut body, *kind, name));
    Request {
        kind: NFNL_SUBSYS_NFTABLES << 8 | kind,
        flags: 0,
        body,
    }
}

fn family(number: u8) -> Option<TableFamily> {
    Some(match number {
        NFPROTO_IPV4 => TableFamily::Ip,
        NFPROTO_IPV6 => TableFamily::Ip6,
        NFPROTO_INET => TableFamily::Inet,
        NFPROTO_ARP => TableFamily::Arp,
        NFPROTO_BRIDGE => TableFamily::Bridge,
        NFPROTO_NETDEV => TableFamily::Netdev,
        _ => return None,
    })
}

/// The number of a family, as the kernel has it.
fn family_number(family: TableFamily) -> u8 {
    match family {
        TableFamily::Ip => NFPROTO_IPV4,
        TableFamily::Ip6 => NFPROTO_IPV6,
        TableFamily::Inet => NFPROTO_INET,
        TableFamily::Arp => NFPROTO_ARP,
        TableFamily::Bridge => NFPROTO_BRIDGE,
        TableFamily::Netdev => NFPROTO_NETDEV,
    }
}

fn base(family: u8, body: &[u8], made: usize) -> Option<BaseChain> {
    let place = find(body, NFTA_CHAIN_HOOK)?;
    let device = find(place, NFTA_HOOK_DEV).map(|_| text(place, NFTA_HOOK_DEV));
    let devices = find(place, NFTA_HOOK_DEVS).unwrap_or_default();
    let devices = parse(devices).filter(|(kind, _)| *kind == NFTA_DEVICE_NAME);
    let devices: BTreeSet<String> = devices.map(|(_, name)| plain(name)).chain(device).collect();
    Some(BaseChain {
        hook: hook(family, number(place, NFTA_HOOK_HOOKNUM))?,
        kind: text(body, NFTA_CHAIN_TYPE),
        priority: number(place, NFTA_HOOK_PRIORITY) as i32,
        made,
        drops: number(body, NFTA_CHAIN_POLICY) == NF_DROP as u32
            && find(body, NFTA_CHAIN_POLICY).is_some(),
        devices: devices.into_iter().collect(),
    })
}

/// Those of bridges have the numbers of `inet` (include/uapi/linux/netfilter_bridge.h).
fn hook(family: u8, number: u32) -> Option<Hook> {
    match (family, number) {
        (NFPROTO_ARP, _) => None,
        (NFPROTO_NETDEV, NF_NETDEV_INGRESS) | (NFPROTO_INET, NF_INET_INGRESS) => {
            Some(Hook::Ingress)
        }
        (NFPROTO_NETDEV, NF_NETDEV_EGRESS) => Some(Hook::Egress),
        (NFPROTO_NETDEV, _) => None,
        (_, NF_INET_PRE_ROUTING) => Some(Hook::Prerouting),
        (_, NF_INET_LOCAL_IN) => Some(Hook::Input),
        (_, NF_INET_FORWARD) => Some(Hook::Forward),
        (_, NF_INET_LOCAL_OUT) => Some(Hook::Output),
        (_, NF_INET_POST_ROUTING) => Some(Hook::Postrouting),
        _ => None,
    }
}

fn rule(body: &[u8]) -> ListedRule {
    let handle = find(body, NFTA_RULE_HANDLE).and_then(u64_at);
    let notes = find(body, NFTA_RULE_USERDATA);
    let list = find(body, NFTA_RULE_EXPRESSIONS).unwrap_or_default();
    ListedRule {
        handle,
        comment: notes.and_then(read_comment).map(str::to_owned),
        expressions: parse(list).map(|(_, bytes)| expr::read(bytes)).collect(),
    }
}

fn sets_of(table: &RuleTable) -> impl Iterator<Item = &str> {
    let rules = table.chains.values().flat_map(|chain| &chain.rules);
    let expressions = rules.flat_map(|rule| &rule.expressions);
    expressions.filter_map(|expression| match expression {
        Expression::Lookup(Lookup { set, .. }) => Some(set.as_str()),
        _ => None,
    })
}

fn find(attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut all = parse(attributes);
    all.find(|(kind, _)| *kind == wanted)
        .map(|(_, value)| value)
}

/// The bytes of a nested value.
fn value(data: &[u8], attribute: u16) -> Vec<u8> {
    let data = find(data, attribute).unwrap_or_default();
    find(data, NFTA_DATA_VALUE).unwrap_or_default().to_vec()
}

/// A text without the final zero of the kernel's strings.
fn text(attributes: &[u8], wanted: u16) -> String {
    plain(find(attributes, wanted).unwrap_or_default())
}

fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .trim_end_matches('\0')
        .to_owned()
}

/// A number that is there, or else zero.
fn number(attributes: &[u8], wanted: u16) -> u32 {
    let value = find(attributes, wanted).and_then(|value| u32_at(value, 0));
    value.map_or(0, u32::from_be)
}

fn u64_at(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(value.get(..8)?.try_into().ok()?))
}
