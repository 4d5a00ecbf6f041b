//! Published ports: each of the host leads into one namespace, and the answers come back
//! through the host.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Flaw;
use crate::report::codes;
use crate::state::{Family, Netns, NetworkName, Transport};
use crate::topology::front::FAMILIES;
use crate::topology::{Interface, Publish, Topology};

pub(super) fn published(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (netns, spec) in &topology.namespaces {
        let place = format!("namespaces/{netns}/publish");
        if *netns == Netns::Host && !spec.publish.is_empty() {
            let message = "the host's ports are its own";
            let flaw = Flaw::new(codes::HOST_LIMITS, place, message);
            flaws.push(flaw.hint("`publish` stands in the namespace that the ports lead into"));
            continue;
        }
        // What another lab's network is like shows when that is up: see `unpublishable`.
        if topology.is_on_unknown(netns) {
            continue;
        }
        // Of a thousand ports of one namespace the first tells what is wrong with it.
        let mut told = [false; 2];
        for (i, publish) in spec.publish.iter().enumerate() {
            let flaw = unreached(topology, netns, publish, &mut told);
            flaws.extend(flaw.map(|flaw| Flaw {
                place: format!("{place}/{i}"),
                ..flaw
            }));
        }
    }
    overlaps(topology, flaws);
}

fn unreached(
    topology: &Topology,
    netns: &Netns,
    publish: &Publish,
    told: &mut [bool; 2],
) -> Option<Flaw> {
    let wanted = FAMILIES
        .into_iter()
        .filter(|family| publish.is_for(*family));
    let fronts: Vec<_> = wanted
        .clone()
        .filter_map(|family| Some((family, topology.front(netns, family)?)))
        .collect();
    if fronts.is_empty() {
        let family = Some(wanted.clone()).filter(|all| all.clone().count() == 1);
        let family = family.and_then(|mut all| all.next());
        return (!std::mem::replace(&mut told[0], true)).then(|| no_front(topology, netns, family));
    }
    let astray = fronts.iter().find_map(|(family, front)| {
        let gateways = topology.networks.get(front.network)?.gateway_addresses();
        let via = topology.way_out(netns, *family);
        let home = via.is_some_and(|via| gateways.iter().any(|gateway| gateway.addr() == via));
        let home = home && !is_internal(topology, front.network);
        (!home).then_some((*family, front, gateways, via))
    });
    let (family, front, gateways, via) = astray?;
    if std::mem::replace(&mut told[1], true) {
        return None;
    }
    let name = name(family);
    let message = format!("what `{netns}` answers over {name} does not go back through the host");
    let flaw = Flaw::new(codes::NOT_PUBLISHABLE, "", message);
    if is_internal(topology, front.network) {
        let label = format!("network `{}` is internal, without a way out", front.network);
        let hint = "publish from a network that is not `internal`; the host itself reaches the namespace by its address";
        return Some(flaw.label(label).hint(hint));
    }
    let flaw = flaw.label(match via {
        Some(via) if topology.is_chosen(&via.into()) => {
            "its default route is on another network".to_owned()
        }
        Some(via) => format!("its default route is via `{via}`"),
        None => "it has no default route".to_owned(),
    });
    let near = gateways.iter().map(|gateway| gateway.addr());
    let mut near = near.filter(|gateway| front.subnet.contains(gateway));
    // Where the subnet is yet to be chosen, so is the host's address in it.
    let near = near.next().filter(|_| !topology.is_chosen(&front.subnet));
    let host = near.map_or("the host".to_owned(), |host| format!("`{host}`, the host"));
    let only = match (fronts.len(), family) {
        (1, _) => "",
        (_, Family::Ipv4) => "; or publish IPv6 alone with the address `[::]`",
        (_, Family::Ipv6) => "; or publish IPv4 alone with the address `0.0.0.0`",
    };
    let network = front.network;
    Some(flaw.hint(format!(
        "the default route is to be via {host} on network `{network}`{only}"
    )))
}

fn is_internal(topology: &Topology, network: &NetworkName) -> bool {
    let network = topology.networks.get(network);
    network.is_some_and(|network| network.internal)
}

fn name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

