//! Rules made by hand, on packets made by hand. What the kernel itself does with packets is
//! compared in tests/kernel/filter.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::state::Verdict;
use crate::state::ruleset::*;

/// Nothing is known of addresses.
struct Nobody;

impl Ask for Nobody {
    fn address_type(&self, _: IpAddr, _: Option<&str>) -> Option<AddressType> {
        None
    }
}

fn rule(expressions: Vec<Expression>) -> ListedRule {
    ListedRule {
        handle: Some(7),
        comment: None,
        expressions,
    }
}

fn chain(base: Option<(Hook, &str, i32, bool)>, rules: Vec<ListedRule>) -> RuleChain {
    let base = base.map(|(hook, kind, priority, drops)| BaseChain {
        hook,
        kind: kind.to_owned(),
        priority,
        made: 0,
        drops,
        devices: Vec::new(),
    });
    RuleChain { base, rules }
}

fn table(chains: Vec<(&str, RuleChain)>) -> RuleTable {
    let named = chains.into_iter();
    RuleTable {
        family: TableFamily::Inet,
        name: "t".to_owned(),
        legacy: false,
        dormant: false,
        chains: named
            .map(|(name, chain)| (name.to_owned(), chain))
            .collect(),
        sets: BTreeMap::new(),
    }
}

fn ruleset(table: RuleTable) -> Ruleset {
    Ruleset {
        tables: vec![table],
        legacy: Vec::new(),
    }
}

/// One base chain `c` of a forwarding filter, which drops or not.
fn forward(drops: bool, rules: Vec<ListedRule>) -> RuleTable {
    let base = Some((Hook::Forward, "filter", 0, drops));
    table(vec![("c", chain(base, rules))])
}

fn packet() -> Packet {
    let mut packet = Packet::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), 6);
    (packet.source_port, packet.destination_port) = (40000, 80);
    packet.iif = Some(("a".to_owned(), 2));
    packet.oif = Some(("b".to_owned(), 3));
    packet
}

fn seen(ruleset: &Ruleset) -> Passage {
    pass(ruleset, Layer::Ip, Hook::Forward, &packet(), &Nobody)
}

fn load(base: Header, offset: usize, length: usize) -> Expression {
    let payload = Payload {
        base,
        offset,
        length,
    };
    Expression::Payload(payload, 0)
}

fn is(value: &[u8]) -> Expression {
    Expression::Compare(Comparison::Equal, 0, value.to_vec())
}

/// That nobody knows.
fn perhaps() -> Expression {
    Expression::Unknown("odd".to_owned())
}

fn then(verdict: Verdict) -> Expression {
    Expression::Verdict(verdict)
}

#[test]
fn the_rule_or_the_policy_that_decides_is_named() {
    let port = vec![load(Header::Transport, 2, 2), is(&[0, 80])];
    let rules = vec![rule([port, vec![then(Verdict::Accept)]].concat())];
    let passage = seen(&ruleset(forward(true, rules)));
    assert_eq!(passage.fate, Fate::Accept);
    let line = passage.line.unwrap();
    assert_eq!(
        (line.handle, line.text.as_str()),
        (Some(7), "th dport 80 accept")
    );
    let passage = seen(&ruleset(forward(true, Vec::new())));
    assert_eq!(passage.fate, Fate::Drop);
    assert_eq!(passage.line.unwrap().text, "policy drop");
    let passage = seen(&ruleset(forward(false, Vec::new())));
    assert_eq!((passage.fate, passage.line), (Fate::Accept, None));
}

#[test]
fn doubts_that_lead_to_one_end_are_none() {
    let doubtful = |verdict| rule(vec![perhaps(), then(verdict)]);
    let sure = |verdict| rule(vec![then(verdict)]);
    let fate = |drops, rules| seen(&ruleset(forward(drops, rules))).fate;
    let unknown = Fate::Unknown("odd".to_owned());
    assert_eq!(fate(true, vec![doubtful(Verdict::Drop)]), Fate::Drop);
    assert_eq!(fate(true, vec![doubtful(Verdict::Return)]), Fate::Drop);
    assert_eq!(fate(true, vec![doubtful(Verdict::Accept)]), unknown);
    let both = vec![doubtful(Verdict::Accept), sure(Verdict::Accept)];
    assert_eq!(fate(true, both), Fate::Accept);
    let returned = vec![doubtful(Verdict::Return), sure(Verdict::Drop)];
    assert_eq!(fate(false, returned.clone()), unknown);
    assert_eq!(fate(true, returned), Fate::Drop);
    let never = vec![rule(vec![
        perhaps(),
        load(Header::Transport, 2, 2),
        is(&[1, 1]),
        then(Verdict::Drop),
    ])];
    assert_eq!(fate(false, never), Fate::Accept);
}

