//! Waiting for programs to be ready.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use crate::error::{Error, ProgramFailed, Why};
use crate::reconcile::Progress;
use crate::state::{Life, PortRange, ProgramId, Transport};
use crate::sys::netlink::{diag, socket::Socket};
use crate::sys::program_files::last_lines;
use crate::sys::wait;
use crate::topology::Ready;

/// A program that was started, until it is ready.
pub(crate) struct Awaited<'a> {
    pub(crate) id: ProgramId,
    pub(crate) ready: &'a Ready,
    /// What it writes; opened for this.
    pub(crate) output: File,
    /// In its namespace; needed for ports alone.
    pub(crate) socket: Option<Socket>,
    /// How it is.
    pub(crate) life: Box<dyn FnMut() -> Life + 'a>,
    /// What of its output may be the beginning of the text.
    pub(crate) read: Vec<u8>,
}

/// Lines of output that are shown with what went wrong.
const SHOWN: usize = 10;

/// Waits until all of them are ready.
pub(crate) fn wait(mut all: Vec<Awaited<'_>>, progress: &mut dyn Progress) -> Result<(), Error> {
    let longest = all.iter().map(|one| one.ready.longest()).max();
    let in_time = wait::until(longest.unwrap_or_default(), |waited| {
        if progress.interrupted() {
            return Err(Error::Interrupted);
        }
        let mut left = Vec::new();
        for mut one in std::mem::take(&mut all) {
            if !one.is_ready()? {
                one.may_go_on(waited)?;
                left.push(one);
            }
        }
        all = left;
        if let Some(one) = all.first() {
            progress.awaiting(&format!("waiting for {}", one.id));
        }
        Ok(all.is_empty())
    })?;
    match (in_time, all.first_mut()) {
        (false, Some(late)) => Err(late.failed(Why::Late(late.ready.clone()))),
        _ => Ok(()),
    }
}

impl Awaited<'_> {
    fn is_ready(&mut self) -> Result<bool, Error> {
        let Ready { tcp, udp, .. } = *self.ready;
        let ports = [(tcp, Transport::Tcp), (udp, Transport::Udp)];
        for (port, protocol) in ports {
            if let Some(port) = port
                && !self.listens(port, protocol)?
            {
                return Ok(false);
            }
        }
        self.has_said()
    }

    fn listens(&mut self, port: u16, protocol: Transport) -> Result<bool, Error> {
        let Some(socket) = &mut self.socket else {
            return Ok(true);
        };
        let found = diag::listening(socket, protocol, &[PortRange::only(port)]);
        let what = format!("look at what listens in {}", self.id.netns);
        Ok(!found.map_err(Error::system(what))?.is_empty())
    }

    fn has_said(&mut self) -> Result<bool, Error> {
        let Some(text) = &self.ready.text else {
            return Ok(true);
        };
        let text = text.as_bytes();
        // No more at once than what is soon looked through.
        let mut part = (&self.output).take(1 << 20);
        let read = part.read_to_end(&mut self.read);
        read.map_err(Error::system(format!("read the output of {}", self.id)))?;
        if self.read.windows(text.len()).any(|part| part == text) {
            // It need not be said twice.
            self.read = text.to_vec();
            return Ok(true);
        }
        let rest = self.read.len().saturating_sub(text.len() - 1);
        self.read.drain(..rest);
        Ok(false)
    }

    /// It can still become ready.
    fn may_go_on(&mut self, waited: Duration) -> Result<(), Error> {
        let life = (self.life)();
        if life != Life::Running && !self.is_ready()? {
            return Err(self.failed(Why::Ended(life)));
        }
        match waited >= self.ready.longest() {
            true => Err(self.failed(Why::Late(self.ready.clone()))),
            false => Ok(()),
        }
    }

    fn failed(&mut self, why: Why) -> Error {
        Error::Program(Box::new(ProgramFailed {
            program: self.id.clone(),
            why,
            last: last_lines(&mut self.output, SHOWN),
        }))
    }
}
