//! What is said below a picture.

use super::measure::{SMALL, Text, broken, wide};
use super::{MARGIN, Scene};
use crate::graph::model::Graph;
use crate::graph::words::{Line, Tone};

/// What was not seen, below everything.
pub(super) fn below(graph: &Graph, scene: &mut Scene) {
    let said = |unseen: &String| Line::new(Tone::Dim, format!("not shown: {unseen}"));
    let lines: Vec<Line> = graph.unseen.iter().map(said).collect();
    for line in broken(&lines) {
        scene.w = scene.w.max(wide(&line.text, SMALL) + 2.0 * MARGIN);
        scene.notes.push(Text {
            x: MARGIN,
            y: scene.h + 4.0,
            size: SMALL,
            tone: line.tone,
            text: line.text,
        });
        scene.h += 18.0;
    }
}
