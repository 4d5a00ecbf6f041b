//! What a lab needs and someone else holds. Nothing foreign is ever adopted,
//! changed or removed; the error names the holder.

mod port;

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;

pub use port::Taker;

use super::{is_own, link};
use crate::state::{
    Element, End, IfName, LabName, Link, LinkKind, Namespace, NetState, Netns, NetnsName,
    Published, Route, SetName, Table, TableName, is_link_local,
};

/// The ports that a Linux bridge takes: `BR_MAX_PORTS` of net/bridge/br_private.h
/// is 1024, and port number 0 is not used.
const BRIDGE_PORTS: usize = 1023;

/// Who holds what a lab needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Another lab.
    Lab(LabName),
    /// Something that netyard did not make.
    Foreign,
}

impl Holder {
    fn of(owner: Option<&LabName>) -> Self {
        owner.map_or(Holder::Foreign, |lab| Holder::Lab(lab.clone()))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Lab(lab) => write!(f, "it belongs to lab {lab}"),
            Holder::Foreign => f.write_str("netyard did not make it"),
        }
    }
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The name of a namespace is taken.
    #[error("namespace {name} exists already: {holder}")]
    Netns {
        /// The name.
        name: NetnsName,
        /// Whose it is.
        holder: Holder,
    },
    /// The name of a device is taken.
    #[error("device {} exists already {}: {holder}", end.dev, place(&end.netns))]
    Link {
        /// The device.
        end: End,
        /// Whose it is.
        holder: Holder,
    },
    /// An address or its subnet is in use on the host.
    #[error("{want} for {dev} overlaps {have} of the host's device {on}: {holder}")]
    Address {
        /// The address that the lab wants on the host.
        want: IpNet,
        /// The lab's device that it is for.
        dev: IfName,
        /// The address that is there.
        have: IpNet,
        /// The device that has it.
        on: IfName,
        /// Whose device that is.
        holder: Holder,
    },
    /// The host already has a route to this destination.
    #[error("the host has a route to {} already, {have}: {holder}", want.to)]
    Route {
        /// The lab's route.
        want: Route,
        /// The host's.
        have: Route,
        /// Whose device that is over.
        holder: Holder,
    },
    /// A route of the host leads elsewhere what belongs to one of the lab's subnets.
    #[error("the host's route to {to} would take packets to {subnet}, which is on {dev}")]
    Diverted {
        /// Where the foreign route leads.
        to: IpNet,
        /// The lab's subnet.
        subnet: IpNet,
        /// The lab's device on it.
        dev: IfName,
    },
    /// The host has another kind of route (multipath, blackhole) to this destination.
    #[error("the host has a route to {to} already, over several devices or none")]
    OtherRoute {
        /// The destination.
        to: IpNet,
    },
    /// The table's name is taken.
    #[error(
        "the nft table `{table}` exists already: netyard did not make it, or the journal lost it"
    )]
    Table {
        /// Where.
        netns: Netns,
        /// Its name.
        table: TableName,
    },
    /// A subnet or bridge is an element of another lab.
    #[error("{element} is in the set {} of the nft table already: {holder}", set.as_str())]
    Element {
        /// The set.
        set: SetName,
        /// The element.
        element: Element,
        /// Whose it is.
        holder: Holder,
    },
    /// A port of the host that the lab publishes is another's.
    #[error("{want} of the host is taken: {holder}")]
    Port {
        /// What the lab publishes.
        want: Box<Published>,
        /// Who has it.
        holder: Taker,
    },
    /// The bridge of another lab is not there, or something else has its name.
    #[error("bridge {bridge} of lab `{lab}`, which this lab is on, is not there")]
    External {
        /// The bridge.
        bridge: IfName,
        /// Whose it shall be.
        lab: LabName,
    },
    /// More devices on a bridge than the kernel takes.
    #[error("bridge {bridge} would have {ports} ports: the kernel takes at most {BRIDGE_PORTS}")]
    Ports {
        /// The bridge.
        bridge: IfName,
        /// How many.
        ports: usize,
    },
}

