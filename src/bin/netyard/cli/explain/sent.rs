//! A packet that was sent, in words.

use netyard::explain::{Agreement, Sent, Traced};
use serde_json::json;

use super::super::output::{BAD, BOLD, DIM, GOOD, say, styled};

pub(super) fn show(sent: &Sent) {
    say!("{}", styled(DIM, "sent, and traced by the kernel"));
    let width = |traced: &Traced| traced.netns.chars().count();
    let width = sent.trace.iter().map(width).max().unwrap_or_default();
    for traced in sent.trace.iter().filter(|traced| tells(traced)) {
        let way = if traced.answer { "answer" } else { "packet" };
        say!("  {:width$}  {way:8}  {}", traced.netns, met(traced));
    }
    let (style, word, why) = match &sent.agreement {
        Agreement::Yes(why) => (GOOD, "confirmed", why),
        Agreement::No(why) => (BAD, "not as explained", why),
        Agreement::Open(why) => (BOLD, "not to be compared", why),
    };
    say!("{}: {why}", styled(style, word));
}

/// That a chain ends and lets all pass tells nothing.
fn tells(traced: &Traced) -> bool {
    let rule = traced.rule.as_ref();
    rule.is_none_or(|met| met.drops || !met.line.ends_with(": policy accept"))
}

fn met(traced: &Traced) -> String {
    match (&traced.rule, &traced.iif, &traced.oif) {
        (Some(met), ..) => {
            let end = if met.drops {
                styled(BAD, "drops it")
            } else {
                "lets it pass".to_owned()
            };
            format!("{end}: {}: {}", met.table, met.line)
        }
        (None, Some(dev), _) => format!("comes in by {dev}"),
        (None, None, Some(dev)) => format!("leaves by {dev}"),
        (None, None, None) => "is there".to_owned(),
    }
}

pub(super) fn as_json(sent: &Sent) -> serde_json::Value {
    let (agrees, why) = match &sent.agreement {
        Agreement::Yes(why) => (Some(true), why),
        Agreement::No(why) => (Some(false), why),
        Agreement::Open(why) => (None, why),
    };
    json!({
        "seen": sent.seen,
        "after_ms": sent.after.as_secs_f64() * 1000.0,
        "trace": sent.trace,
        "agrees": agrees,
        "why": why,
    })
}
