//! Comparisons, as nft writes them.

use super::field;
use super::register::Term;
use super::rule::{Needed, Writer};
use super::value::{self, Kind, mask_length};
use crate::state::ruleset::*;

impl Writer<'_> {
    /// What a register compares with.
    pub(super) fn compare(&mut self, op: Comparison, from: usize, bytes: &[u8]) {
        let mut term = self.term(from, bytes.len());
        let is = op == Comparison::Equal;
        if is && (self.hold(&term, bytes) || self.split(&term, bytes)) {
            return;
        }
        if let (Comparison::AtMost, Some((_, low))) = (op, self.since.take_if(|s| s.0 == from)) {
            self.parts.pop();
            let range = value::range(term.kind, &low, bytes);
            return self.put(format!("{} {range}", term.text));
        }
        self.name_family(&mut term, bytes);
        self.put(compared(&term, op, bytes));
        self.since = (op == Comparison::AtLeast).then(|| (from, bytes.to_vec()));
    }

    /// An address of a connection is of the family that its length says.
    fn name_family(&self, term: &mut Term, bytes: &[u8]) {
        let family = if bytes.len() == 4 { "ip" } else { "ip6" };
        let open = term.kind == Kind::Address && self.six.is_none();
        if let (true, true, Some((what, name))) = (
            open,
            term.text.starts_with("ct "),
            term.text.rsplit_once(' '),
        ) {
            term.text = format!("{what} {family} {name}");
        }
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
            (Kind::EtherType, "ether type") if *bytes == [0x81, 0x00] => Needed::Tag,
            (Kind::EtherType, "meta protocol" | "ether type") => {
                self.six = match bytes {
                    [0x08, 0x00] => Some(false),
                    [0x86, 0xdd] => Some(true),
                    [0x08, 0x06] => None,
                    _ => return false,
                };
                self.arp = self.six.is_none();
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
                let place = self.place(one);
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
        if term.kind != Kind::Bytes {
            return false;
        }
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

fn sign(op: Comparison) -> &'static str {
    match op {
        Comparison::Equal => "",
        Comparison::Not => "!= ",
        Comparison::Less => "< ",
        Comparison::AtMost => "<= ",
        Comparison::More => "> ",
        Comparison::AtLeast => ">= ",
    }
}

/// A comparison; of a field's first bytes those of the whole field.
fn compared(term: &Term, op: Comparison, bytes: &[u8]) -> String {
    let (text, kind, sign) = (&term.text, term.kind, sign(op));
    match &term.mask {
        Some(mask) => masked(term, op, (mask, bytes)),
        None if kind == Kind::Address && bytes.len() < term.whole => {
            let mut whole = bytes.to_vec();
            whole.resize(term.whole, 0);
            let address = value::value(kind, &whole);
            format!("{text} {sign}{address}/{}", bytes.len() * 8)
        }
        None => format!("{text} {sign}{}", value::value(kind, bytes)),
    }
}

/// A comparison of those bits that a mask leaves.
fn masked(term: &Term, op: Comparison, (mask, bytes): (&[u8], &[u8])) -> String {
    let (text, kind, sign) = (&term.text, term.kind, sign(op));
    let bits = |bytes: &[u8]| value::bits(kind, bytes, ",");
    let zero = bytes.iter().all(|byte| *byte == 0);
    match (kind, mask_length(mask), bits(mask)) {
        (Kind::Address, Some(length), _) => {
            format!("{text} {sign}{}/{length}", value::value(kind, bytes))
        }
        (_, _, Some(mask)) if zero && op == Comparison::Not => format!("{text} {mask}"),
        (Kind::TcpFlags, _, Some(mask)) => {
            let set = bits(bytes).unwrap_or_else(|| "0x0".to_owned());
            format!("{text} {sign}{set} / {mask}")
        }
        _ => {
            let sign = if sign.is_empty() { "== " } else { sign };
            let (mask, value) = (value::value(kind, mask), value::value(kind, bytes));
            format!("{text} & {mask} {sign}{value}")
        }
    }
}
