//! Addresses of devices.

use ipnet::IpNet;

use super::{Failure, device, refuse, route};
use crate::state::{
    AddrGen, IfName, Lifetime, LinkKind, Namespace, Route, broadcast, is_generated,
};

pub(super) fn add(namespace: &mut Namespace, dev: &IfName, new: IpNet) -> Result<(), Failure> {
    let link = device::get(namespace, dev)?;
    if new.addr().is_ipv6() && !device::has_ipv6(link) {
        return refuse(libc::EINVAL);
    }
    // An IPv6 address cannot stand twice, whatever its prefix (`ipv6_add_addr`).
    let same = |old: &IpNet| match new {
        IpNet::V4(_) => *old == new,
        IpNet::V6(_) => old.addr() == new.addr(),
    };
    if link.addresses.iter().any(same) {
        return refuse(libc::EEXIST);
    }
    // The kernel takes it, and makes no route to its subnet (`fib_add_ifaddr`).
    let mut others = namespace.links.values().flat_map(|link| &link.addresses);
    if others.any(|other| broadcast(other) == Some(new.addr())) {
        return refuse(libc::EADDRINUSE);
    }
    let link = device::get(namespace, dev)?;
    if link.expiring.contains_key(&new) {
        return refuse(libc::EEXIST);
    }
    // One that the kernel could have made is not listed as given.
    if is_generated(&new) && link.addrgen == Some(AddrGen::Eui64) {
        link.mute = false;
    } else {
        link.addresses.push(new);
    }
    Ok(())
}

pub(super) fn set_lifetime(
    namespace: &mut Namespace,
    dev: &IfName,
    address: IpNet,
    lifetime: Lifetime,
) -> Result<(), Failure> {
    let link = device::get(namespace, dev)?;
    if !link.addresses.contains(&address) && !link.expiring.contains_key(&address) {
        return refuse(libc::EADDRNOTAVAIL);
    }
    link.expiring.remove(&address);
    if lifetime != Lifetime::FOREVER {
        link.expiring.insert(address, lifetime);
    }
    if address.addr().is_ipv6() {
        // `inet6_addr_modify` restores the route to its subnet.
        let restored = |route: &Route| route.dev == *dev && route.to == address.trunc();
        namespace.lost.retain(|route| !restored(route));
    }
    let link = device::get(namespace, dev)?;
    if lifetime.valid != u32::MAX {
        link.addresses.retain(|other| *other != address);
    } else if !link.addresses.contains(&address) {
        link.addresses.push(address);
    }
    Ok(())
}

/// With the primary IPv4 address of a subnet its secondaries go (`__inet_del_ifa`,
/// net/ipv4/devinet.c, with promote_secondaries off), and with the last address of
/// the device its routes (`fib_disable_ip`, net/ipv4/fib_frontend.c).
pub(super) fn delete(namespace: &mut Namespace, dev: &IfName, old: IpNet) -> Result<(), Failure> {
    let link = device::get(namespace, dev)?;
    if is_generated(&old) && link.addrgen == Some(AddrGen::Eui64) && !link.mute {
        link.mute = true;
        return Ok(());
    }
    let mates = |other: &&IpNet| other.trunc() == old.trunc();
    let primary = old.addr().is_ipv4() && link.addresses.iter().find(mates) == Some(&old);
    let before = link.addresses.len();
    (link.addresses).retain(|a| *a != old && !(primary && a.trunc() == old.trunc()));
    if link.addresses.len() == before {
        return refuse(libc::EADDRNOTAVAIL);
    }
    let left = link.addresses.iter().any(|a| a.addr().is_ipv4());
    let subnets: Vec<IpNet> = link.addresses.iter().map(IpNet::trunc).collect();
    // `lo` has 127.0.0.1 still.
    let flushed = old.addr().is_ipv4() && !left && link.kind != LinkKind::Loopback;
    // The route to a subnet goes with the last address in it.
    let stays = |route: &Route| route.dev != *dev || subnets.contains(&route.to);
    namespace.lost.retain(stays);
    if flushed {
        route::flush(namespace, dev, |to| to.addr().is_ipv4());
    }
    Ok(())
}
