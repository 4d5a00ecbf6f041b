//! What the sender's own kernel refuses, as what was seen.

use std::io;

use crate::probe::Seen;

/// Whether no later attempt can do better: neither a route nor a larger device
/// appears by waiting.
pub(super) fn is_final(error: &io::Error) -> bool {
    let errno = error.raw_os_error();
    matches!(errno, Some(libc::ENETUNREACH | libc::EMSGSIZE))
}

/// In words.
pub(super) fn seen(error: &io::Error) -> Seen {
    let why = match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => return Seen::Refused,
        // Its own queue is full, which is the same as lost.
        Some(libc::ETIMEDOUT | libc::EAGAIN | libc::ENOBUFS) => return Seen::NoAnswer,
        Some(libc::ENETUNREACH) => "no route to that network",
        Some(libc::EHOSTUNREACH) => "host unreachable: nobody answers to this address there",
        Some(libc::EACCES | libc::EPERM) => "forbidden by a filter",
        Some(libc::EMSGSIZE) => "the packet is too large for the sender's own device",
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
