//! Comparisons, as nft writes them.

use super::field;
use super::register::Term;
use super::rule::{Needed, Writer};
use super::value::{self, Kind, mask_length};
use crate::state::ruleset::*;

impl Writer<'_> {
    /// What a register compares with; of a field's first bytes those of the whole field.
    pub(super) fn compare(&mut self, op: Comparison, from: usize, bytes: &[u8]) {
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
    pub(super) fn hold(&mut self, term: &Term, bytes: &[u8]) -> bool {
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
    pub(super) fn fields(&self, at: Payload) -> Vec<field::Place> {
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
    pub(super) fn split(&mut self, term: &Term, bytes: &[u8]) -> bool {
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
}
