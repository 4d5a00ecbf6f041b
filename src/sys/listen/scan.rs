//! Looks which namespaces there are: when a name comes or goes, when somebody else numbers
//! one, and each second which ones processes are in.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use super::meet::{self, Met};
use super::{Inodes, LEFT, Listener};
use crate::state::happening::{Event, Happening, Known, NamespaceChange};
use crate::state::survey::Space;
use crate::sys::netlink::{nsid, rule};
use crate::sys::residents::processes;
use crate::sys::sight::inode_of;
use crate::sys::survey::{Found, find};

/// When to look.
#[derive(Debug)]
pub(super) struct Rounds {
    /// Something says that there is something to find.
    hurried: bool,
    /// Not before: so much rest does looking need.
    rested: Instant,
    /// At the latest.
    next: Instant,
    /// Which namespaces processes were in.
    living: Inodes,
    /// Those without a name that were found just now, and when: `ip netns add` makes one,
    /// and then names it.
    unnamed: BTreeMap<u64, Instant>,
}

/// So long one may be without a name before it is called by its process.
const NAMING: Duration = Duration::from_millis(50);
const EACH: Duration = Duration::from_secs(1);
/// Looking each second takes at most such a part of a processor; looking for what has
/// been told takes at most a fourth.
const SHARE: u32 = 200;
const HURRIED: u32 = 3;

impl Rounds {
    pub(super) fn begin() -> Self {
        let now = Instant::now();
        Rounds {
            hurried: false,
            rested: now,
            next: now + EACH,
            living: Inodes::new(),
            unnamed: BTreeMap::new(),
        }
    }

    /// There is something to find.
    pub(super) fn hurry(&mut self) {
        self.hurried = true;
    }

    pub(super) fn next(&self) -> Instant {
        match self.hurried {
            true => self.rested,
            false => self.next,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.next() <= Instant::now()
    }

    /// Whether it may get its name yet.
    fn may_be_named(&mut self, space: &Space) -> bool {
        if space.host || !space.names.is_empty() {
            return false;
        }
        let now = Instant::now();
        now - *self.unnamed.entry(space.inode).or_insert(now) < NAMING
    }

    fn done(&mut self, began: Instant) {
        let now = Instant::now();
        let took = now - began;
        self.rested = now + took * HURRIED;
        self.next = now + EACH.max(took * SHARE);
        if !self.unnamed.is_empty() {
            self.hurried = true;
            self.rested = self.rested.max(now + NAMING);
        }
    }
}

/// The namespaces that processes are in: one question for each process.
fn living() -> io::Result<Inodes> {
    let net = |pid: rustix::process::Pid| {
        let pid = pid.as_raw_nonzero();
        let link = fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
        inode_of(link.to_str()?)
    };
    Ok(processes()?.filter_map(net).collect())
}

impl Listener {
    /// A round: whether others are there than before.
    pub(super) fn scan(&mut self, all: &mut Vec<Happening>) -> io::Result<()> {
        let began = Instant::now();
        let hurried = std::mem::take(&mut self.rounds.hurried);
        let living = living()?;
        let waits = |met: &Met| met.left.is_some() && !met.is_nameless();
        let waits = self.met.values().any(waits);
        if hurried || waits || living != self.rounds.living {
            self.rounds.living = living;
            self.look(&mut Some(all))?;
        }
        self.rounds.done(began);
        Ok(())
    }

    /// Looks which namespaces there are, and meets those that are new. Nothing is told at
    /// the beginning.
    pub(super) fn look(&mut self, all: &mut Option<&mut Vec<Happening>>) -> io::Result<()> {
        let (found, _) = find()?;
        let labs = meet::labs();
        let mut seen = Inodes::new();
        for mut one in found {
            let inode = one.space.inode;
            seen.insert(inode);
            meet::note(&mut one.space, &labs);
            match self.number(inode) {
                Some(number) => self.recognise(number, one, all),
                None if all.is_some() && self.rounds.may_be_named(&one.space) => {}
                None if self.hears_all() || one.space.host => self.meet(one, all)?,
                None => {}
            }
        }
        let known: Inodes = self.met.values().map(|met| met.space.inode).collect();
        (self.rounds.unnamed).retain(|inode, _| seen.contains(inode) && !known.contains(inode));
        let now = Instant::now();
        for met in self.met.values_mut().filter(|met| !met.space.host) {
            if seen.contains(&met.space.inode) {
                met.left = None;
                continue;
            }
            let since = *met.left.get_or_insert(now);
            if now - since >= LEFT && !met.is_nameless() {
                let name = format!("net:[{}]", met.space.inode);
                let old = std::mem::replace(&mut met.space.name, name);
                met.space.names.clear();
                tell(met, NamespaceChange::Renamed { old }, all);
            }
        }
        Ok(())
    }

