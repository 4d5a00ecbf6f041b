//! The sockets of a run, wherever they are: waiting, hearing, answering.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::net::{RecvFlags, sockopt};

use super::flight::Flight;
use super::source::Source;
use crate::probe::{Check, Probe, packet};
use crate::state::Netns;

/// Everything that the loop listens to.
pub(super) struct Sockets {
    epoll: OwnedFd,
    /// Tells these echoes from those of other runs, and of other parts of this one.
    pub(super) run: u32,
    /// Raw sockets (true: IPv6), and which is whose.
    raw: Vec<(bool, OwnedFd)>,
    raw_of: BTreeMap<(Netns, bool), u32>,
    /// UDP sockets by probe.
    pub(super) udp: BTreeMap<u32, UdpSocket>,
    tcp: BTreeMap<u32, Connecting>,
    listeners: Vec<TcpListener>,
    /// Sockets that send each datagram back.
    echoes: Vec<UdpSocket>,
    /// Where somebody else listens already.
    pub(super) servers: BTreeSet<(IpAddr, Probe)>,
}

/// The TCP sockets of a probe: unused ones, for further attempts, and those under
/// way, each with its attempt.
#[derive(Default)]
pub(super) struct Connecting {
    pub(super) fresh: Vec<OwnedFd>,
    under_way: Vec<(u32, OwnedFd)>,
}

impl Sockets {
    pub(super) fn none(part: usize) -> io::Result<Self> {
        Ok(Sockets {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            // A process id has 22 bits at most (`PID_MAX_LIMIT`, linux/threads.h).
            run: std::process::id() | (part as u32) << 24,
            raw: Vec::new(),
            raw_of: BTreeMap::new(),
            udp: BTreeMap::new(),
            tcp: BTreeMap::new(),
            listeners: Vec::new(),
            echoes: Vec::new(),
            servers: BTreeSet::new(),
        })
    }

    fn watch(
        &self,
        fd: BorrowedFd<'_>,
        source: Source,
        flags: epoll::EventFlags,
    ) -> io::Result<()> {
        let data = epoll::EventData::new_u64(source.data());
        Ok(epoll::add(&self.epoll, fd, data, flags)?)
    }

    pub(super) fn add_raw(&mut self, netns: &Netns, v6: bool, fd: OwnedFd) -> io::Result<()> {
        let number = self.raw.len() as u32;
        self.watch(fd.as_fd(), Source::Raw(number), epoll::EventFlags::IN)?;
        self.raw.push((v6, fd));
        self.raw_of.insert((netns.clone(), v6), number);
        Ok(())
    }

    pub(super) fn add_udp(&mut self, number: u32, socket: UdpSocket) -> io::Result<()> {
        self.watch(socket.as_fd(), Source::Udp(number), epoll::EventFlags::IN)?;
        self.udp.insert(number, socket);
        Ok(())
    }

    pub(super) fn add_tcp(&mut self, number: u32, fresh: Vec<OwnedFd>) {
        let under_way = Vec::new();
        self.tcp.insert(number, Connecting { fresh, under_way });
    }

    pub(super) fn add_echo(&mut self, socket: UdpSocket) -> io::Result<()> {
        let source = Source::Echo(self.echoes.len() as u32);
        self.watch(socket.as_fd(), source, epoll::EventFlags::IN)?;
        self.echoes.push(socket);
        Ok(())
    }

    pub(super) fn add_listener(&mut self, listener: TcpListener) -> io::Result<()> {
        let source = Source::Listener(self.listeners.len() as u32);
        self.watch(listener.as_fd(), source, epoll::EventFlags::IN)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// Whether somebody else listens where a probe goes.
    pub(super) fn has_server(&self, check: &Check) -> bool {
        let server = check.server();
        server.is_some_and(|(_, address, probe)| self.servers.contains(&(address, probe)))
    }

    /// The raw socket that a ping is sent from.
    pub(super) fn raw_of(&self, check: &Check) -> Option<u32> {
        let key = (check.from.clone(), check.to.is_ipv6());
        let number = self.raw_of.get(&key).copied();
        number.filter(|_| check.probe == Probe::Ping)
    }

    pub(super) fn raw(&self, number: u32) -> Option<BorrowedFd<'_>> {
        self.raw.get(number as usize).map(|(_, fd)| fd.as_fd())
    }

