//! What runs between boxes. Boxes stand in layers, and each edge joins one layer with the
//! next, or two of the same: so cables curve in the space between layers, and none runs
//! behind a box.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::{Part, Unit};
use super::measure::Rect;
use super::place::{GUTTER, RAIL};
use super::tag::Tag;
use super::{OUTSIDE, Scene};
use crate::graph::model::{Edge, Graph, Shape, Tie, Way};
use crate::graph::words::Tone;

/// A line, as SVG writes its way.
#[derive(Debug)]
pub(in crate::graph) struct Wire {
    pub(in crate::graph) path: String,
    pub(in crate::graph) kind: Kind,
    pub(in crate::graph) health: Tone,
    /// The edge that it is, but for rails.
    pub(in crate::graph) edge: Option<usize>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graph) enum Kind {
    Way(Way),
    /// Part of a switch, for rows of what is plugged into it.
    Rail,
    /// To the outside, from that end.
    Out(usize),
}

/// In which wall each device of a room is: where what it is plugged into comes from.
pub(super) fn tops(graph: &Graph, depth: &[usize]) -> Vec<Vec<bool>> {
    let mut tops: Vec<Vec<Option<bool>>> = graph
        .nodes
        .iter()
        .map(|node| vec![None; node.jacks.len()])
        .collect();
    for (tie, _) in &graph.outward {
        if let Some(jack) = tie.jack {
            tops[tie.node][jack] = Some(true);
        }
    }
    for edge in &graph.edges {
        let [one, other] = &edge.ends;
        for (near, far) in [(one, other), (other, one)] {
            if let Some(jack) = near.jack {
                tops[near.node][jack].get_or_insert(depth[far.node] < depth[near.node]);
            }
        }
    }
    let known = |top: Vec<Option<bool>>| top.into_iter().map(|top| top.unwrap_or(true)).collect();
    tops.into_iter().map(known).collect()
}

/// The order of each room's devices along its walls: as what they are plugged into stands.
pub(super) fn jack_orders(graph: &Graph, rects: &[Rect]) -> Vec<Vec<usize>> {
    let mut aim: Vec<Vec<f64>> = graph
        .nodes
        .iter()
        .map(|node| vec![0.0; node.jacks.len()])
        .collect();
    for edge in &graph.edges {
        let [one, other] = &edge.ends;
        for (near, far) in [(one, other), (other, one)] {
            if let Some(jack) = near.jack {
                aim[near.node][jack] = rects[far.node].middle();
            }
        }
    }
    let order = |aims: &Vec<f64>| {
        let mut order: Vec<usize> = (0..aims.len()).collect();
        order.sort_by(|one, other| aims[*one].total_cmp(&aims[*other]));
        order
    };
    aim.iter().map(order).collect()
}

/// The way between two boxes of a layer: below both.
fn hanging([x1, x2]: [f64; 2], [from, to]: [f64; 2], floor: f64) -> String {
    let dip = floor + 34.0 + ((x1 - x2).abs() * 0.08).min(40.0);
    format!(
        "M{x1:.0} {from:.0}V{floor:.0}C{x1:.0} {dip:.0} {x2:.0} {dip:.0} {x2:.0} {floor:.0}V{to:.0}"
    )
}

/// The switch of each box that stands in a block.
pub(super) fn rows(parts: &[Part]) -> BTreeMap<usize, usize> {
    let blocks = parts
        .iter()
        .flat_map(|part| &part.units)
        .filter_map(|unit| match unit {
            Unit::Block(switch, members) => Some((*switch, members)),
            Unit::One(_) => None,
        });
    blocks
        .flat_map(|(switch, members)| members.iter().map(move |at| (*at, switch)))
        .collect()
}

/// Makes the lines of a scene whose boxes stand.
pub(super) struct Loom<'s> {
    graph: &'s Graph,
    scene: &'s mut Scene,
    depth: &'s [usize],
    floors: &'s [f64],
    blocks: &'s BTreeMap<usize, usize>,
    /// How many edges a device has at its upper and its lower wall, and how many are drawn.
    share: BTreeMap<(usize, bool), Vec<usize>>,
    /// Where the first row of each switch's block is.
    first: BTreeMap<usize, f64>,
}

