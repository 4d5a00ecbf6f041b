//! A tour of container networks: the well-known tutorial, made and proved step by step
//! by the same engine that all other verbs use, in a private world.

mod show;
mod tour;

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use netyard::lab::{self, Until};
use netyard::probe::{self, Check, Map};
use netyard::report::codes;
use netyard::state::LabName;
use netyard::topology::{self, Topology};
use netyard::{graph, run};

use super::output::{BOLD, say, styled};
use super::run::exit_code;
use super::trouble::Trouble;
use tour::{Step, Sysctl};

/// Show what container networks are, step by step: no root, nothing left behind
///
/// Builds the well-known tutorial in a private world of its own: two namespaces and a
/// cable, a switch, a gateway, forwarding, masquerade. Each step shows the file, the
/// commands that it stands for, and pings, some of which fail, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: netyard demo --fast")]
pub(crate) struct Args {
    /// No pauses between the steps
    #[arg(long)]
    fast: bool,
}

/// How long is waited for an answer that will not come.
const PATIENCE: Duration = Duration::from_millis(400);

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let ended = run::private(|| match tour(args.fast) {
        Ok(()) => 0,
        Err(trouble) => trouble.show(false),
    })?;
    Ok(exit_code(ended))
}

fn tour(fast: bool) -> Result<(), Trouble> {
    let steps = tour::steps();
    say!(
        "{}: container networks in {} steps, in a private world:\n\
         nothing of this machine is seen or changed, and all is gone at the end.",
        styled(BOLD, "netyard demo"),
        steps.len()
    );
    let mut before: Option<(&str, LabName)> = None;
    for (i, step) in steps.iter().enumerate() {
        show::pause(fast);
        show::title(i + 1, steps.len(), step.title);
        let topology = parsed(step)?;
        // Another lab is another story: the one before goes.
        if let Some((_, lab)) = before.take_if(|(_, lab)| *lab != topology.lab) {
            lab::down(&lab, Until::Free, &mut ())?;
        }
        take(step, &topology, before.as_ref().map(|(file, _)| *file))?;
        before = Some((&step.file, topology.lab));
    }
    if let Some((_, lab)) = before {
        show::pause(fast);
        end(&lab)?;
    }
    Ok(())
}

fn parsed(step: &Step) -> Result<Topology, Trouble> {
    topology::parse(&step.file).map_err(|e| Trouble::file(&e, step.title))
}

fn take(step: &Step, topology: &Topology, before: Option<&str>) -> Result<(), Trouble> {
    show::paragraph(step.story);
    if before.is_none_or(|before| before.lines().next() == step.file.lines().next()) {
        let began = Instant::now();
        let plan = lab::up(topology, &step.file, &mut ())?;
        if !plan.is_empty() {
            show::file(before, &step.file);
            show::commands(&plan, began.elapsed());
        }
    }
    match &step.by_hand {
        Some(sysctl) => {
            say!("\n    $ {}", styled(BOLD, sysctl.command));
            written(sysctl, || prove(topology))?;
        }
        None => prove(topology)?,
    }
    say!("\n  {}\n", styled(BOLD, step.moral));
    let observed = graph::survey(&lab::observe(&topology.lab)?);
    let drawn = graph::text(&observed, 76);
    drawn.lines().for_each(|line| say!("    {line}"));
    Ok(())
}

/// With another value of a setting; the one before is put back.
fn written(
    sysctl: &Sysctl,
    meanwhile: impl FnOnce() -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let before = fs::read(sysctl.path)?;
    fs::write(sysctl.path, sysctl.value)?;
    let done = meanwhile();
    fs::write(sysctl.path, before)?;
    done
}

fn prove(topology: &Topology) -> Result<(), Trouble> {
    let observed = lab::observe_settled(&topology.lab)?;
    let checks = probe::expand(&topology.expect, &lab::desired(topology)?);
    say!("");
    let map = Map::new(&observed);
    let outcomes = probe::run(&checks, &map, PATIENCE, |_| {})?;
    for (check, outcome) in checks.iter().zip(outcomes) {
        let cause = why(check, &outcome, &map);
        show::ping(check, &outcome, cause.as_deref());
        if !outcome.is_expected(check) {
            let message = "that is not what the tour expects";
            return Err(Trouble::failed(codes::INTERNAL, message));
        }
    }
    Ok(())
}

/// As if it had been expected to arrive.
fn why(check: &Check, outcome: &probe::Outcome, map: &Map<'_>) -> Option<String> {
    let hopeful = Check {
        reach: Some(true),
        ..check.clone()
    };
    probe::explain(&hopeful, outcome, map)
}

fn end(lab: &LabName) -> Result<(), Trouble> {
    let began = Instant::now();
    lab::down(lab, Until::Free, &mut ())?;
    let took = began.elapsed().as_secs_f64() * 1e3;
    say!(
        "\n{}: everything is gone again, in {took:.1} ms.\n\n\
         Now yours:  netyard init mine            a file to begin with\n\
        \x20           netyard run mine.yaml        a shell in it, without root\n\
        \x20           netyard --help               all that there is",
        styled(BOLD, "netyard down")
    );
    Ok(())
}
