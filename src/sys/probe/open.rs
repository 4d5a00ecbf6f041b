//! Opens the sockets of a run: each namespace is entered once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::sockopt;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto};

use super::sockets::Sockets;
use crate::probe::{Check, Probe};
use crate::state::Netns;
use crate::sys::netns;
use crate::sys::sockopt::only_answers;

/// TCP sockets for each probe, one an attempt: the kernel sends a lost SYN again only
/// after a second (RFC 6298, 2).
const TCP_SOCKETS: usize = 4;

/// What is needed in one namespace.
#[derive(Default)]
struct Needs {
    /// Raw sockets of these families (true: IPv6).
    raw: BTreeSet<bool>,
    /// Sockets for these probes; true: IPv6.
    own: Vec<(u32, Probe, bool)>,
    /// Listeners.
    listen: BTreeSet<(IpAddr, Probe)>,
}

/// Opens all that these probes need.
pub(super) fn open(checks: &[Check], part: usize) -> io::Result<Sockets> {
    let mut sockets = Sockets::none(part)?;
    for (place, needs) in needs(checks) {
        let opened = netns::open(place).and_then(|fd| {
            netns::enter(fd.as_ref().map(AsFd::as_fd), || {
                inside(place, needs, &mut sockets)
            })
        });
        opened.map_err(|e| {
            let text = format!("namespace {place} cannot be entered: {e}");
            io::Error::new(e.kind(), text)
        })?;
    }
    Ok(sockets)
}

fn needs(checks: &[Check]) -> BTreeMap<&Netns, Needs> {
    let mut all: BTreeMap<&Netns, Needs> = BTreeMap::new();
    for (number, check) in (0..).zip(checks) {
        let v6 = check.to.is_ipv6();
        let here = all.entry(&check.from).or_default();
        if check.probe == Probe::Ping {
            here.raw.insert(v6);
            continue;
        }
        here.own.push((number, check.probe, v6));
        if let Some((home, address, probe)) = check.server() {
            let there = all.entry(home).or_default();
            there.listen.insert((address, probe));
        }
    }
    all
}

fn inside(place: &Netns, needs: Needs, sockets: &mut Sockets) -> io::Result<()> {
    for v6 in needs.raw {
        sockets.add_raw(place, v6, raw(v6)?)?;
    }
    for (address, probe) in needs.listen {
        match listen(address, probe, sockets) {
            // Where somebody listens already, that one answers.
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                sockets.servers.insert((address, probe));
            }
            // Where the address is missing, the probe will show it.
            _ => {}
        }
    }
    for (number, probe, v6) in needs.own {
        match probe {
            Probe::Ping => {}
            Probe::Udp(_) => {
                let socket = UdpSocket::bind((unspecified(v6), 0))?;
                socket.set_nonblocking(true)?;
                sockets.add_udp(number, socket)?;
            }
            Probe::Tcp(_) => {
                let fresh: io::Result<Vec<OwnedFd>> =
                    (0..TCP_SOCKETS).map(|_| stream(v6)).collect();
                sockets.add_tcp(number, fresh?);
            }
        }
    }
    Ok(())
}

fn listen(address: IpAddr, probe: Probe, sockets: &mut Sockets) -> io::Result<()> {
    match probe {
        Probe::Ping => Ok(()),
        Probe::Tcp(port) => {
            let listener = TcpListener::bind((address, port))?;
            listener.set_nonblocking(true)?;
            sockets.add_listener(listener)
        }
        Probe::Udp(port) => {
            let socket = UdpSocket::bind((address, port))?;
            socket.set_nonblocking(true)?;
            sockets.add_echo(socket)
        }
    }
}

pub(super) fn unspecified(v6: bool) -> IpAddr {
    if v6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    }
}

pub(super) const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

pub(super) fn family(v6: bool) -> AddressFamily {
    if v6 {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    }
}

/// A raw socket that sends nothing in pieces, and sends what its device takes
/// whatever the kernel remembers of the path (`IP_PMTUDISC_PROBE`, ip(7)).
pub(super) fn raw(v6: bool) -> io::Result<OwnedFd> {
    let protocol = if v6 { ipproto::ICMPV6 } else { ipproto::ICMP };
    let fd = rustix::net::socket_with(family(v6), SocketType::RAW, FLAGS, Some(protocol))?;
    only_answers(fd.as_fd(), v6)?;
    if v6 {
        sockopt::set_ipv6_mtu_discover(&fd, sockopt::Ipv6PathMtuDiscovery::PROBE)?;
    } else {
        sockopt::set_ip_mtu_discover(&fd, sockopt::Ipv4PathMtuDiscovery::PROBE)?;
    }
    Ok(fd)
}

fn stream(v6: bool) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(
        family(v6),
        SocketType::STREAM,
        FLAGS,
        None,
    )?)
}
