//! Labs in an order in which they can come or go, where some are on networks of others.

use std::collections::BTreeSet;

use netyard::lab::Described;
use netyard::state::LabName;

/// Those first that nobody is left on.
pub(crate) fn users_first(labs: Vec<Described>) -> Vec<Described> {
    turns(labs).into_iter().flatten().collect()
}

/// Those first whose networks others are on.
pub(crate) fn owners_first(labs: Vec<Described>) -> Vec<Described> {
    turns(labs).into_iter().rev().flatten().collect()
}

/// Each turn those that nobody of the rest is on, as they stood.
fn turns(mut labs: Vec<Described>) -> Vec<Vec<Described>> {
    let mut turns = Vec::new();
    while !labs.is_empty() {
        let owners = labs.iter().flat_map(|lab| lab.external.values().cloned());
        let used: BTreeSet<LabName> = owners.collect();
        let (now, later): (Vec<_>, Vec<_>) =
            (labs.into_iter()).partition(|lab| !used.contains(&lab.name));
        // There is no circle; if there were one, none would be left out.
        let stuck = now.is_empty();
        turns.push(now);
        labs = later;
        if stuck {
            turns.push(std::mem::take(&mut labs));
        }
    }
    turns
}
