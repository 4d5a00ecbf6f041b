//! The file as a tree of values, each with its place in the text. A tree, and not
//! serde's derived structs: so that one reading finds every mistake, and each
//! message speaks of topologies instead of Rust types.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Options, Spanned};

use super::error::Problem;
use super::{json, syntax};
use crate::report::codes;

/// A value and the bytes of the file that it was written with.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) span: Range<usize>,
}

/// What YAML knows. The digits of a number are read from the text, where they
/// stand as they were typed (`010`, `1e3`): a name may look like a number.
#[cfg_attr(test, derive(Debug, PartialEq))]
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

/// The most bytes of a file: ten thousand namespaces take half of it, and to read
/// what is just as long but wrong takes a few seconds at most.
pub const MOST_BYTES: usize = 2 << 20;

/// The tree of this text, or why it is no YAML.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    if text.len() > MOST_BYTES {
        let message = "the file has more than 2 MiB";
        return Err(Problem::new(codes::TOO_LARGE, message, 0..0));
    }
    // A text of nothing but comments is no document at all for the YAML reader.
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(blank) {
        let value = Value::Null;
        return Ok(Node { value, span: 0..0 });
    }
    match json::read(text) {
        Some(tree) => Ok(tree),
        None => read_yaml(text),
    }
}

pub(super) fn read_yaml(text: &str) -> Result<Node, Problem> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|e| syntax::problem(&e, text))
}

/// How many levels a tree has at most.
pub(super) const DEEPEST: usize = 12;

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
        budget.max_depth = DEEPEST;
    }
    options
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
