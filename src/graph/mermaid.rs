//! For Mermaid, which code hosts draw in documents.

use std::fmt::Write;

use super::model::{Graph, Shape, Tie, Way};
use super::words::Tone;

/// Draws it.
pub(super) fn draw(graph: &Graph) -> String {
    let mut text = String::from("flowchart TB\n");
    _ = writeln!(text, "  accTitle: {}", plain(&graph.title));
    if let Some(house) = &graph.house {
        _ = writeln!(text, "  subgraph host [\"{}\"]", lines(&house.sign()));
        boxes(&mut text, graph);
        text += "  end\n";
    } else {
        boxes(&mut text, graph);
    }
    if !graph.outward.is_empty() {
        text += "  outside([\"outside\"])\n";
    }
    for (tie, health) in &graph.outward {
        let (line, said) = (line(*health, Way::Cable), said(graph, &[tie]));
        _ = writeln!(text, "  outside {line}{said} n{}", tie.node);
    }
    for edge in &graph.edges {
        let [one, other] = &edge.ends;
        let (line, said) = (line(edge.health, edge.way), said(graph, &[one, other]));
        _ = writeln!(text, "  n{} {line}{said} n{}", one.node, other.node);
    }
    for (n, unseen) in graph.unseen.iter().enumerate() {
        let said = plain(&format!("not shown: {unseen}"));
        _ = writeln!(
            text,
            "  unseen{n}[\"{said}\"]\n  style unseen{n} fill:none,stroke:none"
        );
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        if node.shape == Shape::Ghost {
            _ = writeln!(text, "  style n{at} stroke-dasharray:5 4");
        }
    }
    text
}

fn line(health: Tone, way: Way) -> &'static str {
    match (health, way) {
        (Tone::Bad | Tone::Warn, _) | (_, Way::On) => "-.-",
        _ => "---",
    }
}

/// What is written on an edge: what its ends are called.
fn said(graph: &Graph, ties: &[&Tie]) -> String {
    let said = ties.iter().map(|tie| tied(graph, tie));
    let said: Vec<String> = said.filter(|text| !text.is_empty()).collect();
    match said.is_empty() {
        true => String::new(),
        false => format!("|\"{}\"|", said.join("<br/>")),
    }
}

fn boxes(text: &mut String, graph: &Graph) {
    for (at, node) in graph.nodes.iter().enumerate() {
        let mut said = vec![node.title.clone()];
        said.extend(node.lines.iter().map(|line| line.text.clone()));
        let (open, close) = match node.shape {
            Shape::Room | Shape::Ghost => ("(", ")"),
            Shape::Stack(_) => ("[[", "]]"),
            Shape::Switch => ("[", "]"),
            Shape::Device => ("{{", "}}"),
        };
        _ = writeln!(text, "    n{at}{open}\"{}\"{close}", lines(&said));
    }
}

/// What is written where an edge ends.
fn tied(graph: &Graph, tie: &Tie) -> String {
    let jack = tie
        .jack
        .and_then(|jack| graph.nodes[tie.node].jacks.get(jack));
    let Some(jack) = tie.port.as_ref().or(jack) else {
        return String::new();
    };
    let words: Vec<&str> = jack.lines.iter().map(|line| line.text.as_str()).collect();
    plain(&words.join(" "))
}

fn lines(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| plain(text)).collect();
    texts.join("<br/>")
}

/// Text in which nothing is the language's or HTML: other characters are written as their
/// numbers (`#38;`).
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c.is_alphanumeric() || " -.,:/()".contains(c) {
            true => plain.push(c),
            false => _ = write!(plain, "#{};", u32::from(c)),
        }
    }
    plain
}
