//! Which subnets a device lies in, as far as the file says it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::names::bridge_name;
use super::{Gateway, Interface, Network, Topology};
use crate::ipam::{first_host, is_host};
use crate::state::{IfName, Netns, NetworkName};

impl Network {
    /// The host's addresses on the bridge with their subnets' prefix lengths, in
    /// the order of the subnets.
    pub fn gateway_addresses(&self) -> Vec<IpNet> {
        let in_subnet = |subnet: &IpNet| -> Vec<IpAddr> {
            match &self.gateway {
                Gateway::First => vec![first_host(subnet)],
                Gateway::None => Vec::new(),
                Gateway::Addresses(all) => {
                    all.iter().copied().filter(|a| subnet.contains(a)).collect()
                }
            }
        };
        let with_prefix = |subnet: &IpNet| -> Vec<IpNet> {
            let prefix = |address| IpNet::new(address, subnet.prefix_len()).ok();
            in_subnet(subnet).into_iter().filter_map(prefix).collect()
        };
        self.subnets.iter().flat_map(with_prefix).collect()
    }
}

impl Topology {
    /// The device name of this network's bridge.
    pub fn bridge(&self, name: &NetworkName, network: &Network) -> IfName {
        match &network.bridge {
            Some(bridge) => bridge.clone(),
            None => bridge_name(&self.lab, name),
        }
    }

    /// The network that an interface is plugged into, if there is one of that name.
    pub(super) fn network_of(&self, interface: &Interface) -> Option<&Network> {
        self.networks.get(interface.network.as_ref()?)
    }

    /// The subnets in which an interface has, or will get, an address. An address
    /// that is known comes with its subnet; one yet to be leased leaves it alone.
    pub(super) fn subnets_of(&self, interface: &Interface) -> Vec<IpNet> {
        match self.network_of(interface) {
            Some(network) if interface.addresses.is_empty() => network.subnets.clone(),
            _ => interface.addresses.clone(),
        }
    }

    /// The devices of a namespace with their subnets, `lo` left out: whom it can
    /// reach without a router. The host's bridges are among its devices.
    pub(super) fn neighbourhood(&self, netns: &Netns) -> BTreeMap<IfName, Vec<IpNet>> {
        let mut devices = BTreeMap::new();
        if let Some(namespace) = self.namespaces.get(netns) {
            for (dev, interface) in &namespace.interfaces {
                if dev.as_str() != "lo" {
                    devices.insert(dev.clone(), self.subnets_of(interface));
                }
            }
        }
        if *netns == Netns::Host {
            for (name, network) in &self.networks {
                devices.insert(self.bridge(name, network), network.gateway_addresses());
            }
        }
        devices
    }
}

/// The device by which a next hop is reached: of those whose subnet holds it, the
/// one with the longest prefix, as the kernel chooses. A subnet's own and broadcast
/// addresses are no next hops: the kernel answers "Nexthop has invalid gateway".
pub(super) fn device_towards(
    devices: &BTreeMap<IfName, Vec<IpNet>>,
    via: IpAddr,
) -> Option<&IfName> {
    let mut best: Option<(u8, &IfName)> = None;
    for (dev, nets) in devices {
        let holding = nets.iter().filter(|net| is_host(net, via));
        let longest = holding.map(IpNet::prefix_len).max();
        if let Some(length) = longest.filter(|l| best.is_none_or(|(best, _)| *l > best)) {
            best = Some((length, dev));
        }
    }
    best.map(|(_, dev)| dev)
}
