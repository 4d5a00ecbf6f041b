//! WireGuard interfaces that the kernel cannot make.

use super::{Conflict, at};
use crate::state::{LinkKind, NetState, WIREGUARD};

/// WireGuard interfaces on a kernel that has none: before anything else of the lab is made.
pub(super) fn unknown(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    if !observed.unknown_kinds.contains(WIREGUARD) {
        return Vec::new();
    }
    let all = desired.namespaces.iter();
    let all = all.flat_map(|(netns, space)| space.links.iter().map(move |l| (netns, l)));
    let wanted = all.filter(|(_, (_, link))| link.kind == LinkKind::Wireguard);
    wanted
        .map(|(netns, (dev, _))| Conflict::UnknownKind {
            end: at(netns, dev),
            kind: WIREGUARD,
        })
        .collect()
}
