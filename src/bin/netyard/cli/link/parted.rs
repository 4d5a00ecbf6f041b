use std::collections::BTreeSet;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use netyard::lab::{self, Sides};
use netyard::plan::Plan;
use netyard::state::{LabName, NameError, Netns};
use serde_json::json;

use super::manner;
use crate::cli::consent;
use crate::cli::output::{self, BOLD, DIM, say, styled};
use crate::cli::progress::Verbosity;
use crate::cli::trouble::Trouble;

/// Have two namespaces, or groups of them, drop all that is between them; all else goes on
///
/// Connections that run stall, and go on when it is healed. Partitions add up.
#[derive(Debug, clap::Args)]
pub(super) struct Partition {
    /// The lab
    lab: LabName,
    /// A namespace, or several with commas between them
    #[arg(value_name = "NAMESPACES")]
    one: Side,
    /// Those that it is parted from
    #[arg(value_name = "NAMESPACES")]
    other: Side,
    /// Print what was done as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// End a partition: of these two sides, or all there are
#[derive(Debug, clap::Args)]
pub(super) struct Heal {
    /// The lab
    lab: LabName,
    /// A namespace, or several with commas between them
    #[arg(value_name = "NAMESPACES", requires = "other")]
    one: Option<Side>,
    /// Those that it is parted from
    #[arg(value_name = "NAMESPACES")]
    other: Option<Side>,
    /// Print what was done as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// One side, as it was written.
#[derive(Debug, Clone)]
struct Side {
    text: String,
    all: BTreeSet<Netns>,
}

impl FromStr for Side {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let all = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let text = text.replace(',', ", ");
        Ok(Side { text, all })
    }
}

fn sides(one: &Side, other: &Side) -> Sides {
    [one.all.clone(), other.all.clone()]
}

pub(super) fn partition(args: &Partition, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let sides = sides(&args.one, &args.other);
    let manner = manner(args.json, verbosity);
    let done = consent::agreed(manner, |p| lab::partition(&args.lab, &sides, p))?;
    let [one, other] = [&args.one, &args.other].map(|side| styled(BOLD, &side.text));
    tell(
        &args.lab,
        args.json,
        done,
        [
            &format!("{one}: parted from {other}"),
            &format!("{one}: parted from {other} already"),
        ],
    )
}

pub(super) fn heal(args: &Heal, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let both = args.one.as_ref().zip(args.other.as_ref());
    let sides = both.map(|(one, other)| sides(one, other));
    let manner = manner(args.json, verbosity);
    let done = consent::agreed(manner, |p| lab::heal(&args.lab, sides.as_ref(), p))?;
    let words = match both {
        Some((one, other)) => {
            let [one, other] = [one, other].map(|side| styled(BOLD, &side.text));
            [
                format!("{one}: reaches {other} again"),
                format!("{one}: not parted from {other}"),
            ]
        }
        None => [
            format!("lab {} is healed", styled(BOLD, &args.lab)),
            "nobody is parted".to_owned(),
        ],
    };
    tell(
        &args.lab,
        args.json,
        done,
        words.each_ref().map(String::as_str),
    )
}

/// What was done, or that there was nothing to do.
fn tell(
    lab: &LabName,
    json: bool,
    (plan, took): (Plan, Duration),
    [done, nothing]: [&str; 2],
) -> Result<ExitCode, Trouble> {
    let took = took.as_secs_f64() * 1e3;
    if json {
        let parted: Vec<_> = (lab::partitions(lab)?.iter())
            .map(|two| two.both().map(Netns::clone))
            .collect();
        return output::json(&json!({
            "lab": lab, "parted": parted, "changed": !plan.is_empty(), "milliseconds": took,
            "changes": plan.changes(), "steps": plan.steps,
        }));
    }
    match plan.is_empty() {
        true => say!("{nothing}"),
        false => say!("{done} {}", styled(DIM, format!("({took:.1} ms)"))),
    }
    Ok(ExitCode::SUCCESS)
}
