//! Devices of the host that cannot carry what the lab wants on them.

use std::fmt;

use super::{Conflict, at};
use crate::state::{Child, ChildKind, End, IfName, Link, LinkKind, NetState};

/// Why a device cannot carry another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It is not there.
    Missing,
    /// It is there, and the lab's own: this change may remove it.
    Own,
    /// It has no hardware address.
    Loopback,
    /// What comes in by it goes to this bridge.
    Port(IfName),
    /// It is down, and a VLAN device on it cannot go up (`vlan_dev_open`,
    /// net/8021q/vlan_dev.c).
    Down,
    /// Its packets are no larger than this, and those of the other would be.
    Mtu(u32),
    /// It carries a device that leaves no room for the other.
    Taken(End, ChildKind),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Missing => f.write_str("it is not there"),
            Unfit::Own => f.write_str("the lab made it itself"),
            Unfit::Loopback => f.write_str("it is the loopback device"),
            Unfit::Port(bridge) => write!(f, "it is a port of {bridge}"),
            Unfit::Down => f.write_str("it is down"),
            Unfit::Mtu(mtu) => write!(f, "its MTU is {mtu}"),
            Unfit::Taken(end, kind) => write!(f, "it carries {end} ({kind})"),
        }
    }
}

/// What is in the way of each device that others shall carry.
pub(super) fn unfit(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (end, want, child, parent) in children(desired) {
        let word = child.kind.word();
        if observed.unknown_kinds.contains(word) {
            found.push(Conflict::UnknownKind { end, kind: word });
            continue;
        }
        if let Some(why) = why(desired, observed, (&end, want), (child.kind, parent)) {
            found.push(Conflict::Parent {
                end,
                kind: child.kind,
                parent: parent.dev.clone(),
                why,
            });
        }
    }
    found
}

/// The devices of a state whose parent is known.
fn children(state: &NetState) -> impl Iterator<Item = (End, &Link, &Child, &End)> {
    let all = state.namespaces.iter();
    let all = all.flat_map(|(netns, space)| space.links.iter().map(move |l| (netns, l)));
    all.filter_map(|(netns, (dev, link))| {
        let child = link.child()?;
        Some((at(netns, dev), link, child, child.parent.as_ref()?))
    })
}

fn why(
    desired: &NetState,
    observed: &NetState,
    (end, want): (&End, &Link),
    (kind, parent): (ChildKind, &End),
) -> Option<Unfit> {
    let Some(have) = observed.link(parent) else {
        return Some(Unfit::Missing);
    };
    if have.owner.as_ref() == Some(&desired.lab) || desired.link(parent).is_some() {
        return Some(Unfit::Own);
    }
    if have.kind == LinkKind::Loopback {
        return Some(Unfit::Loopback);
    }
    if let Some(bridge) = have.master.clone().filter(|_| kind.takes_all()) {
        return Some(Unfit::Port(bridge));
    }
    if !kind.takes_all() && !have.up {
        return Some(Unfit::Down);
    }
    if let Some(mtu) = have.mtu.filter(|mtu| want.mtu.is_some_and(|w| w > *mtu)) {
        return Some(Unfit::Mtu(mtu));
    }
    // Those of the lab that do not fit go, or the file says so.
    let others = children(observed).filter(|(other, link, _, on)| {
        *on == parent && other != end && link.owner.as_ref() != Some(&desired.lab)
    });
    let mut barring = others.filter(|(_, _, other, _)| kind.bars(other.kind));
    barring
        .next()
        .map(|(other, _, child, _)| Unfit::Taken(other, child.kind))
}
