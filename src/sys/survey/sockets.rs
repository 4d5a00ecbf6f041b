//! What listens in a namespace.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use crate::state::survey::Space;
use crate::state::{Listener, PortRange, Transport};
use crate::sys::netlink::diag::{self, Found};
use crate::sys::netlink::socket::Socket;
use crate::sys::{netns, residents};

/// All of its TCP and UDP sockets that take what comes to a port, with whose they are.
pub(crate) fn listening(space: &Space) -> io::Result<Vec<Listener>> {
    let fd = open(space)?;
    let entered = (!space.host).then(|| fd.as_fd());
    let mut socket = netns::enter(entered, Socket::diag)?;
    let mut found = Vec::new();
    for protocol in [Transport::Tcp, Transport::Udp] {
        found.extend(diag::listening(&mut socket, protocol, &[PortRange::ALL])?);
    }
    named(found)
}

/// By whatever it can be reached: a name, a process. The number may be another's by now.
fn open(space: &Space) -> io::Result<OwnedFd> {
    let own = space.host.then(|| PathBuf::from("/proc/self/ns/net"));
    let names = (space.names.iter()).map(|name| PathBuf::from(netns::DIRECTORY).join(name));
    let of_process = |pid: i32| PathBuf::from(format!("/proc/{pid}/ns/net"));
    let processes = space.processes.iter().map(|one| of_process(one.pid));
    let paths = own.into_iter().chain(names).chain(processes);
    for path in paths {
        if let Ok(fd) = netns::open_at(&path, space.inode) {
            return Ok(fd);
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// With their processes.
pub(crate) fn named(found: Vec<Found>) -> io::Result<Vec<Listener>> {
    let inodes = found
        .iter()
        .map(|one| one.inode)
        .filter(|inode| *inode != 0);
    let mut processes = residents::of_sockets(&inodes.collect())?;
    let named = |Found {
                     listener, inode, ..
                 }| Listener {
        process: processes.remove(&inode),
        ..listener
    };
    Ok(found.into_iter().map(named).collect())
}
