//! The addresses of a lab's namespaces, and by which of them one calls another.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{End, Link, LinkKind, NetState, Netns, is_link_local};

impl NetState {
    /// The addresses that the lab gave to a namespace, in order, with their devices.
    pub fn addresses(&self, netns: &Netns) -> Vec<(IpNet, &Link)> {
        let namespace = self.namespaces.get(netns);
        let links = namespace.into_iter().flat_map(|ns| ns.links.values());
        // Elsewhere are others.
        let ours = links.filter(|link| netns.made().is_some() || self.owns(link));
        let all = ours.flat_map(|link| link.addresses.iter().map(move |a| (*a, link)));
        all.filter(|(address, _)| !is_link_local(address)).collect()
    }

    /// Whether a device is the lab's: it carries the mark, or its cable's other end does.
    pub fn owns(&self, link: &Link) -> bool {
        let marked = |link: &Link| link.owner.as_ref() == Some(&self.lab);
        let peer = |End { netns, dev }: &End| self.namespaces.get(netns)?.links.get(dev);
        marked(link) || link.peer().and_then(peer).is_some_and(marked)
    }

    /// The addresses to call a namespace by, for one that calls from `from`, nearest
    /// first: those in a subnet of the caller's, those of `lo` last.
    pub fn calls_from(&self, from: &Netns) -> impl Fn(&Netns) -> Vec<IpAddr> {
        let near = self.addresses(from);
        let distance = move |address: &IpNet, link: &Link| {
            let shared = near.iter().any(|(own, _)| own.contains(&address.addr()));
            (!shared, link.kind == LinkKind::Loopback)
        };
        move |to| {
            let mut all = self.addresses(to);
            all.sort_by_key(|(address, link)| distance(address, link));
            all.into_iter().map(|(address, _)| address.addr()).collect()
        }
    }
}
