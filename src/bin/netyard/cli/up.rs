use std::process::ExitCode;

use netyard::lab;
use netyard::lab::programs::{self, Change, Step};
use netyard::plan::{Op, Plan};
use netyard::topology::Topology;
use serde_json::json;

use super::consent::{self, Manner};
use super::output::{self, BOLD, DIM, say, styled};
use super::ports;
use super::progress::Verbosity;
use super::source;
use super::trouble::Trouble;

/// Make the network that a file describes, or change it to match
///
/// A second run on the same file changes nothing; on a changed file, only the
/// difference. Whatever fails, all is undone and the host is as it was.
///
/// A change of a lab that is up is shown first, with what it does to what is there.
/// Before something is cut off, removed or made anew, it asks; where nobody can be
/// asked (standard input is no terminal) it then changes nothing and ends with 1,
/// unless `--yes` is given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard up examples/three.yaml
          netyard up tree:3,2              a tree of fanout 3 and depth 2
          netyard up --topo star:10        the same with Mininet's word")]
pub(crate) struct Args {
    /// The topology file (`-` reads standard input), a shape as for `init`, or the name of a
    /// lab: the file that it was last brought up with
    #[arg(value_name = "FILE|LAB", value_hint = clap::ValueHint::FilePath, required_unless_present = "topo")]
    target: Option<String>,
    /// A shape: `tree:FANOUT,DEPTH`, `line:N`, `star:N`, `mesh:N`, `fat-tree:K`, `dumbbell:N`
    #[arg(long, value_name = "SHAPE", conflicts_with = "target")]
    topo: Option<String>,
    /// Go on without a question, whatever is lost
    #[arg(short, long)]
    yes: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, verbosity: Verbosity) -> Result<ExitCode, Trouble> {
    let manner = Manner {
        yes: args.yes,
        quiet: args.json,
        verbosity,
    };
    let source = match (&args.target, &args.topo) {
        (Some(target), _) => source::of(target)?,
        (None, shape) => source::shape(shape.as_deref().unwrap_or_default())?,
    };
    let ((plan, programs), took) = consent::agreed(manner, |progress| {
        programs::up(&source.topology, &source.text, progress)
    })?;
    if args.json {
        let milliseconds = took.as_secs_f64() * 1e3;
        return output::json(&json!({
            "lab": plan.lab, "changed": !plan.is_empty() || !programs.is_empty(),
            "milliseconds": milliseconds, "steps": plan.steps, "programs": programs,
        }));
    }
    let lab = styled(BOLD, &plan.lab);
    if plan.is_empty() && programs.is_empty() {
        say!("lab {lab} is up already: nothing to change");
        return Ok(ExitCode::SUCCESS);
    }
    let summary = told(&plan, &programs);
    let took = styled(DIM, format!("({:.1} ms)", took.as_secs_f64() * 1e3));
    say!("lab {lab} is up: {summary} {took}");
    published(&source.topology);
    Ok(ExitCode::SUCCESS)
}

/// Who reaches its ports now, and what stands in the way, if that can be told.
fn published(topology: &Topology) {
    let mut namespaces = topology.namespaces.values();
    if namespaces.any(|spec| !spec.publish.is_empty())
        && let Ok((_, reach)) = lab::preview(topology)
    {
        ports::show(&reach, "  ");
    }
}

/// The same, and what became of programs: "...; web/server started".
fn told(plan: &Plan, programs: &[Change]) -> String {
    let network = (!plan.is_empty()).then(|| summary(plan));
    let programs = [
        (Step::Start, "started"),
        (Step::Restart, "started anew"),
        (Step::Stop, "ended"),
    ]
    .map(|(step, done)| {
        let all = programs.iter().filter(|change| change.step == step);
        let all: Vec<String> = all.map(|change| change.program.to_string()).collect();
        (!all.is_empty()).then(|| format!("{} {done}", all.join(", ")))
    });
    let all: Vec<String> = network
        .into_iter()
        .chain(programs.into_iter().flatten())
        .collect();
    all.join("; ")
}

/// "3 namespaces, 1 bridge and 3 cables made, 2 changes".
pub(crate) fn summary(plan: &Plan) -> String {
    let count = |of: fn(&Op) -> usize| plan.steps.iter().map(|step| of(&step.op)).sum::<usize>();
    let made = [
        (
            count(|op| usize::from(matches!(op, Op::AddNetns { .. }))),
            "namespace",
        ),
        (
            count(|op| usize::from(matches!(op, Op::AddBridge { .. }))),
            "bridge",
        ),
        (
            count(|op| usize::from(matches!(op, Op::AddVeth { .. }))),
            "cable",
        ),
    ];
    let gone = [
        (
            count(|op| usize::from(matches!(op, Op::DelNetns { .. }))),
            "namespace",
        ),
        (
            count(|op| {
                if let Op::DelLinks { devs, .. } = op {
                    devs.len()
                } else {
                    0
                }
            }),
            "device",
        ),
    ];
    let phrases = [phrase(&made, "made"), phrase(&gone, "removed")];
    let phrases: Vec<String> = phrases.into_iter().flatten().collect();
    match phrases.is_empty() {
        true => amount(plan.steps.len(), "change") + " made",
        false => phrases.join("; "),
    }
}

fn phrase(counts: &[(usize, &str)], verb: &str) -> Option<String> {
    let parts: Vec<String> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, noun)| amount(*n, noun))
        .collect();
    (!parts.is_empty()).then(|| format!("{} {verb}", parts.join(", ")))
}

fn amount(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
