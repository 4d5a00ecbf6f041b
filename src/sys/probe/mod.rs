//! Sends probes from inside namespaces: sockets are opened inside, and all are
//! served by one loop outside.

mod flight;
mod sockets;

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::probe::{Check, Outcome, Seen};
use flight::Flight;
use sockets::Sockets;

/// When the attempts of a probe are sent, in ms. The first may be lost while a
/// neighbour is looked for or a bridge learns.
const ATTEMPTS: [u64; 5] = [0, 50, 150, 350, 700];

/// Sends all probes at once and waits for the answers: at most `timeout`, less when
/// all is known before. Where a lab's own namespace has the address of a TCP or UDP
/// probe and nothing listens there, netyard answers itself meanwhile.
///
/// # Errors
/// A namespace cannot be entered, or a socket not opened.
pub fn run(checks: &[Check], timeout: Duration) -> io::Result<Vec<Outcome>> {
    let id = std::process::id() as u16;
    let mut sockets = Sockets::open(checks)?;
    let mut flights: Vec<Flight> = checks
        .iter()
        .enumerate()
        .map(|(n, check)| Flight::new(n as u32, id, check))
        .collect();
    let began = Instant::now();
    let mut attempt = 0;
    while flights.iter().any(Flight::is_open) && began.elapsed() < timeout {
        if ATTEMPTS
            .get(attempt)
            .is_some_and(|at| began.elapsed() >= Duration::from_millis(*at))
        {
            for flight in flights.iter_mut().filter(|flight| flight.is_open()) {
                flight.send(attempt as u32, &mut sockets);
            }
            attempt += 1;
            continue;
        }
        let next = ATTEMPTS
            .get(attempt)
            .map_or(timeout, |at| Duration::from_millis(*at));
        wait(&sockets, next.min(timeout).saturating_sub(began.elapsed()))?;
        sockets.serve();
        sockets.hear(id, &mut flights);
        for flight in flights.iter_mut().filter(|flight| flight.is_open()) {
            flight.look(&mut sockets);
        }
    }
    Ok(flights.into_iter().map(Flight::outcome).collect())
}

/// Until something can be read or a connection is made.
fn wait(sockets: &Sockets, longest: Duration) -> io::Result<()> {
    let mut fds: Vec<PollFd<'_>> = sockets
        .all()
        .map(|(fd, flags)| PollFd::from_borrowed_fd(fd, flags))
        .collect();
    // A whole millisecond more, so that the next attempt is due when this returns.
    let longest =
        Timespec::try_from(longest + Duration::from_millis(1)).map_err(io::Error::other)?;
    match rustix::event::poll(&mut fds, Some(&longest)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// For reading, the usual case.
const READ: PollFlags = PollFlags::IN;

/// An error of the sender's own kernel, as what was seen.
fn local_error(error: &io::Error) -> Seen {
    let why = match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => return Seen::Refused,
        Some(libc::ENETUNREACH) => "no route to that network",
        Some(libc::EHOSTUNREACH) => "host unreachable: nobody answers to this address there",
        Some(libc::EACCES | libc::EPERM) => "forbidden by a filter",
        Some(libc::ETIMEDOUT) => return Seen::NoAnswer,
        _ => {
            return Seen::Unreachable {
                by: None,
                why: error.to_string(),
            };
        }
    };
    Seen::Unreachable {
        by: None,
        why: why.to_owned(),
    }
}
