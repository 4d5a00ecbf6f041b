//! Bridges that get another name. What is plugged in stays plugged in, and nothing
//! is lost on the way: the rest is planned against the host with the new names.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Op;
use crate::state::{IfName, LinkKind, Namespace, NetState, Netns, Route, SysctlKey};

/// The renames that a kernel can do while a bridge is up: a bridge that is wanted
/// under a name that is free, and whose ports, as far as they are there, all are
/// ports of one of the lab's bridges that is not wanted; or, where none are there, the only
/// such bridge, as others may be on it.
pub(super) fn find(desired: &NetState, observed: &NetState) -> Vec<Op> {
    let (Some(want), Some(have)) = (
        desired.namespaces.get(&Netns::Host),
        observed.namespaces.get(&Netns::Host),
    ) else {
        return Vec::new();
    };
    let mut renames = Vec::new();
    let mut taken = BTreeSet::new();
    let missing = |to: &IfName| !have.links.contains_key(to);
    let ours = |from: &&IfName| {
        let bridge = have.links.get(*from).filter(|b| b.kind == LinkKind::Bridge);
        let marked = bridge.is_some_and(|bridge| bridge.owner.as_ref() == Some(&desired.lab));
        marked && !want.links.contains_key(*from)
    };
    let bridges = want
        .links
        .iter()
        .filter(|(_, l)| l.kind == LinkKind::Bridge);
    for (to, _) in bridges
        .clone()
        .filter(|(to, _)| observed.renames && missing(to))
    {
        let plugged = want
            .links
            .iter()
            .filter(|(_, l)| l.master.as_ref() == Some(to));
        let now = plugged.filter_map(|(port, _)| have.links.get(port));
        let masters: BTreeSet<Option<&IfName>> = now.map(|port| port.master.as_ref()).collect();
        let from = match masters.into_iter().collect::<Vec<_>>()[..] {
            [Some(from)] => Some(from),
            [] if bridges.clone().filter(|(to, _)| missing(to)).count() == 1 => {
                let mut free = have.links.keys().filter(ours);
                free.next().filter(|_| free.next().is_none())
            }
            _ => None,
        };
        if let Some(from) = from
            && Some(from)
                .filter(ours)
                .is_some_and(|from| taken.insert(from))
        {
            let (from, to) = (from.clone(), to.clone());
            renames.push(Op::RenameLink {
                netns: Netns::Host,
                from,
                to,
            });
        }
    }
    renames
}

/// The state after the renames among these operations.
pub(super) fn after<'a>(
    ops: impl IntoIterator<Item = &'a Op>,
    before: &NetState,
) -> Cow<'_, NetState> {
    let mut state = Cow::Borrowed(before);
    for op in ops {
        if let Op::RenameLink { netns, from, to } = op
            && let Some(namespace) = state.to_mut().namespaces.get_mut(netns)
        {
            rename(namespace, from, to);
        }
    }
    state
}

fn rename(namespace: &mut Namespace, from: &IfName, to: &IfName) {
    if let Some(link) = namespace.links.remove(from) {
        namespace.links.insert(to.clone(), link);
    }
    let masters = namespace.links.values_mut().map(|link| &mut link.master);
    for master in masters.flatten().filter(|master| *master == from) {
        master.clone_from(to);
    }
    for family in [4, 6] {
        let of = |dev: &IfName| SysctlKey::device_forward(family, dev.as_str());
        if let Some(setting) = namespace.sysctls.remove(&of(from)) {
            namespace.sysctls.insert(of(to), setting);
        }
    }
    for routes in [&mut namespace.routes, &mut namespace.lost] {
        let moved = std::mem::take(routes).into_iter();
        let moved = moved.map(|route| match route.dev == *from {
            true => Route {
                dev: to.clone(),
                ..route
            },
            false => route,
        });
        *routes = moved.collect();
    }
}