impl<'s> Loom<'s> {
    pub(super) fn new(
        graph: &'s Graph,
        scene: &'s mut Scene,
        depth: &'s [usize],
        floors: &'s [f64],
        blocks: &'s BTreeMap<usize, usize>,
    ) -> Self {
        let mut share: BTreeMap<(usize, bool), Vec<usize>> = BTreeMap::new();
        for (at, edge) in graph.edges.iter().enumerate() {
            let [one, other] = [edge.ends[0].node, edge.ends[1].node];
            for (near, far) in [(one, other), (other, one)] {
                share
                    .entry((near, depth[far] < depth[near]))
                    .or_default()
                    .push(at);
            }
        }
        let boxes = &scene.boxes;
        for ((near, _), edges) in &mut share {
            edges.sort_by(|a, b| {
                let far = |at: &usize| {
                    let ends = &graph.edges[*at].ends;
                    let far = if ends[0].node == *near { 1 } else { 0 };
                    boxes[ends[far].node].rect.middle()
                };
                far(a).total_cmp(&far(b))
            });
        }
        let mut first: BTreeMap<usize, f64> = BTreeMap::new();
        for (node, switch) in blocks {
            let top = first.entry(*switch).or_insert(f64::INFINITY);
            *top = top.min(scene.boxes[*node].rect.y);
        }
        Loom {
            first,
            graph,
            scene,
            depth,
            floors,
            blocks,
            share,
        }
    }

    pub(super) fn weave(&mut self) {
        self.rails();
        for at in 0..self.graph.edges.len() {
            self.edge(at);
        }
        self.outside();
    }

    fn rect(&self, node: usize) -> Rect {
        self.scene.boxes[node].rect
    }

    /// The switch whose rail a box hangs on, where it is not in the first row.
    fn is_below_rail(&self, node: usize) -> Option<usize> {
        let switch = *self.blocks.get(&node)?;
        let first = self.first.get(&switch)?;
        (self.rect(node).y > *first).then_some(switch)
    }

    /// A switch goes on as a rail above each further row of what is plugged into it.
    fn rails(&mut self) {
        let mut blocks: BTreeMap<usize, Vec<Rect>> = BTreeMap::new();
        for (node, switch) in self.blocks {
            blocks.entry(*switch).or_default().push(self.rect(*node));
        }
        for (switch, members) in blocks {
            let first = members
                .iter()
                .map(|rect| rect.y)
                .fold(f64::INFINITY, f64::min);
            let left = members
                .iter()
                .map(|rect| rect.x)
                .fold(f64::INFINITY, f64::min);
            let trunk = left - GUTTER / 2.0 - 2.0;
            let bar = self.rect(switch);
            let from = trunk.clamp(bar.x + 6.0, bar.right() - 6.0);
            let tops: BTreeSet<i64> = members
                .iter()
                .filter(|rect| rect.y > first)
                .map(|rect| rect.y as i64)
                .collect();
            for top in tops {
                let row = members.iter().filter(|rect| rect.y as i64 == top);
                let right = row.map(Rect::middle).fold(0.0, f64::max);
                let y = top as f64 - RAIL + 14.0;
                let turn = bar.bottom() + 14.0;
                let aside = match (from - trunk).abs() < 1.0 {
                    true => String::new(),
                    false => format!("V{turn:.0}H{trunk:.0}"),
                };
                let path = format!("M{from:.0} {:.0}{aside}V{y:.0}H{right:.0}", bar.bottom());
                self.push(path, Kind::Rail, Tone::Plain, None);
            }
        }
    }

    fn push(&mut self, path: String, kind: Kind, health: Tone, edge: Option<usize>) {
        self.scene.wires.push(Wire {
            path,
            kind,
            health,
            edge,
        });
    }

    /// Where on a box's upper or lower wall an edge ends, if the box itself says it.
    fn anchor(&self, tie: &Tie, edge: usize, top: bool) -> Option<f64> {
        let boxed = &self.scene.boxes[tie.node];
        let plate = boxed
            .plates
            .iter()
            .find(|plate| Some(plate.jack) == tie.jack);
        if let Some(plate) = plate {
            return Some(plate.rect.middle());
        }
        if self.graph.nodes[tie.node].shape == Shape::Switch {
            return None;
        }
        let share = self.share.get(&(tie.node, top))?;
        let place = share.iter().position(|one| *one == edge)?;
        Some(boxed.rect.x + boxed.rect.w * (place + 1) as f64 / (share.len() + 1) as f64)
    }

