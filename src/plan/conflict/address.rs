//! Addresses and subnets of others, where the lab is among others.

use ipnet::IpNet;

use super::{Conflict, Holder, at, holder, is_own, is_whole, routed};
use crate::state::{Element, End, IfName, NetState, Netns, SetName, TableName};

/// The subnets that the lab puts on the host's devices must be nobody else's: the host has one
/// routing table, and is in it with others. In a namespace that is joined the longest prefix
/// does no harm, but of two equal ones only one is served.
pub(super) fn taken(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let mut found = Vec::new();
    let shared = desired.namespaces.keys().filter(|netns| !is_whole(netns));
    for netns in shared {
        let overlap = |want: &IpNet, have: &IpNet| match netns {
            Netns::Host => want.contains(&have.addr()) || have.contains(&want.addr()),
            _ => want.trunc() == have.trunc() || want.addr() == have.addr(),
        };
        let far = far_ends(desired, netns);
        for (dev, want) in routed(desired, netns).chain(far) {
            for (on, have) in routed(observed, netns) {
                let end = at(netns, on);
                let own = is_own(observed, &end, &desired.lab)
                    || want == have && shares(desired, observed, (dev, &end));
                if overlap(want, have) && !own {
                    found.push(Conflict::Address {
                        netns: netns.clone(),
                        want: *want,
                        dev: dev.clone(),
                        have: *have,
                        on: on.clone(),
                        holder: holder(observed, &end),
                    });
                }
            }
        }
    }
    found
}

/// Whether these are ports of one routed network: every lab that is on it has the gateway's
/// address on its own. That two have one subnet is told by their elements.
fn shares(desired: &NetState, observed: &NetState, (dev, have): (&IfName, &End)) -> bool {
    let host = desired.namespaces.get(&Netns::Host);
    let table = host.and_then(|host| host.tables.get(&TableName::Inet));
    let port =
        table.is_some_and(|table| table.has(SetName::Networks, &Element::device(dev.clone())));
    let link = host.and_then(|host| host.links.get(dev));
    let cable = link.is_some_and(|link| link.peer().is_some());
    let lab = matches!(holder(observed, have), Holder::Lab(_));
    have.netns == Netns::Host && lab && port && cable
}

/// What the host is to have at the other ends of cables, each by the cable's end here.
fn far_ends<'s>(
    state: &'s NetState,
    netns: &Netns,
) -> impl Iterator<Item = (&'s IfName, &'s IpNet)> + use<'s> {
    let host = state
        .namespaces
        .get(netns)
        .filter(|_| *netns == Netns::Host);
    let routes = host.into_iter().flat_map(|host| &host.routes);
    let far = routes.filter(|route| route.is_by_cable());
    far.map(|route| (&route.dev, &route.to))
}
