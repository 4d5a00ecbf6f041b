//! One packet, sent once: what it is known by, and what comes back.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{RecvFlags, SendFlags, SocketType, bind, connect, getsockname, ipproto, sockopt};

use super::{open, refusal};
use crate::probe::packet::{self, Heard};
use crate::probe::{Probe, Seen};
use crate::sys::netlink::nft::nftrace::Sign;
use crate::sys::sockopt::hear_errors;

/// Fixed part of a TCP header, in bytes (RFC 9293, 3.1).
const TCP_HEADER: usize = 20;
/// A port that a socket is connected to which never sends (RFC 863).
const DISCARD: u16 = 9;
/// Header of UDP (RFC 768).
const UDP_HEADER: usize = 8;

/// What is sent, and to whom; how large it is with its header, in bytes, but for TCP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Once {
    pub(crate) to: IpAddr,
    pub(crate) probe: Probe,
    pub(crate) size: u32,
}

/// Its sockets, in the namespace that sends.
#[derive(Debug)]
pub(crate) struct Sender {
    once: Once,
    /// Tells it from the packets of other runs.
    run: u32,
    by: By,
}

#[derive(Debug)]
enum By {
    /// The other socket is connected, and never sends: it tells the source.
    Echo(OwnedFd, UdpSocket),
    /// The begin of a connection, made by hand: the server never sees one. The port is held by
    /// a socket that does nothing else.
    Syn {
        raw: OwnedFd,
        held: OwnedFd,
        port: u16,
    },
    Datagram(UdpSocket, u16),
}

impl Sender {
    /// Opens them in the namespace of the calling thread.
    pub(crate) fn open(once: Once) -> io::Result<Self> {
        let v6 = once.to.is_ipv6();
        let any = SocketAddr::new(open::unspecified(v6), 0);
        let by = match once.probe {
            Probe::Ping => {
                let raw = open::raw(v6)?;
                undivided(raw.as_fd(), v6)?;
                // Errors come to it as packets.
                By::Echo(raw, UdpSocket::bind(any)?)
            }
            Probe::Udp(port) => {
                let socket = UdpSocket::bind(any)?;
                socket.set_nonblocking(true)?;
                undivided(socket.as_fd(), v6)?;
                hear_errors(socket.as_fd(), v6)?;
                By::Datagram(socket, port)
            }
            Probe::Tcp(port) => {
                let socket = |kind, protocol| {
                    rustix::net::socket_with(open::family(v6), kind, open::FLAGS, protocol)
                };
                let raw = socket(SocketType::RAW, Some(ipproto::TCP))?;
                undivided(raw.as_fd(), v6)?;
                hear_errors(raw.as_fd(), v6)?;
                let held = socket(SocketType::STREAM, None)?;
                By::Syn { raw, held, port }
            }
        };
        let run = std::process::id();
        Ok(Sender { once, run, by })
    }

    /// By what the packet is known.
    pub(crate) fn sign(&self) -> io::Result<Sign> {
        Ok(match &self.by {
            By::Echo(..) => Sign::Echo(self.once.to.is_ipv6(), self.bytes()),
            By::Syn { .. } => Sign::Syn(self.sequence()),
            By::Datagram(socket, _) => Sign::Datagram(self.bytes(), socket.local_addr()?.port()),
        })
    }

