//! What is drawn, whatever the form: boxes, and what runs between them. The host is the
//! house, other namespaces are its rooms; its own switches and devices stand in between.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{Line, Tone, clean};

/// All that is drawn.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// What it is a drawing of.
    pub(super) title: String,
    /// The host, where something of it is drawn.
    pub(super) house: Option<House>,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    /// Ends that lead out of what is seen, and how they are.
    pub(super) outward: Vec<(Tie, Tone)>,
    /// What could not be seen.
    pub(super) unseen: Vec<String>,
}

/// What is said of the host, beside its devices.
#[derive(Debug, Default)]
pub(super) struct House {
    pub(super) notes: Vec<Line>,
    /// What its outer wall does: NAT, published ports.
    pub(super) signs: Vec<String>,
    pub(super) tip: String,
    /// Its number.
    pub(super) netns: Option<u64>,
}

impl House {
    /// All of it in lines, where it has no places of its own.
    pub(super) fn sign(&self) -> Vec<String> {
        let mut lines = vec!["host".to_owned()];
        lines.extend(self.notes.iter().map(|line| line.text.clone()));
        lines.extend(self.signs.iter().cloned());
        lines
    }
}

/// A device in the kernel's numbers, for programs that look it up again: its namespace's on
/// the nsfs, and its own there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) netns: u64,
    pub(super) dev: u32,
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.netns, self.dev)
    }
}

/// What a box stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A namespace.
    Room,
    /// So many that are alike.
    Stack(usize),
    /// One whose inside was not seen.
    Ghost,
    /// A bridge of the host.
    Switch,
    /// Another device of the host.
    Device,
}

impl Shape {
    /// Whether it stands in the host's own namespace.
    pub(super) fn of_host(self) -> bool {
        matches!(self, Shape::Switch | Shape::Device)
    }
}

/// A box.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    pub(super) title: String,
    /// Below the title.
    pub(super) lines: Vec<Line>,
    /// Devices of a namespace that are plugged into something outside of it.
    pub(super) jacks: Vec<Jack>,
    pub(super) tip: String,
    /// The namespaces that it stands for, by number. Those of a file have none yet.
    pub(super) netns: Vec<u64>,
    /// The device of the host that it is.
    pub(super) device: Option<Number>,
}

impl Node {
    pub(super) fn new(shape: Shape, title: &str) -> Self {
        Node {
            shape,
            title: clean(title),
            lines: Vec::new(),
            jacks: Vec::new(),
            tip: String::new(),
            netns: Vec::new(),
            device: None,
        }
    }
}

/// A device in the wall of a room: its name, then what is said of it.
#[derive(Debug, Clone)]
pub(super) struct Jack {
    pub(super) lines: Vec<Line>,
    pub(super) tip: String,
    /// The devices that it stands for.
    pub(super) devices: Vec<Number>,
}

impl Jack {
    pub(super) fn name(&self) -> &str {
        self.lines.first().map_or("", |line| &line.text)
    }

    /// What is said beside its name.
    pub(super) fn said(&self) -> &[Line] {
        self.lines.get(1..).unwrap_or_default()
    }
}

/// What runs from one box to another.
#[derive(Debug)]
pub(super) struct Edge {
    /// The upper end first, where one is on the other.
    pub(super) ends: [Tie; 2],
    pub(super) way: Way,
    /// The worst that is said of its ends.
    pub(super) health: Tone,
}

/// How two boxes belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A cable.
    Cable,
    /// The first is a port of the second.
    Port,
    /// The second is made on the first.
    On,
}

/// Where an edge ends.
#[derive(Debug, Clone)]
pub(super) struct Tie {
    pub(super) node: usize,
    /// The device in the room's wall.
    pub(super) jack: Option<usize>,
    /// The port of a switch: its name, and what is said of it.
    pub(super) port: Option<Jack>,
}

impl Graph {
    /// The edges of each box, and the box at the other end.
    pub(super) fn around(&self) -> Vec<Vec<(usize, usize)>> {
        let mut around = vec![Vec::new(); self.nodes.len()];
        for (at, edge) in self.edges.iter().enumerate() {
            let [one, other] = [edge.ends[0].node, edge.ends[1].node];
            around[one].push((at, other));
            if one != other {
                around[other].push((at, one));
            }
        }
        around
    }

    /// The devices at an end of an edge.
    pub(super) fn devices(&self, tie: &Tie) -> Vec<Number> {
        let node = &self.nodes[tie.node];
        let jack = tie.jack.and_then(|jack| node.jacks.get(jack));
        match tie.port.as_ref().or(jack) {
            Some(jack) => jack.devices.clone(),
            None => node.device.into_iter().collect(),
        }
    }

    /// How many namespaces there are.
    pub(super) fn rooms(&self) -> usize {
        let count = |node: &Node| match node.shape {
            Shape::Room | Shape::Ghost => 1,
            Shape::Stack(count) => count,
            Shape::Switch | Shape::Device => 0,
        };
        self.nodes.iter().map(count).sum()
    }

    /// Without these boxes; what ended at one of them ends at the one that stands for it, or
    /// goes with it.
    pub(super) fn without(&mut self, gone: &BTreeSet<usize>) {
        let mut place = BTreeMap::new();
        let mut kept = Vec::new();
        for (at, node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            if !gone.contains(&at) {
                place.insert(at, kept.len());
                kept.push(node);
            }
        }
        self.nodes = kept;
        self.edges
            .retain(|edge| edge.ends.iter().all(|tie| place.contains_key(&tie.node)));
        self.outward
            .retain(|(tie, _)| place.contains_key(&tie.node));
        let ties = self.edges.iter_mut().flat_map(|edge| &mut edge.ends);
        for tie in ties.chain(self.outward.iter_mut().map(|(tie, _)| tie)) {
            tie.node = place[&tie.node];
        }
    }

    /// What one reads to those who do not see it.
    pub(super) fn summary(&self) -> String {
        let count = |n: usize, one: &str, many: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        };
        let of = |shape| self.nodes.iter().filter(|node| node.shape == shape).count();
        let cables = self.edges.iter().filter(|edge| edge.way == Way::Cable);
        let (switches, bad) = (of(Shape::Switch), self.edges.iter());
        let bad = bad.filter(|edge| edge.health == Tone::Bad).count();
        let mut said = vec![
            count(self.rooms(), "namespace", "namespaces"),
            count(switches, "switch", "switches"),
            count(cables.count(), "cable", "cables"),
        ];
        if bad > 0 {
            said.push(format!("{bad} of them down"));
        }
        said.join(", ")
    }
}
