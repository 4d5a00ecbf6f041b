//! Sends one packet, and hears the kernel's trace of it in the namespaces of its way.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::netlink::nft::nftrace::{At, Ear, Event};
use super::netns;
use super::probe::once::{Once, Sender};
use super::wait::readable;
use crate::probe::Seen;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same when a rule has dropped the packet: what refuses it has said so by then.
const DROPPED: Duration = Duration::from_millis(100);

/// A namespace of the way, open; `None` is that of the caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop<'a> {
    pub(crate) netns: Option<BorrowedFd<'a>>,
    /// Whether it has bridges.
    pub(crate) bridges: bool,
}

/// What became of the packet.
#[derive(Debug)]
pub(crate) struct Followed {
    /// What came back, and after which time.
    pub(crate) seen: Seen,
    pub(crate) after: Duration,
    /// What was traced, with the number of the stop.
    pub(crate) events: Vec<(usize, Event)>,
}

/// Sends it from the first stop. Whatever was made for it is gone at the end.
///
/// # Errors
/// A namespace may not be entered or watched, or no socket opened.
pub(crate) fn follow(once: Once, way: &[Stop<'_>]) -> io::Result<Followed> {
    let first = way.first().and_then(|stop| stop.netns);
    let sender = netns::enter(first, || Sender::open(once))?;
    let sign = sender.sign()?;
    let ears = way.iter().map(|stop| {
        let open = || Ear::open(sign, stop.bridges);
        netns::enter(stop.netns, open)
    });
    let mut ears: Vec<Ear> = ears.collect::<io::Result<_>>()?;
    let began = Instant::now();
    let mut seen = match sender.send() {
        Ok(()) => sender.heard(),
        Err(refused) => Some(refused),
    };
    let mut events = Vec::new();
    let mut end = PATIENCE;
    loop {
        for (at, ear) in ears.iter_mut().enumerate() {
            events.extend(ear.heard()?.into_iter().map(|event| (at, event)));
        }
        let now = began.elapsed();
        if events.iter().any(|(_, event)| dropped(event)) {
            end = end.min(now + DROPPED);
        }
        if seen.is_some() || now >= end {
            let seen = seen.unwrap_or(Seen::NoAnswer);
            return Ok(Followed {
                seen,
                after: now,
                events,
            });
        }
        let fds = ears.iter().map(AsFd::as_fd).chain([sender.as_fd()]);
        readable(fds, Some(end - now))?;
        seen = sender.heard();
    }
}

fn dropped(event: &Event) -> bool {
    matches!(event.at, At::Line { drops: true, .. })
}
