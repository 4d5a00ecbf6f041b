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
use netyard::state::happening::{Event, Happening};
use netyard::state::survey::{Counters, Survey};
use netyard::survey;

use super::message;
use super::server::Server;
use crate::cli::meant::Meant;
use crate::cli::monitor::is_there;
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

/// What is to be seen of the host.
pub(super) fn part(whole: Survey, what: Option<&Meant>) -> Result<Survey, Trouble> {
    match what {
        None => Ok(whole),
        Some(what) => what.part(whole),
    }
}

/// Who looks.
#[derive(Debug)]
pub(super) struct Watcher {
    monitor: Monitor,
    /// What is shown, and how it was asked for.
    what: Option<(Meant, String)>,
    server: Arc<Server>,
    /// Can be read when somebody has opened the page.
    wake: UnixStream,
    began: Instant,
    /// The monitor has missed something, and could not read anew.
    missed: bool,
    /// How often in a row something could not be read.
    failures: u32,
    /// What the map is drawn from, and the message with it.
    drawn: Option<(Survey, Bytes)>,
}

impl Watcher {
    pub(super) fn new(
        monitor: Monitor,
        what: Option<(Meant, String)>,
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
        let only_in: Vec<Meant> = self.what.iter().map(|(what, _)| what.clone()).collect();
        let told = (all.iter()).filter(|one| !one.event.is_noise() && is_there(one, &only_in));
        // Together: much that happens at once makes nobody slow.
        let messages: Vec<Bytes> = told.map(|one| message::happened(&time, one)).collect();
        if !messages.is_empty() {
            self.server.readers.send(&messages.concat().into());
        }
        all.iter()
            .any(|one| !matches!(one.event, Event::Neighbour { .. } | Event::Ruleset(_)))
    }

    fn show(&mut self, whole: Survey) {
        self.failures = 0;
        let (seen, gone) = match part(whole, self.what.as_ref().map(|(what, _)| what)) {
            Ok(seen) => (seen, false),
            // A lab that was there is down.
            Err(_) => (Survey::default(), true),
        };
        let counters = message::counters(&seen, self.began.elapsed().as_secs_f64());
        let shape = shape(&seen);
        let unseen = seen.unseen.clone();
        self.server.keep(seen);
        let known = self.drawn.take().filter(|(drawn, _)| *drawn == shape);
        let is_new = known.is_none();
        let title = self.what.as_ref().map_or("host", |(_, name)| name);
        let drawn = known.unwrap_or_else(|| {
            let map = message::map(&shape, &unseen, title, gone);
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