    fn edge(&mut self, at: usize) {
        let edge: &Edge = &self.graph.edges[at];
        let [mut upper, mut lower] = [&edge.ends[0], &edge.ends[1]];
        if self.depth[upper.node] > self.depth[lower.node] {
            std::mem::swap(&mut upper, &mut lower);
        }
        let beside = self.depth[upper.node] == self.depth[lower.node];
        let [above, below] = [self.rect(upper.node), self.rect(lower.node)];
        let [x1, x2] = self.along_walls(at, [upper, lower], beside);
        let (floor, from, to) = (self.floors[upper.node], above.bottom(), below.y);
        let rail = to - RAIL + 14.0;
        let railed = self.is_below_rail(lower.node) == Some(upper.node);
        let path = match ((x1 - x2).abs() < 1.0, beside) {
            _ if railed => format!("M{x2:.0} {rail:.0}V{to:.0}"),
            (_, true) => hanging([x1, x2], [from, below.bottom()], floor),
            (true, false) => format!("M{x1:.0} {from:.0}V{to:.0}"),
            (false, false) => {
                let half = (floor + to) / 2.0;
                format!(
                    "M{x1:.0} {from:.0}V{floor:.0}C{x1:.0} {half:.0} {x2:.0} {half:.0} {x2:.0} {to:.0}"
                )
            }
        };
        self.push(path, Kind::Way(edge.way), edge.health, Some(at));
        match railed {
            true => self.tag(upper, x2, rail, true),
            false => self.tag(upper, x1, from, true),
        }
        match beside {
            true => self.tag(lower, x2, below.bottom(), true),
            false => self.tag(lower, x2, to, false),
        }
    }

    /// Where on the walls of its boxes an edge ends. Switches take it where it comes.
    fn along_walls(&self, edge: usize, [upper, lower]: [&Tie; 2], beside: bool) -> [f64; 2] {
        let [above, below] = [self.rect(upper.node), self.rect(lower.node)];
        let known = [
            self.anchor(upper, edge, false),
            self.anchor(lower, edge, !beside),
        ];
        let on = |rect: &Rect, x: f64| x.clamp(rect.x + 10.0, rect.right() - 10.0);
        let [x1, x2] = match known {
            [Some(one), Some(other)] => [one, other],
            [None, Some(other)] => [on(&above, other), other],
            [Some(one), None] => [one, on(&below, one)],
            [None, None] => {
                let one = on(&above, below.middle());
                [one, on(&below, one)]
            }
        };
        if upper.node == lower.node {
            // Both ends of the same box are told apart.
            return [x1 - 12.0, x2 + 12.0];
        }
        // What is nearly straight is straight, where one end can be anywhere.
        let free = self.graph.nodes[upper.node].shape.of_host();
        match free && (x1 - x2).abs() < 5.0 {
            true => [x2, x2],
            false => [x1, x2],
        }
    }

    /// What is said of a port, where there is room for it; what hinders packets, anyway.
    fn tag(&mut self, tie: &Tie, x: f64, y: f64, below: bool) {
        let Some(port) = &tie.port else { return };
        let tag = Tag::new(port, x, y, below);
        let free = !self.scene.tags.iter().any(|other| other.meets(&tag));
        if free || port.said().iter().any(|line| line.tone >= Tone::Warn) {
            self.scene.tags.push(tag);
        }
    }

    /// What leads out goes through the house's wall to the cloud.
    fn outside(&mut self) {
        if self.graph.outward.is_empty() {
            return;
        }
        let mut ends = Vec::new();
        for (tie, health) in &self.graph.outward {
            let boxed = &self.scene.boxes[tie.node];
            let plate = boxed
                .plates
                .iter()
                .find(|plate| Some(plate.jack) == tie.jack);
            let x = plate.map_or(boxed.rect.middle(), |plate| plate.rect.middle());
            ends.push((x, boxed.rect.y, *health));
        }
        let middle = ends.iter().map(|(x, ..)| x).sum::<f64>() / ends.len() as f64;
        let (w, h) = (132.0, 58.0);
        let wall = self
            .scene
            .house
            .as_ref()
            .map_or(super::MARGIN + OUTSIDE, |house| house.rect.y);
        let cloud = Rect {
            x: (middle - w / 2.0).round(),
            y: wall - OUTSIDE,
            w,
            h,
        };
        for (at, (x, y, health)) in ends.into_iter().enumerate() {
            let to = x.clamp(cloud.x + 30.0, cloud.right() - 30.0);
            let (from, half) = (cloud.bottom() - 6.0, (wall + cloud.bottom()) / 2.0);
            let path = format!(
                "M{x:.0} {y:.0}V{wall:.0}C{x:.0} {half:.0} {to:.0} {half:.0} {to:.0} {from:.0}"
            );
            self.push(path, Kind::Out(at), health, None);
        }
        self.scene.cloud = Some(cloud);
    }
}
