//! Our tables of nftables.

use std::collections::BTreeMap;

use super::{Failure, refuse};
use crate::plan::Op;
use crate::state::{Namespace, Table};

/// Does one of the four operations on tables; any other is none of ours.
pub(super) fn change(namespace: &mut Namespace, op: &Op) -> Result<(), Failure> {
    match op {
        Op::AddTable { table, .. } => {
            let there = namespace.tables.get(&table.name);
            if there.is_some_and(|there| !there.is_left_to_user()) {
                return refuse(libc::EEXIST);
            }
            namespace.tables.insert(table.name, table.clone());
            Ok(())
        }
        Op::DelTable { table, .. } => {
            let Some(there) = namespace.tables.remove(&table.name) else {
                return refuse(libc::ENOENT);
            };
            if there.user_rules > 0 {
                let left = left_to_user(there);
                namespace.tables.insert(left.name, left);
            }
            Ok(())
        }
        Op::AddElement {
            set,
            element,
            owner,
            ..
        } => {
            let Some(table) = namespace.tables.get_mut(&set.table()) else {
                return refuse(libc::ENOENT);
            };
            let elements = table.sets.entry(*set).or_default();
            if set.barring(elements, element).is_some() {
                return refuse(libc::EEXIST);
            }
            elements.insert(element.clone(), owner.clone());
            Ok(())
        }
        Op::DelElement { set, element, .. } => {
            let table = namespace.tables.get_mut(&set.table());
            let gone = table.and_then(|table| table.sets.entry(*set).or_default().remove(element));
            gone.map_or_else(|| refuse(libc::ENOENT), |_| Ok(()))
        }
        _ => refuse(libc::EOPNOTSUPP),
    }
}

fn left_to_user(table: Table) -> Table {
    let chains = table.chains.into_iter();
    Table {
        chains: chains.filter(|(chain, _)| chain.is_users()).collect(),
        sets: BTreeMap::new(),
        ..table
    }
}

/// Whether an operation changes the firewall.
pub(super) fn go_together(a: &Op, b: &Op) -> bool {
    is_change(a) && is_change(b) && a.netns() == b.netns()
}

fn is_change(op: &Op) -> bool {
    matches!(
        op,
        Op::AddTable { .. } | Op::DelTable { .. } | Op::AddElement { .. } | Op::DelElement { .. }
    )
}
