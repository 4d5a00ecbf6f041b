//! Waiting until the kernel has taken a lab's namespaces apart. It does so later, on a
//! single queue (`cleanup_net`, net/core/net_namespace.c): of each it tells when it
//! begins (RTM_DELNSID), of none when it has ended. But the queue takes up a namespace
//! that went later only when it has ended with those before.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use super::Kernel;
use crate::state::{LabName, Netns};
use crate::sys::netlink::events::Farewells;
use crate::sys::netlink::nsid;
use crate::sys::netlink::socket::Socket;
use crate::sys::residents::Made;
use crate::sys::{Failure, netns};

/// The namespaces that will go.
#[derive(Debug)]
pub(crate) struct Farewell {
    events: Farewells,
    numbers: BTreeSet<i32>,
}

impl Kernel {
    /// To be called before they lose their names.
    pub(crate) fn farewell(&mut self, made: &Made) -> Result<Farewell, Failure> {
        let events = Farewells::listen()?;
        let mut numbers = BTreeSet::new();
        for name in made.keys() {
            let fd = self.netns(&Netns::Named(name.clone()))?.as_raw_fd();
            numbers.extend(number(&mut self.host.socket, fd)?);
        }
        Ok(Farewell { events, numbers })
    }

    /// The lab's namespaces that are still those that were made.
    pub(crate) fn made(&mut self, lab: &LabName) -> Result<Made, Failure> {
        let mut own = Made::new();
        for (name, identity) in self.store.made_by(lab)? {
            if self.is_same(&Netns::Named(name.clone()), identity)? {
                own.insert(name, identity);
            }
        }
        Ok(own)
    }

    /// Waits until all are gone, at most for `longest`. Says whether they are: one in
    /// which a process is, or that is open somewhere, stays.
    pub(crate) fn wait(&mut self, mut these: Farewell, longest: Duration) -> io::Result<bool> {
        let end = Instant::now() + longest;
        if !these.wait(&mut self.host.socket, end)? {
            return Ok(false);
        }
        // All have begun to go; when one that goes now begins, they have ended.
        let last = netns::create(1)?;
        for place in &last {
            these
                .numbers
                .extend(number(&mut self.host.socket, place.fd.as_fd().as_raw_fd())?);
        }
        drop(last);
        these.wait(&mut self.host.socket, end)
    }
}

impl Farewell {
    /// Where events were lost, the numbers that are still given tell it.
    fn wait(&mut self, host: &mut Socket, end: Instant) -> io::Result<bool> {
        while !self.numbers.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            match self.events.wait(left) {
                Ok(gone) if gone.is_empty() => return Ok(false),
                Ok(gone) => self.numbers.retain(|id| !gone.contains(id)),
                Err(lost) if lost.raw_os_error() == Some(libc::ENOBUFS) => {
                    let there = nsid::all(host)?;
                    self.numbers.retain(|id| there.contains(id));
                }
                Err(other) => return Err(other),
            }
        }
        Ok(true)
    }
}

fn number(host: &mut Socket, netns: RawFd) -> io::Result<Option<i32>> {
    // One that has a number already refuses another (EEXIST).
    host.transact(&[nsid::give(netns)])?;
    nsid::of(host, netns)
}
