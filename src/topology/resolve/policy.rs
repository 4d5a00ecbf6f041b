//! Who may speak with whom, as elements of the firewall tables.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::cells::{Cell, elements};
use super::{forward_switch, forwarding};
use crate::state::{Family, NetState, Netns, Protocol, SetName, Table, TableName, is_link_local};
use crate::topology::policy::Meant;
use crate::topology::{Party, Permit, Ports, Topology, Traffic};

/// What the host forwards, and that it does.
pub(super) fn allowed(topology: &Topology, state: &mut NetState) {
    let mut cells = Cells::default();
    // What enters another lab's network is for that lab to say.
    let external = topology.external();
    let external = external.filter_map(|(name, _)| topology.networks.get(name));
    let beyond: Vec<IpNet> = external.flat_map(|of| of.subnets.clone()).collect();
    let overlap = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
    for allow in &topology.allow {
        let [from, to] = [&allow.from, &allow.to].map(|party| nets(topology, state, Some(party)));
        for from in &from {
            let entered = |to: &&IpNet| {
                Family::of(to) == Family::of(from) && !beyond.iter().any(|net| overlap(net, to))
            };
            for to in to.iter().filter(entered) {
                cells.add(&[*from, *to], &allow.traffic);
            }
        }
    }
    let Some(host) = state.namespaces.get_mut(&Netns::Host) else {
        return;
    };
    for net in cells.families() {
        host.sysctls
            .insert(forward_switch(&net), forwarding(&topology.lab));
    }
    if let Some(table) = host.tables.get_mut(&TableName::Inet) {
        cells.put(table, [SetName::Allow4, SetName::Allow6], topology);
    }
}

/// The table of each namespace that has a list. A direction without one is open.
pub(super) fn inside(topology: &Topology, state: &mut NetState) {
    for (netns, spec) in &topology.namespaces {
        if spec.egress.is_none() && spec.ingress.is_none() {
            continue;
        }
        let mut table = Table::skeleton(TableName::Inside);
        let egress = listed(topology, state, spec.egress.as_deref());
        egress.put(&mut table, [SetName::Egress4, SetName::Egress6], topology);
        let ingress = listed(topology, state, spec.ingress.as_deref());
        ingress.put(&mut table, [SetName::Ingress4, SetName::Ingress6], topology);
        if let Some(namespace) = state.namespaces.get_mut(netns) {
            namespace.tables.insert(table.name, table);
        }
    }
}

fn listed(topology: &Topology, state: &NetState, permits: Option<&[Permit]>) -> Cells {
    let open = [Permit {
        party: None,
        traffic: Traffic::Any,
    }];
    let mut cells = Cells::default();
    for permit in permits.unwrap_or(&open) {
        for net in nets(topology, state, permit.party.as_ref()) {
            cells.add(&[net], &permit.traffic);
        }
    }
    cells
}

/// What is permitted, by family.
#[derive(Default)]
struct Cells([Vec<Cell>; 2]);

impl Cells {
    fn add(&mut self, nets: &[IpNet], traffic: &Traffic) {
        let Some(family) = nets.first().map(Family::of) else {
            return;
        };
        let (protocol, ports) = words(traffic, family);
        let cells = ports.into_iter().map(|ports| Cell {
            nets: nets.to_vec(),
            protocol,
            ports,
        });
        self.0[family as usize].extend(cells);
    }

    /// A subnet of each family in which something is permitted.
    fn families(&self) -> Vec<IpNet> {
        let some = self.0.iter().flat_map(|cells| cells.first());
        some.flat_map(|cell| cell.nets.first().copied()).collect()
    }

    fn put(self, table: &mut Table, sets: [SetName; 2], topology: &Topology) {
        for (set, cells) in sets.into_iter().zip(self.0) {
            for element in elements(cells) {
                table.add(set, element, &topology.lab);
            }
        }
    }
}

/// The protocol in this family, and its ports: one that has none has them all.
fn words(traffic: &Traffic, family: Family) -> (Protocol, Vec<(u16, u16)>) {
    let none = Ports::default();
    let (protocol, ports) = match (traffic, family) {
        (Traffic::Any, _) => (Protocol::Any, &none),
        (Traffic::Icmp, Family::Ipv4) => (Protocol::Icmp, &none),
        (Traffic::Icmp, Family::Ipv6) => (Protocol::Icmpv6, &none),
        (Traffic::Tcp(ports), _) => (Protocol::Tcp, ports),
        (Traffic::Udp(ports), _) => (Protocol::Udp, ports),
        (Traffic::Sctp(ports), _) => (Protocol::Sctp, ports),
    };
    let ranges = ports
        .ranges
        .iter()
        .map(|range| (range.first(), range.last()));
    match ports.ranges.is_empty() {
        true => (protocol, vec![(0, u16::MAX)]),
        false => (protocol, ranges.collect()),
    }
}

/// The addresses of one side; `None`: all there are.
fn nets(topology: &Topology, state: &NetState, party: Option<&Party>) -> Vec<IpNet> {
    let name = match party {
        None => return vec![Ipv4Net::default().into(), Ipv6Net::default().into()],
        Some(Party::Subnet(net)) => return vec![*net],
        Some(Party::Named(name)) => name,
    };
    match topology.meant(name) {
        Meant::Network(_, network) => network.subnets.clone(),
        Meant::Namespace(netns) => {
            let addresses = addresses(state, &netns);
            addresses
                .filter(|net| !is_link_local(net))
                .map(|net| net.addr().into())
                .collect()
        }
        Meant::Both | Meant::Nothing => Vec::new(),
    }
}

/// What a namespace speaks from beyond itself.
pub(super) fn addresses<'s>(
    state: &'s NetState,
    netns: &Netns,
) -> impl Iterator<Item = &'s IpNet> + use<'s> {
    let links = state
        .namespaces
        .get(netns)
        .into_iter()
        .flat_map(|of| of.links.values());
    let addresses = links.flat_map(|link| &link.addresses);
    addresses.filter(|net| !net.addr().is_loopback())
}
