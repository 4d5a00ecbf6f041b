//! The firewall tables: made when the first lab needs one, then only elements, and
//! removed with the last lab's.

use std::collections::BTreeMap;

use super::order::Rank;
use super::{Draft, Op, Step, near};
use crate::state::{
    Element, End, Family, IfName, LabName, Link, LinkKind, Namespace, NetState, Netns, SetName,
    SysctlKey, Table, TableName,
};

/// The elements of a table's sets, each with its owner.
pub(super) type Sets<'a> = BTreeMap<SetName, BTreeMap<Element, Option<&'a LabName>>>;

pub(super) fn diff(draft: &mut Draft<'_>) {
    for name in TableName::HOST {
        // Where a table of somebody else's stands none is made for what others had in ours; who
        // needs one was told of it.
        if draft.is_foreign(name) {
            continue;
        }
        let have = draft.have_table(&Netns::Host, name);
        let mut want = sets(draft.wanted_table(&Netns::Host, name));
        join(&mut want, others(draft, name, have));
        if name == TableName::Inet {
            // A foreign bridge in the place of a lab's is named by that lab already.
            let mut more = guard(draft);
            more.retain(|(set, element, _)| {
                let named = want.get(set);
                !named.is_some_and(|named| named.contains_key(element))
            });
            join(&mut want, more);
        }
        let needed = want.values().any(|elements| !elements.is_empty());
        if name == TableName::Inet {
            // What only says how the host is keeps no table.
            join(&mut want, direct(draft, have));
            let near = near::subnets(draft, &want);
            join(&mut want, near);
        }
        settle(draft, &Netns::Host, name, needed.then_some(want));
    }
    for (netns, _) in draft.wanted().filter(|(netns, _)| **netns != Netns::Host) {
        for name in TableName::NAMESPACE {
            let want = draft.wanted_table(netns, name);
            settle(draft, netns, name, want.map(|want| sets(Some(want))));
        }
    }
    let left = draft.kept().filter(|(netns, _)| {
        netns.joined().is_some() && !draft.desired.namespaces.contains_key(netns)
    });
    for (netns, _) in left.collect::<Vec<_>>() {
        for name in TableName::NAMESPACE {
            settle(draft, netns, name, None);
        }
    }
}

/// Why there is what a namespace does not hear.
const PARTED: &str = "it is parted from others";

/// Makes one table as it shall be; `None`: it shall not be.
fn settle<'a>(draft: &mut Draft<'a>, netns: &Netns, name: TableName, want: Option<Sets<'a>>) {
    let have = draft.have_table(netns, name);
    let left = have.filter(|have| have.is_left_to_user());
    let have = have.filter(|_| left.is_none());
    let lifetime = draft.lifetime(netns, name);
    match (want, have) {
        (None, None) => {}
        (None, Some(have)) => {
            let op = del_table(netns, have);
            let because = match name {
                TableName::Partition => "it is parted from nobody any more",
                _ => "no lab needs it any more",
            };
            draft.push(Rank::FirewallGone, op, because);
        }
        (Some(want), None) => {
            let op = add_table(netns, (name, lifetime), &want, left);
            let because = match name {
                TableName::Partition => PARTED,
                _ => "a lab here needs it, and there is none",
            };
            draft.push(Rank::Firewall, op, because);
        }
        (Some(want), Some(have)) if !have.is_as_written() || have.lifetime != lifetime => {
            let because = match have.is_as_written() {
                false => "its rules were changed",
                true => "what packets put there shall stay for another time",
            };
            draft.push(Rank::FirewallInTheWay, del_table(netns, have), because);
            let op = add_table(netns, (name, lifetime), &want, Some(have));
            draft.push(Rank::Firewall, op, because);
        }
        (Some(want), Some(have)) => elements_diff(draft, netns, want, sets(Some(have))),
    }
}

fn del_table(netns: &Netns, table: &Table) -> Op {
    Op::DelTable {
        netns: netns.clone(),
        table: table.clone(),
    }
}

/// With the rules that the user put into the one before.
fn add_table(
    netns: &Netns,
    (name, lifetime): (TableName, u32),
    want: &Sets<'_>,
    before: Option<&Table>,
) -> Op {
    let mut table = Table::skeleton(name);
    table.lifetime = lifetime;
    table.user_rules = before.map_or(0, |before| before.user_rules);
    for (set, elements) in want {
        let owned = elements
            .iter()
            .map(|(element, owner)| (element.clone(), owner.cloned()));
        table.sets.entry(*set).or_default().extend(owned);
    }
    Op::AddTable {
        netns: netns.clone(),
        table,
    }
}

fn sets(table: Option<&Table>) -> Sets<'_> {
    let all = table.into_iter().flat_map(|table| &table.sets);
    all.map(|(set, elements)| {
        let owned = elements
            .iter()
            .map(|(element, owner)| (element.clone(), owner.as_ref()));
        (*set, owned.collect())
    })
    .collect()
}

