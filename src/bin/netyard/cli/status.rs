use std::collections::BTreeMap;
use std::process::ExitCode;

use netyard::error::Error;
use netyard::lab::programs::{self, Known};
use netyard::lab::{self, Described, Status, Whereabouts};
use netyard::plan::{Change, Plan, Summary};
use netyard::report::Report;
use netyard::state::{ContainerName, LabName, Netns};
use serde_json::{Value, json};

use super::changes;
use super::logs;
use super::meant;
use super::output::{self, BAD, BOLD, GOOD, say, styled};
use super::ports;
use super::source;
use super::trouble::Trouble;

/// Compare labs with their description
///
/// Each difference is a line: `+` is missing, `~` is different, `-` is there and not
/// described, `±` must be made anew; `netyard up LAB` puts it right. The exit code is
/// 0 when all is as described, 1 when it is not. A lab that was made from another
/// network namespace is listed and not judged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard status three")]
pub(crate) struct Args {
    /// Only this lab, or those of this container
    #[arg(value_name = "LAB|CONTAINER")]
    lab: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A lab and how it is.
struct Row {
    lab: Described,
    programs: Vec<Known>,
    /// What `up` would do with them.
    starts: Vec<programs::Change>,
    /// Whether links or partitions are otherwise than its file says, on purpose.
    set: bool,
    containers: BTreeMap<Netns, ContainerName>,
    seen: Seen,
}

enum Seen {
    Status(Status),
    /// It cannot be judged from here.
    Nothing,
    /// What it was brought up with, this netyard cannot read.
    Unread(Report),
}

impl Row {
    /// Whether it is, as far as that can be seen from here.
    fn is_as_described(&self) -> bool {
        let same = |status: &Status| status.drift.as_ref().is_ok_and(|drift| drift.is_empty());
        match &self.seen {
            Seen::Status(status) => self.lab.whole && same(status) && self.starts.is_empty(),
            Seen::Nothing => self.lab.host == Whereabouts::Elsewhere,
            Seen::Unread(_) => false,
        }
    }

