//! The wiring of a containerlab file (`FILE.clab.yml`) as a topology file: nodes become namespaces,
//! those of kind `bridge` networks. A namespace runs no image; whatever of the file has no
//! meaning for it is listed with its place, and nothing is left out without a word.

mod exec;
mod link;
mod meaning;
mod node;
mod room;
mod tree;

use std::collections::BTreeMap;
use std::fmt;

use super::draft::Draft;
use super::error::{ParseError, Problem};
use super::node::Node;
use super::parse;
use crate::report::codes;
use crate::state::LabName;
use room::{Kind, Place};

/// What a containerlab file became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The topology file, which [`parse()`] takes.
    pub file: String,
    /// What of the containerlab file has no meaning in it.
    pub notes: Vec<Note>,
}

/// Something that was left out, or became something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it stands: `topology.nodes.srl1.image`.
    pub place: String,
    /// Why, or what it became.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// Why there is no topology file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotImported {
    /// The containerlab file is wrong, or asks for what a kernel cannot give.
    #[error("{0}")]
    File(ParseError),
    /// What it says does not hold together: the mistakes of the topology file that it would be.
    #[error("{0}")]
    Result(ParseError),
}

/// The topology file that a containerlab file's text asks for.
pub fn import(text: &str) -> Result<Imported, NotImported> {
    let root = super::node::read(text);
    let root = root.map_err(|problem| NotImported::File(ParseError::new(text, vec![problem])))?;
    let mut import = Import::new(text);
    let lab = import.file(&root);
    let Some(lab) = lab.filter(|_| import.problems.is_empty()) else {
        return Err(NotImported::File(ParseError::new(text, import.problems)));
    };
    let file = import.draft(lab).text();
    parse(&file).map_err(NotImported::Result)?;
    let notes = import.notes;
    Ok(Imported { file, notes })
}

/// What is known of the file so far.
struct Import<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    notes: Vec<Note>,
    /// Nodes by name.
    places: BTreeMap<String, Place>,
    links: Vec<super::draft::Pairs>,
    /// The subnet of the management network, if the file has one.
    mgmt: Option<String>,
}

impl<'t> Import<'t> {
    fn new(text: &'t str) -> Self {
        Import {
            text,
            problems: Vec::new(),
            notes: Vec::new(),
            places: BTreeMap::new(),
            links: Vec::new(),
            mgmt: None,
        }
    }

    fn note(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.notes.push(Note {
            place: place.into(),
            text: text.into(),
        });
    }

    fn problem(&mut self, node: &Node, message: impl Into<String>, hint: &str) {
        let problem = Problem::new(codes::BAD_IMPORT, message, node.span.clone());
        self.problems.push(problem.hint(hint));
    }

    /// Reads all of it, and gives the lab's name.
    fn file(&mut self, root: &Node) -> Option<LabName> {
        let (mut lab, mut topology) = (None, None);
        for entry in self.entries(root, "") {
            match entry.key.as_str() {
                "name" => lab = self.name::<LabName>(entry.node),
                "topology" => topology = Some(entry),
                "mgmt" => self.management(&entry),
                "prefix" => self.note(entry.place, "namespaces have the plain names of the nodes"),
                _ => self.note(entry.place, meaning::UNKNOWN),
            }
        }
        match topology {
            Some(topology) => self.topology(topology.node),
            None => self.problem(
                root,
                "a containerlab file has the key `topology`",
                "give a file of containerlab, FILE.clab.yml; a topology file of netyard needs no import",
            ),
        }
        if lab.is_none() && self.problems.is_empty() {
            self.problem(root, "the file has no `name`", "write `name: LAB`");
        }
        lab
    }

    fn management(&mut self, mgmt: &tree::Entry<'_>) {
        for entry in self.entries(mgmt.node, "mgmt.") {
            match entry.key.as_str() {
                "ipv4-subnet" => self.mgmt = self.scalar(entry.node),
                _ => self.note(entry.place, meaning::MANAGEMENT),
            }
        }
    }

    fn topology(&mut self, topology: &Node) {
        let mut sections = BTreeMap::new();
        for entry in self.entries(topology, "topology.") {
            match entry.key.as_str() {
                "defaults" | "kinds" | "groups" | "nodes" | "links" => {
                    sections.insert(entry.key.clone(), entry.node);
                }
                _ => self.note(entry.place, meaning::UNKNOWN),
            }
        }
        let nodes = self.nodes(&sections);
        if let Some(links) = sections.get("links") {
            self.links(links);
        }
        for node in nodes {
            self.finish(node);
        }
    }

    fn draft(&self, lab: LabName) -> Draft {
        let mut draft = Draft::new(lab);
        draft.head = vec!["The wiring of a containerlab file, by `netyard import`.".to_owned()];
        if !self.notes.is_empty() {
            draft
                .head
                .push("What of it is not here, or otherwise:".to_owned());
        }
        let notes = self.notes.iter();
        draft.head.extend(notes.map(|note| format!("- {note}")));
        for (name, place) in &self.places {
            match place.kind {
                Kind::Bridge => {
                    let keys = vec![("subnets", "[]".to_owned())];
                    draft.networks.push((name.clone(), keys));
                }
                Kind::Namespace | Kind::Host => draft.namespaces.extend(place.room(name)),
            }
        }
        if self.places.values().any(|place| place.manages()) {
            let subnet = self.mgmt.iter();
            let keys =
                subnet.map(|subnet| ("subnets", format!("[{}]", super::draft::word(subnet))));
            draft.networks.push((room::MGMT.to_owned(), keys.collect()));
        }
        draft.links.clone_from(&self.links);
        draft
    }
}
