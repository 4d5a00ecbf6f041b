mod json;
mod junit;
mod matrix;
mod table;
mod why;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use netyard::lab;
use netyard::plan::{Conflict, Conflicts, Op, Plan, plan};
use netyard::probe::{self, Check, Map, Matrix, Outcome};
use netyard::report::codes;
use netyard::state::{LabName, NetnsName};

use super::bar::Bar;
use super::output::{self, BOLD, say, styled};
use super::source;
use super::trouble::Trouble;

/// Prove with packets what the file expects
///
/// Each line of `expect` is tried from inside its namespace: an ICMP echo, a TCP
/// connection or a UDP datagram. Where nothing listens on a TCP or UDP port of the
/// lab, netyard itself answers there meanwhile.
///
/// With --all also a ping is sent from each namespace, and the host, to each other,
/// in each address family that both have, and the matrix of what reaches what is
/// shown; where it is too wide for the terminal, the causes of what did not arrive.
///
/// The exit code is 1 when something is not as `expect` says. Of what `expect` does
/// not name nothing is expected: it is reported, and does not change the exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard test three
          netyard test --all three    the matrix of what reaches what")]
pub(crate) struct Args {
    /// The lab's name, or its topology file (`-` reads standard input)
    #[arg(value_name = "FILE|LAB", value_hint = clap::ValueHint::FilePath)]
    target: String,
    /// Show what reaches what, between all namespaces and the host
    #[arg(long)]
    all: bool,
    /// How long to wait for answers, in ms
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write what was expected and seen as JUnit XML, for CI
    #[arg(long, value_name = "FILE")]
    junit: Option<String>,
}

/// A probe, what came of it, and why that is not as one would like.
struct Row {
    check: Check,
    outcome: Outcome,
    cause: Option<String>,
    /// What to change, where the packet was followed to what stops it: then the cause is that.
    change: Option<String>,
}

impl Row {
    fn is_judged(&self) -> bool {
        self.check.reach.is_some()
    }

    fn is_expected(&self) -> bool {
        self.outcome.is_expected(&self.check)
    }
}

/// All that came of a run.
struct Report {
    lab: LabName,
    rows: Vec<Row>,
    /// How many of the rows, the first ones, are the pairs of a matrix.
    pairs: usize,
    /// What would have to be done for the network to be as its file says.
    drift: Option<Plan>,
    took: Duration,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let report = report(args)?;
    if !args.json {
        print(&report, args.all);
    }
    if let Some(file) = &args.junit {
        let written = std::fs::write(file, junit::document(&report));
        let failed = |e| Trouble::failed(codes::CANNOT_WRITE, format!("cannot write {file}: {e}"));
        written.map_err(failed)?;
    }
    // Last: an error would be a second document.
    if args.json {
        output::json(&json::report(&report))?;
    }
    Ok(ExitCode::from(u8::from(report.failed() > 0)))
}

fn report(args: &Args) -> Result<Report, Trouble> {
    let topology = source::of(&args.target)?.topology;
    let observed = lab::observe_settled(&topology.lab)?;
    let desired = lab::desired(&topology)?;
    let drift = plan(&desired, &observed);
    let lost = drift.as_ref().err().and_then(lost);
    if let Some(lost) = lost {
        return Err(Trouble::failed(codes::JOINED_GONE, lost.to_string()));
    }
    let drift = drift.ok().filter(|drift| !drift.is_empty());
    if let Some(gone) = drift.as_ref().and_then(gone) {
        let message = format!("namespace {gone} of lab {} is not there", topology.lab);
        return Err(Trouble::failed(codes::NAMESPACE_GONE, message));
    }
    let Matrix { pairs, others } = match args.all {
        true => probe::matrix(&topology.expect, &desired),
        false => Matrix {
            pairs: Vec::new(),
            others: probe::expand(&topology.expect, &desired),
        },
    };
    let began = Instant::now();
    let count = pairs.len();
    let checks = [pairs, others].concat();
    let timeout = Duration::from_millis(args.timeout);
    let map = Map::new(&observed);
    let mut bar = Bar::new(!args.json);
    bar.begin(checks.len());
    let probes = || "probes".to_owned();
    let outcomes = probe::run(&checks, &map, timeout, |ended| bar.at(ended, probes))?;
    drop(bar);
    let took = began.elapsed();
    let rows = checks.into_iter().zip(outcomes);
    let mut rows: Vec<Row> = rows.map(|pair| row(pair, &map, drift.is_some())).collect();
    why::explain(&mut rows);
    Ok(Report {
        lab: topology.lab,
        rows,
        pairs: count,
        drift,
        took,
    })
}

