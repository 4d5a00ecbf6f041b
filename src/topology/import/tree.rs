//! The YAML of the file: mappings, texts, names.

use std::fmt::Display;
use std::str::FromStr;

use super::Import;
use crate::topology::node::{Node, Value};

/// A key of a mapping with its value.
pub(super) struct Entry<'n> {
    pub(super) key: String,
    /// Where the key stands.
    pub(super) at: &'n Node,
    pub(super) node: &'n Node,
    /// From the top of the file: `topology.nodes.srl1.image`.
    pub(super) place: String,
}

impl Import<'_> {
    /// The entries of a mapping; nothing at all is an empty one.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, within: &str) -> Vec<Entry<'n>> {
        let mapping = match &node.value {
            Value::Mapping(mapping) => &mapping[..],
            Value::Null => &[],
            other => {
                let place = within.trim_end_matches('.');
                let place = if place.is_empty() { "the file" } else { place };
                let message = format!("{place} is a mapping, and here is {}", other.kind());
                self.problem(
                    node,
                    message,
                    "write keys with their values, as containerlab has them",
                );
                &[]
            }
        };
        let mut entries: Vec<Entry<'_>> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for (key, node) in mapping {
            let Some(name) = self.scalar(key) else {
                self.problem(key, "a key is a single word", "write a name and a colon");
                continue;
            };
            if !seen.insert(name.clone()) {
                self.problem(
                    key,
                    format!("`{name}` stands there twice"),
                    "leave one of them out",
                );
                continue;
            }
            let place = format!("{within}{name}");
            entries.push(Entry {
                key: name,
                at: key,
                node,
                place,
            });
        }
        entries
    }

    /// A single value, as it was written.
    pub(super) fn scalar(&self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number => self.text.get(node.span.clone()).map(str::to_owned),
            Value::Null | Value::List(_) | Value::Mapping(_) => None,
        }
    }

    /// The items of a list; one value is a list of one.
    pub(super) fn items<'n>(&self, node: &'n Node) -> Vec<&'n Node> {
        match &node.value {
            Value::List(items) => items.iter().collect(),
            Value::Null => Vec::new(),
            _ => vec![node],
        }
    }

    /// A value that explains by itself why a text is none.
    pub(super) fn name<T: FromStr<Err: Display>>(&mut self, node: &Node) -> Option<T> {
        let Some(text) = self.scalar(node) else {
            let message = format!("expected a single value, found {}", node.value.kind());
            self.problem(node, message, "write one value");
            return None;
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(
                    node,
                    format!("{error}"),
                    "change it in the containerlab file",
                );
                None
            }
        }
    }

    /// How many bytes a packet has at most.
    pub(super) fn bytes(&mut self, node: &Node) -> Option<u32> {
        let text = self.scalar(node).unwrap_or_default();
        let number = text.parse().ok();
        if number.is_none() {
            self.problem(
                node,
                format!("`{text}` is no number of bytes"),
                "write it as in `mtu: 1500`",
            );
        }
        number
    }
}
