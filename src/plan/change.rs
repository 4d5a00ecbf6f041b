//! A plan as a list of changes, for eyes: what is made, changed, removed or made
//! anew, where, why, and what that does to what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::noun::{place, what};
use super::thing::Thing;
use super::{Harm, Impact, Op, Place, Plan, Step};
use crate::state::{Netns, SetName, TableName};

/// One change. Several steps may be one: what removes a thing and what makes it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// In which namespace.
    pub netns: Netns,
    /// What becomes of it.
    pub sign: Sign,
    /// Of what.
    pub what: String,
    /// Why.
    pub because: String,
    /// What that does to what is there already; most often nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub impacts: Vec<Impact>,
}

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Sign {
    /// It is made.
    #[serde(rename = "+")]
    Make,
    /// It is changed where it is.
    #[serde(rename = "~")]
    Change,
    /// It is removed and made anew.
    #[serde(rename = "±")]
    Remake,
    /// It is removed.
    #[serde(rename = "-")]
    Remove,
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Sign::Make => "+",
            Sign::Change => "~",
            Sign::Remake => "±",
            Sign::Remove => "-",
        })
    }
}

impl Plan {
    /// The changes that it makes, namespace by namespace, the host first.
    pub fn changes(&self) -> Vec<Change> {
        let made: BTreeSet<Thing<'_>> = self.steps.iter().flat_map(|s| s.op.makes()).collect();
        let lost: BTreeSet<Thing<'_>> = self.steps.iter().flat_map(|s| s.op.removes()).collect();
        let mut before = BTreeMap::new();
        let mut changes = Vec::new();
        let told = |step: &&Step| !is_of_a_port(&step.op, [&made, &lost]);
        for step in self.steps.iter().filter(told) {
            let gone = step.op.removes();
            for (i, thing) in gone.iter().enumerate() {
                match made.contains(thing) {
                    true => drop(before.insert(*thing, (step, i))),
                    false => changes.push(removal(step, thing, i)),
                }
            }
            if gone.is_empty() && !is_part(&step.op, &made) {
                changes.push(change(step, &before));
            }
        }
        changes.sort_by_key(|change| change.netns.clone());
        changes
    }
}

/// How many changes of each kind there are, and who feels them how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Things made.
    pub made: usize,
    /// Things changed where they are.
    pub changed: usize,
    /// Things removed and made anew.
    pub remade: usize,
    /// Things removed.
    pub removed: usize,
    /// Where something there is disturbed, by how much.
    pub felt: BTreeMap<Harm, BTreeSet<Place>>,
}

impl Summary {
    /// Sums up changes.
    pub fn of(changes: &[Change]) -> Self {
        let count = |sign| changes.iter().filter(|change| change.sign == sign).count();
        let mut felt: BTreeMap<Harm, BTreeSet<Place>> = BTreeMap::new();
        for impact in changes.iter().flat_map(|change| &change.impacts) {
            felt.entry(impact.harm)
                .or_default()
                .extend(impact.on.iter().cloned());
        }
        Summary {
            made: count(Sign::Make),
            changed: count(Sign::Change),
            remade: count(Sign::Remake),
            removed: count(Sign::Remove),
            felt,
        }
    }
}

/// "2 made, 1 removed".
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.made, "made"),
            (self.changed, "changed"),
            (self.remade, "made anew"),
            (self.removed, "removed"),
        ];
        let counts = counts.iter().filter(|(n, _)| *n > 0);
        let counts: Vec<String> = counts.map(|(n, done)| format!("{n} {done}")).collect();
        f.write_str(&counts.join(", "))
    }
}

/// What is set on a device that is new, `lo` of a new namespace too, is part of
/// making it.
fn is_part(op: &Op, made: &BTreeSet<Thing<'_>>) -> bool {
    let Op::SetLink { end, .. } = op else {
        return false;
    };
    let within = end.netns.made().map(Thing::Netns);
    made.contains(&Thing::device(end)) || within.is_some_and(|netns| made.contains(&netns))
}

/// What a port may use comes and goes with the port; and what it may say about its IPv6
/// addresses with the addresses.
fn is_of_a_port(op: &Op, all: [&BTreeSet<Thing<'_>>; 2]) -> bool {
    let (Op::AddElement { set, element, .. } | Op::DelElement { set, element, .. }) = op else {
        return false;
    };
    let with_port = |dev| {
        let port = Thing::Device(&Netns::Host, dev);
        all.iter().any(|things| things.contains(&port))
    };
    *set == SetName::Targets6
        || set.table() == TableName::Bridge && element.devices().any(with_port)
}

/// The impact of a step on the `i`-th thing that it removes.
fn impacts(step: &Step, i: usize) -> Vec<Impact> {
    match &step.op {
        Op::DelLinks { .. } => step.impacts.get(i).cloned().into_iter().collect(),
        _ => step.impacts.clone(),
    }
}

fn removal(step: &Step, thing: &Thing<'_>, i: usize) -> Change {
    Change {
        netns: place(&step.op),
        sign: Sign::Remove,
        what: match thing {
            Thing::Device(_, dev) => format!("device {dev}"),
            _ => what(&step.op),
        },
        because: step.because.clone(),
        impacts: impacts(step, i),
    }
}

fn change(step: &Step, before: &BTreeMap<Thing<'_>, (&Step, usize)>) -> Change {
    let made = step.op.makes();
    let again: Vec<_> = made.iter().filter_map(|thing| before.get(thing)).collect();
    let change = Change {
        netns: place(&step.op),
        sign: match &step.op {
            Op::DelFlows { .. } => Sign::Remove,
            _ if made.is_empty() => Sign::Change,
            _ => Sign::Make,
        },
        what: what(&step.op),
        because: step.because.clone(),
        impacts: step.impacts.clone(),
    };
    match again.first() {
        None => change,
        Some((gone, _)) => Change {
            sign: Sign::Remake,
            because: gone.because.clone(),
            impacts: merged(again.iter().flat_map(|(gone, i)| impacts(gone, *i))),
            ..change
        },
    }
}

/// Both ends of a cable feel the same.
fn merged(impacts: impl Iterator<Item = Impact>) -> Vec<Impact> {
    let mut all: Vec<Impact> = Vec::new();
    for impact in impacts {
        let same = |other: &&mut Impact| (other.harm, &other.what) == (impact.harm, &impact.what);
        match all.iter_mut().find(same) {
            Some(other) => other.on.extend(impact.on),
            None => all.push(impact),
        }
    }
    all
}