/// A namespace that the plan would make again: no probe can be sent from it.
fn gone(drift: &Plan) -> Option<&NetnsName> {
    drift.steps.iter().find_map(|step| match &step.op {
        Op::AddNetns { name } => Some(name),
        _ => None,
    })
}

/// A namespace that was joined and that is not there any more: nor from it.
fn lost(conflicts: &Conflicts) -> Option<&Conflict> {
    let mut all = conflicts.0.iter();
    all.find(|one| matches!(one, Conflict::Gone { .. } | Conflict::Unjoinable { .. }))
}

fn row((check, outcome): (Check, Outcome), map: &Map<'_>, drift: bool) -> Row {
    let cause = probe::explain(&check, &outcome, map);
    // What is missing explains it better than a guess.
    let guess = |cause: &String| cause.contains("perhaps");
    let cause = match cause.filter(|cause| !(drift && guess(cause))) {
        None if drift && !outcome.is_expected(&check) => {
            Some("the network is not as the file says, see below".to_owned())
        }
        cause => cause,
    };
    Row {
        check,
        outcome,
        cause,
        change: None,
    }
}

impl Report {
    fn judged(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.is_judged())
    }

    fn failed(&self) -> usize {
        self.judged().filter(|row| !row.is_expected()).count()
    }

    /// The pairs of the matrix, and the probes beside it.
    fn parts(&self) -> (&[Row], &[Row]) {
        self.rows.split_at(self.pairs)
    }
}

fn print(report: &Report, all: bool) {
    let (pairs, others) = report.parts();
    let failed: Vec<&Row> = report.judged().filter(|row| !row.is_expected()).collect();
    if all {
        matrix::print(pairs, output::width());
        let surprises = pairs.iter().filter(|row| !row.is_expected());
        let rows: Vec<&Row> = surprises.chain(others).collect();
        if !rows.is_empty() {
            say!("");
            table::print(&rows);
        }
    } else if report.rows.is_empty() {
        say!(
            "lab {} expects nothing: its file has no `expect`",
            report.lab
        );
        return;
    } else {
        table::print(&others.iter().collect::<Vec<_>>());
    }
    table::causes(&failed);
    say!("\n{}", verdict(report, all));
    if let Some(drift) = report.drift.as_ref().filter(|_| !failed.is_empty()) {
        say!("\nit is not as its file says; `netyard up FILE` would do:");
        drift.to_string().lines().for_each(|line| say!("  {line}"));
    }
}

/// The last line: what it comes to.
fn verdict(report: &Report, all: bool) -> String {
    let (lab, failed) = (styled(BOLD, &report.lab), report.failed());
    let count = report.judged().count();
    let judged = match (count, failed) {
        (0, _) => "nothing is expected".to_owned(),
        (_, 0) => format!("all {count} probes as expected"),
        _ => format!("{failed} of {count} probes not as expected"),
    };
    if !all {
        return format!("lab {lab}: {judged}");
    }
    let pairs = report.parts().0;
    let arrived = pairs.iter().filter(|row| matrix::is_reached(row)).count();
    let ms = report.took.as_secs_f64() * 1e3;
    let pings = pairs.len();
    format!("lab {lab}: {arrived} of {pings} pings arrive ({ms:.0} ms); {judged}")
}
