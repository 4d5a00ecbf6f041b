//! A node on its way to a namespace.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::state::IfName;
use crate::topology::draft::{Pairs, Room, quoted, word};

/// The network on which nodes have the ports that are published.
pub(super) const MGMT: &str = "mgmt";

/// The interface that containerlab has on its management network.
pub(super) const MGMT_DEV: &str = "eth0";

/// What a node becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Namespace,
    Bridge,
    Host,
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) forward: bool,
    pub(super) interfaces: BTreeMap<IfName, Port>,
    pub(super) routes: Vec<Way>,
    pub(super) publish: Vec<String>,
}

/// An interface.
#[derive(Debug, Default)]
pub(super) struct Port {
    /// What it is plugged into, if that is no cable of `links`.
    pub(super) plug: Option<(&'static str, String)>,
    pub(super) addresses: Vec<IpNet>,
    pub(super) mac: Option<String>,
    pub(super) mtu: Option<u32>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) to: Option<IpNet>,
    pub(super) via: Option<std::net::IpAddr>,
    pub(super) dev: Option<IfName>,
    pub(super) metric: Option<u32>,
}

impl Place {
    pub(super) fn new(kind: Kind) -> Self {
        Place {
            kind,
            forward: false,
            interfaces: BTreeMap::new(),
            routes: Vec::new(),
            publish: Vec::new(),
        }
    }

    /// Whether it is on the management network.
    pub(super) fn manages(&self) -> bool {
        !self.publish.is_empty()
    }

    /// As the file has it. The host stands there only if there is something to say of it.
    pub(super) fn room(&self, name: &str) -> Option<Room> {
        let name = if self.kind == Kind::Host {
            "host"
        } else {
            name
        };
        let said = |port: &Port| self.kind != Kind::Host || !port.keys().is_empty();
        let ports = self.interfaces.iter().filter(|(_, port)| said(port));
        let interfaces = ports.map(|(dev, port)| (dev.to_string(), port.keys()));
        let interfaces: Vec<(String, Pairs)> = interfaces.collect();
        (self.kind != Kind::Host || !interfaces.is_empty()).then(|| Room {
            name: name.to_owned(),
            note: None,
            forward: self.forward,
            interfaces,
            routes: self.routes.iter().map(Way::keys).collect(),
            publish: self.publish.iter().map(|port| quoted(port)).collect(),
        })
    }
}

impl Port {
    fn keys(&self) -> Pairs {
        let mut keys = Pairs::new();
        keys.extend(self.plug.iter().cloned());
        if !self.addresses.is_empty() {
            let all: Vec<String> = self
                .addresses
                .iter()
                .map(|net| word(&net.to_string()))
                .collect();
            keys.push(("addresses", format!("[{}]", all.join(", "))));
        }
        keys.extend(self.mac.iter().map(|mac| ("mac", quoted(mac))));
        keys.extend(self.mtu.map(|mtu| ("mtu", mtu.to_string())));
        keys
    }
}

impl Way {
    fn keys(&self) -> Pairs {
        let to = self
            .to
            .map_or("default".to_owned(), |to| word(&to.to_string()));
        let mut keys = vec![("to", to)];
        keys.extend(self.via.map(|via| ("via", word(&via.to_string()))));
        keys.extend(self.dev.iter().map(|dev| ("dev", word(dev.as_str()))));
        keys.extend(self.metric.map(|metric| ("metric", metric.to_string())));
        keys
    }
}
