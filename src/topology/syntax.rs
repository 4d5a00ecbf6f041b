//! Why a text is no YAML: the errors of the YAML reader in plain words.

use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DefaultMessageFormatter, Error, Location, MessageFormatter};

use super::error::Problem;
use crate::report::{Code, codes};

/// Words of the reader's message, what to say in its place, and what to do. The
/// reader has no types for its syntax errors; a message that is worded otherwise
/// one day is shown as it is.
const SAID: [(&str, &str, &str); 15] = [
    (
        "tab",
        "a tab where only spaces indent",
        "indent with spaces: YAML does not allow tabs there",
    ),
    (
        "simple key expected ':'",
        "a key without a colon",
        "a key is followed by a colon and a space: `key: value`",
    ),
    (
        "did not find expected key",
        "this does not continue the mapping above",
        "the keys of one mapping begin in the same column",
    ),
    (
        "expected '-' indicator",
        "this does not continue the list above",
        "the dashes of one list stand in the same column",
    ),
    (
        "expected ',' or '}'",
        "a mapping in `{` and `}` that does not go on",
        "put a comma between its entries, and `}` at its end",
    ),
    (
        "expected ',' or ']'",
        "a list in `[` and `]` that does not go on",
        "put a comma between its entries, and `]` at its end",
    ),
    (
        "mismatched bracket",
        "",
        "close `[` with `]`, and `{` with `}`",
    ),
    (
        "unclosed bracket",
        "",
        "close `[` with `]`, and `{` with `}`",
    ),
    (
        "unclosed quote",
        "a quote that is not closed",
        "end the text with the quote that it begins with",
    ),
    (
        "mapping values are not allowed",
        "a colon where no key can be",
        "put a text with a colon in quotes; keys of one mapping begin in the same column",
    ),
    (
        "block sequence entries are not allowed",
        "a dash where no list can be",
        "begin the list on the line below its key",
    ),
    (
        "unknown escape",
        "a backslash that means nothing",
        "write two of them, or put the text in single quotes",
    ),
    (
        "unexpected EOF while parsing",
        "a list or mapping that does not go on",
        "look for a comma too many, or a bracket that is not closed",
    ),
    (
        "`\\u{",
        "a control character",
        "remove it: YAML does not allow it, and editors may not show it",
    ),
    (
        "unexpected character",
        "",
        "put a text that begins with it in quotes",
    ),
];

/// The YAML reader's error, or our words for one that speaks of its insides.
pub(super) fn problem(error: &Error, text: &str) -> Problem {
    let start = offset(text, error.location().unwrap_or(Location::UNKNOWN));
    let inner = match error {
        Error::AliasError { error, .. } => error,
        other => other,
    };
    let at = |code: &'static Code, message: &str| Problem::new(code, message, start..start + 1);
    match inner {
        Error::MultipleDocuments { .. } => {
            at(codes::SEVERAL_DOCUMENTS, "one file describes one lab")
        }
        Error::UnknownAnchor { .. } => at(codes::UNKNOWN_ANCHOR, "there is no anchor of this name"),
        Error::Budget { breach, .. } => {
            let code = exceeded(breach, text);
            at(code, code.title)
        }
        Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => {
            at(codes::TOO_MANY_ALIASES, codes::TOO_MANY_ALIASES.title)
        }
        other => {
            let said = DefaultMessageFormatter.format_message(other);
            match SAID.iter().find(|(words, ..)| said.contains(words)) {
                Some((_, "", hint)) => at(codes::NOT_YAML, &said).hint(*hint),
                Some((_, message, hint)) => at(codes::NOT_YAML, message).hint(*hint),
                None => at(codes::NOT_YAML, &said),
            }
        }
    }
}

/// Which bound of the reader a file exceeds. More values than bytes come of aliases.
fn exceeded(breach: &BudgetBreach, text: &str) -> &'static Code {
    match breach {
        BudgetBreach::Nodes { nodes: many } | BudgetBreach::Events { events: many }
            if *many > text.len() =>
        {
            codes::TOO_MANY_ALIASES
        }
        BudgetBreach::Depth { .. } => codes::TOO_DEEP,
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::MergeKeys { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::RecordedAnchorBytes { .. } => codes::TOO_MANY_ALIASES,
        _ => codes::TOO_LARGE,
    }
}

/// The byte at this place; the end of the text when there is none.
fn offset(text: &str, at: Location) -> usize {
    // An error, unlike a value, may come with line and column alone.
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(1);
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(number(at.line())).map(str::len).sum();
    let line = lines.next().unwrap_or_default();
    let column = line.char_indices().nth(number(at.column()));
    before + column.map_or(line.trim_end().len(), |(byte, _)| byte)
}
