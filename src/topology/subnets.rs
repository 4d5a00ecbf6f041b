//! Which subnets a device lies in, as far as the file says it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::names::{bridge_name, interface_mac, port_name};
use super::resolve::alone;
use super::{Gateway, Interface, Network, RouteSpec, Topology};
use crate::ipam::{first_host, is_host};
use crate::state::{ContainerName, End, Family, IfName, Mac, Netns, NetworkName, broadcast};

/// "10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16".
pub(super) fn list_of(nets: &[IpNet]) -> String {
    let texts: Vec<String> = nets.iter().map(IpNet::to_string).collect();
    match texts.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => texts.concat(),
    }
}

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

impl Interface {
    /// The subnets of its network in which it gets an address that the file does not name.
    pub(super) fn wished(&self, network: &Network) -> Vec<IpNet> {
        let all = network.subnets.iter().copied();
        match &self.subnets {
            Some(these) => all.filter(|subnet| these.contains(subnet)).collect(),
            None if self.addresses.is_empty() && !self.is_tagged() => all.collect(),
            None => Vec::new(),
        }
    }
}

impl Topology {
    /// The device name of this network's bridge.
    pub fn bridge(&self, name: &NetworkName, network: &Network) -> IfName {
        match &network.bridge {
            Some(bridge) => bridge.clone(),
            None => bridge_name(network.external.as_ref().unwrap_or(&self.lab), name),
        }
    }

    /// The containers whose namespaces are named, and those.
    pub fn containers(&self) -> impl Iterator<Item = (Netns, ContainerName)> {
        let all = self.namespaces.iter();
        all.filter_map(|(netns, spec)| Some((netns.clone(), spec.container.clone()?)))
    }

    /// The namespaces that shall forward.
    pub(crate) fn forwarding(&self) -> BTreeSet<Netns> {
        let all = self.namespaces.iter();
        all.filter(|(_, spec)| spec.forward)
            .map(|(netns, _)| netns.clone())
            .collect()
    }

