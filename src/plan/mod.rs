//! The planner: what must be done so that the observed state becomes the desired
//! one. Pure: no clock, no randomness, no file or socket; the same two states
//! always give the same plan.

mod address;
mod change;
mod child;
mod claim;
mod conflict;
mod felt;
mod flow;
mod forward;
mod impact;
mod join;
mod link;
mod list;
mod near;
mod netns;
mod nft;
mod noun;
mod op;
mod order;
mod print;
mod reach;
mod rename;
mod route;
mod rule;
mod sysctl;
mod thing;
mod told;
mod undo;
mod vlan;
mod wall;
mod wireguard;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ipnet::IpNet;
use serde::Serialize;

pub use change::{Change, Sign, Summary};
pub use claim::{Claim, claims};
pub use conflict::{Conflict, Holder, Taker, Unfit, foreign_ports};
pub use impact::{Harm, Impact, Place};
pub use list::{Part, list};
pub use op::{Op, Setting};
pub use reach::{Caution, Exposed, Reach, Warning, reach};
pub use undo::undo;

use crate::state::{End, LabName, Link, Namespace, NetState, Netns};
use order::Rank;

/// An ordered list of operations, each with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The lab that it is for.
    pub lab: LabName,
    /// Whether nothing of the lab is there yet.
    pub new: bool,
    /// What to do, first to last.
    pub steps: Vec<Step>,
}

/// An operation and why it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What is done.
    #[serde(flatten)]
    pub op: Op,
    /// Why, in a few words.
    pub because: String,
    /// What it does to what is there already; most steps nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub impacts: Vec<Impact>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether something that is there is lost for good.
    pub fn loses(&self) -> bool {
        let mut all = self.steps.iter().flat_map(|step| &step.impacts);
        all.any(|impact| impact.harm.is_loss())
    }
}

/// What stands in the way of a plan: every conflict, not only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl std::error::Error for Conflicts {}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = &self.0[..] {
            return write!(f, "{one}");
        }
        write!(f, "{} things are in the way:", self.0.len())?;
        self.0
            .iter()
            .try_for_each(|conflict| write!(f, "\n  {conflict}"))
    }
}

/// Plans the way from `observed` to `desired`.
///
/// # Errors
/// Everything that the lab needs and that another lab or the host holds.
pub fn plan(desired: &NetState, observed: &NetState) -> Result<Plan, Conflicts> {
    let renames = rename::find(desired, observed);
    let observed = &*rename::after(&renames, observed);
    let desired = &*join::settled(desired, observed);
    let conflicts = conflict::find(desired, observed);
    if !conflicts.is_empty() {
        return Err(Conflicts(conflicts));
    }
    let mut draft = Draft {
        desired,
        observed,
        steps: Vec::new(),
        made: BTreeSet::new(),
        gone: BTreeSet::new(),
        leaving: BTreeSet::new(),
        flushed: BTreeSet::new(),
        meanwhile: BTreeMap::new(),
    };
    for op in renames {
        draft.push(
            Rank::Rename,
            op,
            "the file gives this network's bridge another name",
        );
    }
    link::diff(&mut draft);
    netns::diff(&mut draft);
    address::diff(&mut draft);
    route::diff(&mut draft);
    rule::diff(&mut draft);
    nft::diff(&mut draft);
    flow::diff(&mut draft);
    sysctl::diff(&mut draft);
    forward::diff(&mut draft);
    let mut steps = order::sort(draft.steps);
    felt::tell(&mut steps, observed);
    Ok(Plan {
        lab: desired.lab.clone(),
        new: is_new(&desired.lab, observed),
        steps,
    })
}

fn is_new(lab: &LabName, observed: &NetState) -> bool {
    let all = observed.namespaces.values();
    let mut owners = all.flat_map(|ns| ns.links.values().map(|l| &l.owner).chain([&ns.owner]));
    owners.all(|owner| owner.as_ref() != Some(lab))
}

/// A plan in the making: the two states and the steps found so far.
struct Draft<'a> {
    desired: &'a NetState,
    observed: &'a NetState,
    steps: Vec<(Rank, Step)>,
    /// Devices that this plan makes.
    made: BTreeSet<End>,
    /// Devices that this plan removes, and the other ends of their cables.
    gone: BTreeSet<End>,
    /// Those of them that stay until the end of the plan.
    leaving: BTreeSet<End>,
    /// Devices that lose all IPv4 routes because they lose their last IPv4
    /// address for a moment.
    flushed: BTreeSet<End>,
    /// Devices that lose addresses before others come, with those that stay meanwhile.
    meanwhile: BTreeMap<End, Vec<IpNet>>,
}

impl<'a> Draft<'a> {
    fn push(&mut self, rank: Rank, op: Op, because: impl Into<String>) {
        self.steps.push((
            rank,
            Step {
                op,
                because: because.into(),
                impacts: Vec::new(),
            },
        ));
    }

    fn lab(&self) -> &'a LabName {
        &self.desired.lab
    }

    /// A device as it is, unless this plan removes or makes it anew.
    fn have_link(&self, end: &End) -> Option<&'a Link> {
        let stays = !self.gone.contains(end) && !self.made.contains(end);
        self.observed.link(end).filter(|_| stays)
    }

    fn have(&self, netns: &Netns) -> Option<&'a Namespace> {
        self.observed.namespaces.get(netns)
    }

    /// The namespaces that are wanted and may be there, each with what is wanted in it.
    fn wanted(&self) -> impl Iterator<Item = (&'a Netns, &'a Namespace)> + use<'a> {
        self.desired.namespaces.iter()
    }

    /// The observed namespaces of this lab that stay, those that it has joined, and the host.
    fn kept(&self) -> impl Iterator<Item = (&'a Netns, &'a Namespace)> + use<'a> {
        let (desired, observed) = (self.desired, self.observed);
        observed.namespaces.iter().filter(move |(netns, have)| {
            let ours = have.owner.as_ref() == Some(&desired.lab);
            match netns {
                Netns::Host => true,
                Netns::At(_) => ours,
                Netns::Named(_) => ours && desired.namespaces.contains_key(*netns),
            }
        })
    }

    /// Whether this lab made the namespace, or has joined it.
    fn is_ours(&self, have: &Namespace) -> bool {
        have.owner.as_ref() == Some(self.lab())
    }
}

/// Whether a device is the lab's own: it carries the mark, or its cable's other end does.
fn is_own(state: &NetState, end: &End, lab: &LabName) -> bool {
    let marked = |link: &Link| link.owner.as_ref() == Some(lab);
    state.link(end).is_some_and(|have| {
        let peer = have.peer().and_then(|peer| state.link(peer));
        marked(have) || peer.is_some_and(marked)
    })
}

/// Whether all in a namespace is the lab's: it is one that labs make. In others only that is
/// its own which is on its own devices.
fn is_whole(netns: &Netns) -> bool {
    netns.made().is_some()
}
