//! What must hold between the values of a topology: what the kernel would refuse,
//! and what cannot work. A topology need not come from a file to be checked.

mod address;
mod broadcast;
mod expect;
mod hidden;
mod interface;
mod link;
mod mtu;
mod nat;
mod netem;
mod network;
mod parent;
mod policy;
mod program;
mod publish;
mod rate;
mod route;
mod vlan;
mod wireguard;

use super::Topology;
use super::choose::choose;
use super::nearest::suggest;
use crate::ipam::Leases;
use crate::report::{Code, codes};
use crate::state::Netns;

/// How many unknown names are compared with those of the topology: to look for the
/// nearest of thousands of names, thousands of times, would take minutes.
const COMPARED: usize = 100;

/// Something that cannot be as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// What kind of mistake it is.
    pub code: &'static Code,
    /// The path of keys and list positions, as in `networks/lan/subnets/0`.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// A few words that stand beside the value.
    pub label: Option<String>,
    /// What to write instead, where more can be said than the code says.
    pub hint: Option<String>,
}

impl Flaw {
    fn new(code: &'static Code, place: impl Into<String>, message: impl Into<String>) -> Self {
        Flaw {
            code,
            place: place.into(),
            message: message.into(),
            label: None,
            hint: None,
        }
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What of the ports of namespaces on networks of other labs shows only once it is known what
/// these are like.
pub(super) fn unpublishable(topology: &Topology) -> Option<String> {
    topology.external().next()?;
    if topology
        .networks
        .values()
        .any(crate::topology::Network::is_unknown)
    {
        return None;
    }
    let mut flaws = Vec::new();
    publish::published(topology, &mut flaws);
    first(flaws)
}

/// The same of routers.
pub(super) fn unroutable(topology: &Topology) -> Option<String> {
    topology.external().next()?;
    let mut flaws = Vec::new();
    nat::routers(topology, &mut flaws);
    first(flaws)
}

fn first(flaws: Vec<Flaw>) -> Option<String> {
    let flaw = flaws.into_iter().next()?;
    Some(match flaw.label {
        Some(label) => format!("{}: {label}", flaw.message),
        None => flaw.message,
    })
}

/// Everything that is wrong with this topology.
pub fn check(topology: &Topology) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    // Whichever subnet is chosen, the same holds of it.
    let topology = &*topology.supposed();
    let chosen = choose(topology, &Leases::default(), &[]);
    let topology = chosen.as_deref().unwrap_or(topology);
    network::networks(topology, &mut flaws);
    link::links(topology, &mut flaws);
    interface::interfaces(topology, &mut flaws);
    parent::parents(topology, &mut flaws);
    vlan::vlans(topology, &mut flaws);
    wireguard::interfaces(topology, &mut flaws);
    address::addresses(topology, &mut flaws);
    // Routes and probes build on these: what would be said of them may be untrue.
    if !flaws.is_empty() {
        return flaws;
    }
    if let Err(none) = &chosen {
        let place = format!("networks/{}", none.network);
        return vec![Flaw::new(codes::NO_FREE_SUBNET, place, none.to_string())];
    }
    flaws.extend(nothing(topology));
    broadcast::broadcasts(topology, &mut flaws);
    route::routes(topology, &mut flaws);
    nat::routers(topology, &mut flaws);
    policy::permissions(topology, &mut flaws);
    publish::published(topology, &mut flaws);
    expect::expectations(topology, &mut flaws);
    program::programs(topology, &mut flaws);
    flaws
}

/// There is nothing of this name among those known.
fn unknown<'t>(
    place: String,
    (code, what, name): (&'static Code, &str, &str),
    known: impl Iterator<Item = &'t str> + Clone,
    flaws: &mut Vec<Flaw>,
) {
    let flaw = Flaw::new(code, place, format!("there is no {what} `{name}`"));
    let hint = (flaws.len() < COMPARED).then(|| suggest(name, &format!("the {what}s are"), known));
    flaws.push(Flaw { hint, ..flaw });
}

/// Whether a namespace is there; if not, one that is spelled almost alike is named.
fn has_namespace(topology: &Topology, netns: &Netns, place: &str, flaws: &mut Vec<Flaw>) -> bool {
    let there = *netns == Netns::Host || topology.namespaces.contains_key(netns);
    if !there {
        let known: Vec<String> = topology.namespaces.keys().map(Netns::to_string).collect();
        let known = known
            .iter()
            .map(String::as_str)
            .filter(|name| *name != "host")
            .chain(["host"]);
        let name = netns.to_string();
        let what = (codes::UNKNOWN_NAMESPACE, "namespace", name.as_str());
        unknown(place.to_owned(), what, known, flaws);
    }
    there
}

/// `up` would take it for a lab of which all is to go, and then there is no such lab.
fn nothing(topology: &Topology) -> Option<Flaw> {
    let Topology {
        lab,
        networks,
        namespaces,
        links,
        ..
    } = topology;
    let named = namespaces.keys().any(|netns| *netns != Netns::Host);
    if named || !networks.is_empty() || !links.is_empty() {
        return None;
    }
    let message = format!("lab `{lab}` has no namespace, network or link");
    let hint = format!("describe one; `netyard down {lab}` is what takes a lab down");
    Some(Flaw::new(codes::EMPTY_LAB, "lab", message).hint(hint))
}
