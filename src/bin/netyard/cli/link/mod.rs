mod parted;
mod show;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Subcommand;
use netyard::lab::{self, Condition, LinkChange, Way};
use netyard::state::{End, LabName, Rate, Share, Time};
use netyard::topology::Preset;
use serde_json::json;

use super::consent::{self, Manner};
use super::output::{self, BOLD, DIM, say, styled};
use super::progress::Verbosity;
use super::trouble::Trouble;

/// Change links of a lab that is up: delay, loss, rate and the like; down and up again; partitions
///
/// What is set holds until `up` brings back what the file says: `status`, `repair` and
/// `watch` know it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard link set mine one:eth0 --delay 40ms --jitter 5ms --loss 1%
          netyard link set mine one:eth0 --preset 4g
          netyard link set mine one:eth0 --out --rate 2mbit
          netyard link set mine one:eth0 --clear
          netyard link down mine one:eth0
          netyard link partition mine one,two three
          netyard link heal mine
          netyard link show mine")]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Set(Set),
    /// Set an interface down: it carries nothing
    Down(Turn),
    /// Set an interface up again
    Up(Turn),
    Partition(parted::Partition),
    Heal(parted::Heal),
    Show(show::Args),
}

/// Set what becomes of packets; what is not named stays
#[derive(Debug, clap::Args)]
struct Set {
    /// The lab
    lab: LabName,
    /// An interface of it
    #[arg(value_name = "NAMESPACE:INTERFACE")]
    end: End,
    /// What a well-known kind of access does: 3g, 4g, wifi, satellite or dsl
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// How long each packet takes (`40ms`); 0 for no time
    #[arg(long, value_name = "TIME")]
    delay: Option<Time>,
    /// How much longer or shorter some take
    #[arg(long, value_name = "TIME")]
    jitter: Option<Time>,
    /// How many get lost (`1%`)
    #[arg(long, value_name = "SHARE")]
    loss: Option<Share>,
    /// How many come twice
    #[arg(long, value_name = "SHARE")]
    duplicate: Option<Share>,
    /// How many do not wait for the delay, and overtake others
    #[arg(long, value_name = "SHARE")]
    reorder: Option<Share>,
    /// How many have a wrong bit
    #[arg(long, value_name = "SHARE")]
    corrupt: Option<Share>,
    /// How fast they leave (`10mbit`), or `none`
    #[arg(long, value_parser = or_none::<Rate>)]
    rate: Option<OrNone<Rate>>,
    /// How many packets may be on their way, or `none` for what is enough
    #[arg(long, value_name = "PACKETS", value_parser = or_none::<u32>)]
    limit: Option<OrNone<u32>>,
    /// Only what it receives
    #[arg(long = "in", conflicts_with = "sent")]
    received: bool,
    /// Only what it sends
    #[arg(long = "out")]
    sent: bool,
    /// Back to what the file says
    #[arg(long, conflicts_with_all = ["preset", "delay", "jitter", "loss", "duplicate", "reorder", "corrupt", "rate", "limit"])]
    clear: bool,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// One of both.
#[derive(Debug, clap::Args)]
struct Turn {
    /// The lab
    lab: LabName,
    /// An interface of it
    #[arg(value_name = "NAMESPACE:INTERFACE")]
    end: End,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// A value, or `none` of it.
#[derive(Debug, Clone, Copy)]
enum OrNone<T> {
    Some(T),
    None,
}

impl<T> OrNone<T> {
    fn option(self) -> Option<T> {
        match self {
            OrNone::Some(value) => Some(value),
            OrNone::None => None,
        }
    }
}

fn or_none<T: std::str::FromStr<Err: ToString>>(text: &str) -> Result<OrNone<T>, String> {
    match text {
        "none" => Ok(OrNone::None),
        text => text
            .parse()
            .map(OrNone::Some)
            .map_err(|e: T::Err| e.to_string()),
    }
}

impl Args {
    pub(crate) fn json(&self) -> bool {
        match &self.verb {
            Verb::Set(args) => args.json,
            Verb::Down(args) | Verb::Up(args) => args.json,
            Verb::Partition(args) => args.json,
            Verb::Heal(args) => args.json,
            Verb::Show(args) => args.json,
        }
    }
}

pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let json = args.json();
    let (lab, end, change) = match &args.verb {
        Verb::Show(args) => return show::run(args),
        Verb::Partition(args) => return parted::partition(args, verbosity),
        Verb::Heal(args) => return parted::heal(args, verbosity),
        Verb::Set(args) => (&args.lab, &args.end, args.change()?),
        Verb::Down(args) => (&args.lab, &args.end, LinkChange::Down),
        Verb::Up(args) => (&args.lab, &args.end, LinkChange::Up),
    };
    let (plan, took) = consent::agreed(manner(json, verbosity), |p| {
        lab::set_link(lab, end, &change, p)
    })?;
    let took = took.as_secs_f64() * 1e3;
    if json {
        return output::json(&json!({
            "lab": lab, "end": end, "changed": !plan.is_empty(), "milliseconds": took,
            "changes": plan.changes(), "steps": plan.steps,
        }));
    }
    let end = styled(BOLD, end);
    match plan.is_empty() {
        true => say!("{end} is so already"),
        false => say!(
            "{end} is changed {}",
            styled(DIM, format!("({took:.1} ms)"))
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// It is what was asked for, and nothing else.
fn manner(json: bool, verbosity: Verbosity) -> Manner {
    Manner {
        yes: true,
        quiet: json,
        verbosity,
    }
}

impl Set {
    fn change(&self) -> Result<LinkChange, Trouble> {
        let ways = match (self.received, self.sent) {
            (true, _) => BTreeSet::from([Way::In]),
            (_, true) => BTreeSet::from([Way::Out]),
            _ => BTreeSet::from([Way::In, Way::Out]),
        };
        if self.clear {
            return Ok(LinkChange::Clear(ways));
        }
        let conditions: Vec<Condition> = [
            self.delay.map(Condition::Delay),
            self.jitter.map(Condition::Jitter),
            self.loss.map(Condition::Loss),
            self.duplicate.map(Condition::Duplicate),
            self.reorder.map(Condition::Reorder),
            self.corrupt.map(Condition::Corrupt),
            self.rate.map(|rate| Condition::Rate(rate.option())),
            self.limit.map(|limit| Condition::Limit(limit.option())),
        ]
        .into_iter()
        .flatten()
        .collect();
        if conditions.is_empty() && self.preset.is_none() {
            let said = "nothing is said of the link";
            let trouble = Trouble::input(netyard::report::codes::USAGE, said);
            return Err(trouble.hint("write what shall be, as in `--delay 40ms --loss 1%`"));
        }
        Ok(LinkChange::Set {
            ways,
            preset: self.preset,
            conditions,
        })
    }
}
