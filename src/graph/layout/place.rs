//! Where the boxes of a part stand: in each layer an order with few crossings, then places as
//! near as can be to what each hangs on.

use std::collections::BTreeMap;

use super::layers::{Part, Unit};
use super::measure::{Rect, Size};
use super::widen;
use crate::graph::model::{Graph, Shape};

/// Between boxes of a layer.
pub(super) const APART: f64 = 22.0;
/// Between those of a block, and above each of its rows the rail.
const CLOSE: f64 = 16.0;
pub(super) const RAIL: f64 = 46.0;
/// Left of a block of several rows, for what leads down to its rails.
pub(super) const GUTTER: f64 = 22.0;
/// Between two layers, at least; and more, where something leads far aside.
const CHANNEL: f64 = 46.0;

/// How deep cables between boxes of the last layer hang.
const DIP: f64 = 56.0;

/// The boxes of a part at their places, from (0, 0).
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) rects: BTreeMap<usize, Rect>,
    /// The lower edge of each layer.
    pub(super) floors: Vec<f64>,
    pub(super) w: f64,
    pub(super) h: f64,
}

/// The units of a part that are wired to one another.
pub(super) fn links(graph: &Graph, part: &Part) -> Vec<[usize; 2]> {
    let mut of = BTreeMap::new();
    for (at, unit) in part.units.iter().enumerate() {
        unit.members()
            .iter()
            .for_each(|node| _ = of.insert(*node, at));
    }
    let mut links: Vec<[usize; 2]> = (graph.edges.iter())
        .filter_map(|edge| {
            let [one, other] = [&edge.ends[0], &edge.ends[1]].map(|tie| of.get(&tie.node));
            Some([*one?, *other?]).filter(|[one, other]| one != other)
        })
        .collect();
    links.sort_unstable();
    links
}

/// Puts each layer into an order in which few links cross.
pub(super) fn order(part: &mut Part, links: &[[usize; 2]]) {
    let mut best = (crossings(&part.layers, links), part.layers.clone());
    for sweep in 0..10 {
        let count = part.layers.len();
        let way: Vec<usize> = match sweep % 2 {
            0 => (1..count).collect(),
            _ => (0..count.saturating_sub(1)).rev().collect(),
        };
        for layer in way {
            let beside = if sweep % 2 == 0 { layer - 1 } else { layer + 1 };
            let place: BTreeMap<usize, f64> = in_order(&part.layers[beside]).collect();
            let own: BTreeMap<usize, f64> = in_order(&part.layers[layer]).collect();
            let key = |unit: &usize| {
                let near: Vec<f64> = others(links, *unit)
                    .filter_map(|one| place.get(&one).copied())
                    .collect();
                match near.len() {
                    0 => own[unit],
                    some => near.iter().sum::<f64>() / some as f64,
                }
            };
            let mut keyed: Vec<(f64, usize)> = part.layers[layer]
                .iter()
                .map(|unit| (key(unit), *unit))
                .collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            part.layers[layer] = keyed.into_iter().map(|(_, unit)| unit).collect();
        }
        let now = crossings(&part.layers, links);
        if now < best.0 {
            best = (now, part.layers.clone());
        }
    }
    part.layers = best.1;
}

/// Places from -1 to 1.
fn in_order(layer: &[usize]) -> impl Iterator<Item = (usize, f64)> + '_ {
    let half = layer.len() as f64 / 2.0;
    let place = move |n: usize| (n as f64 + 0.5 - half) / half;
    layer
        .iter()
        .enumerate()
        .map(move |(n, unit)| (*unit, place(n)))
}

pub(super) fn others(links: &[[usize; 2]], unit: usize) -> impl Iterator<Item = usize> + '_ {
    links
        .iter()
        .filter_map(move |[one, other]| match (*one == unit, *other == unit) {
            (true, _) => Some(*other),
            (_, true) => Some(*one),
            _ => None,
        })
}

