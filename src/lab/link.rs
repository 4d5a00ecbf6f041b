//! Links of a lab that is up: other conditions, down and up again. What is set is kept in the
//! journal, beside the file, and holds until `up` brings back what that says.

use std::collections::BTreeSet;

use super::overlaid::{Set, Turn, described, last_made, overlays};
use super::{lock_to_read, need_rights};
use crate::error::Error;
use crate::plan::Plan;
use crate::reconcile::Progress;
use crate::state::{Conditions, End, LabName, Link, NetState, Netns, Overlays, Rate, Share, Time};
use crate::sys::store::Store;
use crate::topology::{Preset, Topology};

/// A direction, as the namespace of an interface sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// What it receives.
    In,
    /// What it sends.
    Out,
}

/// One thing that is asked of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// How long each takes.
    Delay(Time),
    /// How much longer or shorter.
    Jitter(Time),
    /// How many get lost.
    Loss(Share),
    /// How many come twice.
    Duplicate(Share),
    /// How many overtake others.
    Reorder(Share),
    /// How many are broken.
    Corrupt(Share),
    /// How fast they leave; `None`: as fast as the machine.
    Rate(Option<Rate>),
    /// How many may be on their way; `None`: what is enough.
    Limit(Option<u32>),
}

/// A change of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkChange {
    /// These conditions beside those that it has, or beside a preset's.
    Set {
        /// Of which directions.
        ways: BTreeSet<Way>,
        /// What they begin with; `None`: what there is.
        preset: Option<Preset>,
        /// What is other than that.
        conditions: Vec<Condition>,
    },
    /// What the file says of these directions.
    Clear(BTreeSet<Way>),
    /// It carries nothing.
    Down,
    /// It carries packets again.
    Up,
}

/// One end of a link, or an interface on a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkEnd {
    /// Whose.
    pub end: End,
    /// The other end of its cable.
    pub peer: Option<End>,
    /// What becomes of what it receives, where the other end can be told that.
    pub received: Option<Conditions>,
    /// What becomes of what it sends.
    pub sent: Option<Conditions>,
    /// Whether it was set down.
    pub down: bool,
    /// The directions that are as was set while the lab was up, and not as the file says.
    pub set: BTreeSet<Way>,
    /// From whom its namespace is parted.
    pub apart: BTreeSet<Netns>,
}

/// Changes an interface of a lab that is up, and nothing else of it.
///
/// # Errors
/// There is no such lab or interface, what is asked for cannot be, or what the kernel refused:
/// all is then as it was.
pub fn set_link(
    name: &LabName,
    end: &End,
    change: &LinkChange,
    progress: &mut dyn Progress,
) -> Result<Plan, Error> {
    need_rights("changing a link")?;
    let set = Set::open(name, progress)?;
    let turn = Turn::of_link(&set.filed, &set.before, end, change)?;
    set.take(&turn, progress)
}

/// The ends of a lab's links, as they shall be.
///
/// # Errors
/// There is no such lab.
pub fn links(name: &LabName) -> Result<Vec<LinkEnd>, Error> {
    let _lock = lock_to_read()?;
    let store = Store::open_to_read()?;
    let (topology, mut desired) = described(&last_made(name, &store)?, &store)?;
    let overlays = overlays(name, &store)?;
    desired.lay_over(&overlays);
    let apart = |netns: &Netns| {
        let others = overlays.parted.iter().filter_map(|two| two.from(netns));
        others.cloned().collect()
    };
    let is_set = |end: &End| {
        let overlay = overlays.devices.get(end);
        overlay.is_some_and(|overlay| overlay.conditions.is_some())
    };
    let sent = |end: &End| desired.link(end)?.qdisc.as_ref().and_then(Conditions::of);
    let named = |end: &End| end.netns != Netns::Host || is_end(&topology, end);
    let all = desired.namespaces.iter().flat_map(|(netns, namespace)| {
        namespace.links.iter().map(move |(dev, link)| {
            let (netns, dev) = (netns.clone(), dev.clone());
            (End { netns, dev }, link)
        })
    });
    let all = all.filter(|(end, link)| named(end) && (link.peer().is_some() || link.is_alone()));
    let all = all.map(|(end, link)| LinkEnd {
        received: link.peer().and_then(sent),
        sent: sent(&end),
        down: (overlays.devices.get(&end)).is_some_and(|overlay| overlay.down),
        set: [(Way::In, link.peer()), (Way::Out, Some(&end))]
            .into_iter()
            .filter(|(_, sender)| sender.is_some_and(is_set))
            .map(|(way, _)| way)
            .collect(),
        peer: link.peer().cloned(),
        apart: apart(&end.netns),
        end,
    });
    Ok(all.collect())
}

fn is_end(topology: &Topology, end: &End) -> bool {
    topology
        .links
        .iter()
        .any(|cable| cable.endpoints.contains(end))
}

/// What is then set, and on which devices that is another thing than before.
pub(super) fn changed(
    before: &Overlays,
    desired: &NetState,
    end: &End,
    change: &LinkChange,
) -> Result<(Overlays, BTreeSet<End>), Error> {
    let link = desired
        .link(end)
        .ok_or_else(|| Error::NoDevice(end.clone()))?;
    if link.peer().is_none() && !link.is_alone() {
        return Err(refused(end, "it is no end of a cable"));
    }
    let mut after = before.clone();
    let mut ends = BTreeSet::from([end.clone()]);
    match change {
        LinkChange::Down | LinkChange::Up => {
            after.devices.entry(end.clone()).or_default().down = *change == LinkChange::Down;
        }
        LinkChange::Set { ways, .. } | LinkChange::Clear(ways) => {
            ends.clear();
            for way in ways {
                let sender = sender(end, link, *way)?;
                let now = desired.link(&sender).and_then(|link| link.qdisc.as_ref());
                let now = now.and_then(Conditions::of).unwrap_or_default();
                after.devices.entry(sender.clone()).or_default().conditions =
                    conditions(end, *way, now, change)?;
                ends.insert(sender);
            }
        }
    }
    Ok((after, ends))
}

/// Which device sends what goes this way.
fn sender(end: &End, link: &Link, way: Way) -> Result<End, Error> {
    match way {
        Way::Out => Ok(end.clone()),
        Way::In => (link.peer().cloned())
            .ok_or_else(|| refused(end, "what it receives comes from a device of the host")),
    }
}

fn conditions(
    end: &End,
    way: Way,
    now: Conditions,
    change: &LinkChange,
) -> Result<Option<Conditions>, Error> {
    let LinkChange::Set {
        preset, conditions, ..
    } = change
    else {
        return Ok(None);
    };
    let of_preset = preset.map(|preset| {
        let ways = preset.ways();
        match way {
            Way::In => ways.received,
            Way::Out => ways.sent,
        }
    });
    let mut all = of_preset.map_or(now, Option::unwrap_or_default);
    for condition in conditions {
        match *condition {
            Condition::Delay(time) => all.delay = time,
            Condition::Jitter(time) => all.jitter = time,
            Condition::Loss(share) => all.loss = share,
            Condition::Duplicate(share) => all.duplicate = share,
            Condition::Reorder(share) => all.reorder = share,
            Condition::Corrupt(share) => all.corrupt = share,
            Condition::Rate(rate) => all.rate = rate,
            Condition::Limit(limit) => all.limit = limit,
        }
    }
    match all.fault() {
        Some((_, what)) => Err(refused(end, what)),
        None => Ok(Some(all)),
    }
}

fn refused(end: &End, why: &str) -> Error {
    Error::Link {
        end: end.clone(),
        why: why.to_owned(),
    }
}
