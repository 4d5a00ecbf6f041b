//! A rule's expressions as conditions and a verdict. What is not understood is a condition
//! that may hold or not, so that nothing is said that is not known.

use std::collections::BTreeMap;

use super::field::{Field, compared, masked, meta, ordered, payload, values};
use super::set::SetKind;
use super::{find, nested, number, text};
use crate::state::{Condition, Verdict, WallRule, What};
use crate::sys::netlink::attr::parse;
use crate::sys::uapi::*;

/// A rule whose sets are yet to be read.
#[derive(Debug, Default)]
pub(super) struct Rule {
    when: Vec<Test>,
    then: Option<Then>,
}

#[derive(Debug)]
enum Test {
    Is(Condition),
    /// The field is an element of the set.
    In(Field, String, bool),
}

#[derive(Debug)]
enum Then {
    Verdict(Verdict),
    /// What the map has for the field; nothing: the next rule.
    Map(Field, String),
}

/// What may hold or not.
fn unknown() -> Condition {
    let (what, not) = (What::Other, false);
    Condition { what, not }
}

impl Rule {
    pub(super) fn read(expressions: &[u8]) -> Self {
        let mut rule = Rule::default();
        let mut registers = BTreeMap::new();
        for (_, expression) in parse(expressions) {
            let name = text(expression, NFTA_EXPR_NAME);
            let data = find(expression, NFTA_EXPR_DATA).unwrap_or_default();
            rule.step(&name, data, &mut registers);
        }
        rule
    }

    fn step(&mut self, name: &str, data: &[u8], registers: &mut BTreeMap<u32, Field>) {
        if let Some((register, field)) = loaded(name, data, registers) {
            registers.insert(register, field);
            return;
        }
        let field = |attribute| field(registers, number(data, attribute));
        match name {
            "cmp" => {
                let (value, op) = (nested(data, NFTA_CMP_DATA), number(data, NFTA_CMP_OP));
                let field = field(NFTA_CMP_SREG);
                match ordered(value, op) {
                    Some((first, last)) => {
                        let what = values(field, &[(&first, &last)]);
                        self.test(Condition { what, not: false }, NFT_CMP_EQ);
                    }
                    None => self.test(compared(field, value), op),
                }
            }
            "range" => {
                let ends = (
                    nested(data, NFTA_RANGE_FROM_DATA),
                    nested(data, NFTA_RANGE_TO_DATA),
                );
                let what = values(field(NFTA_RANGE_SREG), &[ends]);
                let in_range = Condition { what, not: false };
                self.test(in_range, number(data, NFTA_RANGE_OP));
            }
            "lookup" => self.lookup(data, field(NFTA_LOOKUP_SREG), registers),
            _ => self.decide(name, data, registers),
        }
    }

    /// What becomes of the packet, or what is not understood.
    fn decide(&mut self, name: &str, data: &[u8], registers: &mut BTreeMap<u32, Field>) {
        match name {
            "immediate" if number(data, NFTA_IMMEDIATE_DREG) == NFT_REG_VERDICT => {
                let verdict = find(data, NFTA_IMMEDIATE_DATA).and_then(verdict);
                self.then = verdict.map(Then::Verdict);
            }
            "reject" => self.then = Some(Then::Verdict(Verdict::Drop)),
            // iptables' own targets, by their names.
            "target" => {
                self.then = match text(data, NFTA_TARGET_NAME).as_str() {
                    "REJECT" => Some(Then::Verdict(Verdict::Drop)),
                    "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "TRACE" => None,
                    _ => Some(Then::Verdict(Verdict::Unknown)),
                };
            }
            "queue" | "tproxy" | "synproxy" => self.then = Some(Then::Verdict(Verdict::Unknown)),
            // Nothing is asked or decided by these.
            "counter" | "log" | "last" | "notrack" | "objref" | "meta" | "ct" | "payload" => {}
            // Something is brought into a register that nothing is known of.
            "immediate" | "numgen" | "hash" | "rt" | "socket" | "osf" | "fib" | "exthdr"
            | "xfrm" | "tunnel" | "inner" | "byteorder" => registers.clear(),
            _ => self.test(unknown(), NFT_CMP_EQ),
        }
    }

