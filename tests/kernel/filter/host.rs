//! What is foretold of a packet by a host's rules: hook after hook, with routes that `ip` is
//! asked for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use netyard::explain::Rules;
use netyard::explain::filter::{
    AddressType, Ask, Fate, Hook, Layer, Packet, Passage, Question, pass,
};
use netyard::state::ruleset::{NatKind, SetElement};

use super::yard::{Came, Probe};
use crate::sandbox::{sh, try_sh};

/// What is foretold.
#[derive(Debug, Clone)]
pub(crate) struct Foretold {
    pub(crate) came: Option<Came>,
    pub(crate) unknown: Option<String>,
    pub(crate) passages: Vec<(Hook, Passage)>,
}

/// The rules, and what the kernel is asked: `ip` asks it.
pub(crate) struct Host {
    pub(crate) rules: Rules,
    indices: BTreeMap<String, u32>,
}

/// A route: its kind and its device.
struct Route {
    kind: AddressType,
    dev: String,
}

impl Host {
    pub(crate) fn read() -> Self {
        let links = sh("ip -o link");
        let indices = links.lines().filter_map(|line| {
            let mut words = line.split(": ");
            let index = words.next()?.parse().ok()?;
            let name = words.next()?.split('@').next()?;
            Some((name.to_owned(), index))
        });
        Host {
            rules: Rules::read(None).expect("the rules"),
            indices: indices.collect(),
        }
    }

    fn device(&self, name: &str) -> Option<(String, u32)> {
        Some((name.to_owned(), *self.indices.get(name)?))
    }

    fn route(&self, to: IpAddr) -> Option<Route> {
        let answer = try_sh(&format!("ip -o route get {to}"));
        let words: Vec<&str> = answer.out.split_whitespace().collect();
        let after = |word: &str| {
            let at = words.iter().position(|w| *w == word)?;
            words.get(at + 1).copied()
        };
        Some(Route {
            kind: match *words.first()? {
                "local" => AddressType::Local,
                "broadcast" => AddressType::Broadcast,
                "multicast" => AddressType::Multicast,
                _ => AddressType::Unicast,
            },
            dev: after("dev")?.to_owned(),
        })
    }

    /// Which namespace has an address, among those of the test.
    fn holder(to: IpAddr) -> String {
        if sh("ip -o addr").contains(&format!(" {to}/")) {
            return "h".to_owned();
        }
        let names = sh("ip netns list");
        let mut names = names.lines().filter_map(|line| line.split(' ').next());
        let has = |name: &&str| sh(&format!("ip -n {name} -o addr")).contains(&format!(" {to}/"));
        names.find(has).unwrap_or("h").to_owned()
    }

    /// What becomes of a frame on its way over a bridge, between two stations by the last byte
    /// of their addresses.
    pub(crate) fn switched(&self, probe: &Probe, source: IpAddr, ends: [u8; 2]) -> Fate {
        let mut packet = Packet::new(source, probe.to, 17);
        (packet.source_port, packet.destination_port) = (40000, probe.port);
        packet.iif = self.device("vc");
        let [from, to] = ends.map(|last| [2, 0, 0, 0, 0, last]);
        packet.ether = Some((from, to));
        for hook in [Hook::Prerouting, Hook::Forward, Hook::Postrouting] {
            if hook != Hook::Prerouting {
                packet.oif = self.device("vs");
            }
            let passage = pass(&self.rules.ruleset, Layer::Bridge, hook, &packet, self);
            if passage.fate != Fate::Accept {
                return passage.fate;
            }
            packet = passage.packet;
        }
        Fate::Accept
    }

    /// The packet's whole way through the host.
    pub(crate) fn foretell(&self, probe: &Probe, source: IpAddr) -> Foretold {
        let mut way = Way {
            host: self,
            passages: Vec::new(),
            stopped: None,
        };
        let protocol = match (probe.protocol, probe.to.is_ipv4()) {
            ("udp", _) => 17,
            ("tcp", _) => 6,
            (_, true) => 1,
            (_, false) => 58,
        };
        let mut packet = Packet::new(source, probe.to, protocol);
        packet.destination_port = probe.port;
        packet.source_port = if probe.port == 0 { 0 } else { 40000 };
        packet.icmp = match protocol {
            1 => Some((8, 0)),
            58 => Some((128, 0)),
            _ => None,
        };
        if protocol == 17 {
            packet.size = if probe.to.is_ipv4() { 29 } else { 49 };
        }
        let done = match probe.from {
            "h" => way.sent(packet),
            _ => {
                packet.iif = self.route(source).and_then(|way| self.device(&way.dev));
                way.received(packet)
            }
        };
        Foretold {
            came: done.map(|packet| Came {
                at: Self::holder(packet.destination),
                port: packet.destination_port,
                from: packet.source,
            }),
            unknown: way.stopped,
            passages: way.passages,
        }
    }
}

