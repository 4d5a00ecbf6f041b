//! The file as a tree of values, each with its place in the text. A tree, and not
//! serde's derived structs: so that one reading finds every mistake, and each
//! message speaks of topologies instead of Rust types.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DefaultMessageFormatter, DuplicateKeyPolicy, Location, MessageFormatter};
use serde_saphyr::{Error, Options, Spanned};

use super::error::Problem;

/// A value and the bytes of the file that it was written with.
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) span: Range<usize>,
}

/// What YAML knows. The digits of a number are read from the text, where they
/// stand as they were typed (`010`, `1e3`): a name may look like a number.
pub(super) enum Value {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

impl Value {
    /// The kind of value, with its article, for "expected .., found ..".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(true) => "`true`",
            Value::Bool(false) => "`false`",
            Value::Number => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// The tree of this text, or why it is no YAML.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    // A text of nothing but comments is no document at all for the YAML reader.
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(blank) {
        let value = Value::Null;
        return Ok(Node { value, span: 0..0 });
    }
    serde_saphyr::from_str_with_options(text, options()).map_err(|e| problem(&e, text))
}

/// Repeated keys are let through, to be reported with all else that is wrong.
/// Only `true` and `false` are booleans, so that a namespace may be called `no`.
/// The tree is built by recursion, so its depth is bounded, aliases included; a
/// topology has seven levels.
fn options() -> Options {
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.strict_booleans = true;
    options.with_snippet = false;
    if let Some(budget) = &mut options.budget {
        budget.max_depth = 12;
    }
    options
}

/// What to do about messages of the YAML reader that do not say it. Known by words
/// of theirs, since the reader has no types for its syntax errors; a message that
/// is worded otherwise one day only loses its hint.
const HINTS: [(&str, &str); 5] = [
    ("tabs", "indent with spaces: YAML does not allow tabs there"),
    (
        "expected ':'",
        "a key is followed by a colon and a space: `key: value`",
    ),
    (
        "expected key",
        "the keys of one mapping begin in the same column",
    ),
    ("one lab", "put what follows `---` into another file"),
    ("no anchor", "set one with `&NAME` before it is used"),
];

/// The YAML reader's error, or our words for one that speaks of its insides.
fn problem(error: &Error, text: &str) -> Problem {
    let at = error.location().unwrap_or(Location::UNKNOWN);
    let start = offset(text, at);
    let inner = match error {
        Error::AliasError { error, .. } => error,
        other => other,
    };
    let message = match inner {
        Error::MultipleDocuments { .. } => "one file describes one lab".to_owned(),
        Error::UnknownAnchor { .. } => "there is no anchor of this name".to_owned(),
        Error::Budget { .. } => "the file is nested too deeply or too large".to_owned(),
        other => DefaultMessageFormatter.format_message(other).into_owned(),
    };
    let hint = HINTS.iter().find(|(words, _)| message.contains(words));
    let problem = Problem::new(message, start..start + 1);
    match hint {
        Some((_, hint)) => problem.hint(*hint),
        None => problem,
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

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let span = spanned.defined.span();
        let start = usize::try_from(span.byte_offset().unwrap_or(0)).map_err(D::Error::custom)?;
        let len = usize::try_from(span.byte_len().unwrap_or(0)).map_err(D::Error::custom)?;
        Ok(Node {
            value: spanned.value,
            span: start..start.saturating_add(len),
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            mapping.push(entry);
        }
        Ok(Value::Mapping(mapping))
    }
}
