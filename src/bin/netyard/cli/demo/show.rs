//! How the demo looks: never wider than 80 columns.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use netyard::plan::Plan;
use netyard::probe::{Check, Outcome, Seen};
use netyard::report::wrap;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::cli::output::{BAD, BOLD, DIM, GOOD, folded, say, styled};

/// What a line of a command may have.
const WIDTH: usize = 74;

pub(super) fn title(number: usize, of: usize, title: &str) {
    let rule = "─".repeat(66usize.saturating_sub(title.chars().count()));
    let count = styled(DIM, format_args!("{rule} {number}/{of}"));
    say!("\n{} {count}\n", styled(BOLD, format_args!("── {title}")));
}

pub(super) fn paragraph(text: &str) {
    text.lines().for_each(|line| say!("  {line}"));
}

/// The file, or what it has more (`+`) and less (`-`) than the one before.
pub(super) fn file(before: Option<&str>, now: &str) {
    let lines = |text: &str| -> Vec<String> {
        let shown = text.lines().take_while(|line| *line != "expect:");
        shown.map(str::to_owned).collect()
    };
    let now = lines(now);
    say!("");
    let Some(before) = before.map(lines) else {
        now.iter().for_each(|line| say!("    {line}"));
        return;
    };
    for line in before.iter().filter(|line| !now.contains(line)) {
        say!("    {} {line}", styled(BAD, "-"));
    }
    for line in now.iter().filter(|line| !before.contains(line)) {
        say!("    {} {line}", styled(GOOD, "+"));
    }
}

/// The commands that a plan stands for: of each operation the one that does it. Those
/// beside it, marks and settings, are counted.
pub(super) fn commands(plan: &Plan, took: Duration) {
    let all: Vec<Vec<String>> = plan.steps.iter().map(|step| step.op.commands()).collect();
    let beside = all.iter().map(Vec::len).sum::<usize>() - all.len();
    let took = took.as_secs_f64() * 1e3;
    let beside = match beside {
        0 => String::new(),
        n => format!(" (+ {n} for marks and settings)"),
    };
    let up = styled(BOLD, "netyard up");
    say!("\n  {up} ({took:.1} ms) did what these do{beside}:");
    for command in all.iter().filter_map(|commands| commands.first()) {
        let (command, _) = command.split_once("  # ").unwrap_or((command, ""));
        for line in without_sets(command).flat_map(|line| folded(line, WIDTH)) {
            say!("    {}", styled(DIM, line));
        }
    }
}

/// The rules of a table alone: its sets are for another day.
fn without_sets(command: &str) -> impl Iterator<Item = &str> {
    let (mut inside, mut told) = (false, false);
    command.lines().filter_map(move |line| {
        inside |= line.starts_with("\tset ");
        if !inside {
            return Some(line);
        }
        inside = line != "\t}";
        let first = !std::mem::replace(&mut told, true);
        first.then_some("\t… the sets that these rules look into")
    })
}

/// A ping, what came of it and why.
pub(super) fn ping(check: &Check, outcome: &Outcome, cause: Option<&str>) {
    let name = check.name.as_ref().or(check.home.as_ref());
    let name = name.map(|name| format!(" ({name})"));
    let line = format!("{} → {}{}", check.from, check.to, name.unwrap_or_default());
    match (&outcome.seen, outcome.rtt) {
        (Seen::Reached, Some(rtt)) => {
            let rtt = rtt.as_secs_f64() * 1e3;
            say!("    {} {line}   answered in {rtt:.2} ms", styled(GOOD, "✓"));
        }
        _ => {
            let seen = match outcome.seen {
                Seen::NoAnswer => "no answer",
                _ => "cannot be sent",
            };
            say!("    {} {line}   {seen}", styled(BAD, "✗"));
            let why = cause.map(|cause| wrap(&format!("why: {cause}"), WIDTH));
            for line in why.iter().flat_map(|why| why.lines()) {
                say!("      {line}");
            }
        }
    }
}

/// Time to read: goes on after a while, or with Enter.
pub(super) fn pause(fast: bool) {
    let stdin = std::io::stdin();
    if fast || !stdin.is_terminal() || !std::io::stdout().is_terminal() {
        return;
    }
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let longest = Timespec {
        tv_sec: 9,
        tv_nsec: 0,
    };
    if rustix::event::poll(&mut fds, Some(&longest)).is_ok_and(|ready| ready > 0) {
        let mut enter = [0];
        let _ = stdin.lock().read(&mut enter);
    }
}
