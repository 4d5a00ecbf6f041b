//! For a terminal: the host and what hangs on its devices, then the cables that run between
//! namespaces, then what is left.

use super::model::{Edge, Graph, Jack, Shape, Tie, Way};
use super::words::{Line, Tone, cells};

/// A line of the drawing, in columns, and how it begins.
struct Row {
    lead: String,
    /// How it goes on when it does not fit.
    below: String,
    columns: Vec<String>,
}

/// Draws it for so many columns.
pub(super) fn draw(graph: &Graph, width: usize) -> String {
    let mut text = house(graph, width);
    text += &fit(between(graph), width);
    text += &rooms(graph, width);
    for unseen in &graph.unseen {
        let columns = vec![format!("not shown: {unseen}")];
        text += &fit(vec![row("", "", columns)], width);
    }
    text
}

fn row(lead: &str, below: &str, columns: Vec<String>) -> Row {
    Row {
        lead: lead.to_owned(),
        below: below.to_owned(),
        columns,
    }
}

fn house(graph: &Graph, width: usize) -> String {
    let Some(house) = &graph.house else {
        return String::new();
    };
    let own = graph.nodes.iter().enumerate();
    let own: Vec<usize> = own
        .filter(|(_, node)| node.shape.of_host())
        .map(|(at, _)| at)
        .collect();
    let mut title = vec!["host".to_owned()];
    title.extend(house.notes.iter().map(|line| line.text.clone()));
    let mut text = fit(vec![row("", "  ", title)], width);
    let signs = house
        .signs
        .iter()
        .map(|sign| row(" │  ", " │    ", vec![sign.clone()]));
    text += &fit(signs.collect(), width);
    for (i, at) in own.iter().enumerate() {
        let (branch, trunk) = match i + 1 == own.len() {
            true => (" └─ ", "     "),
            false => (" ├─ ", " │   "),
        };
        let mut hung = hung(graph, *at);
        let node = &graph.nodes[*at];
        let mut columns = vec![node.title.clone()];
        columns.extend(
            said(&node.lines)
                .into_iter()
                .filter(|text| !text.is_empty()),
        );
        columns.extend(own_ways(graph, *at));
        // One cable goes on in the line; more hang below.
        let is_cable =
            |edge: &Edge| edge.way == Way::Cable && edge.ends.iter().any(|tie| tie.node == *at);
        let single = node.shape == Shape::Device && hung.len() == 1;
        let single = single && graph.edges.iter().any(is_cable);
        if let Some((far, _)) = hung.pop_if(|_| single) {
            columns.push(format!("── {}", end(graph, &far)));
        }
        text += &fit(vec![row(branch, &format!("{trunk}  "), columns)], width);
        let last = hung.len().saturating_sub(1);
        let rows = hung.iter().enumerate().map(|(i, (far, port))| {
            let (branch, below) = if i == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let mut columns = place(graph, far);
            columns.extend(port.as_ref().map(|port| format!("port {}", in_words(port))));
            row(
                &format!("{trunk}{branch}"),
                &format!("{trunk}{below}  "),
                columns,
            )
        });
        text += &fit(rows.collect(), width);
    }
    text
}

/// The rooms that hang on a device of the host, and its ports that they are plugged into.
fn hung(graph: &Graph, at: usize) -> Vec<(Tie, Option<Jack>)> {
    let edges = graph.edges.iter().filter_map(|edge| {
        let [one, other] = &edge.ends;
        let (near, far) = match (one.node == at, other.node == at) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            _ => return None,
        };
        let room = !graph.nodes[far.node].shape.of_host();
        room.then(|| (far.clone(), near.port.clone()))
    });
    let mut all: Vec<_> = edges.collect();
    all.sort_by_key(|(far, _)| (far.node, far.jack));
    all
}

/// What a device of the host has to do with others of the host.
fn own_ways(graph: &Graph, at: usize) -> Vec<String> {
    let mut said = Vec::new();
    for edge in &graph.edges {
        let [one, other] = &edge.ends;
        if !graph.nodes[one.node].shape.of_host() || !graph.nodes[other.node].shape.of_host() {
            continue;
        }
        let named = |tie: &Tie| {
            let title = &graph.nodes[tie.node].title;
            match &tie.port {
                Some(port) => format!("{title} ({})", in_words(port)),
                None => title.clone(),
            }
        };
        match edge.way {
            Way::Port if one.node == at => said.push(format!("in {}", named(other))),
            Way::On if other.node == at => said.push(format!("on {}", named(one))),
            Way::Cable if one.node == at => {
                let port = one.port.as_ref().map(|port| format!("{} ", in_words(port)));
                said.push(format!("{}── {}", port.unwrap_or_default(), named(other)));
            }
            Way::Cable | Way::Port | Way::On => {}
        }
    }
    if graph.outward.iter().any(|(tie, _)| tie.node == at) {
        said.push("── outside".to_owned());
    }
    said
}

/// A port and what is said of it.
fn in_words(port: &Jack) -> String {
    let words: Vec<&str> = port.lines.iter().map(|line| line.text.as_str()).collect();
    words.join(", ")
}

/// Addresses, then the rest.
fn said(lines: &[Line]) -> [String; 2] {
    let (plain, rest): (Vec<&Line>, Vec<&Line>) =
        lines.iter().partition(|line| line.tone == Tone::Plain);
    let join = |lines: Vec<&Line>, with| {
        let words: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        words.join(with)
    };
    [join(plain, " "), join(rest, ", ")]
}

