use std::process::ExitCode;

use netyard::error::Error;
use netyard::lab::{self, Described, Phase, Status};
use netyard::plan::{Change, Plan, Summary};
use netyard::state::LabName;
use serde_json::{Value, json};

use super::changes;
use super::output::{self, BAD, BOLD, GOOD, Trouble, say, styled};
use super::source;

/// Compare labs with their description
///
/// Each difference is a line: `+` is missing, `~` is different, `-` is there and not
/// described, `±` must be made anew; `netyard up LAB` puts it right. The exit code is
/// 0 when all is as described, 1 when it is not.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this lab
    lab: Option<LabName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A lab and how it is; `None` where only another namespace could tell.
struct Row {
    lab: Described,
    status: Option<Status>,
}

impl Row {
    fn is_as_described(&self) -> bool {
        let same = |status: &Status| status.drift.as_ref().is_ok_and(|drift| drift.is_empty());
        self.lab.phase == Phase::Done && self.status.as_ref().is_none_or(same)
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let mut rows = Vec::new();
    for lab in labs(args.lab.as_ref())? {
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

fn labs(only: Option<&LabName>) -> Result<Vec<Described>, Trouble> {
    let mut labs = lab::list()?;
    if let Some(only) = only {
        labs.retain(|lab| lab.name == *only);
        match labs.first() {
            None => return Err(Error::NoLab(only.clone()).into()),
            Some(lab) if !lab.here => return Err(Error::OtherHost(only.clone()).into()),
            Some(_) => {}
        }
    }
    Ok(labs)
}

fn row(lab: Described) -> Result<Row, Trouble> {
    let status = match lab.here {
        true => Some(lab::status(&source::recorded(lab.clone())?.topology)?),
        false => None,
    };
    Ok(Row { lab, status })
}

fn show(row: &Row) {
    let Row { lab, status } = row;
    let name = styled(BOLD, &lab.name);
    let Some(status) = status else {
        say!("lab {name} was made from another network namespace: `netyard status` tells there");
        return;
    };
    match row.is_as_described() {
        true => say!("lab {name} is {}", styled(GOOD, "as described")),
        false => say!(
            "lab {name} is {}{}",
            styled(BAD, "not as described"),
            counted(status)
        ),
    }
    let lab = &lab.name;
    match row.lab.phase {
        Phase::Done => {}
        Phase::Working => say!("  another netyard is changing it at this moment"),
        Phase::HalfDone => {
            say!("  an `up` of it did not come to its end");
            say!("  `netyard up {lab}` completes it, `netyard down {lab}` removes it");
        }
    }
    match &status.drift {
        Ok(drift) if drift.is_empty() => {}
        Ok(drift) => say!("{}", changes::list(&differences(drift)).trim_end()),
        Err(conflicts) => say!("  {conflicts}"),
    }
    for end in &status.foreign {
        let dev = &end.dev;
        say!("  note: {dev} is plugged into one of its bridges and was not made by netyard");
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
    let drift = row.status.as_ref().map(|status| status.drift.as_ref());
    let (changes, conflicts) = match drift {
        Some(Ok(drift)) => (differences(drift), Vec::new()),
        Some(Err(conflicts)) => {
            let said = conflicts.0.iter().map(ToString::to_string);
            (Vec::new(), said.collect())
        }
        None => Default::default(),
    };
    let phase = match row.lab.phase {
        Phase::Done => "done",
        Phase::Working => "working",
        Phase::HalfDone => "half-done",
    };
    json!({
        "lab": row.lab.name,
        "here": row.lab.here,
        "as_described": row.status.as_ref().map(|_| row.is_as_described()),
        "up": phase,
        "drift": changes,
        "conflicts": conflicts,
        "foreign": row.status.as_ref().map(|status| &status.foreign),
    })
}
