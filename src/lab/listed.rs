//! The labs that are there.

use std::collections::BTreeMap;

use super::{is_host_gone, known};
use crate::error::Error;
use crate::external;
use crate::state::{Identity, LabName, NetworkName, Overlays};
use crate::sys::netns;
use crate::sys::store::{Lab, Store};

/// A lab that is up.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its name.
    pub name: LabName,
    /// The topology file that it was last brought up with.
    pub source: String,
    /// Whether the last change of it came to its end, and was not killed on the way.
    /// [`up`](super::up) and [`down`](super::down) find their way from there.
    pub whole: bool,
    /// Where its host is.
    pub host: Whereabouts,
    /// The networks of other labs that it is on.
    pub external: BTreeMap<NetworkName, LabName>,
    /// Its networks that other labs are on, and which.
    pub used: BTreeMap<NetworkName, Vec<LabName>>,
}

/// Where the network namespace is that a lab was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// netyard runs in it.
    Here,
    /// It is another one.
    Elsewhere,
    /// It is no more, and the lab's devices with it.
    Gone,
}

/// The labs of this machine, by name.
///
/// # Errors
/// The journal cannot be read.
pub fn list() -> Result<Vec<Described>, Error> {
    let here = netns::host().map_err(Error::system("read the host's namespace"))?;
    let store = Store::open_to_read()?;
    let labs = store.labs().map_err(Error::journal("read the journal"))?;
    labs.into_iter()
        .map(|lab| described(lab, here.identity, &store))
        .collect()
}

/// Whether a lab of this name is there.
///
/// # Errors
/// The journal cannot be read.
pub fn is_up(name: &LabName) -> Result<bool, Error> {
    Ok(known(name, &Store::open_to_read()?)?.is_some())
}

/// Whether something of the lab was set while it was up, and is otherwise than its file says.
///
/// # Errors
/// The journal cannot be read.
pub fn is_overlaid(name: &LabName) -> Result<bool, Error> {
    let set = Store::open_to_read()?.overlays(name);
    Ok(set.map_err(Error::journal("read the journal"))? != Overlays::default())
}

fn described(lab: Lab, here: Identity, store: &Store) -> Result<Described, Error> {
    let host = match lab.host == here {
        true => Whereabouts::Here,
        false if is_host_gone(&lab)? => Whereabouts::Gone,
        false => Whereabouts::Elsewhere,
    };
    let (external, used) = external::both_ways(&lab.name, store)?;
    Ok(Described {
        external,
        used,
        name: lab.name,
        source: lab.source,
        whole: lab.whole,
        host,
    })
}
