//! The processes in a namespace.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Serialize;

use super::netns::{self, Identity};
use crate::state::NetnsName;

/// A process in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Resident {
    /// Its number.
    pub pid: i32,
    /// What it is called (`/proc/PID/comm`, proc_pid_comm(5)).
    pub name: String,
    /// The namespace's name.
    pub netns: NetnsName,
}

/// Which namespaces are looked at.
pub(crate) type Made = BTreeMap<NetnsName, Identity>;

/// The processes in these namespaces, by number. One that may not be looked at, and one
/// that ends meanwhile, is not among them.
pub(crate) fn find(made: &Made) -> io::Result<Vec<Resident>> {
    let places: BTreeMap<u64, &NetnsName> = made
        .iter()
        .map(|(name, identity)| (identity.inode, name))
        .collect();
    let mut found = Vec::new();
    if places.is_empty() {
        return Ok(found);
    }
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && let Some(netns) = inode(pid).and_then(|inode| places.get(&inode))
        {
            let pid = pid.as_raw_nonzero().get();
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            found.push(Resident {
                pid,
                name: name.trim_end().to_owned(),
                netns: (*netns).clone(),
            });
        }
    }
    found.sort();
    Ok(found)
}

/// Kills every process in these namespaces.
pub(crate) fn kill(made: &Made) -> io::Result<()> {
    for resident in find(made)? {
        if let (Some(pid), Some(identity)) =
            (Pid::from_raw(resident.pid), made.get(&resident.netns))
        {
            kill_in(pid, &resident.netns, *identity);
        }
    }
    Ok(())
}

/// Both the number of a process and that of a namespace may by now be another's: the
/// one is looked at again when it is held, the other is held meanwhile. A process
/// that has gone needs no killing.
fn kill_in(pid: Pid, name: &NetnsName, identity: Identity) {
    if let Ok(place) = netns::look_into(name)
        && place.identity == identity
        && let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
        && inode(pid) == Some(identity.inode)
    {
        let _ = pidfd_send_signal(process, Signal::KILL);
    }
}

fn inode(pid: Pid) -> Option<u64> {
    let path = format!("/proc/{}/ns/net", pid.as_raw_nonzero());
    fs::metadata(path).ok().map(|ns| ns.ino())
}
