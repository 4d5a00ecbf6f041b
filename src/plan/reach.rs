//! Who will be able to reach the ports that a lab publishes, and what of the host's own
//! firewall stands in the way.

mod caution;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

pub use caution::Caution;

use super::wall::{Ends, Packet, chains};
use crate::state::{
    Element, Family, IfName, LabName, Link, LinkKind, Namespace, NetState, Netns, Part, Protocol,
    Published, SetName, TableName, Visible, Wall, WallHook, is_link_local,
};
use caution::message;

/// The published ports of a lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// Each of them.
    pub ports: Vec<Exposed>,
    /// What should be known of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Ports, and who will be able to reach them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exposed {
    /// The ports.
    #[serde(flatten)]
    pub published: Published,
    /// From where they will be reached, in words.
    pub reachable_from: String,
    /// Whether another firewall drops what comes from elsewhere.
    pub blocked: bool,
}

/// Something about published ports that is not as one might think.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is.
    #[serde(flatten)]
    pub kind: Caution,
    /// The ports that it is about.
    pub ports: Vec<String>,
    /// The same in words.
    pub message: String,
}

/// Tells it of the desired state's ports, on the observed host.
pub fn reach(desired: &NetState, observed: &NetState) -> Reach {
    let nothing = Namespace::default();
    let want = desired.namespaces.get(&Netns::Host).unwrap_or(&nothing);
    let have = observed.namespaces.get(&Netns::Host).unwrap_or(&nothing);
    let near = near(&desired.lab, want, have);
    let mut reach = Reach::default();
    let mut warned: BTreeMap<Caution, Vec<String>> = BTreeMap::new();
    for published in &want.published {
        let mut cautions = cautions(published, want, have);
        let netns = published.netns.clone();
        let not_listed = Caution::NotListed { netns };
        cautions.extend((!is_listed(published, desired)).then_some(not_listed));
        let blocked = is_blocked(published, &cautions);
        for caution in cautions {
            warned
                .entry(caution)
                .or_default()
                .push(published.to_string());
        }
        reach.ports.push(Exposed {
            published: published.clone(),
            reachable_from: sources(published, &near),
            blocked,
        });
    }
    reach.warnings = (warned.into_iter())
        .map(|(kind, ports)| Warning {
            message: message(&kind, &ports),
            kind,
            ports,
        })
        .collect();
    reach
}

fn cautions(published: &Published, want: &Namespace, have: &Namespace) -> BTreeSet<Caution> {
    let mut all = BTreeSet::new();
    let named = published
        .address
        .filter(|own| !own.is_unspecified() && !own.is_loopback());
    if let Some(address) = named {
        let mut own = have.links.values().chain(want.links.values());
        if !own.any(|link| link.all_addresses().any(|net| net.addr() == address)) {
            all.insert(Caution::NoSuchAddress { address });
        }
    }
    all.extend(closed_to_loopback(published, want, have));
    if published.visible == Visible::Loopback {
        return all;
    }
    for wall in &have.walls.tables {
        all.extend(forwarded(published, want, wall));
    }
    if have.walls.legacy {
        all.insert(Caution::LegacyRules);
    }
    if !is_blocked(published, &all) {
        let tables = have.walls.tables.iter();
        all.extend(tables.flat_map(|wall| taken_in(published, wall)));
    }
    all
}

/// Only the lab that has a bridge lets it route 127.0.0.0/8.
fn closed_to_loopback(
    published: &Published,
    want: &Namespace,
    have: &Namespace,
) -> Option<Caution> {
    let to = published.to.iter().find(|to| to.is_ipv4())?;
    let own = published
        .address
        .is_none_or(|own| own.is_unspecified() || own.is_loopback());
    let bridge = bridge(have, *to).filter(|_| own && bridge(want, *to).is_none())?;
    let closed = !have.links.get(bridge)?.localnet;
    closed.then(|| Caution::NotByLoopback {
        bridge: bridge.clone(),
    })
}

/// Whether the namespace's `ingress` lets somebody in by these ports.
fn is_listed(published: &Published, desired: &NetState) -> bool {
    let tables = desired
        .namespaces
        .get(&published.netns)
        .map(|ns| &ns.tables);
    let Some(table) = tables.and_then(|tables| tables.get(&TableName::Inside)) else {
        return true;
    };
    let covers = |part: &Part| match part {
        Part::Protocol(protocol) => [Protocol::Any, published.protocol.into()].contains(protocol),
        Part::Ports(first, last) => {
            *first <= published.port.last() && published.port.first() <= *last
        }
        _ => true,
    };
    let listed = |(set, element, _): (SetName, &Element, _)| {
        let ingress = matches!(set, SetName::Ingress4 | SetName::Ingress6);
        ingress && element.key.iter().all(covers)
    };
    table.elements().any(listed)
}

/// Whether over each of its families some chain drops all.
fn is_blocked(published: &Published, cautions: &BTreeSet<Caution>) -> bool {
    let drops = |over: Family| {
        let mut all = cautions.iter();
        all.any(|one| matches!(one, Caution::Dropped { families, .. } if families.contains(&over)))
    };
    let mut families = published.families().peekable();
    families.peek().is_some() && families.all(drops)
}

