use std::process::ExitCode;

use netyard::error::Error;
use netyard::lab::{self, Whereabouts};
use netyard::plan::Plan;
use netyard::repair;
use netyard::state::LabName;
use serde_json::{Value, json};

use super::changes;
use super::consent::{self, Manner};
use super::meant;
use super::output::{self, BOLD, DIM, say, styled};
use super::progress::Verbosity;
use super::trouble::{INTERRUPTED, Trouble};
use super::turns;

/// Bring back what others changed: labs as they were last brought up
///
/// What is missing is made again, what is different is put right, what nobody described
/// goes; each with its reason. Before something is lost it asks, as `up` does. A lab whose
/// last change was killed on the way is left alone: `up` completes it, `down` removes it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard repair          every lab that was made from this host
          netyard repair -n mine  what would be done (exit code 1 if anything)")]
pub(crate) struct Args {
    /// Only these labs, or those of these containers
    #[arg(value_name = "LAB|CONTAINER")]
    labs: Vec<String>,
    /// Go on without a question, whatever is lost
    #[arg(short, long)]
    yes: bool,
    /// Only show it
    #[arg(short = 'n', long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// One that cannot be repaired does not keep the others; Ctrl-C does.
pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let labs = match args.labs.is_empty() {
        true => here()?,
        false => meant::all_labs(&args.labs)?,
    };
    let (mut told, mut exit) = (Vec::new(), 0);
    for lab in &labs {
        match one(lab, args, verbosity) {
            Ok((value, left)) => {
                told.push(value);
                exit = exit.max(u8::from(left));
            }
            Err(trouble) => {
                let (value, code) = failed(lab, trouble, args.json);
                told.push(value);
                exit = exit.max(code);
                if code == INTERRUPTED {
                    break;
                }
            }
        }
    }
    if args.json {
        output::json(&told)?;
    } else if labs.is_empty() {
        say!("no lab is up");
    }
    Ok(ExitCode::from(exit))
}

fn here() -> Result<Vec<LabName>, Error> {
    let labs = turns::owners_first(lab::list()?).into_iter();
    let here = labs.filter(|lab| lab.host == Whereabouts::Here);
    Ok(here.map(|lab| lab.name).collect())
}

/// What was done, and whether something is left to do.
fn one(lab: &LabName, args: &Args, verbosity: Verbosity) -> Result<(Value, bool), Trouble> {
    let manner = Manner {
        yes: args.yes,
        quiet: args.json,
        verbosity,
    };
    let (plan, took) = match args.dry_run {
        true => (repair::drift(lab)?, None),
        false => {
            let (plan, took) = consent::agreed(manner, |p| repair::repair(lab, p))?;
            (plan, Some(took.as_secs_f64() * 1e3))
        }
    };
    if !args.json {
        tell(&plan, took);
    }
    let left = args.dry_run && !plan.is_empty();
    let value = json!({
        "lab": lab, "changed": !plan.is_empty() && !left, "milliseconds": took,
        "changes": plan.changes(), "steps": plan.steps,
    });
    Ok((value, left))
}

fn tell(plan: &Plan, took: Option<f64>) {
    let lab = styled(BOLD, &plan.lab);
    let changes = plan.changes();
    if plan.is_empty() {
        say!("lab {lab} is as described: nothing to repair");
        return;
    }
    let summary = changes::summary(&changes);
    match took {
        // What was done has been shown before it was.
        Some(took) => say!(
            "lab {lab} is repaired {}",
            styled(DIM, format!("({took:.1} ms)"))
        ),
        None => say!("lab {lab}:\n{}\n{summary}", changes::list(&changes)),
    }
}

fn failed(lab: &LabName, trouble: Trouble, json: bool) -> (Value, u8) {
    if json {
        let (report, code) = trouble.into_parts();
        return (json!({ "lab": lab, "error": report }), code);
    }
    (Value::Null, trouble.show(false))
}