fn place(netns: &Netns) -> String {
    match netns {
        Netns::Host => "on the host".to_owned(),
        Netns::Named(name) => format!("in namespace {name}"),
    }
}

/// Everything that stands in the way of the desired state.
pub(super) fn find(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (netns, want) in &desired.namespaces {
        let have = observed.namespaces.get(netns);
        if let (Some(name), Some(have)) = (netns.name(), have)
            && have.owner.as_ref() != Some(&desired.lab)
        {
            let holder = Holder::of(have.owner.as_ref());
            found.push(Conflict::Netns {
                name: name.clone(),
                holder,
            });
            continue;
        }
        for dev in want.links.keys() {
            let end = End {
                netns: netns.clone(),
                dev: dev.clone(),
            };
            found.extend(link_conflict(desired, observed, end));
        }
        found.extend(external(want, have));
        found.extend(too_many_ports(want.links.values()));
    }
    found.extend(addresses(desired, observed));
    found.extend(routes(desired, observed));
    found.extend(diverted(desired, observed));
    found.extend(tables(desired, observed));
    found.extend(port::taken(desired, observed));
    found
}

fn link_conflict(desired: &NetState, observed: &NetState, end: End) -> Option<Conflict> {
    let (want, have) = (link(desired, &end)?, link(observed, &end)?);
    let made = want.owner.is_some() || want.peer().is_some();
    if !made || is_own(observed, &end, &desired.lab) {
        return None;
    }
    let holder = Holder::of(have.owner.as_ref());
    Some(Conflict::Link { end, holder })
}

/// Nothing is plugged into what only has the name of another lab's bridge.
fn external(want: &Namespace, have: Option<&Namespace>) -> Vec<Conflict> {
    let there = |bridge: &IfName, lab: &LabName| {
        let link = have.and_then(|have| have.links.get(bridge));
        link.is_some_and(|link| link.kind == LinkKind::Bridge && link.owner.as_ref() == Some(lab))
    };
    let gone = want.external.iter().filter(|(dev, lab)| !there(dev, lab));
    gone.map(|(bridge, lab)| Conflict::External {
        bridge: bridge.clone(),
        lab: lab.clone(),
    })
    .collect()
}

fn too_many_ports<'a>(links: impl Iterator<Item = &'a Link>) -> Vec<Conflict> {
    let mut ports: BTreeMap<&IfName, usize> = BTreeMap::new();
    for master in links.filter_map(|link| link.master.as_ref()) {
        *ports.entry(master).or_default() += 1;
    }
    let many = ports.into_iter().filter(|(_, ports)| *ports > BRIDGE_PORTS);
    many.map(|(bridge, ports)| Conflict::Ports {
        bridge: bridge.clone(),
        ports,
    })
    .collect()
}

/// The subnets that the lab puts on the host's devices must be nobody else's:
/// the host has one routing table.
fn addresses(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (dev, want) in host_addresses(desired) {
        for (on, have) in host_addresses(observed) {
            let overlap = want.contains(&have.addr()) || have.contains(&want.addr());
            if overlap && !is_own(observed, &on_host(on), &desired.lab) {
                found.push(Conflict::Address {
                    want: *want,
                    dev: dev.clone(),
                    have: *have,
                    on: on.clone(),
                    holder: holder(observed, on),
                });
            }
        }
    }
    found
}

/// Whose a device of the host is: the mark may be on its cable's other end.
fn holder(observed: &NetState, dev: &IfName) -> Holder {
    let near = link(observed, &on_host(dev));
    let far = near.and_then(|near| link(observed, near.peer()?));
    let mut owners = near.into_iter().chain(far);
    Holder::of(owners.find_map(|link| link.owner.as_ref()))
}