/// The packet behind the host: to the namespace's port, out by its bridge.
fn forwarded(published: &Published, want: &Namespace, wall: &Wall) -> Vec<Caution> {
    let (mut drops, mut may) = (BTreeMap::new(), BTreeSet::new());
    for to in &published.to {
        let packet = Packet {
            family: Family::of(&IpNet::from(*to)),
            protocol: published.protocol,
            ports: published.port,
            out: bridge(want, *to),
        };
        for (chain, ends) in chains(wall, WallHook::Forward, packet) {
            let families: &mut BTreeSet<Family> = drops.entry(chain).or_default();
            families.extend((ends.dropped && !ends.accepted).then_some(packet.family));
            may.extend((ends.dropped && ends.accepted).then_some(chain));
        }
    }
    drops.retain(|_, families| !families.is_empty());
    let table = || wall.name.clone();
    let drops = drops.into_iter().map(|(chain, families)| Caution::Dropped {
        table: table(),
        chain: chain.to_owned(),
        families,
    });
    let may = may.into_iter().map(|chain| Caution::MayBeDropped {
        table: table(),
        chain: chain.to_owned(),
    });
    drops.chain(may).collect()
}

/// The packet that a server of the host itself would get.
fn taken_in(published: &Published, wall: &Wall) -> Vec<Caution> {
    let packet = |family| Packet {
        family,
        protocol: published.protocol,
        ports: published.host,
        out: None,
    };
    let refuses = |(chain, ends): (&str, Ends)| {
        let (table, chain) = (wall.name.clone(), chain.to_owned());
        match ends.accepted {
            _ if !ends.dropped => None,
            false => Some(Caution::PastTheFirewall { table, chain }),
            true => Some(Caution::MayBePastTheFirewall { table, chain }),
        }
    };
    let each = published.families();
    each.flat_map(|family| chains(wall, WallHook::Input, packet(family)))
        .filter_map(refuses)
        .collect()
}

/// The bridge or the cable that an address is behind.
fn bridge(host: &Namespace, to: IpAddr) -> Option<&IfName> {
    let behind = |net: &IpNet| net.contains(&to);
    let mut routes = host.routes.iter();
    let cable = routes.find(|route| route.is_by_cable() && behind(&route.to));
    let mut links = host.links.iter();
    let link = links.find(|(_, link)| link.addresses.iter().any(behind));
    cable.map(|route| &route.dev).or(link.map(|(dev, _)| dev))
}

/// The subnets that the host is in, but for the networks of the lab.
fn near(lab: &LabName, want: &Namespace, have: &Namespace) -> BTreeSet<IpNet> {
    let bridge = |link: &Link| {
        let mut nets = link.addresses.iter().filter(|net| !is_link_local(net));
        let cable = nets.all(|net| net.prefix_len() == net.max_prefix_len());
        link.owner.as_ref() == Some(lab) && (link.kind == LinkKind::Bridge || cable)
    };
    let links = have.links.iter().chain(&want.links);
    let others = links.filter(|(dev, link)| !bridge(link) && dev.as_str() != "lo");
    let nets = others.flat_map(|(_, link)| link.all_addresses());
    nets.filter(|net| !is_link_local(net))
        .map(IpNet::trunc)
        .collect()
}

/// "this host and 192.0.2.0/24".
fn sources(published: &Published, near: &BTreeSet<IpNet>) -> String {
    let of_family = |net: &&IpNet| {
        let mut to = published.to.iter();
        to.any(|to| to.is_ipv4() == net.addr().is_ipv4())
    };
    let texts = |nets: &BTreeSet<IpNet>| -> Vec<String> {
        let nets = nets.iter().filter(of_family);
        nets.map(IpNet::to_string).collect()
    };
    let others = match &published.visible {
        Visible::Public => return "everywhere".to_owned(),
        Visible::Loopback => Vec::new(),
        Visible::From(sources) => texts(sources),
        Visible::Lan => {
            let labs = "the networks of labs".to_owned();
            texts(near).into_iter().chain([labs]).collect()
        }
    };
    match others.split_last() {
        None => "this host only".to_owned(),
        Some((last, [])) => format!("this host and {last}"),
        Some((last, more)) => format!("this host, {} and {last}", more.join(", ")),
    }
}

/// "tcp 8080 -> one:80: reachable from this host only".
impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Published { netns, port, .. } = &self.published;
        write!(f, "{} -> {netns}:{port}: ", self.published)?;
        match self.blocked {
            true => write!(
                f,
                "meant for {}, reachable from this host only",
                self.reachable_from
            ),
            false => write!(f, "reachable from {}", self.reachable_from),
        }
    }
}

impl Reach {
    /// Whether no port is published.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// A line for each port, then one for each warning.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let ports = self.ports.iter().map(Exposed::to_string);
        let warnings = self.warnings.iter();
        ports.chain(warnings.map(|warning| format!("warning: {}", warning.message)))
    }
}
