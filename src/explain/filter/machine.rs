//! One rule on one packet, as the kernel runs it (nft_do_chain in
//! net/netfilter/nf_tables_core.c): expression after expression, until one does not hold.

use super::bytes::{Bytes, Truth};
use super::lookup::{self, Hit};
use super::packet::{Bits, ConnectionState, Packet};
use super::passage::{Fate, Rewrite};
use super::walk::{Scene, State};
use super::{load, nat, xt};
use crate::state::Verdict;
use crate::state::ruleset::*;

/// What a rule does with a packet for which all of its conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// The next rule.
    Next,
    /// Another chain, or the end.
    Verdict(Verdict),
    /// The end.
    End(Fate),
    /// The end, with other addresses.
    Nat(Rewrite),
}

/// How a rule ended.
pub(super) struct Ran {
    /// If its conditions hold, or may hold.
    pub(super) met: Option<(Deed, State)>,
    /// If they do not hold, or may not.
    pub(super) not: Option<State>,
    /// What of it is not known.
    pub(super) why: Option<String>,
}

/// How an expression ended.
pub(super) enum Step {
    /// The next one.
    Go,
    /// Its condition holds, or not, or that is not known.
    If(Truth),
    /// The rule is at its end.
    Then(Deed),
    /// That is so or is not.
    Perhaps(Deed),
}

/// The registers, and what was last brought there without being known.
pub(super) struct Machine<'a> {
    pub(super) scene: &'a Scene<'a>,
    registers: Bytes,
    vague: Option<String>,
}

pub(super) fn run(rule: &ListedRule, mut state: State, scene: &Scene<'_>) -> Ran {
    let mut machine = Machine {
        scene,
        registers: Bytes::unknown(REGISTERS),
        vague: None,
    };
    let (mut untaken, mut why): (Option<State>, Option<String>) = (None, None);
    for expression in &rule.expressions {
        match machine.step(expression, &mut state) {
            Step::Go | Step::If(Some(true)) => {}
            Step::If(Some(false)) => {
                let not = State::merged(untaken, Some(state));
                return Ran {
                    met: None,
                    not,
                    why,
                };
            }
            Step::If(None) => {
                untaken = State::merged(untaken, Some(state.clone()));
                why.get_or_insert_with(|| machine.reason(expression));
            }
            Step::Perhaps(deed) => {
                let not = State::merged(untaken, Some(state.clone()));
                why.get_or_insert_with(|| machine.reason(expression));
                let met = Some((deed, state));
                return Ran { met, not, why };
            }
            Step::Then(deed) => {
                let (met, not) = (Some((deed, state)), untaken);
                return Ran { met, not, why };
            }
        }
    }
    let (met, not) = (Some((Deed::Next, state)), untaken);
    Ran { met, not, why }
}

