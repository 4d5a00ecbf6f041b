//! What the kernel tells of changes, of this namespace and of all that have a number in
//! it: one socket hears them all (NETLINK_LISTEN_ALL_NSID), and holds none of them. A
//! socket inside would keep a namespace that has lost its name, with its cables.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, sockopt};

use super::attr::parse;
use super::socket::u32_at;
use crate::sys::sockopt::hear_all_namespaces;
use crate::sys::uapi::rules::NFNLGRP_NFTRACE;
use crate::sys::uapi::*;

/// A lab of a thousand namespaces comes up in one second with some ten thousand messages.
const BUFFER: usize = 8 * 1024 * 1024;
/// The kernel divides nothing: a message about a device with many attributes is the largest.
const RECEIVE: usize = 64 * 1024;

const ROUTE_GROUPS: [u32; 10] = [
    RTNLGRP_LINK,
    RTNLGRP_TC,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV4_RULE,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_IPV6_RULE,
    RTNLGRP_IPV4_NETCONF,
    RTNLGRP_IPV6_NETCONF,
];

const EVERY_GROUP: [u32; 10] = [
    RTNLGRP_LINK,
    RTNLGRP_NEIGH,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV4_RULE,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_IPV6_RULE,
    RTNLGRP_NSID,
    RTNLGRP_NEXTHOP,
];

/// Whom a socket hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This namespace, and all that have a number in it. That takes CAP_NET_BROADCAST.
    All,
    /// This namespace.
    Own,
}

/// What changed. The first is the likeliest to have brought the others with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The namespace got or lost its name.
    Name,
    /// A device is there no more, or no port of a bridge any more.
    DeviceGone,
    /// A device is new, or has another setting.
    Device,
    /// What a device sends through came or went.
    Queue,
    /// An address is there no more.
    AddressGone,
    /// An address is new, or has another lifetime.
    Address,
    /// A route is there no more.
    RouteGone,
    /// A route is new.
    Route,
    /// An `ip rule` came or went.
    Rule,
    /// Forwarding or the like was set, of a device or of all.
    Setting,
    /// The rule set of nftables has another version.
    Firewall {
        /// Who made it: the number of a process, and its name.
        by: Option<(u32, String)>,
    },
}

/// A socket that hears.
#[derive(Debug)]
pub(crate) struct Notices {
    fd: OwnedFd,
    received: Vec<u8>,
}

/// What one datagram holds, and in which namespace that was: its number in this one, or
/// `None` for this one itself.
pub(crate) type Notice = (Option<i32>, Vec<What>);

impl Notices {
    /// Devices, their queues, addresses, routes, rules, settings.
    pub(crate) fn of_routes() -> io::Result<Self> {
        Self::open(None, &ROUTE_GROUPS, Reach::All)
    }

    /// The devices of the namespace that the thread is in.
    pub(crate) fn of_links() -> io::Result<Self> {
        Self::open(None, &[RTNLGRP_LINK], Reach::Own)
    }

    /// The firewall.
    pub(crate) fn of_firewall(reach: Reach) -> io::Result<Self> {
        Self::open(Some(netlink::NETFILTER), &[NFNLGRP_NFTABLES], reach)
    }

    /// All that may happen to networks, and to namespaces themselves.
    pub(crate) fn of_everything(reach: Reach) -> io::Result<Self> {
        Self::open(None, &EVERY_GROUP, reach)
    }

    /// The kernel's trace of packets, in this namespace.
    pub(crate) fn of_traces() -> io::Result<Self> {
        Self::open(Some(netlink::NETFILTER), &[NFNLGRP_NFTRACE], Reach::Own)
    }

