//! The chains at one hook, in the kernel's order.

use super::nat;
use super::packet::{ConnectionState, Layer, Packet};
use super::passage::{Ask, Fate, Line, Passage, Rewrite};
use super::text;
use super::walk::{Outcome, Place, Scene, State, Walk};
use crate::state::ruleset::{BaseChain, Hook, RuleTable, Ruleset, TableFamily};

/// Where connections are tracked and addresses change (linux/netfilter_ipv4.h).
const CONNTRACK: i32 = -200;
const NAT_DESTINATION: i32 = -100;
const NAT_SOURCE: i32 = 100;

/// What becomes of a packet at a hook.
pub fn pass(
    ruleset: &Ruleset,
    layer: Layer,
    hook: Hook,
    packet: &Packet,
    ask: &dyn Ask,
) -> Passage {
    let mut passing = Passing {
        ruleset,
        layer,
        hook,
        ask,
        met: 0,
        last: None,
        rewrite: None,
        outcomes: Vec::new(),
    };
    let mut state = Some(State::new(packet.clone()));
    for stop in stops(ruleset, layer, hook, packet) {
        if let Some(before) = state.take() {
            state = match stop.chains.is_empty() && stop.nat {
                true => Some(passing.translate(before)),
                false => passing.stop(&stop, before),
            };
        }
    }
    passing.ended(state, packet)
}

/// Chains that are met one after the other until one decides.
struct Stop<'a> {
    priority: i32,
    /// Whether they give addresses: then the first that does is the last that is met.
    nat: bool,
    chains: Vec<(usize, &'a RuleTable, &'a str, &'a BaseChain)>,
}

/// Those of type nat are met at one place, whatever their priority says: it only orders them
/// (nf_nat_register_fn, net/netfilter/nf_nat_core.c).
fn stops<'a>(ruleset: &'a Ruleset, layer: Layer, hook: Hook, packet: &Packet) -> Vec<Stop<'a>> {
    let tables = ruleset.tables.iter().enumerate();
    let tables = tables.filter(|(_, table)| !table.dormant && sees(table, layer, hook, packet));
    let chains = tables.flat_map(|(at, table)| {
        let chains = table.chains.iter();
        chains
            .filter_map(move |(name, chain)| Some((at, table, name.as_str(), chain.base.as_ref()?)))
    });
    let mut here: Vec<_> = chains
        .filter(|(.., base)| base.hook == hook && at_device(base, hook, packet))
        .collect();
    here.sort_by_key(|(.., base)| (base.priority, base.made));
    let (nat, filters): (Vec<_>, Vec<_>) = here
        .into_iter()
        .partition(|(.., base)| base.kind == "nat" && layer == Layer::Ip);
    let one = |chain: (usize, &'a RuleTable, &'a str, &'a BaseChain)| Stop {
        priority: chain.3.priority,
        nat: false,
        chains: vec![chain],
    };
    let mut stops: Vec<Stop<'a>> = filters.into_iter().map(one).collect();
    if let Some(priority) = nat_priority(hook).filter(|_| layer == Layer::Ip) {
        let first = asks_nat(hook, packet);
        let chains = if first { nat } else { Vec::new() };
        if !chains.is_empty() || packet.connection.translation.is_some() {
            stops.push(Stop {
                priority,
                nat: true,
                chains,
            });
        }
    }
    stops.sort_by_key(|stop| stop.priority);
    stops
}

fn nat_priority(hook: Hook) -> Option<i32> {
    match hook {
        Hook::Prerouting | Hook::Output => Some(NAT_DESTINATION),
        Hook::Input | Hook::Postrouting => Some(NAT_SOURCE),
        _ => None,
    }
}

/// Only a connection's first packet is asked about. What this host sent to itself was asked
/// about when it left.
fn asks_nat(hook: Hook, packet: &Packet) -> bool {
    let first = [ConnectionState::New, ConnectionState::Related];
    let from_lo = packet.iif.as_ref().is_some_and(|(name, _)| name == "lo");
    let again = from_lo && matches!(hook, Hook::Prerouting | Hook::Input);
    first.contains(&packet.connection.state) && !again
}