impl Machine<'_> {
    fn reason(&mut self, expression: &Expression) -> String {
        match expression {
            Expression::Unknown(name) => name.clone(),
            Expression::Match(name, ..) => format!("match {name}"),
            Expression::Lookup(lookup) if self.vague.is_none() => format!("set {}", lookup.set),
            _ => self
                .vague
                .clone()
                .unwrap_or_else(|| "a condition".to_owned()),
        }
    }

    /// What an expression does. A condition that is not known may hold or not.
    fn step(&mut self, expression: &Expression, state: &mut State) -> Step {
        match expression {
            Expression::Meta(key, to) => {
                let value = load::meta(*key, &state.packet, self.scene);
                self.load(value, *to, || super::text::meta(*key))
            }
            Expression::Payload(payload, to) => {
                let value = load::payload(*payload, &state.packet, self.scene);
                let value = match state.lost && payload.base != Header::Link {
                    true => value.map(|value| Bytes::unknown(value.len())),
                    false => value,
                };
                self.load(value, *to, || super::text::payload(*payload))
            }
            Expression::Ct(key, reply, to) => {
                let value = load::ct(*key, *reply, &state.packet, self.scene);
                self.load(value, *to, || super::text::ct(*key).to_owned())
            }
            Expression::Fib(fib, to) => {
                let value = load::fib(*fib, &state.packet, self.scene);
                self.load(Some(value), *to, || super::text::fib(*fib))
            }
            Expression::Immediate(value, to) => {
                self.registers.put(*to, &Bytes::known(value.clone()));
                Step::Go
            }
            Expression::Load(name, to) => self.load(Some(Bytes::unknown(16)), *to, || name.clone()),
            Expression::Bitwise(bitwise) => self.bitwise(bitwise),
            Expression::Byteorder(order) => self.byteorder(*order),
            Expression::Compare(op, from, value) => Step::If(self.compare(*op, *from, value)),
            Expression::Range {
                not,
                from,
                low,
                high,
            } => {
                let within = self.register(*from, low.len()).within(low, high);
                Step::If(within.map(|within| within != *not))
            }
            Expression::Lookup(lookup) => self.lookup(lookup),
            Expression::Limit { over, reached, .. } => Step::If(Some(over == reached)),
            Expression::Update { each, .. } => self.each(each),
            Expression::SetMeta(..) | Expression::SetPayload(..) | Expression::SetCt(..) => {
                self.set(expression, &mut state.packet);
                Step::Go
            }
            Expression::NoTrack => {
                if !self.scene.tracked {
                    state.packet.connection.state = ConnectionState::Untracked;
                }
                Step::Go
            }
            Expression::Nothing(_) => Step::Go,
            Expression::Match(name, revision, info) => {
                Step::If(xt::holds(name, *revision, info, &state.packet, self.scene))
            }
            Expression::Unknown(_) => Step::If(None),
            decides => self.decide(decides, &mut state.packet),
        }
    }

    fn decide(&mut self, expression: &Expression, packet: &mut Packet) -> Step {
        match expression {
            Expression::Verdict(Verdict::Unknown) => {
                let queue = "a program that is asked (queue)".to_owned();
                Step::Then(Deed::End(Fate::Unknown(queue)))
            }
            Expression::Verdict(verdict) => Step::Then(Deed::Verdict(verdict.clone())),
            Expression::Reject(with) => {
                let with = super::text::refusal(*with, packet.is_ipv6());
                Step::Then(Deed::End(Fate::Reject(with)))
            }
            Expression::Elsewhere(name) => Step::Then(Deed::End(Fate::Unknown(name.clone()))),
            // One for the other family does nothing (nft_nat_inet_eval).
            Expression::Nat(nat) if nat.six.is_some_and(|six| six != packet.is_ipv6()) => Step::Go,
            Expression::Nat(nat) => match nat::rewrite(nat, self, packet) {
                Some(rewrite) => Step::Then(Deed::Nat(rewrite)),
                None => Step::Then(Deed::End(Fate::Unknown("the new address".to_owned()))),
            },
            Expression::Target(name, revision, info) => {
                xt::target(name, *revision, info, packet, self.scene)
            }
            _ => Step::Go,
        }
    }

    fn load(&mut self, value: Option<Bytes>, to: usize, name: impl Fn() -> String) -> Step {
        match value {
            None => Step::If(Some(false)),
            Some(value) => {
                if !value.is_known() {
                    self.vague = Some(name());
                }
                // A register is of four bytes: what is shorter is followed by zeros.
                let rest = value.len().next_multiple_of(4) - value.len();
                let at = to + value.len();
                self.registers.put(to, &value);
                self.registers.put(at, &Bytes::known(vec![0; rest]));
                Step::Go
            }
        }
    }

    /// The bytes of a register, or of several side by side.
    pub(super) fn register(&self, from: usize, length: usize) -> Bytes {
        let all = self.registers.cut(from, length);
        all.unwrap_or_else(|| Bytes::unknown(length))
    }

    fn number(&self, from: usize) -> Bits {
        let bytes = self.register(from, 4);
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_ne_bytes);
        Bits {
            value: number(&bytes.value),
            known: number(&bytes.known),
        }
    }

    fn compare(&self, op: Comparison, from: usize, value: &[u8]) -> Truth {
        let register = self.register(from, value.len());
        // From the first byte on, as memcmp(3) does.
        let at_most = || register.within(&vec![0; value.len()], value);
        let at_least = || register.within(value, &vec![0xff; value.len()]);
        match op {
            Comparison::Equal => register.equals(value),
            Comparison::Not => register.equals(value).map(|equal| !equal),
            Comparison::Less => at_least().map(|holds| !holds),
            Comparison::AtMost => at_most(),
            Comparison::More => at_most().map(|holds| !holds),
            Comparison::AtLeast => at_least(),
        }
    }

    /// Shifts are of numbers of 32 bits, the carry going from the last to the first
    /// (nft_bitwise_eval_lshift).
    fn bitwise(&mut self, bitwise: &Bitwise) -> Step {
        let from = self.register(bitwise.from, bitwise.length);
        let at = |bytes: &[u8], i: usize| bytes.get(i).copied().unwrap_or_default();
        let result = match &bitwise.op {
            BitwiseOp::MaskXor(mask, xor) => from.each(|i, value, known| {
                let (mask, xor) = (at(mask, i), at(xor, i));
                let known = known | !mask;
                (((value & mask) ^ xor) & known, known)
            }),
            BitwiseOp::Left(by) => Bytes {
                value: shifted(&from.value, *by, true, 0),
                known: shifted(&from.known, *by, true, u32::MAX),
            },
            BitwiseOp::Right(by) => Bytes {
                value: shifted(&from.value, *by, false, 0),
                known: shifted(&from.known, *by, false, u32::MAX),
            },
            BitwiseOp::Other => Bytes::unknown(bitwise.length),
        };
        self.registers.put(bitwise.to, &result);
        Step::Go
    }

    fn byteorder(&mut self, order: Byteorder) -> Step {
        let from = self.register(order.from, order.length);
        let turned = match cfg!(target_endian = "little") {
            true => from.turned(order.size),
            false => from,
        };
        self.registers.put(order.to, &turned);
        Step::Go
    }

    fn lookup(&mut self, lookup: &Lookup) -> Step {
        let Some(set) = self.scene.table.sets.get(&lookup.set) else {
            return Step::If(None);
        };
        let key = self.register(lookup.from, set.parts.iter().fold(0, width));
        let hit = lookup::find(set, &lookup.set, &key, self.scene);
        match (hit, lookup.then) {
            (Hit::Perhaps(all), then) => self.perhaps(&all, &lookup.set, then),
            (Hit::Nothing, then) => Step::If(Some(then == Found::NotThere)),
            (Hit::Element(_), Found::NotThere) => Step::If(Some(false)),
            (Hit::Element(element), then) => match (self.each(&element.each), then) {
                (Step::Go, then) => self.found(&element.data, then),
                (ended, _) => ended,
            },
        }
    }

    /// One of these elements, or none. If all lead to one end, that is the end, or is not.
    fn perhaps(&mut self, all: &[&SetElement], set: &str, then: Found) -> Step {
        let mut data: Vec<&SetData> = all.iter().map(|element| &element.data).collect();
        data.dedup();
        match (then, &data[..]) {
            (Found::Verdict, [SetData::Verdict(Some(verdict))]) => {
                Step::Perhaps(Deed::Verdict(verdict.clone()))
            }
            (Found::Verdict, _) => Step::Then(Deed::End(Fate::Unknown(format!("map {set}")))),
            (Found::To(to), [SetData::Value(value)]) => {
                self.registers.put(to, &Bytes::known(value.clone()));
                Step::If(None)
            }
            (Found::To(to), _) => {
                self.registers.put(to, &Bytes::unknown(16));
                Step::If(None)
            }
            _ => Step::If(None),
        }
    }

    fn found(&mut self, data: &SetData, then: Found) -> Step {
        match (data, then) {
            (SetData::Value(value), Found::To(to)) => {
                self.registers.put(to, &Bytes::known(value.clone()));
                Step::Go
            }
            (SetData::Verdict(None), Found::Verdict) => Step::Then(Deed::Next),
            (SetData::Verdict(Some(verdict)), Found::Verdict) => {
                Step::Then(Deed::Verdict(verdict.clone()))
            }
            (_, Found::There | Found::NotThere) => Step::Go,
            _ => Step::If(None),
        }
    }

    /// What happens to whoever meets an element: it is counted, and may be one too many.
    fn each(&mut self, each: &[Expression]) -> Step {
        let holds = |expression: &Expression| match expression {
            Expression::Limit { over, reached, .. } => Some(over == reached),
            Expression::Nothing(_) => Some(true),
            _ => None,
        };
        let all = each.iter().map(holds).fold(Some(true), super::bytes::both);
        match all {
            Some(true) => Step::Go,
            other => Step::If(other),
        }
    }

    /// Where it is written into the packet or on it.
    fn set(&self, expression: &Expression, packet: &mut Packet) {
        match expression {
            Expression::SetMeta(Meta::Mark, from) => packet.mark = self.number(*from),
            Expression::SetCt(Ct::Mark, from) => packet.connection.mark = self.number(*from),
            Expression::SetPayload(payload, from) => {
                let bytes = self.register(*from, payload.length);
                nat::write(*payload, &bytes, packet);
            }
            _ => {}
        }
    }
}

/// The length of a key with one more part: each begins at a multiple of four bytes.
fn width(length: usize, part: &usize) -> usize {
    length.next_multiple_of(4) + part
}

fn shifted(bytes: &[u8], by: u32, left: bool, empty: u32) -> Vec<u8> {
    let words = bytes.chunks(4).map(|word| {
        let mut whole = [0; 4];
        whole[..word.len()].copy_from_slice(word);
        u32::from_ne_bytes(whole)
    });
    let mut words: Vec<u32> = words.collect();
    let by = by.min(31);
    if by == 0 {
        return bytes.to_vec();
    }
    let mut carry = match left {
        true => empty & ((1 << by) - 1),
        false => empty & !(u32::MAX >> by),
    };
    let step = |word: &mut u32| {
        let old = *word;
        *word = if left { old << by } else { old >> by } | carry;
        carry = if left {
            old >> (32 - by)
        } else {
            old << (32 - by)
        };
    };
    match left {
        true => words.iter_mut().rev().for_each(step),
        false => words.iter_mut().for_each(step),
    }
    let all = words.iter().flat_map(|word| word.to_ne_bytes());
    all.take(bytes.len()).collect()
}
