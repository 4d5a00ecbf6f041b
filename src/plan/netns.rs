//! Namespaces: made when wanted and absent, removed when ours and no longer wanted.

use std::collections::BTreeSet;

use super::order::Rank;
use super::{Draft, Op};
use crate::state::{End, IfName, Namespace, Netns};

pub(super) fn diff(draft: &mut Draft<'_>) {
    for (netns, _) in draft.wanted() {
        if let (Some(name), None) = (netns.made(), draft.have(netns)) {
            let op = Op::AddNetns { name: name.clone() };
            draft.push(Rank::Netns, op, "the file has this namespace");
        }
    }
    // A cable between two namespaces that go is counted to the first of them, so
    // that undoing the two in reverse makes it when both are back.
    let mut counted = BTreeSet::new();
    for (netns, have) in &draft.observed.namespaces {
        let gone = draft.is_ours(have) && !draft.desired.namespaces.contains_key(netns);
        if let (Some(name), true) = (netns.made(), gone) {
            let cables = cables(draft, netns, have, &mut counted);
            let op = Op::DelNetns {
                name: name.clone(),
                cables,
            };
            draft.push(Rank::NetnsGone, op, "the lab no longer has this namespace");
        }
    }
}

fn cables(
    draft: &Draft<'_>,
    netns: &Netns,
    have: &Namespace,
    counted: &mut BTreeSet<End>,
) -> Vec<IfName> {
    let mut cables = Vec::new();
    for (dev, link) in &have.links {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let owned = link.owner.is_some() && link.is_alone();
        let cable = link.peer().is_some() || owned;
        if cable && !draft.gone.contains(&end) && !counted.contains(&end) {
            counted.extend(link.peer().cloned());
            cables.push(dev.clone());
        }
    }
    cables
}
