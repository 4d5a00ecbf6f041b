//! Namespaces that others made and that the lab joins, or has joined.

use std::collections::{BTreeMap, BTreeSet};

use super::{Claims, Kernel};
use crate::plan::Claim;
use crate::state::{Identity, LabName, Namespace, NetState, Netns, NetnsPath, Unjoinable};
use crate::sys::{Failure, netns};

impl Kernel {
    /// Which namespaces are at the paths that the lab names or has joined. One is the lab's
    /// only while it is the one that was joined.
    pub(super) fn look_at_paths(
        &mut self,
        own: &BTreeSet<Claim>,
        state: &mut NetState,
    ) -> Result<(), Failure> {
        let mut paths: BTreeSet<NetnsPath> = self.joins.keys().cloned().collect();
        paths.extend(own.iter().filter_map(|claim| match claim {
            Claim::Joined(path, _) => Some(path.clone()),
            _ => None,
        }));
        if paths.is_empty() {
            return Ok(());
        }
        let made = self
            .inside
            .iter()
            .filter(|(netns, _)| netns.made().is_some());
        let mut seen: BTreeMap<Identity, Netns> = made
            .map(|(netns, place)| (place.identity, netns.clone()))
            .collect();
        seen.insert(self.host.identity, Netns::Host);
        for path in paths {
            let at = Netns::At(path.clone());
            match self.look_at(&at, &seen)? {
                Ok(identity) => {
                    seen.insert(identity, at.clone());
                    let left = own.iter().filter_map(|claim| match claim {
                        Claim::Route(netns, to) if *netns == at => Some(*to),
                        _ => None,
                    });
                    let left = left.collect();
                    let is_joined = own.contains(&Claim::Joined(path, identity));
                    let namespace = Namespace {
                        owner: is_joined.then(|| state.lab.clone()),
                        identity: Some(identity),
                        left: if is_joined { left } else { BTreeSet::new() },
                        ..Namespace::default()
                    };
                    state.namespaces.insert(at, namespace);
                }
                Err(why) => {
                    self.forget(&at);
                    state.unjoinable.insert(path, why);
                }
            }
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        at: &Netns,
        seen: &BTreeMap<Identity, Netns>,
    ) -> Result<Result<Identity, Unjoinable>, Failure> {
        self.check_name(at)?;
        let identity = match self.place(at) {
            Ok(place) => place.identity,
            Err(error) => return netns::why(&error).map(Err).ok_or(error.into()),
        };
        Ok(match seen.get(&identity) {
            None => Ok(identity),
            Some(Netns::Host) => Err(Unjoinable::Host),
            Some(other) => Err(Unjoinable::Twice(other.clone())),
        })
    }

    /// Which devices that the lab wants there are of other labs, which have joined it by the
    /// same path: the marks are on the other ends of the cables, that have one name then.
    pub(super) fn look_at_neighbours(
        &mut self,
        at: &Netns,
        namespace: &mut Namespace,
    ) -> Result<(), Failure> {
        let ours = at.joined().and_then(|path| self.joins.get(path));
        for (dev, port) in ours.into_iter().flatten() {
            let owner = self.store.owner(self.lab.host, port)?;
            let link = namespace.links.get_mut(dev);
            if let (Some(lab), Some(link)) = (owner.filter(|lab| *lab != self.lab.name), link) {
                link.owner = Some(lab);
            }
        }
        Ok(())
    }

    /// Which labs have joined this namespace, and by which paths, if any has set something.
    pub(super) fn joined_by(
        &self,
        namespace: &Namespace,
        claims: &Claims,
    ) -> Result<BTreeSet<(LabName, NetnsPath)>, Failure> {
        let is_at = |netns: &Netns| netns.joined().is_some();
        let mut all = claims.values().flatten();
        let set = all.any(|claim| matches!(claim, Claim::Sysctl { netns, .. } if is_at(netns)));
        match namespace.identity.filter(|_| set) {
            Some(here) => self.store.joiners(here),
            None => Ok(BTreeSet::new()),
        }
    }
}
