//! By which address the host reaches a namespace, and by which router it answers: what
//! publishing its ports takes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Publish, Topology};
use crate::state::{End, Family, IfName, Netns, NetworkName, Visible};

/// Where the ports of a namespace are published to, in one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Front<'t> {
    /// The first interface, by name, on a network where the host is its neighbour.
    pub(super) dev: &'t IfName,
    pub(super) network: &'t NetworkName,
    /// The subnet of its first address there; the address itself may yet be to be chosen.
    pub(super) subnet: IpNet,
}

/// The families that a publication is for.
pub(super) const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

impl Topology {
    /// Where ports are published to in this family; `None`: the namespace has no such address.
    pub(super) fn front(&self, netns: &Netns, family: Family) -> Option<Front<'_>> {
        let interfaces = &self.namespaces.get(netns)?.interfaces;
        interfaces.iter().find_map(|(dev, interface)| {
            let network = interface.network.as_ref()?;
            let of = self.networks.get(network)?;
            let gateways = match interface.hears(of) {
                true => of.gateway_addresses(),
                false => Vec::new(),
            };
            let host = |net: &IpNet| gateways.iter().any(|gateway| net.contains(&gateway.addr()));
            let mut subnets = self.subnets_of(interface).into_iter();
            let subnet = subnets.find(|net| Family::of(net) == family && host(net))?;
            Some(Front {
                dev,
                network,
                subnet,
            })
        })
    }

    /// Whether ports are published to this interface.
    pub(super) fn is_front(&self, end: &End) -> bool {
        let spec = self.namespaces.get(&end.netns);
        let mut published = spec.into_iter().flat_map(|spec| &spec.publish);
        let fronts = FAMILIES.map(|family| (family, self.front(&end.netns, family)));
        published.any(|publish| {
            let mut fronts = fronts.iter().filter(|(family, _)| publish.is_for(*family));
            fronts.any(|(_, front)| front.as_ref().is_some_and(|front| *front.dev == end.dev))
        })
    }

    /// The router to all that is far: of the file's default routes the preferred one, or
    /// the one that is added.
    pub(super) fn way_out(&self, netns: &Netns, family: Family) -> Option<IpAddr> {
        let spec = self.namespaces.get(netns)?;
        let defaults = spec.routes.iter();
        let defaults = defaults.filter(|r| r.is_default() && Family::of(&r.to) == family);
        let written = defaults.min_by_key(|route| route.metric().unwrap_or_default());
        match written {
            Some(route) => route.via,
            None => self.default_gateway(netns, family).map(|(_, via)| via),
        }
    }
}

impl Publish {
    /// Whether it is for this family, if the namespace has an address of it.
    pub(super) fn is_for(&self, family: Family) -> bool {
        let same = |ipv4: bool| ipv4 == (family == Family::Ipv4);
        let sources = match self.visible() {
            Visible::From(sources) => sources.iter().any(|net| same(net.addr().is_ipv4())),
            _ => true,
        };
        sources && self.address().is_none_or(|own| same(own.is_ipv4()))
    }
}
