//! From a [`Topology`] and the leases held so far to the state that the kernel
//! shall have. Everything that the file leaves open is decided here.

mod addresses;
mod cable;
mod cells;
mod child;
mod host;
mod nat;
mod policy;
mod ports;
mod publish;
mod routed;
mod routes;
mod wireguard;

use std::net::IpAddr;

use ipnet::IpNet;

pub(super) use routed::alone;

use super::Topology;
use super::check::{unpublishable, unroutable};
use super::choose::{NoFreeSubnet, choose};
use super::names::{link_local, loopback};
use crate::ipam::{Full, Leases};
use crate::report::{Code, codes};
use crate::state::{
    AddrGen, End, Family, LabName, Link, LinkKind, Namespace, NetState, Netns, NetworkName, Sysctl,
    SysctlKey, is_link_local,
};

/// Why a topology cannot become a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A subnet has no address left.
    #[error("subnet {subnet} of network {network} has no free address for {end}")]
    Exhausted {
        /// The network.
        network: NetworkName,
        /// Its subnet.
        subnet: IpNet,
        /// The interface that needed an address.
        end: Box<End>,
        /// Who has those that there are.
        full: Box<Full>,
    },
    /// A network's subnet is to be chosen, and none is free.
    #[error(transparent)]
    NoFreeSubnet(#[from] Box<NoFreeSubnet>),
    /// An address that the file names is held by another lab on the network.
    #[error("address {address} is held by another lab on the network")]
    Held {
        /// The address.
        address: IpNet,
    },
    /// An address that the file gives on another lab's network lies elsewhere.
    #[error("address {address} of {end} lies in no subnet of network {network}")]
    NotInside {
        /// The address.
        address: IpNet,
        /// Whose it is.
        end: Box<End>,
        /// The network.
        network: NetworkName,
    },
    /// An address that the file gives on another lab's network is not to be given.
    #[error("address {address} of {end} is kept back by the lab that has network {network}")]
    KeptBack {
        /// The address.
        address: IpNet,
        /// Whose it is.
        end: Box<End>,
        /// The network.
        network: NetworkName,
    },
    /// The lab whose network is named is not up.
    #[error("network {network} is one of lab `{lab}`, which is not up on this host")]
    ExternalLab {
        /// The network.
        network: NetworkName,
        /// Its lab.
        lab: LabName,
    },
    /// A namespace on another lab's network publishes ports that nobody could reach.
    #[error("{message}")]
    NotPublishable {
        /// What is wrong with it.
        message: String,
    },
    /// A router on another lab's network has no way out there, or no address.
    #[error("{message}")]
    NoRouter {
        /// What is wrong with it.
        message: String,
    },
    /// The lab whose network is named has none of this name.
    #[error("lab `{lab}` has no network {network} of its own")]
    ExternalNetwork {
        /// The network.
        network: NetworkName,
        /// The lab.
        lab: LabName,
    },
    /// An interface on another lab's network names VLANs, which that one does not tell apart.
    #[error("{end} names VLANs, which the switch of network {network} does not tell apart")]
    NoVlans {
        /// The network.
        network: NetworkName,
        /// The interface.
        end: Box<End>,
    },
    /// The lab whose network is named is on a network of this one.
    #[error("lab `{lab}`, whose network {network} is named, is on a network of this lab")]
    ExternalCircle {
        /// The network.
        network: NetworkName,
        /// Its lab.
        lab: LabName,
    },
    /// An interface names a network that is not there.
    #[error("{end} is plugged into network {network}, which is not described")]
    UnknownNetwork {
        /// The network.
        network: NetworkName,
        /// The interface.
        end: Box<End>,
    },
    /// No interface of a namespace has an address in the subnet of a next hop.
    #[error("no interface of {netns} lies in a subnet with {via}")]
    Unreachable {
        /// The namespace.
        netns: Netns,
        /// The next hop.
        via: IpAddr,
    },
}

impl ResolveError {
    /// What kind of error it is.
    pub fn code(&self) -> &'static Code {
        match self {
            ResolveError::Exhausted { .. } => codes::SUBNET_FULL,
            ResolveError::NoFreeSubnet(_) => codes::NO_FREE_SUBNET,
            ResolveError::Held { .. } => codes::ADDRESS_HELD,
            ResolveError::KeptBack { .. } => codes::ADDRESS_CLOSED,
            ResolveError::NotInside { .. } => codes::ADDRESS_OUTSIDE,
            ResolveError::ExternalLab { .. } => codes::EXTERNAL_LAB,
            ResolveError::NotPublishable { .. } => codes::NOT_PUBLISHABLE,
            ResolveError::NoRouter { .. } => codes::BAD_NAT,
            ResolveError::ExternalNetwork { .. } => codes::EXTERNAL_NETWORK,
            ResolveError::NoVlans { .. } => codes::EXTERNAL_VLANS,
            ResolveError::ExternalCircle { .. } => codes::EXTERNAL_CIRCLE,
            ResolveError::UnknownNetwork { .. } => codes::UNKNOWN_NETWORK,
            ResolveError::Unreachable { .. } => codes::NEXT_HOP_UNREACHABLE,
        }
    }
}

