//! Addresses of the lab's devices.

use ipnet::IpNet;

use super::order::{Rank, Turn};
use super::{Draft, Op};
use crate::state::{End, Link};

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
    let unwanted: Vec<&IpNet> = have
        .iter()
        .filter(|a| !want.addresses.contains(a))
        .collect();
    let first = in_the_way(want, have, &unwanted);
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
    for address in &want.addresses {
        if !have.contains(address) || first.contains(&address) {
            let op = Op::AddAddress {
                end: end.clone(),
                address: *address,
            };
            draft.push(
                Rank::Configure(Turn::Address),
                op,
                "the file gives it this address",
            );
        }
    }
    for address in unwanted.into_iter().rev().filter(|a| !first.contains(a)) {
        let op = Op::DelAddress {
            end: end.clone(),
            address: *address,
        };
        draft.push(
            Rank::Configure(Turn::AddressGone),
            op,
            "the file no longer gives it this address",
        );
    }
    let v4 = |a: &&IpNet| a.addr().is_ipv4();
    if first.iter().any(&v4) && have.iter().filter(v4).all(|a| first.contains(&a)) {
        draft.flushed.insert(end.clone());
    }
}

/// The present addresses that must go before others can come. With an IPv4
/// address the kernel removes the later ones of its subnet, its secondaries
/// (`__inet_del_ifa`, unless promote_secondaries is set); an IPv6 address cannot
/// stand twice with two prefix lengths (EEXIST).
fn in_the_way<'a>(want: &Link, have: &'a [IpNet], unwanted: &[&IpNet]) -> Vec<&'a IpNet> {
    let mate = |a: &IpNet, b: &IpNet| match a.addr().is_ipv4() {
        true => a.trunc() == b.trunc(),
        false => a.addr() == b.addr(),
    };
    let replaced = |a: &IpNet| unwanted.contains(&a) && want.addresses.iter().any(|b| mate(a, b));
    let primary = |a: &IpNet| have.iter().find(|b| mate(a, b)).is_some_and(replaced);
    have.iter()
        .filter(|a| replaced(a) || (a.addr().is_ipv4() && primary(a)))
        .collect()
}
