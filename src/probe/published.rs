//! Ports of the host that lead into a namespace, as the host's rules know them.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::policy::{holds, seen};
use super::{Check, Map, Probe};
use crate::state::{Element, Family, NetState, Netns, Part, SetName, Table, TableName};

/// Where a published port leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Behind {
    /// The namespace.
    pub netns: Netns,
    /// Its address and port.
    pub at: SocketAddr,
}

fn table(state: &NetState) -> Option<&Table> {
    state
        .namespaces
        .get(&Netns::Host)?
        .tables
        .get(&TableName::Inet)
}

/// Where a probe to this address of the host is sent on to.
pub(super) fn leads(state: &NetState, to: IpAddr, probe: Probe) -> Option<SocketAddr> {
    let table = table(state)?;
    let (own, port) = (seen(&[to], probe), probe.port()?);
    let every = Element::of(own.key.iter().skip(1).cloned());
    // In the order of the rules.
    let sets = match to {
        IpAddr::V4(_) => [SetName::Bound4, SetName::Ports4, SetName::Ranges4],
        IpAddr::V6(_) => [SetName::Bound6, SetName::Ports6, SetName::Ranges6],
    };
    let mut led = sets
        .into_iter()
        .flat_map(|set| table.sets.get(&set))
        .flatten();
    let (element, _) = led.find(|(element, _)| element.bars(&own) || element.bars(&every))?;
    match &element.data[..] {
        [Part::Net(net), Part::Ports(port, _)] => Some((net.addr(), *port).into()),
        [Part::Net(net)] => Some((net.addr(), port).into()),
        _ => None,
    }
}

/// Why a probe from elsewhere does not meet the rule of a published port.
pub(super) fn unseen(check: &Check, map: &Map<'_>) -> Option<String> {
    let from = &check.from;
    check.behind.as_ref().filter(|_| *from != Netns::Host)?;
    let table = table(map.state())?;
    let source = map.source(from, check.to)?;
    let (own, from) = (seen(&[check.to], check.probe), [Part::Net(source.into())]);
    let family = Part::Family(Family::of(&source.into()));
    let every = Element::of([family].into_iter().chain(own.key.iter().skip(1).cloned()));
    let listed = Element::of(from.iter().chain(&own.key).cloned());
    let in_one = |sets: [SetName; 2]| holds(table, sets, &own);
    let near = holds(
        table,
        [SetName::Near4, SetName::Near6],
        &Element::of(from.clone()),
    );
    let open = table.has(SetName::Public, &every)
        || in_one([SetName::Public4, SetName::Public6])
        || near && (table.has(SetName::Lan, &every) || in_one([SetName::Lan4, SetName::Lan6]))
        || holds(table, [SetName::Seen4, SetName::Seen6], &listed);
    (!open).then(|| format!("the host does not publish that port to {source}: see its `visible`"))
}
