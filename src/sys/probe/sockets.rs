//! The sockets of a run, each opened inside its namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, ipproto};

use super::READ;
use super::flight::Flight;
use crate::probe::{Check, Probe, packet};
use crate::state::Netns;
use crate::sys::netns;

/// Everything that the loop listens to.
pub(super) struct Sockets {
    /// Raw sockets by namespace and family (true: IPv6).
    pub(super) raw: BTreeMap<(Netns, bool), OwnedFd>,
    /// UDP sockets by probe.
    pub(super) udp: BTreeMap<u32, UdpSocket>,
    /// Connecting TCP sockets by probe: unused ones, for further attempts, and
    /// those under way.
    pub(super) tcp: BTreeMap<u32, (Vec<OwnedFd>, Vec<OwnedFd>)>,
    /// Listeners: the kernel itself makes the connections.
    _listeners: Vec<TcpListener>,
    /// Sockets that send each datagram back.
    echoes: Vec<UdpSocket>,
}

/// A second TCP socket for each probe: the kernel sends a lost SYN again only
/// after a second (RFC 6298, 2).
const TCP_SOCKETS: usize = 2;

impl Sockets {
    /// Enters each namespace once and opens all that is needed there.
    pub(super) fn open(checks: &[Check]) -> io::Result<Self> {
        let mut sockets = Sockets {
            raw: BTreeMap::new(),
            udp: BTreeMap::new(),
            tcp: BTreeMap::new(),
            _listeners: Vec::new(),
            echoes: Vec::new(),
        };
        let homes = checks.iter().filter_map(|check| check.home.as_ref());
        let places: BTreeSet<&Netns> = checks
            .iter()
            .map(|check| &check.from)
            .chain(homes)
            .collect();
        for place in places {
            sockets.open_at(place, checks).map_err(|e| {
                let text = format!("namespace {place} cannot be entered: {e}");
                io::Error::new(e.kind(), text)
            })?;
        }
        Ok(sockets)
    }

    fn open_at(&mut self, place: &Netns, checks: &[Check]) -> io::Result<()> {
        let fd = netns::open(place.name())?;
        netns::enter(fd.as_ref().map(AsFd::as_fd), || {
            self.open_inside(place, checks)
        })
    }

    fn open_inside(&mut self, place: &Netns, checks: &[Check]) -> io::Result<()> {
        for (n, check) in checks.iter().enumerate() {
            if check.home.as_ref() == Some(place) {
                self.answer(check);
            }
            if check.from != *place {
                continue;
            }
            let v6 = check.to.is_ipv6();
            match check.probe {
                Probe::Ping => {
                    let key = (place.clone(), v6);
                    if let std::collections::btree_map::Entry::Vacant(e) = self.raw.entry(key) {
                        e.insert(raw(v6)?);
                    }
                }
                Probe::Udp(_) => {
                    let socket = UdpSocket::bind((unspecified(v6), 0))?;
                    socket.set_nonblocking(true)?;
                    self.udp.insert(n as u32, socket);
                }
                Probe::Tcp(_) => {
                    let fresh: io::Result<Vec<OwnedFd>> =
                        (0..TCP_SOCKETS).map(|_| stream(v6)).collect();
                    self.tcp.insert(n as u32, (fresh?, Vec::new()));
                }
            }
        }
        Ok(())
    }

    /// Listens where a probe goes. Where somebody listens already, that one
    /// answers; where the address is missing, the probe will show it.
    fn answer(&mut self, check: &Check) {
        match check.probe {
            Probe::Ping => {}
            Probe::Tcp(port) => self._listeners.extend(TcpListener::bind((check.to, port))),
            Probe::Udp(port) => {
                let bound = UdpSocket::bind((check.to, port));
                self.echoes
                    .extend(bound.and_then(|socket| socket.set_nonblocking(true).map(|()| socket)));
            }
        }
    }

    /// Every socket and what to wait for on it.
    pub(super) fn all(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let raw = self.raw.values().map(|fd| (fd.as_fd(), READ));
        let udp = self
            .udp
            .values()
            .chain(&self.echoes)
            .map(|socket| (socket.as_fd(), READ));
        let tcp = self.tcp.values().flat_map(|(_, under_way)| under_way);
        raw.chain(udp)
            .chain(tcp.map(|fd| (fd.as_fd(), PollFlags::OUT)))
    }

    /// Sends back what came in.
    pub(super) fn serve(&mut self) {
        let mut datagram = [0; 2048];
        for socket in &self.echoes {
            while let Ok((length, from)) = socket.recv_from(&mut datagram) {
                // An answer that cannot be sent is one that does not arrive.
                let _ = socket.send_to(&datagram[..length], from);
            }
        }
    }

    /// Hands echo replies and errors to the probes they are about.
    pub(super) fn hear(&mut self, id: u16, flights: &mut [Flight]) {
        let mut bytes = [0; 2048];
        for ((_, v6), fd) in &self.raw {
            while let Ok((_, length, from)) =
                rustix::net::recvfrom(fd, &mut bytes[..], RecvFlags::DONTWAIT)
            {
                let Some(heard) = packet::parse(*v6, id, &bytes[..length.min(bytes.len())]) else {
                    continue;
                };
                let from = from
                    .and_then(|from| SocketAddr::try_from(from).ok())
                    .map(|from| from.ip());
                let (packet::Heard::Reply { probe, .. } | packet::Heard::Error { probe, .. }) =
                    &heard;
                if let Some(flight) = flights.get_mut(*probe as usize) {
                    flight.hear(&heard, from);
                }
            }
        }
    }
}

fn unspecified(v6: bool) -> IpAddr {
    if v6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    }
}

const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

fn family(v6: bool) -> AddressFamily {
    if v6 {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    }
}

fn raw(v6: bool) -> io::Result<OwnedFd> {
    let protocol = if v6 { ipproto::ICMPV6 } else { ipproto::ICMP };
    Ok(rustix::net::socket_with(
        family(v6),
        SocketType::RAW,
        FLAGS,
        Some(protocol),
    )?)
}

fn stream(v6: bool) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(
        family(v6),
        SocketType::STREAM,
        FLAGS,
        None,
    )?)
}
