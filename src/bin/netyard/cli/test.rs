use std::process::ExitCode;
use std::time::Duration;

use comfy_table::{Cell, Table, presets};
use netyard::lab;
use netyard::plan::{Op, Plan, plan};
use netyard::probe::{self, Check, Outcome, Probe, Seen};
use netyard::state::{NetState, NetnsName};
use serde_json::{Value, json};

use super::output::{self, BAD, BOLD, GOOD, Trouble, say, styled};
use super::source;

/// Prove with packets what the file expects
///
/// Each line of `expect` is tried from inside its namespace: an ICMP echo, a TCP
/// connection or a UDP datagram. Where nothing listens on a TCP or UDP port of the
/// lab, netyard itself answers there meanwhile. The exit code is 1 when something
/// is not as expected.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The lab's name, or its topology file (`-` reads standard input)
    #[arg(value_name = "FILE|LAB")]
    target: String,
    /// How long to wait for answers, in ms
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    timeout: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A probe, what came of it, and why that is a surprise, if it is one.
struct Row {
    check: Check,
    outcome: Outcome,
    cause: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let topology = source::of(&args.target)?.topology;
    let observed = lab::observe_settled(&topology.lab)?;
    let desired = lab::desired(&topology)?;
    let drift = plan(&desired, &observed)
        .ok()
        .filter(|drift| !drift.is_empty());
    if let Some(gone) = drift.as_ref().and_then(gone) {
        return Err(
            Trouble::failed(format!("namespace {gone} is not there any more"))
                .hint("`netyard up FILE` makes it again"),
        );
    }
    let checks = probe::expand(&topology.expect, &desired);
    let outcomes = probe::run(&checks, Duration::from_millis(args.timeout))?;
    let rows: Vec<Row> = checks
        .into_iter()
        .zip(outcomes)
        .map(|pair| row(pair, &observed, drift.is_some()))
        .collect();
    let failed = rows
        .iter()
        .filter(|row| !row.outcome.is_expected(&row.check))
        .count();
    let code = ExitCode::from(u8::from(failed > 0));
    if args.json {
        let rows: Vec<Value> = rows.iter().map(as_json).collect();
        output::json(&json!({ "lab": topology.lab, "failed": failed, "probes": rows }))?;
        return Ok(code);
    }
    if rows.is_empty() {
        say!(
            "lab {} expects nothing: its file has no `expect`",
            topology.lab
        );
        return Ok(code);
    }
    print(&rows);
    let lab = styled(BOLD, &topology.lab);
    match failed {
        0 => say!("\nlab {lab}: all {} probes as expected", rows.len()),
        _ => say!(
            "\nlab {lab}: {failed} of {} probes not as expected",
            rows.len()
        ),
    }
    if let Some(drift) = drift.filter(|_| failed > 0) {
        say!("\nit is not as its file says; `netyard up FILE` would do:");
        drift.to_string().lines().for_each(|line| say!("  {line}"));
    }
    Ok(code)
}

/// A namespace that the plan would make again: no probe can be sent from it.
fn gone(drift: &Plan) -> Option<&NetnsName> {
    drift.steps.iter().find_map(|step| match &step.op {
        Op::AddNetns { name } => Some(name),
        _ => None,
    })
}

fn row((check, outcome): (Check, Outcome), observed: &NetState, drift: bool) -> Row {
    let cause = probe::explain(&check, &outcome, observed);
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
    }
}

fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["", "FROM", "TO", "PROBE", "EXPECTED", "SEEN", "TIME"]);
    for Row { check, outcome, .. } in rows {
        let verdict = match outcome.is_expected(check) {
            true => "ok",
            false => "FAIL",
        };
        let to = match &check.name {
            Some(name) => format!("{name} ({})", check.to),
            None => check.to.to_string(),
        };
        let expected = if check.reach {
            "reached"
        } else {
            "not reached"
        };
        table.add_row([
            Cell::new(verdict),
            Cell::new(&check.from),
            Cell::new(to),
            Cell::new(probe_name(check.probe)),
            Cell::new(expected),
            Cell::new(seen(&outcome.seen)),
            Cell::new(outcome.rtt.map(milliseconds).unwrap_or_default()),
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
    for Row { check, cause, .. } in rows {
        if let Some(cause) = cause {
            say!(
                "\n{} {} to {}: {cause}",
                styled(BAD, "FAIL"),
                check.from,
                check.to
            );
        }
    }
}

fn probe_name(probe: Probe) -> String {
    match probe {
        Probe::Ping => "ping".to_owned(),
        Probe::Tcp(port) => format!("tcp {port}"),
        Probe::Udp(port) => format!("udp {port}"),
    }
}

fn seen(seen: &Seen) -> &'static str {
    match seen {
        Seen::Reached => "reached",
        Seen::Refused => "refused",
        Seen::NoAnswer => "no answer",
        Seen::Unreachable { .. } => "unreachable",
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn as_json(row: &Row) -> Value {
    let Row {
        check,
        outcome,
        cause,
    } = row;
    json!({
        "from": check.from,
        "to": check.to,
        "name": check.name,
        "probe": check.probe,
        "expected": if check.reach { "reached" } else { "not-reached" },
        "seen": outcome.seen,
        "ok": outcome.is_expected(check),
        "rtt_ms": outcome.rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
        "cause": cause,
    })
}
