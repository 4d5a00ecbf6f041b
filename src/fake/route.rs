//! Routes of the main table.

use ipnet::IpNet;

use super::{Failure, device, refuse};
use crate::state::{
    Fate, IP6_METRIC, IfName, IpRule, LinkKind, Namespace, Origin, Route, RouteOptions, Scope,
    broadcast,
};

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
    let mut listed = Route {
        metric: None,
        ..route.clone()
    };
    if metric(route) != metric(&listed) {
        listed.metric = route.metric;
    }
    // IPv6 has none.
    let usual = Scope::usual(route.via.is_none());
    let v4 = route.to.addr().is_ipv4();
    let scope = &mut listed.options.scope;
    *scope = scope.filter(|scope| v4 && *scope != usual);
    listed
}

/// The kernel tells routes of one table apart by destination and metric.
fn same_place(a: &Route, b: &Route) -> bool {
    (a.to, metric(a)) == (b.to, metric(b))
}

pub(super) fn rename_device(namespace: &mut Namespace, from: &IfName, to: &IfName) {
    for routes in [&mut namespace.routes, &mut namespace.lost] {
        let (by_it, others): (Vec<Route>, Vec<Route>) = std::mem::take(routes)
            .into_iter()
            .partition(|route| route.dev == *from);
        let renamed = by_it.into_iter().map(|route| Route {
            dev: to.clone(),
            ..route
        });
        *routes = others.into_iter().chain(renamed).collect();
    }
}

/// The route to a subnet that the kernel makes with an address of a device that is up.
pub(super) fn connected(namespace: &Namespace, dev: &IfName, to: IpNet) -> Option<Route> {
    let link = namespace.links.get(dev).filter(|link| link.up)?;
    let address = link.addresses.iter().find(|a| a.trunc() == to)?;
    let v4 = to.addr().is_ipv4();
    let alone = v4 && (to.prefix_len() == 32 || link.kind == LinkKind::Loopback);
    (!alone).then(|| Route {
        to,
        via: None,
        dev: dev.clone(),
        metric: (!v4).then_some(256),
        origin: Origin::Kernel,
        fate: Fate::Unicast,
        src: Some(address.addr()).filter(|_| v4),
        options: RouteOptions::default(),
    })
}

/// A next hop must be on the subnet of an address of the device, or on a route by it, which must be up
/// (`fib_check_nh`, net/ipv4/fib_semantics.c; `ip6_route_check_nh`, net/ipv6/route.c).
fn check(namespace: &mut Namespace, route: &Route) -> Result<(), Failure> {
    if route.fate != Fate::Unicast {
        return Ok(());
    }
    let link = device::get(namespace, &route.dev)?;
    if !link.up {
        return refuse(libc::ENETDOWN);
    }
    let Some(via) = route.via else { return Ok(()) };
    // "Nexthop has invalid scope", "Route with host scope can not have a gateway".
    if route.options.scope >= Some(Scope::LINK) {
        return refuse(libc::EINVAL);
    }
    if link.addresses.iter().any(|address| address.addr() == via) {
        return refuse(libc::EINVAL);
    }
    if link.addresses.iter().any(|net| broadcast(net) == Some(via)) {
        return refuse(libc::EINVAL);
    }
    let near = link.addresses.iter().any(|net| net.contains(&via));
    let by_link = |other: &Route| {
        let whole = other.via.is_none() && other.fate == Fate::Unicast;
        whole && other.dev == route.dev && other.to.contains(&via)
    };
    match near || namespace.routes.iter().any(by_link) {
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
    put(namespace, route)
}

/// The kernel's own are represented by their absence.
fn put(namespace: &mut Namespace, route: &Route) -> Result<(), Failure> {
    if route.origin != Origin::Kernel {
        namespace.routes.insert(listed(route));
    } else if !namespace.lost.remove(route) {
        return refuse(libc::EEXIST);
    }
    Ok(())
}

pub(super) fn replace(namespace: &mut Namespace, route: &Route) -> Result<(), Failure> {
    check(namespace, route)?;
    namespace.routes.retain(|other| !same_place(other, route));
    let own = connected(namespace, &route.dev, route.to);
    let own = own.filter(|own| route.origin != Origin::Kernel && same_place(own, route));
    namespace.lost.extend(own);
    put(namespace, route)
}

/// Asked for without a metric, the route of the lowest metric goes that has the
/// same destination, next hop and device (`ip6_route_del`, `fib_nh_match`).
pub(super) fn delete(namespace: &mut Namespace, route: &Route) -> Result<(), Failure> {
    if route.origin == Origin::Kernel {
        return match connected(namespace, &route.dev, route.to) {
            Some(own) if namespace.lost.insert(own.clone()) => Ok(()),
            _ => refuse(libc::ESRCH),
        };
    }
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
    for routes in [&mut namespace.routes, &mut namespace.lost] {
        routes.retain(|route| route.dev != *dev || !which(&route.to));
    }
}

/// The kernel's own are represented by their absence.
pub(super) fn add_rule(namespace: &mut Namespace, rule: &IpRule) -> Result<(), Failure> {
    let new = namespace.lost_rules.remove(rule) || namespace.odd_rules.insert(rule.clone());
    if new { Ok(()) } else { refuse(libc::EEXIST) }
}

/// Those that are no others' are the kernel's.
pub(super) fn delete_rule(namespace: &mut Namespace, rule: &IpRule) -> Result<(), Failure> {
    let there = namespace.odd_rules.remove(rule) || namespace.lost_rules.insert(rule.clone());
    if there { Ok(()) } else { refuse(libc::ENOENT) }
}
