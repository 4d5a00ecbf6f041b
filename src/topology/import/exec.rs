//! Commands that containerlab would run in a node: those that only say addresses, routes and
//! settings are understood, all others are listed.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Import;
use super::room::{Kind, Place, Port, Way};
use crate::state::{IfName, Mac};
use crate::topology::node::Node;

impl Import<'_> {
    /// A line of `exec`.
    pub(super) fn command(&mut self, node: &str, item: &Node, place: &str) {
        let text = self.scalar(item).unwrap_or_default();
        for command in plain(&text) {
            let known = command.is_some_and(|command| self.one(node, command));
            if !known {
                let told = command.unwrap_or(&text);
                let here = self.places.get(node);
                let why = match here.is_some_and(|place| place.kind == Kind::Namespace) {
                    true => format!("`netyard exec {node} -- COMMAND` runs it"),
                    false => "it would be for this host".to_owned(),
                };
                let said = format!("`{told}` is left out: {why}");
                self.note(place, said);
            }
        }
    }

    /// Whether a command was understood.
    fn one(&mut self, node: &str, command: &str) -> bool {
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut rest = &words[..];
        match rest {
            ["sysctl", options @ .., setting] => {
                let write = options.iter().all(|word| ["-w", "-q"].contains(word));
                return write && self.setting(node, setting);
            }
            ["ip" | "/sbin/ip" | "/usr/sbin/ip", ..] => rest = &rest[1..],
            _ => return false,
        }
        while let ["-4" | "-6", more @ ..] = rest {
            rest = more;
        }
        let Some(place) = self.places.get_mut(node) else {
            return false;
        };
        // What containerlab would run on this host itself is not done to it.
        if place.kind != Kind::Namespace {
            return false;
        }
        match rest {
            [
                "a" | "ad" | "addr" | "address",
                "a" | "add" | "replace",
                said @ ..,
            ] => place.address(said),
            ["r" | "ro" | "route", "a" | "add" | "replace", said @ ..] => place.route(said),
            // There is none that would have to go.
            ["r" | "ro" | "route", "d" | "del" | "delete", "default", ..] => true,
            ["l" | "link", "s" | "set", "dev", said @ ..]
            | ["l" | "link", "s" | "set", said @ ..] => place.link(said),
            _ => false,
        }
    }

    /// Whether a setting is one that the file has a word for.
    pub(super) fn setting(&mut self, node: &str, setting: &str) -> bool {
        let on = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
        let known = on.contains(&setting.replace('/', ".").as_str());
        if let Some(place) = self.places.get_mut(node).filter(|_| known) {
            place.forward = true;
        }
        known
    }
}

impl Place {
    fn address(&mut self, said: &[&str]) -> bool {
        let (["dev", dev, address] | [address, "dev", dev]) = said else {
            return false;
        };
        match (address.parse::<IpNet>(), self.port(dev)) {
            (Ok(net), Some(port)) => {
                if !port.addresses.contains(&net) {
                    port.addresses.push(net);
                }
                true
            }
            _ => false,
        }
    }

    /// An interface that is there. `lo` always is.
    fn port(&mut self, dev: &str) -> Option<&mut Port> {
        let dev: IfName = dev.parse().ok()?;
        match dev.as_str() {
            "lo" => Some(self.interfaces.entry(dev).or_default()),
            _ => self.interfaces.get_mut(&dev),
        }
    }

    fn route(&mut self, said: &[&str]) -> bool {
        let [to, options @ ..] = said else {
            return false;
        };
        let to = match (*to, to.parse::<IpNet>(), to.parse::<IpAddr>()) {
            ("default", ..) => None,
            (_, Ok(net), _) => Some(net.trunc()).filter(|net| net.prefix_len() > 0),
            (_, _, Ok(address)) => Some(address.into()),
            _ => return false,
        };
        let mut way = Way {
            to,
            via: None,
            dev: None,
            metric: None,
        };
        for pair in options.chunks(2) {
            let known = match pair {
                ["via", via] => via.parse().map(|via| way.via = Some(via)).is_ok(),
                ["dev", dev] => dev.parse().map(|dev| way.dev = Some(dev)).is_ok(),
                ["metric", n] => n.parse().map(|n| way.metric = Some(n)).is_ok(),
                _ => false,
            };
            if !known {
                return false;
            }
        }
        let right = self.leads(&way);
        if right && !self.routes.contains(&way) {
            self.routes.push(way);
        }
        right
    }

    /// Whether the next hop is a neighbour, and the only way of this kind.
    fn leads(&self, way: &Way) -> bool {
        let known = |dev: &IfName| self.interfaces.contains_key(dev) && dev.as_str() != "lo";
        if way.dev.as_ref().is_some_and(|dev| !known(dev)) {
            return false;
        }
        let Some(via) = way.via else {
            return way.dev.is_some() && way.to.is_some();
        };
        let families = way.to.is_none_or(|to| to.addr().is_ipv4() == via.is_ipv4());
        let on_link = |(dev, port): (&IfName, &Port)| {
            let this = way.dev.as_ref().is_none_or(|wanted| wanted == dev);
            let near = |net: &IpNet| net.contains(&via) && net.addr() != via;
            this && port.addresses.iter().any(near)
        };
        families && self.interfaces.iter().any(on_link)
    }

    fn link(&mut self, said: &[&str]) -> bool {
        let [dev, options @ ..] = said else {
            return false;
        };
        let Some(port) = self.port(dev).filter(|_| !options.is_empty()) else {
            return false;
        };
        let mut rest = options;
        while let [key, more @ ..] = rest {
            rest = more;
            match (*key, more) {
                ("up", _) => {}
                ("mtu", [mtu, more @ ..]) if *dev != "lo" && mtu.parse::<u32>().is_ok() => {
                    port.mtu = mtu.parse().ok();
                    rest = more;
                }
                ("address", [mac, more @ ..]) if *dev != "lo" && mac.parse::<Mac>().is_ok() => {
                    port.mac = Some((*mac).to_owned());
                    rest = more;
                }
                _ => return false,
            }
        }
        true
    }
}

/// The commands of a line without anything of a shell's; `None` for one that has more.
fn plain(text: &str) -> Vec<Option<&str>> {
    let mut inner = text.trim();
    for shell in ["bash -c", "sh -c", "/bin/bash -c", "/bin/sh -c", "ash -c"] {
        if let Some(rest) = text.trim().strip_prefix(shell) {
            inner = unquoted(rest.trim());
        }
    }
    if inner.contains([
        '"', '\'', '`', '$', '|', '>', '<', '\\', '*', '(', '{', '\n',
    ]) {
        return vec![None];
    }
    let commands = inner.split("&&").flat_map(|part| part.split(';'));
    let commands = commands.map(str::trim).filter(|one| !one.is_empty());
    commands
        .map(|one| (!one.contains('&')).then_some(one))
        .collect()
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = text
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    text
}
