//! Whether a set has a key, and what a map has for it.

use std::borrow::Cow;

use super::bytes::{Bytes, Truth, both};
use super::passage::Question;
use super::walk::Scene;
use crate::state::ruleset::{Elements, RuleSet, SetElement};

/// What was found.
pub(super) enum Hit<'a> {
    /// This one.
    Element(Cow<'a, SetElement>),
    /// None.
    Nothing,
    /// One of these, or none: that is not known.
    Perhaps(Vec<&'a SetElement>),
}

/// The element of a set that stands for a key.
pub(super) fn find<'a>(set: &'a RuleSet, name: &str, key: &Bytes, scene: &Scene<'_>) -> Hit<'a> {
    match &set.elements {
        Elements::Listed(all) => among(set, all, key),
        Elements::Asked if !key.is_known() => Hit::Perhaps(Vec::new()),
        Elements::Asked => {
            let question = Question {
                family: scene.family,
                table: &scene.table.name,
                set: name,
                key: &key.value,
            };
            match scene.ask.element(&question) {
                Some(Some(element)) => Hit::Element(Cow::Owned(element)),
                Some(None) => Hit::Nothing,
                None => Hit::Perhaps(Vec::new()),
            }
        }
    }
}

/// The one that stands for all the rest is met when no other is.
fn among<'a>(set: &RuleSet, all: &'a [SetElement], key: &Bytes) -> Hit<'a> {
    let mut perhaps = Vec::new();
    for element in all {
        let Some((first, last)) = &element.keys else {
            continue;
        };
        match stands_for(&set.parts, first, last, key) {
            Some(true) if perhaps.is_empty() => return Hit::Element(Cow::Borrowed(element)),
            Some(false) => {}
            _ => perhaps.push(element),
        }
    }
    let rest = all.iter().find(|element| element.keys.is_none());
    match rest {
        _ if !perhaps.is_empty() => {
            perhaps.extend(rest);
            Hit::Perhaps(perhaps)
        }
        Some(rest) => Hit::Element(Cow::Borrowed(rest)),
        None => Hit::Nothing,
    }
}

/// Each part has a range of its own and begins at a multiple of four bytes.
fn stands_for(parts: &[usize], first: &[u8], last: &[u8], key: &Bytes) -> Truth {
    if first == last {
        return key.equals(first);
    }
    let (mut at, mut holds) = (0, Some(true));
    for length in parts {
        let end = (at + length).min(first.len()).min(last.len());
        let part = key.cut(at, end.saturating_sub(at))?;
        let (low, high) = (first.get(at..end)?, last.get(at..end)?);
        holds = both(holds, part.within(low, high));
        at = (at + length).next_multiple_of(4);
    }
    holds
}
