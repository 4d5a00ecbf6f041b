//! What became of a lab that lives in namespaces of others.

use std::os::fd::AsFd;

use super::{known, lock_to_read, observe, reader};
use crate::error::Error;
use crate::plan::Claim;
use crate::reconcile::{Host, Inside};
use crate::state::{End, Identity, LabName, NetState, Netns, NetnsPath};
use crate::sys::netns;
use crate::sys::sight::{self, Living};
use crate::sys::store::{Lab, Store};
use crate::topology;

const LOOKING: &str = "look for the namespaces that a lab was in";

/// What became of a lab that is all in namespaces of others, such as a container's attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its namespaces are there, as far as can be seen from here; or it is of another kind.
    There,
    /// No path leads to them any more, and yet there are devices of it on the host: the kernel
    /// has still to clear up, or they live on without a name.
    Going,
    /// They are gone, and all that was in them.
    Gone,
}

/// What became of labs, of each one.
///
/// # Errors
/// The journal cannot be read, or missing rights.
pub fn fates(names: &[&LabName]) -> Result<Vec<Fate>, Error> {
    let _lock = lock_to_read()?;
    let (store, mut living) = (Store::open_to_read()?, None);
    let fate = |name: &&LabName| match known(name, &store)? {
        Some(lab) => fate_of(&lab, &store, &mut living),
        None => Ok(Fate::Gone),
    };
    names.iter().map(fate).collect()
}

/// Whether a device of a lab is there, or, where it makes none, at least its namespace.
///
/// # Errors
/// As [`observe`].
pub fn has_devices(name: &LabName) -> Result<bool, Error> {
    Ok(is_seen(&observe(name)?))
}

fn is_seen(seen: &NetState) -> bool {
    let mut all = seen.namespaces.iter();
    all.any(|(netns, namespace)| {
        let own = |owner: &Option<LabName>| owner.as_ref() == Some(&seen.lab);
        let mut links = namespace.links.values();
        netns.joined().is_some() && own(&namespace.owner) || links.any(|link| own(&link.owner))
    })
}

/// `living` is looked at once, and only if it must be: of a cable the host's end tells.
pub(crate) fn fate_of(
    lab: &Lab,
    store: &Store,
    living: &mut Option<Living>,
) -> Result<Fate, Error> {
    let here = netns::host().map_err(Error::system(LOOKING))?;
    if lab.host != here.identity || lab.run.is_some() || !only_joins(&lab.source) {
        return Ok(Fate::There);
    }
    let joined = store.joined_by(&lab.name);
    let joined = joined.map_err(Error::journal("read the journal"))?;
    if joined.is_empty() || joined.iter().any(|(_, path, one)| leads_to(path, *one)) {
        return Ok(Fate::There);
    }
    let mut kernel = reader(&lab.name)?;
    if is_seen(&kernel.observe(&lab.name, Inside::Skip)?) {
        return Ok(Fate::Going);
    }
    let on_host = |claim: &Claim| {
        matches!(
            claim,
            Claim::Link(End {
                netns: Netns::Host,
                ..
            })
        )
    };
    if kernel.claimed(&lab.name)?.iter().any(on_host) {
        return Ok(Fate::Gone);
    }
    if !sight::covers(lab.sight.as_deref()) {
        return Ok(Fate::There);
    }
    let living = match living {
        Some(living) => living,
        None => living.insert(Living::look().map_err(Error::system(LOOKING))?),
    };
    Ok(match joined.iter().any(|(_, _, one)| living.has(*one)) {
        true => Fate::There,
        false => Fate::Gone,
    })
}

/// Whether a lab makes nothing but what is in namespaces of others.
fn only_joins(source: &str) -> bool {
    topology::parse(source).is_ok_and(|topology| {
        let own = topology.own_networks().next().is_some() || !topology.links.is_empty();
        let mut all = topology.namespaces.keys();
        !own && all.all(|netns| netns.joined().is_some())
    })
}

fn leads_to(path: &NetnsPath, one: Identity) -> bool {
    let found = netns::open_at(path.as_str().as_ref(), one.inode);
    found.is_ok_and(|found| netns::identity(found.as_fd()).is_ok_and(|found| found == one))
}
