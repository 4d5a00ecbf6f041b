//! Links: the short form `endpoints: ["a:eth1", "b:eth1"]`, and that with a `type`.

use ipnet::IpNet;

use super::Import;
use super::room::{Kind, Place, Port};
use super::tree::Entry;
use crate::state::{IfName, Mac};
use crate::topology::draft::{link, word};
use crate::topology::node::{Node, Value};

/// One end of a link.
struct Endpoint<'n> {
    at: &'n Node,
    node: String,
    dev: String,
    mac: Option<String>,
    addresses: Vec<IpNet>,
}

/// What is said of a link beside its ends.
#[derive(Default)]
struct Said<'n> {
    kind: Option<String>,
    ends: Vec<Endpoint<'n>>,
    mtu: Option<u32>,
    host: Option<(String, &'n Node)>,
    mode: Option<String>,
}

impl Import<'_> {
    pub(super) fn links(&mut self, links: &Node) {
        if !matches!(links.value, Value::List(_) | Value::Null) {
            let message = format!("links are a list, and here is {}", links.value.kind());
            self.problem(
                links,
                message,
                "write `- endpoints: [\"a:eth1\", \"b:eth1\"]`",
            );
            return;
        }
        for (n, link) in self.items(links).into_iter().enumerate() {
            self.link(link, &format!("topology.links[{n}]"));
        }
    }

    fn link(&mut self, node: &Node, place: &str) {
        let problems = self.problems.len();
        let said = self.said(node, place);
        if self.problems.len() > problems {
            return;
        }
        let ends = said.ends.len();
        match said.kind.as_deref() {
            None | Some("veth") if ends == 2 => self.cable(said, place),
            Some("host") if ends == 1 => self.host_link(said, node, place),
            Some("macvlan") if ends == 1 => self.macvlan(said, node, place),
            Some("mgmt-net" | "vxlan" | "vxlan-stitch" | "dummy") => self.skipped(&said, place),
            None | Some("veth" | "host" | "macvlan") => {
                let message = format!("there is no such link with {ends} ends");
                self.problem(node, message, "write `endpoints: [\"a:eth1\", \"b:eth1\"]`");
            }
            Some(other) => {
                let message = format!("there is no link of type `{other}`");
                self.problem(node, message, "write `veth`, `host`, `macvlan`, `mgmt-net`, `vxlan`, `vxlan-stitch` or `dummy`");
            }
        }
    }

    fn said<'n>(&mut self, node: &'n Node, place: &str) -> Said<'n> {
        let mut said = Said::default();
        let (mut v4, mut v6) = (None, None);
        for entry in self.entries(node, &format!("{place}.")) {
            match entry.key.as_str() {
                "type" => said.kind = self.scalar(entry.node),
                "endpoints" | "endpoint" => {
                    for end in self.items(entry.node) {
                        said.ends.extend(self.endpoint(end, &entry.place));
                    }
                }
                "mtu" => said.mtu = self.bytes(entry.node),
                "host-interface" => {
                    said.host = self.scalar(entry.node).map(|dev| (dev, entry.node));
                }
                "mode" => said.mode = self.scalar(entry.node),
                "ipv4" => v4 = Some(entry),
                "ipv6" => v6 = Some(entry),
                _ => self.note(entry.place, "has no meaning for a cable"),
            }
        }
        for entry in [v4, v6].into_iter().flatten() {
            self.given(&entry, &mut said.ends);
        }
        said
    }

    /// Addresses of a link in the short form: one for each end.
    fn given(&mut self, entry: &Entry<'_>, ends: &mut [Endpoint<'_>]) {
        let items = self.items(entry.node);
        for (item, end) in items.into_iter().zip(ends) {
            let empty = self.scalar(item).is_none_or(|text| text.is_empty());
            if !empty {
                end.addresses.extend(self.name::<IpNet>(item));
            }
        }
    }

    fn endpoint<'n>(&mut self, node: &'n Node, place: &str) -> Option<Endpoint<'n>> {
        let mut end = Endpoint {
            at: node,
            node: String::new(),
            dev: String::new(),
            mac: None,
            addresses: Vec::new(),
        };
        if let Value::Mapping(_) = node.value {
            for entry in self.entries(node, &format!("{place}.")) {
                match entry.key.as_str() {
                    "node" => end.node = self.scalar(entry.node).unwrap_or_default(),
                    "interface" => end.dev = self.scalar(entry.node).unwrap_or_default(),
                    "mac" => end.mac = self.name::<Mac>(entry.node).map(|mac| mac.to_string()),
                    "ipv4" | "ipv6" => end.addresses.extend(self.name::<IpNet>(entry.node)),
                    _ => self.note(entry.place, "has no meaning for the end of a cable"),
                }
            }
        } else if let Some((node, dev)) =
            self.scalar(node).as_deref().and_then(|t| t.split_once(':'))
        {
            (end.node, end.dev) = (node.to_owned(), dev.to_owned());
        }
        if end.node.is_empty() || end.dev.is_empty() {
            self.problem(
                node,
                "an end of a link is a node and an interface",
                "write `\"node:eth1\"`",
            );
            return None;
        }
        Some(end)
    }

    fn cable(&mut self, said: Said<'_>, place: &str) {
        let special = |end: &Endpoint<'_>| {
            let names = ["mgmt-net", "macvlan", "vxlan", "vxlan-stitch", "dummy"];
            let name = names.into_iter().find(|name| *name == end.node)?;
            (!self.places.contains_key(name)).then_some(name)
        };
        let kinds: Vec<Option<&str>> = said.ends.iter().map(special).collect();
        let Some(at) = kinds.iter().position(Option::is_some) else {
            return self.between(said, place);
        };
        let mut said = said;
        let other = said.ends.remove(at);
        if kinds[at] == Some("macvlan") {
            said.host = Some((other.dev, other.at));
            return self.macvlan(said, other.at, place);
        }
        said.kind = kinds[at].map(str::to_owned);
        self.skipped(&said, place);
    }

    /// A cable between two nodes, or from one to a switch.
    fn between(&mut self, said: Said<'_>, place: &str) {
        let kinds: Vec<Option<Kind>> = said.ends.iter().map(|end| self.known(end)).collect();
        let [Some(a), Some(b)] = kinds[..] else {
            return;
        };
        let names: Vec<String> = said.ends.iter().map(|end| end.node.clone()).collect();
        let bridges = [a, b].map(|kind| kind == Kind::Bridge);
        match bridges {
            [true, true] => self.note(place, "two networks cannot be joined by a cable: left out"),
            [true, false] | [false, true] if [a, b].contains(&Kind::Host) => {
                self.note(place, "this host is on no network by a cable: left out");
            }
            [true, false] | [false, true] => {
                let (bridge, own) = if bridges[0] { (0, 1) } else { (1, 0) };
                let plug = Some(("network", word(&names[bridge])));
                let end = said.ends.into_iter().nth(own);
                end.and_then(|end| self.plug(end, plug, said.mtu));
            }
            [false, false] => {
                let ends = said.ends.into_iter();
                let ends: Vec<Option<String>> =
                    ends.map(|end| self.plug(end, None, None)).collect();
                if let [Some(a), Some(b)] = &ends[..] {
                    let mut keys = link([a, b]);
                    keys.extend(said.mtu.map(|mtu| ("mtu", mtu.to_string())));
                    self.links.push(keys);
                }
            }
        }
    }

    /// What a link's end is; the host is there whether it is a node or not.
    fn known(&mut self, end: &Endpoint<'_>) -> Option<Kind> {
        if let Some(place) = self.places.get(&end.node) {
            return Some(place.kind);
        }
        if end.node == "host" {
            self.places
                .insert("host".to_owned(), Place::new(Kind::Host));
            return Some(Kind::Host);
        }
        let names: Vec<&str> = self.places.keys().map(String::as_str).collect();
        let near = crate::topology::nearest::nearest(&end.node, names.into_iter());
        let hint = near.map_or("name one of `topology.nodes`".to_owned(), |near| {
            format!("did you mean `{near}`?")
        });
        self.problem(end.at, format!("there is no node `{}`", end.node), &hint);
        None
    }

    /// Gives a node an interface, and says how the file calls it.
    fn plug(
        &mut self,
        end: Endpoint<'_>,
        plug: Option<(&'static str, String)>,
        mtu: Option<u32>,
    ) -> Option<String> {
        let dev = self.interface(&end.dev, end.at)?;
        let place = self.places.get_mut(&end.node)?;
        let name = if place.kind == Kind::Host {
            "host"
        } else {
            &end.node
        };
        let full = format!("{name}:{dev}");
        let port = Port {
            plug,
            addresses: end.addresses,
            mac: end.mac,
            mtu,
        };
        if dev.as_str() == "lo" || place.interfaces.insert(dev, port).is_some() {
            let message = format!("`{full}` cannot be the end of this link: it is there already");
            self.problem(end.at, message, "name another interface");
            return None;
        }
        Some(full)
    }

    /// A name that the kernel gives to an interface.
    fn interface(&mut self, dev: &str, at: &Node) -> Option<IfName> {
        match dev.parse::<IfName>() {
            Ok(dev) => Some(dev),
            Err(error) => {
                // SR Linux's name of what its container calls e1-1.
                let short = dev
                    .strip_prefix("ethernet-")
                    .map(|rest| format!("e{}", rest.replace('/', "-")));
                let hint = short.map_or(
                    "give it the name that it has in the container, such as `eth1`".to_owned(),
                    |short| format!("in the container it is called `{short}`: write that"),
                );
                self.problem(at, error.to_string(), &hint);
                None
            }
        }
    }

    /// A cable to this host.
    fn host_link(&mut self, mut said: Said<'_>, node: &Node, place: &str) {
        let Some((dev, at)) = said.host.take() else {
            return self.problem(
                node,
                "such a link needs `host-interface`",
                "name the interface of this host",
            );
        };
        said.ends.push(Endpoint {
            at,
            node: "host".to_owned(),
            dev,
            mac: None,
            addresses: Vec::new(),
        });
        self.between(said, place);
    }

    fn macvlan(&mut self, said: Said<'_>, node: &Node, place: &str) {
        let Some((parent, at)) = said.host else {
            return self.problem(
                node,
                "a macvlan needs `host-interface`",
                "name the device of this host that carries it",
            );
        };
        let Some(parent) = self.interface(&parent, at) else {
            return;
        };
        let mut keys = format!("parent: {}", word(parent.as_str()));
        match said.mode.as_deref() {
            None | Some("bridge") => {}
            Some(mode @ ("private" | "vepa" | "passthru")) => keys += &format!(", mode: {mode}"),
            Some(mode) => {
                return self.note(
                    place,
                    format!("there is no macvlan of mode `{mode}`: left out"),
                );
            }
        }
        let Some(end) = said.ends.into_iter().next() else {
            return;
        };
        match self.known(&end) {
            Some(Kind::Namespace) => {
                let plug = Some(("macvlan", format!("{{ {keys} }}")));
                self.plug(end, plug, said.mtu);
            }
            Some(_) => self.note(place, "only a namespace has a macvlan: left out"),
            None => {}
        }
    }

    fn skipped(&mut self, said: &Said<'_>, place: &str) {
        let why = match said.kind.as_deref() {
            Some("mgmt-net") => "there is no management network",
            Some("dummy") => "an interface that leads nowhere: give `lo` its addresses",
            _ => "a lab is on one host, and has no VXLAN",
        };
        let ends: Vec<String> = said
            .ends
            .iter()
            .map(|end| format!("`{}:{}`", end.node, end.dev))
            .collect();
        self.note(place, format!("{} is left out: {why}", ends.join(" and ")));
    }
}
