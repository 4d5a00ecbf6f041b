//! A namespace all of whose devices are meant: also those that are still to come.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::point::{Point, State};
use super::ring::{Room, Tap};
use super::together::together;
use super::{Corner, Found, Log, MOST, Taps, devices};
use crate::sys::netlink::notices::{Notices, messages};
use crate::sys::netlink::socket::u32_at;
use crate::sys::netns;
use crate::sys::uapi::RTM_NEWLINK;

/// One that is listened to. Like a packet socket it keeps its namespace alive.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) corner: Corner,
    /// Its place among all corners.
    pub(super) number: usize,
    links: Notices,
    /// There may be a device that is not known.
    doubtful: bool,
    /// Devices that cannot be listened to.
    missed: BTreeSet<u32>,
}

impl Open {
    /// What came after the corner was looked at is found by looking again.
    pub(super) fn new(number: usize, corner: Corner) -> io::Result<Self> {
        Ok(Open {
            links: netns::enter(Some(corner.place.fd.as_fd()), Notices::of_links)?,
            corner,
            number,
            doubtful: true,
            missed: BTreeSet::new(),
        })
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Hears all that there is to be heard; whether that was anything about devices.
    pub(super) fn hear(&mut self) -> io::Result<bool> {
        let mut heard = false;
        loop {
            match self.links.datagram() {
                Ok(None) => return Ok(heard),
                Ok(Some((_, bytes))) => {
                    heard = true;
                    let is_new = |message: &[u8]| {
                        u32_at(message, 4).is_some_and(|kind| kind as u16 == RTM_NEWLINK)
                    };
                    self.doubtful |= messages(bytes).any(is_new);
                }
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    (heard, self.doubtful) = (true, true);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// The devices that are there and not known, where that is in doubt. What cannot be
    /// read now, as it changes all the time, stays so.
    pub(super) fn newcomers(&mut self, known: &BTreeSet<u32>) -> Vec<Found> {
        if !self.doubtful {
            return Vec::new();
        }
        let Ok(mut found) = devices(&mut self.corner.place) else {
            return Vec::new();
        };
        self.doubtful = false;
        let there: BTreeSet<u32> = found.iter().map(|device| device.index).collect();
        self.missed.retain(|index| there.contains(index));
        found.retain(|device| {
            !known.contains(&device.index) && !self.missed.contains(&device.index)
        });
        found
    }

    /// It is not tried again.
    pub(super) fn miss(&mut self, device: &Found) {
        self.missed.insert(device.index);
    }
}

impl AsFd for Open {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.links.as_fd()
    }
}

impl Taps {
    /// Listens to devices that have come.
    pub(super) fn welcome(&mut self, log: &mut dyn Log) {
        if !self.open.iter().any(Open::is_doubtful) {
            return;
        }
        let mut known: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        let there = |point: &&Point| !matches!(point.state, State::Gone(_));
        for (corner, index) in self.points.iter().filter(there).map(|point| point.at) {
            known.entry(corner).or_default().insert(index);
        }
        for number in 0..self.open.len() {
            let open = &mut self.open[number];
            let known = known.remove(&open.number).unwrap_or_default();
            let new = open.newcomers(&known);
            let room = self.room(new.len());
            let open = &mut self.open[number];
            let corner = (open.number, &open.corner);
            let tapped = together(new.iter().collect(), |device| {
                tapped(corner, device, room)?.begin()
            });
            for (device, point) in new.iter().zip(tapped) {
                match point {
                    Ok(Some(point)) => {
                        log.came(&point.interface);
                        self.points.push(point);
                    }
                    Ok(None) => {}
                    Err(e) => {
                        log.missed(&open.corner.interface(device), &e.to_string());
                        open.miss(device);
                    }
                }
            }
        }
    }

    /// For so many more.
    fn room(&self, count: usize) -> Room {
        let taps = self.points.iter().filter_map(|point| point.tap.as_ref());
        let left = MOST.saturating_sub(taps.map(Tap::size).sum());
        Room {
            size: self.buffer.min(left / count.max(1)),
            patience: self.patience,
        }
    }
}

/// A socket for a device; it hears nothing yet.
pub(super) fn tapped(
    (number, corner): (usize, &Corner),
    device: &Found,
    room: Room,
) -> io::Result<Point> {
    let tap = || Tap::open(device.medium, corner.programs.clone(), room);
    let tap = netns::enter(Some(corner.place.fd.as_fd()), tap)?;
    Ok(Point::new((number, corner), device, tap))
}
