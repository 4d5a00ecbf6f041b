//! One probe on its way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::net::SendFlags;

use super::local_error;
use super::sockets::Sockets;
use crate::probe::packet::{self, Heard};
use crate::probe::{Check, Outcome, Probe, Seen};

pub(super) struct Flight {
    number: u32,
    id: u16,
    check: Check,
    /// When each attempt was sent.
    sent: Vec<Instant>,
    /// The answer, once it is final.
    answer: Option<(Seen, Option<Duration>)>,
    /// The last bad news, which a later attempt may still prove wrong.
    bad: Option<Seen>,
}

impl Flight {
    pub(super) fn new(number: u32, id: u16, check: &Check) -> Self {
        Flight {
            number,
            id,
            check: check.clone(),
            sent: Vec::new(),
            answer: None,
            bad: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.answer.is_none()
    }

    pub(super) fn outcome(self) -> Outcome {
        let (seen, rtt) = self
            .answer
            .unwrap_or((self.bad.unwrap_or(Seen::NoAnswer), None));
        Outcome { seen, rtt }
    }

    /// Sends an attempt.
    pub(super) fn send(&mut self, attempt: u32, sockets: &mut Sockets) {
        self.sent.push(Instant::now());
        let sent = match self.check.probe {
            Probe::Ping => self.send_echo(attempt, sockets),
            Probe::Udp(port) => self.send_datagram(port, attempt, sockets),
            Probe::Tcp(port) => self.connect(port, sockets),
        };
        if let Err(e) = sent {
            self.refused(local_error(&e));
        }
    }

    fn send_echo(&self, attempt: u32, sockets: &Sockets) -> io::Result<()> {
        let v6 = self.check.to.is_ipv6();
        let key = (self.check.from.clone(), v6);
        let Some(fd) = sockets.raw.get(&key) else {
            return Ok(());
        };
        let packet = packet::request(v6, self.id, self.number, attempt);
        let to = SocketAddr::new(self.check.to, 0);
        rustix::net::sendto(fd, &packet, SendFlags::DONTWAIT, &to)?;
        Ok(())
    }

    /// Connected, so that errors about the datagram come back to the socket (udp(7)).
    fn send_datagram(&self, port: u16, attempt: u32, sockets: &Sockets) -> io::Result<()> {
        let Some(socket) = sockets.udp.get(&self.number) else {
            return Ok(());
        };
        socket.connect((self.check.to, port))?;
        socket.send(&attempt.to_be_bytes())?;
        Ok(())
    }

    fn connect(&self, port: u16, sockets: &mut Sockets) -> io::Result<()> {
        let Some((fresh, under_way)) = sockets.tcp.get_mut(&self.number) else {
            return Ok(());
        };
        let Some(fd) = fresh.pop() else { return Ok(()) };
        match rustix::net::connect(&fd, &SocketAddr::new(self.check.to, port)) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {
                under_way.push(fd);
                Ok(())
            }
            Err(e) => Err(e.into()),
        }
    }

    /// An echo reply, or an error about one of the echoes.
    pub(super) fn hear(&mut self, heard: &Heard, from: Option<IpAddr>) {
        match heard {
            Heard::Reply { attempt, .. } if from.is_none_or(|from| from == self.check.to) => {
                self.reached(*attempt as usize);
            }
            Heard::Reply { .. } => {}
            Heard::Error { why, .. } => {
                self.refused(Seen::Unreachable {
                    by: from,
                    why: (*why).to_owned(),
                });
            }
        }
    }

    /// Looks at this probe's own sockets.
    pub(super) fn look(&mut self, sockets: &mut Sockets) {
        if let Some(socket) = sockets.udp.get(&self.number) {
            let mut answer = [0; 64];
            match socket.recv(&mut answer) {
                Ok(length) => {
                    let attempt = answer.get(..length.min(4)).and_then(|b| b.try_into().ok());
                    self.reached(attempt.map_or(0, u32::from_be_bytes) as usize);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // The answer to nothing: the first attempt is not sent yet.
                Err(e) if e.kind() == io::ErrorKind::NotConnected => {}
                Err(e) => self.refused(local_error(&e)),
            }
        }
        self.look_at_connections(sockets);
    }

    fn look_at_connections(&mut self, sockets: &mut Sockets) {
        let Some((_, under_way)) = sockets.tcp.get_mut(&self.number) else {
            return;
        };
        let mut at = 0;
        while at < under_way.len() {
            let fd = &under_way[at];
            let verdict = match rustix::net::sockopt::socket_error(fd) {
                Ok(Err(e)) | Err(e) => Some(local_error(&e.into())),
                // Without an error it is connected when it has a peer.
                Ok(Ok(())) if rustix::net::getpeername(fd).is_ok_and(|peer| peer.is_some()) => {
                    Some(Seen::Reached)
                }
                Ok(Ok(())) => None,
            };
            match verdict {
                None => at += 1,
                Some(Seen::Reached) => {
                    self.reached(0);
                    return;
                }
                Some(bad) => {
                    under_way.remove(at);
                    self.refused(bad);
                }
            }
        }
    }

    fn reached(&mut self, attempt: usize) {
        let sent = self.sent.get(attempt).or(self.sent.last());
        self.answer = Some((Seen::Reached, sent.map(Instant::elapsed)));
    }

    /// Bad news ends a probe that must not arrive; one that must is tried again.
    fn refused(&mut self, seen: Seen) {
        if !self.check.reach && seen != Seen::NoAnswer {
            self.answer = Some((seen, None));
        } else {
            self.bad = Some(seen);
        }
    }
}
