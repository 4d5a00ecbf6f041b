//! A rule's expressions as one line. What nft only writes so that a field is sure to be there
//! is left out where the field says it too, as nft does.

use std::collections::BTreeMap;

use super::field::{self, meta_kind};
use super::register::Term;
use super::value::{self, Kind};
use crate::explain::filter::passage::Line;
use crate::explain::filter::walk::Place;
use crate::state::ruleset::*;

/// The rule at a place, or the policy.
pub(in crate::explain::filter) fn line(ruleset: &Ruleset, place: &Place) -> Line {
    let table = ruleset.tables.get(place.table);
    let chain = table.and_then(|table| table.chains.get(&place.chain));
    let at = place.rule;
    let rule = at.and_then(|at| chain.and_then(|chain| chain.rules.get(at)));
    let drops = chain.and_then(|chain| chain.base.as_ref());
    let text = match (table, rule) {
        (Some(table), Some(rule)) => written(table, rule),
        _ => match drops.is_some_and(|base| base.drops) {
            true => "policy drop".to_owned(),
            false => "policy accept".to_owned(),
        },
    };
    Line {
        family: table.map_or_else(String::new, |table| table.family.to_string()),
        table: table.map_or_else(String::new, |table| table.name.clone()),
        legacy: table.is_some_and(|table| table.legacy),
        chain: place.chain.clone(),
        handle: rule.and_then(|rule| rule.handle),
        text,
        comment: rule.and_then(|rule| rule.comment.clone()),
    }
}

/// The rule with this number, or, without one, the policy of the chain; `None`: there is no
/// such table or rule.
pub(crate) fn line_at(
    ruleset: &Ruleset,
    family: TableFamily,
    table: &str,
    chain: &str,
    handle: Option<u64>,
) -> Option<Line> {
    let is_meant = |one: &RuleTable| !one.legacy && one.family == family && one.name == table;
    let table = ruleset.tables.iter().position(is_meant)?;
    let mut rules = ruleset.tables[table].chains.get(chain)?.rules.iter();
    let rule = match handle {
        Some(_) => Some(rules.position(|rule| rule.handle == handle)?),
        None => None,
    };
    let chain = chain.to_owned();
    let place = Place { table, chain, rule };
    Some(line(ruleset, &place))
}

/// What is written only so that a field is there.
pub(super) enum Needed {
    Family(u8),
    EtherType,
    /// Of a VLAN.
    Tag,
    Protocol,
}

pub(super) struct Writer<'a> {
    pub(super) table: &'a RuleTable,
    pub(super) registers: BTreeMap<usize, Term>,
    pub(super) parts: Vec<String>,
    /// Not written yet: the next field may say it too.
    pub(super) held: Option<(Needed, String)>,
    pub(super) six: Option<bool>,
    /// Whether the network's header is of ARP.
    pub(super) arp: bool,
    pub(super) protocol: Option<u8>,
    /// The register that was last said to be at least something, and what.
    pub(super) since: Option<(usize, Vec<u8>)>,
}

/// A rule as nft writes it, as far as it is understood.
fn written(table: &RuleTable, rule: &ListedRule) -> String {
    let six = match table.family {
        TableFamily::Ip => Some(false),
        TableFamily::Ip6 => Some(true),
        _ => None,
    };
    let mut writer = Writer {
        table,
        registers: BTreeMap::new(),
        parts: Vec::new(),
        held: None,
        six,
        arp: table.family == TableFamily::Arp,
        protocol: None,
        since: None,
    };
    rule.expressions.iter().for_each(|e| writer.expression(e));
    writer.flush();
    writer.parts.retain(|part| !part.is_empty());
    writer.parts.join(" ")
}

impl Writer<'_> {
    pub(super) fn flush(&mut self) {
        let held = self.held.take();
        self.parts.extend(held.map(|(_, text)| text));
    }

    pub(super) fn put(&mut self, text: String) {
        self.flush();
        self.since = None;
        self.parts.push(text);
    }

    pub(super) fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Meta(key, to) => {
                let (text, kind) = meta_kind(*key);
                let length = match kind {
                    Kind::Name => 16,
                    Kind::Host | Kind::Mark | Kind::Index => 4,
                    Kind::EtherType => 2,
                    _ => 1,
                };
                self.load(*to, text.to_owned(), kind, length);
            }
            Expression::Payload(payload, to) => self.payload(*payload, *to),
            Expression::Ct(key, reply, to) => self.ct(*key, *reply, *to),
            Expression::Fib(fib, to) => {
                let kind = match fib.result {
                    _ if fib.present => Kind::Exists,
                    FibResult::AddressType => Kind::AddressType,
                    FibResult::OifName => Kind::Name,
                    _ => Kind::Index,
                };
                let length = match kind {
                    Kind::Name => 16,
                    _ => 4,
                };
                self.load(*to, field::fib(*fib), kind, length);
            }
            Expression::Immediate(bytes, to) => {
                let constant = Some(bytes.clone());
                self.load(*to, String::new(), Kind::Bytes, bytes.len());
                if let Some(term) = self.registers.get_mut(to) {
                    term.constant = constant;
                }
            }
            Expression::Load(name, to) => self.load(*to, format!("<{name}>"), Kind::Host, 4),
            Expression::Bitwise(bitwise) => self.bitwise(bitwise),
            Expression::Byteorder(order) => self.byteorder(*order),
            Expression::Compare(op, from, value) => self.compare(*op, *from, value),
            Expression::Range {
                not,
                from,
                low,
                high,
            } => {
                let term = self.term(*from, low.len());
                let op = if *not { "!= " } else { "" };
                let range = value::range(term.kind, low, high);
                self.put(format!("{} {op}{range}", term.text));
            }
            Expression::Lookup(lookup) => self.lookup(lookup),
            decides => {
                let text = self.deed(decides);
                self.put(text);
            }
        }
    }
}
