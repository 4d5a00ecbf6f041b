//! All rules of a namespace, ours and others', as the kernel lists them: every table of
//! nf_tables, its chains, sets, and rules as expressions. Nothing is judged here.

mod expr;
mod set;

use std::collections::BTreeMap;
use std::fmt;

pub use expr::*;
pub use set::*;

/// The rules of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// The tables of nf_tables, and those of the old kind that could be read.
    pub tables: Vec<RuleTable>,
    /// Tables of the old kind (`ip_tables`) that are in use but not among [`tables`](Self::tables),
    /// as `ip filter`.
    pub legacy: Vec<String>,
}

/// Which packets a table sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableFamily {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
    /// Neither: ARP.
    Arp,
    /// Frames on bridges.
    Bridge,
    /// What comes in or leaves by some devices.
    Netdev,
}

impl fmt::Display for TableFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TableFamily::Ip => "ip",
            TableFamily::Ip6 => "ip6",
            TableFamily::Inet => "inet",
            TableFamily::Arp => "arp",
            TableFamily::Bridge => "bridge",
            TableFamily::Netdev => "netdev",
        })
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTable {
    /// Which packets it sees.
    pub family: TableFamily,
    /// Its name.
    pub name: String,
    /// Whether it is of the old kind (`iptables-legacy`).
    pub legacy: bool,
    /// Whether its chains are hooked nowhere.
    pub dormant: bool,
    /// Its chains by name.
    pub chains: BTreeMap<String, RuleChain>,
    /// Its sets and maps by name, those that rules have for themselves too (`__set0`).
    pub sets: BTreeMap<String, RuleSet>,
}

/// A chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleChain {
    /// Where packets meet it; `None`: where other chains send them there.
    pub base: Option<BaseChain>,
    /// Its rules, in the order in which a packet meets them.
    pub rules: Vec<ListedRule>,
}

/// Where packets meet a chain, and what becomes of them at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseChain {
    /// At which place in the kernel.
    pub hook: Hook,
    /// `filter`, `nat` or `route`.
    pub kind: String,
    /// Chains with less come first.
    pub priority: i32,
    /// Which chain of the rule set this is; of those with one priority the earlier comes first.
    pub made: usize,
    /// Whether it drops what no rule decides on.
    pub drops: bool,
    /// The devices whose packets it sees, where it hangs at devices.
    pub devices: Vec<String>,
}

/// A place in the kernel that packets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// What a device takes in, before all else.
    Ingress,
    /// What came in, before it is known where it goes.
    Prerouting,
    /// What is for this namespace itself.
    Input,
    /// What goes through.
    Forward,
    /// What this namespace itself sends.
    Output,
    /// What leaves, after it is known where it goes.
    Postrouting,
    /// What a device sends, after all else.
    Egress,
}

/// A rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedRule {
    /// Its number in its table; rules of the old kind have none.
    pub handle: Option<u64>,
    /// The comment of whoever wrote it.
    pub comment: Option<String>,
    /// What it does, step by step.
    pub expressions: Vec<Expression>,
}
