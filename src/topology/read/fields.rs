//! Mappings and lists.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use super::{Item, Problem, Reader, Value};
use crate::report::codes;
use crate::topology::keys::{Default, Mapping};
use crate::topology::nearest::suggest;
use crate::topology::node::Node;

/// The values of a mapping whose keys are known beforehand.
pub(super) struct Fields<'n> {
    /// Marked when a key is missing.
    item: Item<'n>,
    mapping: &'static Mapping,
    values: BTreeMap<String, Item<'n>>,
}

impl<'n> Fields<'n> {
    /// The value of this key, once.
    pub(super) fn take(&mut self, key: &str) -> Option<Item<'n>> {
        debug_assert!(self.mapping.key(key).is_some(), "`{key}` is in no table");
        self.values.remove(key)
    }

    /// The keys that were not taken, with their values.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&String, &Item<'n>)> {
        self.values.iter()
    }
}

impl Reader<'_> {
    /// A mapping with these keys and no others. No value at all is an empty one.
    pub(super) fn fields<'n>(
        &mut self,
        item: &Item<'n>,
        mapping: &'static Mapping,
    ) -> Option<Fields<'n>> {
        let mut values = BTreeMap::new();
        let names: Vec<String> = mapping.names().map(|name| format!("`{name}`")).collect();
        let hint = format!("write `KEY: VALUE`; its keys are {}", names.join(", "));
        for (key, name, value) in self.mapping(item, mapping.what, &hint)? {
            if mapping.key(&name).is_some() {
                values.insert(name, value);
            } else {
                let message = format!("{} has no key `{name}`", mapping.what);
                let hint = suggest(&name, "its keys are", mapping.names());
                let problem = Problem::new(codes::UNKNOWN_KEY, message, key.span.clone());
                self.problems.push(problem.hint(hint));
            }
        }
        Some(Fields {
            item: item.clone(),
            mapping,
            values,
        })
    }

    /// The value of a key that must be there.
    pub(super) fn required<'n>(&mut self, fields: &mut Fields<'n>, key: &str) -> Option<Item<'n>> {
        let value = fields.take(key);
        if value.is_none() {
            let message = format!("{} needs the key `{key}`", fields.mapping.what);
            let problem = Problem::new(codes::MISSING_KEY, message, fields.item.span.clone());
            return self.problem(match fields.mapping.key(key).map(|key| &key.default) {
                Some(Default::Required(how)) => problem.hint(format!("add {how}")),
                _ => problem,
            });
        }
        value
    }

    /// A mapping from names to things.
    pub(super) fn entries<K, V>(
        &mut self,
        item: Option<Item<'_>>,
        what: &'static str,
        read: fn(&mut Self, &K, &Item<'_>) -> Option<V>,
    ) -> BTreeMap<K, V>
    where
        K: FromStr<Err: Display> + Ord,
    {
        let mut all = BTreeMap::new();
        let hint = "write `NAME: ...` for each, on a line of its own without a dash";
        let entries = item.and_then(|item| self.mapping(&item, what, hint));
        for (key, name, value) in entries.unwrap_or_default() {
            match name.parse::<K>() {
                Ok(name) => {
                    if let Some(thing) = read(self, &name, &value) {
                        all.insert(name, thing);
                    }
                }
                Err(e) => {
                    let problem = Problem::new(codes::BAD_NAME, e.to_string(), key.span.clone());
                    self.problems.push(problem);
                }
            }
        }
        all
    }

    /// A list of things.
    pub(super) fn items<V>(
        &mut self,
        item: Option<Item<'_>>,
        what: &str,
        read: fn(&mut Self, &Item<'_>) -> Option<V>,
    ) -> Vec<V> {
        let list = item.and_then(|item| self.list(&item, what));
        let list = list.unwrap_or_default();
        list.iter().filter_map(|item| read(self, item)).collect()
    }

    /// A list of things, or one thing that is not a list.
    pub(super) fn one_or_more<V>(
        &mut self,
        item: Option<Item<'_>>,
        what: &str,
        read: fn(&mut Self, &Item<'_>) -> Option<V>,
    ) -> Vec<V> {
        match item {
            Some(item) if !matches!(item.node.value, Value::List(_) | Value::Null) => {
                let place = format!("{}/0", item.place);
                self.marks.0.insert(place.clone(), item.span.clone());
                let one = Item { place, ..item };
                read(self, &one).into_iter().collect()
            }
            other => self.items(other, what, read),
        }
    }

    /// Unlike a mapping, a list that is there must have brackets or dashes: an empty
    /// value under `subnets:` is more likely forgotten than meant.
    fn list<'n>(&mut self, item: &Item<'n>, what: &str) -> Option<Vec<Item<'n>>> {
        let Value::List(nodes) = &item.node.value else {
            let hint = "begin each on a line of its own with `- `, or put them in `[` and `]`";
            return self.unexpected(item, &format!("a list of {what}"), hint);
        };
        let at = |(i, node): (usize, &'n Node)| self.item(item, &i.to_string(), node, None);
        Some(nodes.iter().enumerate().map(at).collect())
    }

    /// The keys of a mapping, as nodes and as text, and their values; each key once.
    fn mapping<'n>(
        &mut self,
        item: &Item<'n>,
        what: &str,
        hint: &str,
    ) -> Option<Vec<(&'n Node, String, Item<'n>)>> {
        let nodes = match &item.node.value {
            Value::Mapping(nodes) => nodes,
            Value::Null => return Some(Vec::new()),
            _ => return self.unexpected(item, &format!("{what} as `key: value` pairs"), hint),
        };
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut entries = Vec::new();
        for (key, value) in nodes {
            let Some(name) = self.key(key) else { continue };
            if let Some(first) = seen.insert(name.clone(), key.span.start) {
                let label = format!("it is on line {} already", self.lines.number(first));
                let message = format!("the key `{name}` is there twice");
                let problem = Problem::new(codes::DUPLICATE_KEY, message, key.span.clone());
                self.problems.push(problem.label(label));
                continue;
            }
            let value = self.item(item, &name, value, Some(key));
            entries.push((key, name, value));
        }
        Some(entries)
    }

    /// A key as text. YAML allows lists and mappings as keys; no topology has them.
    fn key(&mut self, key: &Node) -> Option<String> {
        let item = Item {
            node: key,
            place: String::new(),
            span: key.span.clone(),
        };
        self.scalar(&item, "a name as key")
    }

    /// A value inside another. A scalar is marked itself, all else at its key; in a
    /// list, where there is no key, at the rest of its line.
    fn item<'n>(
        &mut self,
        parent: &Item<'n>,
        name: &str,
        node: &'n Node,
        key: Option<&Node>,
    ) -> Item<'n> {
        let scalar = matches!(node.value, Value::Bool(_) | Value::Number | Value::Text(_));
        let span = match key {
            _ if scalar && !node.span.is_empty() => node.span.clone(),
            Some(key) => key.span.clone(),
            None => self.rest_of_line(node.span.start),
        };
        let place = match parent.place.as_str() {
            "" => name.to_owned(),
            around => format!("{around}/{name}"),
        };
        self.marks.0.insert(place.clone(), span.clone());
        Item { node, place, span }
    }
}
