use std::process::ExitCode;

use netyard::error::Error;
use netyard::gc::{self, Leftover};
use serde_json::{Value, json};

use super::changes;
use super::consent::agree;
use super::output::{self, BOLD, say, styled};
use super::progress::{Onlooker, Verbosity};
use super::trouble::Trouble;

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

/// Where by then something else is left than was shown, it is shown anew.
pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    loop {
        let found = gc::leftovers()?;
        if let Some(code) = attempt(args, &found, verbosity)? {
            return Ok(code);
        }
    }
}

fn attempt(
    args: &Args,
    found: &[Leftover],
    verbosity: Verbosity,
) -> Result<Option<ExitCode>, Trouble> {
    if !args.json {
        found.iter().for_each(show);
    }
    if found.is_empty() || args.dry_run || args.json && !args.yes {
        if args.json {
            told(found)?;
        } else if found.is_empty() {
            say!("nothing is left of labs that are gone");
        }
        return Ok(Some(ExitCode::from(u8::from(!found.is_empty()))));
    }
    if !args.yes {
        agree("no living lab owns this; nothing was removed")?;
    }
    let removed = match gc::collect(found, &mut Onlooker::new(verbosity)) {
        Err(Error::Declined) => return Ok(None),
        removed => removed?,
    };
    if args.json {
        return told(&removed).map(Some);
    }
    for Leftover { lab, .. } in removed {
        say!("what was left of lab {} is removed", styled(BOLD, &lab));
    }
    Ok(Some(ExitCode::SUCCESS))
}

fn told(left: &[Leftover]) -> Result<ExitCode, Trouble> {
    output::json(&left.iter().map(as_json).collect::<Vec<_>>())
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
