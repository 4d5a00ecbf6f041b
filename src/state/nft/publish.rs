//! The rules by which a published port is reached.

use super::chain::ChainName;
use super::element::Family;
use super::routed;
use super::rule::{Field, Term, Test};
use super::set::SetName;

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

/// A port of every address of the host.
fn port() -> Vec<Field> {
    vec![Field::L4Proto, Field::Dport]
}

/// The same of one family.
fn of_family() -> Vec<Field> {
    vec![Field::NfProto, Field::L4Proto, Field::Dport]
}

/// A port of one address.
fn bound(family: Family) -> Vec<Field> {
    vec![Field::Daddr(family), Field::L4Proto, Field::Dport]
}

pub(super) fn of(family: Family, [four, six]: [SetName; 2]) -> SetName {
    match family {
        Family::Ipv4 => four,
        Family::Ipv6 => six,
    }
}

/// A port of one address goes before the same of all.
pub(super) fn publish() -> Vec<Vec<Term>> {
    let dnat = |family, fields, map| Term::Dnat(family, fields, map);
    let each = FAMILIES.map(|family| {
        let has_port = Term::Is(Test::HasPort);
        let own = of(family, [SetName::Bound4, SetName::Bound6]);
        let all = of(family, [SetName::Ports4, SetName::Ports6]);
        let ranges = of(family, [SetName::Ranges4, SetName::Ranges6]);
        vec![
            vec![has_port.clone(), dnat(family, bound(family), own)],
            vec![has_port, dnat(family, port(), all)],
            vec![dnat(family, bound(family), ranges)],
        ]
    });
    each.concat()
}

/// What is published to everybody, to those directly attached, to certain sources.
pub(super) fn prerouting() -> Vec<Vec<Term>> {
    let publish = || Term::Goto(ChainName::Publish);
    let mut rules = vec![
        vec![Term::Is(Test::NotLocal), Term::Return],
        vec![Term::In(of_family(), SetName::Public), publish()],
    ];
    for family in FAMILIES {
        let public = of(family, [SetName::Public4, SetName::Public6]);
        rules.push(vec![Term::In(bound(family), public), publish()]);
    }
    for family in FAMILIES {
        let near = of(family, [SetName::Near4, SetName::Near6]);
        let attached = Term::In(vec![Field::Saddr(family)], near);
        rules.push(vec![attached, Term::Jump(ChainName::Near)]);
    }
    for family in FAMILIES {
        let listed = of(family, [SetName::Seen4, SetName::Seen6]);
        let fields = [vec![Field::Saddr(family)], bound(family)].concat();
        rules.push(vec![Term::In(fields, listed), publish()]);
    }
    rules
}

pub(super) fn near() -> Vec<Vec<Term>> {
    let publish = || Term::Goto(ChainName::Publish);
    vec![
        vec![Term::In(of_family(), SetName::Lan), publish()],
        vec![Term::In(bound(Family::Ipv4), SetName::Lan4), publish()],
        vec![Term::In(bound(Family::Ipv6), SetName::Lan6), publish()],
    ]
}

/// This host itself may use every published port. An answer to `::1` could not come back
/// (`ip6_route_input`, net/ipv6/route.c, takes no packet for it from a device but `lo`): it is
/// left alone, and refused at once.
pub(super) fn output() -> Vec<Vec<Term>> {
    vec![
        vec![Term::Is(Test::NotLocal), Term::Return],
        vec![Term::Is(Test::ToLoopback6), Term::Return],
        vec![Term::Goto(ChainName::Publish)],
    ]
}

/// With `route_localnet` the kernel takes loopback addresses from other machines too
/// (Documentation/networking/ip-sysctl.rst): they are dropped before that. And a bridge's port
/// hands frames to Ethernet's reserved groups to the host past the bridge and its rules
/// (`br_handle_frame`, net/bridge/br_input.c): what is in one for the host itself is dropped,
/// as RFC 1122, 3.3.6 has it.
pub(super) fn raw() -> Vec<Vec<Term>> {
    vec![
        vec![
            Term::Is(Test::NotFromLo),
            Term::Is(Test::ToLoopback),
            Term::Drop,
        ],
        vec![
            Term::Is(Test::NotFromLo),
            Term::Is(Test::FromLoopback),
            Term::Drop,
        ],
        vec![
            Term::Is(Test::ByCableToGroup),
            Term::Is(Test::Local),
            Term::Drop,
        ],
        routed::checked(),
    ]
}
