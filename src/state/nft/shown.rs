//! A table as JSON shows it: chains only where they are not as netyard writes them,
//! and sets only where there is something in them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ChainName, Element, Rule, SetName, Table, TableName};
use crate::state::name::LabName;

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Shown {
    name: TableName,
    ours: bool,
    /// Chains that are otherwise; `null`: it is not there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    chains: BTreeMap<ChainName, Option<Vec<Rule>>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    missing_sets: BTreeSet<SetName>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sets: BTreeMap<SetName, BTreeMap<Element, Option<LabName>>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    user_rules: usize,
    #[serde(default, skip_serializing_if = "is_zero")]
    lifetime: u32,
}

fn is_zero<N: Default + PartialEq>(n: &N) -> bool {
    *n == N::default()
}

impl From<Table> for Shown {
    fn from(table: Table) -> Self {
        let chains = table.name.chains();
        let changed = chains.filter(|chain| table.chains.get(chain) != Some(&chain.rules()));
        let missing = table.name.sets();
        Shown {
            name: table.name,
            ours: table.ours,
            chains: changed
                .map(|chain| (chain, table.chains.get(&chain).cloned()))
                .collect(),
            missing_sets: missing
                .filter(|set| !table.sets.contains_key(set))
                .collect(),
            sets: table
                .sets
                .into_iter()
                .filter(|(_, e)| !e.is_empty())
                .collect(),
            user_rules: table.user_rules,
            lifetime: table.lifetime,
        }
    }
}

impl From<Shown> for Table {
    fn from(shown: Shown) -> Self {
        let mut table = Table {
            ours: shown.ours,
            user_rules: shown.user_rules,
            lifetime: shown.lifetime,
            ..Table::skeleton(shown.name)
        };
        for (chain, rules) in shown.chains {
            match rules {
                Some(rules) => table.chains.insert(chain, rules),
                None => table.chains.remove(&chain),
            };
        }
        table
            .sets
            .retain(|set, _| !shown.missing_sets.contains(set));
        table.sets.extend(shown.sets);
        table
    }
}
