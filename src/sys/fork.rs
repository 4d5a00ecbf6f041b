//! Child processes that are copies of this one.
#![allow(unsafe_code)]

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::process::Pid;

use super::wait;

/// The exit code of a Rust program that panicked.
const PANICKED: u8 = 101;

/// Makes a copy of this process; `None` in the copy, where [`end_with`] must follow.
/// The process must have no other thread: it would be missing in the copy, and what it
/// had locked would stay locked.
pub(super) fn fork() -> io::Result<Option<Pid>> {
    // What is still in a buffer would be written by both.
    io::stdout().flush()?;
    // SAFETY: a copy of a process with a single thread is a whole process.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Does this, and ends the process with its result. In a program whose panics unwind
/// (netyard's own release build aborts) one ends here too: the frames above belong to
/// the original, which still runs, and their clean-up is its own to do.
pub(super) fn end_with(f: impl FnOnce() -> u8) -> ! {
    let code = catch_unwind(AssertUnwindSafe(f)).unwrap_or(PANICKED);
    std::process::exit(code.into())
}

/// Refuses what only a process with a single thread can do.
pub(crate) fn need_single_thread() -> io::Result<()> {
    let mut threads = 0;
    // One that was waited for may still be listed for a moment (pthread_join(3) returns when the
    // kernel clears its number, do_exit in kernel/exit.c).
    let alone = wait::until(Duration::from_millis(200), |_| {
        threads = std::fs::read_dir("/proc/self/task")?.count();
        Ok::<_, io::Error>(threads == 1)
    })?;
    match alone {
        true => Ok(()),
        false => Err(io::Error::other(format!("it has {threads} threads"))),
    }
}
