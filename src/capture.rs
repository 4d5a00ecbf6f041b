//! Packets of several namespaces and devices at once, in the order of their times.
//!
//! A filter is compiled first, then everything is found, then sockets are opened: what is
//! wrong is said before a packet is seen. Nothing of the devices is changed; they do not
//! become promiscuous.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::error::Error;
use crate::lab;
use crate::state::{End, IfName, LabName, Netns, NetnsName};
use crate::sys::capture::filter::{Libpcap, Program, Unfit};
use crate::sys::capture::{self, Corner, Found, Programs, Taps};
pub use crate::sys::capture::{Count, Interface, Log, Medium, Packet, Seen};
pub use crate::sys::local_time::LocalTime;
use crate::sys::netns::{self, Place};
use crate::sys::store::Store;

/// Where packets are looked for: a namespace, and a device of it or all that are there.
pub type Where = (Netns, Option<IfName>);

/// What is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// An expression of pcap-filter(7).
    pub filter: Option<String>,
    /// Longer packets are cut after so many bytes.
    pub snaplen: u32,
    /// Bytes of each device's buffer, in which packets wait to be read.
    pub buffer: usize,
}

/// The longest packet that there is, as tcpdump has it.
pub const WHOLE: u32 = 262_144;

impl Default for Wanted {
    fn default() -> Self {
        Wanted {
            filter: None,
            snaplen: WHOLE,
            buffer: 4 * 1024 * 1024,
        }
    }
}

/// A capture that has begun.
#[derive(Debug)]
pub struct Capture {
    taps: Taps,
}

impl Capture {
    /// Begins: what comes from now on is told by [`Capture::keep`].
    ///
    /// # Errors
    /// The filter is wrong, a namespace or device is not there, missing rights.
    pub fn begin(places: &[Where], wanted: &Wanted) -> Result<Self, Error> {
        let filter = Filter::of(wanted)?;
        lab::need_rights("capturing packets")?;
        let owners = owners();
        let corners = by_namespace(places).into_iter().map(|(netns, devs)| {
            let mut place = open(&netns)?;
            let listing = format!("list the devices of namespace {netns}");
            let found = capture::devices(&mut place).map_err(Error::system(listing))?;
            let open = devs.is_none();
            let found = chosen(&netns, devs, found)?;
            let owner = netns.made().and_then(|name| owners.get(name));
            let owner = owner.filter(|(_, inode)| *inode == place.identity.inode);
            Ok(Corner {
                lab: owner.map(|(lab, _)| lab.clone()),
                programs: filter.programs(&found, open)?,
                netns,
                place,
                found,
                open,
            })
        });
        let corners: Result<Vec<Corner>, Error> = corners.collect();
        let taps = Taps::listen(corners?, wanted.buffer);
        let taps = taps.map_err(Error::system("open packet sockets"))?;
        Ok(Capture { taps })
    }

    /// The devices that are listened to; packets name them by number. Where a namespace was
    /// asked for as a whole, there are more when [`Log::came`] was told.
    pub fn interfaces(&self) -> Vec<Interface> {
        self.taps.interfaces().cloned().collect()
    }

    /// Tells of packets until `stop` can be read, the time is over, the log wants no more,
    /// or all devices have gone and none can come.
    ///
    /// # Errors
    /// The system cannot wait.
    pub fn keep(
        &mut self,
        stop: BorrowedFd<'_>,
        time: Option<Duration>,
        log: &mut dyn Log,
    ) -> Result<(), Error> {
        let kept = self.taps.keep(stop, time, log);
        kept.map_err(Error::system("wait for packets"))
    }

    /// How many packets each device had until now.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn counts(&mut self) -> Result<Vec<Count>, Error> {
        let counts = self.taps.counts();
        counts.map_err(Error::system("read the counters of packet sockets"))
    }
}

