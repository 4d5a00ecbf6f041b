//! Namespaces that are listened to: each gets a number here, and is read once; nothing of
//! it is kept open, for that would keep a namespace that everybody else has left.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::rules::Counted;
use crate::state::happening::{Known, Place, Routes};
use crate::state::survey::Space;
use crate::state::{LabName, NetnsName};
use crate::sys::netlink::socket::Socket;
use crate::sys::netlink::{nft, nsid};
use crate::sys::netns::{self, GONE, Identity};
use crate::sys::store::Store;
use crate::sys::survey::{self, Found};

/// A namespace that is listened to.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) space: Space,
    /// Where it can be opened.
    pub(super) path: PathBuf,
    pub(super) known: Known,
    /// Its routes are to be read again.
    pub(super) doubtful: bool,
    /// What has been told of its rule set since the last version.
    pub(super) counted: Counted,
    /// Since when no process is in it, and it has no name.
    pub(super) left: Option<Instant>,
}

impl Met {
    /// It is called by its number, for want of a name and of processes.
    pub(super) fn is_nameless(&self) -> bool {
        self.space.name.starts_with("net:[")
    }

    pub(super) fn place(&self) -> Place {
        Place {
            netns: self.space.name.clone(),
            inode: self.space.inode,
            lab: self.space.lab.clone(),
        }
    }
}

/// Opens the namespace that was found, unless it is another by now.
fn open(path: &Path, inode: u64) -> io::Result<Option<OwnedFd>> {
    match netns::open_at(path, inode) {
        Err(e) if is_gone(&e) || e.kind() == io::ErrorKind::NotFound => Ok(None),
        open => open.map(Some),
    }
}

/// It went while it was looked at, or may not be looked into.
fn is_gone(e: &io::Error) -> bool {
    let denied = [libc::EPERM, libc::EACCES, libc::ESRCH];
    let number = e.raw_os_error();
    number.is_some_and(|number| GONE.contains(&number) || denied.contains(&number))
}

/// Gives it a number and reads it, in this order: what changes in between is heard.
/// `None`: it went, or may not be entered.
pub(super) fn meet(host: &mut Socket, found: Found) -> io::Result<Option<(Option<i32>, Met)>> {
    let Found { space, path } = found;
    let Some(fd) = open(&path, space.inode)? else {
        return Ok(None);
    };
    let mut number = None;
    if !space.host {
        // One that has a number already refuses another (EEXIST).
        host.transact(&[nsid::give(fd.as_raw_fd())])?;
        number = nsid::of(host, fd.as_raw_fd())?;
        if number.is_none() {
            return Ok(None);
        }
    }
    let entered = (!space.host).then(|| fd.as_fd());
    let sockets = netns::enter(entered, || Ok((Socket::route()?, Socket::netfilter().ok())));
    let (mut socket, firewall) = match sockets {
        Err(e) if is_gone(&e) => return Ok(None),
        sockets => sockets?,
    };
    let mut known = survey::known(&mut socket)?;
    known.generation = firewall.and_then(|mut socket| nft::generation(&mut socket).ok()?);
    let met = Met {
        space,
        path,
        known,
        doubtful: false,
        counted: Counted::default(),
        left: None,
    };
    Ok(Some((number, met)))
}

/// The routes of one as they are now; `None`: it cannot be looked into any more.
pub(super) fn routes(met: &Met) -> io::Result<Option<Routes>> {
    let Some(fd) = open(&met.path, met.space.inode)? else {
        return Ok(None);
    };
    let entered = (!met.space.host).then(|| fd.as_fd());
    let mut socket = match netns::enter(entered, Socket::route) {
        Err(e) if is_gone(&e) => return Ok(None),
        socket => socket?,
    };
    let names = |index| Some(met.known.name(index));
    let routes = survey::routes(&mut socket, &names)?;
    Ok(Some(routes.into_iter().collect()))
}

/// Which labs made namespaces, as far as that may be known.
pub(super) fn labs() -> BTreeMap<NetnsName, (LabName, Identity)> {
    let store = Store::open_to_read().ok();
    store
        .and_then(|store| store.namespaces().ok())
        .unwrap_or_default()
}

/// Notes who made it.
pub(super) fn note(space: &mut Space, labs: &BTreeMap<NetnsName, (LabName, Identity)>) {
    let is = |(name, (_, made)): &(&NetnsName, &(LabName, Identity))| {
        made.inode == space.inode && space.names.iter().any(|own| own == name.as_str())
    };
    let lab = labs.iter().find(is).map(|(_, (lab, _))| lab.clone());
    space.lab = lab.or(space.lab.take());
}
