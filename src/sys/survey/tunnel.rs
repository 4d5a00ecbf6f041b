//! What is told of WireGuard interfaces beside what is told of every device: nothing secret.

use std::io;
use std::os::fd::BorrowedFd;

use crate::state::WIREGUARD;
use crate::sys::netlink::link::Seen;
use crate::sys::netlink::socket::Socket;
use crate::sys::netlink::wireguard::Wg;
use crate::sys::netns;

/// The port and the number of peers, where there are such interfaces and this may be known.
pub(super) fn tell(entered: Option<BorrowedFd<'_>>, seen: &mut [Seen]) -> io::Result<()> {
    let mut tunnels = seen
        .iter_mut()
        .filter(|one| one.device.kind == WIREGUARD)
        .peekable();
    if tunnels.peek().is_none() {
        return Ok(());
    }
    let Some(mut wg) = Wg::new(netns::enter(entered, Socket::generic)?)? else {
        return Ok(());
    };
    for one in tunnels {
        // It is gone, or only its namespace's owner may ask.
        let Ok(told) = wg.get(one.device.index)? else {
            continue;
        };
        one.device.details.extend(told.all.details());
    }
    Ok(())
}
