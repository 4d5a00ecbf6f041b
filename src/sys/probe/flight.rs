//! One probe on its way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::net::SendFlags;

use super::refusal;
use super::sockets::Sockets;
use crate::probe::packet::{self, Heard};
use crate::probe::{Check, Map, Outcome, PacketSize, Probe, Seen};

/// How often a smaller size is tried where somebody says that it fits: each link
/// on the way may take less than the one before.
const SHRINKINGS: usize = 8;

pub(super) struct Flight<'c> {
    number: u32,
    check: &'c Check,
    /// The raw socket of a ping.
    raw: Option<u32>,
    /// The size of its packets, where one was asked for.
    size: Option<u32>,
    /// Whether it is measured by many packets; else the first that arrives is enough.
    measuring: bool,
    /// How many packets were sent in this wave.
    sent: u32,
    packets: Vec<Packet>,
    rtts: Vec<Duration>,
    /// The answer, once it is final.
    answer: Option<Seen>,
    /// The last bad news, which a later attempt may still prove wrong.
    bad: Option<Seen>,
    /// The largest packet that was answered where the asked size was not.
    fits: Option<u32>,
    server: bool,
}

struct Packet {
    sent: Instant,
    size: u32,
    /// Whether it has the size that was asked for.
    asked: bool,
    answered: bool,
}

impl Packet {
    /// It counts no more, and its answer neither.
    fn forget(&mut self) {
        self.asked = false;
        self.answered = true;
    }
}

impl<'c> Flight<'c> {
    pub(super) fn new(number: u32, check: &'c Check, map: &Map<'_>, sockets: &Sockets) -> Self {
        let size = check.bounds.size.and_then(|size| match size {
            PacketSize::Bytes(bytes) => Some(bytes),
            PacketSize::Device => map.device_mtu(&check.from, check.to),
        });
        Flight {
            number,
            check,
            raw: sockets.raw_of(check),
            size,
            measuring: false,
            sent: 0,
            packets: Vec::new(),
            rtts: Vec::new(),
            answer: None,
            bad: None,
            fits: None,
            server: sockets.has_server(check),
        }
    }

    pub(super) fn raw(&self) -> Option<u32> {
        self.raw
    }

    pub(super) fn is_open(&self) -> bool {
        self.answer.is_none()
    }

    /// From here on it is measured, if it arrives at all: what came before showed
    /// that, and made the neighbours known.
    pub(super) fn measure(&mut self) -> bool {
        let arrives = self.answer == Some(Seen::Reached);
        self.measuring = arrives && self.check.is_measured();
        if self.measuring {
            self.answer = None;
            self.rtts.clear();
            self.packets.iter_mut().for_each(Packet::forget);
        }
        self.measuring
    }

    /// A new wave begins.
    pub(super) fn set_out(&mut self) {
        self.sent = 0;
    }

    /// How many packets a wave has, and how far apart.
    pub(super) fn train(&self) -> (u32, Duration) {
        let many = self.check.bounds.echoes().filter(|_| self.measuring);
        many.unwrap_or((1, Duration::ZERO))
    }

    /// When the next packet is due, from the beginning of the wave.
    pub(super) fn due(&self) -> Option<Duration> {
        let (count, every) = self.train();
        (self.is_open() && self.sent < count).then(|| every * self.sent)
    }

    /// Ends it, whatever came of it.
    pub(super) fn give_up(&mut self) {
        let silent = || self.bad.take().unwrap_or(Seen::NoAnswer);
        if self.answer.is_none() {
            let answered = (!self.rtts.is_empty()).then_some(Seen::Reached);
            self.answer = Some(answered.unwrap_or_else(silent));
        }
    }

    pub(super) fn outcome(mut self) -> Outcome {
        self.rtts.sort();
        let rtt = self.rtts.get(self.rtts.len() / 2).copied();
        let seen = self.answer.unwrap_or(Seen::NoAnswer);
        let asked = self.packets.iter().filter(|packet| packet.asked);
        let (sent, answered) = asked.fold((0, 0), |(sent, answered), packet| {
            (sent + 1, answered + u32::from(packet.answered))
        });
        Outcome {
            rtt: rtt.filter(|_| seen == Seen::Reached),
            fits: self.fits.filter(|_| seen != Seen::Reached),
            seen,
            sent,
            answered,
            size: self.size,
            server: self.server,
        }
    }

    /// Sends the packet that is due.
    pub(super) fn send(&mut self, sockets: &mut Sockets) {
        self.sent += 1;
        let size = self.size.unwrap_or(packet::SMALLEST);
        let sent = match self.check.probe {
            Probe::Ping => self.echo(size, true, sockets),
            Probe::Udp(port) => self.datagram(port, sockets),
            Probe::Tcp(port) => self.connect(port, sockets),
        };
        if let Err(e) = sent {
            self.failed(&e);
        }
        if self.doubts_size() {
            // What the large one is not told, the small one need not be.
            let _ = self.echo(packet::SMALLEST, false, sockets);
        }
    }

