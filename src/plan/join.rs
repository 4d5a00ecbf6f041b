//! What is left out of namespaces that others made.

use std::borrow::Cow;

use super::is_own;
use crate::state::{End, Namespace, NetState, Netns, Route};

/// The desired state with the spare routes that are to be: where nobody else has one to
/// there, and where the lab has it already.
pub(super) fn settled<'a>(desired: &'a NetState, observed: &NetState) -> Cow<'a, NetState> {
    let mut desired = Cow::Borrowed(desired);
    let all = desired.namespaces.iter();
    let spare = all.filter(|(_, want)| !want.spare.is_empty());
    for netns in spare.map(|(netns, _)| netns.clone()).collect::<Vec<_>>() {
        let have = observed.namespaces.get(&netns);
        let there = |route: &Route| have.is_some_and(|have| have.routes.contains(route));
        let taken = |route: &Route| {
            have.is_some_and(|have| is_taken(route, (&netns, have), observed, desired.as_ref()))
        };
        let spare = desired.namespaces[&netns].spare.iter();
        let needed: Vec<Route> = spare
            .filter(|route| there(route) || !taken(route))
            .cloned()
            .collect();
        let want = desired.to_mut().namespaces.get_mut(&netns);
        want.into_iter()
            .for_each(|want| want.routes.extend(needed.clone()));
    }
    desired
}

/// Whether somebody else has a route to there, whatever its metric.
fn is_taken(
    route: &Route,
    (netns, have): (&Netns, &Namespace),
    observed: &NetState,
    desired: &NetState,
) -> bool {
    let foreign = |other: &&Route| {
        let end = End {
            netns: netns.clone(),
            dev: other.dev.clone(),
        };
        other.to == route.to && !is_own(observed, &end, &desired.lab)
    };
    have.routes.iter().any(|other| foreign(&other)) || have.other_routes.contains(&route.to)
}
