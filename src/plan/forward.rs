//! Forwarding that others have switched: of a namespace whose file says nothing of it, of
//! one device.

use super::link::is_small;
use super::order::{Rank, Turn};
use super::sysctl::{overwritten, rank};
use super::{Draft, Op};
use crate::state::{End, Namespace, Netns, SysctlKey};

pub(super) fn diff(draft: &mut Draft<'_>) {
    for (netns, have) in draft.kept() {
        for family in [4, 6] {
            match netns {
                Netns::Host | Netns::At(_) => among_others(draft, netns, have, family),
                Netns::Named(_) => inside(draft, netns, have, family),
            }
        }
    }
}

fn value<'a>(namespace: Option<&'a Namespace>, key: &SysctlKey) -> Option<&'a str> {
    Some(&namespace?.sysctls.get(key)?.value)
}

/// A namespace of the lab's forwards by all devices, or by none.
fn inside(draft: &mut Draft<'_>, netns: &Netns, have: &Namespace, family: u8) {
    let key = SysctlKey::whole_forward(family);
    let want = value(draft.desired.namespaces.get(netns), &key).unwrap_or("0");
    let now = value(Some(have), &key).unwrap_or("0");
    let because = match want {
        "0" => "the file lets this namespace forward nothing",
        _ => "the file lets this namespace forward",
    };
    let rank = Rank::Configure(Turn::Sysctl);
    if now != want {
        // What the file wants is switched on with the other settings, and what the lab
        // had switched on before is put back with them.
        let put_back = have
            .sysctls
            .get(&key)
            .is_some_and(|s| s.was.as_deref() == Some("0"));
        if want == "0" && !put_back {
            let mut was = vec![(key.clone(), now.to_owned())];
            was.extend(overwritten(have, &key));
            draft.push(rank, set(netns, key, want, was), because);
        }
        return;
    }
    for key in apart(draft, netns, have, family) {
        let now = if want == "0" { "1" } else { "0" };
        let was = vec![(key.clone(), now.to_owned())];
        draft.push(rank, set(netns, key, want, was), because);
    }
}

fn set(netns: &Netns, key: SysctlKey, value: &str, was: Vec<(SysctlKey, String)>) -> Op {
    Op::SetSysctl {
        netns: netns.clone(),
        key,
        value: value.to_owned(),
        was,
    }
}

/// The devices that differ from the namespace when the plan comes to it. One that is
/// made by then has what `default` says.
fn apart(draft: &Draft<'_>, netns: &Netns, have: &Namespace, family: u8) -> Vec<SysctlKey> {
    let of = |dev: &str| SysctlKey::device_forward(family, dev);
    let differs = |dev: &str| have.sysctls.contains_key(&of(dev));
    let mut apart = Vec::new();
    for dev in have.links.keys().filter(|dev| differs(dev.as_str())) {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        apart.extend(draft.have_link(&end).map(|_| of(dev.as_str())));
    }
    if differs("default") {
        let made = draft.made.iter().filter(|end| end.netns == *netns);
        apart.extend(
            made.filter(|end| has(draft, end, family))
                .map(|end| of(end.dev.as_str())),
        );
        apart.push(of("default"));
    }
    apart
}

/// Whether a device that is made has the settings of the family.
fn has(draft: &Draft<'_>, end: &End, family: u8) -> bool {
    family == 4
        || !draft
            .desired
            .link(end)
            .is_some_and(|link| is_small(link.mtu))
}

/// On the host and in namespaces that others made: what is forwarded must come in by a device
/// that forwards, and the lab's own are to.
fn among_others(draft: &mut Draft<'_>, netns: &Netns, have: &Namespace, family: u8) {
    let key = SysctlKey::whole_forward(family);
    let want = draft.desired.namespaces.get(netns);
    // Written for the whole namespace it is written for every device.
    let on = |namespace| value(namespace, &key) == Some("1");
    if !(on(want) && on(Some(have))) {
        return;
    }
    for (dev, link) in want.into_iter().flat_map(|want| &want.links) {
        let mut families = link
            .addresses
            .iter()
            .map(|a| if a.addr().is_ipv4() { 4 } else { 6 });
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let key = SysctlKey::device_forward(family, dev.as_str());
        let now = match draft.made.contains(&end) {
            true => value(Some(have), &SysctlKey::device_forward(family, "default")),
            false => value(Some(have), &key),
        };
        if families.any(|of| of == family) && now == Some("0") {
            let was = vec![(key.clone(), "0".to_owned())];
            let rank = rank(netns, &key);
            let op = set(netns, key, "1", was);
            draft.push(rank, op, "what comes in there is forwarded");
        }
    }
}