    /// Whether it is time to ask if the size is to blame: with a small packet.
    fn doubts_size(&self) -> bool {
        let late = self.packets.len() > 1 && !self.measuring;
        late && self.size.is_some() && self.fits.is_none() && self.is_open()
    }

    fn note(&mut self, size: u32, asked: bool) -> u32 {
        self.packets.push(Packet {
            sent: Instant::now(),
            size,
            asked,
            answered: false,
        });
        (self.packets.len() - 1) as u32
    }

    fn echo(&mut self, size: u32, asked: bool, sockets: &Sockets) -> io::Result<()> {
        let Some(fd) = self.raw.and_then(|raw| sockets.raw(raw)) else {
            return Ok(());
        };
        let attempt = self.note(size, asked);
        let v6 = self.check.to.is_ipv6();
        let packet = packet::request(v6, sockets.run, (self.number, attempt), size);
        let to = SocketAddr::new(self.check.to, 0);
        rustix::net::sendto(fd, &packet, SendFlags::DONTWAIT, &to)?;
        Ok(())
    }

    /// Connected, so that errors about the datagram come back to the socket (udp(7)).
    fn datagram(&mut self, port: u16, sockets: &Sockets) -> io::Result<()> {
        let attempt = self.note(0, true);
        let Some(socket) = sockets.udp.get(&self.number) else {
            return Ok(());
        };
        socket.connect((self.check.to, port))?;
        socket.send(&attempt.to_be_bytes())?;
        Ok(())
    }

    fn connect(&mut self, port: u16, sockets: &mut Sockets) -> io::Result<()> {
        let attempt = self.note(0, true);
        sockets.connect(self.number, attempt, SocketAddr::new(self.check.to, port))
    }

    /// An echo reply, or an error about one of the echoes.
    pub(super) fn hear(&mut self, heard: &Heard, from: Option<IpAddr>, sockets: &Sockets) {
        match heard {
            Heard::Reply { attempt, .. } if from.is_none_or(|from| from == self.check.to) => {
                self.answered(*attempt as usize);
            }
            Heard::Reply { .. } => {}
            Heard::Error { why, fits, .. } => {
                self.refused(Seen::Unreachable {
                    by: from,
                    why: (*why).to_owned(),
                });
                if let Some(size) = fits {
                    self.shrink(*size, sockets);
                }
            }
        }
    }

    /// Tries the size that a router says would fit: the proof of what it says.
    fn shrink(&mut self, size: u32, sockets: &Sockets) {
        let trials = self.packets.iter().filter(|packet| !packet.asked);
        let tried = trials.clone().any(|packet| packet.size == size);
        let is_less = self.size.is_some_and(|asked| size < asked);
        if is_less && !tried && trials.count() < SHRINKINGS {
            let _ = self.echo(size, false, sockets);
        }
    }

    /// What the probe's own socket received: the number of the attempt, or whatever
    /// a server says.
    pub(super) fn received(&mut self, answer: &[u8]) {
        let attempt = answer.get(..4).and_then(|b| b.try_into().ok());
        let attempt = attempt.map_or(0, u32::from_be_bytes) as usize;
        self.answered(attempt.min(self.packets.len().saturating_sub(1)));
    }

    /// The answer to an attempt.
    pub(super) fn answered(&mut self, attempt: usize) {
        let reached = self.answer == Some(Seen::Reached);
        let Some(packet) = self.packets.get_mut(attempt).filter(|_| !reached) else {
            return;
        };
        if std::mem::replace(&mut packet.answered, true) {
            return;
        }
        if !packet.asked {
            self.fits = self.fits.max(Some(packet.size));
            self.settle_size();
            return;
        }
        self.rtts.push(packet.sent.elapsed());
        if self.rtts.len() as u32 == self.train().0 {
            self.answer = Some(Seen::Reached);
        }
    }

    /// A smaller packet arrived. If a router said that the asked size does not fit,
    /// all is known.
    fn settle_size(&mut self) {
        let told = self.fits != Some(packet::SMALLEST);
        if told && self.rtts.is_empty() {
            self.answer = self.bad.take();
        }
    }

    /// The sender's own kernel refuses it.
    pub(super) fn failed(&mut self, error: &io::Error) {
        match refusal::is_final(error) {
            true => self.answer = Some(refusal::seen(error)),
            false => self.refused(refusal::seen(error)),
        }
    }

    /// Bad news ends a probe that must not arrive; one that must is tried again.
    fn refused(&mut self, seen: Seen) {
        match seen {
            Seen::NoAnswer => {}
            seen if self.check.reach == Some(false) => self.answer = Some(seen),
            seen => self.bad = Some(seen),
        }
    }
}
