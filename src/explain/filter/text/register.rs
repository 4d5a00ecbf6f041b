//! What registers have, as text.

use super::field::{self, ct_kind};
use super::rule::{Needed, Writer};
use super::value::{self, Kind, is_host};
use crate::state::ruleset::*;

/// A map's name, its key as text, and the kinds and lengths of what makes up the key.
type Map = (String, String, Vec<(Kind, usize)>);

/// What a register has, as text.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) kind: Kind,
    pub(super) length: usize,
    /// The whole field's bytes, of which these are the first.
    pub(super) whole: usize,
    pub(super) mask: Option<Vec<u8>>,
    /// The value itself, where the rule has one.
    pub(super) constant: Option<Vec<u8>>,
    /// Where in the packet it is.
    pub(super) at: Option<Payload>,
    /// The map that it is from, and the fields that make up its key.
    pub(super) map: Option<Map>,
}

impl Term {
    pub(super) fn new(text: String, kind: Kind, length: usize) -> Self {
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

impl Writer<'_> {
    pub(super) fn load(&mut self, to: usize, text: String, kind: Kind, length: usize) {
        self.registers.insert(to, Term::new(text, kind, length));
        self.since = None;
    }

    pub(super) fn term(&self, from: usize, length: usize) -> Term {
        let term = self.registers.get(&from).cloned();
        term.unwrap_or_else(|| Term::new("<register>".to_owned(), Kind::Bytes, length))
    }

    /// The field that bytes of a packet are.
    pub(super) fn place(&self, at: Payload) -> field::Place {
        let network = match self.arp {
            true => field::Network::Arp,
            false => self.six.map_or(field::Network::Open, field::Network::Ip),
        };
        field::place(at, network, self.protocol)
    }

    pub(super) fn payload(&mut self, payload: Payload, to: usize) {
        let place = self.place(payload);
        let said = matches!(
            (&self.held, payload.base),
            (
                Some((Needed::Family(_) | Needed::EtherType, _)),
                Header::Network
            ) | (Some((Needed::Protocol, _)), Header::Transport)
        );
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

    pub(super) fn ct(&mut self, key: Ct, reply: Option<bool>, to: usize) {
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

    pub(super) fn bitwise(&mut self, bitwise: &Bitwise) {
        let mut term = self.term(bitwise.from, bitwise.length);
        match &bitwise.op {
            BitwiseOp::MaskXor(mask, xor) if xor.iter().all(|byte| *byte == 0) => {
                term.mask = Some(mask.clone());
                if matches!(self.held, Some((Needed::Tag, _))) && is_vlan_id(&term) {
                    self.held = None;
                    term = Term {
                        whole: 2,
                        ..Term::new("vlan id".to_owned(), Kind::Number, 2)
                    };
                }
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
    pub(super) fn byteorder(&mut self, order: Byteorder) {
        let mut term = self.term(order.from, order.length);
        if is_host(term.kind) && order.size > 1 {
            term.kind = Kind::Number;
        }
        self.registers.insert(order.to, term);
    }

    pub(super) fn key_length(&self, set: &str) -> usize {
        let set = self.table.sets.get(set);
        let parts = set.map(|set| set.parts.as_slice()).unwrap_or_default();
        parts
            .iter()
            .fold(0, |length, part| length.next_multiple_of(4) + part)
    }

    /// The fields side by side that make up a key, as text and with their kinds and lengths.
    pub(super) fn key(&self, from: usize, length: usize) -> (String, Vec<(Kind, usize)>) {
        let (mut at, mut texts, mut kinds) = (from, Vec::new(), Vec::new());
        while at == from || at < from + length {
            let term = self.term(at, length);
            at += term.length.max(1).next_multiple_of(4);
            texts.push(term.text);
            kinds.push((term.kind, term.length));
        }
        (texts.join(" . "), kinds)
    }

    pub(super) fn lookup(&mut self, lookup: &Lookup) {
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
    pub(super) fn constant(&self, from: usize, kind: Kind) -> String {
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
}

/// The last twelve bits of the two bytes behind the type of a frame with a tag (802.1Q).
fn is_vlan_id(term: &Term) -> bool {
    let tag = term
        .at
        .is_some_and(|at| (at.base, at.offset, at.length) == (Header::Link, 14, 2));
    tag && term.mask.as_deref() == Some(&[0x0f, 0xff])
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
