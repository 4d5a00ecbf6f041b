//! The firewall tables called `netyard`: a fixed number of rules, and sets and maps
//! that grow. A packet meets the same rules whatever the number of labs.

mod chain;
mod element;
mod kind;
mod partition;
mod port;
mod publish;
mod routed;
mod router;
mod rule;
mod set;
mod shape;
mod shown;
mod text;
mod told;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use chain::ChainName;
pub use element::{Element, Family, Part, Protocol};
pub use kind::Kind;
pub use rule::{Field, NewAddress, NewPort, Rule, Term, Test};
pub use set::SetName;
pub use shape::MOST;
pub use text::{element as nft_element, script as nft_script};

use super::name::LabName;

/// The name of our tables, and our mark on what is in them.
pub const TABLE: &str = "netyard";

/// Which of our tables it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableName {
    /// `inet netyard` of the host: what is forwarded, NAT, published ports.
    Inet,
    /// `bridge netyard` of the host: who may say what on a bridge.
    Bridge,
    /// `inet netyard` of a namespace: what it sends and takes itself.
    Inside,
    /// `inet netyard-router` of a namespace: what it lets through, and with which addresses.
    Router,
    /// `inet netyard-partition` of a namespace: with whom it may not speak for now.
    Partition,
}

impl TableName {
    /// The tables of the host.
    pub const HOST: [TableName; 2] = [TableName::Inet, TableName::Bridge];
    /// Those of a namespace.
    pub const NAMESPACE: [TableName; 3] =
        [TableName::Inside, TableName::Router, TableName::Partition];

    /// Its name, beside the family.
    pub fn as_str(self) -> &'static str {
        match self {
            TableName::Inet | TableName::Bridge | TableName::Inside => TABLE,
            TableName::Router => "netyard-router",
            TableName::Partition => "netyard-partition",
        }
    }

    /// The family, as nft writes it.
    pub fn family(self) -> &'static str {
        match self {
            TableName::Inet | TableName::Inside | TableName::Router | TableName::Partition => {
                "inet"
            }
            TableName::Bridge => "bridge",
        }
    }

    /// Its chains.
    pub fn chains(self) -> impl Iterator<Item = ChainName> {
        ChainName::ALL
            .into_iter()
            .filter(move |c| c.table() == self)
    }

    /// Its sets and maps.
    pub fn sets(self) -> impl Iterator<Item = SetName> {
        SetName::ALL.into_iter().filter(move |s| s.table() == self)
    }
}

/// As nft writes it: `inet netyard`.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family(), self.as_str())
    }
}

/// A table as it is or shall be. A desired table lists the elements of one
/// lab; an observed one those of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "shown::Shown", into = "shown::Shown")]
pub struct Table {
    /// Which it is.
    pub name: TableName,
    /// Whether it carries our mark (its comment). A table of this name without
    /// it belongs to someone else.
    pub ours: bool,
    /// The rules of each chain.
    pub chains: BTreeMap<ChainName, Vec<Rule>>,
    /// The elements of each set, each with the lab that owns it; `None` is an
    /// element that netyard itself needs (the guard).
    pub sets: BTreeMap<SetName, BTreeMap<Element, Option<LabName>>>,
    /// How many rules the user has put into the chain that is theirs.
    pub user_rules: usize,
    /// How many seconds what packets put into its sets stays there; 0 where there are none.
    pub lifetime: u32,
}

impl Table {
    /// Our table with every chain and rule, and empty sets.
    pub fn skeleton(name: TableName) -> Self {
        Table {
            name,
            ours: true,
            chains: name.chains().map(|chain| (chain, chain.rules())).collect(),
            sets: name.sets().map(|set| (set, BTreeMap::new())).collect(),
            user_rules: 0,
            lifetime: 0,
        }
    }

    /// Every element with its set and owner, in order.
    pub fn elements(&self) -> impl Iterator<Item = (SetName, &Element, Option<&LabName>)> {
        self.sets.iter().flat_map(|(set, elements)| {
            elements
                .iter()
                .map(move |(element, owner)| (*set, element, owner.as_ref()))
        })
    }

    /// Puts an element into one of its sets.
    pub fn add(&mut self, set: SetName, element: Element, owner: &LabName) {
        let elements = self.sets.entry(set).or_default();
        elements.insert(element, Some(owner.clone()));
    }

    /// Whether a set has this element.
    pub fn has(&self, set: SetName, element: &Element) -> bool {
        let elements = self.sets.get(&set);
        elements.is_some_and(|elements| elements.contains_key(element))
    }

    /// Whether it has exactly the chains, rules and sets that netyard gives it.
    pub fn is_as_written(&self) -> bool {
        let skeleton = Table::skeleton(self.name);
        self.chains == skeleton.chains && self.sets.keys().eq(skeleton.sets.keys())
    }

    /// Whether nothing but the user's own chain is left: it is no lab's, and waits for
    /// the next.
    pub fn is_left_to_user(&self) -> bool {
        self.ours && self.sets.is_empty() && self.chains.keys().eq([&ChainName::User])
    }
}
