//! A child process in the foreground, waited for as sudo(8) and su(1) do: what
//! would end or stop this process reaches the child, and when the child stops, so
//! does this process.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, getppid, kill_process, kill_process_group,
    set_parent_process_death_signal, waitpid,
};

use super::fork;
use super::signal::{Arrived, Held};
use super::terminal::{Terminal, group};

/// Runs `inside` in a child process that ends with its result, and waits for it.
pub(crate) fn attend(inside: impl FnOnce() -> u8) -> io::Result<ExitStatus> {
    let held = Held::hold()?;
    let terminal = Terminal::open();
    let job = terminal.as_ref().filter(|terminal| terminal.has_us_alone());
    let parent = getpid();
    let begin = || -> io::Result<()> {
        die_with(parent)?;
        // Its own group, as a shell gives to each job: in a PID namespace that does
        // not see this process the group of this process has no number, and shells
        // are at a loss (dash(1): "Cannot set tty process group").
        job.map_or(Ok(()), Terminal::lead)?;
        held.release()
    };
    let Some(child) = fork::fork()? else {
        fork::end_with(|| begin().map_or(1, |()| inside()));
    };
    let attended = Attended {
        child,
        held: &held,
        terminal: terminal.as_ref(),
    };
    attended.wait()
}

struct Attended<'a> {
    child: Pid,
    held: &'a Held,
    terminal: Option<&'a Terminal>,
}

impl Attended<'_> {
    fn wait(&self) -> io::Result<ExitStatus> {
        loop {
            let arrived = self.held.next()?;
            if arrived.signal != Signal::CHILD {
                self.pass_on(arrived);
            } else if let Some(status) = self.look()? {
                return Ok(ExitStatus::from_raw(status.as_raw()));
            }
        }
    }

    fn look(&self) -> io::Result<Option<WaitStatus>> {
        let group = group(Some(self.child));
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
        match waitpid(Some(self.child), options)? {
            Some((_, status)) if status.stopped() => self.stop_too(group).map(|()| None),
            Some((_, status)) => {
                self.take_back(group);
                Ok(Some(status))
            }
            None => Ok(None),
        }
    }

    /// The terminal sends its signals to all of its group: who is in ours has it.
    fn pass_on(&self, Arrived { signal, by_kernel }: Arrived) {
        if !by_kernel || group(Some(self.child)) != group(None) {
            // It may have ended just now.
            let _ = kill_process(self.child, signal);
        }
    }

    /// The child was stopped, by Ctrl-Z or by reading in the background: the shell
    /// that started this process shall know, and may later have both go on.
    fn stop_too(&self, child: Option<Pid>) -> io::Result<()> {
        let Some(terminal) = self.terminal else {
            return Ok(());
        };
        self.take_back(child);
        // One may be waiting already; they are one.
        kill_process(getpid(), Signal::TSTP)?;
        self.held.let_through(Signal::TSTP)?;
        // Here it goes on after SIGCONT.
        let ours = child == group(None);
        if !ours && terminal.listens_to_us() {
            terminal.give(child);
        }
        let _ = match child.filter(|_| !ours) {
            Some(group) => kill_process_group(group, Signal::CONT),
            None => kill_process(self.child, Signal::CONT),
        };
        Ok(())
    }

    /// Who started this process, a script for example, shall not find itself in the
    /// background when the child leaves the terminal.
    fn take_back(&self, child: Option<Pid>) {
        let left = |terminal: &&Terminal| terminal.is_left_by(child);
        if let Some(terminal) = self.terminal.filter(left) {
            terminal.give(group(None));
        }
    }
}

/// Not even SIGKILL parts this process from its parent.
fn die_with(parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may be dead by now. One outside of this PID namespace has no number.
    match getppid() {
        Some(now) if now != parent => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        _ => Ok(()),
    }
}
