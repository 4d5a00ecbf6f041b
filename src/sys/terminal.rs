//! The terminal, and which process group it listens to (credentials(7), tty_ioctl(4)).
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};

use rustix::io::Errno;
use rustix::process::{Pid, getpid, setpgid, test_kill_process_group};
use rustix::termios::{tcgetpgrp, tcsetpgrp};

/// The terminal that this process was started from.
pub(crate) struct Terminal(File);

impl Terminal {
    pub(crate) fn open() -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty");
        file.ok().map(Terminal)
    }

    /// Whether this process is a job of its own, as a shell starts it, and no part of
    /// a pipeline or of a script.
    pub(crate) fn has_us_alone(&self) -> bool {
        let all_here =
            io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
        all_here && self.listens_to_us() && group(None) == Some(getpid())
    }

    pub(crate) fn listens_to_us(&self) -> bool {
        self.foreground()
            .is_some_and(|front| Some(front) == group(None))
    }

    /// Whether it listens to this group, or to one that is gone.
    pub(crate) fn is_left_by(&self, last: Option<Pid>) -> bool {
        self.foreground().is_some_and(|front| {
            Some(front) == last || test_kill_process_group(front) == Err(Errno::SRCH)
        })
    }

    /// Lets it listen to this group. Who is not in the foreground must hold SIGTTOU
    /// back for that.
    pub(crate) fn give(&self, group: Option<Pid>) {
        if let Some(group) = group {
            // It may have been hung up meanwhile: then there is nobody to listen to.
            let _ = tcsetpgrp(&self.0, group);
        }
    }

    /// Makes this process the leader of a group that the terminal listens to.
    pub(crate) fn lead(&self) -> io::Result<()> {
        setpgid(None, None)?;
        self.give(Some(getpid()));
        Ok(())
    }

    fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(&self.0).ok()
    }
}

/// The group of a process; `None` for one that is seen from here only in part: led
/// by a process outside of this PID namespace.
pub(crate) fn group(process: Option<Pid>) -> Option<Pid> {
    // SAFETY: no memory is passed. (rustix would take the 0 for a process.)
    Pid::from_raw(unsafe { libc::getpgid(Pid::as_raw(process)) }.max(0))
}
