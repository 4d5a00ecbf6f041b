//! Namespaces of a lab that is up are parted: nothing passes between them, and all else goes on. It
//! is kept in the journal, beside the file, and holds until they are healed or `up` comes.

use std::collections::BTreeSet;

use super::overlaid::{Set, Turn, last_made, overlays};
use super::{lock_to_read, need_rights};
use crate::error::Error;
use crate::plan::{Claim, Plan};
use crate::reconcile::Progress;
use crate::state::{Blurred, LabName, NetState, Netns, Overlays, Parted};
use crate::sys::store::Store;

/// Two sides: namespaces, each of which is parted from each of the other side.
pub type Sides = [BTreeSet<Netns>; 2];

/// Parts each namespace of the one side from each of the other. Who is parted already stays so.
///
/// # Errors
/// There is no such lab or namespace, they cannot be parted, or what the kernel refused: all is
/// then as it was.
pub fn partition(
    name: &LabName,
    sides: &Sides,
    progress: &mut dyn Progress,
) -> Result<Plan, Error> {
    need_rights("parting namespaces")?;
    let set = Set::open(name, progress)?;
    let turn = Turn::parting(&set.filed, &set.before, sides)?;
    set.take(&turn, progress)
}

/// Undoes that between two sides, or, without any, between all namespaces of the lab.
///
/// # Errors
/// There is no such lab or namespace, or what the kernel refused: all is then as it was.
pub fn heal(
    name: &LabName,
    sides: Option<&Sides>,
    progress: &mut dyn Progress,
) -> Result<Plan, Error> {
    need_rights("healing a partition")?;
    let set = Set::open(name, progress)?;
    let turn = Turn::healing(&set.filed, (&set.before, &set.claims), sides)?;
    set.take(&turn, progress)
}

/// Who is parted from whom in a lab.
///
/// # Errors
/// There is no such lab.
pub fn partitions(name: &LabName) -> Result<BTreeSet<Parted>, Error> {
    let _lock = lock_to_read()?;
    let store = Store::open_to_read()?;
    last_made(name, &store)?;
    Ok(overlays(name, &store)?.parted)
}

impl Turn {
    /// Each namespace of the one side is parted from each of the other.
    ///
    /// # Errors
    /// There is no such namespace, or they cannot be parted.
    pub fn parting(filed: &NetState, before: &Overlays, sides: &Sides) -> Result<Self, Error> {
        let [one, other] = sides;
        for side in sides {
            side.iter().try_for_each(|netns| is_there(filed, netns))?;
        }
        for (one, other) in one.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
            let host = [one, other].contains(&&Netns::Host);
            let mute = [one, other].into_iter().find(|netns| !speaks(filed, netns));
            match (host, mute) {
                _ if one == other => {
                    return Err(refused(one, other, "it is on both sides".to_owned()));
                }
                (true, _) => {
                    let why = "the host has addresses that are none of the lab's; `link down` of an \
                           interface cuts it off";
                    return Err(refused(one, other, why.to_owned()));
                }
                (_, Some(mute)) => {
                    return Err(refused(one, other, format!("{mute} has no address")));
                }
                _ => {}
            }
        }
        let mut parted = before.parted.clone();
        parted.extend(pairs(sides));
        if let Some(Blurred {
            at,
            of,
            address,
            also,
        }) = filed.blurred(&parted)
        {
            let why = format!("{address} of {of} is an address of {also}, too");
            return Err(refused(&at, &of, why));
        }
        Ok(Turn::of_parted(filed, before, parted, all(sides)))
    }

    /// They are not; without sides nobody is, also where the journal has forgotten it already, and
    /// only knows by the lab's claims that there may be tables.
    ///
    /// # Errors
    /// There is no such namespace.
    pub fn healing(
        filed: &NetState,
        (before, claims): (&Overlays, &BTreeSet<Claim>),
        sides: Option<&Sides>,
    ) -> Result<Self, Error> {
        let Some(sides) = sides else {
            let parted = before.parted.iter();
            let parted = parted.flat_map(|two| two.both().map(Netns::clone));
            let tables = claims.iter().filter_map(|claim| match claim {
                Claim::Table(netns) => Some(netns.clone()),
                _ => None,
            });
            let these = parted.chain(tables).collect();
            return Ok(Turn::of_parted(filed, before, BTreeSet::new(), these));
        };
        for side in sides {
            side.iter().try_for_each(|netns| is_there(filed, netns))?;
        }
        let mut parted = before.parted.clone();
        for two in pairs(sides) {
            parted.remove(&two);
        }
        Ok(Turn::of_parted(filed, before, parted, all(sides)))
    }
}

fn pairs([one, other]: &Sides) -> impl Iterator<Item = Parted> {
    one.iter()
        .flat_map(|a| other.iter().filter_map(|b| Parted::new(a, b)))
}

fn all(sides: &Sides) -> BTreeSet<Netns> {
    sides.iter().flatten().cloned().collect()
}

fn is_there(filed: &NetState, netns: &Netns) -> Result<(), Error> {
    match filed.namespaces.contains_key(netns) || *netns == Netns::Host {
        true => Ok(()),
        false => Err(Error::NoNamespace(netns.clone())),
    }
}

/// Whether it has an address that is not of its own alone.
fn speaks(filed: &NetState, netns: &Netns) -> bool {
    let namespace = filed.namespaces.get(netns);
    let links = namespace.into_iter().flat_map(|all| all.links.values());
    let mut addresses = links.flat_map(|link| link.all_addresses());
    addresses.any(|net| !net.addr().is_loopback())
}

fn refused(one: &Netns, other: &Netns, why: String) -> Error {
    Error::Part {
        one: one.clone(),
        other: other.clone(),
        why,
    }
}