fn sees(table: &RuleTable, layer: Layer, hook: Hook, packet: &Packet) -> bool {
    let at_device = matches!(hook, Hook::Ingress | Hook::Egress);
    match table.family {
        TableFamily::Netdev => at_device,
        TableFamily::Bridge => layer == Layer::Bridge,
        TableFamily::Arp => packet.arp.is_some() && layer == Layer::Ip && !at_device,
        _ if layer == Layer::Bridge || packet.arp.is_some() => false,
        TableFamily::Inet => true,
        TableFamily::Ip => !packet.is_ipv6(),
        TableFamily::Ip6 => packet.is_ipv6(),
    }
}

/// A name with a star at its end stands for all that begin so.
fn at_device(base: &BaseChain, hook: Hook, packet: &Packet) -> bool {
    let device = match hook {
        Hook::Ingress => &packet.iif,
        Hook::Egress => &packet.oif,
        _ => return true,
    };
    let is = |name: &String| {
        device
            .as_ref()
            .is_some_and(|(dev, _)| match name.strip_suffix('*') {
                Some(begin) => dev.starts_with(begin),
                None => dev == name,
            })
    };
    base.devices.iter().any(is)
}

struct Passing<'a> {
    ruleset: &'a Ruleset,
    layer: Layer,
    hook: Hook,
    ask: &'a dyn Ask,
    met: usize,
    /// The last rule that let it pass.
    last: Option<Place>,
    rewrite: Option<(Rewrite, Option<Place>)>,
    outcomes: Vec<Outcome>,
}

