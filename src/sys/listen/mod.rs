//! Listens to every network namespace of the host at once: one socket hears all that have
//! a number here, and each that is found gets one.

mod meet;
mod rules;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::netlink::notices::{Notices, Reach, messages};
use super::netlink::{link, nsid};
use super::netns::{self, Place as Host};
use super::survey::{Told, told};
use super::wait::wait;
use crate::state::happening::{Change, Event, Happening, LinkChange, News, Power};
use meet::Met;

/// So many datagrams are taken before what they tell is handed out.
const AT_ONCE: usize = 10_000;

/// Who listens.
#[derive(Debug)]
pub(crate) struct Listener {
    host: Host,
    routes: Notices,
    firewall: Option<Notices>,
    /// It becomes urgent when something is mounted or unmounted: a name comes or goes.
    mounts: Option<File>,
    reach: Reach,
    /// The number of this namespace in itself, where something gave it one.
    own: Option<i32>,
    /// By number; `None` is this namespace.
    met: BTreeMap<Option<i32>, Met>,
    /// Where devices come from that are about to appear: the namespace and their number there.
    coming: BTreeMap<(Option<i32>, u32), String>,
    rounds: scan::Rounds,
    lost: bool,
}

impl Listener {
    /// From now on.
    pub(crate) fn begin() -> io::Result<Self> {
        let (reach, routes) = match Notices::of_everything(Reach::All) {
            Err(e) if e.raw_os_error() == Some(libc::EPERM) => {
                (Reach::Own, Notices::of_everything(Reach::Own)?)
            }
            routes => (Reach::All, routes?),
        };
        let firewall = match Notices::of_firewall(reach) {
            // A kernel without nfnetlink has no firewall to hear of, and to hear of it
            // takes CAP_NET_ADMIN.
            Err(e)
                if [libc::EPROTONOSUPPORT, libc::EPERM]
                    .map(Some)
                    .contains(&e.raw_os_error()) =>
            {
                None
            }
            firewall => Some(firewall?),
        };
        let mut host = netns::host()?;
        let own = nsid::of(&mut host.socket, host.fd.as_raw_fd())?;
        let mut listener = Listener {
            host,
            routes,
            firewall,
            mounts: File::open("/proc/thread-self/mountinfo").ok(),
            reach,
            own,
            met: BTreeMap::new(),
            coming: BTreeMap::new(),
            rounds: scan::Rounds::begin(),
            lost: false,
        };
        listener.look(&mut None)?;
        Ok(listener)
    }

    /// Whether it hears all namespaces.
    pub(crate) fn hears_all(&self) -> bool {
        self.reach == Reach::All
    }

    /// How many namespaces it listens to.
    pub(crate) fn count(&self) -> usize {
        self.met.len()
    }

    /// What happened, once something has; nothing when it is time to stop.
    pub(crate) fn wait(
        &mut self,
        until: Option<Instant>,
        stop: BorrowedFd<'_>,
    ) -> io::Result<Option<Vec<Happening>>> {
        loop {
            if self.sleep(until, stop)? {
                return Ok(None);
            }
            let mut all = Vec::new();
            self.hear(&mut all)?;
            self.hear_firewall(&mut all)?;
            if std::mem::take(&mut self.lost) {
                self.again(&mut all)?;
            }
            self.doubts(&mut all)?;
            if self.rounds.is_due() && self.hears_all() {
                self.scan(&mut all)?;
            }
            if !all.is_empty() {
                return Ok(Some(all));
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Ok(None);
            }
        }
    }

    /// Until something is heard; whether it is time to stop.
    fn sleep(&mut self, until: Option<Instant>, stop: BorrowedFd<'_>) -> io::Result<bool> {
        let next = self.hears_all().then(|| self.rounds.next());
        let end = [until, next].into_iter().flatten().min();
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let readable = |fd| (fd, PollFlags::IN);
        let firewall = self.firewall.as_ref().map(AsFd::as_fd).map(readable);
        let mounts = self.mounts.as_ref().filter(|_| self.hears_all());
        let mounts = mounts.map(|mounts| (mounts.as_fd(), PollFlags::PRI));
        let sources = [stop, self.routes.as_fd()].map(readable).into_iter();
        let ready = wait(sources.chain(firewall).chain(mounts), left)?;
        let is_pri = |(_, flags): &(usize, PollFlags)| flags.contains(PollFlags::PRI);
        if ready.iter().any(is_pri) {
            self.rounds.hurry();
        }
        Ok(ready.iter().any(|(number, _)| *number == 0))
    }

