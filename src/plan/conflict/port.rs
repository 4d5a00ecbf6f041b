//! Ports of the host that a lab publishes, and who has them already.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;

use super::Conflict;
use crate::state::{
    Element, Family, LabName, Listener, Namespace, NetState, Netns, Part, Protocol, Published,
    SetName, TableName,
};

/// Who has a port of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taker {
    /// A process listens there.
    Process(Listener),
    /// Another lab publishes it.
    Lab(LabName),
}

impl Taker {
    pub(in crate::plan) fn lab(&self) -> Option<&LabName> {
        match self {
            Taker::Lab(lab) => Some(lab),
            Taker::Process(_) => None,
        }
    }
}

/// "nginx (pid 812) listens on 0.0.0.0:80".
impl fmt::Display for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Taker::Process(listener) => write!(f, "{listener}"),
            Taker::Lab(lab) => write!(f, "lab {lab} publishes it"),
        }
    }
}

pub(super) fn taken(desired: &NetState, observed: &NetState) -> Vec<Conflict> {
    let (Some(want), Some(have)) = (
        desired.namespaces.get(&Netns::Host),
        observed.namespaces.get(&Netns::Host),
    ) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let rivals = Rivals::of(&desired.lab, have);
    for want in &want.published {
        found.extend(
            rivals
                .of_port(want)
                .map(|lab| conflict(want, Taker::Lab(lab.clone()))),
        );
    }
    // A published port takes what comes before any socket sees it: who listens there would
    // hear no more, and say nothing. Who begins to listen once it is published never did.
    let new = |want: &&Published| !is_there(&desired.lab, have, want);
    let new: Vec<&Published> = want.published.iter().filter(new).collect();
    let taken = have.listeners.iter().filter_map(|listener| {
        let want = new.iter().find(|want| listener.loses(want))?;
        Some(conflict(want, Taker::Process(listener.clone())))
    });
    found.extend(taken);
    found
}

fn conflict(want: &Published, holder: Taker) -> Conflict {
    let want = Box::new(want.clone());
    Conflict::Port { want, holder }
}

/// Whether the lab has these ports already.
fn is_there(lab: &LabName, host: &Namespace, want: &Published) -> bool {
    let table = host.tables.get(&TableName::Inet).filter(|table| table.ours);
    let has = |(set, element): &(SetName, Element)| {
        let elements = table.and_then(|table| table.sets.get(set));
        let owner = elements.and_then(|elements| elements.get(element));
        // Also what somebody has flushed: who began to listen then shall not keep it away.
        owner.is_some_and(|owner| owner.as_ref() == Some(lab))
            || host.missing.contains(&(*set, element.clone()))
    };
    want.leads().iter().all(has)
}

/// Ports that one element leads on.
struct Span {
    address: Option<IpNet>,
    first: u16,
    last: u16,
}

/// By family, and what it is a port of.
type Place = (Family, Protocol);

impl Span {
    fn of(set: SetName, element: &Element) -> Option<(Place, Span)> {
        let ports = |protocol: &Protocol, (first, last): (u16, u16), address: Option<IpNet>| {
            let target = element.data.iter().find_map(|part| match part {
                Part::Net(net) => Some(Family::of(net)),
                _ => None,
            });
            let address = address.filter(|net| net.prefix_len() > 0);
            let span = Span {
                address,
                first,
                last,
            };
            Some(((target?, *protocol), span))
        };
        match &element.key[..] {
            _ if !set.leads() => None,
            [Part::Protocol(protocol), Part::Ports(first, last)] => {
                ports(protocol, (*first, *last), None)
            }
            [
                Part::Net(net),
                Part::Protocol(protocol),
                Part::Ports(first, last),
            ] => ports(protocol, (*first, *last), Some(*net)),
            _ => None,
        }
    }

    fn meets(&self, other: &Span) -> bool {
        let apart = self.last < other.first || other.last < self.first;
        let differ = matches!((self.address, other.address), (Some(a), Some(b)) if a != b);
        !apart && !differ
    }
}

/// The ports of other labs: single ones by number, and ranges, which are few.
#[derive(Default)]
struct Rivals<'a> {
    single: BTreeMap<(Place, u16), Vec<(Span, &'a LabName)>>,
    ranges: BTreeMap<Place, Vec<(Span, &'a LabName)>>,
}

impl<'a> Rivals<'a> {
    fn of(lab: &LabName, host: &'a Namespace) -> Self {
        let table = host.tables.get(&TableName::Inet).filter(|table| table.ours);
        let there = table.into_iter().flat_map(|table| table.elements());
        let there = there.filter_map(|(set, element, owner)| Some((set, element, owner?)));
        let claimed = [&host.due, &host.rivals].into_iter().flatten();
        let claimed = claimed.flat_map(|(set, all)| all.iter().map(|(e, lab)| (*set, e, lab)));
        let mut rivals = Rivals::default();
        for (set, element, owner) in there.chain(claimed).filter(|(_, _, owner)| *owner != lab) {
            let Some((place, span)) = Span::of(set, element) else {
                continue;
            };
            let list = match span.first == span.last {
                true => rivals.single.entry((place, span.first)).or_default(),
                false => rivals.ranges.entry(place).or_default(),
            };
            list.push((span, owner));
        }
        rivals
    }

    fn of_port(&self, want: &Published) -> Option<&'a LabName> {
        let leads = want.leads();
        let mut spans = leads.iter().filter_map(|(set, e)| Span::of(*set, e));
        spans.find_map(|(place, span)| {
            let near = (place, span.first)..=(place, span.last);
            let single = self.single.range(near).flat_map(|(_, list)| list);
            let ranges = self.ranges.get(&place).into_iter().flatten();
            let mut all = single.chain(ranges);
            all.find(|(there, _)| there.meets(&span))
                .map(|(_, lab)| *lab)
        })
    }
}
