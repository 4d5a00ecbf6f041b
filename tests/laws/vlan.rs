//! VLANs of networks and interfaces, few enough that they meet.

use netyard::plan::Setting;
use netyard::state::{Filtering, Link, LinkKind, VlanEntry, Vlans as Held};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Of an interface: without a tag, and ranges with one.
#[derive(Debug, Clone)]
pub(crate) struct Vlans {
    access: Option<u8>,
    trunk: Vec<(u8, u8)>,
}

pub(crate) fn vlan() -> impl Strategy<Value = Option<u8>> {
    option::weighted(0.3, 1..4u8)
}

pub(crate) fn vlans() -> impl Strategy<Value = Vlans> {
    let access = option::weighted(0.15, 1..4u8);
    let trunk = prop::collection::vec((1..9u8, 0..3u8), 0..3);
    let trunk = option::weighted(0.15, trunk);
    (access, trunk).prop_map(|(access, trunk)| Vlans {
        access,
        trunk: trunk.unwrap_or_default(),
    })
}

pub(crate) fn set_vlan(value: &mut Value, vlan: Option<u8>) {
    if let Some(vlan) = vlan {
        value["vlan"] = json!(vlan);
    }
}

/// Of a port that is on a switch. Who has no VLAN without a tag gets no address by itself; routes
/// may need one of each of the `subnets`.
pub(crate) fn set_vlans(value: &mut Value, vlans: &Vlans, subnets: impl FnOnce() -> Vec<String>) {
    let mut trunk = vlans.trunk.clone();
    trunk.retain(|(first, more)| {
        let own = vlans
            .access
            .is_some_and(|own| (*first..=first + more).contains(&own));
        !own
    });
    if let Some(access) = vlans.access {
        value["access"] = json!(access);
    }
    if trunk.is_empty() {
        return;
    }
    let range = |(first, more): &(u8, u8)| match more {
        0 => json!(first),
        more => json!(format!("{first}-{}", first + more)),
    };
    value["trunk"] = trunk.iter().map(range).collect();
    let known = value.get("addresses").or(value.get("subnets")).is_some();
    if vlans.access.is_none() && !known {
        value["subnets"] = json!(subnets());
    }
}

/// Somebody takes a port out of its VLANs, or puts it into others; or changes what its bridge
/// does with them, if it does anything.
pub(crate) fn drift(link: &Link, n: usize) -> Option<(Setting, Setting)> {
    let words = ["", "1 untagged", "1 untagged, 3-6", "2 pvid, 9 untagged"][n / 4 % 4];
    let entries = words.split(", ").filter(|entry| !entry.is_empty());
    let entry = |text: &str| VlanEntry::try_from(text.to_owned()).expect("VLANs");
    let held = Held::from(entries.map(entry).collect::<Vec<_>>());
    let other = [(false, 1), (true, 1), (false, 0), (true, 2)][n % 4];
    let (on, default_pvid) = other;
    let both = match link.kind {
        LinkKind::Bridge if n.is_multiple_of(3) && link.filtering.on => (
            Setting::OwnVlans(held),
            Setting::OwnVlans(link.vlans.clone()),
        ),
        LinkKind::Bridge => {
            let to = Filtering { on, default_pvid };
            (Setting::Filtering(to), Setting::Filtering(link.filtering))
        }
        _ if link.vlans.is_empty() => return None,
        _ => (Setting::Vlans(held), Setting::Vlans(link.vlans.clone())),
    };
    Some(both)
}
