use std::process::ExitCode;
use std::time::Instant;

use netyard::lab;
use serde_json::json;

use super::output::{self, BOLD, DIM, Trouble, say, styled};
use super::source::{self, Named};
use super::up::summary;
use super::watch::{Verbosity, Watcher};

/// Remove a lab and put back what was changed for it
///
/// Works after a crash too: what `up` had begun is known from the journal.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The lab's name, or its topology file (`-` reads standard input)
    #[arg(value_name = "FILE|LAB")]
    target: String,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let name = match source::file_or_lab(&args.target)? {
        Named::File(source) => source.topology.lab,
        Named::Lab(lab) => lab,
    };
    let began = Instant::now();
    let lab::Removed { plan, left } = lab::down(&name, &mut Watcher::new(verbosity))?;
    let took = began.elapsed();
    if args.json {
        let milliseconds = took.as_secs_f64() * 1e3;
        return output::json(&json!({
            "lab": name, "changed": !plan.is_empty(), "milliseconds": milliseconds, "steps": plan.steps, "left": left,
        }));
    }
    let lab = styled(BOLD, &name);
    let what = if plan.is_empty() {
        "nothing of it was left".to_owned()
    } else {
        summary(&plan)
    };
    let took = styled(DIM, format!("({:.1} ms)", took.as_secs_f64() * 1e3));
    say!("lab {lab} is down: {what} {took}");
    for end in left {
        anstream::eprintln!(
            "{} device {} was left alone: it does not carry the mark of the lab (alias netyard:{name})",
            styled(BOLD, "note:"),
            end.dev,
        );
    }
    Ok(ExitCode::SUCCESS)
}
