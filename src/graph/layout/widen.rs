//! How far switches reach.

use std::collections::BTreeMap;

use super::layers::{Part, Unit};
use super::measure::Rect;
use super::place::{APART, GUTTER, Placed, others};
use crate::graph::model::{Graph, Shape};

/// Switches reach over all that hangs on them, as far as their neighbours let them.
pub(super) fn widen(graph: &Graph, part: &Part, links: &[[usize; 2]], placed: &mut Placed) {
    for layer in &part.layers {
        let mut taken = f64::NEG_INFINITY;
        for (n, unit) in layer.iter().enumerate() {
            let end = |unit: &usize, rects: &BTreeMap<usize, Rect>| {
                let rights = part.units[*unit]
                    .members()
                    .iter()
                    .map(|at| rects[at].right());
                rights.fold(f64::NEG_INFINITY, f64::max)
            };
            if let Unit::One(at) = part.units[*unit]
                && graph.nodes[at].shape == Shape::Switch
            {
                let hung = others(links, *unit).map(|other| part.units[other].members());
                let hung: Vec<Rect> = hung.flat_map(|all| reach(all, &placed.rects)).collect();
                let next = layer.get(n + 1).map_or(f64::INFINITY, |next| {
                    let lefts = part.units[*next]
                        .members()
                        .iter()
                        .map(|at| placed.rects[at].x);
                    lefts.fold(f64::INFINITY, f64::min)
                });
                let own = placed.rects[&at];
                let left = hung
                    .iter()
                    .map(|rect| rect.x)
                    .fold(own.x, f64::min)
                    .max(taken + APART)
                    .min(own.x);
                let right = hung
                    .iter()
                    .map(Rect::right)
                    .fold(own.right(), f64::max)
                    .min(next - APART)
                    .max(own.right());
                let rect = Rect {
                    x: left,
                    w: right - left,
                    ..own
                };
                placed.rects.insert(at, rect);
            }
            taken = taken.max(end(unit, &placed.rects));
        }
    }
}

/// Boxes with what leads to them: that of several rows is beside them.
fn reach<'p>(
    members: &'p [usize],
    rects: &'p BTreeMap<usize, Rect>,
) -> impl Iterator<Item = Rect> + use<'p> {
    let all = members.iter().map(|at| rects[at]);
    let rows = all.clone().any(|rect| rect.y > rects[&members[0]].y);
    let beside = if rows { GUTTER } else { 0.0 };
    all.map(move |rect| Rect {
        x: rect.x - beside,
        w: rect.w + 2.0 * beside,
        ..rect
    })
}
