//! Labs in an order in which they can go, where some are on networks of others.

use std::collections::BTreeSet;

use netyard::lab::Described;
use netyard::state::LabName;

/// Those first that nobody is left on.
pub(crate) fn users_first(mut labs: Vec<Described>) -> Vec<Described> {
    let mut turns = Vec::new();
    while !labs.is_empty() {
        let owners = labs.iter().flat_map(|lab| lab.external.values().cloned());
        let used: BTreeSet<LabName> = owners.collect();
        let (now, later): (Vec<_>, Vec<_>) =
            (labs.into_iter()).partition(|lab| !used.contains(&lab.name));
        // There is no circle; if there were one, none would be left out.
        let stuck = now.is_empty();
        turns.extend(now);
        labs = later;
        if stuck {
            turns.append(&mut labs);
        }
    }
    turns
}

/// Those first whose networks others are on.
pub(crate) fn owners_first(labs: Vec<Described>) -> Vec<Described> {
    let mut turns = users_first(labs);
    turns.reverse();
    turns
}
