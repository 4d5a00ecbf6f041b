//! The report for programs.

use netyard::probe::Bounds;
use serde_json::{Value, json};

use super::{Report, Row};

pub(super) fn report(report: &Report) -> Value {
    let rows: Vec<Value> = report.rows.iter().map(row).collect();
    json!({ "lab": report.lab, "failed": report.failed(), "probes": rows })
}

fn row(row: &Row) -> Value {
    let Row {
        check,
        outcome,
        cause,
        change,
    } = row;
    let expected = check.reach.map(|reach| match reach {
        true => "reached",
        false => "not-reached",
    });
    let mut value = json!({
        "from": check.from,
        "to": check.to,
        "name": check.name,
        "probe": check.probe,
        "expected": expected,
        "seen": outcome.seen,
        "ok": row.is_judged().then(|| row.is_expected()),
        "rtt_ms": outcome.rtt.map(|rtt| rtt.as_micros() as f64 / 1e3),
        "server": outcome.server,
        "cause": cause,
        "change": change,
    });
    if check.bounds != Bounds::default() {
        value["bounds"] = json!(check.bounds);
        value["sent"] = json!(outcome.sent);
        value["answered"] = json!(outcome.answered);
        value["bytes"] = json!(outcome.size);
        value["fits"] = json!(outcome.fits);
    }
    value
}
