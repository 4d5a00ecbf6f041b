//! For Graphviz, which finds the places itself. Boxes are records with a cell for each device
//! in a wall or port of a switch, at which lines end: words at lines would be on top of one
//! another.

use std::fmt::Write;

use super::model::{Graph, Jack, Node, Shape, Tie, Way};
use super::words::{Line, Tone, folded};

/// A line below has at most so many letters.
const LONG: usize = 72;

/// Draws it.
pub(super) fn draw(graph: &Graph) -> String {
    let mut text = String::from("graph netyard {\n");
    // The house says its own name.
    let titled = graph.house.is_none() || graph.title != "host";
    let mut said: Vec<String> = titled.then(|| graph.title.clone()).into_iter().collect();
    for unseen in &graph.unseen {
        said.extend(folded(&format!("not shown: {unseen}"), LONG));
    }
    if !said.is_empty() {
        let place = if graph.unseen.is_empty() { "t" } else { "b" };
        let said = quoted(&said.join("\n"));
        _ = writeln!(text, "  label={said}; labelloc={place};");
    }
    text += "  rankdir=TB; fontname=\"sans-serif\"; nodesep=0.35; ranksep=0.6;\n";
    text += "  node [shape=record, fontname=\"monospace\", fontsize=11];\n";
    let cells = Cells::of(graph);
    let indent = if let Some(house) = &graph.house {
        let sign = quoted(&house.sign().join("\n"));
        text += "  subgraph cluster_host {\n";
        _ = writeln!(
            text,
            "    label={sign}; labeljust=l; labelloc=t; style=rounded;"
        );
        "    "
    } else {
        "  "
    };
    for (at, node) in graph.nodes.iter().enumerate() {
        let (label, style) = (cells.label(at, node), style(node.shape));
        _ = writeln!(text, "{indent}n{at} [label=\"{label}\"{style}];");
    }
    if graph.house.is_some() {
        text += "  }\n";
    }
    edges(&mut text, graph, &cells);
    text + "}\n"
}

/// The cells of each box: those at which lines come in from above, and those from which they go
/// on below.
struct Cells<'g>(Vec<[Vec<(String, &'g Jack)>; 2]>);

const ABOVE: usize = 0;
const BELOW: usize = 1;

impl<'g> Cells<'g> {
    fn of(graph: &'g Graph) -> Self {
        let mut cells = Cells(graph.nodes.iter().map(|_| Default::default()).collect());
        for (n, (tie, _)) in graph.outward.iter().enumerate() {
            cells.add(graph, tie, &format!("o{n}"), ABOVE);
        }
        for (n, edge) in graph.edges.iter().enumerate() {
            let [one, other] = &edge.ends;
            cells.add(graph, one, &format!("p{n}"), BELOW);
            cells.add(graph, other, &format!("p{n}"), ABOVE);
        }
        cells
    }

    /// Each device has one cell, though several lines end there.
    fn add(&mut self, graph: &'g Graph, tie: &'g Tie, line: &str, side: usize) {
        let jack = tie
            .jack
            .and_then(|jack| graph.nodes[tie.node].jacks.get(jack));
        let (Some(jack), name) = (tie.port.as_ref().or(jack), name(tie, line)) else {
            return;
        };
        let mut known = self.0[tie.node].iter().flatten();
        if known.all(|(known, _)| *known != name) {
            self.0[tie.node][side].push((name, jack));
        }
    }

    /// Where a line ends.
    fn end(&self, tie: &Tie, line: &str) -> String {
        let name = name(tie, line);
        let is = |side: &usize| self.0[tie.node][*side].iter().any(|(one, _)| *one == name);
        match [ABOVE, BELOW].iter().find(|side| is(side)) {
            Some(&ABOVE) => format!("n{}:{name}:n", tie.node),
            Some(_) => format!("n{}:{name}:s", tie.node),
            None => format!("n{}", tie.node),
        }
    }

    /// A box in the language of records.
    fn label(&self, at: usize, node: &Node) -> String {
        let row = |cells: &[(String, &Jack)]| {
            let cell = |(name, jack): &(String, &Jack)| format!("<{name}> {}", lines(&jack.lines));
            let all: Vec<String> = cells.iter().map(cell).collect();
            (!all.is_empty()).then(|| format!("{{{}}}", all.join("|")))
        };
        let mut body = vec![Line::new(Tone::Name, &node.title)];
        body.extend(node.lines.iter().cloned());
        let [above, below] = &self.0[at];
        let rows = [row(above), Some(lines(&body)), row(below)];
        let rows: Vec<String> = rows.into_iter().flatten().collect();
        format!("{{{}}}", rows.join("|"))
    }
}

/// The cell's name of a device in a wall, or of the port at an end of this line.
fn name(tie: &Tie, line: &str) -> String {
    match (&tie.port, tie.jack) {
        (None, Some(jack)) => format!("j{jack}"),
        _ => line.to_owned(),
    }
}

fn edges(text: &mut String, graph: &Graph, cells: &Cells<'_>) {
    if !graph.outward.is_empty() {
        *text += "  outside [shape=ellipse, style=dashed];\n";
    }
    for (n, (tie, health)) in graph.outward.iter().enumerate() {
        let (end, style) = (cells.end(tie, &format!("o{n}")), line(*health, Way::Cable));
        _ = writeln!(text, "  outside -- {end}{style};");
    }
    for (n, edge) in graph.edges.iter().enumerate() {
        let ends = edge.ends.each_ref();
        let [one, other] = ends.map(|tie| cells.end(tie, &format!("p{n}")));
        let style = line(edge.health, edge.way);
        _ = writeln!(text, "  {one} -- {other}{style};");
    }
}

fn line(health: Tone, way: Way) -> &'static str {
    match (health, way) {
        (Tone::Bad, _) => " [style=dashed, color=red]",
        (Tone::Warn, _) => " [style=dashed, color=orange]",
        (_, Way::On) => " [style=dotted]",
        _ => "",
    }
}

fn style(shape: Shape) -> &'static str {
    match shape {
        Shape::Room => ", shape=Mrecord",
        Shape::Stack(_) => ", shape=Mrecord, penwidth=3",
        Shape::Ghost => ", shape=Mrecord, style=dashed",
        Shape::Switch => ", style=filled, fillcolor=lightblue",
        Shape::Device => "",
    }
}

fn lines(lines: &[Line]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| escaped(&line.text)).collect();
    lines.join("\\n")
}

/// Text of a cell: of these characters alone records make something else.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\\"{}|<>".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A string of the language: of these characters alone it makes something else.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}
