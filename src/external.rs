//! Networks of other labs, as the journal knows them, and who is on whose.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::ipam::Leases;
use crate::state::{Guests, LabName, NetworkName};
use crate::sys::netns;
use crate::sys::store::{Lab, Store};
use crate::topology::{Network, Networks, ResolveError, Topology, attach};

const READING: &str = "read the journal";
const WRITING: &str = "write the journal";

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
            labs.insert(owner.clone(), networks(&lab)?);
            let beside = store.add_beside(held, &topology.lab, owner);
            beside.map_err(Error::journal(READING))?;
        }
    }
    Ok(attach(topology, &labs)?)
}

/// The networks of a lab for its record in the journal.
pub(crate) fn recorded(networks: &Networks) -> Result<String, Error> {
    let text = serde_json::to_string(networks).map_err(std::io::Error::other);
    text.map_err(Error::journal(WRITING))
}

fn networks(lab: &Lab) -> Result<Networks, Error> {
    let networks = serde_json::from_str(&lab.networks).map_err(std::io::Error::other);
    networks.map_err(Error::journal(READING))
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

/// Refuses to change or remove networks that other labs are on, or to end what the host forwards
/// for them. `after` says what they shall be; `None`: nothing. Gives who is on them.
pub(crate) fn may_change(
    lab: &LabName,
    after: Option<&Networks>,
    store: &Store,
) -> Result<Guests, Error> {
    let attached = store.attached_to(lab).map_err(Error::journal(READING))?;
    let known = store.lab(lab).map_err(Error::journal(READING))?;
    let Some(known) = known.filter(|_| !attached.is_empty()) else {
        return Ok(Guests::new());
    };
    let before = networks(&known)?;
    let mut guests = Guests::new();
    for (by, network) in &attached {
        if let Some(bridge) = before.get(network).and_then(|of| of.bridge.clone()) {
            guests.entry(bridge).or_default().insert(by.clone());
        }
    }
    let same = |name: &NetworkName| {
        let (Some(is), Some(was)) = (after.and_then(|after| after.get(name)), before.get(name))
        else {
            return false;
        };
        let way = |of: &Network| (of.routed, of.bridge.clone(), of.masquerade);
        let kept = was.subnets.iter().all(|subnet| is.subnets.contains(subnet));
        way(is) == way(was) && kept && was.forwarded.is_subset(&is.forwarded)
    };
    let changed = attached.into_iter().filter(|(_, network)| !same(network));
    let by: BTreeSet<LabName> = changed.map(|(lab, _)| lab).collect();
    match by.is_empty() {
        true => Ok(guests),
        false => Err(Error::InUse {
            lab: lab.clone(),
            by: by.into_iter().collect(),
        }),
    }
}
