//! All that tells of changes, in one wait: the kernel's notifications, the directory of
//! namespaces, the journal's lock.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::netlink::notices::{Notices, Reach, What};
use super::netlink::nsid;
use super::netns::{self, Identity, Place};
use super::store;
use super::wait::readable;
use crate::state::Netns;

/// So many notifications are taken before what they tell is looked at.
const AT_ONCE: usize = 10_000;

/// The ears of one program.
#[derive(Debug)]
pub(crate) struct Ears {
    began: Instant,
    host: Place,
    notices: Vec<Notices>,
    files: OwnedFd,
    /// The number of this namespace in itself, where something gave it one.
    own: Option<i32>,
    /// The namespaces that are listened to, by their number in this one. One may be known by
    /// several paths.
    numbers: BTreeMap<(i32, Netns), Identity>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// It is time to end.
    pub(crate) stopped: bool,
    /// Labs may have come or gone, or who changed them has ended.
    pub(crate) labs: bool,
    /// Some of it was lost.
    pub(crate) lost: bool,
    /// What changed where.
    pub(crate) changes: BTreeMap<Netns, BTreeSet<What>>,
}

impl Heard {
    fn is_nothing(&self) -> bool {
        !(self.stopped || self.labs || self.lost) && self.changes.is_empty()
    }
}

impl Ears {
    /// From now on.
    pub(crate) fn open() -> io::Result<Self> {
        let mut notices = vec![Notices::of_routes()?];
        match Notices::of_firewall(Reach::All) {
            // A kernel without nfnetlink has no firewall to hear of.
            Err(e) if e.raw_os_error() == Some(libc::EPROTONOSUPPORT) => {}
            firewall => notices.push(firewall?),
        }
        let mut ears = Ears {
            began: Instant::now(),
            host: netns::host()?,
            notices,
            files: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            own: None,
            numbers: BTreeMap::new(),
        };
        ears.attend(&BTreeMap::new())?;
        Ok(ears)
    }

    /// How long it has listened.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Listens to these namespaces, and no others beside this one. Tells which are new: what
    /// was changed in them before has not been heard. To be called again when labs change:
    /// the files that tell of that may be others.
    pub(crate) fn attend(
        &mut self,
        these: &BTreeMap<Netns, Identity>,
    ) -> io::Result<BTreeSet<Netns>> {
        self.attend_files()?;
        self.own = nsid::of(&mut self.host.socket, self.host.fd.as_raw_fd())?;
        (self.numbers).retain(|(_, netns), identity| these.get(netns) == Some(identity));
        let known = self.numbers.keys().map(|(_, netns)| netns.clone());
        let known: BTreeSet<Netns> = known.collect();
        let mut new = BTreeSet::new();
        for (netns, identity) in these.iter().filter(|(netns, _)| !known.contains(*netns)) {
            if let Some(number) = self.number(netns, *identity)? {
                self.numbers.insert((number, netns.clone()), *identity);
                new.insert(netns.clone());
            }
        }
        Ok(new)
    }

    /// The number of a namespace in this one; `None` when the name or path is another's.
    fn number(&mut self, netns: &Netns, identity: Identity) -> io::Result<Option<i32>> {
        let open = match netns::open(netns) {
            Err(e) if netns::why(&e).is_some() => None,
            open => open?,
        };
        let Some(fd) = open else { return Ok(None) };
        if netns::inode(fd.as_fd())? != identity.inode {
            return Ok(None);
        }
        // One that has a number already refuses another (EEXIST).
        let fd = fd.as_fd().as_raw_fd();
        (self.host.socket).transact(&[nsid::give(fd)])?;
        nsid::of(&mut self.host.socket, fd)
    }

    fn attend_files(&self) -> io::Result<()> {
        let lock = WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB | WatchFlags::MOVE_SELF;
        inotify::add_watch(&self.files, store::lock_file()?, lock)?;
        let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        match inotify::add_watch(&self.files, netns::DIRECTORY, names) {
            Err(Errno::NOENT) => Ok(()),
            added => Ok(added.map(drop)?),
        }
    }

    /// Waits for something, or until it has listened so long. Without a time it sleeps as
    /// long as nothing happens.
    pub(crate) fn wait(
        &mut self,
        until: Option<Duration>,
        stop: BorrowedFd<'_>,
    ) -> io::Result<Heard> {
        loop {
            let left = until.map(|until| until.saturating_sub(self.now()));
            let stopped = self.sleep(left, stop)?;
            let mut heard = Heard {
                stopped,
                ..Heard::default()
            };
            self.take_files(&mut heard)?;
            self.take_notices(&mut heard)?;
            let over = until.is_some_and(|until| until <= self.now());
            if over || !heard.is_nothing() {
                return Ok(heard);
            }
        }
    }

    fn sleep(&self, left: Option<Duration>, stop: BorrowedFd<'_>) -> io::Result<bool> {
        let sources = [stop, self.files.as_fd()];
        let sources = sources
            .into_iter()
            .chain(self.notices.iter().map(AsFd::as_fd));
        let ready = readable(sources, left)?;
        Ok(ready.iter().any(|(number, _)| *number == 0))
    }

    /// An event about a file in the directory of namespaces has its name; one about the
    /// lock, or about the directory itself, has none.
    fn take_files(&self, heard: &mut Heard) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.files, &mut buffer);
        loop {
            let event = match reader.next() {
                Err(Errno::AGAIN) => return Ok(()),
                event => event?,
            };
            let name = event.file_name().and_then(|name| name.to_str().ok());
            match name.and_then(|name| name.parse().ok()) {
                Some(name) => {
                    let changes = heard.changes.entry(Netns::Named(name));
                    changes.or_default().insert(What::Name);
                }
                None => heard.labs |= name.is_none(),
            }
            heard.lost |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
        }
    }

    fn take_notices(&mut self, heard: &mut Heard) -> io::Result<()> {
        for notices in &mut self.notices {
            for _ in 0..AT_ONCE {
                match notices.next() {
                    Ok(None) => break,
                    Ok(Some((number, told))) => {
                        let places: Vec<Netns> = match number.filter(|_| number != self.own) {
                            None => vec![Netns::Host],
                            Some(number) => (self.numbers)
                                .range((number, Netns::Host)..)
                                .map(|(key, _)| key)
                                .take_while(|(known, _)| *known == number)
                                .map(|(_, netns)| netns.clone())
                                .collect(),
                        };
                        for place in places.into_iter().filter(|_| !told.is_empty()) {
                            let changes = heard.changes.entry(place).or_default();
                            changes.extend(told.iter().cloned());
                        }
                    }
                    Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => heard.lost = true,
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }
}
