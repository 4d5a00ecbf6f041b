//! The rules of a partition. A namespace is parted from others by their addresses: what it would
//! take itself is dropped, and what it hands on for others is not. No rule asks for the state of a
//! connection, so that one that runs stalls, too.

use super::element::Family;
use super::rule::{Field, Term, Test};
use super::set::SetName;

const IPV4: Family = Family::Ipv4;
const IPV6: Family = Family::Ipv6;

/// By one that is a router others pass on: it must be found on the link, as by ARP, which no table
/// of `inet` sees, and tell them what became of their packets.
fn but_for(drops: &[(&[Field], SetName)]) -> Vec<Vec<Term>> {
    let passes = [
        Test::LinkUpkeep,
        Test::Unreachable,
        Test::Expired,
        Test::Error6,
    ];
    let passes = passes.map(|test| vec![Term::Is(test), Term::Accept]);
    let drops = drops.iter();
    let drops = drops.map(|(fields, set)| vec![Term::In(fields.to_vec(), *set), Term::Drop]);
    passes.into_iter().chain(drops).collect()
}

/// What it takes. Nobody is told, as when a cable is cut.
pub(super) fn input() -> Vec<Vec<Term>> {
    but_for(&[
        (&[Field::Saddr(IPV4)], SetName::Parted4),
        (&[Field::Saddr(IPV6)], SetName::Parted6),
        (&[Field::IifName, Field::Saddr(IPV6)], SetName::PartedNear),
    ])
}

/// What it sends to where it would come with a router's address. Who sends is told, with EPERM:
/// that is what the kernel makes of it (`nf_hook_slow`, net/netfilter/core.c).
pub(super) fn output() -> Vec<Vec<Term>> {
    but_for(&[
        (&[Field::Daddr(IPV4)], SetName::Beyond4),
        (&[Field::Daddr(IPV6)], SetName::Beyond6),
    ])
}
