//! A rule's expressions as one line. What nft only writes so that a field is sure to be there
//! is left out where the field says it too, as nft does.

use std::collections::BTreeMap;

use super::field::{self, ct_kind, meta_kind};
use super::value::{self, Kind, is_host, mask_length};
use super::xt;
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

/// What a register has, as text.
#[derive(Debug, Clone)]
struct Term {
    text: String,
    kind: Kind,
    length: usize,
    /// The whole field's bytes, of which these are the first.
    whole: usize,
    mask: Option<Vec<u8>>,
    /// The value itself, where the rule has one.
    constant: Option<Vec<u8>>,
    /// Where in the packet it is.
    at: Option<Payload>,
    /// The map that it is from, and the fields that make up its key.
    map: Option<(String, String, Vec<(Kind, usize)>)>,
}

impl Term {
    fn new(text: String, kind: Kind, length: usize) -> Self {
        Term {
            text,
            kind,
            length,
            whole: length,
            mask: None,
            constant: None,
            at: None,
            map: None,
        }
    }
}

/// What is written only so that a field is there.
enum Needed {
    Family(u8),
    EtherType,
    Protocol,
}

struct Writer<'a> {
    table: &'a RuleTable,
    registers: BTreeMap<usize, Term>,
    parts: Vec<String>,
    /// Not written yet: the next field may say it too.
    held: Option<(Needed, String)>,
    six: Option<bool>,
    protocol: Option<u8>,
    /// The register that was last said to be at least something, and what.
    since: Option<(usize, Vec<u8>)>,
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
        protocol: None,
        since: None,
    };
    rule.expressions.iter().for_each(|e| writer.expression(e));
    writer.flush();
    writer.parts.retain(|part| !part.is_empty());
    writer.parts.join(" ")
}

