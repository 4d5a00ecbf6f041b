//! Devices that others carry.

use super::device::{bare, remove};
use super::{Failure, Fake, refuse};
use crate::state::{ChildKind, End, IfName, Link, LinkKind, Netns};

impl Fake {
    /// The device that carries it must be there and have room for it (`bars` of
    /// [`ChildKind`]), and no smaller packets.
    pub(super) fn add_child(&mut self, end: &End, link: &Link) -> Result<(), Failure> {
        self.is_free(end)?;
        let child = link.child();
        let Some((kind, at)) = child.and_then(|c| Some((c.kind, c.parent.clone()?))) else {
            return refuse(libc::EINVAL);
        };
        let others = self.carried(&at);
        let Some(parent) = self.namespace(&at.netns)?.links.get(&at.dev) else {
            return refuse(libc::ENODEV);
        };
        let port = kind.takes_all() && parent.master.is_some();
        if parent.kind == LinkKind::Loopback || link.mtu > parent.mtu {
            return refuse(libc::EINVAL);
        }
        if port || others.iter().any(|(_, _, other)| kind.bars(*other)) {
            return refuse(libc::EBUSY);
        }
        let made = Link {
            mtu: link.mtu.or(parent.mtu),
            mac: match kind {
                ChildKind::Macvlan(_) if kind.has_mac() => link.mac,
                ChildKind::Vlan(_) => link.mac.or(parent.mac),
                _ => parent.mac,
            },
            up: false,
            ..bare(link)
        };
        self.add_device(end, made);
        Ok(())
    }

    /// What a device carries.
    fn carried(&self, parent: &End) -> Vec<(Netns, IfName, ChildKind)> {
        let all = self.namespaces.iter();
        let all = all.flat_map(|(netns, space)| space.links.iter().map(move |l| (netns, l)));
        all.filter_map(|(netns, (dev, link))| {
            let child = link.child()?;
            let on = child.parent.as_ref() == Some(parent);
            on.then(|| (netns.clone(), dev.clone(), child.kind))
        })
        .collect()
    }

    /// What a device carries goes with it (`macvlan_device_event`, drivers/net/macvlan.c).
    pub(super) fn orphans(&mut self) {
        loop {
            let there = |end: &End| {
                let space = self.namespaces.get(&end.netns);
                space.is_some_and(|space| space.links.contains_key(&end.dev))
            };
            let all = self.namespaces.iter();
            let mut all =
                all.flat_map(|(netns, space)| space.links.iter().map(move |l| (netns, l)));
            let orphan = all.find_map(|(netns, (dev, link))| {
                let parent = link.child()?.parent.as_ref()?;
                (!there(parent)).then(|| (netns.clone(), dev.clone()))
            });
            let Some((netns, dev)) = orphan else { return };
            if let Some(space) = self.namespaces.get_mut(&netns) {
                remove(space, &dev);
            }
        }
    }
}
