//! The gate: what the host forwards for labs, and the guard that stands there first.

use netyard::error::Error;
use netyard::fake::Fake;
use netyard::ipam::Leases;
use netyard::state::{Element, Family, NetState, Netns, SetName, SysctlKey, TableName};
use proptest::prelude::*;

use crate::hosts::{host, setup};
use crate::{config, desired, down, must_up, same, up};

/// A lab whose network leaves through the host.
fn leaving(lab: u8) -> NetState {
    let value = serde_json::json!({ "lab": format!("lab{lab}"), "networks": { "n": {
        "masquerade": true, "subnets": [format!("10.{lab}.0.0/24"), format!("fd00:{lab}::/64")]
    } } });
    desired(&value, &Leases::default()).0
}

fn guard(fake: &Fake) -> usize {
    let table = fake.namespaces[&Netns::Host].tables.get(&TableName::Inet);
    table.map_or(0, |table| table.sets[&SetName::Guard].len())
}

/// The same lab, and its network goes out no more.
fn staying(lab: u8) -> NetState {
    let value = serde_json::json!({ "lab": format!("lab{lab}"), "networks": { "n": {
        "subnets": [format!("10.{lab}.0.0/24"), format!("fd00:{lab}::/64")]
    } } });
    desired(&value, &Leases::default()).0
}

/// Whether the host forwards a family for others than labs, though it did not before.
fn is_open(fake: &Fake, before: &Fake) -> bool {
    let families = [
        (SysctlKey::forward4(), Family::Ipv4),
        (SysctlKey::forward6(), Family::Ipv6),
    ];
    let on = |fake: &Fake, key: &SysctlKey| fake.namespaces[&Netns::Host].sysctls[key].value != "0";
    let guarded = |family| {
        let table = fake.namespaces[&Netns::Host].tables.get(&TableName::Inet);
        table.is_some_and(|table| table.has(SetName::Guard, &Element::family(family)))
    };
    let open = |(key, family): &(SysctlKey, Family)| {
        on(fake, key) && !on(before, key) && !guarded(*family)
    };
    families.iter().any(open)
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn the_last_lab_that_goes_shuts_the_gate(
        setup in setup(), ups in Just([1, 2, 3]).prop_shuffle(), downs in Just([1, 2, 3]).prop_shuffle()
    ) {
        let clean = host(setup);
        let mut fake = clean.clone();
        let mut seen = Vec::new();
        for lab in ups {
            must_up(&mut fake, &leaving(lab));
            seen.push(guard(&fake));
        }
        for lab in downs {
            prop_assert_ne!(&fake.namespaces[&Netns::Host].sysctls[&SysctlKey::forward4()].value, "0");
            prop_assert_ne!(&fake.namespaces[&Netns::Host].sysctls[&SysctlKey::forward6()].value, "0");
            seen.push(guard(&fake));
            down(&mut fake, &leaving(lab).lab);
        }
        seen.dedup();
        prop_assert_eq!(seen.len(), 1, "the guard stands from the first to the last");
        same(&fake, &clean)?;
    }
}

proptest! {
    #![proptest_config(config(64))]

    /// Each step of a change fails once, and then each step of undoing it.
    #[test]
    fn a_gate_stays_shut_when_its_guard_is_refused(setup in setup()) {
        let clean = host(setup);
        let (wanted, mut start) = (staying(1), clean.clone());
        must_up(&mut start, &leaving(1));
        let mut calm = start.clone();
        let steps = must_up(&mut calm, &wanted).steps.len();
        down(&mut calm, &wanted.lab);
        same(&calm, &clean)?;
        for (k, j) in (0..steps).flat_map(|k| (0..k).map(move |j| (k, j))) {
            let mut fake = start.clone();
            fake.fail_after = [k, j].into();
            let failed = up(&mut fake, &wanted);
            let told = matches!(failed, Err(Error::NotUndone { .. } | Error::Undone(_)));
            prop_assert!(told, "{k}, {j}: {failed:?}");
            prop_assert!(!is_open(&fake, &clean), "{k}, {j}");
            fake.fail_after.clear();
            down(&mut fake, &wanted.lab);
            same(&fake, &clean).map_err(|e| TestCaseError::fail(format!("{k}, {j}: {e}")))?;
        }
    }
}
