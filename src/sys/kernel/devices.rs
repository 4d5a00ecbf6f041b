//! The devices of one namespace with what is on them, and what has been lost of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use ipnet::IpNet;

use crate::state::{
    AddrGen, Fate, Filtering, IfName, LabName, Lifetime, Link, LinkKind, Namespace, Netns, Origin,
    Qdisc, Route, RouteOptions, is_generated, is_link_local,
};
use crate::sys::netlink::socket::Socket;
use crate::sys::netlink::{address, link, qdisc, route};

/// The metric of the IPv6 routes that the kernel makes (`IP6_RT_PRIO_ADDRCONF`,
/// include/uapi/linux/ipv6_route.h).
const KERNEL_METRIC: u32 = 256;

/// Devices by index.
type Names = BTreeMap<u32, IfName>;

/// Which devices of a namespace matter, where not all do.
#[derive(Clone, Copy)]
pub(super) struct Near<'s> {
    pub(super) names: &'s BTreeSet<IfName>,
    /// Whether a bridge or an address of the namespace shall be the lab's: then those of others
    /// may be in its way; or whether it is to be known which subnets are directly attached.
    pub(super) grounded: bool,
}

/// Devices with their addresses and routes: all but those that may be left out, or, of a
/// namespace of which only these matter, those with these names and what has a route, and, where
/// the lab is on its own ground there, bridges and what has an address.
pub(super) fn devices(
    socket: &mut Socket,
    netns: &Netns,
    namespace: &mut Namespace,
    near: Option<Near<'_>>,
    left_out: impl Fn(&IfName, &LabName) -> bool,
) -> io::Result<link::List> {
    let (list, addresses, routes);
    match near {
        None => {
            list = link::list(socket, left_out)?;
            (addresses, routes) = (address::list(socket)?, route::list(socket)?);
        }
        Some(Near { names, grounded }) => {
            routes = route::list(socket)?;
            let used = routes.single.iter().filter_map(|route| route.index);
            let mut used: BTreeSet<u32> = used.collect();
            if grounded {
                addresses = address::list(socket)?;
                used.extend(addresses.iter().map(|a| a.index));
                list = link::near(link::bridges(socket)?, socket, names, &used)?;
            } else {
                list = link::near(link::List::default(), socket, names, &used)?;
                let listed = list.links.iter().map(|device| device.index);
                addresses = address::list_of(socket, listed)?;
            }
        }
    }
    namespace.partial = near.is_some();
    let listed = &list.links;
    let names: Names = listed.iter().map(|d| (d.index, d.name.clone())).collect();
    let mut queues = queues(socket, netns, listed)?;
    for device in listed {
        let master = device.master.and_then(|index| names.get(&index).cloned());
        let link = Link {
            master,
            qdisc: queues.remove(&device.index),
            ..device.link.clone()
        };
        namespace.links.insert(device.name.clone(), link);
        let altnames = device.altnames.iter().cloned();
        let altnames = altnames.map(|altname| (altname, device.name.clone()));
        namespace.altnames.extend(altnames);
    }
    unblocked(listed, namespace);
    put_addresses(addresses, listed, &names, namespace);
    put_routes(routes, listed, &names, (netns, namespace));
    Ok(list)
}

/// What devices send through, where somebody has given them something; on the host those of
/// others are their own matter.
fn queues(
    socket: &mut Socket,
    netns: &Netns,
    listed: &[link::Listed],
) -> io::Result<BTreeMap<u32, Qdisc>> {
    let marked = listed.iter().filter(|device| device.link.owner.is_some());
    let marked: BTreeSet<u32> = marked.map(|device| device.index).collect();
    let is_ours = |device: &&link::Listed| {
        // The mark may be on its cable's other end.
        let far = device.peer.filter(|(_, nsid)| nsid.is_none());
        let far = far.is_some_and(|(index, _)| marked.contains(&index));
        *netns != Netns::Host || far || marked.contains(&device.index)
    };
    let queued = listed.iter().filter(|device| device.queued).filter(is_ours);
    qdisc::roots(socket, &queued.map(|device| device.index).collect())
}

/// The VLANs of devices of labs, where a bridge does with them what it does not by itself, or,
/// with `all`, wherever. Each is asked for alone: beside a thousand others that is less than a
/// list of all.
pub(super) fn vlans(
    socket: &mut Socket,
    listed: &[link::Listed],
    namespace: &mut Namespace,
    all: bool,
) -> io::Result<()> {
    let is_bridge = |d: &&link::Listed| d.link.kind == LinkKind::Bridge;
    let bridges = listed.iter().filter(is_bridge);
    let bridges = bridges.filter(|d| all || !d.link.filtering.is_usual());
    let bridges: BTreeMap<u32, Filtering> = bridges.map(|d| (d.index, d.link.filtering)).collect();
    for device in listed.iter().filter(|d| d.link.owner.is_some()) {
        let bridge = bridges.get(&device.master.unwrap_or(device.index));
        let link = namespace.links.get_mut(&device.name);
        if let (Some(filtering), Some(link)) = (bridge, link) {
            link.vlans = link::vlans(socket, device.index, *filtering)?;
        }
    }
    Ok(())
}

