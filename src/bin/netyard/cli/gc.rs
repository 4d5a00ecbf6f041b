use std::process::ExitCode;

use netyard::gc::{self, Leftover};
use serde_json::{Value, json};

use super::changes;
use super::consent::agree;
use super::output::{self, BOLD, say, styled};
use super::trouble::Trouble;
use super::watch::{Verbosity, Watcher};

/// Remove what no living lab owns
///
/// Labs whose host, a network namespace, is gone; and what carries the mark of a lab of
/// which the journal knows nothing, as when /run was emptied. It is shown first. Without
/// `--yes` it asks; where nobody can be asked, nothing is removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard gc --dry-run")]
pub(crate) struct Args {
    /// Remove it without a question
    #[arg(short, long)]
    yes: bool,
    /// Only show it; the exit code is 1 when there is something
    #[arg(short = 'n', long, conflicts_with = "yes")]
    dry_run: bool,
    /// Print JSON; removes only with `--yes`
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let found = match args.json && args.yes {
        // What is told is what was removed.
        true => gc::collect(&mut Watcher::new(verbosity))?,
        false => gc::leftovers()?,
    };
    if args.json {
        output::json(&found.iter().map(as_json).collect::<Vec<_>>())?;
        return Ok(ExitCode::from(u8::from(!args.yes && !found.is_empty())));
    }
    if found.is_empty() {
        say!("nothing is left of labs that are gone");
        return Ok(ExitCode::SUCCESS);
    }
    found.iter().for_each(show);
    if args.dry_run {
        return Ok(ExitCode::FAILURE);
    }
    if !args.yes {
        agree("no living lab owns this; nothing was removed")?;
    }
    for Leftover { lab, .. } in gc::collect(&mut Watcher::new(verbosity))? {
        say!("what was left of lab {} is removed", styled(BOLD, &lab));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(left: &Leftover) {
    let lab = styled(BOLD, &left.lab);
    match left.plan.is_empty() {
        true => say!("left of lab {lab}: only its record"),
        false => say!(
            "left of lab {lab}:\n{}",
            changes::list(&left.plan.changes())
        ),
    }
}

fn as_json(left: &Leftover) -> Value {
    json!({ "lab": left.lab, "steps": left.plan.steps })
}
