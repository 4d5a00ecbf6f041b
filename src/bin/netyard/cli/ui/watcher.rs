//! Looks at the host as long as somebody looks at the page: each second for what was
//! carried, and at once when something happens.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use netyard::monitor::{Monitor, local_time};
use netyard::state::happening::{Event, Happening};
use netyard::state::survey::{Counters, Survey};
use netyard::survey;

use super::message;
use super::server::Server;
use crate::cli::monitor::is_there;
use crate::cli::show;
use crate::cli::trouble::Trouble;

/// From one look to the next.
const SECOND: Duration = Duration::from_secs(1);
/// Looking takes at most one part in so many of the time, when much happens.
const SHARE: u32 = 4;
/// What happens together is looked at together.
const TOGETHER: Duration = Duration::from_millis(30);

/// The host, or what is to be seen of it.
pub(super) fn look(what: Option<&str>) -> Result<Survey, Trouble> {
    let whole = survey::look()?;
    match what {
        None => Ok(whole),
        Some(what) => show::part(whole, what),
    }
}

/// Who looks.
#[derive(Debug)]
pub(super) struct Watcher {
    monitor: Monitor,
    what: Option<String>,
    server: Arc<Server>,
    /// Can be read when somebody has opened the page.
    wake: UnixStream,
    began: Instant,
    /// What the map is drawn from, and the message with it.
    drawn: Option<(Survey, Bytes)>,
}

impl Watcher {
    pub(super) fn new(
        monitor: Monitor,
        what: Option<String>,
        server: Arc<Server>,
        wake: UnixStream,
    ) -> Self {
        Watcher {
            monitor,
            what,
            server,
            wake,
            began: Instant::now(),
            drawn: None,
        }
    }

    /// Until something is wrong.
    pub(super) fn watch(mut self) -> Result<(), Trouble> {
        let mut due = Instant::now();
        let mut rested = due;
        loop {
            match self.monitor.next(Some(due), self.wake.as_fd())? {
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
            if !self.server.readers.is_empty() {
                self.show()?;
                let took = now.elapsed();
                rested = now + took * SHARE;
                due = due.max(rested);
            }
        }
    }

    fn was_woken(&mut self) -> bool {
        let mut bytes = [0; 64];
        self.wake.read(&mut bytes).is_ok_and(|count| count > 0)
    }

    /// Tells what happened; whether the map may be another by it.
    fn tell(&self, all: &[Happening]) -> bool {
        let time = local_time();
        let only_in: Vec<String> = self.what.iter().cloned().collect();
        for one in all {
            if !one.event.is_noise() && is_there(one, &only_in) {
                self.server.readers.send(&message::happened(&time, one));
            }
        }
        all.iter()
            .any(|one| !matches!(one.event, Event::Neighbour { .. } | Event::Ruleset(_)))
    }

    fn show(&mut self) -> Result<(), Trouble> {
        let (seen, gone) = match look(self.what.as_deref()) {
            Ok(seen) => (seen, false),
            // A lab that was there is down.
            Err(_) if self.what.is_some() => (Survey::default(), true),
            Err(trouble) => return Err(trouble),
        };
        let counters = message::counters(&seen, self.began.elapsed().as_secs_f64());
        let shape = shape(&seen);
        let unseen = seen.unseen.clone();
        self.server.keep(seen);
        let known = self.drawn.take().filter(|(drawn, _)| *drawn == shape);
        let is_new = known.is_none();
        let title = self.what.as_deref().unwrap_or("host");
        let drawn = known.unwrap_or_else(|| {
            let map = message::map(&shape, &unseen, title, gone);
            (shape, map)
        });
        self.server.readers.send_map(&drawn.1, is_new);
        self.server.readers.send(&counters);
        self.drawn = Some(drawn);
        Ok(())
    }
}

/// What is drawn: without what is another at each look.
fn shape(seen: &Survey) -> Survey {
    let mut shape = seen.clone();
    shape.unseen.clear();
    for space in &mut shape.namespaces {
        space.neighbours.clear();
        space.processes.clear();
        for device in &mut space.devices {
            device.counters = Counters::default();
        }
    }
    shape
}
