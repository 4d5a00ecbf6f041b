use std::cmp::Reverse;
use std::process::ExitCode;

use netyard::doctor::{self, Finding, Group, Level};
use netyard::report::wrap;
use serde_json::json;

use super::output::{self, BAD, BOLD, DIM, GOOD, WARN, say, styled};
use super::trouble::Trouble;

/// Tell what this machine can and cannot do for container networks
///
/// What the kernel can do is found by doing it, in network namespaces that are thrown
/// away. The kernel may load modules for what a lab needs, as it would for a lab; what
/// netyard does not need is not tried where that would load one. Nothing else is
/// changed. Each finding says what follows from it (`so:`) and what to do about it
/// (`do:`). A note is about what netyard does not need, a warning about something of it
/// that does not work or will be disturbed; an error is about what it needs: then the
/// exit code is 1.
///
/// An ordinary user sees less: the kernel is then tried in a user namespace of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples: netyard doctor
          netyard doctor --all     also each thing that is as it should be")]
pub(crate) struct Args {
    /// Show also what is as it should be, each by itself
    #[arg(short, long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let findings = doctor::examine();
    let works = count(&findings, Level::Error) == 0;
    let code = ExitCode::from(u8::from(!works));
    if args.json {
        output::json(&json!({ "works": works, "findings": findings }))?;
        return Ok(code);
    }
    let width = output::width();
    for group in Group::ALL {
        let of_group: Vec<&Finding> = findings.iter().filter(|f| f.group == group).collect();
        let (quiet, mut other): (Vec<&Finding>, Vec<&Finding>) =
            of_group.into_iter().partition(|f| f.level < Level::Note);
        other.sort_by_key(|finding| Reverse(finding.level));
        say!("{}", styled(BOLD, group));
        for level in [Level::Ok, Level::Untried] {
            let mut own = quiet.iter().filter(|finding| finding.level == level);
            match args.all {
                true => own.for_each(|finding| show(finding, width)),
                false => condensed(level, own.by_ref().map(|finding| finding.id), width),
            }
        }
        other.iter().for_each(|finding| show(finding, width));
    }
    say!("{}", verdict(&findings));
    Ok(code)
}

/// How far the words after the level begin.
const INDENT: usize = 10;

fn condensed(level: Level, ids: impl Iterator<Item = &'static str>, width: usize) {
    let mut ids: Vec<&str> = ids.collect();
    ids.dedup();
    if ids.is_empty() {
        return;
    }
    told(level, &ids.join(", "), width);
    if level == Level::Untried {
        let why = "their modules are not loaded, and netyard does not need them";
        indented("so: ", why, width);
        let more = "`netyard doctor --all` says of each how to load it";
        indented("do: ", more, width);
    }
}

fn show(finding: &Finding, width: usize) {
    let what = format!("{}: {}", finding.id, finding.what);
    told(finding.level, &what, width);
    let advice = [("so: ", &finding.consequence), ("do: ", &finding.remedy)];
    for (word, text) in advice {
        if let Some(text) = text {
            indented(word, text, width);
        }
    }
}

fn told(level: Level, text: &str, width: usize) {
    let style = match level {
        Level::Ok => GOOD,
        Level::Untried | Level::Note => DIM,
        Level::Warning => WARN,
        Level::Error => BAD,
    };
    let lines = wrap(text, width.saturating_sub(INDENT));
    for (number, line) in lines.lines().enumerate() {
        match number {
            0 => say!(
                "  {}{line}",
                styled(style, format!("{:<8}", level.to_string()))
            ),
            _ => say!("{:INDENT$}{line}", ""),
        }
    }
}

/// A consequence or a remedy, its lines below each other.
fn indented(word: &str, text: &str, width: usize) {
    let lines = wrap(text, width.saturating_sub(INDENT + word.len()));
    for (number, line) in lines.lines().enumerate() {
        let word = if number == 0 { word } else { "    " };
        say!("{:INDENT$}{}{line}", "", styled(DIM, word));
    }
}

fn verdict(findings: &[Finding]) -> String {
    let counts = [
        (count(findings, Level::Error), "error"),
        (count(findings, Level::Warning), "warning"),
        (count(findings, Level::Note), "note"),
    ];
    let told = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| {
        let end = if *n == 1 { "" } else { "s" };
        format!("{n} {word}{end}")
    });
    let told = told.collect::<Vec<_>>().join(", ");
    let [(errors, _), ..] = counts;
    let says = match errors {
        0 => styled(GOOD, "all that netyard needs works"),
        _ => styled(BAD, "not all that netyard needs works"),
    };
    match told.is_empty() {
        true => says,
        false => format!("{says}: {told}"),
    }
}

fn count(findings: &[Finding], level: Level) -> usize {
    findings.iter().filter(|f| f.level == level).count()
}
