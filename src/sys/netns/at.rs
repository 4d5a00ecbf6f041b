//! Namespaces where others show them. What stands at a path may be anything that somebody has
//! put there: nothing is opened but a namespace.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::state::{NetnsPath, Unjoinable};
use crate::sys::uapi::NSFS_MAGIC;

/// The namespace at a path that somebody has written into a file.
pub(super) fn open(path: &NetnsPath) -> io::Result<OwnedFd> {
    reopened(&found(path.as_str().as_ref())?)
}

/// Its number.
pub(super) fn inode(path: &NetnsPath) -> io::Result<u64> {
    super::inode(found(path.as_str().as_ref())?.as_fd())
}

/// Opens a namespace where it was found: only the one with this inode.
pub(crate) fn open_at(path: &Path, inode: u64) -> io::Result<OwnedFd> {
    let found = match found(path) {
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => Err(io::ErrorKind::NotFound.into()),
        found => found,
    }?;
    if super::inode(found.as_fd())? != inode {
        return Err(io::ErrorKind::NotFound.into());
    }
    reopened(&found)
}

/// What is at the path, if it is a namespace of some kind; EINVAL, as setns(2) has it, for
/// anything else.
fn found(path: &Path) -> io::Result<OwnedFd> {
    // With O_PATH nothing is opened that does something when it is (open(2)).
    let found = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    match rustix::fs::fstatfs(&found)?.f_type == NSFS_MAGIC {
        true => Ok(found),
        false => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    }
}

/// Whether there is a network namespace at the path, that can be opened.
pub(super) fn is_network(path: &NetnsPath) -> io::Result<bool> {
    let netns = open(path)?;
    // SAFETY: it takes no argument and gives a number (ioctl_nsfs(2)).
    #[expect(unsafe_code, reason = "rustix has no such request")]
    let kind = unsafe { libc::ioctl(netns.as_raw_fd(), libc::NS_GET_NSTYPE) };
    Ok(kind == libc::CLONE_NEWNET)
}

fn reopened(found: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(File::open(format!("/proc/self/fd/{}", found.as_raw_fd()))?.into())
}

/// What the error of opening or entering says of the path, if it says anything of it.
pub(crate) fn why(error: &io::Error) -> Option<Unjoinable> {
    match error.raw_os_error()? {
        // A process that is ending has none any more (ESRCH).
        libc::ENOENT | libc::ENOTDIR | libc::ELOOP | libc::ESRCH => Some(Unjoinable::Missing),
        // Also a namespace of another kind (setns(2)).
        libc::EINVAL => Some(Unjoinable::Other),
        _ => None,
    }
}
