//! What is known of a namespace before it is looked into.

use super::Fake;
use crate::plan::Claim;
use crate::state::{LabName, Namespace, Netns};

impl Fake {
    pub(super) fn outside(&self, lab: &LabName, netns: &Netns, there: &Namespace) -> Namespace {
        let recorded = |lab: &&LabName| match netns.made() {
            Some(name) => self.is_claimed(lab, &Claim::Netns(name.clone())),
            None => false,
        };
        let at = netns.joined().cloned().zip(there.identity);
        let claim = at.map(|(path, identity)| Claim::Joined(path, identity));
        let joined = claim.is_some_and(|claim| self.is_claimed(lab, &claim));
        let made = there.owner.as_ref().filter(recorded).cloned();
        let own = self.journal.get(lab).filter(|_| joined);
        let left = own.into_iter().flatten().filter_map(|claim| match claim {
            Claim::Route(at, to) if at == netns => Some(*to),
            _ => None,
        });
        Namespace {
            left: left.collect(),
            owner: made.or_else(|| joined.then(|| lab.clone())),
            identity: there.identity,
            ..Namespace::default()
        }
    }
}
