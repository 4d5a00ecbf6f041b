//! Cables: from a namespace to a bridge or to the host, or from one namespace to another.

use ipnet::IpNet;

use super::{ResolveError, ipv6, routed};
use crate::ipam::Leases;
use crate::state::{
    AddrGen, Conditions, End, Filtering, IfName, Link, LinkKind, NetState, Netns, NetworkName,
    Qdisc, Tbf, VlanId, Vlans,
};
use crate::topology::names::address_mac;
use crate::topology::{Cable, Interface, Limit, Network, Topology, port_name, vlan};

/// The MTU of a device that is given none (`ETH_DATA_LEN`).
const ETHERNET: u32 = 1500;

/// The VLAN of a network, whose bridge is there already if it is this lab's.
fn vlan_of(state: &NetState, bridge: &IfName, network: &Network) -> Option<VlanId> {
    let host = state.namespaces.get(&Netns::Host);
    let bridge = host.and_then(|host| host.links.get(bridge));
    let filters = bridge.is_some_and(|bridge| bridge.filtering == Filtering::STRICT);
    network.vlan.or_else(|| filters.then_some(VlanId::USUAL))
}

/// Plugs an interface into its network: a port of the bridge on the host, and
/// the interface in its namespace.
pub(super) fn plug(
    topology: &Topology,
    state: &mut NetState,
    (end, interface): (End, &Interface),
    name: &NetworkName,
    leased: &Leases,
) -> Result<(), ResolveError> {
    let network = topology.networks.get(name);
    let network = network.ok_or_else(|| ResolveError::UnknownNetwork {
        network: name.clone(),
        end: Box::new(end.clone()),
    })?;
    let port = End {
        netns: Netns::Host,
        dev: port_name(&end.netns, &end.dev),
    };
    let bridge = topology.bridge(name, network);
    let vlans = match vlan_of(state, &bridge, network).filter(|_| !network.routed) {
        Some(vlan) => vlan::of_port(interface, vlan),
        None if interface.names_vlans() => {
            return Err(ResolveError::NoVlans {
                network: name.clone(),
                end: Box::new(end),
            });
        }
        None => Vlans::default(),
    };
    let mtu = interface.mtu.or(network.mtu);
    let near = Link {
        mtu,
        owner: Some(topology.lab.clone()),
        addrgen: Some(AddrGen::None),
        qdisc: queue(interface.limits.received, interface.netem.received, mtu),
        ..veth(&end)
    };
    let mut addresses = addresses(&end, interface, network, leased);
    let near = match network.routed {
        true => {
            addresses = addresses.into_iter().map(routed::alone).collect();
            routed::lead(state, &port, &addresses);
            routed::port(topology, &port, (name, network), near)
        }
        false => Link {
            master: Some(bridge),
            hairpin: interface.hairpin || topology.is_front(&end),
            isolated: interface.isolated,
            vlans,
            ..near
        },
    };
    // Neighbours remember by which hardware address they reach one. Who comes to another lab's
    // network may get what somebody else has just had.
    let inherited = network.external.as_ref().zip(addresses.first());
    let inherited = inherited.map(|(lab, address)| address_mac(lab, address.addr()));
    let mac = interface.mac.or(inherited);
    let mac = mac.unwrap_or_else(|| topology.mac(&end, interface));
    let (mode, addresses) = ipv6(topology, &end, addresses);
    let far = Link {
        mtu,
        mac: Some(mac),
        addrgen: Some(mode),
        addresses,
        qdisc: queue(interface.limits.sent, interface.netem.sent, mtu),
        ..veth(&port)
    };
    insert(state, port, near);
    insert(state, end, far);
    Ok(())
}

/// The addresses of the file, and those leased, in the order of the subnets.
fn addresses(end: &End, interface: &Interface, network: &Network, leased: &Leases) -> Vec<IpNet> {
    let with_prefix = |subnet: &IpNet| {
        let address = leased.get(end, subnet)?;
        IpNet::new(address, subnet.prefix_len()).ok()
    };
    let leased = interface.wished(network);
    let leased = leased.iter().filter_map(with_prefix);
    let named = interface.addresses.iter().copied();
    named.chain(leased).collect()
}

/// A link of the file: both ends, each with the other as peer.
pub(super) fn connect(topology: &Topology, state: &mut NetState, cable: &Cable) {
    let [first, second] = &cable.endpoints;
    // One end carries the mark: with it the kernel deletes the other
    // (veth_dellink, drivers/net/veth.c).
    let near = Link {
        owner: Some(topology.lab.clone()),
        ..end_of(topology, cable, first, second)
    };
    let far = end_of(topology, cable, second, first);
    insert(state, first.clone(), near);
    insert(state, second.clone(), far);
}

/// One end of a link.
fn end_of(topology: &Topology, cable: &Cable, end: &End, peer: &End) -> Link {
    let interface = |end: &End| {
        let spec = topology.namespaces.get(&end.netns);
        let interface = spec.and_then(|spec| spec.interfaces.get(&end.dev));
        interface.cloned().unwrap_or_default()
    };
    let (far, interface) = (interface(peer), interface(end));
    let (mode, addresses) = ipv6(topology, end, interface.addresses);
    let mtu = interface.mtu.or(cable.mtu);
    let limits = [interface.limits.sent, far.limits.received];
    // That one of them says it has been checked.
    let asked = [interface.netem.sent, far.netem.received, cable.netem];
    Link {
        mtu,
        qdisc: queue(
            limits.into_iter().flatten(),
            asked.into_iter().flatten().next(),
            mtu,
        ),
        mac: interface.mac,
        addrgen: Some(mode),
        addresses,
        ..veth(peer)
    }
}

/// What the end of a cable sends through. Of several limits all hold: the lowest does. What
/// delays packets, or loses some, keeps the rate, too.
pub(super) fn queue(
    limits: impl IntoIterator<Item = Limit>,
    asked: Option<Conditions>,
    mtu: Option<u32>,
) -> Option<Qdisc> {
    let mtu = mtu.unwrap_or(ETHERNET);
    let asked = asked.unwrap_or_default();
    let (rate, burst) = (asked.rate, None);
    let limits = limits
        .into_iter()
        .chain(rate.map(|rate| Limit { rate, burst }));
    let all = limits.map(|limit| Tbf::new(limit.rate, limit.burst, mtu));
    let slowest = all.min();
    if asked.is_rate_alone() {
        return slowest.map(Qdisc::Tbf);
    }
    let rate = slowest.map(|tbf| tbf.rate);
    Conditions { rate, ..asked }.qdisc(mtu)
}

/// One end of a cable, up.
fn veth(peer: &End) -> Link {
    Link {
        up: true,
        ..Link::new(LinkKind::Veth {
            peer: Some(peer.clone()),
        })
    }
}

pub(super) fn insert(state: &mut NetState, end: End, link: Link) {
    let namespace = state.namespaces.entry(end.netns).or_default();
    namespace.links.insert(end.dev, link);
}
