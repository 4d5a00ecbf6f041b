//! Packets of several devices, in several namespaces, by one loop: a socket is opened inside
//! of the namespace, and read outside.

pub(crate) mod filter;
mod open;
mod order;
mod packet;
mod point;
mod ring;
mod together;

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::PollFlags;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::netlink::link;
use super::netns::{self, Place};
use super::wait::readable;
use crate::state::{IfName, LabName, Mac, Netns, NetnsName};
use filter::Program;
use open::Open;
use order::Waiting;
pub use packet::{Count, Interface, Log, Medium, Packet, Seen};
use point::{Point, State};
use ring::Room;
use together::together;

/// Sockets on all devices.
#[derive(Debug)]
pub(crate) struct Taps {
    points: Vec<Point>,
    /// Where devices may come.
    open: Vec<Open>,
    /// Tells of names that go.
    names: OwnedFd,
    inodes: BTreeMap<NetnsName, u64>,
    waiting: Waiting,
    /// Bytes of each ring, as long as there is room for all.
    buffer: usize,
    patience: Duration,
    /// After this a ring has told of a packet.
    window: Duration,
    latest: Duration,
}

/// A namespace, and what shall be listened to in it.
#[derive(Debug)]
pub(crate) struct Corner {
    pub(crate) netns: Netns,
    pub(crate) place: Place,
    pub(crate) lab: Option<LabName>,
    pub(crate) found: Vec<Found>,
    /// All its devices are meant, also those that are still to come.
    pub(crate) open: bool,
    pub(crate) programs: Programs,
}

impl Corner {
    fn interface(&self, device: &Found) -> Interface {
        Interface {
            netns: self.netns.clone(),
            dev: device.dev.clone(),
            lab: self.lab.clone(),
            medium: device.medium,
            mac: device.mac,
        }
    }
}

/// What is to pass, for each kind of frames that there are.
pub(crate) type Programs = BTreeMap<Medium, Program>;

/// A device that shall be listened to.
#[derive(Debug)]
pub(crate) struct Found {
    index: u32,
    mac: Option<Mac>,
    pub(crate) dev: IfName,
    pub(crate) medium: Medium,
}

/// The devices of a namespace.
pub(crate) fn devices(place: &mut Place) -> io::Result<Vec<Found>> {
    let list = link::list(&mut place.socket, |_, _| false)?;
    let mut found = Vec::new();
    for device in list.links {
        match ring::medium(place.socket.as_fd(), &device.name) {
            // It has just gone.
            Err(e) if e.raw_os_error() == Some(libc::ENODEV) => {}
            medium => found.push(Found {
                index: device.index,
                mac: device.link.mac,
                dev: device.name,
                medium: medium?,
            }),
        }
    }
    Ok(found)
}

/// All rings together have no more than this, but for the least that each needs.
const MOST: usize = 256 * 1024 * 1024;
/// A block that is not full waits this long; with very many devices longer, as each has a
/// timer of its own in the kernel.
const PATIENCE: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(100)];
/// How often a device that is down is looked after.
const LOOK: Duration = Duration::from_millis(500);

