//! A packet's way through the chains of a table. Where it is not known whether a rule's
//! conditions hold, both ways are gone, and what each ends with is kept.

use std::rc::Rc;

use super::machine::{self, Deed, Ran};
use super::packet::{Bits, Layer, Packet};
use super::passage::{Ask, Fate, Rewrite};
use crate::state::Verdict;
use crate::state::ruleset::{Hook, ListedRule, RuleTable, TableFamily};

/// The kernel has no deeper jumps (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: usize = 16;
/// More rules than this at one hook are not followed: a packet meets some twenty hooks, and what
/// becomes of it is to be said within two seconds.
pub(super) const MOST: usize = 200_000;

/// Where rules are run: what does not change from rule to rule.
pub(super) struct Scene<'a> {
    pub(super) ask: &'a dyn Ask,
    pub(super) layer: Layer,
    pub(super) hook: Hook,
    pub(super) family: TableFamily,
    pub(super) table: &'a RuleTable,
    /// Whether the packet's connection is known already.
    pub(super) tracked: bool,
}

/// The packet on one way.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) packet: Packet,
    /// Whether its addresses and ports are no longer known.
    pub(super) lost: bool,
    /// The last rule by which ways parted.
    pub(super) doubt: Option<Rc<Doubt>>,
}

/// A rule that could not be followed.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) place: Place,
    pub(super) why: String,
}

/// A rule, or, without a rule's number, a chain's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) table: usize,
    pub(super) chain: String,
    pub(super) rule: Option<usize>,
}

/// What one way ended with.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) fate: Fate,
    pub(super) rewrite: Option<Rewrite>,
    pub(super) place: Place,
    pub(super) state: State,
}

impl State {
    pub(super) fn new(packet: Packet) -> Self {
        State {
            packet,
            lost: false,
            doubt: None,
        }
    }

    /// Two ways that come together: what is not the same on both is not known.
    pub(super) fn merged(one: Option<State>, other: Option<State>) -> Option<State> {
        let (mut one, other) = match (one, other) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => return one.or(other),
        };
        one.packet.mark = common(one.packet.mark, other.packet.mark);
        let marks = [&one, &other].map(|state| state.packet.connection.mark);
        one.packet.connection.mark = common(marks[0], marks[1]);
        let differ = one.packet.ends() != other.packet.ends();
        one.lost |= other.lost || differ;
        one.doubt = one.doubt.or(other.doubt);
        Some(one)
    }
}

fn common(one: Bits, other: Bits) -> Bits {
    let known = one.known & other.known & !(one.value ^ other.value);
    Bits {
        value: one.value & known,
        known,
    }
}

/// A packet's way through one table at one hook.
pub(super) struct Walk<'a> {
    pub(super) scene: Scene<'a>,
    /// The table's number in the rule set.
    pub(super) at: usize,
    pub(super) met: usize,
    pub(super) outcomes: Vec<Outcome>,
}

impl Walk<'_> {
    /// Through a chain where packets meet it; what no rule decides on, its policy does.
    pub(super) fn base(&mut self, name: &str, drops: bool, state: State) {
        if let Some(state) = self.chain(name, state, 0) {
            let fate = if drops { Fate::Drop } else { Fate::Accept };
            let place = self.place(name, None);
            self.end(fate, None, place, state);
        }
    }

    fn place(&self, chain: &str, rule: Option<usize>) -> Place {
        Place {
            table: self.at,
            chain: chain.to_owned(),
            rule,
        }
    }

    fn end(&mut self, fate: Fate, rewrite: Option<Rewrite>, place: Place, state: State) {
        self.outcomes.push(Outcome {
            fate,
            rewrite,
            place,
            state,
        });
    }

    /// The packet as it comes out at the chain's end or by `return`, if it may.
    fn chain(&mut self, name: &str, mut state: State, depth: usize) -> Option<State> {
        let chain = self.scene.table.chains.get(name);
        let Some(chain) = chain.filter(|_| depth <= DEEPEST && self.met < MOST) else {
            let place = self.place(name, None);
            let too_far = Fate::Unknown(format!("chain {name}, which leads too far"));
            self.end(too_far, None, place, state);
            return None;
        };
        let mut returned = None;
        for (at, rule) in chain.rules.iter().enumerate() {
            match self.rule((name, at, rule), state, &mut returned, depth) {
                Some(on) => state = on,
                None => return returned,
            }
        }
        State::merged(returned, Some(state))
    }

    /// The packet as it comes to the next rule, if it may.
    fn rule(
        &mut self,
        (chain, at, rule): (&str, usize, &ListedRule),
        state: State,
        returned: &mut Option<State>,
        depth: usize,
    ) -> Option<State> {
        self.met += 1;
        let Ran { met, mut not, why } = machine::run(rule, state, &self.scene);
        let Some((deed, mut taken)) = met else {
            return not;
        };
        if let (Some(not), true) = (&mut not, deed != Deed::Next) {
            let place = self.place(chain, Some(at));
            let why = why.unwrap_or_default();
            let doubt = Some(Rc::new(Doubt { place, why }));
            (taken.doubt, not.doubt) = (doubt.clone(), doubt);
        }
        let (fate, rewrite) = match deed {
            Deed::Next => return State::merged(Some(taken), not),
            Deed::Verdict(Verdict::Return) => {
                *returned = State::merged(returned.take(), Some(taken));
                return not;
            }
            Deed::Verdict(Verdict::Jump(to)) => {
                return State::merged(self.chain(&to, taken, depth + 1), not);
            }
            Deed::Verdict(Verdict::Goto(to)) => {
                *returned = State::merged(returned.take(), self.chain(&to, taken, depth + 1));
                return not;
            }
            Deed::Verdict(Verdict::Accept) => (Fate::Accept, None),
            Deed::Verdict(Verdict::Drop) => (Fate::Drop, None),
            Deed::Verdict(Verdict::Unknown) => (Fate::Unknown("its verdict".to_owned()), None),
            Deed::End(fate) => (fate, None),
            Deed::Nat(rewrite) => (Fate::Accept, Some(rewrite)),
        };
        let place = self.place(chain, Some(at));
        self.end(fate, rewrite, place, taken);
        not
    }
}
