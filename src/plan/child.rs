//! Devices that those of the host carry.

use super::link::leaves;
use super::order::Rank;
use super::{Draft, Op};
use crate::state::{Child, End, Link};

/// It is set up in its namespace, as a cable's far end.
pub(super) fn add(draft: &mut Draft<'_>, end: &End, want: &Link, child: &Child) {
    let Some(parent) = &child.parent else {
        return;
    };
    let link = Link {
        owner: Some(draft.lab().clone()),
        addresses: Vec::new(),
        up: false,
        addrgen: None,
        ..want.clone()
    };
    draft.made.insert(end.clone());
    let end = end.clone();
    let op = Op::AddChild { end, link };
    draft.push(
        Rank::Child,
        op,
        format!("{} of the host carries it", parent.dev),
    );
}

/// The MTU of one that is given none.
pub(super) fn parent_mtu(draft: &Draft<'_>, want: &Link) -> Option<u32> {
    draft.observed.link(want.child()?.parent.as_ref()?)?.mtu
}

/// Those that nobody can have anew while they are there, in namespaces that go: the kernel
/// takes a namespace apart later than it takes its name.
pub(super) fn lingering(draft: &Draft<'_>) -> Vec<End> {
    own(draft)
        .filter(|(end, old)| leaves(draft, &end.netns) && old.kind.bars(old.kind))
        .map(|(end, _)| end)
        .collect()
}

/// Of the lab's own devices those that go, and bar one that comes to the same parent.
pub(super) fn barring(draft: &Draft<'_>) -> Vec<End> {
    let made = draft.made.iter();
    let new: Vec<&Child> = made
        .filter_map(|end| draft.desired.link(end)?.child())
        .collect();
    let comes = |old: &Child| {
        let mut new = new.iter();
        new.any(|new| new.parent == old.parent && new.kind.bars(old.kind))
    };
    own(draft)
        .filter(|(end, old)| draft.desired.link(end).is_none() && comes(old))
        .map(|(end, _)| end)
        .collect()
}

/// The lab's own, but for those that go already.
fn own<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = (End, &'d Child)> {
    let all = draft.observed.namespaces.iter();
    let all = all.flat_map(|(netns, have)| have.links.iter().map(move |link| (netns, link)));
    all.filter_map(|(netns, (dev, have))| {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let ours = have.owner.as_ref() == Some(draft.lab()) && !draft.gone.contains(&end);
        have.child().filter(|_| ours).map(|child| (end, child))
    })
}
