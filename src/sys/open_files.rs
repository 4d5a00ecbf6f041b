//! The open files of a process: their limit (getrlimit(2)), which is more for netyard, that keeps
//! two for each namespace, and not for the programs that it becomes; and those that a copy of it
//! lets go.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::os::fd::RawFd;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What this process was started with. The limit is the process's, and so is this.
static FOUND: OnceLock<Rlimit> = OnceLock::new();

/// Raises the soft limit as far as the hard one lets.
pub(super) fn raise() {
    let found = FOUND.get_or_init(|| getrlimit(Resource::Nofile));
    let raised = Rlimit {
        current: found.maximum,
        ..*found
    };
    // Where it may not be raised, a lab that is too large says so by itself.
    let _ = setrlimit(Resource::Nofile, raised);
}

/// Puts the limit back: a program that uses select(2) fails with more than 1024
/// (systemd.exec(5), LimitNOFILE).
pub(super) fn restore() -> std::io::Result<()> {
    match FOUND.get() {
        Some(found) => Ok(setrlimit(Resource::Nofile, *found)?),
        None => Ok(()),
    }
}

/// Has a program that this process starts begin with the limit as it was.
#[cfg(feature = "testing")]
pub(crate) fn as_before(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: it is a system call; it allocates nothing and locks nothing.
    unsafe {
        command.pre_exec(restore);
    }
}

/// Lets all files go but these, and the directory.
pub(super) fn let_go_but(kept: &[RawFd]) -> std::io::Result<()> {
    std::env::set_current_dir("/")?;
    let open = fs::read_dir("/proc/self/fd")?;
    let numbers = open.filter_map(|fd| fd.ok()?.file_name().to_str()?.parse::<RawFd>().ok());
    for fd in numbers.collect::<Vec<_>>() {
        if !kept.contains(&fd) {
            // SAFETY: this copy of the process uses none of what it inherited, and the listing
            // is closed by now.
            unsafe { libc::close(fd) };
        }
    }
    // What others open shall not be taken for these three. For reading alone: it may be all
    // that is allowed.
    for _ in 0..3 {
        std::mem::forget(File::open("/dev/null")?);
    }
    Ok(())
}