/// Devices on the lab's bridges that are not its own. They are in nobody's way and
/// stay where they are.
pub fn foreign_ports(observed: &NetState) -> Vec<End> {
    let Some(host) = observed.namespaces.get(&Netns::Host) else {
        return Vec::new();
    };
    let on_ours = |link: &Link| {
        let bridge = link
            .master
            .as_ref()
            .and_then(|bridge| host.links.get(bridge));
        bridge.is_some_and(|bridge| bridge.owner.as_ref() == Some(&observed.lab))
    };
    let ports = host.links.iter().filter(|(_, link)| on_ours(link));
    let ends = ports.map(|(dev, _)| on_host(dev));
    ends.filter(|end| holder(observed, &end.dev) == Holder::Foreign)
        .collect()
}

fn on_host(dev: &IfName) -> End {
    End {
        netns: Netns::Host,
        dev: dev.clone(),
    }
}

fn host_addresses(state: &NetState) -> impl Iterator<Item = (&IfName, &IpNet)> {
    let links = state
        .namespaces
        .get(&Netns::Host)
        .into_iter()
        .flat_map(|host| &host.links);
    links.flat_map(move |(dev, link)| {
        let routed = link.addresses.iter().filter(|a| !is_link_local(a));
        routed.map(move |address| (dev, address))
    })
}

/// A host route that the lab wants may replace only one over its own devices.
fn routes(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let (Some(want), Some(have)) = (
        desired.namespaces.get(&Netns::Host),
        observed.namespaces.get(&Netns::Host),
    ) else {
        return Vec::new();
    };
    let foreign = |route: &&Route| !is_own(observed, &on_host(&route.dev), &desired.lab);
    let clash = |route: &Route| {
        let same = |other: &&Route| other.to == route.to && other.metric == route.metric;
        have.routes
            .iter()
            .filter(same)
            .find(foreign)
            .map(|have| Conflict::Route {
                want: route.clone(),
                have: have.clone(),
                holder: holder(observed, &have.dev),
            })
    };
    let other = (want
        .routes
        .iter()
        .filter(|route| have.other_routes.contains(&route.to)))
    .map(|route| Conflict::OtherRoute { to: route.to });
    want.routes.iter().filter_map(clash).chain(other).collect()
}

/// The longest prefix wins, and of two equal ones the older route: such a route of
/// somebody else's would leave the lab's subnet without packets.
fn diverted(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let Some(host) = observed.namespaces.get(&Netns::Host) else {
        return Vec::new();
    };
    let foreign = |route: &&Route| !is_own(observed, &on_host(&route.dev), &desired.lab);
    let theirs = host.routes.iter().filter(foreign).map(|route| route.to);
    let theirs: Vec<IpNet> = theirs.chain(host.other_routes.iter().copied()).collect();
    let on_subnets = host_addresses(desired).flat_map(|(dev, want)| {
        let inside = theirs.iter().filter(|to| want.trunc().contains(*to));
        inside.map(|to| Conflict::Diverted {
            to: *to,
            subnet: want.trunc(),
            dev: dev.clone(),
        })
    });
    on_subnets.collect()
}

/// Tables of our name that are not ours, and what of ours another lab holds.
fn tables(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (netns, want) in &desired.namespaces {
        let have = observed.namespaces.get(netns);
        let have =
            have.filter(|have| *netns == Netns::Host || have.owner.as_ref() == Some(&desired.lab));
        for (name, want) in &want.tables {
            let have = have.and_then(|have| have.tables.get(name));
            match have {
                Some(have) if !have.ours => found.push(Conflict::Table {
                    netns: netns.clone(),
                    table: *name,
                }),
                Some(have) => found.extend(held(&desired.lab, want, have)),
                None => {}
            }
        }
    }
    found
}

fn held(lab: &LabName, want: &Table, have: &Table) -> Vec<Conflict> {
    let barred = |(set, element, _): (SetName, &Element, _)| {
        // Of ports it is told by the ports themselves.
        let set = Some(set).filter(|set| !set.is_of_ports())?;
        let (_, owner) = set.barring(have.sets.get(&set)?, element)?;
        let owner = owner.as_ref().filter(|owner| *owner != lab)?;
        Some(Conflict::Element {
            set,
            element: element.clone(),
            holder: Holder::Lab(owner.clone()),
        })
    };
    want.elements().filter_map(barred).collect()
}