/// The last rule by which the ways part is named, not one before that changes nothing.
#[test]
fn the_rule_in_doubt_is_named() {
    let mut table = forward(
        false,
        vec![
            rule(vec![perhaps(), then(Verdict::Jump("log".to_owned()))]),
            ListedRule {
                handle: Some(9),
                ..rule(vec![perhaps(), then(Verdict::Drop)])
            },
        ],
    );
    table
        .chains
        .insert("log".to_owned(), chain(None, Vec::new()));
    let passage = seen(&ruleset(table));
    assert_eq!(passage.fate, Fate::Unknown("odd".to_owned()));
    assert_eq!(passage.line.unwrap().handle, Some(9));
}

/// A mark that may have been set is not known; one that was set either way is.
#[test]
fn marks_of_both_ways_come_together() {
    let set = |doubt: bool, mark: u32| {
        let mut all = if doubt { vec![perhaps()] } else { Vec::new() };
        all.push(Expression::Immediate(mark.to_ne_bytes().to_vec(), 0));
        all.push(Expression::SetMeta(Meta::Mark, 0));
        rule(all)
    };
    let mark = |rules| seen(&ruleset(forward(false, rules))).packet.mark;
    assert_eq!(mark(vec![set(false, 5)]), 5.into());
    let known = u32::MAX - 4;
    assert_eq!(
        mark(vec![set(false, 1), set(true, 5)]),
        Bits { value: 1, known }
    );
}

#[test]
fn a_dormant_table_and_one_of_another_family_say_nothing() {
    let drop = vec![rule(vec![then(Verdict::Drop)])];
    let dormant = RuleTable {
        dormant: true,
        ..forward(true, drop.clone())
    };
    let other = RuleTable {
        family: TableFamily::Ip6,
        ..forward(true, drop)
    };
    let rules = Ruleset {
        tables: vec![dormant, other],
        legacy: Vec::new(),
    };
    assert_eq!(seen(&rules).fate, Fate::Accept);
}

