//! The way of a packet from namespace to namespace, as far as a state tells.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::state::{Family, IfName, Link, Namespace, NetState, Netns, Route, is_link_local};

/// A packet that goes on longer than this goes in a circle: the kernel sends it
/// with 64 hops (`sysctl_ip_default_ttl`), and no lab is that deep on purpose.
const LONGEST: usize = 64;

/// A state, with its namespaces by their addresses: for finding one's way in it.
#[derive(Debug)]
pub struct Map<'a> {
    state: &'a NetState,
    owners: BTreeMap<IpAddr, &'a Netns>,
}

/// An entry of a neighbour table: who looks for whom.
pub(crate) type Entry<'a> = (&'a Netns, IpAddr);

/// A namespace on the way, and how it sends the packet on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop<'a> {
    pub(crate) at: &'a Netns,
    pub(crate) dev: &'a IfName,
    /// Whom it is handed to on the link.
    pub(crate) next: IpAddr,
    /// Its route; `None`: the destination is in a subnet of its own.
    pub(crate) route: Option<&'a Route>,
}

/// Where a way ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End<'a> {
    /// With a namespace that has the address.
    Arrives,
    /// No route leads on from here.
    NoRoute(&'a Netns),
    /// The last hop's next is nobody that the state knows.
    Unknown,
    /// Never.
    Circle,
}

impl<'a> Map<'a> {
    /// The map of an observed state, or of a desired one.
    pub fn new(state: &'a NetState) -> Self {
        let all = state.namespaces.iter().flat_map(|(netns, namespace)| {
            let addresses = namespace.links.values().flat_map(|link| &link.addresses);
            let global = addresses.filter(|address| !is_link_local(address));
            global.map(move |address| (address.addr(), netns))
        });
        Map {
            state,
            owners: all.collect(),
        }
    }

    pub(super) fn state(&self) -> &'a NetState {
        self.state
    }

    pub(crate) fn namespace(&self, netns: &Netns) -> Option<&'a Namespace> {
        self.state.namespaces.get(netns)
    }

    /// Who has an address.
    pub(crate) fn owner(&self, address: IpAddr) -> Option<&'a Netns> {
        self.owners.get(&address).copied()
    }

    /// The way from a namespace to an address.
    pub(crate) fn path(&self, from: &Netns, to: IpAddr) -> (Vec<Hop<'a>>, End<'a>) {
        let mut hops = Vec::new();
        let mut next = self.state.namespaces.get_key_value(from);
        while let Some((at, namespace)) = next {
            if self.owner(to) == Some(at) {
                return (hops, End::Arrives);
            }
            if hops.len() == LONGEST {
                return (hops, End::Circle);
            }
            let Some((dev, route)) = way(namespace, to) else {
                return (hops, End::NoRoute(at));
            };
            let via = route.and_then(|route| route.via).unwrap_or(to);
            hops.push(Hop {
                at,
                dev,
                next: via,
                route,
            });
            let owner = self.owner(via);
            next = owner.and_then(|owner| self.state.namespaces.get_key_value(owner));
        }
        (hops, End::Unknown)
    }

    /// The address that a namespace sends from to another: one of the device that
    /// the packet leaves by, or any.
    pub(crate) fn source(&self, from: &Netns, to: IpAddr) -> Option<IpAddr> {
        let namespace = self.namespace(from)?;
        let family = Family::of(&IpNet::from(to));
        let on = |link: &Link| {
            let mut global = link.addresses.iter().filter(|net| !is_link_local(net));
            global
                .find(|net| Family::of(net) == family)
                .map(IpNet::addr)
        };
        let dev = way(namespace, to).and_then(|(dev, _)| namespace.links.get(dev));
        dev.and_then(on)
            .or_else(|| namespace.links.values().find_map(on))
    }

    /// The entries of neighbour tables that a packet and its answer need.
    pub(crate) fn neighbours(&self, from: &Netns, to: IpAddr) -> Vec<Entry<'a>> {
        let (mut hops, _) = self.path(from, to);
        let back = self.owner(to).zip(self.source(from, to));
        if let Some((home, source)) = back {
            hops.extend(self.path(home, source).0);
        }
        hops.iter().map(|hop| (hop.at, hop.next)).collect()
    }

    /// The first device on the way that takes less than such a packet when it
    /// receives it; what it takes.
    pub(crate) fn narrow(
        &self,
        from: &Netns,
        to: IpAddr,
        size: u32,
    ) -> Option<(&'a Netns, &'a IfName, u32)> {
        let (hops, _) = self.path(from, to);
        hops.iter().find_map(|hop| {
            let at = self.owner(hop.next)?;
            let mut links = self.namespace(at)?.links.iter();
            let has = |link: &Link| link.addresses.iter().any(|a| a.addr() == hop.next);
            let (dev, link) = links.find(|(_, link)| has(link))?;
            let mtu = link.mtu.filter(|mtu| *mtu < size)?;
            Some((at, dev, mtu))
        })
    }

    /// The largest packet that a namespace's device takes on this way.
    pub(crate) fn device_mtu(&self, from: &Netns, to: IpAddr) -> Option<u32> {
        let namespace = self.namespace(from)?;
        let dev = match self.owner(to) {
            Some(owner) if owner == from => return loopback_mtu(namespace),
            _ => way(namespace, to)?.0,
        };
        namespace.links.get(dev)?.mtu
    }
}

/// What a namespace sends to itself goes over `lo`, whatever device has the address.
/// An IPv4 packet has at most 65535 bytes, its MTU has one more.
fn loopback_mtu(namespace: &Namespace) -> Option<u32> {
    let lo = namespace.links.iter().find(|(dev, _)| dev.as_str() == "lo");
    lo.and_then(|(_, link)| link.mtu).map(|mtu| mtu.min(65535))
}

/// The way out of a namespace: over a subnet of its own or by a route. The longest
/// prefix wins, then the lower metric.
pub(crate) fn way(namespace: &Namespace, to: IpAddr) -> Option<(&IfName, Option<&Route>)> {
    let own = namespace.links.iter().flat_map(|(dev, link)| {
        let nets = link.addresses.iter().map(IpNet::trunc);
        nets.map(move |net| (net, 0, (dev, None)))
    });
    let routed = namespace.routes.iter().map(|route| {
        let metric = route.metric.unwrap_or(0);
        (route.to, metric, (&route.dev, Some(route)))
    });
    own.chain(routed)
        .filter(|(net, ..)| net.contains(&to))
        .max_by_key(|(net, metric, (_, route))| {
            (net.prefix_len(), Reverse(*metric), route.is_none())
        })
        .map(|(.., way)| way)
}
