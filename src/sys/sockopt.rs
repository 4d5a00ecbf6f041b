//! Socket options that rustix lacks.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

fn set(fd: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> io::Result<()> {
    // SAFETY: the pointer is to a live `i32` and the length is its size.
    let done = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
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
