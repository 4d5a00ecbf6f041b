//! What a lab needs and someone else holds. Nothing foreign is ever adopted,
//! changed or removed; the error names the holder.

mod address;
mod bridge;
mod join;
mod parent;
mod port;
mod route;
mod tunnel;

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;

pub use bridge::foreign_ports;
pub use parent::Unfit;
pub use port::Taker;

use super::{is_own, is_whole};
use crate::state::{
    ChildKind, Element, End, Feature, IfName, LabName, NetState, Netns, NetnsName, NetnsPath, Part,
    Published, Route, SetName, Table, TableName, Unjoinable, is_link_local,
};

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
    /// The name of a device is another one's, beside its own.
    #[error("device {of} {} is called {}, too", place(&end.netns), end.dev)]
    AltName {
        /// The lab's device.
        end: End,
        /// The other.
        of: IfName,
    },
    /// At a path there is no namespace to join.
    #[error("{}", join::sentence(path, why))]
    Unjoinable {
        /// The path.
        path: NetnsPath,
        /// Why.
        why: Unjoinable,
    },
    /// The namespace that the lab has joined is not there any more.
    #[error("the namespace that was joined at {path} is gone{}", join::instead(*another))]
    Gone {
        /// Where it was.
        path: NetnsPath,
        /// Whether another is there by now.
        another: bool,
    },
    /// An address or its subnet is in use where the lab wants it.
    #[error("{want} for {dev} overlaps {have} of {}: {holder}", device(netns, on))]
    Address {
        /// Where.
        netns: Netns,
        /// The address that the lab wants.
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
    /// There is a route to this destination already.
    #[error("{} has a route to {} already, {have}: {holder}", whole(netns), want.to)]
    Route {
        /// Where.
        netns: Netns,
        /// The lab's route.
        want: Route,
        /// The other.
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
    /// There is another kind of route (multipath, blackhole) to this destination.
    #[error(
        "{} has a route to {to} already, over several devices or none",
        whole(netns)
    )]
    OtherRoute {
        /// Where.
        netns: Netns,
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
    #[error("{} is in use already: {holder}", subject(*set, element))]
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
    /// The kernel lacks what the file asks for.
    #[error("this kernel has no {}, {}", .0.words().0, .0.words().1)]
    Lacks(Feature),
    /// A device of the host cannot carry what the lab wants on it.
    #[error("{end} ({kind}) is to be on {parent} of the host: {why}")]
    Parent {
        /// What the lab wants.
        end: End,
        /// What it is.
        kind: ChildKind,
        /// The device of the host.
        parent: IfName,
        /// Why it cannot.
        why: Unfit,
    },
    /// The kernel has no such devices.
    #[error("this kernel cannot make {kind} devices, as {end} is to be")]
    UnknownKind {
        /// What the lab wants.
        end: End,
        /// What it is, by the kernel's word.
        kind: &'static str,
    },
    /// More devices on a bridge than the kernel takes.
    #[error(
        "bridge {bridge} would have {ports} ports: the kernel takes at most {}",
        bridge::PORTS
    )]
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
        Netns::At(_) | Netns::Named(_) => format!("in namespace {netns}"),
    }
}

fn whole(netns: &Netns) -> String {
    match netns {
        Netns::Host => "the host".to_owned(),
        Netns::At(_) | Netns::Named(_) => format!("namespace {netns}"),
    }
}

fn device(netns: &Netns, dev: &IfName) -> String {
    match netns {
        Netns::Host => format!("the host's device {dev}"),
        Netns::At(_) | Netns::Named(_) => format!("device {dev} {}", place(netns)),
    }
}