    fn hear(&mut self, all: &mut Vec<Happening>) -> io::Result<()> {
        for _ in 0..AT_ONCE {
            let (number, told) = match self.routes.datagram() {
                Ok(None) => break,
                Ok(Some((number, bytes))) => {
                    let number = number.filter(|_| number != self.own);
                    let Some(met) = self.met.get_mut(&number) else {
                        continue;
                    };
                    let mut lasting = Vec::new();
                    for message in messages(bytes) {
                        match told(message, &met.known) {
                            Some(Told::News(news)) => {
                                happen(met, &mut self.coming, number, news, all)
                            }
                            Some(Told::Routes) => met.doubtful = true,
                            told => lasting.extend(told),
                        }
                    }
                    (number, lasting)
                }
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.lost = true;
                    break;
                }
                Err(e) => return Err(e),
            };
            for told in told {
                self.take(number, told, all)?;
            }
        }
        Ok(())
    }

    /// What is about more than one namespace.
    fn take(&mut self, at: Option<i32>, told: Told, all: &mut Vec<Happening>) -> io::Result<()> {
        match told {
            Told::Moved { index, there, nsid } => self.moved(at, (index, there), nsid, all)?,
            Told::Numbered(number) if at.is_none() => {
                let known = self.met.contains_key(&Some(number));
                if !known && Some(number) != self.own {
                    self.rounds.hurry();
                }
            }
            Told::Ended(number) if at.is_none() => self.ended(number, all),
            _ => {}
        }
        Ok(())
    }

    fn moved(
        &mut self,
        at: Option<i32>,
        (index, there): (u32, u32),
        nsid: i32,
        all: &mut Vec<Happening>,
    ) -> io::Result<()> {
        let Some(met) = self.met.get_mut(&at) else {
            return Ok(());
        };
        let place = met.place();
        let dev = met.known.name(index);
        met.doubtful = true;
        let mut events = met.known.take(News::DeviceGone { index });
        // The number is one of the namespace that it left.
        let number = match at {
            None => Some(nsid).filter(|number| Some(*number) != self.own),
            Some(left) => nsid::meant(&mut self.host.socket, left, nsid)?,
        };
        let number = number.filter(|number| Some(*number) != self.own);
        // This namespace may have no number, and one that was not found has none either.
        let here = number.is_none() && at.is_some();
        let is_here = here && link::is_at(&mut self.host.socket, there, &dev)?;
        let to = match number {
            Some(_) => self.met.get(&number),
            None => self.met.get(&None).filter(|_| is_here),
        };
        for event in &mut events {
            if let (Event::Link { change, .. }, Some(to)) = (event, to) {
                let to = Some(to.space.name.clone());
                *change = LinkChange::Gone { to };
            }
        }
        // Who is not listened to does not tell that it has come.
        if to.is_some() {
            self.coming.insert((number, there), place.netns.clone());
        }
        all.extend(events.into_iter().map(|event| Happening {
            place: Some(place.clone()),
            found: false,
            event,
        }));
        Ok(())
    }

    fn hear_firewall(&mut self, all: &mut Vec<Happening>) -> io::Result<()> {
        let Some(firewall) = &mut self.firewall else {
            return Ok(());
        };
        for _ in 0..AT_ONCE {
            match firewall.datagram() {
                Ok(None) => break,
                Ok(Some((number, bytes))) => {
                    let number = number.filter(|_| number != self.own);
                    let Some(met) = self.met.get_mut(&number) else {
                        continue;
                    };
                    for message in messages(bytes) {
                        let Some((version, ruleset)) = met.counted.take(message) else {
                            continue;
                        };
                        // What was read is of this version already.
                        if version.is_none() || version != met.known.generation {
                            met.known.generation = version;
                            all.push(Happening {
                                place: Some(met.place()),
                                found: false,
                                event: Event::Ruleset(ruleset),
                            });
                        }
                    }
                }
                Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.lost = true;
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Reads again where the kernel does not say which routes it took away.
    fn doubts(&mut self, all: &mut Vec<Happening>) -> io::Result<()> {
        for met in self.met.values_mut().filter(|met| met.doubtful) {
            met.doubtful = false;
            let Some(routes) = meet::routes(met)? else {
                continue;
            };
            let place = met.place();
            let events = met.known.routes_become(routes).into_iter();
            all.extend(events.map(|event| Happening {
                place: Some(place.clone()),
                found: false,
                event,
            }));
        }
        Ok(())
    }
}

/// What is new in a piece of news.
fn happen(
    met: &mut Met,
    coming: &mut BTreeMap<(Option<i32>, u32), String>,
    number: Option<i32>,
    news: News,
    all: &mut Vec<Happening>,
) {
    let place = met.place();
    for mut event in met.known.take(news) {
        match &mut event {
            Event::Link {
                change: LinkChange::New { from, .. },
                index,
                ..
            } => *from = coming.remove(&(number, *index)),
            Event::Link {
                change:
                    LinkChange::Gone { .. }
                    | LinkChange::Power {
                        new: Power::Off, ..
                    },
                ..
            } => met.doubtful = true,
            Event::Address {
                change: Change::Gone(_),
                ..
            } => met.doubtful = true,
            _ => {}
        }
        all.push(Happening {
            place: Some(place.clone()),
            found: false,
            event,
        });
    }
}

/// The inodes of namespaces.
type Inodes = BTreeSet<u64>;

/// How long a namespace may be without name and process before it is called by its number:
/// most are about to go.
const LEFT: Duration = Duration::from_secs(1);