    fn open(
        protocol: Option<rustix::net::Protocol>,
        groups: &[u32],
        reach: Reach,
    ) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
        if reach == Reach::All {
            hear_all_namespaces(fd.as_fd())?;
        }
        // Where the limit may not be passed, what fits must do; what is lost is noticed.
        let _ = sockopt::set_socket_recv_buffer_size_force(&fd, BUFFER);
        let bits = groups.iter().fold(0, |bits, group| bits | 1 << (group - 1));
        rustix::net::bind(&fd, &netlink::SocketAddrNetlink::new(0, bits))?;
        Ok(Notices {
            fd,
            received: vec![0; RECEIVE],
        })
    }

    /// The next one; `None` when all has been heard.
    ///
    /// # Errors
    /// ENOBUFS: some were lost.
    pub(crate) fn next(&mut self) -> io::Result<Option<Notice>> {
        let datagram = self.datagram()?;
        Ok(datagram.map(|(number, bytes)| (number, messages(bytes).filter_map(what).collect())))
    }

    /// The same as the kernel wrote it.
    ///
    /// # Errors
    /// ENOBUFS: some were lost.
    pub(crate) fn datagram(&mut self) -> io::Result<Option<(Option<i32>, &[u8])>> {
        let received = receive(self.fd.as_fd(), &mut self.received)?;
        Ok(received.map(|(length, number)| (number, &self.received[..length])))
    }
}

/// The messages of a datagram, with their headers.
pub(crate) fn messages(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let size = u32_at(rest, 0)? as usize;
        let message = rest.get(..size).filter(|_| size >= HEADER)?;
        rest = rest.get(size.next_multiple_of(4)..).unwrap_or(&[]);
        Some(message)
    })
}

impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn what(message: &[u8]) -> Option<What> {
    let kind = u16::from_ne_bytes([*message.get(4)?, *message.get(5)?]);
    Some(match kind {
        RTM_NEWLINK => What::Device,
        RTM_DELLINK => What::DeviceGone,
        RTM_NEWQDISC | RTM_DELQDISC => What::Queue,
        RTM_NEWADDR => What::Address,
        RTM_DELADDR => What::AddressGone,
        RTM_NEWROUTE => What::Route,
        RTM_DELROUTE => What::RouteGone,
        RTM_NEWRULE | RTM_DELRULE => What::Rule,
        RTM_NEWNETCONF => What::Setting,
        _ if kind == NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN => What::Firewall {
            by: process(message.get(HEADER + FAMILY_HEADER..)?),
        },
        _ => return None,
    })
}

/// Who made a version of the rule set (`nf_tables_fill_gen_info`,
/// net/netfilter/nf_tables_api.c).
pub(crate) fn process(attributes: &[u8]) -> Option<(u32, String)> {
    let find = |wanted| parse(attributes).find(|(kind, _)| *kind == wanted);
    let (_, number) = find(NFTA_GEN_PROC_PID)?;
    let (_, name) = find(NFTA_GEN_PROC_NAME)?;
    let number = u32::from_be_bytes(number.try_into().ok()?);
    let name = name.split(|byte| *byte == 0).next()?;
    Some((number, String::from_utf8_lossy(name).into_owned()))
}

/// A datagram, and the number of the namespace that it comes from.
fn receive(fd: BorrowedFd<'_>, into: &mut [u8]) -> io::Result<Option<(usize, Option<i32>)>> {
    let mut part = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    // Larger than one control message with an int, and aligned as its header.
    let mut control = [0u64; 8];
    // SAFETY: all zero is a valid msghdr: null pointers with lengths of 0.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    let length = loop {
        // SAFETY: the header points to live buffers and says how long they are.
        let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, 0) };
        match io::Error::last_os_error() {
            _ if length >= 0 => break length as usize,
            e if e.kind() == io::ErrorKind::Interrupted => {}
            e if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            e => return Err(e),
        }
    };
    // SAFETY: the kernel has filled in the header, whose control buffer is live.
    let number = unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        let is_number = !header.is_null()
            && (*header).cmsg_level == libc::SOL_NETLINK
            && (*header).cmsg_type == NETLINK_LISTEN_ALL_NSID;
        is_number.then(|| libc::CMSG_DATA(header).cast::<i32>().read_unaligned())
    };
    Ok(Some((length, number)))
}
