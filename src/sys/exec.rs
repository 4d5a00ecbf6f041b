//! Runs a program inside a namespace in the place of this one, as `ip netns exec` does.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{parent_process_death_signal, set_parent_process_death_signal};

use super::{netns, open_files, view};
use crate::names::Names;
use crate::state::Netns;

/// Becomes the program. Returns only when that failed.
pub(crate) fn exec(netns: &Netns, names: &Names, command: &mut Command) -> io::Error {
    let follow = parent_process_death_signal();
    let become_it = || -> io::Result<()> {
        view::take(netns, names)?;
        // It belongs to a thread, not to the process (pr_set_pdeathsig(2const)).
        set_parent_process_death_signal(follow?)?;
        open_files::restore()?;
        // The thread that calls execve(2) takes the place of the whole process.
        Err(command.exec())
    };
    let entered =
        netns::open(netns).and_then(|fd| netns::enter(fd.as_ref().map(AsFd::as_fd), become_it));
    entered
        .err()
        .unwrap_or_else(|| io::Error::other("the program did not start"))
}
