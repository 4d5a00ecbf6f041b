//! Networks of other labs, as the journal knows them, and who is on whose.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::ipam::Leases;
use crate::state::{LabName, NetworkName};
use crate::sys::netns;
use crate::sys::store::{Lab, Store};
use crate::topology::{Network, ResolveError, Topology, attach, choose, parse};

const READING: &str = "read the journal";

/// The topology with what the labs that it names say of their networks. What is held there
/// already is added to `held`.
pub(crate) fn attached<'t>(
    topology: &'t Topology,
    store: &Store,
    held: &mut Leases,
) -> Result<Cow<'t, Topology>, Error> {
    let mut labs = BTreeMap::new();
    for (network, owner) in topology.external() {
        if waits_for(owner, &topology.lab, store)? {
            let (network, lab) = (network.clone(), owner.clone());
            return Err(ResolveError::ExternalCircle { network, lab }.into());
        }
        if let Some(lab) = here(owner, store)? {
            labs.insert(owner.clone(), described(&lab, store)?);
            let beside = store.add_beside(held, &topology.lab, owner);
            beside.map_err(Error::journal(READING))?;
        }
    }
    Ok(attach(topology, &labs)?)
}

/// Whether a lab is on a network of another, or on one of a lab that is.
fn waits_for(lab: &LabName, other: &LabName, store: &Store) -> Result<bool, Error> {
    let (mut all, mut next) = (BTreeSet::new(), vec![lab.clone()]);
    while let Some(lab) = next.pop() {
        let on = store.external(&lab).map_err(Error::journal(READING))?;
        let new = on.into_values().filter(|owner| all.insert(owner.clone()));
        next.extend(new);
    }
    Ok(all.contains(other))
}

fn here(name: &LabName, store: &Store) -> Result<Option<Lab>, Error> {
    let host = netns::host().map_err(Error::system("read the host's namespace"))?;
    let lab = store.lab(name).map_err(Error::journal(READING))?;
    Ok(lab.filter(|lab| lab.host == host.identity))
}

/// A lab as it was last brought up.
fn described(lab: &Lab, store: &Store) -> Result<Topology, Error> {
    let topology = parse(&lab.source).map_err(|error| Error::Unread {
        lab: lab.name.clone(),
        error: Box::new(error),
    })?;
    let held = store.leases(&lab.name).map_err(Error::journal(READING))?;
    let chosen = choose(&topology, &held, &[]).map_err(Box::new);
    let chosen = chosen.map_err(|none| Error::Resolve(ResolveError::from(none)))?;
    Ok(chosen.into_owned())
}

/// The networks of other labs that a lab is on, and its own that others are on.
#[expect(clippy::type_complexity, reason = "the two sides of one table")]
pub(crate) fn both_ways(
    lab: &LabName,
    store: &Store,
) -> Result<
    (
        BTreeMap<NetworkName, LabName>,
        BTreeMap<NetworkName, Vec<LabName>>,
    ),
    Error,
> {
    let external = store.external(lab).map_err(Error::journal(READING))?;
    let mut used: BTreeMap<NetworkName, Vec<LabName>> = BTreeMap::new();
    for (by, network) in store.attached_to(lab).map_err(Error::journal(READING))? {
        used.entry(network).or_default().push(by);
    }
    Ok((external, used))
}

/// Refuses to change or remove networks that other labs are on. `after` says what the lab
/// shall be; `None`: nothing.
pub(crate) fn may_change(
    lab: &LabName,
    after: Option<(&Topology, &Leases)>,
    store: &Store,
) -> Result<(), Error> {
    let attached = store.attached_to(lab).map_err(Error::journal(READING))?;
    let known = store.lab(lab).map_err(Error::journal(READING))?;
    let Some(known) = known.filter(|_| !attached.is_empty()) else {
        return Ok(());
    };
    let before = after.map(|_| described(&known, store)).transpose()?;
    let same = |name: &NetworkName| {
        let (Some((topology, given)), Some(before)) = (after, &before) else {
            return false;
        };
        let Some(was) = before.networks.get(name) else {
            return false;
        };
        let is = topology
            .networks
            .get(name)
            .filter(|is| is.external.is_none());
        let subnets = given.subnets().get(name).map_or(&[][..], Vec::as_slice);
        let stays = |is: &Network| topology.bridge(name, is) == before.bridge(name, was);
        is.is_some_and(stays) && subnets == was.subnets
    };
    let changed = attached.into_iter().filter(|(_, network)| !same(network));
    let by: BTreeSet<LabName> = changed.map(|(lab, _)| lab).collect();
    match by.is_empty() {
        true => Ok(()),
        false => Err(Error::InUse {
            lab: lab.clone(),
            by: by.into_iter().collect(),
        }),
    }
}
