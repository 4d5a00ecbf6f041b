//! Bridges: those of other labs, and how much one takes.

use std::collections::BTreeMap;

use super::{Conflict, Holder, at, holder};
use crate::state::{End, IfName, LabName, Link, LinkKind, Namespace, NetState, Netns};

/// The ports that a Linux bridge takes: `BR_MAX_PORTS` of net/bridge/br_private.h
/// is 1024, and port number 0 is not used.
pub(super) const PORTS: usize = 1023;

/// Nothing is plugged into what only has the name of another lab's bridge.
pub(super) fn external(want: &Namespace, have: Option<&Namespace>) -> Vec<Conflict> {
    let there = |bridge: &IfName, lab: &LabName| {
        let link = have.and_then(|have| have.links.get(bridge));
        link.is_some_and(|link| link.kind == LinkKind::Bridge && link.owner.as_ref() == Some(lab))
    };
    let gone = want.external.iter().filter(|(dev, lab)| !there(dev, lab));
    gone.map(|(bridge, lab)| Conflict::External {
        bridge: bridge.clone(),
        lab: lab.clone(),
    })
    .collect()
}

pub(super) fn too_many_ports<'a>(links: impl Iterator<Item = &'a Link>) -> Vec<Conflict> {
    let mut ports: BTreeMap<&IfName, usize> = BTreeMap::new();
    for master in links.filter_map(|link| link.master.as_ref()) {
        *ports.entry(master).or_default() += 1;
    }
    let many = ports.into_iter().filter(|(_, ports)| *ports > PORTS);
    many.map(|(bridge, ports)| Conflict::Ports {
        bridge: bridge.clone(),
        ports,
    })
    .collect()
}

/// Devices on the lab's bridges that are not its own. They are in nobody's way and
/// stay where they are.
pub fn foreign_ports(observed: &NetState) -> Vec<End> {
    let Some(host) = observed.namespaces.get(&Netns::Host) else {
        return Vec::new();
    };
    let on_ours = |link: &Link| {
        let bridge = link
            .master
            .as_ref()
            .and_then(|bridge| host.links.get(bridge));
        bridge.is_some_and(|bridge| bridge.owner.as_ref() == Some(&observed.lab))
    };
    let ports = host.links.iter().filter(|(_, link)| on_ours(link));
    let ends = ports.map(|(dev, _)| at(&Netns::Host, dev));
    ends.filter(|end| holder(observed, end) == Holder::Foreign)
        .collect()
}
