//! How much room a box needs, and where its texts stand in it. Letters are all of one width,
//! so that this can be known without asking a font.

use crate::graph::model::{Graph, Jack, Node, Shape};
use crate::graph::words::{Line, Tone, cells, folded};

/// Where something is, and how large.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::graph) struct Rect {
    pub(in crate::graph) x: f64,
    pub(in crate::graph) y: f64,
    pub(in crate::graph) w: f64,
    pub(in crate::graph) h: f64,
}

impl Rect {
    pub(in crate::graph) fn right(&self) -> f64 {
        self.x + self.w
    }

    pub(in crate::graph) fn bottom(&self) -> f64 {
        self.y + self.h
    }

    pub(in crate::graph) fn middle(&self) -> f64 {
        self.x + self.w / 2.0
    }
}

/// A line of text; `y` is what its letters stand on.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::graph) struct Text {
    pub(in crate::graph) x: f64,
    pub(in crate::graph) y: f64,
    pub(in crate::graph) size: f64,
    pub(in crate::graph) tone: Tone,
    pub(in crate::graph) text: String,
}

impl Text {
    pub(in crate::graph) fn width(&self) -> f64 {
        wide(&self.text, self.size)
    }
}

/// A device in a room's wall.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::graph) struct Plate {
    pub(in crate::graph) rect: Rect,
    pub(in crate::graph) jack: usize,
    pub(in crate::graph) top: bool,
    pub(in crate::graph) texts: Vec<Text>,
}

/// Titles, names, and what is smaller.
pub(super) const TITLE: f64 = 13.0;
pub(super) const NAME: f64 = 11.5;
pub(super) const SMALL: f64 = 10.5;
pub(super) const TINY: f64 = 9.0;

/// The widest of the usual fonts has letters so wide, of the size.
const LETTER: f64 = 0.62;
/// From one line to the next.
const STEP: f64 = 14.0;
/// From a box's wall to its text.
const PAD: f64 = 12.0;
/// From a room's wall to a plate, and between plates.
const INSET: f64 = 5.0;
/// From a plate's edge to its text.
const PLATE: f64 = 7.0;
/// Text is broken after so many letters, where it can be.
const LONG: usize = 40;

/// How wide a text is.
pub(super) fn wide(text: &str, size: f64) -> f64 {
    cells(text) as f64 * size * LETTER
}

/// Of a line's tone, its letters' size.
fn size(tone: Tone) -> f64 {
    if tone == Tone::Name { NAME } else { SMALL }
}

/// Lines that are too long, as several.
pub(super) fn broken(lines: &[Line]) -> Vec<Line> {
    let broken = lines.iter().flat_map(|line| {
        let all = folded(&line.text, LONG).into_iter();
        all.map(|text| Line {
            tone: line.tone,
            text,
        })
    });
    broken.collect()
}

/// A box as it will be: its size, before it has a place.
#[derive(Debug, Clone, Default)]
pub(super) struct Size {
    pub(super) w: f64,
    pub(super) h: f64,
}

fn plates_wide(jacks: &[&Jack]) -> f64 {
    let each = jacks.iter().map(|jack| plate_wide(jack) + INSET);
    each.sum::<f64>() + INSET
}

fn plate_wide(jack: &Jack) -> f64 {
    let lines = jack
        .lines
        .iter()
        .map(|line| wide(&line.text, size(line.tone)));
    lines.fold(28.0, f64::max) + 2.0 * PLATE
}

fn plates_high(jacks: &[&Jack]) -> f64 {
    let lines = jacks.iter().map(|jack| jack.lines.len()).max();
    lines.map_or(0.0, |lines| lines as f64 * STEP + 9.0)
}

/// The jacks of a wall.
fn wall<'n>(node: &'n Node, tops: &[bool], top: bool) -> Vec<&'n Jack> {
    let jacks = node.jacks.iter().zip(tops);
    jacks
        .filter(|(_, t)| **t == top)
        .map(|(jack, _)| jack)
        .collect()
}

