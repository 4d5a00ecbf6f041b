//! Programs in a namespace, where the lab's namespaces are known by name.

use std::collections::BTreeSet;
use std::io;
use std::process::Command;

use crate::error::Error;
use crate::external;
use crate::names::Names;
use crate::state::{LabName, Netns};
use crate::sys::store::{Lab, Store};
use crate::sys::{self, netns};
use crate::topology::{parse, resolve};

/// Becomes the program, inside the namespace: its process id, exit code and
/// signals are those of this process. With a private /sys that shows the
/// namespace's devices, the files of /etc/netns/NAME over those of /etc, and the
/// namespaces of its lab by name in /etc/hosts; on the host those of every lab.
///
/// Returns only when that failed.
pub fn exec(netns: &Netns, command: &mut Command) -> io::Error {
    // Where there is no journal, or none that may be read, there are no names.
    let names = names(netns).unwrap_or_default();
    sys::exec::exec(netns, &names, command)
}

fn names(from: &Netns) -> Result<Names, Error> {
    let store = Store::open_to_read()?;
    let mut all = Names::default();
    for lab in labs(from, &store).map_err(Error::system("read the journal"))? {
        // A file that this netyard cannot read any more names nobody, nor does one whose
        // networks are another lab's that is gone.
        let Ok(topology) = parse(&lab.source) else {
            continue;
        };
        let leases = store.leases(&lab.name);
        let mut leases = leases.map_err(Error::system("read the journal"))?;
        let Ok(topology) = external::attached(&topology, &store, &mut leases) else {
            continue;
        };
        let of = Names::of(&resolve(&topology, &leases)?.0, from, topology.resolver);
        all.all.extend(of.all);
        all.resolver |= of.resolver;
    }
    Ok(all)
}

/// The labs that have joined what is at this path.
fn joiners(netns: &Netns, store: &Store) -> Result<Vec<Lab>, sys::Failure> {
    let here = netns::look_into(netns)?.identity;
    let joined = store.joiners(here)?.into_iter();
    let joined: BTreeSet<LabName> = joined.map(|(lab, _)| lab).collect();
    let mut labs = store.labs()?;
    labs.retain(|lab| joined.contains(&lab.name));
    Ok(labs)
}

/// The lab that made this namespace; for the host, all that are made from it.
fn labs(netns: &Netns, store: &Store) -> Result<Vec<Lab>, sys::Failure> {
    let (made, host) = (store.namespaces()?, netns::host()?.identity);
    let owner = match netns {
        Netns::Host => None,
        // Several labs may have joined it.
        Netns::At(_) => return joiners(netns, store),
        Netns::Named(name) => match made.get(name) {
            Some((lab, made)) if netns::named_inode(name)? == Some(made.inode) => Some(lab),
            _ => return Ok(Vec::new()),
        },
    };
    let mut labs = store.labs()?;
    labs.retain(|lab| owner.map_or(lab.host == host, |owner| lab.name == *owner));
    Ok(labs)
}