    /// The first bytes that it carries.
    fn bytes(&self) -> [u8; 8] {
        let (word, run) = (*packet::MAGIC, self.run.to_be_bytes());
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&word);
        bytes[4..].copy_from_slice(&run);
        bytes
    }

    /// A process id has 22 bits at most.
    fn sequence(&self) -> u32 {
        self.run | 0xa5 << 24
    }

    /// Sends it.
    ///
    /// # Errors
    /// The sender's own kernel refuses it.
    pub(crate) fn send(&self) -> Result<(), Seen> {
        self.try_send().map_err(|e| refusal::seen(&e))
    }

    fn try_send(&self) -> io::Result<()> {
        let (to, size) = (self.once.to, self.once.size);
        match &self.by {
            // As ping does: rules of routing may ask for the source.
            By::Echo(fd, asks) => {
                asks.connect((to, DISCARD))?;
                bind(fd, &SocketAddr::new(asks.local_addr()?.ip(), 0))?;
                let bytes = packet::request(to.is_ipv6(), self.run, (0, 0), size);
                rustix::net::sendto(fd, &bytes, SendFlags::DONTWAIT, &SocketAddr::new(to, 0))?;
            }
            By::Syn { raw, held, port } => {
                // The kernel chooses the source, and the port.
                connect(raw, &SocketAddr::new(to, 0))?;
                bind(held, &SocketAddr::new(own(raw)?.ip(), 0))?;
                let to = SocketAddr::new(to, *port);
                let bytes = segment(own(held)?, to, self.sequence());
                rustix::net::send(raw, &bytes, SendFlags::DONTWAIT)?;
            }
            By::Datagram(socket, port) => {
                let mut bytes = self.bytes().to_vec();
                let room = (size as usize).saturating_sub(ip_header(to) + UDP_HEADER);
                bytes.resize(room.max(bytes.len()), 0);
                socket.connect((to, *port))?;
                socket.send(&bytes)?;
            }
        }
        Ok(())
    }

    /// What came back since, if anything did.
    pub(crate) fn heard(&self) -> Option<Seen> {
        let mut bytes = [0; 2048];
        loop {
            let got = rustix::net::recvfrom(self.as_fd(), &mut bytes[..], RecvFlags::DONTWAIT);
            let (length, from) = match got {
                Ok((_, length, from)) => (length.min(bytes.len()), from),
                Err(rustix::io::Errno::AGAIN) => return None,
                Err(e) => return Some(refusal::seen(&e.into())),
            };
            let from = from.and_then(|from| SocketAddr::try_from(from).ok());
            let seen = self.meant(&bytes[..length], from.map(|from| from.ip()));
            if seen.is_some() {
                return seen;
            }
        }
    }

    fn meant(&self, bytes: &[u8], from: Option<IpAddr>) -> Option<Seen> {
        match &self.by {
            By::Echo(..) => match packet::parse(self.once.to.is_ipv6(), self.run, bytes)? {
                Heard::Reply { .. } => Some(Seen::Reached),
                Heard::Error { why, .. } => Some(Seen::Unreachable {
                    by: from,
                    why: why.to_owned(),
                }),
            },
            By::Datagram(..) => Some(Seen::Reached),
            By::Syn { .. } => {
                // IPv4 comes with its header (raw(7)), IPv6 without.
                let header = match self.once.to {
                    IpAddr::V4(_) => usize::from(bytes.first()? & 0x0f) * 4,
                    IpAddr::V6(_) => 0,
                };
                let segment = bytes.get(header..header + TCP_HEADER)?;
                let next = self.sequence().wrapping_add(1).to_be_bytes();
                let is_ours = segment[8..12] == next;
                // SYN and ACK, or RST (RFC 9293, 3.10.7.3).
                match segment[13] & 0x16 {
                    0x12 if is_ours => Some(Seen::Reached),
                    0x14 if is_ours => Some(Seen::Refused),
                    _ => None,
                }
            }
        }
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.by {
            By::Echo(fd, _) => fd.as_fd(),
            By::Syn { raw, .. } => raw.as_fd(),
            By::Datagram(socket, _) => socket.as_fd(),
        }
    }
}

/// Nothing is divided, and what the kernel knows of sizes holds, as with `ping -M do` (ip(7),
/// ipv6(7)).
fn undivided(fd: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    match v6 {
        true => sockopt::set_ipv6_mtu_discover(fd, sockopt::Ipv6PathMtuDiscovery::DO)?,
        false => sockopt::set_ip_mtu_discover(fd, sockopt::Ipv4PathMtuDiscovery::DO)?,
    }
    Ok(())
}

fn own(fd: &OwnedFd) -> io::Result<SocketAddr> {
    Ok(SocketAddr::try_from(getsockname(fd)?)?)
}

fn ip_header(to: IpAddr) -> usize {
    if to.is_ipv6() { 40 } else { 20 }
}

/// A segment with SYN alone (RFC 9293, 3.1). It carries nothing: what refuses it would
/// acknowledge that, too, and not be known as the answer.
fn segment(from: SocketAddr, to: SocketAddr, sequence: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(from.port().to_be_bytes());
    bytes.extend(to.port().to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend([5 << 4, 0x02]);
    bytes.extend(u16::MAX.to_be_bytes());
    bytes.extend([0; 4]);
    let mut summed = pseudo(from.ip(), to.ip(), bytes.len() as u32);
    summed.extend(&bytes);
    let sum = packet::checksum(&summed);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// What the sum covers beside the segment (RFC 9293, 3.1; RFC 8200, 8.1).
fn pseudo(from: IpAddr, to: IpAddr, length: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for address in [from, to] {
        match address {
            IpAddr::V4(address) => bytes.extend(address.octets()),
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 0, 0, ipproto::TCP.as_raw().get() as u8]);
    bytes
}
