//! Firewalls of others: their chains that decide on what is taken in or forwarded, with
//! the rules as far as they can be followed. Nothing of theirs is ever changed.

mod field;
mod rule;
mod set;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use rustix::io::Errno;

use super::attr::{parse, put_text};
use super::socket::{Request, Socket, u32_at};
use crate::state::{Family, TABLE, Wall, WallChain, WallHook};
use crate::sys::uapi::*;
use rule::Rule;
use set::{Interval, SetKind};

/// How often all is read again when it changed meanwhile.
const TRIES: usize = 8;

/// The tables of others that have a chain where packets to published ports pass, or would
/// pass if they were for the host itself.
pub(crate) fn read(socket: &mut Socket) -> io::Result<Vec<Wall>> {
    for _ in 0..TRIES {
        let mut reader = Reader {
            socket,
            generation: None,
            changed: false,
        };
        let walls = reader.walls()?;
        if !reader.changed {
            return Ok(walls);
        }
    }
    Err(io::Error::other(
        "the firewall changed each of the 8 times it was read",
    ))
}

/// The old iptables names its tables here, once it has any (`xt_table_seq_show`,
/// net/netfilter/x_tables.c); iptables-nft has none of them.
pub(crate) fn has_legacy_rules() -> bool {
    let names = ["ip_tables_names", "ip6_tables_names"];
    let read = |name| fs::read_to_string(format!("/proc/thread-self/net/{name}"));
    names
        .map(read)
        .into_iter()
        .flatten()
        .any(|names| !names.is_empty())
}

/// A table by its family, as the kernel numbers it, and its name.
type Place = (u8, String);

/// The tables that matter, with their chains, and the rules of each chain.
#[derive(Default)]
struct Found {
    tables: BTreeMap<Place, BTreeMap<String, WallChain>>,
    rules: Vec<(Place, String, Rule)>,
}

struct Reader<'a> {
    socket: &'a mut Socket,
    /// The number of the rule set's version, which every answer carries.
    generation: Option<Vec<u8>>,
    changed: bool,
}

impl Reader<'_> {
    /// Where nobody filters anything the list of chains is the only question.
    fn walls(&mut self) -> io::Result<Vec<Wall>> {
        let mut found = Found::default();
        for (family, body) in self.list(NFT_MSG_GETCHAIN, 0, &[])? {
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
        for (family, body) in self.list(NFT_MSG_GETTABLE, 0, &[])? {
            // The chains of a dormant table are hooked nowhere.
            if number(&body, NFTA_TABLE_FLAGS) & NFT_TABLE_F_DORMANT != 0 {
                found.tables.remove(&(family, text(&body, NFTA_TABLE_NAME)));
            }
        }
        self.rules(&mut found)?;
        let sets = self.sets(&found.rules)?;
        for (place, chain, rule) in found.rules {
            let chains = found.tables.get_mut(&place);
            if let Some(chain) = chains.and_then(|chains| chains.get_mut(&chain)) {
                let set = |name: &str| sets.get(&(place.clone(), name.to_owned()));
                chain.rules.extend(rule.followed(set));
            }
        }
        Ok(found.tables.into_iter().map(wall).collect())
    }

    fn rules(&mut self, found: &mut Found) -> io::Result<()> {
        for (family, name) in found.tables.keys() {
            let question = [(NFTA_RULE_TABLE, name.as_str())];
            for (_, body) in self.list(NFT_MSG_GETRULE, *family, &question)? {
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
        &mut self,
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
            for (_, body) in self.list(NFT_MSG_GETSETELEM, family, &question)? {
                let list = find(&body, NFTA_SET_ELEM_LIST_ELEMENTS).unwrap_or_default();
                elements.extend(parse(list).map(|(_, bytes)| Interval::read(bytes)));
            }
            sets.insert(((family, table), set), SetKind::of(elements));
        }
        Ok(sets)
    }

    /// A list's entries: the family and the attributes of each.
    fn list(
        &mut self,
        kind: u16,
        family: u8,
        names: &[(u16, &str)],
    ) -> io::Result<Vec<(u8, Vec<u8>)>> {
        let mut body = vec![family, NFNETLINK_V0, 0, 0];
        names
            .iter()
            .for_each(|(kind, name)| put_text(&mut body, *kind, name));
        let request = Request {
            kind: NFNL_SUBSYS_NFTABLES << 8 | kind,
            flags: 0,
            body,
        };
        let replies = match self.socket.dump(&request)? {
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
        let attributes = |(_, body): &(u16, Vec<u8>)| {
            let (header, rest) = body.split_at(FAMILY_HEADER.min(body.len()));
            // `res_id`, the low half of the version.
            let seen = header.get(2..).unwrap_or_default();
            let generation = self.generation.get_or_insert_with(|| seen.to_vec());
            self.changed |= generation != seen;
            (header.first().copied().unwrap_or_default(), rest.to_vec())
        };
        Ok(replies.iter().map(attributes).collect())
    }
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

fn find(attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut all = parse(attributes);
    all.find(|(kind, _)| *kind == wanted)
        .map(|(_, value)| value)
}

fn nested(data: &[u8], attribute: u16) -> &[u8] {
    let data = find(data, attribute).unwrap_or_default();
    find(data, NFTA_DATA_VALUE).unwrap_or_default()
}

/// A text without the final zero of the kernel's strings.
fn text(attributes: &[u8], wanted: u16) -> String {
    let bytes = find(attributes, wanted).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches('\0').to_owned()
}

/// A number that is there, or else zero.
fn number(attributes: &[u8], wanted: u16) -> u32 {
    let value = find(attributes, wanted).and_then(|value| u32_at(value, 0));
    value.map_or(0, u32::from_be)
}
