//! As a page: the picture, and below it in words what it shows, for those who search or listen.

use std::fmt::Write;

use super::model::{Graph, Jack, Node, Shape};
use super::svg::{self, escaped};
use super::words::Line;

const STYLE: &str = "\
:root{color-scheme:light dark}
body{margin:0 auto;max-width:110rem;padding:1.5rem;font:15px/1.45 system-ui,sans-serif}
h1{font-size:1.3rem;margin:0 0 .3rem}
p{margin:0 0 1rem;opacity:.8}
figure{margin:0;overflow-x:auto}
details{margin-top:1.2rem}
summary{cursor:pointer;font-weight:600}
table{border-collapse:collapse;margin-top:.6rem;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .9rem .25rem 0;border-bottom:1px solid #8884}
code{font-family:ui-monospace,monospace}
";

/// Makes the page.
pub(super) fn page(graph: &Graph) -> String {
    let title = escaped(&graph.title);
    let mut text = String::new();
    _ = write!(
        text,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{}</p>\n",
        escaped(&graph.summary()),
    );
    _ = write!(text, "<figure>\n{}</figure>\n", svg::draw(graph));
    text += "<details>\n<summary>The same in words</summary>\n<table>\n\
             <tr><th>Where</th><th>Interface</th><th>What</th></tr>\n";
    for node in &graph.nodes {
        rows(&mut text, node);
    }
    text + "</table>\n</details>\n</body>\n</html>\n"
}

fn rows(text: &mut String, node: &Node) {
    let host = node.shape.of_host();
    let place = if host { "host" } else { &node.title };
    let own = if host { &node.title } else { "" };
    let said = joined(&node.lines);
    if host || !said.is_empty() || node.jacks.is_empty() && node.shape != Shape::Ghost {
        row(text, place, own, &said);
    }
    for jack in &node.jacks {
        row(text, place, jack.name(), &joined(Jack::said(jack)));
    }
}

fn row(text: &mut String, place: &str, dev: &str, said: &str) {
    let [place, dev, said] = [place, dev, said].map(escaped);
    _ = writeln!(
        text,
        "<tr><td>{place}</td><td><code>{dev}</code></td><td>{said}</td></tr>"
    );
}

fn joined(lines: &[Line]) -> String {
    let words: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    words.join(", ")
}
