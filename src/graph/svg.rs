//! As SVG: one file with all that it needs, in the colours that the reader prefers.

use std::fmt::Write;

use super::layout::{self, Box, Frame, Kind, Rect, Scene, Text, Wire};
use super::model::{Graph, Node, Shape, Tie, Way};
use super::words::Tone;

/// Colours, by what they are for: names begin with `--`, so that a page may have its own.
const STYLE: &str = "\
.ny{--paper:#fff;--house:#f4f6fa;--wall:#8592a6;--room:#fff;--line:#56657a;--plate:#e6edf6;
--ink:#17202b;--dim:#566274;--switch:#1f5fbf;--on:#fff;--bad:#b3261e;--warn:#8f4e00;--sign:#fff3d6}
@media(prefers-color-scheme:dark){.ny{--paper:#11161d;--house:#19202a;--wall:#66758b;--room:#232d3a;
--line:#93a3b8;--plate:#314052;--ink:#e8edf4;--dim:#aab6c5;--switch:#2c68c9;--on:#fff;--bad:#ff8f86;
--warn:#ffbd66;--sign:#453714}}
.ny{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,\"Liberation Mono\",monospace,system-ui;
max-width:100%;height:auto}
.ny text{fill:var(--ink);white-space:pre}
.ny .paper{fill:var(--paper)}
.ny .house{fill:var(--house);stroke:var(--wall);stroke-width:2}
.ny .room rect,.ny .device rect{fill:var(--room);stroke:var(--line);stroke-width:1.3}
.ny .ghost rect{stroke-dasharray:5 4;fill:none}
.ny .switch rect{fill:var(--switch)}
.ny .switch text{fill:var(--on)}
.ny .plate rect{fill:var(--plate);stroke:none}
.ny .plate circle{fill:var(--line)}
.ny .tag rect{fill:var(--room);stroke:var(--switch)}
.ny .sign rect{fill:var(--sign);stroke:var(--wall)}
.ny .cloud{fill:var(--paper);stroke:var(--wall);stroke-width:1.6}
.ny .name{font-weight:600}
.ny .dim{fill:var(--dim)}
.ny .bad{fill:var(--bad);font-weight:600}
.ny .warn{fill:var(--warn);font-weight:600}
.ny .switch .dim{fill:var(--on);opacity:.85}
.ny .switch .bad,.ny .switch .warn{fill:var(--on);text-decoration:underline}
.ny path{fill:none;stroke:var(--line);stroke-width:1.7}
.ny path.on{stroke-dasharray:1.5 3.5;stroke-linecap:round}
.ny path.rail{stroke:var(--switch);stroke-width:4;stroke-linejoin:round}
.ny path.shaped{stroke:var(--warn);stroke-dasharray:9 3}
.ny path.down{stroke:var(--bad);stroke-dasharray:5 4}
.ny path.cloud{fill:var(--paper)}
";

/// Draws it.
pub(super) fn draw(graph: &Graph) -> String {
    let scene = layout::scene(graph);
    let mut text = String::new();
    let (w, h) = (scene.w, scene.h);
    _ = write!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ny\" width=\"{w:.0}\" height=\"{h:.0}\" \
         viewBox=\"0 0 {w:.0} {h:.0}\" role=\"img\" aria-labelledby=\"ny-title ny-desc\">\n\
         <title id=\"ny-title\">{}</title>\n<desc id=\"ny-desc\">{}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{w:.0}\" height=\"{h:.0}\" rx=\"12\"/>\n",
        escaped(&graph.title),
        escaped(&graph.summary()),
    );
    if let Some(frame) = &scene.house {
        house(&mut text, graph, frame);
    }
    for wire in &scene.wires {
        let class = match (wire.kind, wire.health) {
            (Kind::Rail, _) => "rail",
            (_, Tone::Bad) => "down",
            (_, Tone::Warn) => "shaped",
            (Kind::Way(Way::On), _) => "on",
            (Kind::Way(_) | Kind::Out(_), _) => "cable",
        };
        let tip = wire.edge.map(|edge| {
            let ends = graph.edges[edge].ends.each_ref().map(|tie| end(graph, tie));
            format!("<title>{}</title>", escaped(&ends.join(" ── ")))
        });
        let (path, tip) = (&wire.path, tip.unwrap_or_default());
        let data = data_of_wire(graph, wire);
        _ = writeln!(
            text,
            "<path class=\"{class}\"{data} d=\"{path}\">{tip}</path>"
        );
    }
    if let Some(rect) = &scene.cloud {
        cloud(&mut text, rect);
    }
    boxes(&mut text, graph, &scene);
    for tag in &scene.tags {
        _ = write!(
            text,
            "<g class=\"tag\">{}{}",
            tip(&tag.tip),
            rect(&tag.rect, 3, "")
        );
        tag.texts.iter().for_each(|one| line(&mut text, one));
        text += "</g>\n";
    }
    for note in &scene.notes {
        line(&mut text, note);
        text.push('\n');
    }
    text + "</svg>\n"
}

/// The numbers of what something stands for, by which a page finds it.
fn data<T: std::fmt::Display>(what: &str, numbers: &[T]) -> String {
    let numbers: Vec<String> = numbers.iter().map(T::to_string).collect();
    match numbers.is_empty() {
        true => String::new(),
        false => format!(" data-{what}=\"{}\"", numbers.join(" ")),
    }
}

/// A wire's devices: those whose counters are its own, and those at its other end.
fn data_of_wire(graph: &Graph, wire: &Wire) -> String {
    let [one, other] = match (wire.kind, wire.edge) {
        (Kind::Out(at), _) => {
            let end = graph.devices(&graph.outward[at].0);
            return data("link", &end);
        }
        (_, Some(edge)) => &graph.edges[edge].ends,
        (_, None) => return String::new(),
    };
    let seen = |tie: &Tie| tie.jack.is_some() && !graph.devices(tie).is_empty();
    // What is made on another counts its own; of a cable to the host the room's end is asked for.
    let upon = wire.kind == Kind::Way(Way::On) || !seen(one) && seen(other);
    let [own, far] = if upon { [other, one] } else { [one, other] }.map(|tie| graph.devices(tie));
    match own.is_empty() {
        true => data("link", &far),
        false => [data("link", &own), data("far", &far)].concat(),
    }
}

fn house(text: &mut String, graph: &Graph, frame: &Frame) {
    let said = graph.house.as_ref().map_or("", |house| &house.tip);
    let number = graph.house.as_ref().and_then(|house| house.netns);
    let data = data("netns", number.as_slice());
    let wall = rect(&frame.rect, 14, "house");
    _ = writeln!(text, "<g{data}>{}{wall}", tip(said));
    frame.texts.iter().for_each(|one| line(text, one));
    for (place, sign) in &frame.signs {
        _ = write!(text, "<g class=\"sign\">{}", rect(place, 6, ""));
        line(text, sign);
        text.push_str("</g>\n");
    }
    text.push_str("</g>\n");
}

fn boxes(text: &mut String, graph: &Graph, scene: &Scene) {
    for (node, placed) in graph.nodes.iter().zip(&scene.boxes) {
        let (class, round) = match node.shape {
            Shape::Room | Shape::Stack(_) => ("room", 9),
            Shape::Ghost => ("room ghost", 9),
            Shape::Switch => ("switch", 5),
            Shape::Device => ("device", 2),
        };
        let data = [
            data("netns", &node.netns),
            data("dev", node.device.as_slice()),
        ]
        .concat();
        _ = write!(text, "<g class=\"{class}\"{data}>{}", tip(&node.tip));
        if matches!(node.shape, Shape::Stack(_)) {
            for off in [7.0, 3.5] {
                let behind = Rect {
                    x: placed.rect.x + off,
                    y: placed.rect.y + off,
                    ..placed.rect
                };
                *text += &rect(&behind, round, "");
            }
        }
        *text += &rect(&placed.rect, round, "");
        placed.texts.iter().for_each(|one| line(text, one));
        plates(text, node, placed);
        text.push_str("</g>\n");
    }
}

fn plates(text: &mut String, node: &Node, placed: &Box) {
    for plate in &placed.plates {
        let jack = node.jacks.get(plate.jack);
        let said = jack.map_or("", |jack| &jack.tip);
        let data = jack.map_or(String::new(), |jack| data("dev", &jack.devices));
        let inner = Rect {
            y: plate.rect.y + if plate.top { 1.0 } else { 0.0 },
            h: plate.rect.h - 1.0,
            ..plate.rect
        };
        let y = if plate.top {
            placed.rect.y
        } else {
            placed.rect.bottom()
        };
        _ = write!(
            text,
            "<g class=\"plate\"{data}>{}{}",
            tip(said),
            rect(&inner, 4, "")
        );
        _ = write!(
            text,
            "<circle cx=\"{:.0}\" cy=\"{y:.0}\" r=\"3.5\"/>",
            plate.rect.middle()
        );
        plate.texts.iter().for_each(|one| line(text, one));
        text.push_str("</g>");
    }
}

/// What is outside: a cloud, as in every drawing of networks.
fn cloud(text: &mut String, at: &Rect) {
    let (x, y, w, h) = (at.x, at.y, at.w, at.h);
    let arcs = [(0.18, 0.28), (0.22, 0.5), (0.24, 0.45), (0.18, 0.3)];
    _ = write!(
        text,
        "<path class=\"cloud\" d=\"M{:.1} {:.1}",
        x + 0.1 * w,
        y + 0.9 * h
    );
    let points = [
        (0.08, 0.45),
        (0.30, 0.2),
        (0.62, 0.16),
        (0.90, 0.42),
        (0.90, 0.9),
    ];
    let radii = arcs.into_iter().chain([(0.16, 0.28)]);
    for ((px, py), (rx, ry)) in points.into_iter().zip(radii) {
        _ = write!(
            text,
            "A{:.1} {:.1} 0 0 1 {:.1} {:.1}",
            rx * w,
            ry * h,
            x + px * w,
            y + py * h
        );
    }
    text.push_str("Z\"/>\n");
    let size = 12.0;
    let word = Text {
        x: at.middle() - 26.0,
        y: y + 0.66 * h,
        size,
        tone: Tone::Name,
        text: "outside".to_owned(),
    };
    line(text, &word);
    text.push('\n');
}

/// An end of an edge in words.
fn end(graph: &Graph, tie: &Tie) -> String {
    let node = &graph.nodes[tie.node];
    let jack = tie.jack.and_then(|jack| node.jacks.get(jack));
    match (jack, &tie.port) {
        (Some(jack), _) => format!("{}:{}", node.title, jack.name()),
        (None, Some(port)) => format!("{} port {}", node.title, port.name()),
        (None, None) => node.title.clone(),
    }
}

fn rect(at: &Rect, round: u8, class: &str) -> String {
    let class = match class {
        "" => String::new(),
        class => format!(" class=\"{class}\""),
    };
    let Rect { x, y, w, h } = at;
    format!(
        "<rect{class} x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"{round}\"/>"
    )
}

fn line(text: &mut String, line: &Text) {
    let class = match line.tone {
        Tone::Name => " class=\"name\"",
        Tone::Plain => "",
        Tone::Dim => " class=\"dim\"",
        Tone::Warn => " class=\"warn\"",
        Tone::Bad => " class=\"bad\"",
    };
    let Text { x, y, size, .. } = line;
    let said = escaped(&line.text);
    _ = write!(
        text,
        "<text{class} x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\">{said}</text>"
    );
}

fn tip(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!("<title>{}</title>", escaped(said)),
    }
}

/// Text that is nothing but text in XML and HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