/// The routes that the kernel made with the addresses of devices that are up, and that are
/// not there: of a subnet's first IPv4 address (`fib_add_ifaddr`, net/ipv4/fib_frontend.c),
/// of each IPv6 address (`addrconf_prefix_route`, net/ipv6/addrconf.c).
fn lost(
    namespace: &Namespace,
    listed: &[link::Listed],
    connected: &BTreeSet<(u32, IpNet)>,
) -> BTreeSet<Route> {
    let mut lost: BTreeMap<(u32, IpNet), Route> = BTreeMap::new();
    for device in listed.iter().filter(|device| device.link.up) {
        let Some(link) = namespace.links.get(&device.name) else {
            continue;
        };
        for address in link.addresses.iter().chain(link.expiring.keys()) {
            let v4 = address.addr().is_ipv4();
            let alone = v4 && (address.prefix_len() == 32 || link.kind == LinkKind::Loopback);
            let place = (device.index, address.trunc());
            if !alone && !connected.contains(&place) {
                lost.entry(place).or_insert_with(|| Route {
                    to: address.trunc(),
                    via: None,
                    dev: device.name.clone(),
                    metric: (!v4).then_some(KERNEL_METRIC),
                    origin: Origin::Kernel,
                    fate: Fate::Unicast,
                    src: Some(address.addr()).filter(|_| v4),
                    options: RouteOptions::default(),
                });
            }
        }
    }
    lost.into_values().collect()
}

fn put_addresses(
    addresses: Vec<address::Listed>,
    listed: &[link::Listed],
    names: &Names,
    namespace: &mut Namespace,
) {
    let speaks: BTreeSet<u32> = (addresses.iter())
        .filter(|a| is_link_local(&a.net) && (a.by_kernel || is_generated(&a.net)))
        .map(|listed| listed.index)
        .collect();
    for device in listed {
        let lost = device.ready && !speaks.contains(&device.index);
        if let Some(link) = namespace.links.get_mut(&device.name) {
            link.mute = lost && link.mac.is_some() && link.addrgen.is_some();
        }
    }
    for listed in addresses
        .iter()
        .filter(|a| a.by_kernel && !is_link_local(&a.net))
    {
        let link = names
            .get(&listed.index)
            .and_then(|name| namespace.links.get_mut(name));
        if let Some(link) = link.filter(|link| link.kind != LinkKind::Loopback) {
            link.learned.insert(listed.net);
        }
    }
    for listed in in_order(addresses).filter(|listed| !listed.by_kernel) {
        let address = listed.net;
        let link = names
            .get(&listed.index)
            .and_then(|name| namespace.links.get_mut(name));
        // Before Linux 6.4 the kernel does not say which it made. For `lo` none is made
        // (`addrconf_dev_config`, net/ipv6/addrconf.c).
        let generated = |link: &Link| {
            let makes = link.addrgen != Some(AddrGen::None) && link.kind != LinkKind::Loopback;
            makes && is_generated(&address)
        };
        if let Some(link) = link.filter(|link| !generated(link)) {
            link.addresses.extend(listed.permanent.then_some(address));
            if listed.lifetime != Lifetime::FOREVER {
                link.expiring.insert(address, listed.lifetime);
            }
        }
    }
}

fn put_routes(
    routes: route::Routes,
    listed: &[link::Listed],
    names: &Names,
    (netns, namespace): (&Netns, &mut Namespace),
) {
    namespace.lost = lost(namespace, listed, &routes.connected);
    namespace.other_routes = routes.others;
    for listed in routes.single {
        let route::Listed {
            index,
            to,
            via,
            metric,
            origin,
            fate,
            options,
        } = listed;
        // Among others they may be in the way of a lab, and are nobody's to remove.
        if netns.made().is_none() && fate != Fate::Unicast {
            namespace.other_routes.insert(to);
            continue;
        }
        let dev = match index {
            Some(index) => names.get(&index).cloned(),
            // It leads nowhere.
            None => namespace
                .links
                .iter()
                .find_map(|(dev, link)| (link.kind == LinkKind::Loopback).then(|| dev.clone())),
        };
        namespace.routes.extend(dev.map(|dev| Route {
            to,
            via,
            dev,
            metric,
            origin,
            fate,
            src: None,
            options,
        }));
    }
}

/// A port forwards nothing as long as it or its bridge is down, or has no carrier
/// (`br_port_carrier_check`), or as spanning tree decides: that is as it should be.
fn unblocked(listed: &[link::Listed], namespace: &mut Namespace) {
    for port in listed {
        let bridge = listed
            .iter()
            .find(|device| Some(device.index) == port.master);
        let decides = bridge.is_some_and(|bridge| bridge.link.up && !bridge.stp);
        if let Some(link) = namespace.links.get_mut(&port.name) {
            link.blocked &= decides && port.running;
        }
    }
}

/// The order in which they were added: IPv6 is listed newest first
/// (`ipv6_link_dev_addr`, net/ipv6/addrconf.c).
fn in_order(addresses: Vec<address::Listed>) -> impl Iterator<Item = address::Listed> {
    let (v4, v6): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|listed| matches!(listed.net, IpNet::V4(_)));
    v4.into_iter().chain(v6.into_iter().rev())
}
