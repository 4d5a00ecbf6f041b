use std::process::ExitCode;

use clap::ValueEnum;
use netyard::lab;
use netyard::lab::programs::{self, Change, Step};
use netyard::plan::{Plan, Reach, Summary};
use serde_json::json;

use super::changes;
use super::output::{self, BOLD, DIM, say, styled};
use super::ports;
use super::source;
use super::trouble::Trouble;

/// Show what `up` would do, and whom it disturbs; change nothing
///
/// Of a lab that is up: what is made (+), changed (~), removed (-) and made anew (±),
/// each with its reason and with what it does to what is there. Of a new lab: the
/// commands that one would type.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard plan lab.yaml            what would be done, and why
          netyard plan --as sh lab.yaml    a script that does the same")]
pub(crate) struct Args {
    /// The topology file (`-` reads standard input), a shape as for `init`, or the name of a
    /// lab: the file that it was last brought up with
    #[arg(value_name = "FILE|LAB", value_hint = clap::ValueHint::FilePath)]
    target: String,
    /// The form
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
    /// The same as `--as json`
    #[arg(long, conflicts_with = "form")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// What is made, changed, removed, and whom that disturbs
    List,
    /// One command a line, each with its reason
    Commands,
    /// A script that builds the same network with ip, nft and sysctl
    Sh,
    /// Every operation with all its values and its impacts
    Json,
}

impl Args {
    pub(crate) fn json(&self) -> bool {
        self.json || self.form == Some(Form::Json)
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let topology = source::of(&args.target)?.topology;
    let (plan, reach) = lab::preview(&topology)?;
    let programs = programs::changes(&topology)?;
    let usual = if plan.new { Form::Commands } else { Form::List };
    let asked = Some(Form::Json).filter(|_| args.json).or(args.form);
    match asked.unwrap_or(usual) {
        Form::Json => return json(&plan, &reach, &programs),
        Form::Sh => {
            say!("{}", plan.script().trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        _ if plan.is_empty() && !programs.is_empty() => {}
        _ if plan.is_empty() => say!("lab {} is as the file says: nothing to do", plan.lab),
        Form::List => {
            let changes = plan.changes();
            say!(
                "{}\n{}",
                changes::list(&changes),
                changes::summary(&changes)
            );
        }
        Form::Commands => print(&plan),
    }
    for change in &programs {
        let what = match change.step {
            Step::Start => "start",
            Step::Restart => "start anew",
            Step::Stop => "end",
        };
        say!(
            "{what} program {}: {}",
            styled(BOLD, &change.program),
            change.command
        );
    }
    ports::show(&reach, "");
    Ok(ExitCode::SUCCESS)
}

fn json(plan: &Plan, reach: &Reach, programs: &[Change]) -> Result<ExitCode, Trouble> {
    let summary = Summary::of(&plan.changes());
    output::json(&json!({
        "lab": plan.lab, "new": plan.new, "steps": plan.steps, "summary": summary,
        "published": reach.ports, "warnings": reach.warnings, "programs": programs,
    }))
}

/// The reasons stand behind the commands, in a column; where the terminal has no room for
/// that, above them.
fn print(plan: &Plan) {
    let (text, fits) = (plan.to_string(), output::fits());
    let lines: Vec<(&str, &str)> = text
        .lines()
        .map(|line| line.split_once("  # ").unwrap_or((line, "")))
        .collect();
    // A very long command does not push the reasons of all the others away.
    let lengths = lines.iter().map(|(command, _)| command.len());
    let width = lengths.filter(|len| *len <= 72).max().unwrap_or(0);
    let wide = |(command, because): &(&str, &str)| {
        command.len().max(width) + "  # ".len() + because.len() > fits
    };
    let above = lines.iter().any(wide);
    let mut before = "";
    for (command, because) in lines {
        let reason = styled(DIM, format!("# {because}"));
        if !above && !because.is_empty() {
            say!("{command:width$}  {reason}");
            continue;
        }
        if !because.is_empty() && because != before {
            say!("{reason}");
        }
        before = because;
        output::folded(command, fits)
            .iter()
            .for_each(|line| say!("{line}"));
    }
}
