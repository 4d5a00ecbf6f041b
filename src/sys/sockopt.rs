//! Socket options that rustix lacks.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use super::uapi::{
    ICMP_DEST_UNREACH, ICMP_ECHOREPLY, ICMP_FILTER, ICMP_TIME_EXCEEDED, ICMPV6_DEST_UNREACH,
    ICMPV6_ECHO_REPLY, ICMPV6_FILTER, ICMPV6_PKT_TOOBIG, ICMPV6_TIME_EXCEED,
    NETLINK_LISTEN_ALL_NSID,
};

fn set(fd: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> io::Result<()> {
    set_bytes(fd, level, option, &value.to_ne_bytes())
}

pub(super) fn set_bytes(
    fd: BorrowedFd<'_>,
    level: i32,
    option: i32,
    value: &[u8],
) -> io::Result<()> {
    // SAFETY: the pointer is to live bytes and the length is their number.
    let done = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            value.as_ptr().cast(),
            value.len() as libc::socklen_t,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The cookie of the network namespace that a socket is in: unlike its inode it is
/// never given out again (net_gen_cookie, net/core/net_namespace.c). 0 on kernels before 5.14.
pub(crate) fn netns_cookie(fd: BorrowedFd<'_>) -> io::Result<u64> {
    let mut cookie = 0u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to the live `u64`.
    let done = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    match io::Error::last_os_error() {
        _ if done == 0 => Ok(cookie),
        e if e.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(0),
        e => Err(e),
    }
}

/// Extended ACK texts, errors without a copy of the request, and dumps that
/// honour their filters.
pub(crate) fn netlink_options(fd: BorrowedFd<'_>) -> io::Result<()> {
    for option in [
        libc::NETLINK_EXT_ACK,
        libc::NETLINK_CAP_ACK,
        libc::NETLINK_GET_STRICT_CHK,
    ] {
        set(fd, libc::SOL_NETLINK, option, 1)?;
    }
    Ok(())
}

/// Whether the kernel takes an option of netlink sockets, tried at one that is then closed.
pub(crate) fn netlink_option(option: i32) -> io::Result<()> {
    let raw = rustix::net::SocketType::RAW;
    let fd = rustix::net::socket(rustix::net::AddressFamily::NETLINK, raw, None)?;
    set(fd.as_fd(), libc::SOL_NETLINK, option, 1)
}

/// Notifications from every namespace that has a number in the socket's. The right to it
/// is CAP_NET_BROADCAST.
pub(crate) fn hear_all_namespaces(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, libc::SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, 1)
}

/// A raw ICMP socket receives everything of its namespace; after this only echo
/// replies and errors (raw(7)).
pub(crate) fn only_answers(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    // A bit that is set is a type that is kept out, in both families.
    let mut filter = [u32::MAX; 8];
    let types: &[u8] = if v6 { &ANSWERS6 } else { &ANSWERS4 };
    for kind in types {
        filter[usize::from(kind / 32)] &= !(1 << (kind % 32));
    }
    let bytes: Vec<u8> = filter.into_iter().flat_map(u32::to_ne_bytes).collect();
    match v6 {
        true => set_bytes(fd, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &bytes),
        // Of IPv4 it has the first 32 types.
        false => set_bytes(fd, libc::SOL_RAW, ICMP_FILTER, &bytes[..4]),
    }
}

const ANSWERS4: [u8; 3] = [ICMP_ECHOREPLY, ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED];
const ANSWERS6: [u8; 4] = [
    ICMPV6_ECHO_REPLY,
    ICMPV6_DEST_UNREACH,
    ICMPV6_PKT_TOOBIG,
    ICMPV6_TIME_EXCEED,
];

/// Errors that others on the way send back come to the socket (`IP_RECVERR`, ip(7)).
pub(crate) fn hear_errors(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    match v6 {
        true => set(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1),
        false => set(fd, libc::IPPROTO_IP, libc::IP_RECVERR, 1),
    }
}

/// Makes room for one send of this size. The kernel refuses a netlink send that is
/// larger than the send buffer (netlink_sendmsg), 208 KiB by default. Without the
/// right to force it (in the first user namespace), twice net.core.wmem_max is the
/// limit, and the send says so.
pub(crate) fn send_at_once(fd: BorrowedFd<'_>, size: usize) -> io::Result<()> {
    if size <= 64 * 1024 {
        return Ok(());
    }
    // The kernel doubles what it is told (sock_setsockopt), so this never shrinks
    // a buffer below the size.
    let size = i32::try_from(size).unwrap_or(i32::MAX / 2);
    set(fd, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, size)
        .or_else(|_| set(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, size))
}

/// Asks for a value of this many bytes, of which the first are the question.
pub(crate) fn ask(
    fd: BorrowedFd<'_>,
    level: i32,
    option: i32,
    mut value: Vec<u8>,
) -> io::Result<Vec<u8>> {
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: the kernel reads and writes at most `length` bytes, all of the live vector.
    let done = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            option,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    value.truncate(length as usize);
    Ok(value)
}