    /// Begins a connection on a fresh socket, if there is one.
    pub(super) fn connect(&mut self, number: u32, attempt: u32, to: SocketAddr) -> io::Result<()> {
        let fresh = self.tcp.get_mut(&number).and_then(|tcp| tcp.fresh.pop());
        let Some(fd) = fresh else { return Ok(()) };
        match rustix::net::connect(&fd, &to) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(e) => return Err(e.into()),
        }
        self.watch(fd.as_fd(), Source::Tcp(number), epoll::EventFlags::OUT)?;
        if let Some(tcp) = self.tcp.get_mut(&number) {
            tcp.under_way.push((attempt, fd));
        }
        Ok(())
    }

    /// Waits until something can be read or a connection is made.
    pub(super) fn wait(&self, longest: Duration) -> io::Result<Vec<Source>> {
        let longest = Timespec::try_from(longest).map_err(io::Error::other)?;
        let mut events = Vec::with_capacity(256);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&longest)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let source = |event: &epoll::Event| Source::from_data(event.data.u64());
        Ok(events.iter().map(source).collect())
    }

    /// Hears what there is, and answers where that is our part.
    pub(super) fn hear(&mut self, source: Source, flights: &mut [Flight<'_>]) {
        match source {
            Source::Raw(number) => {
                self.hear_raw(number, usize::MAX, flights);
            }
            Source::Udp(number) => self.hear_udp(number, flights),
            Source::Tcp(number) => self.hear_tcp(number, flights),
            Source::Echo(number) => self.serve(number),
            // An accepted connection has done its part.
            Source::Listener(number) => {
                let listener = self.listeners.get(number as usize);
                while listener.is_some_and(|listener| listener.accept().is_ok()) {}
            }
        }
    }

    /// Hands echo replies and errors to the probes they are about; so many at most.
    /// Says whether there were as many.
    pub(super) fn hear_raw(&self, number: u32, most: usize, flights: &mut [Flight<'_>]) -> bool {
        let Some((v6, fd)) = self.raw.get(number as usize) else {
            return false;
        };
        let mut bytes = [0; 2048];
        for _ in 0..most {
            let got = rustix::net::recvfrom(fd, &mut bytes[..], RecvFlags::DONTWAIT);
            let Ok((_, length, from)) = got else {
                return false;
            };
            let Some(heard) = packet::parse(*v6, self.run, &bytes[..length.min(bytes.len())])
            else {
                continue;
            };
            let from = from.and_then(|from| SocketAddr::try_from(from).ok());
            if let Some(flight) = flights.get_mut(heard.probe() as usize) {
                flight.hear(&heard, from.map(|from| from.ip()), self);
            }
        }
        true
    }

    fn hear_udp(&mut self, number: u32, flights: &mut [Flight<'_>]) {
        let (Some(flight), Some(socket)) =
            (flights.get_mut(number as usize), self.udp.get(&number))
        else {
            return;
        };
        let mut answer = [0; 64];
        match socket.recv(&mut answer) {
            Ok(length) => flight.received(&answer[..length]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => flight.failed(&e),
        }
        if !flight.is_open() {
            self.udp.remove(&number);
        }
    }

    /// Looks which connection of a probe is made, or refused.
    fn hear_tcp(&mut self, number: u32, flights: &mut [Flight<'_>]) {
        let (Some(flight), Some(tcp)) =
            (flights.get_mut(number as usize), self.tcp.get_mut(&number))
        else {
            return;
        };
        tcp.under_way
            .retain(|(attempt, fd)| match sockopt::socket_error(fd) {
                Ok(Err(e)) | Err(e) => {
                    flight.failed(&e.into());
                    false
                }
                // Without an error it is connected when it has a peer.
                Ok(Ok(())) if rustix::net::getpeername(fd).is_ok_and(|peer| peer.is_some()) => {
                    flight.answered(*attempt as usize);
                    false
                }
                Ok(Ok(())) => true,
            });
        if !flight.is_open() {
            self.tcp.remove(&number);
        }
    }

    /// Sends back what came in.
    fn serve(&self, number: u32) {
        let Some(socket) = self.echoes.get(number as usize) else {
            return;
        };
        let mut datagram = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut datagram) {
            // An answer that cannot be sent is one that does not arrive.
            let _ = socket.send_to(&datagram[..length], from);
        }
    }
}
