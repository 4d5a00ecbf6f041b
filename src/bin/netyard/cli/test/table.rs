//! Each probe a line.

use std::time::Duration;

use comfy_table::{Cell, Table, presets};
use netyard::probe::{Bounds, Check, PacketSize, Seen};
use netyard::report::wrap;

use super::Row;
use crate::cli::output::{BAD, DIM, GOOD, fits, say, styled};

pub(super) fn print(rows: &[&Row]) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["", "FROM", "TO", "PROBE", "EXPECTED", "SEEN", "TIME"]);
    for row in rows {
        let Row { check, outcome, .. } = row;
        let verdict = if row.is_expected() { "ok" } else { "FAIL" };
        let time = outcome.rtt.map(milliseconds).unwrap_or_default();
        table.add_row([
            Cell::new(verdict),
            Cell::new(&check.from),
            Cell::new(target(check)),
            Cell::new(check.probe),
            Cell::new(expected(check)),
            Cell::new(seen(row)),
            Cell::new(time),
        ]);
    }
    // Coloured when the columns stand: a colour's own bytes have no width.
    for line in table.trim_fmt().lines() {
        match line.trim_start().split_once(' ') {
            Some(("ok", rest)) => say!(" {} {rest}", styled(GOOD, "ok")),
            Some(("FAIL", rest)) => say!(" {} {rest}", styled(BAD, "FAIL")),
            _ => say!("{line}"),
        }
    }
}

/// The cause of each failure.
pub(super) fn causes(failed: &[&Row]) {
    for Row {
        check,
        cause,
        change,
        ..
    } in failed
    {
        if let Some(cause) = cause {
            let said = wrap(&format!("FAIL {}: {cause}", asked(check)), fits());
            say!("\n{}", said.replacen("FAIL", &styled(BAD, "FAIL"), 1));
            if let Some(change) = change {
                say!("     {} {change}", styled(DIM, "change:"));
            }
        }
    }
}

/// What was sent where, and how well it must arrive: no two of a file are called the same.
fn asked(check: &Check) -> String {
    let what = format!("{} to {}, {}", check.from, target(check), check.probe);
    let all: Vec<String> = std::iter::once(what).chain(bounds(check)).collect();
    all.join(", ")
}

/// The namespace's name, where the file has it, and the address.
pub(super) fn target(check: &Check) -> String {
    match &check.name {
        Some(name) => format!("{name} ({})", check.to),
        None => check.to.to_string(),
    }
}

pub(super) fn expected(check: &Check) -> String {
    let reached = match check.reach {
        None => return "anything".to_owned(),
        Some(false) => return "not reached".to_owned(),
        Some(true) => "reached",
    };
    let all: Vec<String> = std::iter::once(reached.to_owned())
        .chain(bounds(check))
        .collect();
    all.join(", ")
}

fn bounds(check: &Check) -> impl Iterator<Item = String> {
    let Bounds { rtt, loss, size } = check.bounds;
    let size = size.map(|size| match size {
        PacketSize::Device => "mtu".to_owned(),
        PacketSize::Bytes(bytes) => format!("mtu {bytes}"),
    });
    let rtt = rtt.map(|rtt| format!("rtt {rtt}"));
    let loss = loss.map(|loss| format!("loss {loss}"));
    [rtt, loss, size].into_iter().flatten()
}

pub(super) fn seen(Row { check, outcome, .. }: &Row) -> String {
    let word = match outcome.seen {
        Seen::Reached => "reached",
        Seen::Refused => "refused",
        Seen::NoAnswer => "no answer",
        Seen::Unreachable { .. } => "unreachable",
    };
    let size = outcome.size.filter(|_| outcome.seen == Seen::Reached);
    let size = size.map(|bytes| format!("{bytes} bytes"));
    let lost = check.bounds.loss.filter(|_| outcome.answered > 0);
    let lost = lost.map(|_| format!("{} of {} lost", outcome.lost(), outcome.sent));
    let more = [lost, size].into_iter().flatten();
    let all: Vec<String> = std::iter::once(word.to_owned()).chain(more).collect();
    all.join(", ")
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
