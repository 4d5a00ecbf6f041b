//! The processes in a namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Serialize;

use super::netns::{self, Identity};
use crate::state::{NetnsName, Process};

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
    for pid in processes()? {
        if let Some(netns) = inode(pid).and_then(|inode| places.get(&inode)) {
            let pid = pid.as_raw_nonzero().get();
            found.push(Resident {
                pid,
                name: name(pid),
                netns: (*netns).clone(),
            });
        }
    }
    found.sort();
    Ok(found)
}

/// How long is waited for those that were killed, in all and for one.
const LONGEST: Duration = Duration::from_secs(2);
const ONE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Kills every process in these namespaces, and those that they start meanwhile, until
/// there is none. One in uninterruptible sleep is given up.
pub(crate) fn kill(namespaces: &BTreeSet<Identity>) -> io::Result<()> {
    let (began, mut ended) = (Instant::now(), BTreeSet::new());
    while !namespaces.is_empty() && began.elapsed() < LONGEST {
        let all: Vec<Pid> = processes()?.collect();
        let killed = all.iter().filter_map(|pid| kill_in(*pid, namespaces));
        let killed: Vec<OwnedFd> = killed.collect();
        // Who ends while this looks may have started another that was not yet listed.
        let gone = all.into_iter().filter(|pid| inode(*pid).is_none());
        let now: BTreeSet<_> = gone.map(Pid::as_raw_nonzero).collect();
        if killed.is_empty() && now.is_subset(&ended) {
            break;
        }
        ended = now;
        for process in &killed {
            let ended = || poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&ONE));
            rustix::io::retry_on_intr(ended)?;
        }
    }
    Ok(())
}

/// The number of a process may by now be another's: it is looked at again when it is
/// held. One that has gone needs no killing.
fn kill_in(pid: Pid, namespaces: &BTreeSet<Identity>) -> Option<OwnedFd> {
    let is_inside = || is_in(pid, namespaces);
    let process = is_inside().then(|| pidfd_open(pid, PidfdFlags::empty()).ok())??;
    is_inside().then(|| pidfd_send_signal(&process, Signal::KILL).ok())??;
    Some(process)
}

/// The number of a namespace that is gone may be another's, too: its cookie is not.
fn is_in(pid: Pid, namespaces: &BTreeSet<Identity>) -> bool {
    let known = |inode| namespaces.iter().any(|known| known.inode == inode);
    if !inode(pid).is_some_and(known) {
        return false;
    }
    let open = File::open(format!("/proc/{}/ns/net", pid.as_raw_nonzero()));
    let identity = open.and_then(|netns| netns::identity(netns.as_fd()));
    identity.is_ok_and(|found| namespaces.contains(&found))
}

/// The names of the processes in the network namespace of this one, and of those of which
/// it cannot be known where they are.
pub(crate) fn names() -> io::Result<BTreeSet<String>> {
    let here = fs::metadata("/proc/self/ns/net")?.ino();
    let near = processes()?.filter(|pid| inode(*pid).is_none_or(|inode| inode == here));
    let names = near.map(|pid| name(pid.as_raw_nonzero().get()));
    Ok(names.filter(|name| !name.is_empty()).collect())
}

/// The number of every process.
pub(super) fn processes() -> io::Result<impl Iterator<Item = Pid>> {
    let entries = fs::read_dir("/proc")?;
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    Ok(entries.filter_map(number).filter_map(Pid::from_raw))
}

/// The processes that have these sockets open, by the sockets' inodes; of several the one
/// of the lowest number. One that may not be looked at is not found.
pub(crate) fn of_sockets(inodes: &BTreeSet<u32>) -> io::Result<BTreeMap<u32, Process>> {
    let mut found = BTreeMap::new();
    if inodes.is_empty() {
        return Ok(found);
    }
    for pid in processes()?.map(|pid| pid.as_raw_nonzero().get()) {
        let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            continue;
        };
        let sockets = open.filter_map(|fd| socket(&fd.ok()?.path()));
        for inode in sockets.filter(|inode| inodes.contains(inode)) {
            let process = Process {
                pid,
                name: name(pid),
            };
            let lowest = |other: &mut Process| {
                if other.pid > pid {
                    *other = process.clone();
                }
            };
            found
                .entry(inode)
                .and_modify(lowest)
                .or_insert(process.clone());
        }
    }
    Ok(found)
}

/// The inode in `socket:[INODE]`, as a file descriptor of a socket is shown (proc_pid_fd(5)).
fn socket(fd: &Path) -> Option<u32> {
    let shown = fs::read_link(fd).ok()?;
    let inode = shown.to_str()?.strip_prefix("socket:[")?;
    inode.strip_suffix(']')?.parse().ok()
}

fn name(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    super::survey::plain(name.trim_end())
}

fn inode(pid: Pid) -> Option<u64> {
    let path = format!("/proc/{}/ns/net", pid.as_raw_nonzero());
    fs::metadata(path).ok().map(|ns| ns.ino())
}
