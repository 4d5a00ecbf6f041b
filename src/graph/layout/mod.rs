//! Where everything stands in a picture. The parts that hang together are laid out from the
//! top down ([`layers`], [`place`]), then put beside and below each other in the house.

mod layers;
mod measure;
mod notes;
mod place;
mod tag;
mod widen;
mod wire;

use std::collections::BTreeMap;

use super::model::Graph;
use super::words::{Line, Tone};
use layers::Part;
pub(super) use measure::{Plate, Rect, Text};
use measure::{SMALL, TITLE, broken, wide};
use place::Placed;
pub(super) use tag::Tag;
pub(super) use wire::{Kind, Wire};

/// A picture.
#[derive(Debug, Default)]
pub(super) struct Scene {
    pub(super) w: f64,
    pub(super) h: f64,
    pub(super) house: Option<Frame>,
    /// What is outside, where something leads there.
    pub(super) cloud: Option<Rect>,
    /// By the nodes' order.
    pub(super) boxes: Vec<Box>,
    pub(super) wires: Vec<Wire>,
    pub(super) tags: Vec<Tag>,
    /// What is said below.
    pub(super) notes: Vec<Text>,
}

/// The host's walls, and what is written there.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) rect: Rect,
    pub(super) texts: Vec<Text>,
    pub(super) signs: Vec<(Rect, Text)>,
}

/// A node's box.
#[derive(Debug)]
pub(super) struct Box {
    pub(super) rect: Rect,
    pub(super) texts: Vec<Text>,
    pub(super) plates: Vec<Plate>,
}

/// How wide a page is that it is made for, by its height.
const PAGE: f64 = 1.5;
/// No page is smaller: what fits is not made narrower.
const SMALL_PAGE: f64 = 960.0;
/// Around the picture, and from the house's wall to what is in it.
const MARGIN: f64 = 16.0;
const WALL: f64 = 24.0;
/// Between parts.
const APART: f64 = 36.0;
/// From the house to what is outside.
const OUTSIDE: f64 = 96.0;

/// Places that have been found for everything.
struct Plan {
    rects: Vec<Rect>,
    /// The lower edge of the layer that each node is in.
    floors: Vec<f64>,
    w: f64,
    h: f64,
}

/// Makes a picture of it.
pub(super) fn scene(graph: &Graph) -> Scene {
    let (mut parts, depth) = layers::parts(graph);
    let tops = wire::tops(graph, &depth);
    let sizes: Vec<_> = graph
        .nodes
        .iter()
        .zip(&tops)
        .map(|(node, tops)| measure::size_of(node, tops))
        .collect();
    let sizes = tag::with_room(graph, sizes, &tops);
    let links: Vec<_> = parts.iter().map(|part| place::links(graph, part)).collect();
    for (part, links) in parts.iter_mut().zip(&links) {
        place::order(part, links);
    }
    let plan = Search {
        graph,
        parts: &parts,
        links: &links,
        sizes: &sizes,
        side: side(graph),
    }
    .best();
    drawn(graph, plan, &tops, &depth, &parts)
}

/// Looks for the columns and shelves with which all is on the smallest page.
struct Search<'g> {
    graph: &'g Graph,
    parts: &'g [Part],
    links: &'g [Vec<[usize; 2]>],
    sizes: &'g [measure::Size],
    /// How wide the host's own column is.
    side: f64,
}

/// So many columns may a block have.
const COLUMNS: [usize; 12] = [24, 20, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1];
/// More boxes are not tried in so many ways.
const PATIENCE: usize = 400;

