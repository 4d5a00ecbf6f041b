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
    let owners: BTreeSet<&LabName> = topology.external().map(|(_, lab)| lab).collect();
    let mut labs = BTreeMap::new();
    for owner in owners {
        if let Some(lab) = here(owner, store)? {
            labs.insert(owner.clone(), described(&lab, store)?);
            let beside = store.add_beside(held, &topology.lab, owner);
            beside.map_err(Error::journal(READING))?;
        }
    }
    Ok(attach(topology, &labs)?)
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
    let before = described(&known, store)?;
    let same = |name: &NetworkName| {
        let (Some((topology, given)), Some(was)) = (after, before.networks.get(name)) else {
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
