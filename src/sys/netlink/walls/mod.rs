//! Firewalls of others: their chains that decide on what is taken in or forwarded, with
//! the rules as far as they can be followed. Nothing of theirs is ever changed.

mod field;
mod rule;
mod set;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::attr::parse;
use super::listing::{Place, Reader, find, number, steady, text};
use super::socket::{Socket, u32_at};
use crate::state::{Family, TABLE, Wall, WallChain, WallHook};
use crate::sys::uapi::*;
use crate::sys::xtables;
use rule::Rule;
use set::{Interval, SetKind};

/// The tables of others that have a chain where packets to published ports pass, or would
/// pass if they were for the host itself.
pub(crate) fn read(socket: &mut Socket) -> io::Result<Vec<Wall>> {
    steady(socket, walls)
}

/// Whether the old iptables has tables.
pub(crate) fn has_legacy_rules() -> bool {
    let files = ["ip_tables_names", "ip6_tables_names"];
    files.iter().any(|file| !xtables::names(file).is_empty())
}

/// The tables that matter, with their chains, and the rules of each chain.
#[derive(Default)]
struct Found {
    tables: BTreeMap<Place, BTreeMap<String, WallChain>>,
    rules: Vec<(Place, String, Rule)>,
}

/// Where nobody filters anything the list of chains is the only question.
fn walls(reader: &mut Reader<'_>) -> io::Result<Vec<Wall>> {
    let mut found = Found::default();
    for (family, body) in reader.list(NFT_MSG_GETCHAIN, 0, &[])? {
        let table = text(&body, NFTA_CHAIN_TABLE);
        let chain = chain(&body);
        let chains = found.tables.entry((family, table)).or_default();
        chains.insert(text(&body, NFTA_CHAIN_NAME), chain);
    }
    let hooked = |chains: &BTreeMap<_, WallChain>| chains.values().any(|c| c.hook.is_some());
    found
        .tables
        .retain(|place, chains| filters(place) && hooked(chains));
    if found.tables.is_empty() {
        return Ok(Vec::new());
    }
    for (family, body) in reader.list(NFT_MSG_GETTABLE, 0, &[])? {
        // The chains of a dormant table are hooked nowhere.
        if number(&body, NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT != 0 {
            found.tables.remove(&(family, text(&body, NFTA_TABLE_NAME)));
        }
    }
    rules(reader, &mut found)?;
    let sets = sets(reader, &found.rules)?;
    for (place, chain, rule) in found.rules {
        let chains = found.tables.get_mut(&place);
        if let Some(chain) = chains.and_then(|chains| chains.get_mut(&chain)) {
            let set = |name: &str| sets.get(&(place.clone(), name.to_owned()));
            chain.rules.extend(rule.followed(set));
        }
    }
    Ok(found.tables.into_iter().map(wall).collect())
}

fn rules(reader: &mut Reader<'_>, found: &mut Found) -> io::Result<()> {
    for (family, name) in found.tables.keys() {
        let question = [(NFTA_RULE_TABLE, name.as_str())];
        for (_, body) in reader.list(NFT_MSG_GETRULE, *family, &question)? {
            let chain = text(&body, NFTA_RULE_CHAIN);
            let expressions = find(&body, NFTA_RULE_EXPRESSIONS).unwrap_or_default();
            let place = (*family, name.clone());
            found.rules.push((place, chain, Rule::read(expressions)));
        }
    }
    Ok(())
}

/// The sets in which rules look up what can be followed, and no others: some hold all
/// addresses of a country.
fn sets(
    reader: &mut Reader<'_>,
    rules: &[(Place, String, Rule)],
) -> io::Result<BTreeMap<(Place, String), SetKind>> {
    let looked_up = rules.iter().flat_map(|(place, _, rule)| {
        let sets = rule.sets();
        sets.map(move |set| (place.clone(), set.to_owned()))
    });
    let mut sets = BTreeMap::new();
    for ((family, table), set) in looked_up.collect::<BTreeSet<_>>() {
        let question = [
            (NFTA_SET_ELEM_LIST_TABLE, table.as_str()),
            (NFTA_SET_ELEM_LIST_SET, set.as_str()),
        ];
        let mut elements = Vec::new();
        for (_, body) in reader.list(NFT_MSG_GETSETELEM, family, &question)? {
            let list = find(&body, NFTA_SET_ELEM_LIST_ELEMENTS).unwrap_or_default();
            elements.extend(parse(list).map(|(_, bytes)| Interval::read(bytes)));
        }
        sets.insert(((family, table), set), SetKind::of(elements));
    }
    Ok(sets)
}

/// Tables of IPv4 and IPv6 that are not ours.
fn filters((family, name): &Place) -> bool {
    let ours = *family == NFPROTO_INET && name == TABLE;
    [NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6].contains(family) && !ours
}

fn chain(body: &[u8]) -> WallChain {
    let hook = find(body, NFTA_CHAIN_HOOK);
    let hook = hook.and_then(|hook| match number(hook, NFTA_HOOK_HOOKNUM) {
        NF_INET_LOCAL_IN => Some(WallHook::Input),
        NF_INET_FORWARD => Some(WallHook::Forward),
        _ => None,
    });
    let policy = find(body, NFTA_CHAIN_POLICY).and_then(|policy| u32_at(policy, 0));
    WallChain {
        hook,
        drops: hook.is_some() && policy.map(u32::from_be) == Some(NF_DROP as u32),
        rules: Vec::new(),
    }
}

fn wall(((family, name), chains): (Place, BTreeMap<String, WallChain>)) -> Wall {
    let (word, family) = match family {
        NFPROTO_IPV4 => ("ip", Some(Family::Ipv4)),
        NFPROTO_IPV6 => ("ip6", Some(Family::Ipv6)),
        _ => ("inet", None),
    };
    Wall {
        name: format!("{word} {name}"),
        family,
        chains,
    }
}

fn nested(data: &[u8], attribute: u16) -> &[u8] {
    let data = find(data, attribute).unwrap_or_default();
    find(data, NFTA_DATA_VALUE).unwrap_or_default()
}