fn crossings(layers: &[Vec<usize>], links: &[[usize; 2]]) -> usize {
    let mut at = BTreeMap::new();
    for (l, layer) in layers.iter().enumerate() {
        layer
            .iter()
            .enumerate()
            .for_each(|(n, unit)| _ = at.insert(*unit, (l, n)));
    }
    let downward = links.iter().map(|[one, other]| {
        let (one, other) = (at[one], at[other]);
        (one.min(other), one.max(other))
    });
    let mut by_layer: Vec<Vec<(usize, usize)>> = vec![Vec::new(); layers.len()];
    for (upper, lower) in downward.filter(|(upper, lower)| upper.0 != lower.0) {
        by_layer[upper.0].push((upper.1, lower.1));
    }
    let cross = |a: &(usize, usize), b: &(usize, usize)| {
        (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1)
    };
    let of = |links: &Vec<(usize, usize)>| -> usize {
        let pairs = links.iter().enumerate();
        pairs
            .map(|(n, a)| links[n + 1..].iter().filter(|b| cross(a, b)).count())
            .sum()
    };
    by_layer.iter().map(of).sum()
}

/// The places of a part's boxes; blocks have at most so many columns, by their layer.
pub(super) fn place(
    graph: &Graph,
    part: &Part,
    links: &[[usize; 2]],
    sizes: &[Size],
    columns: &[usize],
) -> Placed {
    let layer_of = layers_of(part);
    let grid = |(at, unit): (usize, &Unit)| Grid::of(unit, sizes, columns[layer_of[at]]);
    let blocks: Vec<Grid> = part.units.iter().enumerate().map(grid).collect();
    let mut widths: Vec<f64> = blocks.iter().map(|grid| grid.w).collect();
    // A switch has room for itself above all of its own block.
    for (at, unit) in part.units.iter().enumerate() {
        if let Unit::Block(switch, _) = unit {
            let is = |unit: &Unit| matches!(unit, Unit::One(one) if one == switch);
            let above = part.units.iter().position(is).unwrap_or(at);
            widths[above] = widths[above].max(widths[at]);
        }
    }
    let middles = middles(part, links, &widths, &layer_of);
    let mut placed = Placed::default();
    let mut y = 0.0;
    for (l, layer) in part.layers.iter().enumerate() {
        let mut floor: f64 = y;
        for unit in layer {
            let left = middles[*unit] - blocks[*unit].w / 2.0;
            blocks[*unit].put(&part.units[*unit], (left, y), &mut placed.rects);
            floor = floor.max(y + blocks[*unit].h);
        }
        placed.floors.push(floor);
        let aside = links.iter().filter(|[one, other]| {
            let [one, other] = [layer_of[*one], layer_of[*other]];
            one.min(other) == l
        });
        let bar = |unit: usize| {
            part.units[unit]
                .members()
                .iter()
                .any(|at| graph.nodes[*at].shape == Shape::Switch)
        };
        let aside = aside.filter(|[one, other]| !bar(*one) && !bar(*other));
        let far = aside
            .map(|[one, other]| (middles[*one] - middles[*other]).abs())
            .fold(0.0, f64::max);
        y = floor + CHANNEL + (far * 0.1).min(60.0);
    }
    widen::widen(graph, part, links, &mut placed);
    settle(&mut placed);
    let last = part.layers.len() - 1;
    let beside = |[one, other]: &[usize; 2]| layer_of[*one] == last && layer_of[*other] == last;
    if links.iter().any(beside) {
        placed.h += DIP;
    }
    placed
}

/// The layer that each unit is in.
fn layers_of(part: &Part) -> Vec<usize> {
    let mut layer_of = vec![0; part.units.len()];
    for (l, layer) in part.layers.iter().enumerate() {
        layer.iter().for_each(|unit| layer_of[*unit] = l);
    }
    layer_of
}

/// The middle of each unit.
fn middles(part: &Part, links: &[[usize; 2]], widths: &[f64], layer_of: &[usize]) -> Vec<f64> {
    let mut near: [Vec<Vec<usize>>; 2] = [
        vec![Vec::new(); widths.len()],
        vec![Vec::new(); widths.len()],
    ];
    for [one, other] in links {
        for (from, to) in [(*one, *other), (*other, *one)] {
            match layer_of[from].cmp(&layer_of[to]) {
                std::cmp::Ordering::Greater => near[0][from].push(to),
                std::cmp::Ordering::Less => near[1][from].push(to),
                std::cmp::Ordering::Equal => {}
            }
        }
    }
    let mut middles = vec![0.0; widths.len()];
    for layer in &part.layers {
        spread(layer, widths, &mut middles, |_| None);
    }
    let count = part.layers.len();
    for _ in 0..8 {
        let down = (1..count).map(|layer| (layer, 0));
        let up = (0..count.saturating_sub(1)).rev().map(|layer| (layer, 1));
        for (layer, way) in down.chain(up) {
            let now = middles.clone();
            spread(&part.layers[layer], widths, &mut middles, |unit| {
                let near = &near[way][unit];
                let sum: f64 = near.iter().map(|one| now[*one]).sum();
                (!near.is_empty()).then(|| (sum / near.len() as f64, near.len() as f64))
            });
        }
    }
    middles
}

