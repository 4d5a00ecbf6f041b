//! Routing rules that others have put into the lab's namespaces, or taken away.

use super::order::{Rank, Turn};
use super::{Draft, Op};
use crate::state::Netns;

pub(super) fn diff(draft: &mut Draft<'_>) {
    let first = Rank::Configure(Turn::RouteInTheWay);
    for (netns, have) in draft.kept() {
        let Netns::Named(_) = netns else { continue };
        for rule in have.lost_rules.iter().cloned() {
            let netns = netns.clone();
            let because = "the kernel made it with the namespace";
            let op = Op::AddRule { netns, rule };
            draft.push(first, op, because);
        }
        for rule in have.odd_rules.iter().cloned() {
            let netns = netns.clone();
            let op = Op::DelRule { netns, rule };
            draft.push(first, op, "the file has no such rule");
        }
    }
}