    fn number(&self, inode: u64) -> Option<Option<i32>> {
        let mut met = self.met.iter();
        let is = |(_, met): &(&Option<i32>, &Met)| met.space.inode == inode;
        met.find(is).map(|(number, _)| *number)
    }

    /// One that is known may be called something else now: only a name or a container is
    /// better than what it is called; processes come and go.
    fn recognise(
        &mut self,
        number: Option<i32>,
        found: Found,
        all: &mut Option<&mut Vec<Happening>>,
    ) {
        let Some(met) = self.met.get_mut(&number) else {
            return;
        };
        let Found { mut space, path } = found;
        met.path = path;
        let named = space.names != met.space.names;
        let contained = space.container.is_some() && met.space.container.is_none();
        let was_left = met.is_nameless();
        if !(named || contained || was_left) {
            space.name.clone_from(&met.space.name);
        }
        space.lab = space.lab.or(met.space.lab.take());
        let old = std::mem::replace(&mut met.space, space);
        if old.name != met.space.name {
            tell(met, NamespaceChange::Renamed { old: old.name }, all);
        }
    }

    fn meet(&mut self, found: Found, all: &mut Option<&mut Vec<Happening>>) -> io::Result<()> {
        let Some((number, mut met)) = meet::meet(&mut self.host.socket, found)? else {
            return Ok(());
        };
        if let Some(all) = all {
            if let Some(old) = self.met.get(&number) {
                all.push(happening(
                    old,
                    false,
                    Event::Namespace(NamespaceChange::Gone),
                ));
            }
            all.push(happening(
                &met,
                false,
                Event::Namespace(NamespaceChange::New),
            ));
            let mut known = Known::fresh(rule::fresh(), met.known.generation);
            let now = std::mem::take(&mut met.known);
            for event in known.becomes(now.clone()) {
                all.push(happening(&met, true, event));
            }
            met.known = now;
        }
        self.met.insert(number, met);
        Ok(())
    }

    /// A namespace goes: the kernel has taken its number back.
    pub(super) fn ended(&mut self, number: i32, all: &mut Vec<Happening>) {
        self.coming.retain(|(to, _), _| *to != Some(number));
        if let Some(met) = self.met.remove(&Some(number)) {
            all.push(happening(
                &met,
                false,
                Event::Namespace(NamespaceChange::Gone),
            ));
        }
    }

    /// Events were lost: what is still to be heard is older than what is now read.
    pub(super) fn again(&mut self, all: &mut Vec<Happening>) -> io::Result<()> {
        all.push(Happening {
            place: None,
            found: false,
            event: Event::Lost,
        });
        for notices in [Some(&mut self.routes), self.firewall.as_mut()] {
            let Some(notices) = notices else { continue };
            loop {
                match notices.datagram() {
                    Ok(None) => break,
                    Ok(Some(_)) => {}
                    Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        self.coming.clear();
        let numbers = nsid::all(&mut self.host.socket)?;
        let gone = |number: &Option<i32>| number.is_some_and(|number| !numbers.contains(&number));
        let gone: Vec<i32> = (self.met.keys())
            .filter(|one| gone(one))
            .copied()
            .flatten()
            .collect();
        for number in gone {
            self.ended(number, all);
        }
        let (found, _) = find()?;
        let known = found
            .into_iter()
            .filter(|one| self.number(one.space.inode).is_some());
        let known: Vec<Found> = known.collect();
        for one in known {
            let Some((number, now)) = meet::meet(&mut self.host.socket, one)? else {
                continue;
            };
            let Some(met) = self.met.get_mut(&number) else {
                continue;
            };
            met.doubtful = false;
            met.counted = super::rules::Counted::default();
            let place = met.place();
            let events = met.known.becomes(now.known).into_iter();
            all.extend(events.map(|event| Happening {
                place: Some(place.clone()),
                found: true,
                event,
            }));
        }
        self.rounds.hurry();
        Ok(())
    }
}

fn happening(met: &Met, found: bool, event: Event) -> Happening {
    Happening {
        place: Some(met.place()),
        found,
        event,
    }
}

fn tell(met: &Met, change: NamespaceChange, all: &mut Option<&mut Vec<Happening>>) {
    if let Some(all) = all {
        all.push(happening(met, false, Event::Namespace(change)));
    }
}
