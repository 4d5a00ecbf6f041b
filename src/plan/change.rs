//! A plan as a list of changes, for eyes: what is made, changed, removed or made
//! anew, where, why, and what that does to what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::thing::Thing;
use super::{Harm, Impact, Op, Place, Plan, Setting, Step};
use crate::state::{End, Netns};

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
        let mut before = BTreeMap::new();
        let mut changes = Vec::new();
        for step in &self.steps {
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

/// The most places that are named one by one.
const NAMED: usize = 6;

/// "2 made, 1 removed; cut: db:eth0".
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
        f.write_str(&counts.join(", "))?;
        for (harm, places) in &self.felt {
            let named: Vec<String> = places.iter().take(NAMED).map(Place::to_string).collect();
            write!(f, "; {harm}: {}", named.join(", "))?;
            if places.len() > NAMED {
                write!(f, " and {} more", places.len() - NAMED)?;
            }
        }
        Ok(())
    }
}

/// What is set on a device that is new, `lo` of a new namespace too, is part of
/// making it.
fn is_part(op: &Op, made: &BTreeSet<Thing<'_>>) -> bool {
    let Op::SetLink { end, .. } = op else {
        return false;
    };
    let within = end.netns.name().map(Thing::Netns);
    made.contains(&Thing::device(end)) || within.is_some_and(|netns| made.contains(&netns))
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
        sign: if made.is_empty() {
            Sign::Change
        } else {
            Sign::Make
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
            impacts: again
                .iter()
                .flat_map(|(gone, i)| impacts(gone, *i))
                .collect(),
            ..change
        },
    }
}

/// Where a reader looks for it: a namespace in itself, a cable to a bridge in the
/// namespace that it leads to.
fn place(op: &Op) -> Netns {
    match op {
        Op::AddNetns { name } | Op::DelNetns { name, .. } => Netns::Named(name.clone()),
        Op::AddVeth { near_link, far, .. } if near_link.master.is_some() => far.netns.clone(),
        op => op.netns().clone(),
    }
}

/// The object, without what becomes of it: that is said by the sign.
fn what(op: &Op) -> String {
    match op {
        Op::AddNetns { name } | Op::DelNetns { name, .. } => format!("namespace {name}"),
        Op::AddBridge { end, .. } => format!("bridge {}", end.dev),
        Op::AddVeth {
            near,
            near_link,
            far,
            ..
        } => match &near_link.master {
            Some(bridge) => format!("{}, plugged into {bridge}", far.dev),
            None => format!("{}, a cable to {far}", near.dev),
        },
        Op::SetLink { end, set, was } => setting(end, set, was),
        Op::RenameLink { from, to, .. } => format!("bridge {to} (now {from})"),
        Op::DelLinks { .. } => op.title(),
        Op::AddAddress { end, address } | Op::DelAddress { end, address } => {
            format!("address {address} on {}", end.dev)
        }
        Op::AddRoute { route, .. } | Op::DelRoute { route, .. } => format!("route {route}"),
        Op::ReplaceRoute { route, was, .. } => match was.via {
            Some(via) if was.dev == route.dev => format!("route {route} (now via {via})"),
            Some(via) => format!("route {route} (now via {via} dev {})", was.dev),
            None => format!("route {route} (now dev {})", was.dev),
        },
        Op::SetSysctl {
            key, value, was, ..
        } => {
            match was.first().filter(|(_, now)| now != value) {
                Some((_, now)) => format!("{key} = {value} (now {now})"),
                // Another write of the plan would change it.
                None => format!("{key} = {value} (kept)"),
            }
        }
        Op::AddTable { .. } | Op::DelTable { .. } => "nft table inet netyard".to_owned(),
        Op::AddElement { set, element, .. } | Op::DelElement { set, element, .. } => {
            format!("{element} in nft set {}", set.as_str())
        }
    }
}

fn setting(end: &End, set: &Setting, was: &Setting) -> String {
    let value = |setting: &Setting| match setting {
        Setting::Up(true) => "up".to_owned(),
        Setting::Up(false) => "down".to_owned(),
        Setting::Mtu(mtu) => mtu.to_string(),
        Setting::Mac(mac) => mac.to_string(),
        Setting::Master(None) => "no bridge".to_owned(),
        Setting::Master(Some(bridge)) => bridge.to_string(),
        Setting::AddrGen(mode) => mode.to_string(),
    };
    let name = match set {
        Setting::Up(_) => "",
        Setting::Mtu(_) => "mtu ",
        Setting::Mac(_) => "address ",
        Setting::Master(_) => "plugged into ",
        Setting::AddrGen(_) => "addrgenmode ",
    };
    format!("{} {name}{} (now {})", end.dev, value(set), value(was))
}
