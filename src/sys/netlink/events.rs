//! What the kernel tells by itself: multicast groups of route netlink.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::net::sockopt;

use super::decoded;
use super::socket::Socket;
use crate::sys::uapi::RTNLGRP_NSID;
use crate::sys::wait::readable;
use netlink_packet_route::RouteNetlinkMessage as Rtnl;
use netlink_packet_route::nsid::NsidAttribute;

/// A thousand events at once are more than the usual buffer holds.
const BUFFER: usize = 8 * 1024 * 1024;

/// Tells of namespaces that the kernel takes apart.
#[derive(Debug)]
pub(crate) struct Farewells(Socket);

impl Farewells {
    /// From now on, in the calling thread's namespace.
    pub(crate) fn listen() -> io::Result<Self> {
        let socket = Socket::listening(1 << (RTNLGRP_NSID - 1))?;
        // Where the limit may not be passed, what fits must do; what is lost is noticed.
        let _ = sockopt::set_socket_recv_buffer_size_force(socket.as_fd(), BUFFER);
        Ok(Farewells(socket))
    }

    /// The numbers of those that have begun to go since the last call, once there is
    /// one; nothing after `longest`.
    ///
    /// # Errors
    /// ENOBUFS: events were lost.
    pub(crate) fn wait(&mut self, longest: Duration) -> io::Result<Vec<i32>> {
        let end = Instant::now() + longest;
        let mut gone = Vec::new();
        while gone.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if readable([self.0.as_fd()], Some(left))?.is_empty() {
                break;
            }
            for reply in self.0.heard()? {
                gone.extend(number(&decoded(&reply)?));
            }
        }
        Ok(gone)
    }
}

fn number(message: &Rtnl) -> Option<i32> {
    let Rtnl::DelNsId(message) = message else {
        return None;
    };
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NsidAttribute::Id(id) => Some(*id),
            _ => None,
        })
}
