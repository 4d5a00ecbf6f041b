//! A device that is listened to: whether it is there, and how many packets it had.

use std::io;
use std::time::Instant;

use super::ring::Tap;
use super::{Corner, Count, Found, Interface};

/// A device, while it is there.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) interface: Interface,
    /// Which corner it is in, and its number there.
    pub(super) at: (usize, u32),
    pub(super) tap: Option<Tap>,
    pub(super) state: State,
    pub(super) count: Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Listening,
    /// It is looked after: it may be about to go.
    Down,
    /// It has gone; its last packets have until then.
    Gone(Instant),
}

impl Point {
    pub(super) fn new((number, corner): (usize, &Corner), device: &Found, tap: Tap) -> Self {
        Point {
            interface: corner.interface(device),
            at: (number, device.index),
            tap: Some(tap),
            state: State::Listening,
            count: Count::default(),
        }
    }

    /// Packets come from now on; `None` if the device went meanwhile.
    pub(super) fn begin(self) -> io::Result<Option<Self>> {
        match self.tap.as_ref().map(|tap| tap.bind(self.at.1)) {
            Some(Err(e)) if e.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            Some(Err(e)) => Err(e),
            _ => Ok(Some(self)),
        }
    }

    pub(super) fn read_counters(&mut self) -> io::Result<()> {
        if let Some(tap) = &mut self.tap {
            let counted = tap.counted()?;
            (self.count.received, self.count.dropped) = (counted.received, counted.dropped);
        }
        Ok(())
    }

    /// How it is now. A socket tells once that its device went down, and nothing when it then
    /// goes for good.
    pub(super) fn look(&self, unnamed: bool) -> io::Result<State> {
        let Some(tap) = &self.tap else {
            return Ok(self.state);
        };
        let told = self.clear_error()?;
        match self.state {
            State::Gone(until) => Ok(State::Gone(until)),
            _ if unnamed => Ok(State::Gone(Instant::now())),
            State::Listening if !told => Ok(State::Listening),
            _ if tap.is_gone()? => Ok(State::Gone(Instant::now())),
            _ => Ok(State::Down),
        }
    }

    /// Whether the socket told of something.
    pub(super) fn clear_error(&self) -> io::Result<bool> {
        match &self.tap {
            Some(tap) => Ok(rustix::net::sockopt::socket_error(tap)?.is_err()),
            None => Ok(false),
        }
    }
}