impl Writer<'_> {
    fn flush(&mut self) {
        let held = self.held.take();
        self.parts.extend(held.map(|(_, text)| text));
    }

    fn put(&mut self, text: String) {
        self.flush();
        self.parts.push(text);
    }

    fn expression(&mut self, expression: &Expression) {
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

    fn deed(&mut self, expression: &Expression) -> String {
        match expression {
            Expression::Limit { text, .. } | Expression::Nothing(text) => text.clone(),
            Expression::Update {
                word,
                set,
                from,
                each,
            } => {
                let key = self.key(*from, self.key_length(set)).0;
                let each: Vec<String> = each.iter().map(|each| self.deed(each)).collect();
                let rest = each.iter().map(|each| format!(" {each}"));
                format!("{word} @{set} {{ {key}{} }}", rest.collect::<String>())
            }
            Expression::SetMeta(key, from) => {
                let (text, kind) = meta_kind(*key);
                format!("{text} set {}", self.constant(*from, kind))
            }
            Expression::SetCt(key, from) => {
                let (text, kind) = ct_kind(*key);
                format!("ct {text} set {}", self.constant(*from, kind))
            }
            Expression::SetPayload(payload, from) => {
                let place = field::place(*payload, self.six, self.protocol);
                format!("{} set {}", place.text, self.constant(*from, place.kind))
            }
            Expression::Verdict(verdict) => value::verdict(verdict),
            Expression::Nat(nat) => self.nat(nat),
            Expression::Reject(with) => self.reject(*with),
            Expression::NoTrack => "notrack".to_owned(),
            Expression::Match(name, revision, info) => {
                xt::condition(name, *revision, info).unwrap_or_else(|| format!("<match {name}>"))
            }
            Expression::Target(name, revision, info) => {
                xt::target(name, *revision, info, self.six == Some(true))
                    .unwrap_or_else(|| format!("<target {name}>"))
            }
            Expression::Unknown(name) | Expression::Elsewhere(name) => format!("<{name}>"),
            _ => String::new(),
        }
    }

    fn load(&mut self, to: usize, text: String, kind: Kind, length: usize) {
        self.registers.insert(to, Term::new(text, kind, length));
        self.since = None;
    }

    fn term(&self, from: usize, length: usize) -> Term {
        let term = self.registers.get(&from).cloned();
        term.unwrap_or_else(|| Term::new("<register>".to_owned(), Kind::Bytes, length))
    }

    fn payload(&mut self, payload: Payload, to: usize) {
        let place = field::place(payload, self.six, self.protocol);
        let said = match (&self.held, payload.base) {
            (Some((Needed::Family(_) | Needed::EtherType, _)), Header::Network) => true,
            (Some((Needed::Protocol, _)), Header::Transport) => true,
            _ => false,
        };
        let said = said && !self.fields(payload).is_empty();
        if said {
            self.held = None;
        }
        let term = Term {
            whole: place.whole,
            at: Some(payload),
            ..Term::new(place.text, place.kind, payload.length)
        };
        self.registers.insert(to, term);
        self.since = None;
    }

    fn ct(&mut self, key: Ct, reply: Option<bool>, to: usize) {
        let (name, kind) = ct_kind(key);
        let direction = match reply {
            None => "",
            Some(false) => "original ",
            Some(true) => "reply ",
        };
        let family = match (kind, self.six) {
            (Kind::Address, Some(true)) => "ip6 ",
            (Kind::Address, Some(false)) => "ip ",
            _ => "",
        };
        let length = match kind {
            Kind::Address if self.six == Some(true) => 16,
            Kind::Number => 2,
            Kind::Direction | Kind::Protocol | Kind::Family => 1,
            Kind::Name => 16,
            _ => 4,
        };
        self.load(to, format!("ct {direction}{family}{name}"), kind, length);
    }

    fn bitwise(&mut self, bitwise: &Bitwise) {
        let mut term = self.term(bitwise.from, bitwise.length);
        match &bitwise.op {
            BitwiseOp::MaskXor(mask, xor) if xor.iter().all(|byte| *byte == 0) => {
                term.mask = Some(mask.clone());
            }
            BitwiseOp::MaskXor(mask, xor) => {
                let pairs = mask.iter().zip(xor);
                let ors = pairs.clone().all(|(mask, xor)| *mask == !xor);
                let (mask, xor) = (value::value(term.kind, mask), value::value(term.kind, xor));
                term.text = match ors {
                    true => format!("{} | {xor}", term.text),
                    false => format!("{} & {mask} ^ {xor}", term.text),
                };
            }
            BitwiseOp::Left(by) => term.text = format!("{} << {by}", term.text),
            BitwiseOp::Right(by) => term.text = format!("{} >> {by}", term.text),
            BitwiseOp::Other => term.text = format!("{} <bitwise>", term.text),
        }
        self.registers.insert(bitwise.to, term);
    }

    /// For ranges of them numbers of this machine are turned around.
    fn byteorder(&mut self, order: Byteorder) {
        let mut term = self.term(order.from, order.length);
        if is_host(term.kind) && order.size > 1 {
            term.kind = Kind::Number;
        }
        self.registers.insert(order.to, term);
    }

    /// What a register compares with; of a field's first bytes those of the whole field.
    fn compare(&mut self, op: Comparison, from: usize, bytes: &[u8]) {
        let mut term = self.term(from, bytes.len());
        if op == Comparison::Equal && self.hold(&term, bytes) {
            return;
        }
        if op == Comparison::Equal && term.kind == Kind::Bytes && self.split(&term, bytes) {
            return;
        }
        if let (Comparison::AtMost, Some((_, low))) = (op, self.since.take_if(|s| s.0 == from)) {
            self.parts.pop();
            return self.put(format!(
                "{} {}",
                term.text,
                value::range(term.kind, &low, bytes)
            ));
        }
        self.since = (op == Comparison::AtLeast).then(|| (from, bytes.to_vec()));
        if term.kind == Kind::Address && self.six.is_none() {
            let family = if bytes.len() == 4 { " ip " } else { " ip6 " };
            let named = [" saddr", " daddr"]
                .iter()
                .find(|name| term.text.ends_with(**name));
            if let (Some(name), true) = (named, term.text.starts_with("ct ")) {
                term.text = term.text.replace(name, &format!("{family}{}", name.trim()));
            }
        }
        let zero = bytes.iter().all(|byte| *byte == 0);
        let sign = match op {
            Comparison::Equal => "",
            Comparison::Not => "!= ",
            Comparison::Less => "< ",
            Comparison::AtMost => "<= ",
            Comparison::More => "> ",
            Comparison::AtLeast => ">= ",
        };
        let Term { text, kind, .. } = &term;
        let written = match &term.mask {
            Some(mask) => {
                let bits = |bytes: &[u8]| value::bits(*kind, bytes, ",");
                match (*kind, op) {
                    (Kind::Address, _) if mask_length(mask).is_some() => {
                        let length = mask_length(mask).unwrap_or_default();
                        format!("{text} {sign}{}/{length}", value::value(*kind, bytes))
                    }
                    (_, Comparison::Not) if zero && bits(mask).is_some() => {
                        format!("{text} {}", bits(mask).unwrap_or_default())
                    }
                    (Kind::TcpFlags, _) => {
                        let (mask, set) = (bits(mask), bits(bytes));
                        let set = set.unwrap_or_else(|| "0x0".to_owned());
                        format!("{text} {sign}{set} / {}", mask.unwrap_or_default())
                    }
                    _ => {
                        let sign = if sign.is_empty() { "== " } else { sign };
                        let (mask, value) = (value::value(*kind, mask), value::value(*kind, bytes));
                        format!("{text} & {mask} {sign}{value}")
                    }
                }
            }
            None if term.kind == Kind::Address && bytes.len() < term.whole => {
                let mut whole = bytes.to_vec();
                whole.resize(term.whole, 0);
                let address = value::value(*kind, &whole);
                format!("{text} {sign}{address}/{}", bytes.len() * 8)
            }
            None => format!("{text} {sign}{}", value::value(*kind, bytes)),
        };
        self.put(written);
    }

    /// Keeps back what may be there only so that the next field is.
    fn hold(&mut self, term: &Term, bytes: &[u8]) -> bool {
        let [first, ..] = bytes else { return false };
        let text = format!("{} {}", term.text, value::value(term.kind, bytes));
        let needed = match (term.kind, term.text.as_str()) {
            (Kind::Family, "meta nfproto") => {
                self.six = Some(*first == 10);
                Needed::Family(*first)
            }
            (Kind::EtherType, "meta protocol" | "ether type") => {
                self.six = match bytes {
                    [0x08, 0x00] => Some(false),
                    [0x86, 0xdd] => Some(true),
                    _ => return false,
                };
                Needed::EtherType
            }
            (Kind::Protocol, "meta l4proto" | "ip protocol" | "ip6 nexthdr") => {
                self.protocol = Some(*first);
                Needed::Protocol
            }
            _ => return false,
        };
        // Of ICMP the family is said by its name.
        let icmp = match self.held {
            Some((Needed::Family(2), _)) => *first == 1,
            Some((Needed::Family(10), _)) => *first == 58,
            _ => false,
        };
        if icmp && matches!(needed, Needed::Protocol) {
            self.held = None;
        }
        self.flush();
        self.held = Some((needed, text));
        true
    }

    /// The fields that bytes of a packet are, side by side; none, if not all are known.
    fn fields(&self, at: Payload) -> Vec<field::Place> {
        let (mut offset, end) = (at.offset, at.offset + at.length);
        let mut all = Vec::new();
        while offset < end {
            let lengths = [at.length, 16, 6, 4, 2, 1];
            let known = lengths.iter().find_map(|length| {
                let one = Payload {
                    offset,
                    length: *length,
                    ..at
                };
                let place = field::place(one, self.six, self.protocol);
                let fits = offset + length <= end && place.kind != Kind::Bytes;
                fits.then_some((place, *length))
            });
            let Some((place, length)) = known else {
                return Vec::new();
            };
            offset += length;
            all.push(place);
        }
        all
    }

    /// Writes one condition for each of the fields that the kernel compares at once.
    fn split(&mut self, term: &Term, bytes: &[u8]) -> bool {
        let fields = term.at.map(|at| self.fields(at)).unwrap_or_default();
        let mut rest = bytes;
        for field in &fields {
            let (value, behind) = rest.split_at(field.whole.min(rest.len()));
            self.put(format!(
                "{} {}",
                field.text,
                value::value(field.kind, value)
            ));
            rest = behind;
        }
        !fields.is_empty()
    }

    fn key_length(&self, set: &str) -> usize {
        let set = self.table.sets.get(set);
        let parts = set.map(|set| set.parts.as_slice()).unwrap_or_default();
        parts
            .iter()
            .fold(0, |length, part| length.next_multiple_of(4) + part)
    }

    /// The fields side by side that make up a key, as text and with their kinds and lengths.
    fn key(&self, from: usize, length: usize) -> (String, Vec<(Kind, usize)>) {
        let (mut at, mut texts, mut kinds) = (from, Vec::new(), Vec::new());
        while at == from || at < from + length {
            let term = self.term(at, length);
            at += term.length.max(1).next_multiple_of(4);
            texts.push(term.text);
            kinds.push((term.kind, term.length));
        }
        (texts.join(" . "), kinds)
    }

    fn lookup(&mut self, lookup: &Lookup) {
        let (key, kinds) = self.key(lookup.from, self.key_length(&lookup.set));
        let set = match self.table.sets.get(&lookup.set) {
            Some(set) if set.anonymous => elements(set, &kinds, Kind::Bytes),
            _ => format!("@{}", lookup.set),
        };
        match lookup.then {
            Found::There => self.put(format!("{key} {set}")),
            Found::NotThere => self.put(format!("{key} != {set}")),
            Found::Verdict => self.put(format!("{key} vmap {set}")),
            Found::To(to) => {
                let term = Term::new(format!("{key} map {set}"), Kind::Bytes, 4);
                let map = Some((lookup.set.clone(), key, kinds));
                self.registers.insert(to, Term { map, ..term });
            }
        }
    }

    /// A value of the rule's own, or what it is made of.
    fn constant(&self, from: usize, kind: Kind) -> String {
        let term = self.term(from, 0);
        let mask = term.mask.map(|mask| value::value(term.kind, &mask));
        if let Some((name, key, kinds)) = &term.map
            && let Some(set) = self.table.sets.get(name).filter(|set| set.anonymous)
        {
            return format!("{key} map {}", elements(set, kinds, kind));
        }
        match (term.constant, mask) {
            (Some(bytes), _) => value::value(kind, &bytes),
            (None, Some(mask)) => format!("{} & {mask}", term.text),
            (None, None) => term.text,
        }
    }

    fn nat(&mut self, nat: &Nat) -> String {
        let word = match nat.kind {
            NatKind::Source => "snat",
            NatKind::Destination => "dnat",
            NatKind::Masquerade => "masquerade",
            NatKind::Redirect => "redirect",
        };
        let family = match (self.table.family, nat.six, nat.address) {
            (TableFamily::Inet, Some(false), Some(_)) => "ip ",
            (TableFamily::Inet, Some(true), Some(_)) => "ip6 ",
            _ => "",
        };
        let range = |(first, last): (usize, usize), kind| {
            let (first, last) = (self.constant(first, kind), self.constant(last, kind));
            if first == last {
                first
            } else {
                format!("{first}-{last}")
            }
        };
        let mapped = nat.address.is_some_and(|(at, _)| {
            self.registers
                .get(&at)
                .is_some_and(|term| term.constant.is_none())
        });
        let address = nat.address.map(|range_at| range(range_at, Kind::Address));
        let port = nat
            .port
            .filter(|_| !mapped)
            .map(|at| range(at, Kind::Number));
        let to = match (address, port) {
            (None, None) => String::new(),
            (Some(address), Some(port)) if nat.six == Some(true) => {
                format!(" {family}to [{address}]:{port}")
            }
            (Some(address), Some(port)) => format!(" {family}to {address}:{port}"),
            (Some(address), None) => format!(" {family}to {address}"),
            (None, Some(port)) => format!(" to :{port}"),
        };
        let flags = match nat.flags.as_str() {
            "" => String::new(),
            flags => format!(" {flags}"),
        };
        format!("{word}{to}{flags}")
    }

    /// That a port cannot be reached is what nft leaves out.
    fn reject(&mut self, with: Refusal) -> String {
        let six = self.six == Some(true);
        if matches!(
            (&self.held, with),
            (Some((Needed::Family(_), _)), Refusal::Icmp(_))
        ) {
            self.held = None;
        }
        let plain = match (with, self.table.family) {
            (Refusal::Either(code), _) => code == 1,
            (Refusal::Icmp(code), TableFamily::Ip) => code == 3,
            (Refusal::Icmp(code), TableFamily::Ip6) => code == 4,
            _ => false,
        };
        match plain {
            true => "reject".to_owned(),
            false => format!("reject with {}", value::refusal(with, six)),
        }
    }
}

