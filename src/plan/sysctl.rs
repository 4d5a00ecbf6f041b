//! Kernel settings: switched on for a lab, and put back as they were when the
//! last lab that needs them goes.

use super::order::{Rank, Turn};
use super::{Draft, Op};
use crate::state::{End, IfName, Namespace, Netns, Origin, Sysctl, SysctlKey};

pub(super) fn diff(draft: &mut Draft<'_>) {
    for (netns, want) in draft.wanted() {
        keep_default_routes(draft, netns, want);
        enable_ipv6(draft, netns, want);
        for (key, sysctl) in &want.sysctls {
            switch(draft, netns, key, sysctl);
        }
    }
    for (netns, have) in draft.kept() {
        for key in released(draft, netns, have) {
            release(draft, netns, have, key);
        }
    }
}

/// On the host, forwarding waits for the guard; in a namespace it comes last. How long flows
/// are remembered can be said once there is a table that asks for them.
pub(super) fn rank(netns: &Netns, key: &SysctlKey) -> Rank {
    match netns {
        _ if key.is_of_flows() => Rank::Sysctl,
        Netns::Host => Rank::Sysctl,
        Netns::At(_) | Netns::Named(_) => Rank::Configure(Turn::Sysctl),
    }
}

fn switch(draft: &mut Draft<'_>, netns: &Netns, key: &SysctlKey, want: &Sysctl) {
    let have = draft.have(netns);
    let value = have
        .and_then(|have| have.sysctls.get(key))
        .map_or(key.fresh(), |s| &s.value);
    // What a new namespace remembers flows for is the kernel's own affair.
    let unknown = key.is_of_flows() && have.is_none();
    if value == want.value && !unknown {
        return;
    }
    let mut was = vec![(key.clone(), value.to_owned())];
    was.extend(have.into_iter().flat_map(|have| overwritten(have, key)));
    let op = Op::SetSysctl {
        netns: netns.clone(),
        key: key.clone(),
        value: want.value.clone(),
        was,
    };
    let because = match netns {
        _ if key.is_of_flows() => "so long a router remembers UDP",
        Netns::Host => "the host forwards for this lab",
        Netns::At(_) | Netns::Named(_) => "the file lets this namespace forward",
    };
    draft.push(rank(netns, key), op, because);
}

/// The settings, with their values, that writing `key` overwrites and that do not
/// come back when it is put back.
pub(super) fn overwritten(
    have: &Namespace,
    key: &SysctlKey,
) -> impl Iterator<Item = (SysctlKey, String)> {
    let value = have.sysctls.get(key).map_or("0", |s| &s.value);
    let lost = move |other: &SysctlKey, now: &str| match other.is_per_device() {
        true => now != value,
        false => (now == "0") == (value == "0"),
    };
    (have.sysctls.iter())
        .filter(move |(other, sysctl)| other.is_overwritten_by(key) && lost(other, &sysctl.value))
        .map(|(other, sysctl)| (other.clone(), sysctl.value.clone()))
}

/// A host that learns its default route from router advertisements loses it when
/// it begins to forward IPv6, unless the device takes them "always"
/// (`rt6_purge_dflt_routers`; Documentation/networking/ip-sysctl.rst, accept_ra).
fn keep_default_routes(draft: &mut Draft<'_>, netns: &Netns, want: &Namespace) {
    let Some(have) = draft.have(netns) else {
        return;
    };
    for (key, value) in advertised(want, have) {
        let op = Op::SetSysctl {
            netns: netns.clone(),
            key: key.clone(),
            value: "2".to_owned(),
            was: vec![(key, value)],
        };
        let because = "the host keeps its default route, learned from a router, when it forwards";
        draft.push(rank(netns, &SysctlKey::forward6()), op, because);
    }
}

