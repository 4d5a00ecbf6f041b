//! The processes in a namespace.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::netns::{self, Identity};
use crate::state::NetnsName;

/// Kills every process in these namespaces.
pub(crate) fn kill(made: &BTreeMap<NetnsName, Identity>) -> io::Result<()> {
    let places: BTreeMap<u64, _> = made.iter().map(|place| (place.1.inode, place)).collect();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && let Some((name, identity)) = inode(pid).and_then(|inode| places.get(&inode))
        {
            kill_in(pid, name, **identity);
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