fn join<'a>(
    sets: &mut Sets<'a>,
    more: impl IntoIterator<Item = (SetName, Element, Option<&'a LabName>)>,
) {
    for (set, element, owner) in more {
        sets.entry(set).or_default().insert(element, owner);
    }
}

pub(super) type Owned<'a> = (SetName, Element, Option<&'a LabName>);

/// What other labs have in the table, or had: someone may have flushed it.
fn others<'a>(draft: &Draft<'a>, name: TableName, have: Option<&'a Table>) -> Vec<Owned<'a>> {
    let lab = draft.lab();
    let there = have.into_iter().flat_map(Table::elements);
    let foreign = there.filter(|(_, _, owner)| owner.is_some_and(|owner| owner != lab));
    let mut others: Vec<Owned<'a>> = foreign
        .map(|(set, element, owner)| (set, element.clone(), owner))
        .collect();
    let due = draft
        .have(&Netns::Host)
        .into_iter()
        .flat_map(|host| &host.due);
    for (set, elements) in due.filter(|(set, _)| set.table() == name) {
        let due = elements.iter();
        others.extend(due.map(|(element, lab)| (*set, element.clone(), Some(lab))));
    }
    others
}

/// What stands guard while the host forwards only for labs: the families of which
/// it drops all else, and the bridges within which it has nothing to say. Those of labs
/// are named by their labs.
fn guard<'a>(draft: &Draft<'a>) -> Vec<Owned<'a>> {
    let families = [Family::Ipv4, Family::Ipv6].into_iter();
    let mut elements: Vec<Owned<'a>> = families
        .filter(|family| guarded(draft, *family))
        .map(|family| (SetName::Guard, Element::family(family), None))
        .collect();
    if elements.is_empty() {
        return elements;
    }
    let foreign =
        staying(draft).filter(|(_, link)| link.kind == LinkKind::Bridge && link.owner.is_none());
    elements.extend(foreign.map(|(dev, _)| (SetName::Bridged, Element::within(dev.clone()), None)));
    elements
}

/// The families in which bridges pass no rules, if that was looked at.
fn direct<'a>(draft: &Draft<'a>, have: Option<&Table>) -> Vec<Owned<'a>> {
    let host = draft.have(&Netns::Host);
    let elements: Vec<Element> = match host.and_then(|host| host.direct.as_ref()) {
        Some(families) => families.iter().map(|f| Element::family(*f)).collect(),
        None => {
            let there = have.and_then(|have| have.sets.get(&SetName::Direct));
            there
                .into_iter()
                .flat_map(|all| all.keys().cloned())
                .collect()
        }
    };
    let owned = elements
        .into_iter()
        .map(|element| (SetName::Direct, element, None));
    owned.collect()
}

/// The host's devices once the plan is done.
pub(super) fn staying<'a>(draft: &Draft<'a>) -> impl Iterator<Item = (&'a IfName, &'a Link)> {
    let stays = |(dev, _): &(&IfName, &Link)| {
        let end = End {
            netns: Netns::Host,
            dev: (*dev).clone(),
        };
        !draft.gone.contains(&end)
    };
    let there = devices(draft.observed).filter(stays);
    there.chain(devices(draft.desired))
}

fn devices(state: &NetState) -> impl Iterator<Item = (&IfName, &Link)> {
    let host = state.namespaces.get(&Netns::Host);
    host.into_iter().flat_map(|host| &host.links)
}

fn elements_diff<'a>(draft: &mut Draft<'a>, netns: &Netns, want: Sets<'a>, have: Sets<'a>) {
    let nothing = BTreeMap::new();
    for set in SetName::ALL {
        let want = want.get(&set).unwrap_or(&nothing);
        let have = have.get(&set).unwrap_or(&nothing);
        one_set(draft, netns, set, want, have);
    }
}

fn one_set<'a>(
    draft: &mut Draft<'a>,
    netns: &Netns,
    set: SetName,
    want: &BTreeMap<Element, Option<&'a LabName>>,
    have: &BTreeMap<Element, Option<&'a LabName>>,
) {
    let lab = draft.lab();
    let mut new = want.clone();
    new.retain(|element, owner| have.get(element) != Some(owner));
    let mine = |owner: &Option<&LabName>| owner.is_none_or(|owner| owner == lab);
    let gone = |element: &Element, owner: &Option<&LabName>| want.get(element) != Some(owner);
    for (element, owner) in have
        .iter()
        .filter(|(e, owner)| gone(e, owner) && mine(owner))
    {
        let taken = set.barring(&new, element).is_some()
            || set.has_intervals() && new.keys().any(|new| element.bars(new));
        let (rank, because) = match taken {
            true => (Rank::FirewallInTheWay, "another takes its place"),
            // Before the port leads elsewhere, where it was not open to all these.
            false if set.admits() => (Rank::FirewallInTheWay, "nobody comes in by it any more"),
            false => (Rank::FirewallGone, "the lab does not need it any more"),
        };
        let op = Op::DelElement {
            netns: netns.clone(),
            set,
            element: element.clone(),
            owner: owner.cloned(),
        };
        draft.push(rank, op, because);
    }
    for (element, owner) in new {
        let rank = match draft.is_renamed(&element) {
            true => Rank::FirewallAhead,
            false => Rank::Firewall,
        };
        let op = Op::AddElement {
            netns: netns.clone(),
            set,
            element,
            owner: owner.cloned(),
        };
        draft.push(rank, op, reason(set));
    }
}

