//! Ports of switches: a tag at the switch, where the cable begins.

use super::measure::{Rect, Size, TINY, Text, wide};
use crate::graph::model::{Graph, Jack};
use crate::graph::words::Tone;

/// A port's tag.
#[derive(Debug)]
pub(in crate::graph) struct Tag {
    pub(in crate::graph) rect: Rect,
    pub(in crate::graph) texts: Vec<Text>,
    pub(in crate::graph) tip: String,
}

/// From one line to the next.
const STEP: f64 = 11.0;
/// So many lines there is room for.
const LINES: usize = 3;

impl Tag {
    /// The tag of a port in the lower wall of a switch that ends at `y`, or in the upper wall of
    /// one that begins there.
    pub(super) fn new(port: &Jack, x: f64, y: f64, below: bool) -> Self {
        let lines = &port.lines[..port.lines.len().min(LINES)];
        let w = width(port);
        let h = lines.len() as f64 * STEP + 3.0;
        let y = if below { y } else { y - h };
        let rect = Rect {
            x: (x - w / 2.0).round(),
            y,
            w,
            h,
        };
        let text = |(n, line): (usize, &crate::graph::words::Line)| Text {
            x: x - wide(&line.text, TINY) / 2.0,
            y: y + 10.0 + STEP * n as f64,
            size: TINY,
            tone: if n == 0 { Tone::Dim } else { line.tone },
            text: line.text.clone(),
        };
        let texts = lines.iter().enumerate().map(text).collect();
        let tip = port.tip.clone();
        Tag { rect, texts, tip }
    }

    pub(super) fn meets(&self, other: &Tag) -> bool {
        let (one, other) = (&self.rect, &other.rect);
        let across = one.x < other.right() && other.x < one.right();
        across && one.y < other.bottom() && other.y < one.bottom()
    }
}

fn width(port: &Jack) -> f64 {
    let lines = port.lines.iter().take(LINES);
    lines.map(|line| wide(&line.text, TINY)).fold(0.0, f64::max) + 8.0
}

/// Rooms at least as wide as the tags above them, so that these stand beside each other.
pub(super) fn with_room(graph: &Graph, mut sizes: Vec<Size>, tops: &[Vec<bool>]) -> Vec<Size> {
    for edge in &graph.edges {
        let [one, other] = &edge.ends;
        for (near, far) in [(one, other), (other, one)] {
            if let (Some(port), Some(jack)) = (&near.port, far.jack) {
                let tops = &tops[far.node];
                let beside = tops.iter().filter(|top| **top == tops[jack]).count();
                let size = &mut sizes[far.node];
                size.w = size.w.max((width(port) + 6.0) * beside as f64);
            }
        }
    }
    sizes
}
