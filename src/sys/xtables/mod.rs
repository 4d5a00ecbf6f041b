//! Rules of the old kind, which iptables-legacy makes: each table is one piece of memory,
//! with chains that are told apart by where they begin in it. They become chains and rules as
//! nf_tables has them.

mod entry;

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::{fs, io};

use rustix::net::{AddressFamily, SocketType};

use super::sockopt;
use super::uapi::rules::*;
use crate::state::Verdict;
use crate::state::ruleset::{
    BaseChain, Expression, Hook, ListedRule, RuleChain, RuleTable, TableFamily,
};
use entry::Entry;

/// A table's name in a question (`XT_TABLE_MAXNAMELEN`).
const NAME: usize = 32;
/// How often a table is read again that changes meanwhile.
const TRIES: usize = 8;

/// The tables of the calling thread's namespace; and the names of those that could not be read.
pub(crate) fn read() -> (Vec<RuleTable>, Vec<String>) {
    let (mut tables, mut unread) = (Vec::new(), Vec::new());
    for (family, file) in [
        (TableFamily::Ip, "ip_tables_names"),
        (TableFamily::Ip6, "ip6_tables_names"),
    ] {
        for name in names(file) {
            match table(family, &name) {
                Ok(table) => tables.push(table),
                Err(_) => unread.push(format!("{family} {name}")),
            }
        }
    }
    // Of those for ARP it is known that they are there.
    unread.extend(
        names("arp_tables_names")
            .iter()
            .map(|name| format!("arp {name}")),
    );
    (tables, unread)
}

/// The old iptables names its tables here, once it has any (`xt_table_seq_show`,
/// net/netfilter/x_tables.c); iptables-nft has none of them.
pub(crate) fn names(file: &str) -> Vec<String> {
    let names = fs::read_to_string(format!("/proc/thread-self/net/{file}"));
    let names = names.unwrap_or_default();
    names.lines().map(str::to_owned).collect()
}

/// What the kernel says of a table: where its chains begin at hooks, and where these end.
struct Info {
    /// A bit for each hook.
    hooks: u32,
    begins: [u32; 5],
    ends: [u32; 5],
    size: usize,
}

fn table(family: TableFamily, name: &str) -> io::Result<RuleTable> {
    let (domain, level) = match family {
        TableFamily::Ip6 => (AddressFamily::INET6, libc::SOL_IPV6),
        _ => (AddressFamily::INET, libc::SOL_IP),
    };
    let socket = rustix::net::socket(domain, SocketType::DGRAM, None)?;
    for _ in 0..TRIES {
        let info = info(socket.as_fd(), level, name)?;
        match memory(socket.as_fd(), level, name, info.size) {
            // It has another size by now (get_entries, net/ipv4/netfilter/ip_tables.c).
            Err(e) if e.raw_os_error() == Some(libc::EAGAIN) => {}
            Err(e) => return Err(e),
            Ok(memory) => return Ok(read_table(family, name, &info, &memory)),
        }
    }
    Err(io::Error::other(
        "the table changed each of the 8 times it was read",
    ))
}

fn question(name: &str, length: usize) -> Vec<u8> {
    let mut question = name.as_bytes().to_vec();
    question.truncate(NAME - 1);
    question.resize(length, 0);
    question
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_ne_bytes)
}

fn info(socket: BorrowedFd<'_>, level: i32, name: &str) -> io::Result<Info> {
    let answer = sockopt::ask(socket, level, IPT_SO_GET_INFO, question(name, IPT_GETINFO))?;
    let five = |at: usize| [0, 1, 2, 3, 4].map(|i| word(&answer, at + 4 * i));
    Ok(Info {
        hooks: word(&answer, NAME),
        begins: five(NAME + 4),
        ends: five(NAME + 24),
        size: word(&answer, NAME + 48) as usize,
    })
}