    /// Every interface that the file lists, with its place.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = (&Netns, &IfName, &Interface)> {
        self.namespaces.iter().flat_map(|(netns, namespace)| {
            let interfaces = namespace.interfaces.iter();
            interfaces.map(move |(dev, interface)| (netns, dev, interface))
        })
    }

    /// The interfaces on each network: found once for all, for a lab may have a thousand of both.
    pub(super) fn plugged(&self) -> BTreeMap<&NetworkName, Vec<&Interface>> {
        let mut plugged: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (_, _, interface) in self.interfaces() {
            if let Some(network) = &interface.network {
                plugged.entry(network).or_default().push(interface);
            }
        }
        plugged
    }

    /// The devices of a namespace that routes of the file can use, but for `lo`.
    pub(super) fn devices(&self, netns: &Netns) -> BTreeSet<IfName> {
        let listed = self.namespaces.get(netns).into_iter();
        let listed = listed.flat_map(|spec| spec.interfaces.keys());
        let ends = self.links.iter().flat_map(|link| &link.endpoints);
        let ends = ends.filter(|end| end.netns == *netns).map(|end| &end.dev);
        let bridges = self.own_networks().filter(|_| *netns == Netns::Host);
        let bridges = bridges.map(|(name, network)| self.bridge(name, network));
        let all = listed.chain(ends).cloned().chain(bridges);
        all.filter(|dev| dev.as_str() != "lo").collect()
    }

    /// The network that an interface is plugged into, if there is one of that name.
    pub(super) fn network_of(&self, interface: &Interface) -> Option<&Network> {
        self.networks.get(interface.network.as_ref()?)
    }

    /// The hardware address of an interface on a network.
    pub(super) fn mac(&self, end: &End, interface: &Interface) -> Mac {
        interface
            .mac
            .unwrap_or_else(|| interface_mac(&self.lab, end))
    }

    /// The subnets in which an interface has, or will get, an address. An address
    /// that is known comes with its subnet; one yet to be leased leaves it alone.
    pub(super) fn subnets_of(&self, interface: &Interface) -> Vec<IpNet> {
        let network = self.network_of(interface);
        let wished = network.map_or_else(Vec::new, |network| interface.wished(network));
        [interface.addresses.clone(), wished].concat()
    }

    /// The subnets of a namespace's devices, by device, as far as the file says them;
    /// the host's bridges are among its devices.
    pub(super) fn device_nets(&self, netns: &Netns) -> Vec<DeviceNet> {
        let mut nets = Vec::new();
        let namespace = self.namespaces.get(netns);
        for (dev, interface) in namespace.into_iter().flat_map(|n| &n.interfaces) {
            let place = format!("namespaces/{netns}/interfaces/{dev}");
            if let Some(network) = self.network_of(interface).filter(|of| of.routed) {
                let near = self.on_cable(interface, network);
                nets.extend(near.map(|(net, place_of)| DeviceNet {
                    dev: dev.clone(),
                    net,
                    place: place_of.map(|i| format!("{place}/addresses/{i}")),
                }));
                continue;
            }
            let known = interface.addresses.len();
            let device_net = |(i, net)| DeviceNet {
                dev: dev.clone(),
                net,
                place: (i < known).then(|| format!("{place}/addresses/{i}")),
            };
            let subnets = self.subnets_of(interface).into_iter().enumerate();
            nets.extend(subnets.map(device_net));
        }
        if *netns == Netns::Host {
            nets.extend(self.routed_ports());
        }
        let on_host = (*netns == Netns::Host).then(|| self.own_bridges());
        for (name, network) in on_host.into_iter().flatten() {
            let device_net = |net| DeviceNet {
                dev: self.bridge(name, network),
                net,
                place: Some(format!("networks/{name}/gateway")),
            };
            nets.extend(network.gateway_addresses().into_iter().map(device_net));
        }
        nets.sort_by(|a, b| a.dev.cmp(&b.dev));
        nets
    }

    /// What is at the two ends of the cable of an interface on a routed network: its own
    /// addresses, with their places in the list, and the gateways, without.
    fn on_cable<'t>(
        &'t self,
        interface: &'t Interface,
        network: &Network,
    ) -> impl Iterator<Item = (IpNet, Option<usize>)> + use<'t> {
        let own = interface.addresses.iter().enumerate();
        let own = own.map(|(i, net)| (alone(*net), Some(i)));
        let subnets = self.subnets_of(interface);
        let near = move |gateway: &IpNet| subnets.iter().any(|net| net.trunc() == gateway.trunc());
        let gateways = network.gateway_addresses().into_iter().filter(near);
        own.chain(gateways.map(|gateway| (alone(gateway), None)))
    }

    /// The same, as the host sees it: there the gateways are its own.
    fn routed_ports(&self) -> impl Iterator<Item = DeviceNet> {
        let routed = self.interfaces().filter_map(|(netns, dev, interface)| {
            let (name, network) = self.networks.get_key_value(interface.network.as_ref()?)?;
            let place = format!("networks/{name}/gateway");
            let near = self.on_cable(interface, network);
            let net = move |(net, at): (IpNet, Option<usize>)| DeviceNet {
                dev: port_name(netns, dev),
                net,
                place: at.is_none().then(|| place.clone()),
            };
            network.routed.then(|| near.map(net))
        });
        routed.flatten()
    }

    /// By which interface and router a namespace leaves its subnets where the file has
    /// no default route: the first interface, by name, whose network is not internal and has
    /// a gateway that the interface's own addresses can reach. On a network with both families an
    /// interface may have an address of one alone, and the kernel refuses a next hop
    /// that it has no way to.
    pub(super) fn default_gateway(
        &self,
        netns: &Netns,
        family: Family,
    ) -> Option<(&IfName, IpAddr)> {
        let spec = self.namespaces.get(netns)?;
        let of_family = |route: &RouteSpec| route.is_default() && Family::of(&route.to) == family;
        if *netns == Netns::Host || spec.routes.iter().any(of_family) {
            return None;
        }
        spec.interfaces.iter().find_map(|(dev, interface)| {
            let out = self.network_of(interface).is_some_and(|n| !n.internal);
            let heard = self
                .network_of(interface)
                .is_some_and(|n| interface.hears(n));
            let out = out && heard && !interface.no_default_route;
            let gateway = self.near_gateway(interface, family).filter(|_| out)?;
            Some((dev, gateway))
        })
    }

    /// The gateway of an interface's network that the interface's own addresses can reach.
    pub(super) fn near_gateway(&self, interface: &Interface, family: Family) -> Option<IpAddr> {
        let subnets = self.subnets_of(interface);
        let gateways = self.network_of(interface)?.gateway_addresses();
        let reached = |gateway: &&IpNet| {
            let address = gateway.addr();
            Family::of(gateway) == family && subnets.iter().any(|net| net.contains(&address))
        };
        Some(gateways.iter().find(reached)?.addr())
    }
}

/// A subnet that a device of a namespace lies in.
pub(super) struct DeviceNet {
    pub(super) dev: IfName,
    /// The device's address in it, with the prefix length; the subnet alone where the
    /// address is yet to be chosen.
    pub(super) net: IpNet,
    /// Where the address stands in the file; `None`: it is yet to be chosen.
    pub(super) place: Option<String>,
}

impl DeviceNet {
    pub(super) fn is_loopback(&self) -> bool {
        self.dev.as_str() == "lo"
    }
}

/// By which device and subnet a next hop is reached: of those that hold it, the one
/// with the longest prefix, as the kernel chooses, `lo` left out. A subnet's own and
/// broadcast addresses are no next hops, whatever other subnets the device has: the
/// kernel answers "Nexthop has invalid gateway" (`fib_check_nh_v4_gw`,
/// net/ipv4/fib_semantics.c).
pub(super) fn towards(nets: &[DeviceNet], via: IpAddr) -> Option<&DeviceNet> {
    let broadcasts = |dev: &IfName| {
        let mut own = nets.iter().filter(|of| of.dev == *dev);
        own.any(|of| broadcast(&of.net) == Some(via))
    };
    let mut best: Option<&DeviceNet> = None;
    for of in nets
        .iter()
        .filter(|of| !of.is_loopback() && is_host(&of.net, via))
    {
        let longer = best.is_none_or(|best| of.net.prefix_len() > best.net.prefix_len());
        if longer && !broadcasts(&of.dev) {
            best = Some(of);
        }
    }
    best
}
