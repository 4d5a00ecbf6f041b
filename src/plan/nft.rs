//! The firewall table: made when the first lab needs it, then only elements, and
//! removed with the last lab's.

use std::collections::BTreeMap;

use super::order::Rank;
use super::{Draft, Op};
use crate::state::{
    Element, End, Family, IfName, LabName, LinkKind, Namespace, NetState, Netns, SetName,
    SysctlKey, Table,
};

/// An element with its set; the value beside it is its owner.
type Elements<'a> = BTreeMap<(SetName, Element), Option<&'a LabName>>;

pub(super) fn diff(draft: &mut Draft<'_>) {
    let observed = table(draft.observed).filter(|table| table.ours);
    let have: Elements<'_> = elements(observed);
    let wanted = elements(table(draft.desired));
    let mut others = have.clone();
    others.retain(|_, owner| owner.is_some_and(|owner| owner != draft.lab()));
    // Bridges have elements for the guard's sake; they alone need no table.
    let needed = |elements: &Elements<'_>| elements.keys().any(|(set, _)| *set != SetName::Bridged);
    if !needed(&wanted) && !needed(&others) {
        if let Some(table) = observed {
            let op = Op::DelTable {
                table: table.clone(),
            };
            draft.push(Rank::FirewallGone, op, "no lab needs it any more");
        }
        return;
    }
    let mut want = wanted;
    want.extend(guard(draft));
    match observed {
        None => add_table(draft, &want, "the first network here that masquerades"),
        Some(table) if !same_rules(table) => {
            let op = Op::DelTable {
                table: table.clone(),
            };
            draft.push(Rank::FirewallInTheWay, op, "its rules were changed");
            for (key, owner) in others {
                want.entry(key).or_insert(owner);
            }
            add_table(draft, &want, "its rules were changed");
        }
        Some(_) => elements_diff(draft, &want, &have),
    }
}

fn table(state: &NetState) -> Option<&Table> {
    state.namespaces.get(&Netns::Host)?.table.as_ref()
}

/// What stands guard while the host forwards only for labs: the families of which
/// it drops all else, and the bridges within which it has nothing to say.
fn guard<'a>(draft: &Draft<'a>) -> Elements<'a> {
    let families = [Family::Ipv4, Family::Ipv6].into_iter();
    let mut elements: Elements<'_> = families
        .filter(|family| guarded(draft, *family))
        .map(|family| ((SetName::Guard, Element::Family(family)), None))
        .collect();
    if elements.is_empty() {
        return elements;
    }
    let stays = |dev: &IfName| {
        let end = End {
            netns: Netns::Host,
            dev: dev.clone(),
        };
        !draft.gone.contains(&end)
    };
    let there = bridges(draft.observed).filter(|(dev, _)| stays(dev));
    for (dev, owner) in there.chain(bridges(draft.desired)) {
        elements.insert((SetName::Bridged, Element::Within(dev.clone())), owner);
    }
    elements
}

fn bridges(state: &NetState) -> impl Iterator<Item = (&IfName, Option<&LabName>)> {
    let links = state
        .namespaces
        .get(&Netns::Host)
        .into_iter()
        .flat_map(|host| &host.links);
    let bridges = links.filter(|(_, link)| link.kind == LinkKind::Bridge);
    bridges.map(|(dev, link)| (dev, link.owner.as_ref()))
}

fn elements_diff<'a>(draft: &mut Draft<'a>, want: &Elements<'a>, have: &Elements<'a>) {
    let lab = draft.lab();
    // The bridges of every lab go with the guard that they are there for.
    let mine = |(set, _): &(SetName, Element), owner: &Option<&LabName>| {
        *set == SetName::Bridged || owner.is_none_or(|owner| owner == lab)
    };
    let new: Vec<_> = (want
        .iter()
        .filter(|(key, owner)| have.get(key) != Some(owner)))
    .collect();
    let old = (have.iter()).filter(|(key, owner)| want.get(key) != Some(owner) && mine(key, owner));
    for ((set, element), owner) in old {
        let in_the_way =
            |((at, new), _): &(&(SetName, Element), _)| at == set && overlap(element, new);
        let (rank, because) = match new.iter().any(in_the_way) {
            true => (Rank::FirewallInTheWay, "another takes its place"),
            false => (
                Rank::FirewallGone,
                "no network of the lab needs it any more",
            ),
        };
        let (element, owner) = (element.clone(), owner.cloned());
        let op = Op::DelElement {
            set: *set,
            element,
            owner,
        };
        draft.push(rank, op, because);
    }
    for ((set, element), owner) in new {
        let (element, owner) = (element.clone(), owner.cloned());
        let op = Op::AddElement {
            set: *set,
            element,
            owner,
        };
        draft.push(Rank::Firewall, op, reason(*set));
    }
}

/// Whether both cannot be in one set: it takes an element once, and no intervals
/// that overlap.
fn overlap(a: &Element, b: &Element) -> bool {
    match (a, b) {
        (Element::Subnet(a), Element::Subnet(b)) => a.contains(b) || b.contains(a),
        (a, b) => a == b,
    }
}

fn reason(set: SetName) -> &'static str {
    match set {
        SetName::Guard => "the host did not forward before: it shall not do so for others",
        SetName::Bridged => "what stays on this bridge is not forwarded",
        SetName::Inside => "what comes from this network may go out",
        SetName::Masquerade4 | SetName::Masquerade6 => {
            "what leaves this subnet gets the host's address"
        }
    }
}

fn elements(table: Option<&Table>) -> Elements<'_> {
    let all = table.into_iter().flat_map(Table::elements);
    all.map(|(set, element, owner)| ((set, element.clone()), owner))
        .collect()
}

/// Whether the table has exactly the chains, rules and sets that netyard gives it.
fn same_rules(table: &Table) -> bool {
    let skeleton = Table::skeleton();
    table.chains == skeleton.chains && table.sets.keys().eq(skeleton.sets.keys())
}

fn add_table(draft: &mut Draft<'_>, want: &Elements<'_>, because: &str) {
    let mut table = Table::skeleton();
    for ((set, element), owner) in want {
        let elements = table.sets.entry(*set).or_default();
        elements.insert(element.clone(), owner.cloned());
    }
    draft.push(Rank::Firewall, Op::AddTable { table }, because);
}

/// Whether the host forwards this family, or shall, only because of labs: then
/// what is forwarded for none of them is dropped.
fn guarded(draft: &Draft<'_>, family: Family) -> bool {
    let key = match family {
        Family::Ipv4 => SysctlKey::forward4(),
        Family::Ipv6 => SysctlKey::forward6(),
    };
    let setting = |ns: Option<&Namespace>| ns.and_then(|ns| ns.sysctls.get(&key)).cloned();
    let wanted = setting(draft.desired.namespaces.get(&Netns::Host)).is_some();
    let Some(have) = setting(draft.have(&Netns::Host)) else {
        return wanted;
    };
    let needed = wanted || have.holders.iter().any(|lab| lab != draft.lab());
    let before = have.was.as_ref().unwrap_or(&have.value);
    needed && before == "0"
}
