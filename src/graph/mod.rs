//! A survey as a drawing: the host as a house, its namespaces as rooms, switches and cables
//! between them. What is drawn is found out once (`build`), whatever the form; forms
//! without positions of their own are laid out (`layout`). The same survey gives the same
//! drawing.

mod alike;
mod build;
mod dot;
mod file;
mod html;
mod layout;
mod mermaid;
mod model;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod wiring;
mod words;

pub use file::survey;

use crate::state::survey::Survey;
use model::Graph;

/// More namespaces than this are drawn in groups of those that are alike.
const MANY: usize = 100;

fn graph(survey: &Survey, title: &str) -> Graph {
    let survey = &sorted(survey);
    let mut graph = build::build(survey, title);
    if graph.rooms() > MANY {
        alike::stack(&mut graph, survey);
    }
    graph
}

/// In the order of names, so that it does not matter what was made first.
fn sorted(survey: &Survey) -> Survey {
    let mut survey = survey.clone();
    for space in &mut survey.namespaces {
        space
            .devices
            .sort_by_cached_key(|device| words::natural(&device.name));
    }
    survey
        .namespaces
        .sort_by_cached_key(|space| (!space.host, words::natural(&space.name)));
    survey
}

/// As a picture for documents, in light and dark.
pub fn svg(survey: &Survey, title: &str) -> String {
    svg::draw(&graph(survey, title))
}

/// As a page with the picture, and what it shows as a table.
pub fn html(survey: &Survey, title: &str) -> String {
    html::page(&graph(survey, title))
}

/// For Graphviz.
pub fn dot(survey: &Survey, title: &str) -> String {
    dot::draw(&graph(survey, title))
}

/// For Mermaid, which many documents and code hosts draw.
pub fn mermaid(survey: &Survey, title: &str) -> String {
    mermaid::draw(&graph(survey, title))
}

/// For a terminal with so many columns.
///
/// ```text
/// host
///  ├─ virtual-bridge  10.0.0.1/24  switch, masquerades
///  │   ├─ one    veth-one-in    10.0.0.10/24
///  │   └─ two    veth-two-in    10.0.0.20/24
///  └─ uplink  203.0.113.1/24  ── internet:eth0  203.0.113.2/24
/// ```
pub fn text(survey: &Survey, width: usize) -> String {
    text::draw(&graph(survey, ""), width)
}
