//! Addresses of the lab's devices.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::link::{is_set_down, is_small};
use super::order::{Rank, Turn};
use super::{Draft, Op, is_whole};
use crate::state::{
    AddrGen, End, Lifetime, Link, LinkKind, Namespace, broadcast, eui64, is_link_local,
};

pub(super) fn diff(draft: &mut Draft<'_>) {
    for (netns, want) in draft.wanted() {
        for (dev, link) in &want.links {
            let end = End {
                netns: netns.clone(),
                dev: dev.clone(),
            };
            diff_one(draft, &end, link);
        }
    }
}

fn diff_one(draft: &mut Draft<'_>, end: &End, want: &Link) {
    let have: &[IpNet] = draft.have_link(end).map_or(&[], |have| &have.addresses);
    // `lo` of a namespace that others made has theirs.
    let ours = is_whole(&end.netns) || want.kind != LinkKind::Loopback;
    let unwanted: Vec<&IpNet> = have
        .iter()
        .filter(|a| ours && !want.addresses.contains(a))
        .collect();
    let namespace = draft.desired.namespaces.get(&end.netns);
    let hops = namespace.map(next_hops).unwrap_or_default();
    let mut needed = namespace.map(own_addresses).unwrap_or_default();
    needed.extend(&hops);
    let hidden = namespace.map(broadcasts).unwrap_or_default();
    let first = in_the_way(want, have, &unwanted, &|have| {
        let address = have.addr();
        let taken = hops.contains(&address) || hidden.contains(&address);
        taken || hides(have, &needed) || namespace.is_some_and(|want| is_routed(have, want))
    });
    // Newest first: a secondary address goes before its primary.
    for address in first.iter().rev() {
        let op = Op::DelAddress {
            end: end.clone(),
            address: **address,
        };
        draft.push(
            Rank::Configure(Turn::AddressInTheWay),
            op,
            "another takes its place",
        );
    }
    give(draft, end, want, &first);
    for address in unwanted.into_iter().rev().filter(|a| !first.contains(a)) {
        let op = Op::DelAddress {
            end: end.clone(),
            address: *address,
        };
        let because = match is_set_down(draft, end) {
            true => "its device is set down",
            false => "the file has no such address",
        };
        draft.push(Rank::Configure(Turn::AddressGone), op, because);
    }
    if !first.is_empty() {
        let stay = have.iter().filter(|a| !first.contains(a)).copied();
        draft.meanwhile.insert(end.clone(), stay.collect());
    }
    let v4 = |a: &&IpNet| a.addr().is_ipv4();
    if first.iter().any(&v4) && have.iter().filter(v4).all(|a| first.contains(&a)) {
        draft.flushed.insert(end.clone());
    }
}

/// Adds what is not there, and keeps what would go in time.
fn give(draft: &mut Draft<'_>, end: &End, want: &Link, gone: &[&IpNet]) {
    let rank = Rank::Configure(Turn::Address);
    let have = draft.have_link(end);
    let is_gone = |address: &IpNet| gone.contains(&address);
    let stays = |a: &IpNet| have.is_some_and(|have| have.addresses.contains(a)) && !is_gone(a);
    let expiring = |a: &IpNet| have?.expiring.get(a).filter(|_| !is_gone(a));
    for address in &want.addresses {
        let (end, address) = (end.clone(), *address);
        if let Some(was) = expiring(&address) {
            let op = Op::SetLifetime {
                end,
                address,
                lifetime: Lifetime::FOREVER,
                was: *was,
            };
            draft.push(rank, op, "the file gives it for good");
        } else if !stays(&address) {
            draft.push(rank, Op::AddAddress { end, address }, because(&address));
        }
    }
    if let Some(address) = lost(draft, end, want) {
        let end = end.clone();
        draft.push(rank, Op::AddAddress { end, address }, because(&address));
    }
}

/// The link-local address that the kernel makes when a device comes up, and not again when
/// somebody removes it, nor when a device that is up is told to make one.
fn lost(draft: &Draft<'_>, end: &End, want: &Link) -> Option<IpNet> {
    let have = draft.have_link(end)?;
    let given = want.addresses.iter().any(is_link_local);
    let stays = want.up && !given && want.addrgen != Some(AddrGen::None) && !is_small(want.mtu);
    let mac = want
        .mac
        .or(have.mac)
        .filter(|_| have.mute && have.up && stays);
    mac.map(eui64)
}

fn because(address: &IpNet) -> &'static str {
    match is_link_local(address) {
        true => "IPv6 neighbours are looked for from a link-local address",
        false => "the file gives it this address",
    }
}

/// Whom the namespace's routes are to go by.
fn next_hops(want: &Namespace) -> BTreeSet<IpAddr> {
    want.routes.iter().filter_map(|route| route.via).collect()
}

/// The addresses that the namespace is to have.
fn own_addresses(want: &Namespace) -> BTreeSet<IpAddr> {
    let all = want.links.values().flat_map(|link| &link.addresses);
    all.map(IpNet::addr).collect()
}

/// Where one of these is the broadcast address of a subnet that is still there, the
/// kernel makes no connected route for it (`fib_add_ifaddr`) and takes it for no next hop
/// (`fib_check_nh_v4_gw`, net/ipv4/fib_semantics.c).
fn hides(have: &IpNet, wanted: &BTreeSet<IpAddr>) -> bool {
    broadcast(have).is_some_and(|address| wanted.contains(&address))
}

/// Whether the kernel's route to the subnet of an IPv4 address is in the place of another that
/// the namespace is to have. The one of an IPv6 address has a metric of its own.
fn is_routed(have: &IpNet, want: &Namespace) -> bool {
    let same = |to: &IpNet| have.addr().is_ipv4() && have.prefix_len() < 32 && have.trunc() == *to;
    let mut routes = want.routes.iter();
    routes.any(|route| same(&route.to) && route.metric.is_none())
}

/// The broadcast addresses of the subnets that the namespace is to have. One that is
/// still an address when its subnet comes could not come back when that is undone.
fn broadcasts(want: &Namespace) -> BTreeSet<IpAddr> {
    let all = want.links.values().flat_map(|link| &link.addresses);
    all.filter_map(broadcast).collect()
}

/// The present addresses that must go before others can come. With an IPv4
/// address the kernel removes the later ones of its subnet, its secondaries
/// (`__inet_del_ifa`, unless promote_secondaries is set); an IPv6 address cannot
/// stand twice with two prefix lengths (EEXIST). A next hop must not be one's own
/// address: IPv6 refuses it (`ip6_validate_gw`), IPv4 takes it for "on the link"; this
/// and the like is what `bars` says of a present address.
fn in_the_way<'a>(
    want: &Link,
    have: &'a [IpNet],
    unwanted: &[&IpNet],
    bars: &impl Fn(&IpNet) -> bool,
) -> Vec<&'a IpNet> {
    let mate = |a: &IpNet, b: &IpNet| match a.addr().is_ipv4() {
        true => a.trunc() == b.trunc(),
        false => a.addr() == b.addr(),
    };
    let hop = |a: &IpNet| unwanted.contains(&a) && bars(a);
    let mates = |a: &IpNet| want.addresses.iter().any(|b| mate(a, b));
    let replaced = |a: &IpNet| hop(a) || unwanted.contains(&a) && mates(a);
    let primary = |a: &IpNet| have.iter().find(|b| mate(a, b)).is_some_and(replaced);
    have.iter()
        .filter(|a| match a.addr().is_ipv4() {
            true => hop(a) || primary(a),
            false => replaced(a),
        })
        .collect()
}
