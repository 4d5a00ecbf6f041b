//! Routes of the main table.

use ipnet::IpNet;

use super::{Failure, device, refuse};
use crate::state::{IP6_METRIC, IfName, Namespace, Route, broadcast};

fn metric(route: &Route) -> u32 {
    let usual = if route.to.addr().is_ipv6() {
        IP6_METRIC
    } else {
        0
    };
    route.metric.unwrap_or(usual)
}

/// As it is listed: without a metric that is the kernel's own choice.
fn listed(route: &Route) -> Route {
    let bare = Route {
        metric: None,
        ..route.clone()
    };
    match metric(route) == metric(&bare) {
        true => bare,
        false => route.clone(),
    }
}

/// The kernel tells routes of one table apart by destination and metric.
fn same_place(a: &Route, b: &Route) -> bool {
    (a.to, metric(a)) == (b.to, metric(b))
}

pub(super) fn rename_device(namespace: &mut Namespace, from: &IfName, to: &IfName) {
    let (by_it, others): (Vec<Route>, Vec<Route>) = std::mem::take(&mut namespace.routes)
        .into_iter()
        .partition(|route| route.dev == *from);
    let renamed = by_it.into_iter().map(|route| Route {
        dev: to.clone(),
        ..route
    });
    namespace.routes = others.into_iter().chain(renamed).collect();
}

/// A next hop must be on the subnet of an address of the device, which must be up
/// (`fib_check_nh`, net/ipv4/fib_semantics.c; `ip6_route_check_nh`, net/ipv6/route.c).
fn check(namespace: &mut Namespace, route: &Route) -> Result<(), Failure> {
    let link = device::get(namespace, &route.dev)?;
    if !link.up {
        return refuse(libc::ENETDOWN);
    }
    let Some(via) = route.via else { return Ok(()) };
    if link.addresses.iter().any(|address| address.addr() == via) {
        return refuse(libc::EINVAL);
    }
    if link.addresses.iter().any(|net| broadcast(net) == Some(via)) {
        return refuse(libc::EINVAL);
    }
    match link.addresses.iter().any(|net| net.contains(&via)) {
        true => Ok(()),
        false if via.is_ipv4() => refuse(libc::ENETUNREACH),
        false => refuse(libc::EHOSTUNREACH),
    }
}

pub(super) fn add(namespace: &mut Namespace, route: &Route) -> Result<(), Failure> {
    check(namespace, route)?;
    if namespace
        .routes
        .iter()
        .any(|other| same_place(other, route))
    {
        return refuse(libc::EEXIST);
    }
    namespace.routes.insert(listed(route));
    Ok(())
}

pub(super) fn replace(namespace: &mut Namespace, route: &Route) -> Result<(), Failure> {
    check(namespace, route)?;
    namespace.routes.retain(|other| !same_place(other, route));
    namespace.routes.insert(listed(route));
    Ok(())
}

/// Asked for without a metric, the route of the lowest metric goes that has the
/// same destination, next hop and device (`ip6_route_del`, `fib_nh_match`).
pub(super) fn delete(namespace: &mut Namespace, route: &Route) -> Result<(), Failure> {
    let same = |other: &&Route| {
        let place = (other.to, other.via, &other.dev) == (route.to, route.via, &route.dev);
        place && route.metric.is_none_or(|asked| asked == metric(other))
    };
    let found = namespace
        .routes
        .iter()
        .filter(same)
        .min_by_key(|r| metric(r));
    match found.cloned() {
        Some(found) => {
            namespace.routes.remove(&found);
            Ok(())
        }
        None => refuse(libc::ESRCH),
    }
}

pub(super) fn flush(namespace: &mut Namespace, dev: &IfName, which: impl Fn(&IpNet) -> bool) {
    namespace
        .routes
        .retain(|route| route.dev != *dev || !which(&route.to));
}
