//! From the tree to a [`Topology`], value by value. What is missing, unknown or of
//! the wrong type is written down, and reading goes on.

mod fields;
mod namespace;
mod network;
mod scalar;

use std::collections::BTreeMap;
use std::ops::Range;

use super::error::Problem;
use super::lines::Lines;
use super::node::{Node, Value};
use super::{Expectation, Probe, Target, Topology};
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
            let problem = Problem::new("the file describes nothing", span);
            return self.problem(problem.hint("begin with `lab: NAME`"));
        }
        let keys = ["lab", "networks", "namespaces", "links", "expect"];
        let mut fields = self.fields(&root, "a topology file", &keys)?;
        let lab = self.required(&mut fields, "lab", "`lab: NAME`");
        Some(Topology {
            networks: self.entries(fields.take("networks"), "networks", Self::network),
            namespaces: self.entries(fields.take("namespaces"), "namespaces", Self::namespace),
            links: self.items(fields.take("links"), "links", Self::cable),
            expect: self.items(fields.take("expect"), "expectations", Self::expectation),
            lab: lab.and_then(|item| self.parsed::<LabName>(&item, "a lab name"))?,
        })
    }

    /// Each value is read before the first `?`, so that one bad value does not hide
    /// another; the other nouns are read in the same way.
    fn expectation(&mut self, item: &Item<'_>) -> Option<Expectation> {
        let keys = ["from", "to", "reach", "tcp", "udp"];
        let mut fields = self.fields(item, "an expectation", &keys)?;
        let from = self.required(
            &mut fields,
            "from",
            "`from: NAMESPACE`, where the probe starts",
        );
        let to = self.required(&mut fields, "to", "`to: NAMESPACE`, or an address to probe");
        let reach = fields.take("reach").map(|item| self.flag(&item));
        let probe = self.probe(fields.take("tcp"), fields.take("udp"));
        Some(Expectation {
            from: self.parsed(&from?, "a namespace")?,
            to: self.target(&to?)?,
            reach: reach.unwrap_or(Some(true))?,
            probe: probe?,
        })
    }

    /// A ping, unless a port is named.
    fn probe(&mut self, tcp: Option<Item<'_>>, udp: Option<Item<'_>>) -> Option<Probe> {
        match (tcp, udp) {
            (None, None) => Some(Probe::Ping),
            (Some(tcp), None) => self.port(&tcp).map(Probe::Tcp),
            (None, Some(udp)) => self.port(&udp).map(Probe::Udp),
            (Some(_), Some(udp)) => {
                let problem = Problem::new("an expectation has one probe", udp.span)
                    .label("`tcp` is there already")
                    .hint("write a second expectation for `udp`");
                self.problem(problem)
            }
        }
    }

    /// An address, or else the name of a namespace. No name holds `:` or `/`, so a
    /// text with one of them was meant as an address.
    fn target(&mut self, item: &Item<'_>) -> Option<Target> {
        let text = self.scalar(item, "a namespace or an address")?;
        if let Ok(address) = text.parse() {
            return Some(Target::Address(address));
        }
        if text.contains([':', '/']) {
            return self.address(item).map(Target::Address);
        }
        self.parsed(item, "a namespace").map(Target::Netns)
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