    fn status(&self) -> Option<&Status> {
        match &self.seen {
            Seen::Status(status) => Some(status),
            _ => None,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let mut rows = Vec::new();
    for lab in labs(args.lab.as_deref())? {
        rows.push(row(lab)?);
    }
    let code = ExitCode::from(u8::from(!rows.iter().all(Row::is_as_described)));
    if args.json {
        output::json(&rows.iter().map(as_json).collect::<Vec<_>>())?;
        return Ok(code);
    }
    if rows.is_empty() {
        say!("no lab is up");
    }
    rows.iter().for_each(show);
    Ok(code)
}

fn labs(only: Option<&str>) -> Result<Vec<Described>, Trouble> {
    let mut labs = lab::list()?;
    let only = only.map(meant::labs).transpose()?;
    for only in only.iter().flatten() {
        match labs.iter().find(|lab| lab.name == *only) {
            None => return Err(Error::NoLab(only.clone()).into()),
            Some(lab) if lab.host == Whereabouts::Elsewhere => {
                return Err(Error::OtherHost(only.clone()).into());
            }
            Some(_) => {}
        }
    }
    labs.retain(|lab| only.as_ref().is_none_or(|only| only.contains(&lab.name)));
    Ok(labs)
}

fn row(lab: Described) -> Result<Row, Trouble> {
    let source = source::recorded(lab.clone());
    let containers = source
        .as_ref()
        .map(|source| source.topology.containers().collect());
    let containers = containers.unwrap_or_default();
    let topology = source.as_ref().ok().map(|source| source.topology.clone());
    let seen = match (lab.host, source) {
        (Whereabouts::Elsewhere | Whereabouts::Gone, _) => Seen::Nothing,
        (Whereabouts::Here, Ok(source)) => match lab::status(&source.topology) {
            // A network of another lab that is there no more.
            Err(error @ Error::Resolve(_)) => Seen::Unread(error.report()),
            status => Seen::Status(status?),
        },
        (Whereabouts::Here, Err(trouble)) => Seen::Unread(trouble.into_parts().0),
    };
    let starts = match (&seen, &topology) {
        (Seen::Status(_), Some(topology)) => programs::changes(topology)?,
        _ => Vec::new(),
    };
    Ok(Row {
        starts,
        programs: programs::list(&lab.name)?,
        set: lab::is_overlaid(&lab.name)?,
        lab,
        containers,
        seen,
    })
}

fn show(row: &Row) {
    match &row.seen {
        Seen::Status(status) => show_status(row, status),
        Seen::Nothing => show_unseen(&row.lab),
        Seen::Unread(report) => {
            let (lab, unread) = (&row.lab.name, styled(BAD, "cannot be judged"));
            say!("lab {} {unread}: {}", styled(BOLD, lab), report.message);
            say!("  `netyard down {lab}` removes it");
        }
    }
}

fn show_unseen(lab: &Described) {
    let name = styled(BOLD, &lab.name);
    if lab.host == Whereabouts::Elsewhere {
        say!("lab {name} was made from another network namespace, which can tell");
        return;
    }
    say!("lab {name} is {}", styled(BAD, "gone"));
    say!("  with the network namespace that it was made from");
    say!("  `netyard down {}` forgets it", lab.name);
}

fn show_status(row: &Row, status: &Status) {
    let name = styled(BOLD, &row.lab.name);
    match row.is_as_described() {
        true => say!("lab {name} is {}", styled(GOOD, "as described")),
        false => say!(
            "lab {name} is {}{}",
            styled(BAD, "not as described"),
            counted(status)
        ),
    }
    let lab = &row.lab.name;
    for (netns, container) in &row.containers {
        say!("  container {} ({netns})", container.short());
    }
    if !row.lab.whole {
        say!("  its last change did not come to its end:");
        say!("  `netyard up {lab}` completes it, `netyard down {lab}` removes it");
    }
    match &status.drift {
        Ok(drift) if drift.is_empty() => {}
        Ok(drift) => say!("{}", changes::list(&differences(drift)).trim_end()),
        Err(conflicts) => say!("  {conflicts}"),
    }
    match &status.drift {
        Ok(drift) if drift.is_empty() => ports::show(&status.reach, "  "),
        _ => ports::name(&status.reach, "  "),
    }
    for one in &row.programs {
        say!("  program {}", logs::line(one));
    }
    for end in &status.foreign {
        let dev = &end.dev;
        say!("  note: {dev} is plugged into one of its bridges and was not made by netyard");
    }
    for (network, of) in &row.lab.external {
        say!("  on network {network} of lab {of}");
    }
    for (network, by) in &row.lab.used {
        let by: Vec<&str> = by.iter().map(LabName::as_str).collect();
        say!("  network {network} has others on it: {}", by.join(", "));
    }
    let drifts = status.drift.as_ref().is_ok_and(|drift| !drift.is_empty());
    let failed = !row.starts.is_empty();
    match (drifts, row.set) {
        _ if !row.lab.whole => {}
        (true, false) => say!("  `netyard up {lab}` puts it right"),
        (true, true) => {
            say!("  `netyard repair {lab}` puts it right, and keeps what `netyard link` has set");
        }
        (false, _) if failed => say!("  `netyard up {lab}` starts what does not run as it should"),
        (false, _) => {}
    }
    if row.set {
        say!("  `netyard link` has set something of it: `netyard link show {lab}` tells what");
    }
}

/// ": 4 missing, 1 different".
fn counted(status: &Status) -> String {
    let drift = status.drift.as_ref().map(Plan::changes).unwrap_or_default();
    let Summary {
        made,
        changed,
        remade,
        removed,
        ..
    } = Summary::of(&drift);
    let counts = [
        (made, "missing"),
        (changed, "different"),
        (remade, "to be made anew"),
        (removed, "not described"),
    ];
    let counts = counts.iter().filter(|(n, _)| *n > 0);
    let counts: Vec<String> = counts.map(|(n, how)| format!("{n} {how}")).collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!(": {}", counts.join(", ")),
    }
}

/// What `up` would do to put it right says what is different; whom that disturbs is
/// for `plan` to tell.
fn differences(drift: &Plan) -> Vec<Change> {
    let mut changes = drift.changes();
    changes.iter_mut().for_each(|change| change.impacts.clear());
    changes
}

fn as_json(row: &Row) -> Value {
    let drift = row.status().map(|status| status.drift.as_ref());
    let error = match &row.seen {
        Seen::Unread(report) => Some(report),
        _ => None,
    };
    let (changes, conflicts) = match drift {
        Some(Ok(drift)) => (differences(drift), Vec::new()),
        Some(Err(conflicts)) => (Vec::new(), conflicts.report().problems),
        None => Default::default(),
    };
    json!({
        "lab": row.lab.name,
        "as_described": (row.lab.host != Whereabouts::Elsewhere).then(|| row.is_as_described()),
        "whole": row.lab.whole,
        "host": match row.lab.host {
            Whereabouts::Here => "here",
            Whereabouts::Elsewhere => "elsewhere",
            Whereabouts::Gone => "gone",
        },
        "drift": changes,
        "conflicts": conflicts,
        "external": row.lab.external,
        "used": row.lab.used,
        "containers": row.containers,
        "programs": row.programs,
        "set": row.set,
        "foreign": row.status().map(|status| &status.foreign),
        "published": row.status().map(|status| &status.reach.ports),
        "warnings": row.status().map(|status| &status.reach.warnings),
        "error": error,
    })
}
