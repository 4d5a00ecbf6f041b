//! Flows that end, as they are told: by name, and who feels it.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::super::{Harm, Impact, Place};
use crate::state::{End, FlowMatch, Link, Nat, NetState, Netns};

/// Who feels it that flows end. A network that leaves through the host no more feels it
/// by its subnet, and nobody answered where a port leads to somebody only now.
pub(in crate::plan) fn impacts(
    netns: &Netns,
    flows: &[FlowMatch],
    observed: &NetState,
) -> Vec<Impact> {
    let mut felt: BTreeMap<Place, Vec<&FlowMatch>> = BTreeMap::new();
    for flows in flows {
        let at = match flows.nat {
            Nat::To(target, _) => IpNet::from(target),
            Nat::Any => flows.from.or(flows.dst).unwrap_or_default(),
            Nat::Straight | Nat::Masqueraded => continue,
        };
        let on = match netns {
            Netns::Host => behind(&at, observed),
            Netns::At(_) | Netns::Named(_) => Place::Namespace(netns.clone()),
        };
        felt.entry(on).or_default().push(flows);
    }
    let impact = |(on, flows): (Place, Vec<&FlowMatch>)| Impact {
        harm: Harm::Cut,
        on: vec![on],
        what: format!("what goes as {}", names(flows.into_iter())),
    };
    felt.into_iter().map(impact).collect()
}

/// The namespace that has an address in it, else the device that leads there.
fn behind(at: &IpNet, observed: &NetState) -> Place {
    let has = |link: &Link| link.addresses.iter().any(|a| at.contains(&a.addr()));
    let inside = observed
        .namespaces
        .iter()
        .filter(|(netns, _)| **netns != Netns::Host);
    let mut has_it = inside.filter(|(_, there)| there.links.values().any(has));
    if let (Some((netns, _)), None) = (has_it.next(), has_it.next()) {
        return Place::Namespace(netns.clone());
    }
    let near = |link: &Link| {
        link.addresses
            .iter()
            .any(|a| a.contains(at) || at.contains(a))
    };
    let host = observed.namespaces.get(&Netns::Host);
    let mut links = host.into_iter().flat_map(|host| &host.links);
    let dev = links
        .find(|(_, link)| near(link))
        .map(|(dev, _)| dev.clone());
    dev.map_or(Place::Namespace(Netns::Host), |dev| {
        Place::Device(End {
            netns: Netns::Host,
            dev,
        })
    })
}

/// So many kinds of flows are named.
const NAMED: usize = 3;

/// The first few by name.
pub(in crate::plan) fn names<'a>(flows: impl ExactSizeIterator<Item = &'a FlowMatch>) -> String {
    let more = flows.len().saturating_sub(NAMED);
    let named: Vec<String> = flows.take(NAMED).map(FlowMatch::to_string).collect();
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