impl<'a> Draft<'a> {
    /// A table of ours as it is.
    fn have_table(&self, netns: &Netns, name: TableName) -> Option<&'a Table> {
        let have = self.have(netns)?;
        let ours = *netns == Netns::Host || self.is_ours(have);
        have.tables.get(&name).filter(|table| ours && table.ours)
    }

    /// Whether somebody else's table of the host has our name.
    fn is_foreign(&self, name: TableName) -> bool {
        let have = self.have(&Netns::Host);
        let table = have.and_then(|have| have.tables.get(&name));
        table.is_some_and(|table| !table.ours)
    }

    fn wanted_table(&self, netns: &Netns, name: TableName) -> Option<&'a Table> {
        self.desired.namespaces.get(netns)?.tables.get(&name)
    }

    /// How long a wanted table keeps what packets put into its sets.
    fn lifetime(&self, netns: &Netns, name: TableName) -> u32 {
        let table = self.wanted_table(netns, name);
        table.map_or(0, |table| table.lifetime)
    }

    /// Whether it names a device that gets this name by the plan.
    fn is_renamed(&self, element: &Element) -> bool {
        let names = |step: &Step| match &step.op {
            Op::RenameLink { to, .. } => element.devices().any(|dev| dev == to),
            _ => false,
        };
        self.steps.iter().any(|(_, step)| names(step))
    }
}

fn reason(set: SetName) -> &'static str {
    match set {
        SetName::Guard => "the host did not forward before: it shall not do so for others",
        SetName::Bridged => "what stays on this bridge is not forwarded",
        SetName::Inside => "what comes from this network may go out",
        SetName::Networks => "what the file does not allow is not forwarded from or to it",
        SetName::Beside4 | SetName::Beside6 => "who is on this network reaches each other",
        SetName::Isolated => "the file keeps it from other isolated interfaces",
        SetName::Masquerade4 | SetName::Masquerade6 => {
            "what leaves this subnet gets the host's address"
        }
        SetName::Allow4
        | SetName::Allow6
        | SetName::Ingress4
        | SetName::Ingress6
        | SetName::Egress4
        | SetName::Egress6 => "the file allows it",
        SetName::Public | SetName::Public4 | SetName::Public6 => "everybody may use this port",
        SetName::Lan | SetName::Lan4 | SetName::Lan6 => "those directly attached may use this port",
        SetName::Near4 | SetName::Near6 => "this subnet is directly attached",
        SetName::Seen4 | SetName::Seen6 => "these sources may use this port",
        SetName::Ports4
        | SetName::Ports6
        | SetName::Bound4
        | SetName::Bound6
        | SetName::Ranges4
        | SetName::Ranges6 => "the file publishes this port",
        SetName::Direct => "answers within a bridge do not come by here",
        SetName::Hairpin4 | SetName::Hairpin6 => "the namespace may reach itself by the host",
        SetName::Checked | SetName::Routed => "what comes from this port is checked",
        SetName::Trunks => "the file has this port in these VLANs with a tag",
        SetName::Macs
        | SetName::Sources4
        | SetName::Sources6
        | SetName::Targets6
        | SetName::From4
        | SetName::From6 => "this port may use it, and no other",
        SetName::Outside | SetName::External4 => "this is the router's outside",
        SetName::Stable
        | SetName::Symmetric
        | SetName::Anybody
        | SetName::Restricted
        | SetName::Loop
        | SetName::Nat66
        | SetName::Prefixes6
        | SetName::Inwards6 => "the file asks for this kind of NAT",
        SetName::Closed => "nothing comes in that was not asked for",
        SetName::Blocked | SetName::Stopped | SetName::Strict => "the file keeps it from passing",
        SetName::Passes => "the file lets it pass",
        SetName::Mapped | SetName::Endpoints | SetName::Taken | SetName::Contacted => {
            "a packet was sent"
        }
        SetName::Parted4
        | SetName::Parted6
        | SetName::PartedNear
        | SetName::Beyond4
        | SetName::Beyond6 => PARTED,
    }
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
