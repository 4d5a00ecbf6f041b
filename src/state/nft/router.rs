//! The rules of a router. What it does is said by the sets: a device is in those that make up
//! its kind of NAT (docs/nat.md).

use super::chain::ChainName;
use super::element::Family;
use super::rule::{Field, NewAddress, NewPort, Term, Test};
use super::set::SetName;

const IPV4: Family = Family::Ipv4;
const IPV6: Family = Family::Ipv6;

fn by(field: Field, set: SetName) -> Term {
    Term::In(vec![field], set)
}

fn of_family(device: Field, set: SetName) -> Term {
    Term::In(vec![Field::NfProto, device], set)
}

/// What the router itself takes from outside: answers, a ping, and what keeps a link alive.
pub(super) fn input() -> Vec<Vec<Term>> {
    vec![
        vec![Term::Is(Test::Established), Term::Accept],
        vec![Term::Is(Test::Echo), Term::Accept],
        vec![Term::Is(Test::Echo6), Term::Accept],
        vec![Term::Is(Test::LinkUpkeep), Term::Accept],
        vec![of_family(Field::IifName, SetName::Closed), Term::Drop],
    ]
}

/// What is of no connection is not translated either, and would leave with an address of the
/// inside. What was sent to a port of an endpoint has found it in a map.
pub(super) fn forward() -> Vec<Vec<Term>> {
    let ports = vec![Field::OifName, Field::L4Proto, Field::Dport];
    vec![
        vec![of_family(Field::IifName, SetName::Blocked), Term::Drop],
        vec![of_family(Field::OifName, SetName::Blocked), Term::Drop],
        vec![Term::Is(Test::Established), Term::Accept],
        vec![
            by(Field::OifName, SetName::Outside),
            Term::Is(Test::Invalid),
            Term::Drop,
        ],
        vec![
            Term::In(vec![Field::OifName, Field::L4Proto], SetName::Stopped),
            Term::Drop,
        ],
        vec![
            by(Field::OifName, SetName::Strict),
            Term::NotIn(ports, SetName::Passes),
            Term::Drop,
        ],
        vec![Term::Is(Test::Published), Term::Accept],
        vec![of_family(Field::IifName, SetName::Closed), Term::Drop],
    ]
}

/// Who finds an endpoint at its port outside: those outside as the kind of NAT says, and those
/// inside where it leads them back (RFC 4787, 6).
pub(super) fn prerouting() -> Vec<Vec<Term>> {
    let udp_by = |set| vec![by(Field::IifName, set), Term::Is(Test::Udp)];
    let known = vec![Field::Saddr(IPV4), Field::Daddr(IPV4), Field::Dport];
    let known = Term::In(known, SetName::Contacted);
    let there = || Term::Goto(ChainName::Endpoint);
    vec![
        [udp_by(SetName::Anybody), vec![there()]].concat(),
        [udp_by(SetName::Restricted), vec![known, there()]].concat(),
        [udp_by(SetName::Loop), vec![there()]].concat(),
        vec![
            by(Field::IifName, SetName::Outside),
            Term::Prefix(Field::Daddr(IPV6), SetName::Inwards6),
        ],
    ]
}

/// Whose a port outside is.
pub(super) fn endpoint() -> Vec<Vec<Term>> {
    let at = vec![Field::Daddr(IPV4), Field::Dport];
    vec![vec![
        Term::Is(Test::Udp),
        Term::Dnat(IPV4, at, SetName::Endpoints),
    ]]
}

/// An endpoint that has a port outside keeps it, whoever it speaks with (RFC 4787, REQ-1). One
/// that has none gets its own, unless that is another's: the kernel would give it to both, as
/// long as they speak with different hosts (`nf_nat_used_tuple`, net/netfilter/nf_nat_core.c).
pub(super) fn postrouting() -> Vec<Vec<Term>> {
    let mut rules = Vec::new();
    let back = vec![
        by(Field::IifName, SetName::Loop),
        Term::Is(Test::Published),
        Term::Is(Test::Udp),
    ];
    let out = vec![by(Field::OifName, SetName::Stable), Term::Is(Test::Udp)];
    let apart = vec![
        by(Field::OifName, SetName::Symmetric),
        Term::Is(Test::Ipv4),
        Term::Snat(NewAddress::Device, NewPort::Random),
    ];
    rules.extend(ports(&back, NewAddress::Asked));
    rules.push([back, vec![Term::Snat(NewAddress::Asked, NewPort::Same)]].concat());
    rules.push(apart);
    rules.extend(ports(&out, NewAddress::Device));
    rules.extend([
        vec![
            by(Field::OifName, SetName::Stable),
            Term::Is(Test::Ipv4),
            Term::Masquerade,
        ],
        vec![
            by(Field::OifName, SetName::Nat66),
            Term::Is(Test::Ipv6),
            Term::Masquerade,
        ],
        vec![
            by(Field::OifName, SetName::Outside),
            Term::Prefix(Field::Saddr(IPV6), SetName::Prefixes6),
        ],
    ]);
    rules
}

/// The port that an endpoint has, and another one where its own is taken.
fn ports(when: &[Term], address: NewAddress) -> [Vec<Term>; 2] {
    let mapped = [when, &[Term::Snat(address, NewPort::Mapped)]].concat();
    let taken = [
        by(Field::Sport, SetName::Taken),
        Term::Snat(address, NewPort::Other),
    ];
    [mapped, [when, &taken].concat()]
}

/// What leaves with one of the router's addresses keeps its endpoint's port for it; what comes
/// in does not (RFC 4787, REQ-6). `update` leaves an element that is there as it is, but for
/// its time (`nft_dynset_eval`, net/netfilter/nft_dynset.c).
pub(super) fn bindings() -> Vec<Vec<Term>> {
    let sent = [
        by(Field::Saddr(IPV4), SetName::External4),
        Term::Is(Test::Udp),
    ];
    let there = || vec![Field::Saddr(IPV4), Field::Sport];
    let endpoint = |direction, address, port| {
        let when = [&sent[..], &[Term::Is(direction)]].concat();
        let own = || vec![address, port];
        let mapped = Term::Update(SetName::Mapped, own(), vec![Field::Sport]);
        let whose = Term::Update(SetName::Endpoints, there(), own());
        [mapped, whose].map(|update| [&when[..], &[update]].concat())
    };
    let with = [Field::Daddr(IPV4), Field::Saddr(IPV4), Field::Sport];
    let noted = [
        Term::Update(SetName::Taken, vec![Field::Sport], Vec::new()),
        Term::Update(SetName::Contacted, with.to_vec(), Vec::new()),
    ];
    let original = endpoint(Test::Original, Field::OriginalSaddr, Field::OriginalSport);
    let reply = endpoint(Test::Reply, Field::ReplySaddr, Field::ReplySport);
    let noted = noted.map(|update| [&sent[..], &[update]].concat());
    [original, reply, noted].concat()
}
