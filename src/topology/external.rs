//! Networks of other labs: the file names them, and the other lab says what they are like.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::resolve::forward;
use super::{Interface, Network, ResolveError, Topology};
use crate::ipam::Range;
use crate::state::{Family, LabName, NetState, Netns, NetworkName, broadcast};

/// Networks by name.
pub(crate) type Networks = BTreeMap<NetworkName, Network>;

/// The topology with each network of another lab as that lab has it. `labs` are those that
/// are up, with their networks as others see them.
///
/// # Errors
/// Such a lab is not up, or has no such network.
pub(crate) fn attach<'t>(
    topology: &'t Topology,
    labs: &BTreeMap<LabName, Networks>,
) -> Result<Cow<'t, Topology>, ResolveError> {
    if topology.external().next().is_none() {
        return Ok(Cow::Borrowed(topology));
    }
    let mut attached = topology.clone();
    for (name, lab) in topology.external() {
        let of = labs.get(lab);
        let of = of.ok_or_else(|| ResolveError::ExternalLab {
            network: name.clone(),
            lab: lab.clone(),
        })?;
        let network = of.get(name).cloned();
        let network = network.ok_or_else(|| ResolveError::ExternalNetwork {
            network: name.clone(),
            lab: lab.clone(),
        })?;
        attached.networks.insert(name.clone(), network);
    }
    Ok(Cow::Owned(attached))
}

/// The own networks of a topology, with its subnets chosen, as others see them; `desired` is
/// what it comes to.
pub(crate) fn seen_from_outside(of: &Topology, desired: &NetState) -> Networks {
    let forwarded = forwarded(of, desired);
    let of_outside = |(name, network): (&NetworkName, &Network)| {
        let seen = Network {
            forwarded: forwarded.clone(),
            ..seen(of, name, network)
        };
        (name.clone(), seen)
    };
    of.own_networks().map(of_outside).collect()
}

/// The families that the host forwards as long as the lab is there: for itself, or for labs
/// whose networks it is on.
fn forwarded(of: &Topology, desired: &NetState) -> BTreeSet<Family> {
    let host = desired.namespaces.get(&Netns::Host);
    let switched = |family: &Family| {
        let key = forward(*family);
        host.is_some_and(|host| host.sysctls.contains_key(&key))
    };
    let own = [Family::Ipv4, Family::Ipv6].into_iter().filter(switched);
    own.chain(of.forwarded_for()).collect()
}

/// A network as others see it: its lab takes care of what leaves it, and the addresses that
/// its lab's file names are not given to them.
fn seen(of: &Topology, name: &NetworkName, network: &Network) -> Network {
    let mut exclude = network.exclude.clone();
    exclude.extend(of.named_addresses().into_iter().map(single));
    Network {
        external: Some(of.lab.clone()),
        bridge: (!network.routed).then(|| of.bridge(name, network)),
        chosen: BTreeSet::new(),
        exclude,
        vlan: network.vlan_with(of.plugged().get(name).map_or(&[], Vec::as_slice)),
        // Each port of a routed network is a device of its own, on which this is to be said.
        masquerade: network.masquerade && network.routed,
        ..network.clone()
    }
}

fn single(address: IpAddr) -> Range {
    Range::from(IpNet::from(address))
}

impl Network {
    /// Whether it is another lab's, and not yet looked up.
    pub(super) fn is_unknown(&self) -> bool {
        self.external.is_some() && self.bridge.is_none() && !self.routed
    }
}

impl Topology {
    /// The networks that are another lab's, and whose.
    pub fn external(&self) -> impl Iterator<Item = (&NetworkName, &LabName)> {
        let all = self.networks.iter();
        all.filter_map(|(name, network)| Some((name, network.external.as_ref()?)))
    }

    /// The families that the host forwards for other labs as long as this one is on their
    /// networks: those are not taken down before it.
    pub(super) fn forwarded_for(&self) -> impl Iterator<Item = Family> {
        let all = self.external();
        let networks = all.filter_map(|(name, _)| self.networks.get(name));
        networks.flat_map(|network| network.forwarded.iter().copied())
    }

    /// The lab's own networks.
    pub(crate) fn own_networks(&self) -> impl Iterator<Item = (&NetworkName, &Network)> {
        let all = self.networks.iter();
        all.filter(|(_, network)| network.external.is_none())
    }

    /// The lab's own networks that are bridges.
    pub(super) fn own_bridges(&self) -> impl Iterator<Item = (&NetworkName, &Network)> {
        self.own_networks().filter(|(_, network)| !network.routed)
    }

    /// Whether a namespace is on a network that is not yet looked up: then what it reaches
    /// cannot be judged.
    pub(super) fn is_on_unknown(&self, netns: &Netns) -> bool {
        let spec = self.namespaces.get(netns);
        let mut interfaces = spec.into_iter().flat_map(|spec| spec.interfaces.values());
        interfaces.any(|i| self.network_of(i).is_some_and(Network::is_unknown))
    }

    /// With subnets yet to be chosen where a network is not yet looked up: it may have any.
    pub(super) fn supposed(&self) -> Cow<'_, Topology> {
        if self.external().next().is_none() {
            return Cow::Borrowed(self);
        }
        let mut supposed = self.clone();
        for spec in supposed.namespaces.values_mut() {
            let unknown = |i: &&mut Interface| self.network_of(i).is_some_and(Network::is_unknown);
            let interfaces = spec.interfaces.values_mut().filter(unknown);
            interfaces.for_each(|interface| interface.subnets = None);
        }
        for network in supposed.networks.values_mut().filter(|n| n.is_unknown()) {
            network.chosen = [Family::Ipv4, Family::Ipv6].into();
        }
        Cow::Owned(supposed)
    }

    /// Every address that the file gives away or expects a router to have.
    pub(super) fn named_addresses(&self) -> Vec<IpAddr> {
        let networks = self.own_networks();
        let gateways = networks.flat_map(|(_, network)| network.gateway_addresses());
        let interfaces = self.interfaces();
        let given = interfaces.flat_map(|(_, _, i)| i.addresses.clone());
        let given = given.chain(gateways);
        let given = given.flat_map(|net| [Some(net.addr()), broadcast(&net)]);
        let routes = self.namespaces.values().flat_map(|spec| &spec.routes);
        let routers = routes.map(|route| route.via);
        given.chain(routers).flatten().collect()
    }
}
