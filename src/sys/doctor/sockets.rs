//! Sockets, and settings of a network namespace.

use std::fs;
use std::io;
use std::path::Path;

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with};

use super::modules::Modules;
use super::{may_try, told};
use crate::state::SysctlKey;
use crate::state::machine::{Tried, Tries};
use crate::sys::netlink::address;
use crate::sys::netlink::socket::Socket;
use crate::sys::sockopt;

/// The loopback device's index (LOOPBACK_IFINDEX, include/net/net_namespace.h).
const LO: u32 = 1;

pub(super) fn attempt(tries: &mut Tries, modules: &Modules) {
    let packets = may_try(modules, tries, "packet-sockets", "af_packet");
    let mut tell = |id: &str, tried: Tried| drop(tries.insert(id.to_owned(), tried));
    tell("ipv4-forwarding", forwards(&SysctlKey::forward4()));
    tell(
        "ipv6",
        ended(ipv6(), &[libc::EOPNOTSUPP, libc::EAFNOSUPPORT]),
    );
    tell("ipv6-forwarding", forwards(&SysctlKey::forward6()));
    let raw = socket_with(
        AddressFamily::INET,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(ipproto::ICMP),
    );
    tell("raw-icmp", ended(raw.map(drop).map_err(Into::into), &[]));
    if packets {
        let flags = SocketFlags::CLOEXEC;
        let packet = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None);
        let packet = packet.map(drop).map_err(Into::into);
        tell("packet-sockets", ended(packet, &[libc::EAFNOSUPPORT]));
    }
    let options = [
        ("netlink-strict", libc::NETLINK_GET_STRICT_CHK),
        ("netlink-ext-ack", libc::NETLINK_EXT_ACK),
        ("netlink-all-nsid", libc::NETLINK_LISTEN_ALL_NSID),
    ];
    for (id, option) in options {
        tell(
            id,
            ended(sockopt::netlink_option(option), &[libc::ENOPROTOOPT]),
        );
    }
}

fn ended(result: io::Result<()>, unknown: &[i32]) -> Tried {
    told(result.err().map(Into::into), unknown)
}

/// In the namespace that the thread is in. That of a container may be for reading only.
fn forwards(key: &SysctlKey) -> Tried {
    let path = Path::new("/proc/sys").join(key.path());
    ended(fs::write(path, "1"), &[libc::ENOENT])
}

/// With the boot parameter ipv6.disable=1 nothing can have an address.
fn ipv6() -> io::Result<()> {
    let address = "fd00::1/128"
        .parse()
        .map_err(|_| io::ErrorKind::InvalidInput)?;
    let answers = Socket::route()?.transact(&[address::add(LO, &address)])?;
    match answers.into_iter().flatten().next() {
        Some(refused) => Err(refused.into()),
        None => Ok(()),
    }
}
