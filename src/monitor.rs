//! All that happens to the networks of a host, in every network namespace, as it happens.
//! Nothing is changed, but that namespaces get numbers by which the kernel can tell of them.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use crate::error::Error;
use crate::state::happening::Happening;
use crate::sys::listen::Listener;

pub use crate::sys::local_time::{LocalTime, local_time};

/// Listens to everything.
#[derive(Debug)]
pub struct Monitor(Listener);

const LISTENING: &str = "listen to what happens to networks";

impl Monitor {
    /// From now on.
    ///
    /// # Errors
    /// The kernel refuses to tell, or the host cannot be looked at.
    pub fn begin() -> Result<Self, Error> {
        Ok(Monitor(
            Listener::begin().map_err(Error::system(LISTENING))?,
        ))
    }

    /// Whether it hears of other namespaces than its own: that takes CAP_NET_BROADCAST and
    /// CAP_NET_ADMIN.
    pub fn hears_all(&self) -> bool {
        self.0.hears_all()
    }

    /// How many namespaces it listens to.
    pub fn namespaces(&self) -> usize {
        self.0.count()
    }

    /// What has happened, once something has. `None`: it has listened so long, or `stop`
    /// can be read.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn next(
        &mut self,
        until: Option<Instant>,
        stop: BorrowedFd<'_>,
    ) -> Result<Option<Vec<Happening>>, Error> {
        self.0.wait(until, stop).map_err(Error::system(LISTENING))
    }
}