impl Ask for Host {
    fn address_type(&self, address: IpAddr, dev: Option<&str>) -> Option<AddressType> {
        let route = self.route(address)?;
        match (route.kind, dev) {
            (AddressType::Local, Some(dev)) => {
                let here = sh(&format!("ip -o addr show dev {dev}"));
                match here.contains(&format!(" {address}/")) {
                    true => Some(AddressType::Local),
                    false => Some(AddressType::Unicast),
                }
            }
            (kind, _) => Some(kind),
        }
    }

    fn way(
        &self,
        address: IpAddr,
        _mark: Option<u32>,
        dev: Option<&str>,
    ) -> Option<Option<(String, u32)>> {
        let route = self.route(address);
        let route = route.filter(|route| dev.is_none_or(|dev| dev == route.dev));
        Some(route.and_then(|route| self.device(&route.dev)))
    }

    fn kind(&self, dev: &str) -> Option<String> {
        let known = ["veth", "bridge"];
        let about = sh(&format!("ip -d -o link show dev {dev}"));
        let kind = known
            .iter()
            .find(|kind| about.contains(&format!(" {kind} ")));
        Some(kind.map_or_else(String::new, |kind| (*kind).to_owned()))
    }

    fn group(&self, _dev: &str) -> Option<u32> {
        Some(0)
    }

    fn element(&self, question: &Question<'_>) -> Option<Option<SetElement>> {
        self.rules.element(question).ok()
    }
}

/// A packet's way, hook after hook.
struct Way<'a> {
    host: &'a Host,
    passages: Vec<(Hook, Passage)>,
    stopped: Option<String>,
}

impl Way<'_> {
    fn through(&mut self, hook: Hook, packet: Packet) -> Option<Packet> {
        let ruleset = &self.host.rules.ruleset;
        let passage = pass(ruleset, Layer::Ip, hook, &packet, self.host);
        self.passages.push((hook, passage.clone()));
        let mut packet = match passage.fate {
            Fate::Accept => passage.packet,
            Fate::Unknown(what) => {
                self.stopped = Some(what);
                return None;
            }
            _ => return None,
        };
        let on = |device: &Option<(String, u32)>| {
            let (name, _) = device.as_ref()?;
            let family = if packet.is_ipv6() { "-6" } else { "-4" };
            let addresses = sh(&format!("ip {family} -o addr show dev {name} scope global"));
            let address = addresses.split_whitespace().nth(3)?;
            address.split('/').next()?.parse().ok()
        };
        match passage.rewrite.map(|rewrite| rewrite.kind) {
            Some(NatKind::Masquerade) => packet.source = on(&packet.oif)?,
            Some(NatKind::Redirect) => {
                packet.destination = match (hook, packet.is_ipv6()) {
                    (Hook::Output, false) => [127, 0, 0, 1].into(),
                    (Hook::Output, true) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
                    _ => on(&packet.iif)?,
                };
            }
            _ => {}
        }
        Some(packet)
    }

    fn received(&mut self, packet: Packet) -> Option<Packet> {
        let mut packet = self.through(Hook::Ingress, packet)?;
        packet = self.through(Hook::Prerouting, packet)?;
        let route = self.host.route(packet.destination)?;
        if route.kind == AddressType::Local {
            return self.through(Hook::Input, packet);
        }
        packet.oif = self.host.device(&route.dev);
        packet.ttl -= 1;
        packet = self.through(Hook::Forward, packet)?;
        self.through(Hook::Postrouting, packet)
    }

    fn sent(&mut self, mut packet: Packet) -> Option<Packet> {
        let route = self.host.route(packet.destination)?;
        packet.oif = self.host.device(&route.dev);
        packet = self.through(Hook::Output, packet)?;
        let route = self.host.route(packet.destination)?;
        packet.oif = self.host.device(&route.dev);
        packet = self.through(Hook::Postrouting, packet)?;
        if route.kind != AddressType::Local {
            return Some(packet);
        }
        packet.iif = packet.oif.take();
        packet = self.through(Hook::Prerouting, packet)?;
        self.through(Hook::Input, packet)
    }
}
