pub(crate) mod json;

use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use netyard::monitor::{LocalTime, Monitor, local_time};
use netyard::state::happening::{
    Change, Event, Happening, LinkChange, NamespaceChange, Noun, Power,
};
use netyard::survey;

use super::meant::{Found, Meant};
use super::output::{BAD, BOLD, DIM, GOOD, say, styled};
use super::trouble::Trouble;
use super::watch::signals;

/// Tell what happens to networks, in every namespace, as it happens
///
/// What `ip monitor` tells, for all network namespaces of this host at once, with names:
/// links, addresses, routes, neighbours, rules and the firewall (and who changed it),
/// namespaces made and gone. Only what changed. Should more happen at once than the
/// kernel can tell, that is said, all is read again, and what is different now is told.
/// Ctrl-C ends it. As an ordinary user it hears of its own namespace only.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard monitor                          everything, everywhere
          netyard monitor one three                a namespace and a lab
          netyard monitor --only links,addresses   some of it
          netyard monitor --json --count 1         wait for the next event")]
pub(crate) struct Args {
    /// Labs or namespaces (also `ns:NAME`), also those to come; `host` is the namespace netyard runs in
    #[arg(value_name = "LAB|NS")]
    only_in: Vec<String>,
    /// Only these kinds of events
    #[arg(long, value_name = "KINDS", value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
    /// Also how sure the kernel is of each neighbour (reachable, stale, ...)
    #[arg(long)]
    neighbours: bool,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    time: Option<Duration>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print each event as a line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Links,
    Addresses,
    Routes,
    Neighbours,
    Rules,
    Namespaces,
}

impl Kind {
    fn noun(self) -> Noun {
        match self {
            Kind::Links => Noun::Link,
            Kind::Addresses => Noun::Address,
            Kind::Routes => Noun::Route,
            Kind::Neighbours => Noun::Neighbour,
            Kind::Rules => Noun::Rule,
            Kind::Namespaces => Noun::Namespace,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|e| e.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let stop = signals()?;
    let mut monitor = Monitor::begin()?;
    if !monitor.hears_all() {
        let why = "an ordinary user hears of this namespace only; root hears of all";
        anstream::eprintln!("{}", styled(DIM, why));
    }
    let only_in = args.only_in.iter().map(|name| wanted(name));
    let only_in = only_in.collect::<Result<Vec<_>, Trouble>>()?;
    let until = args.time.map(|time| Instant::now() + time);
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(all) = monitor.next(until, stop.as_fd())? else {
            break;
        };
        let time = local_time();
        let told = all.iter().filter(|one| args.wants(one, &only_in));
        for one in told.take(usize::try_from(left).unwrap_or(usize::MAX)) {
            match args.json {
                true => say!("{}", json::line(&time, one)),
                false => say!("{}", line(&time, one)),
            }
            left -= 1;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where somebody wants to hear of; what has a name may come later, a process has none.
type Wanted = (Meant, Option<Found>);

fn wanted(name: &str) -> Result<Wanted, Trouble> {
    let meant = Meant::by(name);
    let found = match (&meant, name.contains(':')) {
        (Meant::Any(_), true) => Some(meant.find(&survey::look()?)?),
        _ => None,
    };
    Ok((meant, found))
}

impl Args {
    fn wants(&self, one: &Happening, only_in: &[Wanted]) -> bool {
        let noun = one.event.noun();
        let kind = self.only.is_empty() || self.only.iter().any(|kind| kind.noun() == noun);
        let noise = one.event.is_noise() && !self.neighbours;
        noun == Noun::Lost || kind && !noise && is_there(one, only_in)
    }
}

/// Whether it happened in one of these namespaces or labs; none of them is everywhere.
fn is_there(one: &Happening, only_in: &[Wanted]) -> bool {
    let Some(place) = &one.place else { return true };
    let was = match &one.event {
        Event::Namespace(NamespaceChange::Renamed { old }) => Some(old),
        _ => None,
    };
    let lab = place.lab.as_ref();
    let is = |(meant, found): &Wanted| {
        let found = found.as_ref().is_some_and(|found| found.is(place));
        found || meant.is(&place.netns, lab) || was.is_some_and(|was| meant.is(was, lab))
    };
    only_in.is_empty() || only_in.iter().any(is)
}

/// Namespaces have so much room before what happened.
const PLACE: usize = 10;

fn line(time: &LocalTime, one: &Happening) -> String {
    let clock = styled(DIM, time.clock());
    let Some(place) = &one.place else {
        let padded = format!("{:PLACE$}", "*");
        return format!("{clock} {padded} {}", styled(BAD, &one.event));
    };
    let padding = " ".repeat(PLACE.saturating_sub(place.netns.chars().count()));
    let words = match weight(&one.event) {
        Some(good) => styled(if good { GOOD } else { BAD }, words(one)),
        None => words(one),
    };
    let found = match one.found {
        true => styled(DIM, " (found)"),
        false => String::new(),
    };
    let noun = noun(&one.event);
    format!(
        "{clock} {}{padding} {noun}{words}{found}",
        styled(BOLD, &place.netns)
    )
}

/// What happened, without where.
pub(crate) fn words(one: &Happening) -> String {
    match (&one.event, &one.place) {
        (Event::Namespace(change), Some(place)) => {
            let lab = place.lab.as_ref().map(|lab| format!(" (lab {lab})"));
            format!("{}{}", change.of(&place.netns), lab.unwrap_or_default())
        }
        (event, _) => event.to_string(),
    }
}

/// What it happened to, where its words do not say it.
pub(crate) fn noun(event: &Event) -> String {
    match event {
        Event::Ruleset(_) | Event::Lost => String::new(),
        event => format!("{} ", event.noun()),
    }
}

/// Whether something came or went that others need.
pub(crate) fn weight(event: &Event) -> Option<bool> {
    fn of<T>(change: &Change<T>) -> Option<bool> {
        match change {
            Change::New(_) => Some(true),
            Change::Gone(_) => Some(false),
            Change::Changed { .. } => None,
        }
    }
    match event {
        Event::Link { change, .. } => match change {
            LinkChange::New { .. } => Some(true),
            LinkChange::Gone { .. } => Some(false),
            LinkChange::Power { new, .. } => Some(*new == Power::On),
            _ => None,
        },
        Event::Address { change, .. } => of(change),
        Event::Route(change) => of(change),
        Event::Rule(change) => of(change),
        Event::Neighbour { change, .. } => match change {
            Change::Changed { new, .. } if new.state == "failed" => Some(false),
            _ => None,
        },
        Event::Namespace(NamespaceChange::New) => Some(true),
        Event::Namespace(NamespaceChange::Gone) => Some(false),
        _ => None,
    }
}