impl Taps {
    /// Listens to devices, each with a buffer of this size.
    pub(crate) fn listen(corners: Vec<Corner>, buffer: usize) -> io::Result<Self> {
        let names = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let events = WatchFlags::DELETE | WatchFlags::MOVED_FROM;
        match inotify::add_watch(&names, netns::DIRECTORY, events) {
            Err(Errno::NOENT) => {}
            added => drop(added?),
        }
        let devices: usize = corners.iter().map(|corner| corner.found.len()).sum();
        let room = Room {
            size: buffer.min(MOST / devices.max(1)),
            patience: PATIENCE[1].min(PATIENCE[0].max(Duration::from_millis(devices as u64 / 4))),
        };
        let all = corners.iter().enumerate().flat_map(|corner| {
            let found = corner.1.found.iter();
            found.map(move |device| (corner, device))
        });
        let open = |(corner, device)| open::tapped(corner, device, room);
        let opened: io::Result<Vec<_>> = together(all.collect(), open).into_iter().collect();
        let mut points = Vec::new();
        // All begin at about the same time.
        for point in opened? {
            points.extend(point.begin()?);
        }
        let inode = |corner: &Corner| {
            let inode = corner.place.identity.inode;
            Some((corner.netns.made()?.clone(), inode))
        };
        let inodes = corners.iter().filter_map(inode).collect();
        let open = corners.into_iter().enumerate();
        let open = open.filter(|(_, corner)| corner.open);
        let open: io::Result<Vec<Open>> = open.map(|(n, corner)| Open::new(n, corner)).collect();
        Ok(Taps {
            points,
            open: open?,
            names,
            inodes,
            waiting: Waiting::default(),
            buffer,
            patience: room.patience,
            // The timer, and who was not run at once.
            window: room.patience * 3,
            latest: Duration::ZERO,
        })
    }

    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.points.iter().map(|point| &point.interface)
    }

    /// In the order of the interfaces.
    pub(crate) fn counts(&mut self) -> io::Result<Vec<Count>> {
        let counts = self.points.iter_mut().map(|point| {
            point.read_counters()?;
            Ok(point.count)
        });
        counts.collect()
    }

    /// Tells of packets until `stop` can be read, the time is over, nobody wants more, or
    /// every device has gone and none can come.
    pub(crate) fn keep(
        &mut self,
        stop: BorrowedFd<'_>,
        time: Option<Duration>,
        log: &mut dyn Log,
    ) -> io::Result<()> {
        let began = Instant::now();
        self.welcome(log);
        loop {
            let left = time.map(|time| time.saturating_sub(began.elapsed()));
            let Woken { stopped, troubled } = self.sleep(left, stop)?;
            self.take();
            let mut heard = false;
            for open in &mut self.open {
                heard |= open.hear()?;
            }
            if troubled || heard || self.is_any(|state| state != State::Listening) {
                self.look_after(log)?;
            }
            self.welcome(log);
            let over = time.is_some_and(|time| time <= began.elapsed());
            let silent = self.open.is_empty() && self.points.iter().all(|one| one.tap.is_none());
            if stopped || over || silent {
                break;
            }
            let settled = match self.points.as_slice() {
                // One ring alone is in order by itself.
                [_] => Duration::MAX,
                _ => now().saturating_sub(self.window),
            };
            let told = self.hand_on(settled, log);
            if told.is_break() || log.pause().is_break() {
                return Ok(());
            }
        }
        self.finish(log)
    }

    /// What came before the end may still be in blocks that are not full.
    fn finish(&mut self, log: &mut dyn Log) -> io::Result<()> {
        let (end, began) = (now(), Instant::now());
        while let Some(left) = self.window.checked_sub(began.elapsed()) {
            let listening = self.points.iter().filter_map(|point| point.tap.as_ref());
            readable(listening.map(AsFd::as_fd), Some(left))?;
            self.take();
            // A device that goes now would be told of again and again.
            for point in &self.points {
                point.clear_error()?;
            }
        }
        self.take();
        if self.hand_on(end, log).is_continue() {
            let _ = log.pause();
        }
        Ok(())
    }

    /// Waits for a packet, or for something to look after.
    fn sleep(&self, left: Option<Duration>, stop: BorrowedFd<'_>) -> io::Result<Woken> {
        let going = self.is_any(|state| matches!(state, State::Gone(_)));
        let waits = [
            left,
            (going || !self.waiting.is_empty()).then_some(self.window),
            self.is_any(|state| state == State::Down).then_some(LOOK),
            self.open.iter().any(Open::is_doubtful).then_some(LOOK),
        ];
        let there = |point: &&Point| !matches!(point.state, State::Gone(_));
        let taps = self.points.iter().filter(there);
        let taps = taps.filter_map(|point| point.tap.as_ref());
        let sources = [stop, self.names.as_fd()];
        let sources = sources.into_iter().chain(self.open.iter().map(AsFd::as_fd));
        let sources = sources.chain(taps.map(AsFd::as_fd));
        let ready = readable(sources, waits.into_iter().flatten().min())?;
        let is_trouble = |(number, flags): &(usize, PollFlags)| match number {
            0 => false,
            1 => true,
            _ => flags.contains(PollFlags::ERR),
        };
        Ok(Woken {
            stopped: ready.iter().any(|(number, _)| *number == 0),
            troubled: ready.iter().any(is_trouble),
        })
    }

    fn is_any(&self, is: impl Fn(State) -> bool) -> bool {
        let mut open = self.points.iter().filter(|point| point.tap.is_some());
        open.any(|point| is(point.state))
    }

    fn take(&mut self) {
        for (number, point) in self.points.iter_mut().enumerate() {
            if let Some(tap) = &mut point.tap {
                tap.take(|frame| self.waiting.add(number, &frame));
            }
        }
    }

    fn hand_on(&mut self, until: Duration, log: &mut dyn Log) -> ControlFlow<()> {
        // Somebody has set the clock back: what came before that waits for nothing.
        let until = match until < self.latest {
            true => Duration::MAX,
            false => until,
        };
        self.latest = until.min(now());
        let points = &mut self.points;
        self.waiting.hand_on(until, &mut |packet| {
            points[packet.interface].count.captured += 1;
            log.packet(packet)
        })
    }

    /// Finds out who has gone, and closes what has told its last: a socket keeps its
    /// namespace alive.
    fn look_after(&mut self, log: &mut dyn Log) -> io::Result<()> {
        let nameless = self.nameless()?;
        let mut closed = Vec::new();
        for point in &mut self.points {
            let is_nameless = |name| nameless.contains(name);
            let unnamed = point.interface.netns.made().is_some_and(is_nameless);
            match point.look(unnamed)? {
                State::Gone(since) if !matches!(point.state, State::Gone(_)) => {
                    point.state = State::Gone(since + self.window);
                    log.gone(&point.interface);
                }
                State::Gone(until) if until <= Instant::now() => {
                    point.read_counters()?;
                    closed.extend(point.tap.take());
                }
                state => point.state = state,
            }
        }
        together(closed, drop);
        let is_nameless = |open: &Open| {
            open.corner
                .netns
                .made()
                .is_some_and(|name| nameless.contains(name))
        };
        self.open.retain(|open| !is_nameless(open));
        Ok(())
    }

    /// Names that went, or stand for another namespace now.
    fn nameless(&mut self) -> io::Result<Vec<NetnsName>> {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.names, &mut buffer);
        let mut told = false;
        loop {
            match reader.next() {
                Err(Errno::AGAIN) => break,
                event => told |= !event?.events().contains(ReadFlags::IGNORED),
            }
        }
        let mut gone = Vec::new();
        if told {
            for (name, inode) in &self.inodes {
                if netns::named_inode(name)? != Some(*inode) {
                    gone.push(name.clone());
                }
            }
        }
        Ok(gone)
    }
}

impl Drop for Taps {
    fn drop(&mut self) {
        let taps = self.points.iter_mut().filter_map(|point| point.tap.take());
        together(taps.collect(), drop);
    }
}

/// Why a wait ended.
struct Woken {
    stopped: bool,
    /// A device or a name is to be looked after.
    troubled: bool,
}

/// The clock that the kernel stamps packets with.
fn now() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}