/// The size of a box whose jacks are in the upper or the lower wall.
pub(super) fn size_of(node: &Node, tops: &[bool]) -> Size {
    if node.shape == Shape::Switch {
        let rows = rows(node).into_iter().map(|row| row_wide(&row));
        let (count, w) = rows.fold((0.0, 0.0), |(n, w), row| (n + 1.0, f64::max(w, row)));
        return Size {
            w: w + 2.0 * PAD,
            h: count * 16.0 + 10.0,
        };
    }
    let lines = broken(&node.lines);
    let texts = lines.iter().map(|line| wide(&line.text, SMALL));
    let texts = texts.fold(wide(&node.title, TITLE), f64::max) + 2.0 * PAD;
    let [above, below] = [true, false].map(|top| wall(node, tops, top));
    let w = texts.max(plates_wide(&above)).max(plates_wide(&below));
    let text = 22.0 + lines.len() as f64 * STEP + 8.0;
    let h = text + plates_high(&above) + plates_high(&below);
    Size { w: w.max(64.0), h }
}

/// The texts of a switch, beside each other: two lines where it has several addresses.
fn rows(node: &Node) -> Vec<Vec<Line>> {
    let (plain, rest): (Vec<Line>, Vec<Line>) = node
        .lines
        .iter()
        .cloned()
        .partition(|line| line.tone == Tone::Plain);
    let mut first = vec![Line::new(Tone::Name, &node.title)];
    if plain.len() > 1 {
        first.extend(rest);
        return vec![first, plain];
    }
    first.extend(plain);
    first.extend(rest);
    vec![first]
}

/// Between the texts of a row.
const APART: f64 = 12.0;

fn letters(at: usize, tone: Tone) -> f64 {
    if at == 0 && tone == Tone::Name {
        TITLE
    } else {
        SMALL
    }
}

fn row_wide(row: &[Line]) -> f64 {
    let each = row.iter().enumerate();
    let each = each.map(|(at, line)| wide(&line.text, letters(at, line.tone)) + APART);
    each.sum::<f64>() - APART
}

/// The texts of a box that is there.
pub(super) fn texts(node: &Node, rect: &Rect, plates: &[Plate]) -> Vec<Text> {
    if node.shape == Shape::Switch {
        return in_rows(node, rect);
    }
    let above = plates.iter().filter(|plate| plate.top);
    let above = above.map(|plate| plate.rect.h).fold(0.0, f64::max);
    let (x, mut y) = (rect.x + PAD, rect.y + above + 19.0);
    let mut texts = vec![Text {
        x,
        y,
        size: TITLE,
        tone: Tone::Name,
        text: node.title.clone(),
    }];
    for line in broken(&node.lines) {
        y += STEP;
        texts.push(Text {
            x,
            y,
            size: SMALL,
            tone: line.tone,
            text: line.text,
        });
    }
    texts
}

fn in_rows(node: &Node, rect: &Rect) -> Vec<Text> {
    let mut texts = Vec::new();
    for (n, row) in rows(node).into_iter().enumerate() {
        let mut x = rect.middle() - row_wide(&row) / 2.0;
        let y = rect.y + 18.0 + 16.0 * n as f64;
        for (at, line) in row.into_iter().enumerate() {
            let text = Text {
                x,
                y,
                size: letters(at, line.tone),
                tone: line.tone,
                text: line.text,
            };
            x += text.width() + APART;
            texts.push(text);
        }
    }
    texts
}

/// The plates of a room that is there, each wall's from left to right by `order`.
pub(super) fn plates(
    graph: &Graph,
    at: usize,
    rect: &Rect,
    tops: &[bool],
    order: &[usize],
) -> Vec<Plate> {
    let node = &graph.nodes[at];
    let mut plates = Vec::new();
    for top in [true, false] {
        let own: Vec<usize> = order
            .iter()
            .copied()
            .filter(|jack| tops[*jack] == top)
            .collect();
        let jacks: Vec<&Jack> = own.iter().map(|jack| &node.jacks[*jack]).collect();
        // What is left over is shared out, so that plates fill the wall.
        let spare = (rect.w - plates_wide(&jacks)) / own.len().max(1) as f64;
        let h = plates_high(&jacks);
        let y = if top { rect.y } else { rect.bottom() - h };
        let mut x = rect.x + INSET;
        for (place, jack) in own.into_iter().zip(jacks) {
            let w = plate_wide(jack) + spare;
            let rect = Rect { x, y, w, h };
            let line = |(n, line): (usize, &Line)| Text {
                x: x + PLATE,
                y: y + 15.0 + STEP * n as f64,
                size: size(line.tone),
                tone: line.tone,
                text: line.text.clone(),
            };
            plates.push(Plate {
                rect,
                jack: place,
                top,
                texts: jack.lines.iter().enumerate().map(line).collect(),
            });
            x += w + INSET;
        }
    }
    plates
}
