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
        let sign = quoted(&house.sign().join("\n"));
        _ = writeln!(text, "  subgraph cluster_host {{");
        _ = writeln!(text, "    label={sign}; labeljust=l; style=rounded;");
        boxes(&mut text, graph, true);
        text += "  }\n";
    }
    boxes(&mut text, graph, false);
    edges(&mut text, graph);
    text + "}\n"
}

fn boxes(text: &mut String, graph: &Graph, inside: bool) {
    let nodes = graph.nodes.iter().enumerate();
    for (at, node) in nodes.filter(|(_, node)| node.shape.of_host() == inside) {
        let indent = if inside { "    " } else { "  " };
        let (label, style) = (quoted(&label(node)), style(node.shape));
        _ = writeln!(text, "{indent}n{at} [label={label}{style}];");
    }
}

fn edges(text: &mut String, graph: &Graph) {
    if !graph.outward.is_empty() {
        *text += "  outside [shape=ellipse, style=dashed];\n";
    }
    for (tie, health) in &graph.outward {
        let (head, style) = (quoted(&tied(graph, tie)), line(*health, Way::Cable));
        _ = writeln!(
            text,
            "  outside -- n{} [headlabel={head}{style}];",
            tie.node
        );
    }
    for edge in &graph.edges {
        let [one, other] = &edge.ends;
        let [tail, head] = [one, other].map(|tie| quoted(&tied(graph, tie)));
        let labels = format!("taillabel={tail}, headlabel={head}");
        let (one, other, style) = (one.node, other.node, line(edge.health, edge.way));
        _ = writeln!(text, "  n{one} -- n{other} [{labels}{style}];");
    }
}

fn line(health: Tone, way: Way) -> &'static str {
    match (health, way) {
        (Tone::Bad, _) => ", style=dashed, color=red, label=\"down\"",
        (Tone::Warn, _) => ", style=dashed, color=orange",
        (_, Way::On) => ", style=dotted",
        _ => "",
    }
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
