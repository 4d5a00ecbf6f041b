//! The rules by which the host is what a bridge is elsewhere: each interface of a routed
//! network has a cable of its own to it.

use super::chain::ChainName;
use super::element::Family;
use super::publish::of;
use super::rule::{Field, Term, Test};
use super::set::SetName;

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

/// Who is on one network reaches each other, but for two that are isolated. From elsewhere
/// nobody comes in by the address of one of them.
pub(super) fn beside() -> Vec<Vec<Term>> {
    let way = |family| {
        let sets = [SetName::Beside4, SetName::Beside6];
        let both = vec![Field::Saddr(family), Field::Daddr(family)];
        Term::In(both, of(family, sets))
    };
    let by = |field, set| Term::In(vec![field], set);
    let apart = |family| {
        vec![
            by(Field::IifName, SetName::Isolated),
            by(Field::OifName, SetName::Isolated),
            way(family),
            Term::Drop,
        ]
    };
    let together = |family| {
        vec![
            by(Field::IifName, SetName::Networks),
            way(family),
            Term::Accept,
        ]
    };
    [FAMILIES.map(apart), FAMILIES.map(together)].concat()
}

/// In the chain that packets meet before all others.
pub(super) fn checked() -> Vec<Term> {
    let port = Term::In(vec![Field::IifName], SetName::Routed);
    vec![port, Term::Goto(ChainName::Routed)]
}

/// As on a bridge: its own addresses, and no word of a router.
pub(super) fn port() -> Vec<Vec<Term>> {
    let own = |family| {
        let from = vec![Field::IifName, Field::Saddr(family)];
        let sets = [SetName::From4, SetName::From6];
        vec![Term::In(from, of(family, sets)), Term::Accept]
    };
    let [four, six] = FAMILIES.map(own);
    vec![
        vec![Term::Is(Test::RouterAdvert), Term::Drop],
        vec![Term::Is(Test::Redirect), Term::Drop],
        four,
        six,
        vec![Term::Drop],
    ]
}
