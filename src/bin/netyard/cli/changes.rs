//! A list of changes on a terminal.

use std::collections::BTreeSet;

use anstyle::{AnsiColor, Style};
use netyard::plan::{self, Change, Harm, Part, Place, Sign, Summary};

use super::output::{BAD, BOLD, DIM, GOOD, columns, styled};

/// Yellow cannot be read on white.
const CAREFUL: Style = AnsiColor::Magenta.on_default().bold();

/// A list is no wider, however wide the terminal is: reasons far from what they are
/// about are hard to read.
const WIDEST: usize = 120;

/// The most places that are named one by one.
const NAMED: usize = 6;

/// The changes.
pub(crate) fn list(changes: &[Change]) -> String {
    let width = columns(std::io::stderr()).unwrap_or(80);
    plan::list(changes, width.clamp(40, WIDEST), paint)
}

/// What changes come to, and where they are felt, the worst first.
pub(crate) fn summary(changes: &[Change]) -> String {
    let summary = Summary::of(changes);
    let mut text = summary.to_string();
    let mut told: BTreeSet<&Place> = BTreeSet::new();
    for (harm, places) in summary.felt.iter().rev() {
        // What is removed is cut off, too: the worst is enough.
        let places: Vec<&Place> = places.iter().filter(|place| told.insert(place)).collect();
        if places.is_empty() {
            continue;
        }
        let named: Vec<String> = (places.iter().take(NAMED))
            .map(ToString::to_string)
            .collect();
        let more = match places.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let harm = paint(Part::Impact(*harm), &harm.to_string());
        text += &format!("\n{harm}: {}{more}", named.join(", "));
    }
    text
}

/// Styled always: anstream takes the colours out where they do not belong.
fn paint(part: Part, text: &str) -> String {
    let style = match part {
        Part::Heading => BOLD,
        Part::Because => DIM,
        Part::Sign(Sign::Make) => GOOD,
        Part::Sign(Sign::Change) | Part::Impact(Harm::Blip) => CAREFUL,
        Part::Sign(Sign::Remake | Sign::Remove) | Part::Impact(_) => BAD,
    };
    styled(style, text)
}
