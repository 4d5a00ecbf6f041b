//! What of a host matters to one lab. The host may hold a thousand others, and a change of
//! one lab shall not cost what they all are.

use std::collections::{BTreeMap, BTreeSet};

use super::devices::Near;
use crate::plan::Claim;
use crate::state::{
    ChildKind, Element, End, IfName, LabName, Link, LinkKind, Namespace, NetState, Netns,
    NetnsName, NetnsPath, SetName,
};

/// The namespaces that shall have a table of their own.
pub(crate) fn walled(desired: &NetState) -> BTreeSet<Netns> {
    let all = desired.namespaces.iter();
    let walled = all.filter(|(netns, ns)| **netns != Netns::Host && !ns.tables.is_empty());
    walled.map(|(netns, _)| netns.clone()).collect()
}

/// Paths of namespaces that others made, with devices there and the other ends of their cables.
pub(crate) type Joins = BTreeMap<NetnsPath, BTreeMap<IfName, End>>;

/// Those that shall be joined.
pub(crate) fn joins(desired: &NetState) -> Joins {
    let joined = desired.namespaces.iter();
    let joined = joined.filter_map(|(netns, want)| Some((netns.joined()?.clone(), want)));
    let cables = |want: &Namespace| {
        let links = want.links.iter();
        let far = links.filter_map(|(dev, link)| Some((dev.clone(), link.peer()?.clone())));
        far.collect()
    };
    joined.map(|(path, want)| (path, cables(want))).collect()
}

/// The devices in those that shall have IPv6 addresses.
pub(crate) fn ipv6(desired: &NetState) -> BTreeSet<End> {
    let joined = desired.namespaces.iter();
    let joined = joined.filter(|(netns, _)| netns.joined().is_some());
    let ends = joined.flat_map(|(netns, want)| {
        want.speak_ipv6().map(|dev| End {
            netns: netns.clone(),
            dev: dev.clone(),
        })
    });
    ends.collect()
}

/// The kinds of devices on devices of the host that a lab shall have, of each one.
pub(crate) fn kinds(desired: &NetState) -> BTreeSet<ChildKind> {
    let links = desired.namespaces.values().flat_map(|ns| ns.links.values());
    let wanted: BTreeSet<&str> = (links.filter_map(Link::child))
        .map(|child| child.kind.word())
        .collect();
    let all = ChildKind::ALL.into_iter();
    all.filter(|kind| wanted.contains(kind.word())).collect()
}

/// How many devices are asked for one by one.
const SINGLY: usize = 64;

/// The names by which a lab can meet others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// Namespaces.
    pub(super) names: BTreeSet<NetnsName>,
    /// Devices of the host.
    pub(super) devices: BTreeSet<IfName>,
    /// How many devices of the host the lab has and shall have no more.
    sheds: usize,
    /// Whether the lab shall have a bridge or an address of the host.
    grounded: bool,
    /// Whether devices of the host shall carry others of the lab: not all that they carry has
    /// a name that the lab uses.
    carries: bool,
    /// Whether a namespace that the lab has joined is there, or it has joined none: what it has
    /// on the host is there, too.
    pub(super) anchored: bool,
    /// Elements of the host's firewall tables.
    pub(super) elements: BTreeMap<SetName, BTreeSet<Element>>,
}

impl Scope {
    /// What this state names.
    pub(crate) fn of(desired: &NetState) -> Self {
        let mut scope = Scope::default();
        for (netns, want) in &desired.namespaces {
            scope.names.extend(netns.made().cloned());
            if *netns == Netns::Host {
                scope.devices.extend(want.links.keys().cloned());
                // Another lab's bridge, by its ports alone.
                let bridges = want.links.values().filter_map(|link| link.master.clone());
                scope.devices.extend(bridges);
                let is_bridge = |link: &Link| link.kind == LinkKind::Bridge && link.owner.is_some();
                let mut links = want.links.values();
                scope.grounded = links.any(|link| is_bridge(link) || !link.addresses.is_empty());
            }
            let children = want.links.values().filter_map(Link::child);
            for parent in children.filter_map(|child| child.parent.as_ref()) {
                scope.carries = true;
                scope.devices.insert(parent.dev.clone());
            }
            let tables = want.tables.values().filter(|_| *netns == Netns::Host);
            for (set, element, _) in tables.flat_map(|table| table.elements()) {
                scope.element(set, element.clone());
            }
        }
        scope
    }

    /// With what the lab has from before.
    pub(super) fn with<'a>(mut self, claims: impl Iterator<Item = &'a Claim>) -> Self {
        for claim in claims {
            match claim {
                Claim::Netns(name) => drop(self.names.insert(name.clone())),
                Claim::Link(end) if end.netns == Netns::Host => {
                    self.sheds += usize::from(self.devices.insert(end.dev.clone()));
                }
                Claim::Element(set, element) => self.element(*set, element.clone()),
                _ => {}
            }
        }
        self
    }

    fn element(&mut self, set: SetName, element: Element) {
        self.elements.entry(set).or_default().insert(element);
    }

    /// The devices of the host that are asked for by name, where that is less than all: a
    /// lab that sheds several removes them in a group, of which all must be known, and what a
    /// device carries beside that of the lab may be any.
    pub(super) fn near(&self) -> Option<Near<'_>> {
        let most = self.sheds < 2 && !self.carries;
        (most && self.devices.len() <= SINGLY).then_some(Near {
            names: &self.devices,
            grounded: self.grounded,
        })
    }

    /// Whether a device of the host may be left out: the port of a bridge, marked by another
    /// lab, of a name that this one does not use.
    pub(super) fn leaves_out(&self, lab: &LabName, dev: &IfName, marked: &LabName) -> bool {
        marked != lab && !self.devices.contains(dev)
    }
}
