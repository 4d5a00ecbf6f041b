//! What is said below a picture.

use super::measure::{SMALL, Text, wide};
use super::{MARGIN, Scene};
use crate::graph::model::Graph;
use crate::graph::words::{Tone, folded};

/// A line below has at most so many letters.
const LONG: usize = 72;

/// What was not seen, below everything.
pub(super) fn below(graph: &Graph, scene: &mut Scene) {
    for unseen in &graph.unseen {
        for text in folded(&format!("not shown: {unseen}"), LONG) {
            scene.w = scene.w.max(wide(&text, SMALL) + 2.0 * MARGIN);
            scene.notes.push(Text {
                x: MARGIN,
                y: scene.h + 4.0,
                size: SMALL,
                tone: Tone::Dim,
                text,
            });
            scene.h += 18.0;
        }
    }
}