/// Each namespace once, with its devices; all of them where one place names none.
fn by_namespace(places: &[Where]) -> Vec<(Netns, Option<Vec<IfName>>)> {
    let mut all: Vec<(Netns, Option<Vec<IfName>>)> = Vec::new();
    for (netns, dev) in places {
        let number = all.iter().position(|(known, _)| known == netns);
        let number = number.unwrap_or_else(|| {
            all.push((netns.clone(), Some(Vec::new())));
            all.len() - 1
        });
        match (dev, &mut all[number].1) {
            (None, devs) => *devs = None,
            (Some(dev), Some(devs)) if !devs.contains(dev) => devs.push(dev.clone()),
            _ => {}
        }
    }
    all
}

fn open(netns: &Netns) -> Result<Place, Error> {
    netns::look_into(netns).map_err(|e| match netns {
        Netns::At(_) | Netns::Named(_)
            if e.raw_os_error().is_some_and(|e| netns::GONE.contains(&e)) =>
        {
            Error::NoNamespace(netns.clone())
        }
        _ => Error::system(format!("enter namespace {netns}"))(e),
    })
}

fn chosen(
    netns: &Netns,
    devs: Option<Vec<IfName>>,
    mut found: Vec<Found>,
) -> Result<Vec<Found>, Error> {
    let Some(devs) = devs else { return Ok(found) };
    let one = |dev: IfName| {
        let number = found.iter().position(|one| one.dev == dev);
        let gone = Error::NoDevice(End {
            netns: netns.clone(),
            dev,
        });
        number.map(|number| found.swap_remove(number)).ok_or(gone)
    };
    devs.into_iter().map(one).collect()
}

/// Whose the namespaces are; where there is no journal that may be read, nobody's.
fn owners() -> BTreeMap<NetnsName, (LabName, u64)> {
    let made = Store::open_to_read().and_then(|store| {
        let made = store.namespaces();
        made.map_err(Error::journal("read the journal"))
    });
    let owner = |(name, (lab, identity)): (_, (_, netns::Identity))| (name, (lab, identity.inode));
    made.unwrap_or_default().into_iter().map(owner).collect()
}

/// What is to be given to each socket.
struct Filter<'w> {
    wanted: &'w Wanted,
    compiler: Option<(&'w str, Libpcap)>,
}

impl<'w> Filter<'w> {
    fn of(wanted: &'w Wanted) -> Result<Self, Error> {
        let compiler = match &wanted.filter {
            None => None,
            Some(text) => Some((text.as_str(), Libpcap::load().map_err(|e| unfit(text, e))?)),
        };
        let filter = Filter { wanted, compiler };
        filter.program(Medium::Ethernet)?;
        Ok(filter)
    }

    fn program(&self, medium: Medium) -> Result<Program, Error> {
        let snaplen = self.wanted.snaplen;
        match &self.compiler {
            None => Ok(Program::everything(snaplen)),
            Some((text, libpcap)) => {
                let program = libpcap.compile(text, medium, snaplen);
                program.map_err(|e| unfit(text, e))
            }
        }
    }

    /// For each kind of frames that these devices have: an expression about Ethernet's own
    /// fields is none for a tunnel. Where others may come, for these too, if that can be.
    fn programs(&self, found: &[Found], open: bool) -> Result<Programs, Error> {
        let media: BTreeSet<Medium> = found.iter().map(|one| one.medium).collect();
        let mut programs = Programs::new();
        for medium in [Medium::Ethernet, Medium::Ip] {
            match self.program(medium) {
                Err(error) if media.contains(&medium) => return Err(error),
                Ok(program) if open || media.contains(&medium) => {
                    programs.insert(medium, program);
                }
                _ => {}
            }
        }
        Ok(programs)
    }
}

fn unfit(filter: &str, unfit: Unfit) -> Error {
    match unfit {
        Unfit::NoLibrary(said) => Error::NoLibpcap(said),
        Unfit::Wrong(said) => Error::Filter {
            filter: filter.to_owned(),
            said,
        },
    }
}
