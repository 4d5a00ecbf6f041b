//! All rules of a namespace, ours and others', as values. What a set has is listed as far
//! as it is not too much; of the others single elements can be asked for.

mod expr;
mod nat;
mod set;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::attr::parse;
use super::listing::{Place, Reader, find, number, plain, request, steady, text};
use super::nft::read_comment;
use super::socket::Socket;
use crate::state::ruleset::{
    BaseChain, Elements, Expression, Hook, ListedRule, Lookup, RuleChain, RuleTable, Ruleset,
    TableFamily,
};
use crate::sys::uapi::rules::*;
use crate::sys::uapi::*;

use crate::sys::xtables;
pub(crate) use set::element;

/// A set with more elements is not listed, but asked.
const LISTED: u32 = 4096;
/// So many sets are listed, and those behind them asked: the kernel finds one by going through
/// all that are before it (nft_set_lookup, net/netfilter/nf_tables_api.c), so that to list
/// ten thousand takes 15 s.
const SETS: usize = 1024;

/// The rules of the namespace that the netfilter socket is in. The calling thread must be
/// there too, for the tables of the old kind.
pub(crate) fn read(socket: &mut Socket) -> io::Result<Ruleset> {
    let tables = steady(socket, tables)?;
    let (old, legacy) = xtables::read();
    let tables = tables.into_iter().chain(old).collect();
    Ok(Ruleset { tables, legacy })
}

/// Where there is no table the list of them is the only question.
fn tables(reader: &mut Reader<'_>) -> io::Result<Vec<RuleTable>> {
    let mut tables: BTreeMap<Place, RuleTable> = BTreeMap::new();
    let mut order = Vec::new();
    for (number, body) in reader.list(NFT_MSG_GETTABLE, 0, &[])? {
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
        chains(reader, &mut tables)?;
        rules(reader, &mut tables)?;
        sets(reader, &mut tables)?;
    }
    let taken = order.iter().filter_map(|place| tables.remove(place));
    Ok(taken.collect())
}

fn chains(reader: &mut Reader<'_>, tables: &mut BTreeMap<Place, RuleTable>) -> io::Result<()> {
    let list = reader.list(NFT_MSG_GETCHAIN, 0, &[])?;
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
fn rules(reader: &mut Reader<'_>, tables: &mut BTreeMap<Place, RuleTable>) -> io::Result<()> {
    for (family, body) in reader.list(NFT_MSG_GETRULE, 0, &[])? {
        let table = tables.get_mut(&(family, text(&body, NFTA_RULE_TABLE)));
        let chain = text(&body, NFTA_RULE_CHAIN);
        if let Some(chain) = table.and_then(|table| table.chains.get_mut(&chain)) {
            chain.rules.push(rule(&body));
        }
    }
    Ok(())
}

/// Those that rules look into, with what is in them.
fn sets(reader: &mut Reader<'_>, tables: &mut BTreeMap<Place, RuleTable>) -> io::Result<()> {
    let looked_into: BTreeSet<(Place, String)> = tables
        .iter()
        .flat_map(|(place, table)| sets_of(table).map(|set| (place.clone(), set.to_owned())))
        .collect();
    if looked_into.is_empty() {
        return Ok(());
    }
    let all = reader.list(NFT_MSG_GETSET, 0, &[])?;
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
            *elements = elements_of(reader, &place, &name, &body)?;
        }
        if let Some(table) = tables.get_mut(&place) {
            table.sets.insert(name, set);
        }
    }
    Ok(())
}

fn elements_of(
    reader: &mut Reader<'_>,
    (family, table): &Place,
    set: &str,
    shape: &[u8],
) -> io::Result<Vec<crate::state::ruleset::SetElement>> {
    let question = [
        (NFTA_SET_ELEM_LIST_TABLE, table.as_str()),
        (NFTA_SET_ELEM_LIST_SET, set),
    ];
    let mut entries = Vec::new();
    for (_, body) in reader.list(NFT_MSG_GETSETELEM, *family, &question)? {
        let list = find(&body, NFTA_SET_ELEM_LIST_ELEMENTS).unwrap_or_default();
        entries.extend(parse(list).map(|(_, bytes)| set::Entry::read(bytes)));
    }
    Ok(set::elements(shape, entries))
}

/// Which family has this number.
pub(super) fn family(number: u8) -> Option<TableFamily> {
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
        (NFPROTO_ARP, NF_ARP_IN) => Some(Hook::Input),
        (NFPROTO_ARP, NF_ARP_OUT) => Some(Hook::Output),
        (NFPROTO_ARP, NF_ARP_FORWARD) => Some(Hook::Forward),
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

/// The bytes of a nested value.
fn value(data: &[u8], attribute: u16) -> Vec<u8> {
    let data = find(data, attribute).unwrap_or_default();
    find(data, NFTA_DATA_VALUE).unwrap_or_default().to_vec()
}

pub(super) fn u64_at(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(value.get(..8)?.try_into().ok()?))
}