fn memory(socket: BorrowedFd<'_>, level: i32, name: &str, size: usize) -> io::Result<Vec<u8>> {
    let mut question = question(name, IPT_GET_ENTRIES + size);
    question[NAME..NAME + 4].copy_from_slice(&(size as u32).to_ne_bytes());
    let mut answer = sockopt::ask(socket, level, IPT_SO_GET_ENTRIES, question)?;
    Ok(answer.split_off(IPT_GET_ENTRIES.min(answer.len())))
}

const HOOKS: [(Hook, &str); 5] = [
    (Hook::Prerouting, "PREROUTING"),
    (Hook::Input, "INPUT"),
    (Hook::Forward, "FORWARD"),
    (Hook::Output, "OUTPUT"),
    (Hook::Postrouting, "POSTROUTING"),
];

/// Of linux/netfilter_ipv4.h. Where addresses change is the same place for all.
fn priority(table: &str) -> i32 {
    match table {
        "raw" => -300,
        "mangle" => -150,
        "security" => 50,
        _ => 0,
    }
}

fn read_table(family: TableFamily, name: &str, info: &Info, memory: &[u8]) -> RuleTable {
    let entries: Vec<Entry<'_>> = entry::all(family, memory);
    let names = chain_names(info, &entries);
    let mut chains: BTreeMap<String, RuleChain> = BTreeMap::new();
    let mut current: Option<String> = None;
    for entry in &entries {
        if let Some(name) = names.get(&entry.at) {
            current = Some(name.clone());
            chains.insert(name.clone(), RuleChain::default());
        }
        // Behind the mark that names it a chain begins; the last mark ends all.
        let chain = current.as_ref().and_then(|name| chains.get_mut(name));
        if let (Some(chain), false) = (chain, entry.is_mark()) {
            chain.rules.push(rule(entry, &names));
        }
    }
    for (i, (hook, chain)) in HOOKS.iter().enumerate() {
        let is_here = info.hooks & 1 << i != 0;
        if let Some(chain) = chains.get_mut(*chain).filter(|_| is_here) {
            let end = entries
                .iter()
                .find(|entry| entry.at == info.ends[i] as usize);
            // The policy is the chain's last rule.
            chain.rules.pop();
            chain.base = Some(BaseChain {
                hook: *hook,
                kind: if name == "nat" { "nat" } else { "filter" }.to_owned(),
                priority: priority(name),
                made: 0,
                drops: end.is_some_and(|end| end.decides() == Some(Verdict::Drop)),
                devices: Vec::new(),
            });
        }
    }
    RuleTable {
        family,
        name: name.to_owned(),
        legacy: true,
        dormant: false,
        chains,
        sets: BTreeMap::new(),
    }
}

/// Chains by where their first rule is.
fn chain_names(info: &Info, entries: &[Entry<'_>]) -> BTreeMap<usize, String> {
    let hooked = HOOKS.iter().enumerate();
    let hooked = hooked.filter(|(i, _)| info.hooks & 1 << i != 0);
    let hooked = hooked.map(|(i, (_, name))| (info.begins[i] as usize, (*name).to_owned()));
    let marks = entries.iter().filter_map(|entry| {
        let name = entry.mark()?;
        Some((entry.next, name))
    });
    hooked.chain(marks).collect()
}

fn rule(entry: &Entry<'_>, names: &BTreeMap<usize, String>) -> ListedRule {
    let mut expressions = entry.conditions();
    let comment = entry.comment();
    expressions.extend(match (entry.decides(), entry.leads_to()) {
        (Some(verdict), _) => Some(Expression::Verdict(verdict)),
        (None, Some(to)) if to == entry.next => None,
        (None, Some(to)) => {
            let to = names.get(&to).cloned().unwrap_or_default();
            Some(Expression::Verdict(match entry.goes() {
                true => Verdict::Goto(to),
                false => Verdict::Jump(to),
            }))
        }
        (None, None) => Some(entry.target()),
    });
    ListedRule {
        handle: None,
        comment,
        expressions,
    }
}