    fn test(&mut self, condition: Condition, op: u32) {
        let Condition { what, not } = condition;
        self.when.push(Test::Is(match op {
            NFT_CMP_EQ => Condition { what, not },
            _ => Condition { what, not: !not },
        }));
    }

    fn lookup(&mut self, data: &[u8], field: Field, registers: &mut BTreeMap<u32, Field>) {
        let set = text(data, NFTA_LOOKUP_SET);
        let not = number(data, NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV != 0;
        match find(data, NFTA_LOOKUP_DREG) {
            None => self.when.push(Test::In(field, set, not)),
            Some(_) if number(data, NFTA_LOOKUP_DREG) == NFT_REG_VERDICT => {
                self.then = Some(Then::Map(field, set));
            }
            // Without an element the rule ends.
            Some(_) => {
                registers.insert(number(data, NFTA_LOOKUP_DREG), Field::Other);
                self.test(unknown(), NFT_CMP_EQ);
            }
        }
    }

    /// The sets whose elements say something that can be followed.
    pub(super) fn sets(&self) -> impl Iterator<Item = &str> {
        let tested = self.when.iter().filter_map(|test| match test {
            Test::In(field, set, _) => Some((field, set)),
            Test::Is(_) => None,
        });
        let mapped = self.then.iter().filter_map(|then| match then {
            Then::Map(field, set) => Some((field, set)),
            Then::Verdict(_) => None,
        });
        let all = tested.chain(mapped);
        all.filter(|(field, _)| field.length().is_some())
            .map(|(_, set)| set.as_str())
    }

    /// The same with the elements of the sets. A map of verdicts is a rule for each element.
    pub(super) fn followed<'s>(self, set: impl Fn(&str) -> Option<&'s SetKind>) -> Vec<WallRule> {
        let when = self.when.into_iter().map(|test| match test {
            Test::Is(condition) => condition,
            Test::In(field, name, not) => {
                let what = set(&name).map_or(What::Other, |set| set.what(field));
                Condition { what, not }
            }
        });
        let when: Vec<Condition> = when.collect();
        match self.then {
            None => vec![WallRule { when, then: None }],
            Some(Then::Verdict(verdict)) => vec![WallRule {
                when,
                then: Some(verdict),
            }],
            Some(Then::Map(field, name)) => {
                let rules = set(&name).and_then(|set| set.rules(field, &when));
                rules.unwrap_or_else(|| {
                    vec![WallRule {
                        when,
                        then: Some(Verdict::Unknown),
                    }]
                })
            }
        }
    }
}

fn field(registers: &BTreeMap<u32, Field>, register: u32) -> Field {
    registers.get(&register).copied().unwrap_or(Field::Other)
}

/// What an expression brings into which register.
fn loaded(name: &str, data: &[u8], registers: &BTreeMap<u32, Field>) -> Option<(u32, Field)> {
    let into = |attribute| find(data, attribute).map(|_| number(data, attribute));
    match name {
        "meta" => Some((into(NFTA_META_DREG)?, meta(number(data, NFTA_META_KEY)))),
        "payload" => Some((into(NFTA_PAYLOAD_DREG)?, payload(data))),
        "ct" => {
            let field = match number(data, NFTA_CT_KEY) {
                NFT_CT_STATE => Field::State,
                NFT_CT_STATUS => Field::Status,
                _ => Field::Other,
            };
            Some((into(NFTA_CT_DREG)?, field))
        }
        "bitwise" => {
            let from = field(registers, number(data, NFTA_BITWISE_SREG));
            Some((into(NFTA_BITWISE_DREG)?, masked(from, data)))
        }
        _ => None,
    }
}

/// `None`: the next rule.
pub(super) fn verdict(data: &[u8]) -> Option<Verdict> {
    let verdict = find(data, NFTA_DATA_VERDICT)?;
    let chain = || text(verdict, NFTA_VERDICT_CHAIN);
    Some(match number(verdict, NFTA_VERDICT_CODE) as i32 {
        NF_ACCEPT => Verdict::Accept,
        NF_DROP => Verdict::Drop,
        NFT_RETURN => Verdict::Return,
        NFT_JUMP => Verdict::Jump(chain()),
        NFT_GOTO => Verdict::Goto(chain()),
        NFT_CONTINUE => return None,
        _ => Verdict::Unknown,
    })
}
