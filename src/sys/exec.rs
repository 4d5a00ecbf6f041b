//! Runs a program inside a namespace in the place of this one, as `ip netns exec` does.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::thread::UnshareFlags;

use super::netns;
use crate::state::{Netns, NetnsName};

/// Becomes the program, inside the namespace: its process id, exit code and
/// signals are those of this process. With a private /sys that shows the
/// namespace's devices, and the files of /etc/netns/NAME over those of /etc.
///
/// Returns only when that failed.
pub fn exec(netns: &Netns, command: &mut Command) -> io::Error {
    let become_it = || -> io::Result<()> {
        if let Some(name) = netns.name() {
            private_view(name)?;
        }
        // The thread that calls execve(2) takes the place of the whole process.
        Err(command.exec())
    };
    let entered = netns::open(netns.name())
        .and_then(|fd| netns::enter(fd.as_ref().map(AsFd::as_fd), become_it));
    entered
        .err()
        .unwrap_or_else(|| io::Error::other("the program did not start"))
}

/// Mounts that only this thread sees.
fn private_view(name: &NetnsName) -> io::Result<()> {
    // SAFETY: only the mount namespace (and with it the current directory's
    // sharing) of this thread is unshared; it was made for this and ends in execve.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }?;
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", flags)?;
    // sysfs shows the devices of the namespace that mounts it (ip-netns(8)).
    rustix::mount::unmount("/sys", UnmountFlags::DETACH).or_else(|e| match e {
        rustix::io::Errno::INVAL => Ok(()),
        e => Err(e),
    })?;
    rustix::mount::mount("sysfs", "/sys", "sysfs", MountFlags::empty(), None)?;
    own_etc(&Path::new("/etc/netns").join(name.as_str()))
}

/// Each file of /etc/netns/NAME stands in the place of the one in /etc.
fn own_etc(directory: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let target = Path::new("/etc").join(entry.file_name());
        rustix::mount::mount_bind(entry.path(), &target).map_err(|e| {
            io::Error::new(e.kind(), format!("mount over {}: {e}", target.display()))
        })?;
    }
    Ok(())
}
