//! From the tree to a [`Topology`], value by value. What is missing, unknown or of
//! the wrong type is written down, and reading goes on.

mod expect;
mod fields;
mod namespace;
mod nat;
mod netem;
mod network;
mod policy;
mod program;
mod publish;
mod rate;
mod scalar;
mod wireguard;

use std::collections::BTreeMap;
use std::ops::Range;

use super::Topology;
use super::error::Problem;
use super::keys::table;
use super::lines::Lines;
use super::node::{Node, Value};
use crate::report::codes;
use crate::state::LabName;

/// Where the values of the file stand in the text. A place is the path of keys
/// and list positions, joined by `/`, which no valid name holds.
#[derive(Default)]
pub(super) struct Marks(BTreeMap<String, Range<usize>>);

impl Marks {
    /// Exchanges two places, when their values are put in another order.
    fn swap(&mut self, one: &str, other: &str) {
        let (a, b) = (self.span(one), self.span(other));
        self.0.insert(one.to_owned(), b);
        self.0.insert(other.to_owned(), a);
    }

    /// The bytes of this place, or of the nearest thing around it.
    pub(super) fn span(&self, place: &str) -> Range<usize> {
        let mut place = place;
        loop {
            match (self.0.get(place), place.rsplit_once('/')) {
                (Some(span), _) => return span.clone(),
                (None, Some((around, _))) => place = around,
                (None, None) => return 0..0,
            }
        }
    }
}

/// A value on its way to a type: its node, its place, and what to mark if it is
/// wrong. A mapping or a list is marked at its key, for its own span has no width.
#[derive(Clone)]
struct Item<'n> {
    node: &'n Node,
    place: String,
    span: Range<usize>,
}

/// Reads a tree and remembers what is wrong with it.
pub(super) struct Reader<'t> {
    text: &'t str,
    lines: Lines,
    marks: Marks,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Reader {
            text,
            lines: Lines::new(text),
            marks: Marks::default(),
            problems: Vec::new(),
        }
    }

    /// Where everything stands, and what is wrong.
    pub(super) fn finish(self) -> (Marks, Vec<Problem>) {
        (self.marks, self.problems)
    }

    /// The whole file. `None` only with a problem.
    pub(super) fn topology(&mut self, root: &Node) -> Option<Topology> {
        let span = self.rest_of_line(root.span.start);
        let root = Item {
            node: root,
            place: String::new(),
            span: span.clone(),
        };
        if matches!(root.node.value, Value::Null) {
            let message = "the file describes nothing";
            return self.problem(Problem::new(codes::EMPTY_FILE, message, span));
        }
        let mut fields = self.fields(&root, &table::TOPOLOGY)?;
        let lab = self.required(&mut fields, "lab");
        Some(Topology {
            networks: self.entries(fields.take("networks"), "networks", Self::network),
            namespaces: self.entries(fields.take("namespaces"), "namespaces", Self::namespace),
            links: self.items(fields.take("links"), "links", Self::cable),
            allow: self.items(fields.take("allow"), "permissions", Self::allow),
            expect: self.items(fields.take("expect"), "expectations", Self::expectation),
            resolver: fields
                .take("resolver")
                .is_some_and(|item| self.flag(&item).unwrap_or_default()),
            lab: lab
                .and_then(|item| self.parsed::<LabName>(&item, "a lab name", codes::BAD_NAME))?,
        })
    }

    /// Writes a problem down; `None`, to end a reading with it.
    fn problem<T>(&mut self, problem: Problem) -> Option<T> {
        self.problems.push(problem);
        None
    }

    /// From here to the end of the line, without trailing blanks.
    fn rest_of_line(&self, start: usize) -> Range<usize> {
        start..self.lines.around(start).end.max(start)
    }
}
