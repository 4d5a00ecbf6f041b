use std::process::ExitCode;
use std::time::{Duration, Instant};

use netyard::error::Error;
use netyard::lab::{self, Removed, Until};
use netyard::state::LabName;
use serde_json::{Value, json};

use super::output::{self, BOLD, DIM, say, styled};
use super::progress::{Onlooker, Verbosity};
use super::source::{self, Named};
use super::trouble::Trouble;
use super::turns;
use super::up::summary;

/// Remove a lab and put back what was changed for it
///
/// Works after a crash too: what `up` had begun is known from the journal. Returns when
/// every name is free again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard down three")]
pub(crate) struct Args {
    /// The lab's name, its topology file (`-` reads standard input), or a container
    /// whose interfaces go
    #[arg(value_name = "FILE|LAB", value_hint = clap::ValueHint::FilePath, required_unless_present = "all")]
    target: Option<String>,
    /// Remove every lab that was made from this host
    #[arg(long, conflicts_with = "target")]
    all: bool,
    /// Return only when the kernel has cleared up behind, at most 30 s later
    #[arg(long)]
    wait: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The kernel takes some 1.5 ms a namespace.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let Some(target) = &args.target else {
        return run_all(args, verbosity);
    };
    let names = match source::file_or_lab(target)? {
        Named::File(source) => vec![source.topology.lab],
        Named::Labs(labs) => labs,
    };
    let mut onlooker = Onlooker::new(verbosity);
    let done = names.iter().map(|name| down(name, args, &mut onlooker));
    let done = done.collect::<Result<Vec<_>, _>>()?;
    if args.json {
        match &done[..] {
            [one] => output::json(one)?,
            all => output::json(&all)?,
        };
    }
    Ok(ExitCode::from(u8::from(!done.iter().all(is_done))))
}

/// What was waited for and did not end in time is not done.
fn is_done(told: &Value) -> bool {
    told["done"] != false
}

/// One that cannot be removed does not keep the others; Ctrl-C does.
fn run_all(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let (mut done, mut exit) = (Vec::new(), ExitCode::SUCCESS);
    let mut onlooker = Onlooker::new(verbosity);
    for lab in turns::users_first(lab::list()?) {
        match down(&lab.name, args, &mut onlooker) {
            Ok(value) => {
                if !is_done(&value) {
                    exit = ExitCode::FAILURE;
                }
                done.push(value);
            }
            Err(Error::OtherHost(_)) => {}
            Err(error) => {
                let stop = matches!(error, Error::Interrupted);
                let trouble = Trouble::from(error);
                if args.json {
                    let (report, code) = trouble.into_parts();
                    done.push(json!({ "lab": lab.name, "error": report }));
                    exit = ExitCode::from(code);
                } else {
                    exit = ExitCode::from(trouble.show(false));
                }
                if stop {
                    break;
                }
            }
        }
    }
    if args.json {
        output::json(&done)?;
    } else if done.is_empty() && exit == ExitCode::SUCCESS {
        say!("no lab is up");
    }
    Ok(exit)
}

fn down(name: &LabName, args: &Args, onlooker: &mut Onlooker) -> Result<Value, Error> {
    let until = match args.wait {
        true => Until::Done(LONGEST_WAIT),
        false => Until::Free,
    };
    let began = Instant::now();
    let removed = lab::down(name, until, onlooker)?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    if !args.json {
        tell(name, &removed, took);
    }
    let Removed {
        plan,
        left,
        residents,
        done,
    } = removed;
    Ok(json!({
        "lab": name, "changed": !plan.is_empty(), "milliseconds": took, "steps": plan.steps,
        "left": left, "residents": residents, "done": done,
    }))
}

fn tell(name: &LabName, removed: &Removed, took: f64) {
    let what = match removed.plan.is_empty() {
        true => "nothing of it was left".to_owned(),
        false => summary(&removed.plan),
    };
    let took = styled(DIM, format!("({took:.1} ms)"));
    say!("lab {} is down: {what} {took}", styled(BOLD, name));
    let note = styled(BOLD, "note:");
    for end in &removed.left {
        anstream::eprintln!(
            "{note} device {} was left alone: it does not carry the mark of the lab (alias netyard:{name})",
            end.dev,
        );
    }
    for one in &removed.residents {
        anstream::eprintln!(
            "{note} process {} ({}) is still in what was namespace {}: it keeps it, and its cables, until it ends",
            one.pid,
            one.name,
            one.netns,
        );
    }
    if !removed.done {
        anstream::eprintln!("{note} the kernel had not cleared up after {LONGEST_WAIT:?}");
    }
}
