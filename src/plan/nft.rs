//! The firewall table: made when the first lab needs it, then only elements, and
//! removed with the last lab's.

use std::collections::BTreeMap;

use super::order::Rank;
use super::{Draft, Op, Step};
use crate::state::{
    Element, End, Family, IfName, LabName, Link, LinkKind, Namespace, NetState, Netns, SetName,
    SysctlKey, Table,
};

/// An element with its set; the value beside it is its owner.
type Elements<'a> = BTreeMap<(SetName, Element), Option<&'a LabName>>;

pub(super) fn diff(draft: &mut Draft<'_>) {
    let observed = table(draft.observed).filter(|table| table.ours);
    let have: Elements<'_> = elements(observed);
    let wanted = elements(table(draft.desired));
    let mut want = wanted;
    want.extend(others(draft, &have));
    want.extend(guard(draft));
    if want.is_empty() {
        if let Some(table) = observed {
            let op = Op::DelTable {
                table: table.clone(),
            };
            draft.push(Rank::FirewallGone, op, "no lab needs it any more");
        }
        return;
    }
    want.extend(networks(draft));
    match observed {
        None => add_table(
            draft,
            &want,
            "a network here masquerades, and there is none",
        ),
        Some(table) if !same_rules(table) => {
            let op = Op::DelTable {
                table: table.clone(),
            };
            draft.push(Rank::FirewallInTheWay, op, "its rules were changed");
            add_table(draft, &want, "its rules were changed");
        }
        Some(_) => elements_diff(draft, &want, &have),
    }
}

fn table(state: &NetState) -> Option<&Table> {
    state.namespaces.get(&Netns::Host)?.table.as_ref()
}

/// What other labs have in the table, or had: someone may have flushed it.
fn others<'a>(draft: &Draft<'a>, have: &Elements<'a>) -> Elements<'a> {
    let foreign = |owner: &Option<&LabName>| owner.is_some_and(|owner| owner != draft.lab());
    let there = have.iter().filter(|(_, owner)| foreign(owner));
    let mut others: Elements<'_> = there.map(|(key, owner)| (key.clone(), *owner)).collect();
    let due = draft
        .have(&Netns::Host)
        .into_iter()
        .flat_map(|host| &host.due);
    for (set, elements) in due {
        let due = elements.iter();
        others.extend(due.map(|(element, lab)| ((*set, element.clone()), Some(lab))));
    }
    others
}

/// The bridges of all labs.
fn networks<'a>(draft: &Draft<'a>) -> Elements<'a> {
    let all = staying_bridges(draft).filter(|(_, link)| link.owner.is_some());
    all.map(|(dev, _)| ((SetName::Networks, Element::Device(dev.clone())), None))
        .collect()
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
    for (dev, _) in staying_bridges(draft) {
        elements.insert((SetName::Bridged, Element::Within(dev.clone())), None);
    }
    elements
}

/// The host's bridges once the plan is done.
fn staying_bridges<'a>(draft: &Draft<'a>) -> impl Iterator<Item = (&'a IfName, &'a Link)> {
    let stays = |(dev, _): &(&IfName, &Link)| {
        let end = End {
            netns: Netns::Host,
            dev: (*dev).clone(),
        };
        !draft.gone.contains(&end)
    };
    let there = bridges(draft.observed).filter(stays);
    there.chain(bridges(draft.desired))
}

fn bridges(state: &NetState) -> impl Iterator<Item = (&IfName, &Link)> {
    let host = state.namespaces.get(&Netns::Host);
    let links = host.into_iter().flat_map(|host| &host.links);
    links.filter(|(_, link)| link.kind == LinkKind::Bridge)
}

fn elements_diff<'a>(draft: &mut Draft<'a>, want: &Elements<'a>, have: &Elements<'a>) {
    let mine = |owner: &Option<&LabName>| owner.is_none_or(|owner| owner == draft.lab());
    let mut new = want.clone();
    new.retain(|key, owner| have.get(key) != Some(owner));
    let mut old = have.clone();
    old.retain(|key, owner| want.get(key) != Some(owner) && mine(owner));
    for ((set, element), owner) in old {
        let mut news = new.keys().filter(|(at, _)| *at == set);
        let (rank, because) = match news.any(|(_, new)| overlap(&element, new)) {
            true => (Rank::FirewallInTheWay, "another takes its place"),
            false => (
                Rank::FirewallGone,
                "no network of the lab needs it any more",
            ),
        };
        let owner = owner.cloned();
        let op = Op::DelElement {
            set,
            element,
            owner,
        };
        draft.push(rank, op, because);
    }
    for ((set, element), owner) in new {
        let owner = owner.cloned();
        let rank = match draft.is_renamed(&element) {
            true => Rank::FirewallAhead,
            false => Rank::Firewall,
        };
        let op = Op::AddElement {
            set,
            element,
            owner,
        };
        draft.push(rank, op, reason(set));
    }
}

/// Whether both cannot be in one set: it takes an element once, and no intervals
/// that overlap.
pub(super) fn overlap(a: &Element, b: &Element) -> bool {
    match (a, b) {
        (Element::Subnet(a), Element::Subnet(b)) => a.contains(b) || b.contains(a),
        (a, b) => a == b,
    }
}

impl Draft<'_> {
    /// Whether it names a device that gets this name by the plan.
    fn is_renamed(&self, element: &Element) -> bool {
        let (Element::Device(dev) | Element::Within(dev)) = element else {
            return false;
        };
        let names = |step: &Step| matches!(&step.op, Op::RenameLink { to, .. } if to == dev);
        self.steps.iter().any(|(_, step)| names(step))
    }
}

fn reason(set: SetName) -> &'static str {
    match set {
        SetName::Guard => "the host did not forward before: it shall not do so for others",
        SetName::Bridged => "what stays on this bridge is not forwarded",
        SetName::Inside => "what comes from this network may go out",
        SetName::Networks => "what may go out does not go to another lab's network",
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
