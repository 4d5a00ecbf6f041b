//! From a survey to what is drawn.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Edge, Graph, House, Jack, Node, Number, Shape, Tie};
use super::wiring::{At, End, Wiring};
use super::words::{self, Line, Tone};
use crate::state::survey::{Device, Far, Space, Survey};

/// Looks up what is wired to what, and makes boxes of it.
pub(super) fn build(survey: &Survey, title: &str) -> Graph {
    let wiring = Wiring::of(survey);
    let mut graph = Graph {
        title: words::clean(title),
        unseen: survey
            .unseen
            .iter()
            .map(|text| words::clean(text))
            .collect(),
        ..Graph::default()
    };
    let mut boxes = Boxes::default();
    let labs = survey.namespaces.iter().filter(|space| !space.host);
    let labs: BTreeSet<_> = labs.map(Space::labs).collect();
    for (at, space) in survey.namespaces.iter().enumerate() {
        match space.host {
            true => house(&mut graph, &mut boxes, &wiring, at),
            false => room(&mut graph, &mut boxes, &wiring, at, labs.len() > 1),
        }
    }
    if let (None, true, Some(host)) = (&graph.house, graph.nodes.is_empty(), survey.host()) {
        graph.house = Some(House {
            notes: vec![Line::new(Tone::Dim, "nothing but lo")],
            tip: words::space_at_length(host),
            netns: Some(host.inode).filter(|inode| *inode != 0),
            ..House::default()
        });
    }
    for (one, other, way) in &wiring.bonds {
        let ends = [one, other].map(|end| boxes.tie(&mut graph, &wiring, end));
        let health = [one, other].map(|end| wiring.health(end));
        let [one, other] = health;
        graph.edges.push(Edge {
            ends,
            way: *way,
            health: one.max(other),
        });
    }
    for at in &wiring.outward {
        let end = End::Seen(*at);
        let tie = boxes.tie(&mut graph, &wiring, &end);
        graph.outward.push((tie, wiring.health(&end)));
    }
    graph
}

/// The boxes made so far.
#[derive(Default)]
struct Boxes {
    /// Of the host's devices.
    devices: BTreeMap<At, usize>,
    /// Of namespaces.
    rooms: BTreeMap<usize, usize>,
    jacks: BTreeMap<At, usize>,
    ghosts: BTreeMap<String, usize>,
}

impl Boxes {
    fn tie(&mut self, graph: &mut Graph, wiring: &Wiring<'_>, end: &End) -> Tie {
        let at = match end {
            End::Seen(at) => *at,
            End::Hidden { netns, dev, state } => {
                let node = self.ghost(graph, netns, netns);
                let jacks = &mut graph.nodes[node].jacks;
                let mut lines = vec![Line::new(Tone::Name, dev)];
                if !matches!(state.as_str(), "up" | "") {
                    lines.push(Line::new(Tone::Bad, state));
                }
                jacks.push(Jack {
                    lines,
                    tip: format!("{dev} in {netns}: {state}"),
                    devices: Vec::new(),
                });
                let (jack, port) = (Some(jacks.len() - 1), None);
                return Tie { node, jack, port };
            }
            End::Unseen(which) => {
                let node = self.ghost(graph, which, NOT_SEEN);
                let (jack, port) = (None, None);
                return Tie { node, jack, port };
            }
        };
        let (space, device) = (&wiring.survey.namespaces[at.0], wiring.device(at));
        if let Some(switch) = wiring.ports.get(&at) {
            return Tie {
                node: self.devices[switch],
                jack: None,
                port: Some(jack(space, device)),
            };
        }
        if let Some(node) = self.devices.get(&at) {
            let (node, jack, port) = (*node, None, None);
            return Tie { node, jack, port };
        }
        let node = self.rooms[&at.0];
        let jacks = &mut graph.nodes[node].jacks;
        let place = *self.jacks.entry(at).or_insert_with(|| {
            jacks.push(jack(space, device));
            jacks.len() - 1
        });
        Tie {
            node,
            jack: Some(place),
            port: None,
        }
    }

