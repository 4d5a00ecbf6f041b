//! Which boxes hang together, and how far each is from where the drawing begins: from the
//! way out of the host, or from the switch in the middle.

use std::collections::{BTreeSet, VecDeque};

use crate::graph::model::{Graph, Shape};
use crate::graph::words::{Tone, natural};

/// Boxes that are placed as one.
#[derive(Debug, Clone)]
pub(super) enum Unit {
    One(usize),
    /// Namespaces that are on this switch alone, in rows below it.
    Block(usize, Vec<usize>),
}

impl Unit {
    pub(super) fn members(&self) -> &[usize] {
        match self {
            Unit::One(node) => std::slice::from_ref(node),
            Unit::Block(_, members) => members,
        }
    }
}

/// Boxes that hang together.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) units: Vec<Unit>,
    /// The units of each layer.
    pub(super) layers: Vec<Vec<usize>>,
    pub(super) outward: bool,
}

/// All parts, and the layer of each box.
pub(super) fn parts(graph: &Graph) -> (Vec<Part>, Vec<usize>) {
    let around = graph.around();
    let mut depth = vec![usize::MAX; graph.nodes.len()];
    let outward: BTreeSet<usize> = graph.outward.iter().map(|(tie, _)| tie.node).collect();
    let mut parts = Vec::new();
    let mut seen = vec![false; graph.nodes.len()];
    for start in 0..graph.nodes.len() {
        if seen[start] {
            continue;
        }
        let members: Vec<usize> = distances(&around, &[start])
            .into_iter()
            .map(|(at, _)| at)
            .collect();
        members.iter().for_each(|at| seen[*at] = true);
        let out: Vec<usize> = members
            .iter()
            .copied()
            .filter(|at| outward.contains(at))
            .collect();
        let roots = match out.is_empty() {
            true => vec![root(graph, &around, members)],
            false => out.clone(),
        };
        let found = distances(&around, &roots);
        found.iter().for_each(|(at, far)| depth[*at] = *far);
        parts.push(part(graph, &around, &found, &depth, !out.is_empty()));
    }
    (parts, depth)
}

type Around = [Vec<(usize, usize)>];

/// Every box that can be reached, and how far it is, nearest first.
fn distances(around: &Around, from: &[usize]) -> Vec<(usize, usize)> {
    let mut seen: BTreeSet<usize> = from.iter().copied().collect();
    let mut queue: VecDeque<(usize, usize)> = from.iter().map(|at| (*at, 0)).collect();
    let mut found = Vec::new();
    while let Some((at, far)) = queue.pop_front() {
        found.push((at, far));
        for (_, next) in &around[at] {
            if seen.insert(*next) {
                queue.push_back((*next, far + 1));
            }
        }
    }
    found
}

/// Where the drawing of a part begins: at a thing of the host from which nothing is far; in a
/// line of rooms at its end.
fn root(graph: &Graph, around: &Around, members: Vec<usize>) -> usize {
    let degree = |at: &usize| around[*at].len();
    let own: Vec<usize> = members
        .iter()
        .copied()
        .filter(|at| graph.nodes[*at].shape.of_host())
        .collect();
    let edges: usize = members.iter().map(degree).sum::<usize>() / 2;
    let line = edges + 1 == members.len() && members.iter().all(|at| degree(at) <= 2);
    let candidates = match (own.is_empty(), line) {
        (false, _) => own,
        (true, true) => members.into_iter().filter(|at| degree(at) < 2).collect(),
        (true, false) => members,
    };
    let switch = |at: usize| graph.nodes[at].shape == Shape::Switch;
    let addressed = |at: usize| {
        graph.nodes[at]
            .lines
            .iter()
            .any(|line| line.tone == Tone::Plain)
    };
    let key = |at: &usize| {
        let far = distances(around, &[*at]).last().map_or(0, |(_, far)| *far);
        (
            far,
            !switch(*at),
            !addressed(*at),
            std::cmp::Reverse(degree(at)),
            *at,
        )
    };
    candidates
        .iter()
        .copied()
        .min_by_key(key)
        .unwrap_or_default()
}

fn part(
    graph: &Graph,
    around: &Around,
    found: &[(usize, usize)],
    depth: &[usize],
    outward: bool,
) -> Part {
    let last = found.last().map_or(0, |(_, far)| *far);
    let mut part = Part {
        units: Vec::new(),
        layers: vec![Vec::new(); last + 1],
        outward,
    };
    let hangs = |at: usize| {
        let node = &graph.nodes[at];
        let &[(_, switch)] = around[at].as_slice() else {
            return None;
        };
        let room = !node.shape.of_host() && node.jacks.len() < 2 && depth[at] > 0;
        let on_it = graph.nodes[switch].shape == Shape::Switch && depth[switch] < depth[at];
        (room && on_it).then_some(switch)
    };
    let mut add = |layer: usize, unit: Unit| {
        part.layers[layer].push(part.units.len());
        part.units.push(unit);
    };
    for &(at, layer) in found {
        if hangs(at).is_none() {
            add(layer, Unit::One(at));
        }
        let below = around[at].iter().map(|(_, other)| *other);
        let mut below: Vec<usize> = below.filter(|other| hangs(*other) == Some(at)).collect();
        below.sort_by_cached_key(|at| natural(&graph.nodes[*at].title));
        match below.as_slice() {
            [] => {}
            [only] => add(layer + 1, Unit::One(*only)),
            _ => add(layer + 1, Unit::Block(at, below)),
        }
    }
    part
}