/// All elements of a set that a rule has for itself.
fn elements(set: &RuleSet, kinds: &[(Kind, usize)], data: Kind) -> String {
    let Elements::Listed(all) = &set.elements else {
        return "{ ... }".to_owned();
    };
    let key = |first: &[u8], last: &[u8]| {
        let mut at = 0;
        let parts = kinds.iter().map(|(kind, length)| {
            let end = (at + length).min(first.len());
            let part = |bytes: &[u8]| bytes.get(at..end).unwrap_or_default().to_vec();
            let text = value::range(*kind, &part(first), &part(last));
            at = (at + length).next_multiple_of(4);
            text
        });
        parts.collect::<Vec<_>>().join(" . ")
    };
    let mut entries: Vec<_> = all.iter().collect();
    entries.sort_by(|a, b| a.keys.cmp(&b.keys));
    let entries = entries.iter().map(|element| {
        let key = match &element.keys {
            Some((first, last)) => key(first, last),
            None => "*".to_owned(),
        };
        match &element.data {
            SetData::None => key,
            SetData::Value(bytes) => format!("{key} : {}", value::value(data, bytes)),
            SetData::Verdict(None) => format!("{key} : continue"),
            SetData::Verdict(Some(verdict)) => format!("{key} : {}", value::verdict(verdict)),
        }
    });
    format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
}
