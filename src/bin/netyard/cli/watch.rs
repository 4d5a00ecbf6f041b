use std::fmt::Display;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use netyard::plan::Change;
use netyard::state::Netns;
use netyard::vigil::{Event, Log, Vigil};
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::meant;
use super::output::{BAD, BOLD, DIM, say, styled};
use super::trouble::Trouble;

/// Stay, and bring back what others change, by itself
///
/// Sleeps until the kernel tells of a change (devices, addresses, routes, rules, settings,
/// the firewall; on the host and in the labs' namespaces), and repairs within a second,
/// without a question: what nobody described goes. A line for each repair, with its cause.
/// Where somebody takes the same thing away each time, it waits longer each time, up to a
/// minute. Labs that come and go are noticed. Ctrl-C or SIGTERM ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard watch           every lab of this host, also those to come
          netyard watch --json    a line of JSON for each event
A systemd unit is in contrib/systemd/netyard-watch.service.")]
pub(crate) struct Args {
    /// Only these labs, or those of these containers
    #[arg(value_name = "LAB|CONTAINER")]
    labs: Vec<String>,
    /// Print each event as a line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let stop = signals()?;
    let mut vigil = Vigil::begin(meant::all_labs(&args.labs)?)?;
    vigil.keep(stop.as_fd(), &mut Lines { json: args.json })?;
    Ok(ExitCode::SUCCESS)
}

/// Can be read once a signal has come; a second one ends the program at once.
pub(crate) fn signals() -> std::io::Result<UnixStream> {
    let (stop, wake) = UnixStream::pair()?;
    let stopped = Arc::<AtomicBool>::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stopped))?;
        signal_hook::flag::register(signal, Arc::clone(&stopped))?;
        signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?;
    }
    Ok(stop)
}

/// A line for each event.
struct Lines {
    json: bool,
}

impl Log for Lines {
    fn note(&mut self, event: &Event) {
        match self.json {
            true => say!("{}", as_json(event)),
            false => say!("{}", in_words(event)),
        }
    }
}

/// So many changes of one repair are named.
const NAMED: usize = 4;

fn in_words(event: &Event) -> String {
    match event {
        Event::Watching { labs, absent } => {
            let waits = match absent.is_empty() {
                true => String::new(),
                false => format!("; not up: {}", joined(absent)),
            };
            match labs.is_empty() {
                true => format!("watching: no lab is up{waits}"),
                false => format!("watching {}{waits}", joined(labs)),
            }
        }
        Event::Repaired {
            lab,
            causes,
            plan,
            took,
        } => {
            let done = changed(&plan.changes());
            let took = styled(DIM, format!("({:.1} ms)", took.as_secs_f64() * 1e3));
            let lab = styled(BOLD, lab);
            format!(
                "lab {lab} repaired: {done}; because {} {took}",
                first(causes)
            )
        }
        Event::Fought {
            lab,
            thing,
            times,
            wait,
        } => {
            let (lab, fought) = (styled(BOLD, lab), styled(BAD, "somebody undoes it"));
            let wait = seconds(*wait);
            format!("lab {lab}: {fought}: {thing} ({times} times); next in {wait}")
        }
        Event::Failed { lab, error, wait } => {
            let next = match wait {
                Some(wait) => format!("tried again in {}", seconds(*wait)),
                None => "tried again when something changes".to_owned(),
            };
            let said = error.to_string().replace('\n', " ");
            let (lab, not) = (styled(BOLD, lab), styled(BAD, "not repaired"));
            format!("lab {lab} {not}: {said}; {next}")
        }
        Event::Lost => "more changed at once than could be told: all is looked at".to_owned(),
    }
}

fn joined<T: Display>(all: &[T]) -> String {
    let words: Vec<String> = all.iter().map(T::to_string).collect();
    words.join(", ")
}

/// The likeliest ones: a device that goes takes addresses and routes with it.
fn first<T: Display>(causes: &[T]) -> String {
    joined(&causes[..causes.len().min(2)])
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64().ceil())
}

/// "+ address 10.0.0.10/24 on eth0 in one, ~ ...".
fn changed(changes: &[Change]) -> String {
    let one = |change: &Change| {
        let own = format!("namespace {}", change.netns);
        let place = match &change.netns {
            Netns::Named(name) if change.what != own => format!(" in {name}"),
            _ => String::new(),
        };
        format!("{} {}{place}", change.sign, change.what)
    };
    let named: Vec<String> = changes.iter().take(NAMED).map(one).collect();
    match changes.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn as_json(event: &Event) -> Value {
    let mut value = match event {
        Event::Watching { labs, absent } => {
            json!({ "event": "watching", "labs": labs, "absent": absent })
        }
        Event::Repaired {
            lab,
            causes,
            plan,
            took,
        } => json!({
            "event": "repaired", "lab": lab, "milliseconds": took.as_secs_f64() * 1e3,
            "causes": causes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "changes": plan.changes(),
        }),
        Event::Fought {
            lab,
            thing,
            times,
            wait,
        } => json!({
            "event": "fought", "lab": lab, "thing": thing, "times": times,
            "wait": wait.as_secs_f64(),
        }),
        Event::Failed { lab, error, wait } => json!({
            "event": "failed", "lab": lab, "error": error.report(),
            "wait": wait.map(|wait| wait.as_secs_f64()),
        }),
        Event::Lost => json!({ "event": "lost" }),
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    value["time"] = json!(since.unwrap_or_default().as_secs_f64());
    value
}