/// The same in one piece.
fn said_at_once(lines: &[Line]) -> String {
    let both = said(lines).into_iter().filter(|text| !text.is_empty());
    both.collect::<Vec<_>>().join("  ")
}

/// A namespace, its device, addresses, and what else is said of it.
fn place(graph: &Graph, tie: &Tie) -> Vec<String> {
    let node = &graph.nodes[tie.node];
    let jack = tie.jack.and_then(|jack| node.jacks.get(jack));
    let name = jack.map_or("", Jack::name).to_owned();
    let [addresses, mut rest] = said(jack.map_or(&node.lines, |jack| jack.said()));
    if let (Shape::Stack(count), Some(_)) = (node.shape, jack) {
        rest = format!("{count} namespaces");
    }
    vec![node.title.clone(), name, addresses, rest]
}

/// The same in one piece: `internet:eth0  203.0.113.2/24`.
fn end(graph: &Graph, tie: &Tie) -> String {
    let mut columns = place(graph, tie).into_iter();
    let title = columns.next().unwrap_or_default();
    let mut text = match tie.jack {
        Some(_) => format!("{title}:{}", columns.next().unwrap_or_default()),
        None => title,
    };
    for column in columns.filter(|column| !column.is_empty()) {
        text += "  ";
        text += &column;
    }
    text
}

/// The cables between two namespaces.
fn between(graph: &Graph) -> Vec<Row> {
    let rooms = |tie: &Tie| !graph.nodes[tie.node].shape.of_host();
    let edges = graph
        .edges
        .iter()
        .filter(|edge| edge.ends.iter().all(rooms));
    let line = |edge: &Edge| {
        let [one, other] = &edge.ends;
        let mut columns = place(graph, one);
        columns.push(format!("── {}", end(graph, other)));
        row("", "    ", columns)
    };
    edges.map(line).collect()
}

/// What namespaces have beside, and those in which nothing is plugged.
fn rooms(graph: &Graph, width: usize) -> String {
    let around = graph.around();
    let mut rows = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        let lonely = around[at].is_empty();
        let known = node.shape == Shape::Ghost && !lonely;
        // How many they are is said where they are plugged in.
        let told = usize::from(matches!(node.shape, Shape::Stack(_)) && !lonely);
        let lines = &node.lines[told.min(node.lines.len())..];
        if node.shape.of_host() || known || !lonely && lines.is_empty() {
            continue;
        }
        let mut columns = vec![node.title.clone()];
        let outward = graph
            .outward
            .iter()
            .map(|(tie, _)| tie)
            .filter(|tie| tie.node == at);
        let ways = outward.filter_map(|tie| node.jacks.get(tie.jack?));
        let ways: Vec<String> = ways
            .map(|jack| format!("{}  {}  ── outside", jack.name(), said_at_once(jack.said())))
            .collect();
        if lonely && ways.is_empty() && node.shape != Shape::Ghost {
            columns.push("plugged into nothing".to_owned());
        }
        columns.extend(ways);
        columns.extend(lines.iter().map(|line| line.text.clone()));
        rows.push(columns.join("  "));
    }
    let rows = rows.into_iter().map(|text| {
        let columns = text.split("  ").map(str::to_owned).collect();
        fit(vec![row("", "    ", columns)], width)
    });
    rows.collect()
}

/// A column is at most so wide: what is longer stands out by itself.
const WIDEST: usize = 28;

/// Columns below each other; what is too wide goes on in the next line.
fn fit(rows: Vec<Row>, width: usize) -> String {
    let columns = rows.iter().map(|row| row.columns.len()).max();
    let wide = |n| {
        let texts = rows.iter().filter_map(|row| row.columns.get(n));
        let widths = texts.map(|text: &String| cells(text));
        let widest = widths.clone().filter(|width| *width <= WIDEST).max();
        // In which nobody has anything is none.
        widths.max().filter(|width| *width > 0).and(widest)
    };
    let widths: Vec<Option<usize>> = (0..columns.unwrap_or_default()).map(wide).collect();
    rows.iter().map(|row| line(row, &widths, width)).collect()
}

fn line(row: &Row, widths: &[Option<usize>], width: usize) -> String {
    let (mut text, mut used) = (row.lead.clone(), cells(&row.lead));
    // Blanks before what comes next.
    let (mut gap, mut fresh) = (0, true);
    for (column, wide) in row.columns.iter().zip(widths) {
        let wide = wide.unwrap_or_default();
        let long = cells(column);
        let (fits, below) = (used + gap + long <= width, cells(&row.below) + long);
        if column.is_empty() {
        } else if fits {
            text += &" ".repeat(gap);
            text += column;
            used += gap + long;
            gap = 0;
        } else if !fresh && below <= width {
            text = format!("{}\n{}{column}", text.trim_end(), row.below);
            (used, gap) = (below, 0);
        } else {
            for word in column.split(' ') {
                if !fresh && used + gap + cells(word) > width {
                    text = format!("{}\n{}", text.trim_end(), row.below);
                    (used, gap) = (cells(&row.below), 0);
                }
                text += &" ".repeat(gap);
                text += word;
                used += gap + cells(word);
                (gap, fresh) = (1, false);
            }
            gap = 0;
        }
        fresh &= column.is_empty();
        let empty = column.is_empty() && wide == 0;
        gap += if empty {
            0
        } else {
            2 + wide.saturating_sub(long)
        };
    }
    format!("{}\n", text.trim_end())
}
