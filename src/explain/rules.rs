//! The rules of a namespace, with a line to the kernel for what is too much to list.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::state::ruleset::{Ruleset, SetElement};
use crate::state::{Netns, NetnsName};
use crate::sys::netlink::ruleset;
use crate::sys::netlink::socket::Socket;
use crate::sys::netns;

use super::filter::Question;

/// The rules of a namespace as they were read.
#[derive(Debug)]
pub struct Rules {
    /// All that was listed.
    pub ruleset: Ruleset,
    socket: RefCell<Socket>,
}

impl Rules {
    /// Reads all rules of a namespace; `None`: of the caller's.
    pub fn read(name: Option<&NetnsName>) -> io::Result<Self> {
        let namespace = netns::open(&name.map_or(Netns::Host, |name| Netns::Named(name.clone())))?;
        Self::inside(namespace.as_ref().map(AsFd::as_fd))
    }

    /// The same of a namespace that is open.
    pub(crate) fn inside(netns: Option<BorrowedFd<'_>>) -> io::Result<Self> {
        let (ruleset, socket) = netns::enter(netns, || {
            let mut socket = Socket::netfilter()?;
            Ok((ruleset::read(&mut socket)?, socket))
        })?;
        let socket = RefCell::new(socket);
        Ok(Rules { ruleset, socket })
    }

    /// The element of a set that was too large to list: what
    /// [`Ask::element`](super::filter::Ask::element) asks for.
    pub fn element(&self, question: &Question<'_>) -> io::Result<Option<SetElement>> {
        let Question {
            family,
            table,
            set,
            key,
        } = *question;
        ruleset::element(&mut self.socket.borrow_mut(), family, table, set, key)
    }
}
