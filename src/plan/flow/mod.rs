//! Flows that began when the rules were others. The kernel asks its rules about a flow's
//! first packet only: where a port led, and what was permitted, would live on in them.

mod element;
mod felt;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::order::Rank;
use super::{Draft, Op};
use crate::state::{Element, FlowMatch, Namespace, NetState, Netns, SetName, Table};

pub(super) use felt::{impacts, names};

/// An element, and the set that it is in.
type At<'a> = (SetName, &'a Element);

pub(super) fn diff(draft: &mut Draft<'_>) {
    let ops: Vec<&Op> = draft.steps.iter().map(|(_, step)| &step.op).collect();
    for op in ended(&ops, draft.observed) {
        draft.push(
            Rank::Flows,
            op,
            "they began when the firewall said otherwise",
        );
    }
}

/// What ends the flows that such changes of firewall tables leave behind, in each
/// namespace at most one operation.
pub(super) fn ended(ops: &[&Op], observed: &NetState) -> Vec<Op> {
    // A namespace that is new, or goes again, has none that matter.
    let there = |op: &&&Op| observed.namespaces.contains_key(op.netns());
    let changed = ops.iter().filter(|op| elements(op).next().is_some());
    let places = changed.filter(there).map(|op| op.netns());
    let missing = |(_, namespace): &(_, &Namespace)| !namespace.missing.is_empty();
    let missing = observed.namespaces.iter().filter(missing);
    let places: BTreeSet<&Netns> = places.chain(missing.map(|(netns, _)| netns)).collect();
    let left = places.into_iter().map(|netns| {
        let flows = Changed::of(netns, ops, observed).left_behind();
        (netns, flows)
    });
    left.filter(|(_, flows)| !flows.is_empty())
        .map(|(netns, flows)| Op::DelFlows {
            netns: netns.clone(),
            flows,
        })
        .collect()
}

/// The elements of one namespace's tables.
struct Changed<'a> {
    gone: BTreeSet<At<'a>>,
    come: BTreeSet<At<'a>>,
    /// All that are there afterwards.
    stay: BTreeSet<At<'a>>,
    addresses: BTreeSet<IpAddr>,
}

impl<'a> Changed<'a> {
    fn of(netns: &Netns, ops: &[&'a Op], observed: &'a NetState) -> Self {
        let (mut come, mut gone) = (BTreeSet::new(), BTreeSet::new());
        for op in ops.iter().filter(|op| op.netns() == netns) {
            match op {
                Op::DelTable { .. } | Op::DelElement { .. } => gone.extend(elements(op)),
                _ => come.extend(elements(op)),
            }
        }
        let here = observed.namespaces.get(netns);
        let tables = here.into_iter().flat_map(|here| here.tables.values());
        let there = tables.flat_map(all_of).filter(|at| !gone.contains(at));
        let links = here.into_iter().flat_map(|here| here.links.values());
        let addresses = links.flat_map(|link| link.all_addresses());
        let addresses = addresses.map(|address| address.addr());
        let stay: BTreeSet<At<'a>> = there.chain(come.iter().copied()).collect();
        // After a kill what was to go is gone, and its flows are not.
        let missing = here.into_iter().flat_map(|here| &here.missing);
        gone.extend(missing.map(|(set, element)| (*set, element)));
        Changed {
            stay,
            addresses: addresses.chain([Ipv4Addr::LOCALHOST.into()]).collect(),
            come,
            gone,
        }
    }

    fn left_behind(&self) -> Vec<FlowMatch> {
        let mut left = self.without_ground(element::permits);
        left.extend(self.without_ground(element::takes));
        left.extend(self.without_ground(element::sends));
        let led = self.without_ground(element::leads);
        let covered = |flows: &FlowMatch| led.iter().any(|led| flows.is_within(led));
        left.extend(self.unseen().into_iter().filter(|flows| !covered(flows)));
        left.extend(led);
        left.extend(self.straight());
        left.into_iter().collect()
    }

    /// The flows that went by what is gone, and go by nothing that stays.
    fn without_ground(&self, by: fn(At<'a>) -> Option<FlowMatch>) -> BTreeSet<FlowMatch> {
        let gone: Vec<FlowMatch> = self.lost().filter_map(by).collect();
        if gone.is_empty() {
            return BTreeSet::new();
        }
        let stay: Vec<FlowMatch> = self.stay.iter().copied().filter_map(by).collect();
        let left = gone.into_iter().flat_map(|flows| {
            let others: Vec<_> = stay.iter().filter(|stay| flows.meets(stay)).collect();
            others.into_iter().fold(vec![flows], |left, stay| {
                let parts = left.into_iter();
                parts.flat_map(|flows| flows.without(stay)).collect()
            })
        });
        left.collect()
    }

    /// The flows to published ports that fewer may use now. All of such a port are asked
    /// anew: what may go on does.
    fn unseen(&self) -> Vec<FlowMatch> {
        use SetName::{Lan, Lan4, Lan6};
        let gone: Vec<FlowMatch> = self.lost().filter_map(element::sees).collect();
        if gone.is_empty() {
            return Vec::new();
        }
        let stay = || self.stay.iter().copied();
        // Not those that only who is directly attached may use: these are fewer.
        let public = stay().filter(|(set, _)| !matches!(set, Lan | Lan4 | Lan6));
        let seen: Vec<FlowMatch> = public.filter_map(element::sees).collect();
        let leads: Vec<FlowMatch> = stay().filter_map(element::leads).collect();
        let still = |flows: &&FlowMatch| seen.iter().any(|seen| flows.is_within(seen));
        let fewer = gone.iter().filter(|flows| !still(flows));
        let used = |gone| leads.iter().filter_map(move |to| element::used(gone, to));
        fewer.flat_map(used).collect()
    }

    /// The flows that never met the rule of a port, because it was not published to them.
    fn straight(&self) -> impl Iterator<Item = FlowMatch> {
        let come = self.come.iter().copied();
        let ports = come.filter_map(|at| element::leads(at).or_else(|| element::sees(at)));
        ports.flat_map(|port| {
            let all = self.addresses.iter();
            all.filter_map(move |address| element::straight(&port, *address))
        })
    }

    fn lost(&self) -> impl Iterator<Item = At<'a>> {
        self.gone.difference(&self.stay).copied()
    }
}

/// The elements that an operation makes or removes.
fn elements(op: &Op) -> impl Iterator<Item = At<'_>> {
    let (table, one) = match op {
        Op::AddTable { table, .. } | Op::DelTable { table, .. } => (Some(table), None),
        Op::AddElement { set, element, .. } | Op::DelElement { set, element, .. } => {
            (None, Some((*set, element)))
        }
        _ => (None, None),
    };
    table.into_iter().flat_map(all_of).chain(one)
}

fn all_of(table: &Table) -> impl Iterator<Item = At<'_>> {
    table.elements().map(|(set, element, _)| (set, element))
}
