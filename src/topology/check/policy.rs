//! Permissions: each names sides that are there, that have a family in common, and
//! between which the rules are asked at all.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Flaw, unknown};
use crate::report::codes;
use crate::state::{Family, Netns, NetworkName};
use crate::topology::policy::Meant;
use crate::topology::{Allow, Party, Permit, Topology};

pub(super) fn permissions(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (i, allow) in topology.allow.iter().enumerate() {
        let place = format!("allow/{i}");
        let from = side(topology, &allow.from, format!("{place}/from"), flaws);
        let to = side(topology, &allow.to, format!("{place}/to"), flaws);
        if let (Some(from), Some(to)) = (from, to) {
            flaws.extend(forwarded(topology, allow, [&from, &to], &place));
        }
    }
    for (netns, spec) in &topology.namespaces {
        let lists = [
            ("egress", "to", &spec.egress),
            ("ingress", "from", &spec.ingress),
        ];
        for (list, key, permits) in lists {
            let place = format!("namespaces/{netns}/{list}");
            match permits {
                Some(_) if *netns == Netns::Host => flaws.push(on_host(list, place)),
                Some(permits) => own(topology, netns, permits, (&place, key), flaws),
                None => {}
            }
        }
    }
}

fn on_host(list: &str, place: String) -> Flaw {
    let message = format!("the host has no `{list}`");
    let flaw = Flaw::new(codes::HOST_LIMITS, place, message);
    flaw.hint("what the host itself says and hears is for its own firewall")
}

/// The permissions of a namespace.
fn own(
    topology: &Topology,
    netns: &Netns,
    permits: &[Permit],
    (place, key): (&str, &str),
    flaws: &mut Vec<Flaw>,
) {
    let here = Side {
        name: format!("`{netns}`"),
        nets: nets(topology, netns),
        networks: BTreeSet::new(),
    };
    for (i, permit) in permits.iter().enumerate() {
        let place = format!("{place}/{i}/{key}");
        let party = permit.party.as_ref();
        let there = party.and_then(|party| side(topology, party, place.clone(), flaws));
        flaws.extend(there.and_then(|there| families([&here, &there], &place)));
    }
}

/// A side of a permission, as far as the file says it.
struct Side<'t> {
    /// For messages.
    name: String,
    /// Where it has addresses.
    nets: Vec<IpNet>,
    /// The lab's own networks that it is on: what is forwarded for others is in their labs' files.
    networks: BTreeSet<&'t NetworkName>,
}

impl Side<'_> {
    fn has(&self, family: Family) -> bool {
        self.nets.iter().any(|net| Family::of(net) == family)
    }
}

fn nets(topology: &Topology, netns: &Netns) -> Vec<IpNet> {
    let nets = topology.device_nets(netns);
    nets.into_iter().map(|of| of.net).collect()
}

fn side<'t>(
    topology: &'t Topology,
    party: &Party,
    place: String,
    flaws: &mut Vec<Flaw>,
) -> Option<Side<'t>> {
    let before = flaws.len();
    let nets = match party {
        Party::Subnet(net) => {
            flaws.extend(host_bits(net, &place));
            vec![*net]
        }
        Party::Named(name) => match topology.meant(name) {
            Meant::Network(_, network) => network.subnets.clone(),
            Meant::Namespace(netns) => nets(topology, &netns),
            Meant::Both => {
                let message = format!("`{name}` is a network and a namespace");
                flaws.push(Flaw::new(codes::AMBIGUOUS_NAME, place.clone(), message));
                return None;
            }
            Meant::Nothing => {
                nobody(topology, name.as_str(), place, flaws);
                return None;
            }
        },
    };
    let name = format!("`{party}`");
    if nets.is_empty() {
        let message = format!("{name} has no address");
        flaws.push(Flaw::new(codes::FAMILIES_DIFFER, place, message));
    }
    let mut networks = topology.networks_of(party);
    networks.retain(|name| topology.own_networks().any(|(own, _)| own == *name));
    let side = Side {
        name,
        nets,
        networks,
    };
    (flaws.len() == before).then_some(side)
}

fn nobody(topology: &Topology, name: &str, place: String, flaws: &mut Vec<Flaw>) {
    let networks = topology.networks.keys().map(NetworkName::as_str);
    let namespaces = topology.namespaces.keys().filter_map(Netns::made);
    let known = networks.chain(namespaces.map(|name| name.as_str()));
    let what = (codes::UNKNOWN_PARTY, "network or namespace", name);
    unknown(place, what, known, flaws);
}

