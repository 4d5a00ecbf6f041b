//! How a list of changes looks.

use super::{Change, Harm, Impact, Place, Sign};
use crate::state::Netns;

/// A part of a list, for whoever colours it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A namespace under which changes stand.
    Heading,
    /// What becomes of a thing.
    Sign(Sign),
    /// Why.
    Because,
    /// What it does to what is there.
    Impact(Harm),
}

/// Draws changes in lines of at most `width` columns, as far as words allow.
/// Each part goes through `paint`, which may add what has no width.
pub fn list(changes: &[Change], width: usize, paint: impl Fn(Part, &str) -> String) -> String {
    let title = |change: &Change| match is_heading(change) {
        true => format!("{} {}", change.sign, change.what),
        false => format!("    {} {}", change.sign, change.what),
    };
    let widest = changes.iter().map(|change| title(change).chars().count());
    let column = widest.filter(|n| *n <= width / 2 + 4).max().unwrap_or(0);
    let mut text = String::new();
    let mut before = None;
    for (i, change) in changes.iter().enumerate() {
        if before != Some(&change.netns) && !is_heading(change) {
            text += &format!("  {}\n", paint(Part::Heading, &heading(&change.netns)));
        }
        before = Some(&change.netns);
        let title = title(change);
        let len = title.chars().count();
        let indent = if is_heading(change) { 4 } else { 8 };
        let sign = change.sign.to_string();
        text += &title.replacen(&sign, &paint(Part::Sign(change.sign), &sign), 1);
        let because = paint(Part::Because, &change.because);
        if len <= column && column + 2 + change.because.chars().count() <= width {
            text += &format!("{:pad$}{because}\n", "", pad = column + 2 - len);
        } else {
            text += &format!("\n{:indent$}{because}\n", "");
        }
        // What several changes in a row do, the last of them tells.
        let same = |next: &Change| next.netns == change.netns && next.impacts == change.impacts;
        if changes.get(i + 1).is_some_and(same) {
            continue;
        }
        for impact in &change.impacts {
            let harm = paint(Part::Impact(impact.harm), &impact.harm.to_string());
            text += &format!("{:indent$}{harm}: {}\n", "", said(impact, &change.netns));
        }
    }
    text
}

/// A namespace that is made or removed is its own heading.
fn is_heading(change: &Change) -> bool {
    change.what == heading(&change.netns)
}

fn heading(netns: &Netns) -> String {
    match netns {
        Netns::Host => "host".to_owned(),
        Netns::At(_) | Netns::Named(_) => format!("namespace {netns}"),
    }
}

/// The impact, and where else it is felt than where the change stands.
fn said(impact: &Impact, netns: &Netns) -> String {
    let elsewhere = impact.on.iter().filter(|place| match place {
        Place::Namespace(at) => at != netns,
        Place::Device(end) => end.netns != *netns,
    });
    let places: Vec<String> = elsewhere.map(Place::to_string).collect();
    match places.is_empty() {
        true => impact.what.clone(),
        false => format!("{} ({})", impact.what, places.join(", ")),
    }
}
