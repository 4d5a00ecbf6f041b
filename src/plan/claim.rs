//! What a lab claims on a host: the objects that the journal records before the
//! kernel is touched, so that they can be found and removed after any crash.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::is_whole;
use super::join::settled;
use super::sysctl::{advertised, overwritten};
use crate::state::{
    Element, End, Identity, LinkKind, Namespace, NetState, Netns, NetnsName, NetnsPath, SetName,
    SysctlKey, Table,
};

/// An object that a lab makes, or a setting that it changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// A namespace.
    Netns(NetnsName),
    /// A namespace that others made, by its path, and which one it was.
    Joined(NetnsPath, Identity),
    /// A bridge, or the end of a cable that carries the lab's mark.
    Link(End),
    /// A setting and its value before the first lab changed it.
    Sysctl {
        /// In which namespace.
        netns: Netns,
        /// The setting.
        key: SysctlKey,
        /// Its value before.
        was: String,
    },
    /// A route that is left out of a namespace of others, as somebody else had one to there.
    Route(Netns, IpNet),
    /// An element of a set of the host's firewall tables.
    Element(SetName, Element),
    /// The firewall table of a namespace of the lab.
    Table(Netns),
}

impl Claim {
    /// Whether it is in this namespace.
    pub(crate) fn is_in(&self, netns: &Netns) -> bool {
        match self {
            Claim::Link(end) => end.netns == *netns,
            Claim::Sysctl { netns: at, .. } | Claim::Table(at) => at == netns,
            // It goes with its device.
            Claim::Route(..) => false,
            Claim::Element(..) => *netns == Netns::Host,
            Claim::Netns(_) | Claim::Joined(..) => false,
        }
    }
}

/// Everything that the desired state claims, given what is there.
pub fn claims(desired: &NetState, observed: &NetState) -> BTreeSet<Claim> {
    let mut claims = BTreeSet::new();
    let desired = &*settled(desired, observed);
    for (netns, want) in &desired.namespaces {
        claims.extend(netns.made().cloned().map(Claim::Netns));
        claims.extend(marked(netns, want).map(Claim::Link));
        claims.extend(want.tables.values().flat_map(|table| walls(netns, table)));
        let nothing = Namespace::default();
        let have = observed.namespaces.get(netns).unwrap_or(&nothing);
        if let (Some(path), Some(identity)) = (netns.joined(), have.identity) {
            claims.insert(Claim::Joined(path.clone(), identity));
            let left = want.spare.difference(&want.routes);
            claims.extend(left.map(|route| Claim::Route(netns.clone(), route.to)));
        }
        claims.extend(switched(netns, want, have));
    }
    claims
}

/// What a lab has of the firewall: on the host elements, in a namespace all.
fn walls(netns: &Netns, table: &Table) -> Vec<Claim> {
    match netns {
        Netns::At(_) | Netns::Named(_) => vec![Claim::Table(netns.clone())],
        Netns::Host => {
            let elements = table.elements();
            let claim =
                |(set, element, _): (SetName, &Element, _)| Claim::Element(set, element.clone());
            elements.map(claim).collect()
        }
    }
}

/// The devices that carry the lab's mark. Each cable has one marked end.
fn marked<'a>(netns: &'a Netns, want: &'a Namespace) -> impl Iterator<Item = End> + 'a {
    let ours = want.links.iter().filter(|(_, link)| link.owner.is_some());
    ours.filter(|(_, link)| link.kind != LinkKind::Loopback)
        .map(|(dev, _)| End {
            netns: netns.clone(),
            dev: dev.clone(),
        })
}

/// The settings that this lab, or another before it, has switched or will switch.
/// A setting that already had the wanted value is nobody's to put back.
fn switched(netns: &Netns, want: &Namespace, have: &Namespace) -> Vec<Claim> {
    let claim = |key: SysctlKey, was: String| Claim::Sysctl {
        netns: netns.clone(),
        key,
        was,
    };
    let mut claims = Vec::new();
    for (key, wanted) in &want.sysctls {
        let Some(present) = have.sysctls.get(key) else {
            claims.push(claim(key.clone(), key.fresh().to_owned()));
            continue;
        };
        match &present.was {
            Some(was) => claims.push(claim(key.clone(), was.clone())),
            None if present.value != wanted.value => {
                claims.push(claim(key.clone(), present.value.clone()));
                // In a namespace of its own nobody else has anything to be put back.
                let others = overwritten(have, key).filter(|_| !is_whole(netns));
                claims.extend(others.map(|(key, was)| claim(key, was)));
            }
            None => {}
        }
        let along = have
            .sysctls
            .iter()
            .filter(|(other, _)| other.goes_with(key));
        claims.extend(along.filter_map(|(key, s)| Some(claim(key.clone(), s.was.clone()?))));
    }
    claims.extend(advertised(want, have).map(|(key, was)| claim(key, was)));
    claims
}