fn host_bits(net: &IpNet, place: &str) -> Option<Flaw> {
    let message = format!("`{net}` is an address in a subnet, not a subnet");
    let flaw = Flaw::new(codes::HOST_BITS, place, message);
    let hint = format!(
        "write `{}`, or `{}` for the one address",
        net.trunc(),
        net.addr()
    );
    (net.trunc() != *net).then(|| flaw.hint(hint))
}

/// Whether the host would be asked to forward it.
fn forwarded(
    topology: &Topology,
    allow: &Allow,
    sides: [&Side<'_>; 2],
    place: &str,
) -> Option<Flaw> {
    let [from, to] = sides;
    for (party, key) in [(&allow.from, "from"), (&allow.to, "to")] {
        if matches!(party, Party::Named(name) if name.as_str() == "host") {
            let message = "the host does not forward what is its own";
            let flaw = Flaw::new(codes::NOT_FORWARDED, format!("{place}/{key}"), message);
            return Some(flaw.hint("the host and its networks reach each other in any case"));
        }
    }
    if from.networks.is_empty() && to.networks.is_empty() {
        let message = format!(
            "neither {} nor {} is on a network of the lab",
            from.name, to.name
        );
        let flaw = Flaw::new(codes::NOT_FORWARDED, place, message);
        return Some(flaw.hint("what the host forwards between others is not this lab's affair"));
    }
    if let Party::Named(name) = &allow.to
        && let Meant::Network(_, network) = topology.meant(name)
        && let Some(lab) = &network.external
    {
        let message = format!("{} is a network of lab `{lab}`", to.name);
        let flaw = Flaw::new(codes::NOT_FORWARDED, format!("{place}/to"), message);
        return Some(flaw.hint("what enters it is said in that lab's file"));
    }
    // Who is on several networks may be meant on the other one.
    if from.networks.len() == 1 && from.networks == to.networks {
        let name = from.networks.first()?;
        let message = format!("{} and {} are on one network", from.name, to.name);
        let flaw = Flaw::new(codes::NOT_FORWARDED, place, message);
        return Some(flaw.label(format!("on `{name}` all reach each other")));
    }
    families(sides, &format!("{place}/to"))
        .or_else(|| beyond(topology, sides, place))
        .or_else(|| {
            sides
                .into_iter()
                .find_map(|side| no_gateway(topology, side, place))
        })
}

fn families([one, other]: [&Side<'_>; 2], place: &str) -> Option<Flaw> {
    let common = |family| one.has(family) && other.has(family);
    // Where a switch knows no addresses, they may be given later.
    if one.nets.is_empty() || common(Family::Ipv4) || common(Family::Ipv6) {
        return None;
    }
    let only = |side: &Side<'_>| {
        let family = if side.has(Family::Ipv4) {
            "IPv4"
        } else {
            "IPv6"
        };
        format!("{} has only {family}", side.name)
    };
    let message = format!("{}, {}", only(one), only(other));
    Some(Flaw::new(codes::FAMILIES_DIFFER, place, message))
}

/// An internal network speaks with networks of the lab alone.
fn beyond(topology: &Topology, [from, to]: [&Side<'_>; 2], place: &str) -> Option<Flaw> {
    let internal = |name: &NetworkName| topology.networks.get(name).is_some_and(|n| n.internal);
    for (inside, outside) in [(from, to), (to, from)] {
        let all = !inside.networks.is_empty() && inside.networks.iter().all(|n| internal(n));
        if all && outside.networks.is_empty() {
            let name = inside.networks.first()?;
            let message = format!(
                "network `{name}` is internal, and {} is no part of the lab's networks",
                outside.name
            );
            return Some(Flaw::new(codes::INTERNAL_NETWORK, place, message));
        }
    }
    None
}

fn no_gateway(topology: &Topology, side: &Side<'_>, place: &str) -> Option<Flaw> {
    let reached = |name: &NetworkName| {
        let network = topology.networks.get(name);
        network.is_some_and(|network| !network.gateway_addresses().is_empty())
    };
    if side.networks.is_empty() || side.networks.iter().any(|name| reached(name)) {
        return None;
    }
    let name = side.networks.first()?;
    let message = format!("the host is not the gateway of network `{name}`");
    let flaw = Flaw::new(codes::NOT_FORWARDED, place, message);
    let flaw = flaw.label(format!("{} sends nothing through the host", side.name));
    Some(flaw.hint("leave `gateway: none` out"))
}