/// Everything that stands in the way of the desired state.
pub(super) fn find(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (netns, want) in &desired.namespaces {
        let have = observed.namespaces.get(netns);
        if let Some(path) = netns.joined()
            && let Some(conflict) = join::conflict(path, want, have, observed)
        {
            found.push(conflict);
            continue;
        }
        if let (Some(name), Some(have)) = (netns.made(), have)
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
        found.extend(bridge::external(want, have));
        found.extend(bridge::too_many_ports(want.links.values()));
    }
    found.extend(parent::unfit(desired, observed));
    found.extend(tunnel::unknown(desired, observed));
    found.extend(address::taken(desired, observed));
    found.extend(route::taken(desired, observed));
    found.extend(route::diverted(desired, observed));
    found.extend(tables(desired, observed));
    found.extend(port::taken(desired, observed));
    found.extend(observed.lacks.iter().copied().map(Conflict::Lacks));
    once(&mut found);
    found
}

/// Of several elements about one device or subnet one is told, and none where that is told
/// itself.
fn once(found: &mut Vec<Conflict>) {
    let mut told = BTreeSet::new();
    found.retain(|one| {
        let about = match one {
            Conflict::Link { end, .. } => Some(Part::Device(end.dev.clone())),
            Conflict::Address { want, .. } => Some(Part::Net(want.trunc())),
            Conflict::Element { element, .. } => about(element).cloned(),
            _ => None,
        };
        let new = about.is_none_or(|about| told.insert((about, one.lab().cloned())));
        new || !matches!(one, Conflict::Element { .. })
    });
}

/// The device or subnet that an element is about.
fn about(element: &Element) -> Option<&Part> {
    element.key.iter().find(|part| match part {
        Part::Device(_) => true,
        Part::Net(net) => net.prefix_len() > 0,
        _ => false,
    })
}

/// What an element keeps from others, in words.
pub(super) fn subject(set: SetName, element: &Element) -> String {
    match about(element) {
        Some(Part::Device(dev)) => format!("device {dev}"),
        Some(Part::Net(net)) if net.prefix_len() == net.max_prefix_len() => {
            format!("address {}", net.addr())
        }
        Some(Part::Net(net)) => format!("subnet {net}"),
        _ => format!("{element} of the nft set {}", set.as_str()),
    }
}

fn link_conflict(desired: &NetState, observed: &NetState, end: End) -> Option<Conflict> {
    let want = desired.link(&end)?;
    let made = want.owner.is_some() || want.peer().is_some();
    if observed.link(&end).is_none() {
        let there = observed.namespaces.get(&end.netns)?;
        let of = there.altnames.get(&end.dev).filter(|_| made)?.clone();
        return Some(Conflict::AltName { end, of });
    }
    if !made || is_own(observed, &end, &desired.lab) {
        return None;
    }
    let holder = holder(observed, &end);
    Some(Conflict::Link { end, holder })
}

/// Whose a device is: the mark may be on its cable's other end.
fn holder(observed: &NetState, end: &End) -> Holder {
    let near = observed.link(end);
    let far = near.and_then(|near| observed.link(near.peer()?));
    let mut owners = near.into_iter().chain(far);
    Holder::of(owners.find_map(|link| link.owner.as_ref()))
}

fn at(netns: &Netns, dev: &IfName) -> End {
    End {
        netns: netns.clone(),
        dev: dev.clone(),
    }
}

/// The addresses of a namespace that routes come with.
fn routed<'s>(
    state: &'s NetState,
    netns: &Netns,
) -> impl Iterator<Item = (&'s IfName, &'s IpNet)> + use<'s> {
    let here = state.namespaces.get(netns);
    let links = here.into_iter().flat_map(|here| &here.links);
    links.flat_map(move |(dev, link)| {
        let routed = link.addresses.iter().filter(|a| !is_link_local(a));
        routed.map(move |address| (dev, address))
    })
}

/// Tables of our name that are not ours, and what of ours another lab holds.
fn tables(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (netns, want) in &desired.namespaces {
        let have = observed.namespaces.get(netns);
        let have =
            have.filter(|have| !is_whole(netns) || have.owner.as_ref() == Some(&desired.lab));
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
