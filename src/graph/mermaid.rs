//! For Mermaid, which code hosts draw in documents.

use std::fmt::Write;

use super::model::{Graph, Node, Shape, Tie, Way};
use super::words::Tone;

/// Draws it.
pub(super) fn draw(graph: &Graph) -> String {
    let mut text = String::from("flowchart TB\n");
    _ = writeln!(text, "  accTitle: {}", plain(&graph.title));
    let own = |node: &Node| graph.house.is_some() && node.shape.of_host();
    if let Some(house) = &graph.house {
        let mut sign = vec!["host".to_owned()];
        sign.extend(house.notes.iter().map(|line| line.text.clone()));
        sign.extend(house.signs.iter().cloned());
        _ = writeln!(text, "  subgraph host [\"{}\"]", lines(&sign));
        boxes(&mut text, graph, own);
        text += "  end\n";
    }
    boxes(&mut text, graph, |node| !own(node));
    if !graph.outward.is_empty() {
        text += "  outside([\"outside\"])\n";
    }
    for (tie, health) in &graph.outward {
        let line = if *health == Tone::Bad { "-.-" } else { "---" };
        let said = tied(graph, tie);
        match said.is_empty() {
            true => _ = writeln!(text, "  outside {line} n{}", tie.node),
            false => _ = writeln!(text, "  outside {line}|\"{said}\"| n{}", tie.node),
        }
    }
    for edge in &graph.edges {
        let [one, other] = &edge.ends;
        let mut said =
            [tied(graph, one), tied(graph, other)].map(|text| (!text.is_empty()).then_some(text));
        let said: Vec<String> = said.iter_mut().filter_map(Option::take).collect();
        let line = match (edge.health, edge.way) {
            (Tone::Bad | Tone::Warn, _) | (_, Way::On) => "-.-",
            _ => "---",
        };
        let said = match said.is_empty() {
            true => String::new(),
            false => format!("|\"{}\"|", said.join("<br/>")),
        };
        _ = writeln!(text, "  n{} {line}{said} n{}", one.node, other.node);
    }
    text
}

fn boxes(text: &mut String, graph: &Graph, which: impl Fn(&Node) -> bool) {
    for (at, node) in graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| which(node))
    {
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
