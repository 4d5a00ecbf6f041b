//! For Graphviz, which finds the places itself.

use std::fmt::Write;

use super::model::{Graph, Node, Shape, Tie, Way};
use super::words::{Line, Tone};

/// Draws it.
pub(super) fn draw(graph: &Graph) -> String {
    let mut text = String::from("graph netyard {\n");
    _ = writeln!(text, "  label={};", quoted(&graph.title));
    text += "  rankdir=TB; labelloc=t; fontname=\"sans-serif\"; nodesep=0.35; ranksep=0.6;\n";
    text += "  node [shape=box, style=rounded, fontname=\"monospace\", fontsize=11];\n";
    text += "  edge [fontname=\"monospace\", fontsize=9];\n";
    if let Some(house) = &graph.house {
        let mut sign = vec!["host".to_owned()];
        sign.extend(house.notes.iter().map(|line| line.text.clone()));
        sign.extend(house.signs.iter().cloned());
        _ = writeln!(text, "  subgraph cluster_host {{");
        _ = writeln!(
            text,
            "    label={}; labeljust=l; style=rounded;",
            quoted(&sign.join("\n"))
        );
    }
    let own = |node: &Node| graph.house.is_some() && node.shape.of_host();
    for inside in [true, false] {
        for (at, node) in graph
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| own(node) == inside)
        {
            let indent = if inside { "    " } else { "  " };
            _ = writeln!(
                text,
                "{indent}n{at} [label={}{}];",
                quoted(&label(node)),
                style(node.shape)
            );
        }
        if inside && graph.house.is_some() {
            text += "  }\n";
        }
    }
    if !graph.outward.is_empty() {
        text += "  outside [shape=ellipse, style=dashed];\n";
    }
    for (tie, health) in &graph.outward {
        let style = if *health == Tone::Bad {
            ", style=dashed, color=red"
        } else {
            ""
        };
        _ = writeln!(
            text,
            "  outside -- n{} [headlabel={}{style}];",
            tie.node,
            quoted(&tied(graph, tie))
        );
    }
    for edge in &graph.edges {
        let [one, other] = &edge.ends;
        let style = match (edge.health, edge.way) {
            (Tone::Bad, _) => ", style=dashed, color=red, label=\"down\"",
            (Tone::Warn, _) => ", style=dashed, color=orange",
            (_, Way::On) => ", style=dotted",
            _ => "",
        };
        let (tail, head) = (quoted(&tied(graph, one)), quoted(&tied(graph, other)));
        _ = writeln!(
            text,
            "  n{} -- n{} [taillabel={tail}, headlabel={head}{style}];",
            one.node, other.node
        );
    }
    text + "}\n"
}

fn label(node: &Node) -> String {
    let mut lines = vec![node.title.as_str()];
    lines.extend(node.lines.iter().map(|line| line.text.as_str()));
    lines.join("\n")
}

/// What is written where an edge ends.
fn tied(graph: &Graph, tie: &Tie) -> String {
    let jack = tie
        .jack
        .and_then(|jack| graph.nodes[tie.node].jacks.get(jack));
    let jack = tie.port.as_ref().or(jack);
    let lines = jack.into_iter().flat_map(|jack| &jack.lines);
    let lines: Vec<&str> = lines.map(|line: &Line| line.text.as_str()).collect();
    lines.join("\n")
}

fn style(shape: Shape) -> &'static str {
    match shape {
        Shape::Room => "",
        Shape::Stack(_) => ", peripheries=2",
        Shape::Ghost => ", style=\"rounded,dashed\"",
        Shape::Switch => ", style=filled, fillcolor=lightblue",
        Shape::Device => ", style=solid",
    }
}

/// A string of the language: of these characters alone it makes something else.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}
