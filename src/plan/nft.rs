//! The firewall table: made when the first lab needs it, then only elements, and
//! removed with the last lab's.

use std::collections::BTreeMap;

use super::order::Rank;
use super::{Draft, Op};
use crate::state::{Element, Family, LabName, Namespace, Netns, SetName, SysctlKey, Table};

/// An element with its set; the value beside it is its owner.
type Elements<'a> = BTreeMap<(SetName, &'a Element), Option<&'a LabName>>;

const GUARDED: [(Family, Element); 2] = [
    (Family::Ipv4, Element::Family(Family::Ipv4)),
    (Family::Ipv6, Element::Family(Family::Ipv6)),
];

pub(super) fn diff(draft: &mut Draft<'_>) {
    let observed = draft
        .have(&Netns::Host)
        .and_then(|host| host.table.as_ref());
    let observed = observed.filter(|table| table.ours);
    let have: Elements<'_> = elements(observed);
    let wanted = draft
        .desired
        .namespaces
        .get(&Netns::Host)
        .and_then(|host| host.table.as_ref());
    let mut want = elements(wanted);
    for (family, element) in &GUARDED {
        if guarded(draft, *family) {
            want.insert((SetName::Guard, element), None);
        }
    }
    let lab = draft.lab();
    let mine = |owner: &Option<&LabName>| owner.is_none_or(|owner| owner == lab);
    let others: Elements<'_> = have
        .iter()
        .filter(|(_, o)| !mine(o))
        .map(|(k, o)| (*k, *o))
        .collect();
    match observed {
        None if want.is_empty() => {}
        None => add_table(draft, &want, "the first network here that masquerades"),
        Some(table) if want.is_empty() && others.is_empty() => {
            let op = Op::DelTable {
                table: table.clone(),
            };
            draft.push(Rank::FirewallGone, op, "no lab needs it any more");
        }
        Some(table) if !same_rules(table) => {
            let op = Op::DelTable {
                table: table.clone(),
            };
            draft.push(Rank::FirewallInTheWay, op, "its rules were changed");
            want.extend(others);
            add_table(draft, &want, "its rules were changed");
        }
        Some(_) => elements_diff(draft, &want, &have),
    }
}

fn elements_diff<'a>(draft: &mut Draft<'a>, want: &Elements<'a>, have: &Elements<'a>) {
    let lab = draft.lab();
    let mine = |owner: &Option<&LabName>| owner.is_none_or(|owner| owner == lab);
    let differs = |other: &Elements<'a>, (key, owner): &(_, _)| other.get(key) != Some(owner);
    let pairs = |all: &Elements<'a>| all.iter().map(|(k, o)| (*k, *o)).collect::<Vec<_>>();
    let mut new = pairs(want);
    new.retain(|pair| differs(have, pair));
    let mut old = pairs(have);
    old.retain(|pair| differs(want, pair) && mine(&pair.1));
    for ((set, element), owner) in old {
        let in_the_way =
            |((at, new), _): &((SetName, &Element), _)| *at == set && overlap(element, new);
        let (rank, because) = match new.iter().any(in_the_way) {
            true => (Rank::FirewallInTheWay, "another takes its place"),
            false => (
                Rank::FirewallGone,
                "no network of the lab needs it any more",
            ),
        };
        let (element, owner) = (element.clone(), owner.cloned());
        let op = Op::DelElement {
            set,
            element,
            owner,
        };
        draft.push(rank, op, because);
    }
    for ((set, element), owner) in new {
        let (element, owner) = (element.clone(), owner.cloned());
        let op = Op::AddElement {
            set,
            element,
            owner,
        };
        draft.push(Rank::Firewall, op, reason(set));
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
        SetName::Inside => "what comes from this network may go out",
        SetName::Masquerade4 | SetName::Masquerade6 => {
            "what leaves this subnet gets the host's address"
        }
    }
}

fn elements(table: Option<&Table>) -> Elements<'_> {
    let all = table.into_iter().flat_map(Table::elements);
    all.map(|(set, element, owner)| ((set, element), owner))
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
        elements.insert((*element).clone(), owner.cloned());
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