/// Engines switch IPv6 off in containers that have no address of it. One of ours that gets some
/// has it again, and goes with its setting.
fn enable_ipv6(draft: &mut Draft<'_>, netns: &Netns, want: &Namespace) {
    let Some(have) = draft.have(netns).filter(|_| netns.joined().is_some()) else {
        return;
    };
    for dev in want.speak_ipv6() {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let key = SysctlKey::disable_ipv6(dev.as_str());
        let now = match draft.have_link(&end) {
            Some(_) => have.sysctls.get(&key),
            None => have.sysctls.get(&SysctlKey::disable_ipv6("default")),
        };
        if let Some(Sysctl { value, .. }) = now.filter(|now| now.value != "0") {
            let op = Op::SetSysctl {
                netns: netns.clone(),
                was: vec![(key.clone(), value.clone())],
                key,
                value: "0".to_owned(),
            };
            let because = "it gets an IPv6 address, and IPv6 is switched off there";
            draft.push(Rank::Configure(Turn::Ipv6), op, because);
        }
    }
}

/// The `accept_ra` settings, with their values, that must become 2 before IPv6
/// forwarding is switched on.
pub(super) fn advertised(
    want: &Namespace,
    have: &Namespace,
) -> impl Iterator<Item = (SysctlKey, String)> {
    let forward = SysctlKey::forward6();
    let on = |ns: &Namespace| ns.sysctls.get(&forward).is_some_and(|s| s.value != "0");
    let switched = on(want) && !on(have);
    let learned = |dev: &IfName| {
        have.routes
            .iter()
            .any(|r| r.origin == Origin::Ra && r.dev == *dev)
    };
    (have.links.keys())
        .filter(move |dev| switched && learned(dev))
        .filter_map(|dev| {
            let key = SysctlKey::accept_ra(dev);
            let value = have.sysctls.get(&key)?.value.clone();
            (value != "2").then_some((key, value))
        })
}

/// The settings that only this lab holds and needs no more: those first that
/// overwrite others; last those that keep learned routes, because each device that
/// forwards again drops them anew (`rt6_purge_dflt_routers`).
fn released<'a>(draft: &Draft<'a>, netns: &Netns, have: &'a Namespace) -> Vec<&'a SysctlKey> {
    let wanted = |key: &SysctlKey| {
        let want = draft
            .desired
            .namespaces
            .get(netns)
            .map(|want| &want.sysctls);
        want.is_some_and(|want| want.contains_key(key) || want.keys().any(|k| key.goes_with(k)))
    };
    let held = |sysctl: &Sysctl| sysctl.holders.iter().eq([draft.lab()]);
    let mut keys: Vec<_> = (have.sysctls.iter())
        .filter(|(key, sysctl)| held(sysctl) && !wanted(key))
        .map(|(key, _)| key)
        .collect();
    keys.sort_by_key(|key| (!key.overwrites(), key.is_accept_ra()));
    keys
}

/// Puts a setting back, unless someone else has changed it since: then it is theirs.
fn release(draft: &mut Draft<'_>, netns: &Netns, have: &Namespace, key: &SysctlKey) {
    let Some(Sysctl {
        value,
        was: Some(was),
        ..
    }) = have.sysctls.get(key)
    else {
        return;
    };
    let switched = |key: &SysctlKey, s: &Sysctl| {
        let ours = if key.is_accept_ra() { "2" } else { "1" };
        s.value == ours && s.was.as_deref().is_some_and(|was| was != ours)
    };
    // A killed run may have put back the other alone: then this one still has what
    // came with it.
    let came_with = |other: &Sysctl| {
        let on = |value: &str| value != "0";
        value != was
            && other.was.as_ref() == Some(&other.value)
            && match key.is_per_device() {
                true => *value == other.value,
                false => on(value) != on(&other.value),
            }
    };
    let follows = have
        .sysctls
        .iter()
        .any(|(other, s)| key.is_overwritten_by(other) && (switched(other, s) || came_with(s)));
    let own = (key.overwrites() || key.is_accept_ra())
        && have.sysctls.get(key).is_some_and(|s| switched(key, s));
    let own = own || key.is_of_flows() && value != was;
    if !own && !follows {
        return;
    }
    let mut before = vec![(key.clone(), value.clone())];
    before.extend(overwritten(have, key));
    let op = Op::SetSysctl {
        netns: netns.clone(),
        key: key.clone(),
        value: was.clone(),
        was: before,
    };
    draft.push(
        rank(netns, key),
        op,
        "no lab needs it any more: it is put back as it was",
    );
}
