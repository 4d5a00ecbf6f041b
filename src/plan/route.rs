//! Static routes of the lab's namespaces, and those of the host that leave by
//! the lab's devices.

use std::collections::{BTreeMap, BTreeSet};

use super::order::{Rank, Turn};
use super::{Draft, Op};
use crate::state::{End, Namespace, Netns, Origin, Route};

pub(super) fn diff(draft: &mut Draft<'_>) {
    for (netns, want) in draft.wanted() {
        diff_one(draft, netns, want);
    }
}

fn diff_one(draft: &mut Draft<'_>, netns: &Netns, want: &Namespace) {
    let (flushed, present) = ours(draft, netns);
    for route in flushed {
        let op = Op::DelRoute {
            netns: netns.clone(),
            route,
        };
        let because = "it would go when the device's last address makes room";
        draft.push(Rank::Configure(Turn::RouteInTheWay), op, because);
    }
    // The kernel tells routes of one table apart by destination and metric.
    let mut stale: BTreeMap<_, Route> = present
        .difference(&want.routes)
        .map(|route| ((route.to, route.metric), route.clone()))
        .collect();
    for route in want.routes.difference(&present).cloned() {
        let netns = netns.clone();
        let (op, because) = match stale.remove(&(route.to, route.metric)) {
            Some(was) => (
                Op::ReplaceRoute { netns, route, was },
                "the next hop is another now",
            ),
            None if route.is_default() => (
                Op::AddRoute { netns, route },
                "what is not on a link goes to the gateway",
            ),
            None => (Op::AddRoute { netns, route }, "the file has this route"),
        };
        draft.push(Rank::Configure(Turn::Route), op, because);
    }
    for route in stale.into_values() {
        let op = Op::DelRoute {
            netns: netns.clone(),
            route,
        };
        draft.push(
            Rank::Configure(Turn::RouteGone),
            op,
            "the file no longer has this route",
        );
    }
}

/// The observed routes that this lab may change and whose devices stay: static
/// ones in its own namespaces; on the host, those that leave by its own devices.
/// First those that go because their device loses its last IPv4 address.
fn ours(draft: &Draft<'_>, netns: &Netns) -> (BTreeSet<Route>, BTreeSet<Route>) {
    let Some(have) = draft.have(netns) else {
        return Default::default();
    };
    let end = |route: &Route| End {
        netns: netns.clone(),
        dev: route.dev.clone(),
    };
    let owned = |owner: &Option<_>| *netns != Netns::Host || owner.as_ref() == Some(draft.lab());
    let ours = |route: &&Route| {
        let link = draft.have_link(&end(route));
        route.origin == Origin::Static && link.is_some_and(|link| owned(&link.owner))
    };
    let flushed = |route: &Route| route.to.addr().is_ipv4() && draft.flushed.contains(&end(route));
    have.routes.iter().filter(ours).cloned().partition(flushed)
}
