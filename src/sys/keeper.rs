//! A process that outlives this one, however that ends, to leave nothing behind.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use rustix::process::{Pid, WaitOptions, setsid, waitpid};

use super::{fork, signal};

/// The process. It does `last` when this one has ended or says so; should it be
/// killed before, this one does it.
pub(crate) struct Keeper<F> {
    process: Pid,
    /// Closed when this process ends. The other way come a byte once `first` is done
    /// and, at the end, what went wrong.
    line: UnixStream,
    last: F,
}

impl<F: FnOnce() -> Result<(), String>> Keeper<F> {
    /// Starts it, and returns when it has done `first`.
    pub(crate) fn start(first: impl FnOnce(), last: F) -> io::Result<Self> {
        let (mut line, other) = UnixStream::pair()?;
        let Some(process) = fork::fork()? else {
            drop(line);
            fork::end_with(|| keep(other, first, last).map_or(1, |()| 0));
        };
        drop(other);
        line.read_exact(&mut [0])?;
        Ok(Keeper {
            process,
            line,
            last,
        })
    }

    /// Has `last` done, and returns when it is.
    pub(crate) fn end(mut self) -> Result<(), String> {
        let mut wrong = String::new();
        let heard = self
            .line
            .shutdown(Shutdown::Write)
            .and_then(|()| self.line.read_to_string(&mut wrong));
        let wait = || waitpid(Some(self.process), WaitOptions::empty());
        let status = rustix::io::retry_on_intr(wait).ok().flatten();
        if !status.is_some_and(|(_, status)| status.exited()) {
            return (self.last)();
        }
        match heard {
            Ok(_) if wrong.is_empty() => Ok(()),
            Ok(_) => Err(wrong),
            Err(e) => Err(e.to_string()),
        }
    }
}

/// In a group and session of its own neither Ctrl-C nor a hang-up reaches it.
fn keep(
    mut line: UnixStream,
    first: impl FnOnce(),
    last: impl FnOnce() -> Result<(), String>,
) -> io::Result<()> {
    setsid()?;
    signal::deaf()?;
    first();
    line.write_all(&[0])?;
    io::copy(&mut line, &mut io::sink())?;
    last().or_else(|wrong| line.write_all(wrong.as_bytes()))
}