    /// One box for each namespace that is not drawn, or was not seen.
    fn ghost(&mut self, graph: &mut Graph, key: &str, title: &str) -> usize {
        *self.ghosts.entry(key.to_owned()).or_insert_with(|| {
            graph.nodes.push(Node::new(Shape::Ghost, title));
            graph.nodes.len() - 1
        })
    }
}

/// What a namespace is called that is known by the ends of cables alone.
const NOT_SEEN: &str = "not seen";

fn jack(space: &Space, device: &Device) -> Jack {
    let mut lines = vec![Line::new(Tone::Name, &device.name)];
    lines.extend(words::addresses(device));
    if !device.is_cable() {
        lines.push(words::kind(device));
    }
    lines.extend(words::marks(device));
    Jack {
        lines,
        tip: words::device_at_length(space, device),
        devices: number(space, device).into_iter().collect(),
    }
}

/// None in what a file asks for.
fn number(space: &Space, device: &Device) -> Option<Number> {
    (space.inode != 0).then_some(Number {
        netns: space.inode,
        dev: device.index,
    })
}

/// A namespace: what is plugged into something comes to its walls, the rest is a list.
fn room(graph: &mut Graph, boxes: &mut Boxes, wiring: &Wiring<'_>, at: usize, tell_lab: bool) {
    let space = &wiring.survey.namespaces[at];
    let (title, container) = called(space);
    let shape = match space.unread {
        Some(_) => Shape::Ghost,
        None => Shape::Room,
    };
    let mut node = Node::new(shape, &title);
    node.tip = words::space_at_length(space);
    node.netns
        .extend(Some(space.inode).filter(|inode| *inode != 0));
    let notes = [
        Some(space.labs().join(", ")).filter(|labs| tell_lab && !labs.is_empty()),
        container,
        words::forwards(space).map(str::to_owned),
        space.router.clone(),
    ];
    let notes = notes.into_iter().flatten();
    node.lines
        .extend(notes.map(|note| Line::new(Tone::Dim, note)));
    node.lines
        .extend((space.unread.as_ref()).map(|_| Line::new(Tone::Warn, "not looked into")));
    node.lines.extend(loopback(space));
    let inner = wiring
        .within(at)
        .filter(|(at, ..)| !wiring.wired.contains(at));
    let mut unused = Vec::new();
    for (_, _, device) in inner {
        match is_unused(space, device) {
            true => unused.push(device.name.as_str()),
            false => node.lines.push(inside(space, device)),
        }
    }
    node.lines.extend(unused_line(&unused));
    boxes.rooms.insert(at, graph.nodes.len());
    graph.nodes.push(node);
}

/// What a namespace is called in a drawing, and what container it is of, where that is not the
/// same: names that engines draw by lot (`netns-` or `cni-` and a UUID) tell nobody anything.
fn called(space: &Space) -> (String, Option<String>) {
    let Some(container) = &space.container else {
        return (space.name.clone(), None);
    };
    let drawn = ["netns-", "cni-"].iter().any(|begin| {
        let rest = space.name.strip_prefix(begin);
        rest.is_some_and(|rest| rest.len() == 36 && rest.matches('-').count() == 4)
    });
    match drawn {
        true => (format!("{}:{}", container.engine, container.short()), None),
        false if space.names.is_empty() => (space.name.clone(), None),
        false => (space.name.clone(), Some(words::container(container))),
    }
}

/// A server's address that is on no link.
fn loopback(space: &Space) -> impl Iterator<Item = Line> + use<'_> {
    let lo = space
        .devices
        .iter()
        .filter(|device| device.kind == "loopback");
    lo.filter_map(|lo| {
        let own: Vec<String> = words::addresses(lo)
            .into_iter()
            .map(|line| line.text)
            .collect();
        let text = format!("{} {}", lo.name, own.join(" "));
        (!own.is_empty()).then(|| Line::new(Tone::Plain, text))
    })
}