#[test]
fn old_tables_that_were_not_read_leave_all_open() {
    let rules = |names: &[&str]| Ruleset {
        tables: Vec::new(),
        legacy: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let unknown = Fate::Unknown("table ip filter of iptables-legacy".to_owned());
    assert_eq!(seen(&rules(&["ip raw", "ip filter"])).fate, unknown);
    assert_eq!(
        seen(&rules(&["ip raw", "ip nat", "ip6 filter"])).fate,
        Fate::Accept
    );
}

/// What was decided on the first packet is done where rules would be asked, so that what is
/// behind sees it.
#[test]
fn an_established_connection_keeps_its_addresses() {
    let to = |octet: u8| vec![load(Header::Network, 16, 4), is(&[10, 0, 0, octet])];
    let filter = |priority| Some((Hook::Prerouting, "filter", priority, false));
    let nat = Some((Hook::Prerouting, "nat", -100, false));
    let drop = |octet| vec![rule([to(octet), vec![then(Verdict::Drop)]].concat())];
    let mut table = table(vec![
        ("before", chain(filter(-150), drop(9))),
        ("nat", chain(nat, vec![rule(vec![then(Verdict::Drop)])])),
        ("behind", chain(filter(0), drop(2))),
    ]);
    let mut packet = packet();
    packet.connection.state = ConnectionState::Established;
    packet.connection.translation = Some(Rewrite {
        kind: NatKind::Destination,
        address: Some(([10, 0, 0, 9].into(), [10, 0, 0, 9].into())),
        port: Some((8080, 8080)),
    });
    let run = |table: &RuleTable| {
        pass(
            &ruleset(table.clone()),
            Layer::Ip,
            Hook::Prerouting,
            &packet,
            &Nobody,
        )
    };
    let passage = run(&table);
    assert_eq!(passage.fate, Fate::Accept);
    assert_eq!(passage.packet.destination, IpAddr::from([10, 0, 0, 9]));
    assert_eq!(passage.packet.destination_port, 8080);
    table.chains.get_mut("behind").unwrap().rules = drop(9);
    assert_eq!(run(&table).fate, Fate::Drop);
}

#[test]
fn bits_are_shifted_as_the_kernel_does() {
    let shift = |op, value: u32| {
        let bitwise = Bitwise {
            op,
            from: 0,
            to: 0,
            length: 4,
        };
        let rules = vec![rule(vec![
            Expression::Immediate(value.to_ne_bytes().to_vec(), 0),
            Expression::Bitwise(bitwise),
            Expression::SetMeta(Meta::Mark, 0),
        ])];
        seen(&ruleset(forward(false, rules))).packet.mark
    };
    assert_eq!(shift(BitwiseOp::Left(4), 0x1234), 0x12340.into());
    assert_eq!(shift(BitwiseOp::Right(4), 0x1234), 0x123.into());
    let masked = BitwiseOp::MaskXor(
        0xff00u32.to_ne_bytes().to_vec(),
        1u32.to_ne_bytes().to_vec(),
    );
    assert_eq!(shift(masked, 0x1234), 0x1201.into());
}

/// A table may be read half way, and a chain lead in a circle.
#[test]
fn a_circle_ends() {
    let circle = vec![rule(vec![then(Verdict::Jump("c".to_owned()))])];
    let passage = seen(&ruleset(forward(false, circle)));
    assert!(matches!(passage.fate, Fate::Unknown(_)), "{passage:?}");
}

/// A rule of a random ruleset: whether its condition holds, and the verdict.
fn random_rule() -> impl Strategy<Value = (Option<bool>, usize)> {
    (
        prop_oneof![Just(Some(true)), Just(Some(false)), Just(None)],
        0..5usize,
    )
}

/// Rules with each doubt made sure, one way or the other, by the bits of a number.
fn made(chains: &[Vec<(Option<bool>, usize)>], sure: Option<u32>) -> Ruleset {
    let mut doubts = 0;
    let mut all = Vec::new();
    for (number, rules) in chains.iter().enumerate() {
        let rules = rules.iter().map(|(holds, verdict)| {
            let holds = holds.or_else(|| {
                doubts += 1;
                sure.map(|sure| sure & 1 << (doubts - 1) != 0)
            });
            let condition = match holds {
                None => vec![perhaps()],
                Some(true) => vec![load(Header::Transport, 2, 2), is(&[0, 80])],
                Some(false) => vec![load(Header::Transport, 2, 2), is(&[0, 81])],
            };
            let next = format!("c{}", number + 1);
            let verdict = match verdict {
                0 => Verdict::Accept,
                1 => Verdict::Drop,
                2 => Verdict::Return,
                3 if number + 1 < chains.len() => Verdict::Jump(next),
                _ if number + 1 < chains.len() => Verdict::Goto(next),
                _ => Verdict::Return,
            };
            rule([condition, vec![then(verdict)]].concat())
        });
        let base = (number == 0).then_some((Hook::Forward, "filter", 0, false));
        all.push((format!("c{number}"), chain(base, rules.collect())));
    }
    let named = all
        .iter()
        .map(|(name, chain)| (name.as_str(), chain.clone()));
    ruleset(table(named.collect()))
}

proptest! {
    /// What is said in doubt is what every way says; unknown, if they do not agree.
    #[test]
    fn doubt_is_all_ways_together(
        chains in prop::collection::vec(prop::collection::vec(random_rule(), 0..5), 1..4)
    ) {
        let doubts = chains.iter().flatten().filter(|(holds, _)| holds.is_none()).count();
        prop_assume!(doubts <= 7);
        let mut ways: Vec<Fate> = Vec::new();
        for sure in 0..1u32 << doubts {
            let fate = seen(&made(&chains, Some(sure))).fate;
            if !ways.contains(&fate) {
                ways.push(fate);
            }
        }
        let said = seen(&made(&chains, None)).fate;
        match &ways[..] {
            [one] => prop_assert_eq!(&said, one),
            _ => prop_assert!(matches!(said, Fate::Unknown(_)), "{:?}", said),
        }
    }
}

/// Chains that lead into each other so often that nobody could follow all of it.
#[test]
fn too_many_rules_are_not_followed() {
    let unknown = || Expression::Unknown("x".to_owned());
    let perhaps = |verdict: Verdict| rule(vec![unknown(), Expression::Verdict(verdict)]);
    let names: Vec<String> = (0..16).map(|depth| format!("c{depth}")).collect();
    let chains = names.iter().enumerate().map(|(depth, name)| {
        let base = (depth == 0).then_some((Hook::Forward, "filter", 0, false));
        let mut rules = vec![perhaps(Verdict::Drop)];
        if let Some(next) = names.get(depth + 1) {
            let jump = || perhaps(Verdict::Jump(next.clone()));
            rules.extend((0..8).map(|_| jump()));
        }
        (name.as_str(), chain(base, rules))
    });
    let ruleset = ruleset(table(chains.collect()));
    let packet = Packet::new("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap(), 17);
    let passage = pass(&ruleset, Layer::Ip, Hook::Forward, &packet, &Nobody);
    assert!(matches!(passage.fate, Fate::Unknown(_)), "{passage:?}");
    assert!(passage.met < 2 * walk::MOST, "{}", passage.met);
}
