//! Looks at the host as long as somebody looks at the page: each second for what was
//! carried, and at once when something happens.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use netyard::error::Error;
use netyard::monitor::{Monitor, local_time};
use netyard::report::codes;
use netyard::state::happening::{Event, Happening};
use netyard::state::survey::{Counters, Survey};
use netyard::survey;

use super::message;
use super::server::Server;
use crate::cli::meant::{Found, Meant};
use crate::cli::trouble::Trouble;

/// From one look to the next.
const SECOND: Duration = Duration::from_secs(1);
/// Looking takes at most one part in so many of the time, when much happens.
const SHARE: u32 = 4;
/// What happens together is looked at together.
const TOGETHER: Duration = Duration::from_millis(30);

/// The kernel's lists may change faster than they can be read. So often in a row that is no
/// reason to end.
const PATIENCE: u32 = 30;

/// What is shown of the host.
#[derive(Debug)]
pub(super) struct Shown {
    name: String,
    meant: Meant,
    /// What that was when it was there last.
    found: Found,
}

impl Shown {
    /// What is called so now.
    pub(super) fn new(name: &str, survey: &Survey) -> Result<Self, Trouble> {
        let meant = Meant::by(name);
        Ok(Shown {
            found: meant.find(survey)?,
            name: name.to_owned(),
            meant,
        })
    }
}

/// Who looks.
#[derive(Debug)]
pub(super) struct Watcher {
    monitor: Monitor,
    /// What is to be seen of the host; `None`: all.
    what: Option<Shown>,
    server: Arc<Server>,
    /// Can be read when somebody has opened the page.
    wake: UnixStream,
    began: Instant,
    /// The monitor has missed something, and could not read anew.
    missed: bool,
    /// How often in a row something could not be read.
    failures: u32,
    /// What the map is drawn from, or why it is empty, and the message with it.
    drawn: Option<((Survey, Option<String>), Bytes)>,
}

impl Watcher {
    pub(super) fn new(
        monitor: Monitor,
        what: Option<Shown>,
        server: Arc<Server>,
        wake: UnixStream,
    ) -> Self {
        Watcher {
            monitor,
            what,
            server,
            wake,
            began: Instant::now(),
            missed: false,
            failures: 0,
            drawn: None,
        }
    }

    /// Until something is wrong.
    pub(super) fn watch(mut self) -> Result<(), Trouble> {
        let mut due = Instant::now();
        let mut rested = due;
        loop {
            let heard = match self.monitor.next(Some(due), self.wake.as_fd()) {
                Ok(heard) => heard,
                Err(error) => {
                    self.fails(error)?;
                    self.missed = true;
                    None
                }
            };
            match heard {
                Some(all) if self.tell(&all) => {
                    due = due.min(rested.max(Instant::now() + TOGETHER))
                }
                Some(_) => {}
                None if self.was_woken() => due = Instant::now(),
                None => {}
            }
            let now = Instant::now();
            if now < due {
                continue;
            }
            due = now + SECOND;
            if self.missed
                && let Ok(monitor) = Monitor::begin()
            {
                self.monitor = monitor;
                self.missed = false;
                let lost = Happening {
                    place: None,
                    found: false,
                    event: Event::Lost,
                };
                self.tell(&[lost]);
            }
            if !self.server.readers.is_empty() {
                match survey::look() {
                    Ok(whole) => self.show(whole),
                    Err(error) => self.fails(error)?,
                }
                let took = now.elapsed();
                rested = now + took * SHARE;
                due = due.max(rested);
            }
        }
    }

    /// It may be better next time.
    fn fails(&mut self, error: Error) -> Result<(), Trouble> {
        self.failures += 1;
        match self.failures > PATIENCE {
            true => Err(error.into()),
            false => Ok(()),
        }
    }

    fn was_woken(&mut self) -> bool {
        let mut bytes = [0; 64];
        self.wake.read(&mut bytes).is_ok_and(|count| count > 0)
    }

    /// Tells what happened; whether the map may be another by it.
    fn tell(&self, all: &[Happening]) -> bool {
        let time = local_time();
        let told = (all.iter()).filter(|one| !one.event.is_noise() && self.is_meant(one));
        // Together: much that happens at once makes nobody slow.
        let messages: Vec<Bytes> = told.map(|one| message::happened(&time, one)).collect();
        if !messages.is_empty() {
            self.server.readers.send(&messages.concat().into());
        }
        all.iter()
            .any(|one| !matches!(one.event, Event::Neighbour { .. } | Event::Ruleset(_)))
    }

    /// Whether it happened in what is shown.
    fn is_meant(&self, one: &Happening) -> bool {
        let (Some(what), Some(place)) = (&self.what, &one.place) else {
            return true;
        };
        // By name, one that takes the place of the one that was meant.
        what.found.is(place) || what.meant.is(&place.netns, place.lab.as_ref())
    }

    /// What is to be shown of the host; or why there is nothing.
    fn part(&mut self, whole: Survey) -> Result<Survey, String> {
        let Some(what) = &mut self.what else {
            return Ok(whole);
        };
        match what.meant.find(&whole) {
            Ok(found) => {
                what.found = found;
                Ok(what.found.of(whole))
            }
            Err(trouble) => {
                let (report, _) = trouble.into_parts();
                if report.code == codes::NO_SUCH_NAMESPACE {
                    return Err("is not there any more".to_owned());
                }
                let cause = report.cause.map(|cause| format!(" ({cause})"));
                let cause = cause.unwrap_or_default();
                Err(format!("cannot be shown now: {}{cause}", report.message))
            }
        }
    }

    fn show(&mut self, whole: Survey) {
        self.failures = 0;
        let (seen, why) = match self.part(whole) {
            Ok(seen) => (seen, None),
            Err(why) => (Survey::default(), Some(why)),
        };
        let counters = message::counters(&seen, self.began.elapsed().as_secs_f64());
        let shape = shape(&seen);
        let unseen = seen.unseen.clone();
        self.server.keep(seen);
        let shape = (shape, why);
        let known = self.drawn.take().filter(|(drawn, _)| *drawn == shape);
        let is_new = known.is_none();
        let title = self.what.as_ref().map_or("host", |what| &what.name);
        let drawn = known.unwrap_or_else(|| {
            let map = message::map(&shape.0, &unseen, title, shape.1.as_deref());
            (shape, map)
        });
        self.server.readers.send_map(&drawn.1, is_new);
        self.server.readers.send(&counters);
        self.drawn = Some(drawn);
    }
}

/// What is drawn: without what is another at each look.
fn shape(seen: &Survey) -> Survey {
    let mut shape = seen.clone();
    shape.unseen.clear();
    shape.hidden = 0;
    for space in &mut shape.namespaces {
        space.neighbours.clear();
        space.processes.clear();
        for device in &mut space.devices {
            device.counters = Counters::default();
        }
    }
    shape
}