impl Passing<'_> {
    /// The packet behind these chains, if it may get there.
    fn stop(&mut self, stop: &Stop<'_>, mut state: State) -> Option<State> {
        for (at, table, name, base) in &stop.chains {
            let mut walk = Walk {
                scene: Scene {
                    ask: self.ask,
                    layer: self.layer,
                    hook: self.hook,
                    family: table.family,
                    table,
                    tracked: stop.nat || self.is_tracked(base.priority, &state.packet),
                },
                at: *at,
                met: self.met,
                outcomes: Vec::new(),
            };
            walk.base(name, base.drops, state);
            self.met = walk.met;
            let (accepted, others): (Vec<Outcome>, Vec<Outcome>) = walk
                .outcomes
                .into_iter()
                .partition(|outcome| outcome.fate == Fate::Accept);
            self.outcomes.extend(others);
            state = self.accepted(accepted)?;
            if stop.nat && self.rewrite.is_some() {
                break;
            }
        }
        Some(state)
    }

    /// Ways that pass come together again. If they differ in the addresses that the packet
    /// gets, that is an end.
    fn accepted(&mut self, mut all: Vec<Outcome>) -> Option<State> {
        let last = all.pop()?;
        let apart =
            |other: &&Outcome| !nat::agree(&other.rewrite, &last.rewrite, &last.state.packet);
        if let Some(other) = all.iter().find(apart) {
            let doubt = other.state.doubt.as_ref().or(last.state.doubt.as_ref());
            let why = doubt.map_or_else(String::new, |doubt| doubt.why.clone());
            self.outcomes.push(Outcome {
                fate: Fate::Unknown(why),
                ..last
            });
            return None;
        }
        let Outcome {
            rewrite,
            place,
            state,
            ..
        } = last;
        let rewrite = all
            .iter()
            .fold(rewrite, |one, other| nat::shared(one, &other.rewrite));
        let states = all.into_iter().map(|outcome| outcome.state);
        let mut state = states.fold(state, |one, other| {
            State::merged(Some(one.clone()), Some(other)).unwrap_or(one)
        });
        if place.rule.is_some() {
            self.last = Some(place.clone());
        }
        if let Some(rewrite) = rewrite {
            self.give(rewrite, Some(place), &mut state);
        }
        Some(state)
    }

    fn give(&mut self, rewrite: Rewrite, by: Option<Place>, state: &mut State) {
        state.lost |= !nat::apply(&rewrite, &mut state.packet);
        match nat::is_source(rewrite.kind) {
            true => state.packet.connection.snat = true,
            false => state.packet.connection.dnat = true,
        }
        self.rewrite = Some((rewrite, by));
    }

    /// What was decided on the connection's first packet.
    fn translate(&mut self, mut state: State) -> State {
        if let Some(rewrite) = state.packet.connection.translation.clone() {
            let connection = state.packet.connection.clone();
            self.give(rewrite, None, &mut state);
            state.packet.connection = connection;
        }
        state
    }

    /// What came by `lo` was tracked when it left.
    fn is_tracked(&self, priority: i32, packet: &Packet) -> bool {
        let from_lo = packet.iif.as_ref().is_some_and(|(name, _)| name == "lo");
        match self.hook {
            Hook::Ingress => false,
            Hook::Prerouting => priority > CONNTRACK || from_lo,
            Hook::Output => priority > CONNTRACK,
            _ => true,
        }
    }

    /// All ways' ends as one: what they share, or what is not known.
    fn ended(self, passed: Option<State>, packet: &Packet) -> Passage {
        let line = |place: &Place| text::line(self.ruleset, place);
        let (rewrite, by) = match &self.rewrite {
            Some((rewrite, by)) => (Some(rewrite.clone()), by.as_ref().map(line)),
            None => (None, None),
        };
        let whole = |fate, line: Option<Line>, packet: Packet| Passage {
            fate,
            line,
            rewrite: rewrite.clone(),
            rewritten_by: by.clone(),
            packet,
            met: self.met,
        };
        let last = match passed {
            Some(state) => match self.legacy(packet) {
                Some(table) => return whole(Fate::Unknown(table), None, state.packet),
                None => (Fate::Accept, self.last.as_ref(), state),
            },
            None => match self.outcomes.last() {
                Some(last) => (last.fate.clone(), Some(&last.place), last.state.clone()),
                None => return whole(Fate::Accept, None, packet.clone()),
            },
        };
        let (fate, place, state) = last;
        if !self.outcomes.iter().all(|outcome| outcome.fate == fate) {
            let doubts = self.outcomes.iter().filter(|outcome| outcome.fate != fate);
            let doubts = doubts.filter_map(|outcome| outcome.state.doubt.clone());
            if let Some(doubt) = doubts.chain(state.doubt.clone()).next() {
                let (why, at) = (doubt.why.clone(), line(&doubt.place));
                return whole(Fate::Unknown(why), Some(at), state.packet);
            }
        }
        let line = place.map(line);
        whole(fate, line, state.packet)
    }

    /// A table of the old kind that could not be read, but has a say at this hook.
    fn legacy(&self, packet: &Packet) -> Option<String> {
        let family = match packet.is_ipv6() {
            true => "ip6 ",
            false if packet.arp.is_some() => "arp ",
            false => "ip ",
        };
        let has_say = |name: &str| match (name, self.hook) {
            (_, hook) if packet.arp.is_some() => matches!(hook, Hook::Input | Hook::Output),
            (_, Hook::Ingress | Hook::Egress) => false,
            ("filter" | "security", hook) => {
                matches!(hook, Hook::Input | Hook::Forward | Hook::Output)
            }
            ("raw", hook) => matches!(hook, Hook::Prerouting | Hook::Output),
            ("nat", hook) => hook != Hook::Forward && asks_nat(hook, packet),
            _ => true,
        };
        let mut all = self.ruleset.legacy.iter();
        let here = all.find(|table| table.strip_prefix(family).is_some_and(has_say));
        here.filter(|_| self.layer == Layer::Ip)
            .map(|table| format!("table {table} of iptables-legacy"))
    }
}