impl Search<'_> {
    /// First with the same columns everywhere, then layer by layer with others.
    fn best(&self) -> Plan {
        let with = |columns: usize| -> Vec<Placed> {
            let parts = 0..self.parts.len();
            let all = |at: usize| vec![columns; self.parts[at].layers.len()];
            parts.map(|at| self.placed(at, &all(at))).collect()
        };
        let mut best = (COLUMNS[0], with(COLUMNS[0]));
        let mut plan = self.plan(&best.1);
        let units = self.parts.iter().flat_map(|part| &part.units);
        let widest = units.map(|unit| unit.members().len()).max().unwrap_or(1);
        for columns in COLUMNS[1..].iter().filter(|columns| **columns < widest) {
            let placed = with(*columns);
            let other = self.plan(&placed);
            if other.0 < plan.0 {
                (best, plan) = ((*columns, placed), other);
            }
        }
        let (columns, mut placed) = best;
        let few = self.graph.nodes.len() <= PATIENCE;
        for (at, part) in self.parts.iter().enumerate().filter(|_| few) {
            let mut chosen = vec![columns; part.layers.len()];
            let blocks = |layer: &Vec<usize>| {
                layer
                    .iter()
                    .any(|unit| part.units[*unit].members().len() > 1)
            };
            let layers = part
                .layers
                .iter()
                .enumerate()
                .filter(|(_, layer)| blocks(layer));
            for (layer, _) in layers {
                for columns in COLUMNS {
                    let before = std::mem::replace(&mut chosen[layer], columns);
                    let old = std::mem::replace(&mut placed[at], self.placed(at, &chosen));
                    let other = self.plan(&placed);
                    if other.0 < plan.0 {
                        plan = other;
                    } else {
                        chosen[layer] = before;
                        placed[at] = old;
                    }
                }
            }
        }
        plan.1
    }

    fn placed(&self, at: usize, columns: &[usize]) -> Placed {
        place::place(
            self.graph,
            &self.parts[at],
            &self.links[at],
            self.sizes,
            columns,
        )
    }

    /// The best shelves for these, and how large a page has to be.
    fn plan(&self, placed: &[Placed]) -> (f64, Plan) {
        let mut best = self.packed(placed, SHELVES[0]);
        for wide in &SHELVES[1..] {
            let other = self.packed(placed, *wide);
            if other.0 < best.0 {
                best = other;
            }
        }
        best
    }

    fn packed(&self, placed: &[Placed], wide: f64) -> (f64, Plan) {
        let plan = pack(self.graph, self.parts, placed, wide);
        let around = 2.0 * (MARGIN + WALL);
        let outside = if self.graph.outward.is_empty() {
            0.0
        } else {
            OUTSIDE
        };
        let (w, h) = (plan.w + self.side + around, plan.h + outside + around);
        let cost = w.max(h * PAGE).max(SMALL_PAGE);
        (cost, plan)
    }
}

/// Widths of shelves that are tried, by that of a page of the same area.
const SHELVES: [f64; 5] = [2.2, 1.7, 1.3, 1.0, 0.7];

/// The highest place that nothing is below, of something so wide, and of those the leftmost.
fn free(taken: &[Rect], w: f64, most: f64) -> (f64, f64) {
    let mut best = (0.0, f64::INFINITY);
    for x in taken
        .iter()
        .map(Rect::right)
        .chain(taken.iter().map(|rect| rect.x))
        .chain([0.0])
    {
        let meets = |rect: &&Rect| rect.x < x + w && x < rect.right();
        let below = taken.iter().filter(meets).map(Rect::bottom);
        let y = below.fold(0.0, f64::max);
        let fits = x + w <= most + 0.5;
        if fits && (y < best.1 || y == best.1 && x < best.0) {
            best = (x, y);
        }
    }
    best
}

/// Parts beside and below each other; those that lead out at the top.
fn pack(graph: &Graph, parts: &[Part], placed: &[Placed], wide: f64) -> Plan {
    let area: f64 = placed
        .iter()
        .map(|one| (one.w + APART) * (one.h + APART))
        .sum();
    let most = placed
        .iter()
        .map(|one| one.w)
        .fold((area * PAGE).sqrt() * wide, f64::max);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|one, other| {
        let key = |at: usize| (!parts[at].outward, -placed[at].h);
        let (one, other) = (key(*one), key(*other));
        one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
    });
    let mut plan = Plan {
        rects: vec![Rect::default(); graph.nodes.len()],
        floors: vec![0.0; graph.nodes.len()],
        w: 0.0,
        h: 0.0,
    };
    let mut taken: Vec<Rect> = Vec::new();
    for at in order {
        let (part, one) = (&parts[at], &placed[at]);
        let (w, h) = (one.w + APART, one.h + APART);
        let (x, y) = match part.outward {
            true => (taken.iter().map(Rect::right).fold(0.0, f64::max), 0.0),
            false => free(&taken, w, most + APART),
        };
        taken.push(Rect { x, y, w, h });
        for (node, rect) in &one.rects {
            plan.rects[*node] = Rect {
                x: rect.x + x,
                y: rect.y + y,
                ..*rect
            };
        }
        for (layer, floor) in part.layers.iter().zip(&one.floors) {
            for node in layer.iter().flat_map(|unit| part.units[*unit].members()) {
                plan.floors[*node] = floor + y;
            }
        }
        plan.w = plan.w.max(x + one.w);
        plan.h = plan.h.max(y + one.h);
    }
    plan
}

