//! A rule of the old kind in memory: what it says of addresses and devices, its conditions,
//! its target.

use crate::state::Verdict;
use crate::state::ruleset::*;
use crate::sys::uapi::rules::*;
use crate::sys::uapi::{NF_ACCEPT, NF_DROP};

/// Name and revision stand before the data of a condition or a target (`struct
/// xt_entry_match`, linux/netfilter/x_tables.h).
const DATA: usize = 32;

/// How many bytes a device's name has.
const DEVICE: usize = 16;

/// A rule at a place in memory.
pub(super) struct Entry<'a> {
    pub(super) at: usize,
    pub(super) next: usize,
    six: bool,
    bytes: &'a [u8],
}

/// All of them, as far as they are whole.
pub(super) fn all(family: TableFamily, memory: &[u8]) -> Vec<Entry<'_>> {
    let six = family == TableFamily::Ip6;
    let (_, next_at) = offsets(six);
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(bytes) = memory.get(at..) {
        let next = usize::from(half(bytes, next_at));
        let Some(bytes) = bytes.get(..next).filter(|_| next > 0) else {
            break;
        };
        let entry = Entry {
            at,
            next: at + next,
            six,
            bytes,
        };
        at = entry.next;
        all.push(entry);
    }
    all
}

fn half(bytes: &[u8], at: usize) -> u16 {
    let half = bytes.get(at..at + 2).and_then(|half| half.try_into().ok());
    half.map_or(0, u16::from_ne_bytes)
}

/// Where it says how long the conditions are, and where the next rule is.
fn offsets(six: bool) -> (usize, usize) {
    let ip = if six { IP6T_IP6 } else { IPT_IP };
    (ip + 4, ip + 6)
}

/// What is before the conditions.
fn head(six: bool) -> usize {
    if six { IP6T_ENTRY } else { IPT_ENTRY }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}

impl<'a> Entry<'a> {
    fn part(&self, at: usize, length: usize) -> &'a [u8] {
        self.bytes.get(at..at + length).unwrap_or_default()
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    fn target_at(&self) -> usize {
        usize::from(half(self.bytes, offsets(self.six).0))
    }

    fn target_name(&self) -> String {
        text(self.part(self.target_at() + 2, 29))
    }

    fn target_data(&self) -> &'a [u8] {
        let data = self.bytes.get(self.target_at() + DATA..);
        data.unwrap_or_default()
    }

    /// The name of the chain that begins behind it.
    pub(super) fn mark(&self) -> Option<String> {
        (self.target_name() == "ERROR").then(|| text(self.target_data()))
    }

    pub(super) fn is_mark(&self) -> bool {
        self.target_name() == "ERROR"
    }

    fn number(&self) -> Option<i32> {
        let number = self.target_data().get(..4)?.try_into().ok()?;
        self.target_name()
            .is_empty()
            .then_some(i32::from_ne_bytes(number))
    }

    /// What its target says by itself: a verdict is turned around and less by one.
    pub(super) fn decides(&self) -> Option<Verdict> {
        /// `XT_RETURN`.
        const RETURN: i32 = -5;
        match self.number()? {
            0.. => None,
            RETURN => Some(Verdict::Return),
            number if -number - 1 == NF_ACCEPT => Some(Verdict::Accept),
            number if -number - 1 == NF_DROP => Some(Verdict::Drop),
            _ => Some(Verdict::Unknown),
        }
    }

    /// The rule that it leads to.
    pub(super) fn leads_to(&self) -> Option<usize> {
        self.number().and_then(|number| number.try_into().ok())
    }

    /// Whether it does not come back from there.
    pub(super) fn goes(&self) -> bool {
        let flags = if self.six { 131 } else { 82 };
        self.byte(flags) & if self.six { IP6T_F_GOTO } else { IPT_F_GOTO } != 0
    }

    pub(super) fn target(&self) -> Expression {
        let revision = self.byte(self.target_at() + 31);
        let data = self.target_data().to_vec();
        Expression::Target(self.target_name(), revision.into(), data)
    }

    /// What must hold: the addresses and devices (`struct ipt_ip`, `struct ip6t_ip6`), and
    /// the conditions.
    pub(super) fn conditions(&self) -> Vec<Expression> {
        let (source, destination, length) = match self.six {
            false => (12, 16, 4),
            true => (8, 24, 16),
        };
        let devices = 4 * length;
        let protocol = half(self.bytes, devices + 4 * DEVICE);
        let inverted = self.byte(devices + 4 * DEVICE + if self.six { 4 } else { 3 });
        let flags = self.byte(devices + 4 * DEVICE + if self.six { 3 } else { 2 });
        let mut all = Vec::new();
        let devices_by = [(Meta::IifName, 0, 1), (Meta::OifName, 1, 2)];
        for (key, at, flag) in devices_by {
            let name = self.part(devices + at * DEVICE, DEVICE);
            let mask = self.part(devices + (2 + at) * DEVICE, DEVICE);
            let count = mask.iter().filter(|byte| **byte != 0).count();
            if count > 0 {
                all.push(Expression::Meta(key, 0));
                all.push(compare(inverted & flag != 0, &name[..count]));
            }
        }
        for (at, offset, flag) in [(0, source, 8), (1, destination, 0x10)] {
            let address = self.part(at * length, length);
            let mask = self.part((2 + at) * length, length);
            if mask.iter().any(|byte| *byte != 0) {
                all.extend(network(offset, length, mask));
                all.push(compare(inverted & flag != 0, address));
            }
        }
        if protocol != 0 {
            all.push(Expression::Meta(Meta::L4Proto, 0));
            all.push(compare(inverted & 0x40 != 0, &[protocol as u8]));
        }
        // Later parts of a packet only.
        if !self.six && flags & 1 != 0 {
            all.extend(network(6, 2, &[0x1f, 0xff]));
            all.push(compare(inverted & 0x20 == 0, &[0, 0]));
        }
        all.extend(
            self.matches().map(|(name, revision, data)| {
                Expression::Match(name, revision.into(), data.to_vec())
            }),
        );
        all
    }

    fn matches(&self) -> impl Iterator<Item = (String, u8, &'a [u8])> {
        let conditions = self.bytes.get(head(self.six)..self.target_at());
        let mut rest = conditions.unwrap_or_default();
        std::iter::from_fn(move || {
            let length = usize::from(half(rest, 0));
            let (one, behind) = rest.split_at_checked(length).filter(|_| length > DATA)?;
            rest = behind;
            Some((text(&one[2..31]), one[31], &one[DATA..]))
        })
    }

    pub(super) fn comment(&self) -> Option<String> {
        let mut all = self.matches();
        let found = all.find(|(name, ..)| name == "comment");
        found.map(|(_, _, data)| text(data))
    }
}

fn compare(not: bool, value: &[u8]) -> Expression {
    let op = if not {
        Comparison::Not
    } else {
        Comparison::Equal
    };
    Expression::Compare(op, 0, value.to_vec())
}

/// Bytes of the network's header under a mask.
fn network(offset: usize, length: usize, mask: &[u8]) -> Vec<Expression> {
    let payload = Payload {
        base: Header::Network,
        offset,
        length,
    };
    let mut all = vec![Expression::Payload(payload, 0)];
    if mask.iter().any(|byte| *byte != 0xff) {
        all.push(Expression::Bitwise(Bitwise {
            op: BitwiseOp::MaskXor(mask.to_vec(), vec![0; length]),
            from: 0,
            to: 0,
            length,
        }));
    }
    all
}
