//! Nodes: what kind of thing each becomes, and what defaults, kinds and groups add to it.

use std::collections::BTreeMap;

use super::room::{Kind, MGMT, MGMT_DEV, Place, Port};
use super::tree::Entry;
use super::{Import, meaning};
use crate::state::{IfName, NetnsName, NetworkName, Visible};
use crate::topology::Publish;
use crate::topology::node::Node;
use crate::topology::publish::Short;

/// A node with all that is said of it, the strongest word first.
pub(super) struct Merged<'n> {
    name: String,
    layers: Vec<Vec<Entry<'n>>>,
}

impl<'n> Merged<'n> {
    /// The strongest word about a key.
    fn strongest(&self, key: &str) -> Option<&Entry<'n>> {
        let mut all = self.layers.iter().flatten();
        all.find(|entry| entry.key == key)
    }

    /// All that is said of a key, the weakest word first, as containerlab puts lists together.
    fn all(&self, key: &str) -> Vec<(&'n Node, String)> {
        let all = self.layers.iter().rev().flatten();
        let all = all.filter(|entry| entry.key == key);
        all.map(|entry| (entry.node, entry.place.clone())).collect()
    }
}

impl Import<'_> {
    /// Every node, as a place of its kind.
    pub(super) fn nodes<'n>(&mut self, sections: &BTreeMap<String, &'n Node>) -> Vec<Merged<'n>> {
        let Some(nodes) = sections.get("nodes") else {
            return Vec::new();
        };
        for (section, node) in sections {
            self.left_out(section, node);
        }
        let mut all = Vec::new();
        for entry in self.entries(nodes, "topology.nodes.") {
            let own = self.entries(entry.node, &format!("{}.", entry.place));
            let layers = self.layers(own, sections);
            let merged = Merged {
                name: entry.key.clone(),
                layers,
            };
            let kind = self.kind(&merged, &entry.place);
            let named = match kind {
                Kind::Bridge => entry.key.parse::<NetworkName>().err(),
                Kind::Namespace => entry.key.parse::<NetnsName>().err(),
                Kind::Host => None,
            };
            if let Some(error) = named {
                let hint = "rename the node in the containerlab file";
                self.problem(entry.at, error.to_string(), hint);
            }
            let mut place = Place::new(kind);
            place.forward = kind == Kind::Namespace && self.is_router(&merged);
            self.places.insert(entry.key, place);
            all.push(merged);
        }
        all
    }

    /// Of a section, what has no meaning: said once, where it stands.
    fn left_out(&mut self, section: &str, node: &Node) {
        let groups = match section {
            "defaults" => vec![(node, "topology.defaults.".to_owned())],
            "kinds" | "groups" | "nodes" => {
                let all = self.entries(node, &format!("topology.{section}."));
                let all = all.into_iter().map(|entry| (entry.node, entry.place + "."));
                all.collect()
            }
            _ => return,
        };
        // A mistake in a mapping is told by who reads it for its meaning.
        let problems = self.problems.len();
        for (node, within) in groups {
            for entry in self.entries(node, &within) {
                match entry.key.as_str() {
                    "kind" | "group" | "exec" | "ports" | "sysctls" | "network-mode" => {}
                    key => self.note(entry.place.clone(), meaning::of(key)),
                }
            }
        }
        if section == "nodes" {
            self.problems.truncate(problems);
        }
    }

    fn layers<'n>(
        &mut self,
        own: Vec<Entry<'n>>,
        sections: &BTreeMap<String, &'n Node>,
    ) -> Vec<Vec<Entry<'n>>> {
        let problems = self.problems.len();
        let defaults = sections.get("defaults");
        let defaults = defaults.map(|node| self.entries(node, "topology.defaults."));
        let mut layers = vec![own];
        for (section, key) in [("groups", "group"), ("kinds", "kind")] {
            let weaker = defaults.iter().flatten();
            let mut all = layers.iter().flatten().chain(weaker);
            let name = all.find(|entry| entry.key == key);
            let name = name.and_then(|entry| self.scalar(entry.node));
            let within = format!("topology.{section}.");
            let found = sections.get(section).and_then(|node| {
                let mut all = self.entries(node, &within).into_iter();
                all.find(|entry| Some(&entry.key) == name.as_ref())
            });
            if let Some(found) = found {
                layers.push(self.entries(found.node, &format!("{}.", found.place)));
            }
        }
        layers.extend(defaults);
        // They were told where the section was read first.
        self.problems.truncate(problems);
        layers
    }

    fn kind(&mut self, merged: &Merged<'_>, place: &str) -> Kind {
        let said = merged.strongest("kind");
        let kind = said.and_then(|entry| self.scalar(entry.node));
        let place = said.map_or(place.to_owned(), |entry| entry.place.clone());
        let name = &merged.name;
        match kind.as_deref() {
            Some("bridge") => {
                let text =
                    format!("`{name}` is a network of the lab: a bridge of this host is not used");
                self.note(place, text);
                Kind::Bridge
            }
            Some("ovs-bridge") => {
                let text = format!("`{name}` is a network of the lab, on a Linux bridge");
                self.note(place, text);
                Kind::Bridge
            }
            Some("host") => Kind::Host,
            Some("linux") | None => Kind::Namespace,
            Some("ext-container") => {
                let text = "a namespace of its own: one that is there is joined by its path, /proc/PID/ns/net";
                self.note(place, text);
                Kind::Namespace
            }
            Some(other) => {
                let text =
                    format!("`{other}` is a namespace that forwards: none of its programs run");
                self.note(place, text);
                Kind::Namespace
            }
        }
    }

    /// Whether it is a router by its kind.
    fn is_router(&self, merged: &Merged<'_>) -> bool {
        let kind = merged.strongest("kind");
        let kind = kind.and_then(|entry| self.scalar(entry.node));
        kind.is_some_and(|kind| !["linux", "ext-container"].contains(&kind.as_str()))
    }

    /// What is said of a node when its interfaces are known.
    pub(super) fn finish(&mut self, merged: Merged<'_>) {
        let name = &merged.name;
        for (node, place) in merged.all("exec") {
            for (n, item) in self.items(node).into_iter().enumerate() {
                self.command(name, item, &format!("{place}[{n}]"));
            }
        }
        for (node, place) in merged.all("sysctls") {
            for entry in self.entries(node, &format!("{place}.")) {
                let value = self.scalar(entry.node).unwrap_or_default();
                if !self.setting(name, &format!("{}={value}", entry.key)) {
                    self.note(entry.place, meaning::UNKNOWN);
                }
            }
        }
        if let Some(place) = self.places.get_mut(name) {
            // Containers forward where Docker runs, which switches it on for all.
            let several = place.interfaces.len() > 1;
            place.forward |= place.kind == Kind::Namespace && several;
        }
        if let Some(mode) = merged.strongest("network-mode") {
            let kept = self.scalar(mode.node).is_some_and(|mode| mode == "none");
            if !kept {
                self.note(mode.place.clone(), "a namespace of its own all the same");
            }
        }
        if let Some(ports) = merged.strongest("ports") {
            let (node, place) = (ports.node, ports.place.clone());
            self.ports(name, node, &place);
        }
    }

    fn ports(&mut self, name: &str, node: &Node, at: &str) {
        let taken = self.places.contains_key(MGMT);
        let why = self.places.get(name).and_then(|place| {
            let default = place.routes.iter().any(|way| way.to.is_none());
            let eth0 = place.interfaces.keys().any(|dev| dev.as_str() == MGMT_DEV);
            match place.kind {
                Kind::Bridge | Kind::Host => Some("only a namespace publishes ports"),
                Kind::Namespace if default => Some("its default route does not lead to this host"),
                Kind::Namespace if eth0 => Some("`eth0` is no management interface"),
                Kind::Namespace if taken => Some("a node is called `mgmt`"),
                Kind::Namespace => None,
            }
        });
        let mut published = Vec::new();
        for (n, item) in self.items(node).into_iter().enumerate() {
            let text = self.scalar(item).unwrap_or_default();
            let at = format!("{at}[{n}]");
            match (why, text.contains(':'), short(&text)) {
                (Some(why), ..) => self.note(at, format!("`{text}` is not published: {why}")),
                (_, false, _) => {
                    let why = "its port of the host would be any: write HOST:PORT";
                    self.note(at, format!("`{text}` is not published: {why}"));
                }
                (_, _, Err(error)) => self.note(at, format!("`{text}` is not published: {error}")),
                (_, _, Ok(_)) => {
                    let why = "only this host reaches it: `visible: public` opens it to all";
                    self.note(
                        at,
                        format!("`{text}` is published on network `{MGMT}`; {why}"),
                    );
                    published.push(text);
                }
            }
        }
        let dev = MGMT_DEV.parse::<IfName>().ok();
        if let (Some(place), Some(dev)) = (self.places.get_mut(name), dev)
            && !published.is_empty()
        {
            let plug = Some(("network", MGMT.to_owned()));
            let port = Port {
                plug,
                ..Port::default()
            };
            place.interfaces.insert(dev, port);
            place.publish = published;
        }
    }
}

/// Ports in the form that both files have, or why they cannot be published so.
fn short(text: &str) -> Result<Publish, String> {
    let Short {
        host,
        port,
        protocol,
        address,
    } = text
        .parse()
        .map_err(|_| "write HOST:PORT, as in `8080:80`")?;
    let publish = Publish::new((host, port), protocol, address, Visible::Loopback);
    publish.map_err(|wrong| wrong.to_string())
}