/// How wide the column is in which the host's own things are written.
fn side(graph: &Graph) -> f64 {
    let Some(house) = &graph.house else {
        return 0.0;
    };
    let notes = broken(&house.notes);
    let notes = notes.iter().map(|line| wide(&line.text, SMALL));
    let signs = house.signs.iter().map(|sign| wide(sign, SMALL) + 8.0);
    notes.chain(signs).fold(wide("host", TITLE + 2.0), f64::max) + WALL
}

/// Everything at its place.
fn drawn(
    graph: &Graph,
    mut plan: Plan,
    tops: &[Vec<bool>],
    depth: &[usize],
    parts: &[Part],
) -> Scene {
    let mut scene = Scene::default();
    let outside = if graph.outward.is_empty() {
        0.0
    } else {
        OUTSIDE
    };
    let (mut left, mut top) = (MARGIN, MARGIN + outside);
    if graph.house.is_some() {
        left += WALL + side(graph);
        top += WALL;
    }
    for (rect, floor) in plan.rects.iter_mut().zip(&mut plan.floors) {
        (rect.x, rect.y) = ((rect.x + left).round(), (rect.y + top).round());
        *floor += top;
    }
    let (mut right, mut bottom) = (left + plan.w, top + plan.h);
    if let Some(house) = &graph.house {
        let (frame, down) = house_at(house, MARGIN + outside);
        right += WALL;
        bottom = (bottom + WALL).max(down);
        scene.house = Some(Frame {
            rect: Rect {
                x: MARGIN,
                y: MARGIN + outside,
                w: right - MARGIN,
                h: bottom - MARGIN - outside,
            },
            ..frame
        });
    }
    let orders = wire::jack_orders(graph, &plan.rects);
    for (at, rect) in plan.rects.iter().enumerate() {
        let plates = measure::plates(graph, at, rect, &tops[at], &orders[at]);
        let texts = measure::texts(&graph.nodes[at], rect, &plates);
        let rect = *rect;
        scene.boxes.push(Box {
            rect,
            texts,
            plates,
        });
    }
    (scene.w, scene.h) = (right + MARGIN, bottom + MARGIN);
    let rows: BTreeMap<usize, usize> = wire::rows(parts);
    let mut loom = wire::Loom::new(graph, &mut scene, depth, &plan.floors, &rows);
    loom.weave();
    notes::below(graph, &mut scene);
    scene
}

/// The host's column, and how far down it reaches.
fn house_at(house: &super::model::House, top: f64) -> (Frame, f64) {
    let x = MARGIN + 14.0;
    let mut y = top + 26.0;
    let mut texts = vec![Text {
        x,
        y,
        size: TITLE + 2.0,
        tone: Tone::Name,
        text: "host".to_owned(),
    }];
    for line in broken(&house.notes) {
        y += 16.0;
        let Line { tone, text } = line;
        texts.push(Text {
            x,
            y,
            size: SMALL,
            tone,
            text,
        });
    }
    y += 14.0;
    let sign = |text: &String| {
        let rect = Rect {
            x: MARGIN - 6.0,
            y,
            w: wide(text, SMALL) + 22.0,
            h: 20.0,
        };
        y += 26.0;
        let text = Text {
            x,
            y: rect.y + 14.0,
            size: SMALL,
            tone: Tone::Plain,
            text: text.clone(),
        };
        (rect, text)
    };
    let signs = house.signs.iter().map(sign).collect();
    let rect = Rect::default();
    (Frame { rect, texts, signs }, y + 4.0)
}
