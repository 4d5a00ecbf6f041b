//! Our table of nftables.

use ipnet::IpNet;

use super::{Failure, refuse};
use crate::plan::Op;
use crate::state::{Element, Namespace};

/// Does one of the four operations on the table; any other is none of ours.
pub(super) fn change(host: &mut Namespace, op: &Op) -> Result<(), Failure> {
    match (op, &mut host.table) {
        (Op::AddTable { .. }, Some(_)) => refuse(libc::EEXIST),
        (Op::AddTable { table }, none) => {
            *none = Some(table.clone());
            Ok(())
        }
        (_, None) => refuse(libc::ENOENT),
        (Op::DelTable { .. }, some) => {
            *some = None;
            Ok(())
        }
        (
            Op::AddElement {
                set,
                element,
                owner,
            },
            Some(table),
        ) => {
            let elements = table.sets.entry(*set).or_default();
            if elements.keys().any(|there| collide(there, element)) {
                return refuse(libc::EEXIST);
            }
            elements.insert(element.clone(), owner.clone());
            Ok(())
        }
        (Op::DelElement { set, element, .. }, Some(table)) => {
            match table.sets.entry(*set).or_default().remove(element) {
                Some(_) => Ok(()),
                None => refuse(libc::ENOENT),
            }
        }
        _ => refuse(libc::EOPNOTSUPP),
    }
}

/// Intervals of one set may not overlap (`nft_rbtree_insert`, `nft_pipapo_insert`).
fn collide(there: &Element, new: &Element) -> bool {
    let overlap = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
    match (there, new) {
        (Element::Subnet(a), Element::Subnet(b)) => overlap(a, b),
        (a, b) => a == b,
    }
}

/// Whether an operation changes the firewall.
pub(super) fn is_change(op: &Op) -> bool {
    matches!(
        op,
        Op::AddTable { .. } | Op::DelTable { .. } | Op::AddElement { .. } | Op::DelElement { .. }
    )
}
