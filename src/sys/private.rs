//! Namespaces of this process's own: user (where it needs one), network, mount,
//! PID. What is done in them is seen nowhere else, and is gone with them.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;

use super::blocked::{Blocked, Facts, Step};
use super::netlink::link;
use super::netlink::socket::Socket;
use super::{fork, netns, view};
use crate::plan::Setting;

/// The kernel gives the loopback device of each namespace this index
/// (LOOPBACK_IFINDEX, include/net/net_namespace.h).
const LO: u32 = 1;

/// What was refused, and in which step.
pub(super) type Refused = (Step, io::Error);

/// Moves this process into a network and a mount namespace, and its children into a
/// PID namespace; without the right to that, as the root of a user namespace. The
/// first child is the one that the others end with (pid_namespaces(7)).
pub(crate) fn enter() -> Result<(), Blocked> {
    let facts = Facts::before();
    enter_all().map_err(|(step, e)| facts.blocked(step, e))
}

fn enter_all() -> Result<(), Refused> {
    fork::need_single_thread().map_err(|e| (Step::Alone, e))?;
    if !super::may_administer() {
        own()?;
    }
    let all = UnshareFlags::NEWNET | UnshareFlags::NEWNS | UnshareFlags::NEWPID;
    unshare(all).map_err(|e| (Step::Others, e))?;
    furnished()
}

/// Makes this process, which has a single thread, the root of a user namespace.
pub(super) fn own() -> Result<(), Refused> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    unshare(UnshareFlags::NEWUSER).map_err(|e| (Step::User, e))?;
    map(uid, gid).map_err(|e| (Step::Map, e))
}

/// Prepares the network and mount namespaces that the calling thread is alone in.
pub(super) fn furnished() -> Result<(), Refused> {
    furnish().map_err(|e| (Step::Mount, e))?;
    connect().map_err(|e| (Step::Network, e))
}

fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: there is no other thread, which could be left with less.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Who started it is root inside; files are still made as who it is outside.
fn map(uid: u32, gid: u32) -> io::Result<()> {
    // Without this an unprivileged process may not map its group (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// A /run of its own, which shows what the outer one has but for names and journal,
/// and a /sys that shows the devices in here.
fn furnish() -> io::Result<()> {
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", flags)?;
    view::cover(Path::new("/run"), &["netns", "netyard"])?;
    // As where systemd mounted it: names made in one mount namespace are seen in all.
    mount_change("/run", MountPropagationFlags::SHARED)?;
    view::own_sysfs()
}

fn connect() -> io::Result<()> {
    let mut socket = Socket::route()?;
    netns::forward_nothing(&mut socket)?;
    let up = link::set(LO, &Setting::Up(true), None);
    match socket.transact(&[up])?.into_iter().flatten().next() {
        Some(refused) => Err(refused.into()),
        None => Ok(()),
    }
}

/// What the first child does at once: a procfs shows the processes of the PID
/// namespace of who mounts it. Where that is refused, as in containers that hide
/// parts of theirs, the old one stays, with the processes outside.
pub(crate) fn own_proc() {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let _ = mount("proc", "/proc", "proc", flags, None);
}