/// The state that a topology asks for, and the leases that are then in use. An
/// interface keeps the address that it has a lease for while that is still free. Where
/// a subnet is left open and [`choose()`] was not asked, nothing is in the way of one.
pub fn resolve(topology: &Topology, leases: &Leases) -> Result<(NetState, Leases), ResolveError> {
    let topology = &*choose(topology, leases, &[]).map_err(Box::new)?;
    if let Some(message) = unpublishable(topology) {
        return Err(ResolveError::NotPublishable { message });
    }
    if let Some(message) = unroutable(topology) {
        return Err(ResolveError::NoRouter { message });
    }
    let leased = addresses::lease(topology, leases)?;
    let mut state = NetState::empty(topology.lab.clone());
    for netns in topology.namespaces.keys().filter(|n| **n != Netns::Host) {
        let namespace = named_namespace(topology, netns);
        state.namespaces.insert(netns.clone(), namespace);
    }
    host::bridges(topology, &mut state);
    for (netns, dev, interface) in topology.interfaces() {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        if let Some(spec) = &interface.wireguard {
            wireguard::tunnel(topology, &mut state, (end, interface), spec);
        } else if let Some(on) = &interface.on {
            child::carry(topology, &mut state, (end, interface), on);
        } else if let Some(network) = &interface.network {
            cable::plug(topology, &mut state, (end, interface), network, &leased)?;
        }
    }
    for link in &topology.links {
        cable::connect(topology, &mut state, link);
    }
    routes::routes(topology, &mut state)?;
    host::firewall(topology, &mut state);
    ports::checked(topology, &mut state);
    policy::allowed(topology, &mut state);
    policy::inside(topology, &mut state);
    nat::routers(topology, &mut state);
    publish::published(topology, &mut state);
    // What other labs hold is theirs to switch.
    for family in topology.forwarded_for() {
        if let Some(host) = state.namespaces.get_mut(&Netns::Host) {
            host.sysctls.retain(|key, _| *key != forward(family));
        }
    }
    Ok((state, leased))
}

/// A namespace with nothing but `lo`.
fn named_namespace(topology: &Topology, netns: &Netns) -> Namespace {
    let mut namespace = Namespace {
        owner: Some(topology.lab.clone()),
        ..Namespace::default()
    };
    let lo = loopback();
    let spec = topology.namespaces.get(netns);
    let given = spec.and_then(|spec| spec.interfaces.get(&lo));
    let link = Link {
        up: true,
        addresses: given.map(|lo| lo.addresses.clone()).unwrap_or_default(),
        ..Link::new(LinkKind::Loopback)
    };
    namespace.links.insert(lo, link);
    if spec.is_some_and(|spec| spec.forward) {
        // On a kernel without IPv6 there is no such setting.
        for of in topology.device_nets(netns) {
            let switch = forward_switch(&of.net);
            namespace.sysctls.insert(switch, forwarding(&topology.lab));
        }
    }
    namespace
}

/// The switch that lets packets of a subnet's family pass.
fn forward_switch(subnet: &IpNet) -> SysctlKey {
    forward(Family::of(subnet))
}

/// The switch that lets packets of a family pass.
pub(super) fn forward(family: Family) -> SysctlKey {
    match family {
        Family::Ipv4 => SysctlKey::forward4(),
        Family::Ipv6 => SysctlKey::forward6(),
    }
}

/// Forwarding as this lab wants it; what it was before is for the planner to see.
fn forwarding(lab: &LabName) -> Sysctl {
    Sysctl {
        holders: [lab.clone()].into(),
        ..Sysctl::new("1")
    }
}

/// How a device gets its IPv6 link-local address, and all its addresses.
///
/// A device of the host is silent on IPv6 unless it has an IPv6 address: each port
/// of a bridge that made a link-local address would be heard by all the others. A
/// router looks for neighbours from its link-local address (`ndisc_solicit`,
/// net/ipv6/ndisc.c), which the kernel would first spend a second or two on
/// checking (RFC 4862, 5.4): where packets are forwarded it is given, like the rest.
/// One that the file gives is the only one.
fn ipv6(topology: &Topology, end: &End, mut addresses: Vec<IpNet>) -> (AddrGen, Vec<IpNet>) {
    let host = end.netns == Netns::Host;
    let speaks = addresses.iter().any(|net| matches!(net, IpNet::V6(_)));
    let spec = topology.namespaces.get(&end.netns);
    let forwards = host || spec.is_some_and(|spec| spec.forward);
    if addresses.iter().any(is_link_local) {
        return (AddrGen::None, addresses);
    }
    if speaks && forwards {
        addresses.push(link_local(&topology.lab, end));
        return (AddrGen::None, addresses);
    }
    let mode = if host { AddrGen::None } else { AddrGen::Eui64 };
    (mode, addresses)
}
