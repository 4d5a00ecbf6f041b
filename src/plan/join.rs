//! What is left out of namespaces that others made.

use std::borrow::Cow;

use super::is_own;
use crate::state::{End, NetState, Netns, Route};

/// The desired state with the spare routes that are to be. Whether one is is decided when
/// its device comes, or the file begins to ask for it: who else comes or goes later changes
/// nothing of it.
pub(super) fn settled<'a>(desired: &'a NetState, observed: &NetState) -> Cow<'a, NetState> {
    let mut settled = Cow::Borrowed(desired);
    for (netns, want) in &desired.namespaces {
        for route in &want.spare {
            if is_needed(route, netns, desired, observed)
                && let Some(want) = settled.to_mut().namespaces.get_mut(netns)
            {
                want.routes.insert(route.clone());
            }
        }
    }
    settled
}

fn is_needed(route: &Route, netns: &Netns, desired: &NetState, observed: &NetState) -> bool {
    let Some(have) = observed.namespaces.get(netns) else {
        return true;
    };
    let end = |route: &Route| End {
        netns: netns.clone(),
        dev: route.dev.clone(),
    };
    let mut others = (have.routes.iter())
        .filter(|other| other.to == route.to && !is_own(observed, &end(other), &desired.lab));
    let taken = others.next().is_some() || have.other_routes.contains(&route.to);
    let left = have.left.contains(&route.to) && observed.link(&end(route)).is_some();
    have.routes.contains(route) || !left && !taken
}
