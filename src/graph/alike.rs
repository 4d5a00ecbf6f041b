//! Many namespaces that are alike are drawn as one: those with one cable, to the same switch,
//! and nothing else to be told of.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::model::{Graph, Jack, Shape};
use super::words::{Line, Tone, natural};
use crate::state::survey::Survey;

/// Fewer are drawn one by one.
const FEW: usize = 3;

/// By what they are told apart: the switch, what is noted, the beginning of the name.
type Likeness = (usize, Vec<Line>, String);

/// Puts those together that are alike.
pub(super) fn stack(graph: &mut Graph, survey: &Survey) {
    let published: BTreeSet<String> = (survey.namespaces.iter())
        .flat_map(|space| &space.published)
        .map(|port| port.netns.to_string())
        .collect();
    let mut like: BTreeMap<Likeness, Vec<usize>> = BTreeMap::new();
    let around = graph.around();
    for (at, node) in graph.nodes.iter().enumerate() {
        let &[(edge, switch)] = around[at].as_slice() else {
            continue;
        };
        let plain = matches!(node.shape, Shape::Room | Shape::Ghost) && node.jacks.len() < 2;
        let healthy = graph.edges[edge].health <= Tone::Plain;
        let outward = graph.outward.iter().any(|(tie, _)| tie.node == at);
        if plain
            && healthy
            && !outward
            && graph.nodes[switch].shape == Shape::Switch
            && !published.contains(&node.title)
        {
            let key = (switch, node.lines.clone(), stem(&node.title).to_owned());
            like.entry(key).or_default().push(at);
        }
    }
    // Those whose names are like nobody's are together the others.
    let mut groups: BTreeMap<Likeness, Vec<usize>> = BTreeMap::new();
    for ((switch, lines, stem), members) in like {
        let stem = if members.len() < FEW {
            String::new()
        } else {
            stem
        };
        groups
            .entry((switch, lines, stem))
            .or_default()
            .extend(members);
    }
    let mut gone = BTreeSet::new();
    for mut members in groups.into_values().filter(|members| members.len() >= FEW) {
        members.sort_by_key(|at| natural(&graph.nodes[*at].title));
        gone.extend(members.iter().skip(1).copied());
        one_for_all(graph, &members, &around);
    }
    graph.without(&gone);
}

/// Makes the first stand for all of them.
fn one_for_all(graph: &mut Graph, members: &[usize], around: &[Vec<(usize, usize)>]) {
    let &[first, .., last] = members else { return };
    let names = [first, last].map(|at| graph.nodes[at].title.clone());
    let jacks = || members.iter().flat_map(|at| graph.nodes[*at].jacks.first());
    let mut devices: Vec<String> = jacks().map(|jack| jack.name().to_owned()).collect();
    let nets: BTreeSet<IpNet> = jacks()
        .flat_map(|jack| jack.said())
        .filter_map(|line| line.text.parse::<IpNet>().ok())
        .map(|net| net.trunc())
        .collect();
    devices.sort_by_key(|name| natural(name));
    devices.dedup();
    let mut lines = vec![Line::new(Tone::Name, range(&devices))];
    lines.extend(
        nets.into_iter()
            .take(4)
            .map(|net| Line::new(Tone::Plain, net.to_string())),
    );
    let titles: Vec<&str> = members
        .iter()
        .map(|at| graph.nodes[*at].title.as_str())
        .collect();
    let tip = format!("{} namespaces: {}", members.len(), titles.join(" "));
    let jack = Jack {
        lines,
        tip: tip.clone(),
        devices: jacks().flat_map(|jack| jack.devices.clone()).collect(),
    };
    let netns = members.iter().flat_map(|at| graph.nodes[*at].netns.clone());
    let netns: Vec<u64> = netns.collect();
    if let Some(&(edge, _)) = around[first].first() {
        let together = ports(graph, members, around);
        let ties = graph.edges[edge].ends.iter_mut();
        for port in ties.filter_map(|tie| tie.port.as_mut()) {
            *port = together.clone();
        }
    }
    let node = &mut graph.nodes[first];
    node.title = if names[0] == names[1] {
        names[0].clone()
    } else {
        format!("{} … {}", names[0], names[1])
    };
    let count = format!("{} namespaces", members.len());
    node.lines.insert(0, Line::new(Tone::Plain, count));
    node.shape = Shape::Stack(members.len());
    node.tip = tip;
    node.netns = netns;
    if !node.jacks.is_empty() {
        node.jacks = vec![jack];
    }
}

/// The switch's ports of all of them as one.
fn ports(graph: &Graph, members: &[usize], around: &[Vec<(usize, usize)>]) -> Jack {
    let edges = members.iter().flat_map(|at| &around[*at]);
    let ties = edges.flat_map(|(edge, _)| &graph.edges[*edge].ends);
    let mut all: Vec<&Jack> = ties.filter_map(|tie| tie.port.as_ref()).collect();
    all.sort_by_key(|port| natural(port.name()));
    let names: Vec<&str> = all.iter().map(|port| port.name()).collect();
    Jack {
        lines: vec![Line::new(Tone::Name, format!("{} ports", all.len()))],
        tip: names.join(" "),
        devices: all.iter().flat_map(|port| port.devices.clone()).collect(),
    }
}

/// The first and the last of them.
fn range(sorted: &[String]) -> String {
    match sorted {
        [] => String::new(),
        [only] => only.clone(),
        [first, .., last] => format!("{first} … {last}"),
    }
}

/// What names of a series begin with: `web-12` with `web`, `docker:0123` with `docker`.
fn stem(name: &str) -> &str {
    match name.split_once(':') {
        Some((kind, _)) => kind,
        None => name.trim_end_matches(|c: char| c.is_ascii_digit() || "-_.".contains(c)),
    }
}