/// A device of a room that leads nowhere out of it, in one line.
fn inside(space: &Space, device: &Device) -> Line {
    let own = words::addresses(device).into_iter().map(|line| line.text);
    let mut parts = vec![device.name.clone()];
    parts.extend(own);
    let mut kind = words::kind(device).text;
    if let Some(Far::Found(end)) = &device.far {
        kind += if device.is_cable() { " to " } else { " on " };
        kind += &end.dev;
    }
    parts.push(format!("({kind})"));
    let ports: Vec<&str> = space.ports(device).map(|port| port.name.as_str()).collect();
    if !ports.is_empty() {
        parts.push(format!("of {}", ports.join(" ")));
    }
    let marks = words::marks(device);
    let tone = marks
        .iter()
        .map(|mark| mark.tone)
        .max()
        .unwrap_or(Tone::Plain);
    parts.extend(marks.into_iter().map(|mark| mark.text));
    Line::new(tone, parts.join(" "))
}

/// Whether it is there and nothing more, such as the tunnels that the kernel's modules make.
fn is_unused(space: &Space, device: &Device) -> bool {
    let bare = device.addresses.is_empty() && device.master.is_none() && device.far.is_none();
    bare && !device.up && device.kind != "device" && space.ports(device).next().is_none()
}

fn unused_line(names: &[&str]) -> Option<Line> {
    let text = || format!("down and unused: {}", names.join(" "));
    (!names.is_empty()).then(|| Line::new(Tone::Dim, text()))
}

/// The host: a box for each of its devices that is more than a switch's port.
fn house(graph: &mut Graph, boxes: &mut Boxes, wiring: &Wiring<'_>, at: usize) {
    let space = &wiring.survey.namespaces[at];
    let mut unused = Vec::new();
    let own = wiring
        .within(at)
        .filter(|(at, ..)| !wiring.ports.contains_key(at));
    for (at, _, device) in own {
        if is_unused(space, device) && !wiring.wired.contains(&at) && device.kind != "bridge" {
            unused.push(device.name.as_str());
            continue;
        }
        let shape = if device.kind == "bridge" {
            Shape::Switch
        } else {
            Shape::Device
        };
        let mut node = Node::new(shape, &device.name);
        node.tip = words::device_at_length(space, device);
        node.device = number(space, device);
        node.lines = words::addresses(device);
        if !(device.is_cable()) {
            node.lines.push(words::kind(device));
        }
        if masquerades(space, device) {
            node.lines.push(Line::new(Tone::Dim, "masquerades"));
        }
        node.lines.extend(words::marks(device));
        node.lines.extend(default_route(space, device));
        boxes.devices.insert(at, graph.nodes.len());
        graph.nodes.push(node);
    }
    let mut notes: Vec<Line> = words::forwards(space)
        .map(|text| Line::new(Tone::Dim, text))
        .into_iter()
        .collect();
    notes.extend(loopback(space));
    notes.extend(unused_line(&unused));
    let nat = space.masquerades.iter().map(|net| format!("NAT {net}"));
    let signs: Vec<String> = nat
        .chain(space.published.iter().map(words::published))
        .collect();
    if !boxes.devices.is_empty() || !signs.is_empty() {
        graph.house = Some(House {
            notes,
            signs,
            tip: words::space_at_length(space),
            netns: Some(space.inode).filter(|inode| *inode != 0),
        });
    }
}

fn masquerades(space: &Space, device: &Device) -> bool {
    let nets = device.addresses.iter().map(|address| address.net.trunc());
    let mut nets = nets.filter(|net| space.masquerades.contains(net));
    nets.next().is_some()
}

/// The way out that leads by a device.
fn default_route(space: &Space, device: &Device) -> Option<Line> {
    let routes = space
        .routes
        .iter()
        .filter(|path| path.to.prefix_len() == 0 && path.kind == "unicast");
    let mut hops = routes.flat_map(|path| &path.hops);
    let hop = hops.find(|hop| hop.dev.as_ref() == Some(&device.name))?;
    Some(Line::new(
        Tone::Dim,
        match hop.via {
            Some(via) => format!("default via {via}"),
            None => "default".to_owned(),
        },
    ))
}