/// Places of a layer that differ as little as can be, squared, from those that are wished for,
/// while nothing overlaps: neighbours that would are taken together at their mean (the "pool
/// adjacent violators" of isotonic regression).
fn spread(
    layer: &[usize],
    widths: &[f64],
    middles: &mut [f64],
    wish: impl Fn(usize) -> Option<(f64, f64)>,
) {
    // Each pool: its place less what lies before, its weight, its size.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    let mut before = 0.0;
    let mut offsets = Vec::with_capacity(layer.len());
    for (n, unit) in layer.iter().enumerate() {
        if n > 0 {
            before += (widths[layer[n - 1]] + widths[*unit]) / 2.0 + APART;
        }
        offsets.push(before);
        let (place, weight) = wish(*unit).unwrap_or((middles[*unit], 0.01));
        pools.push((place - before, weight, 1));
        while let [.., one, other] = pools.as_slice() {
            if one.0 <= other.0 {
                break;
            }
            let weight = one.1 + other.1;
            let mean = (one.0 * one.1 + other.0 * other.1) / weight;
            let together = (mean, weight, one.2 + other.2);
            pools.truncate(pools.len() - 2);
            pools.push(together);
        }
    }
    let places = pools
        .iter()
        .flat_map(|(place, _, size)| std::iter::repeat_n(*place, *size));
    for ((unit, place), offset) in layer.iter().zip(places).zip(offsets) {
        middles[*unit] = place + offset;
    }
}

/// A unit's own boxes, in rows.
struct Grid {
    w: f64,
    h: f64,
    /// Width of a box; each as its own, where there is one.
    cell: f64,
    columns: usize,
    /// The height of each row.
    rows: Vec<f64>,
}

impl Grid {
    fn of(unit: &Unit, sizes: &[Size], columns: usize) -> Self {
        let members = unit.members();
        let count = members.len();
        // As many in each row.
        let rows = count.div_ceil(columns.min(count).max(1)).max(1);
        let columns = count.div_ceil(rows).max(1);
        let cell = members.iter().map(|at| sizes[*at].w).fold(0.0, f64::max);
        let high = |row: &[usize]| row.iter().map(|at| sizes[*at].h).fold(0.0, f64::max);
        let rows: Vec<f64> = members.chunks(columns).map(high).collect();
        let gutter = if rows.len() > 1 { GUTTER } else { 0.0 };
        Grid {
            // The same at both sides, so that the middle is that of the boxes.
            w: columns as f64 * (cell + CLOSE) - CLOSE + 2.0 * gutter,
            h: rows.iter().sum::<f64>() + (rows.len() - 1) as f64 * RAIL,
            cell,
            columns,
            rows,
        }
    }

    fn put(&self, unit: &Unit, (x, y): (f64, f64), rects: &mut BTreeMap<usize, Rect>) {
        let gutter = if self.rows.len() > 1 { GUTTER } else { 0.0 };
        let mut top = y;
        for (row, members) in unit.members().chunks(self.columns).enumerate() {
            for (n, at) in members.iter().enumerate() {
                let rect = Rect {
                    x: x + gutter + n as f64 * (self.cell + CLOSE),
                    y: top,
                    w: self.cell,
                    h: self.rows[row],
                };
                rects.insert(*at, rect);
            }
            top += self.rows[row] + RAIL;
        }
    }
}

/// Moves everything to (0, 0), on whole numbers.
fn settle(placed: &mut Placed) {
    let left = placed
        .rects
        .values()
        .map(|rect| rect.x)
        .fold(f64::INFINITY, f64::min);
    for rect in placed.rects.values_mut() {
        let (x, right) = ((rect.x - left).round(), (rect.right() - left).round());
        *rect = Rect {
            x,
            w: right - x,
            ..*rect
        };
    }
    placed.w = placed.rects.values().map(Rect::right).fold(0.0, f64::max);
    placed.h = placed.rects.values().map(Rect::bottom).fold(0.0, f64::max);
}
