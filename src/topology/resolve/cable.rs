//! Cables: from a namespace to a bridge, or from one namespace to another.

use ipnet::IpNet;

use super::{ResolveError, ipv6};
use crate::ipam::Leases;
use crate::state::{AddrGen, End, Link, LinkKind, NetState, Netns, NetworkName};
use crate::topology::{Cable, Interface, Network, Topology, port_name};

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
    let mtu = interface.mtu.or(network.mtu);
    let near = Link {
        mtu,
        master: Some(topology.bridge(name, network)),
        hairpin: topology.is_front(&end),
        isolated: interface.isolated,
        owner: Some(topology.lab.clone()),
        addrgen: Some(AddrGen::None),
        ..veth(&end)
    };
    let (mode, addresses) = ipv6(topology, &end, addresses(&end, interface, network, leased));
    let far = Link {
        mtu,
        mac: Some(topology.mac(&end, interface)),
        addrgen: Some(mode),
        addresses,
        ..veth(&port)
    };
    insert(state, port, near);
    insert(state, end, far);
    Ok(())
}

/// The addresses of the file, or those leased, in the order of the subnets.
fn addresses(end: &End, interface: &Interface, network: &Network, leased: &Leases) -> Vec<IpNet> {
    if !interface.addresses.is_empty() {
        return interface.addresses.clone();
    }
    let with_prefix = |subnet: &IpNet| {
        let address = leased.get(end, subnet)?;
        IpNet::new(address, subnet.prefix_len()).ok()
    };
    network.subnets.iter().filter_map(with_prefix).collect()
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
    let spec = topology.namespaces.get(&end.netns);
    let interface = spec.and_then(|spec| spec.interfaces.get(&end.dev));
    let interface = interface.cloned().unwrap_or_default();
    let (mode, addresses) = ipv6(topology, end, interface.addresses);
    Link {
        mtu: interface.mtu.or(cable.mtu),
        mac: interface.mac,
        addrgen: Some(mode),
        addresses,
        ..veth(peer)
    }
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

fn insert(state: &mut NetState, end: End, link: Link) {
    let namespace = state.namespaces.entry(end.netns).or_default();
    namespace.links.insert(end.dev, link);
}