/// Why the host is no neighbour of the namespace on any network.
fn no_front(topology: &Topology, netns: &Netns, family: Option<Family>) -> Flaw {
    let what = family.map_or(String::new(), |family| format!("{} ", name(family)));
    let message = format!("`{netns}` has no {what}address to publish ports to");
    let spec = topology.namespaces.get(netns);
    let interfaces = spec.into_iter().flat_map(|spec| spec.interfaces.values());
    let mut networks = interfaces.filter_map(|i| Some((i, i.network.as_ref()?)));
    let flaw = Flaw::new(codes::NOT_PUBLISHABLE, "", message);
    let in_another = |i: &Interface| topology.network_of(i).is_some_and(|of| !i.hears(of));
    match networks.next() {
        None => flaw.label("it is on no network"),
        Some((interface, network)) if in_another(interface) => flaw.label(format!(
            "on network `{network}` it is not in the VLAN of the host"
        )),
        Some((_, network)) => flaw.label(format!(
            "on network `{network}` it shares no {what}subnet with the host"
        )),
    }
}

/// A published range: where it ends, and where it stands.
type End<'t> = (u16, &'t Netns, usize);

/// The ranges of one protocol and family as far as they were gone through, by first port:
/// the furthest of each address, and the furthest of all.
#[derive(Default)]
struct Taken<'t> {
    by_address: BTreeMap<Option<IpAddr>, End<'t>>,
    furthest: Option<End<'t>>,
}

impl<'t> Taken<'t> {
    /// The one that this overlaps. What is for every address overlaps with each.
    fn overlaps(&self, address: Option<IpAddr>, first: u16) -> Option<End<'t>> {
        let reaches = |end: &End<'t>| end.0 >= first;
        if address.is_none() {
            return self.furthest.filter(reaches);
        }
        let mut near = [None, address].into_iter();
        near.find_map(|at| self.by_address.get(&at).copied().filter(reaches))
    }

    fn take(&mut self, address: Option<IpAddr>, end: End<'t>) {
        let further = |there: Option<End<'t>>| there.is_none_or(|there| there.0 < end.0);
        if further(self.by_address.get(&address).copied()) {
            self.by_address.insert(address, end);
        }
        if further(self.furthest) {
            self.furthest = Some(end);
        }
    }
}

fn overlaps(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let mut all: Vec<(u16, &Netns, usize, &Publish)> = Vec::new();
    for (netns, spec) in &topology.namespaces {
        let published = spec.publish.iter().enumerate();
        all.extend(published.map(|(i, publish)| (publish.host().first(), netns, i, publish)));
    }
    all.sort_by_key(|(first, netns, i, _)| (*first, *netns, *i));
    let mut taken: BTreeMap<(Transport, Family), Taken<'_>> = BTreeMap::new();
    for (first, netns, i, publish) in all {
        let address = publish.address().filter(|own| !own.is_unspecified());
        // Of another lab's network it may have an address in either family.
        let unknown = topology.is_on_unknown(netns);
        let there = |family: &Family| unknown || topology.front(netns, *family).is_some();
        let families = FAMILIES.into_iter().filter(|f| publish.is_for(*f));
        let families: Vec<Family> = families.filter(there).collect();
        let key = |family: &Family| (publish.protocol(), *family);
        let mut met = families.iter().filter_map(|family| {
            let taken = taken.get(&key(family))?;
            taken.overlaps(address, first)
        });
        if let Some((_, other, j)) = met.next() {
            flaws.push(overlap(topology, (netns, i, publish), (other, j)));
        }
        for family in &families {
            let end = (publish.host().last(), netns, i);
            taken.entry(key(family)).or_default().take(address, end);
        }
    }
}

fn overlap(
    topology: &Topology,
    (netns, i, publish): (&Netns, usize, &Publish),
    (other, j): (&Netns, usize),
) -> Flaw {
    let (protocol, host) = (publish.protocol(), publish.host());
    let are = if host.count() == 1 { "port" } else { "ports" };
    let verb = if host.count() == 1 { "is" } else { "are" };
    let message = format!("{protocol} {are} {host} of the host {verb} published twice");
    let place = format!("namespaces/{netns}/publish/{i}");
    let flaw = Flaw::new(codes::PORTS_OVERLAP, place, message);
    let there = topology.namespaces.get(other);
    match there.and_then(|spec| spec.publish.get(j)) {
        Some(there) => flaw.label(format!("`{there}` of `{other}` has it too")),
        None => flaw,
    }
}
