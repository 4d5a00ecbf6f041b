//! Laws of the loop, over the fake kernel: what is done is done once, what fails
//! leaves nothing behind, what goes takes everything with it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod child;
mod gate;
mod hosts;
mod join;
mod meanwhile;
mod nat;
mod nets;
mod overlay;
mod rate;
mod render;
mod route;
mod shuffle;
mod spec;
mod tunnel;
mod vlan;

use std::collections::BTreeSet;

use hosts::{host, setup};
use netyard::error::Error;
use netyard::fake::Fake;
use netyard::ipam::Leases;
use netyard::plan::{Claim, Op, Plan, Step, claims, plan};
use netyard::reconcile::{self, Change, Host, Inside, Progress};
use netyard::state::{AddrGen, IfName, LabName, NetState, Netns, SysctlKey};
use netyard::topology::{parse, resolve};
use proptest::prelude::*;
use render::{file, is_nothing};
use serde_json::Value;
use shuffle::shuffled;
use spec::{pair, spec};

/// What the file asks for; of a lab without anything, which is no file, what `down` does.
fn desired(file: &Value, leases: &Leases) -> (NetState, Leases) {
    if is_nothing(file) {
        let lab = file["lab"].as_str().unwrap_or_default();
        return (NetState::empty(lab.parse().unwrap()), leases.clone());
    }
    let text = file.to_string();
    let topology = parse(&text).unwrap_or_else(|e| panic!("{}\n{text}", e));
    resolve(&topology, leases).unwrap()
}

/// What the lab makes netyard look at.
fn look(fake: &mut Fake, desired: &NetState) {
    let host = desired.namespaces.get(&Netns::Host);
    fake.routed = host.is_some_and(|host| !host.sysctls.is_empty());
    let all = desired.namespaces.iter();
    let forwards = all.filter(|(netns, want)| netns.joined().is_some() && !want.sysctls.is_empty());
    fake.forwards = forwards.map(|(netns, _)| netns.clone()).collect();
    fake.networks = host.is_some_and(|host| !host.tables.is_empty());
}

fn up(fake: &mut Fake, desired: &NetState) -> Result<Plan, Error> {
    look(fake, desired);
    reconcile::up(fake, desired, &mut ())
}

fn down(fake: &mut Fake, lab: &LabName) -> Plan {
    (fake.routed, fake.networks) = (false, false);
    fake.forwards.clear();
    let down = reconcile::down(fake, lab, &mut ());
    down.unwrap_or_else(|e| panic!("{e}")).0
}

fn must_up(fake: &mut Fake, desired: &NetState) -> Plan {
    up(fake, desired).unwrap_or_else(|e| panic!("{e}"))
}

/// Every object in a line of its own.
fn lines(fake: &Fake) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for (netns, there) in &fake.namespaces {
        let Ok(Value::Object(parts)) = serde_json::to_value(there) else {
            continue;
        };
        for (part, value) in parts {
            match value {
                Value::Object(all) if part != "table" => {
                    lines.extend(all.iter().map(|(k, v)| format!("{netns} {part} {k} {v}")));
                }
                value => drop(lines.insert(format!("{netns} {part} {value}"))),
            }
        }
    }
    let claims = fake.journal.iter();
    lines.extend(claims.flat_map(|(lab, all)| all.iter().map(move |c| format!("{lab} {c:?}"))));
    lines
}

/// What `default` says when a lab's own device is made decides whether that device
/// forwards; it is not the administrator's choice, and goes with the device. So does
/// what a namespace took over from the host. And whether a device that shall make no link-local
/// address has one from before is nothing that netyard brings about.
fn without_own_forwarding(fake: &Fake) -> Fake {
    let mut fake = fake.clone();
    for (netns, namespace) in &mut fake.namespaces {
        if netns.made().is_some() {
            namespace
                .sysctls
                .retain(|key, _| *key == SysctlKey::forward6());
        }
        for link in namespace.links.values_mut() {
            link.mute &= link.addrgen != Some(AddrGen::None);
        }
        let joined = netns.joined().is_some();
        let of_lab = |dev: &&IfName| match dev.as_str() {
            "lo" | "theirs0" => false,
            dev => joined || dev.starts_with(['l', 's']),
        };
        for dev in namespace.links.keys().filter(of_lab) {
            for family in [4, 6] {
                let key = SysctlKey::device_forward(family, dev.as_str());
                namespace.sysctls.remove(&key);
            }
        }
    }
    fake
}

fn same(a: &Fake, b: &Fake) -> Result<(), TestCaseError> {
    let (a, b) = (&without_own_forwarding(a), &without_own_forwarding(b));
    if a == b {
        return Ok(());
    }
    let (a, b) = (lines(a), lines(b));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
        a.difference(b).cloned().collect::<Vec<_>>().join("\n")
    };
    Err(TestCaseError::fail(format!(
        "--- is:\n{}\n--- should be:\n{}",
        only(&a, &b),
        only(&b, &a)
    )))
}

fn nothing_to_do(fake: &mut Fake, desired: &NetState) -> Result<(), TestCaseError> {
    let plan = must_up(fake, desired).to_string();
    prop_assert!(plan.is_empty(), "{}", plan);
    Ok(())
}

/// Brings two labs up, after which neither wants a change.
fn both_up(fake: &mut Fake, order: [&NetState; 2]) -> Result<(), TestCaseError> {
    for lab in order {
        must_up(fake, lab);
    }
    for lab in order {
        nothing_to_do(fake, lab)?;
    }
    Ok(())
}

/// Stops after so many operations.
struct Stop(usize);

impl Progress for Stop {
    fn done(&mut self, _: &Op) {
        self.0 = self.0.saturating_sub(1);
    }
    fn interrupted(&mut self) -> bool {
        self.0 == 0
    }
}

/// Every operation of `up` fails once, and is interrupted before once; each time all
/// is as it was.
fn every_failure(start: &Fake, desired: &NetState) -> Result<(), TestCaseError> {
    let mut after = start.clone();
    let steps = must_up(&mut after, desired).steps;
    for (k, step) in steps.iter().enumerate() {
        let mut fake = start.clone();
        fake.fail_after = [k].into();
        match up(&mut fake, desired) {
            Err(Error::Undone(_)) => {}
            other => return Err(TestCaseError::fail(format!("{k} {step:?}: {other:?}"))),
        }
        same(&fake, start).map_err(|e| TestCaseError::fail(format!("{k} {step:?}: {e}")))?;
        // The same undoing, by another way in: now and then is enough.
        if k % 4 != 0 {
            continue;
        }
        undoing_fails(start, desired, k)?;
        let mut fake = start.clone();
        look(&mut fake, desired);
        match reconcile::up(&mut fake, desired, &mut Stop(k)) {
            Err(Error::Undone(cause)) if matches!(*cause, Error::Interrupted) => {}
            // The last transaction is not stopped in its middle.
            Ok(_) if in_last_transaction(&steps, k) => continue,
            other => return Err(TestCaseError::fail(format!("stop {k}: {other:?}"))),
        }
        same(&fake, start).map_err(|e| TestCaseError::fail(format!("stop {k}: {e}")))?;
    }
    Ok(())
}

fn in_last_transaction(steps: &[Step], k: usize) -> bool {
    let firewall = |step: &Step| {
        let op = &step.op;
        matches!(op, Op::AddTable { .. } | Op::DelTable { .. })
            || matches!(op, Op::AddElement { .. } | Op::DelElement { .. })
    };
    let last = steps.last().map(|step| step.op.netns());
    let together = |step: &Step| firewall(step) && Some(step.op.netns()) == last;
    steps[k.saturating_sub(1)..].iter().all(together)
}

/// The undoing is refused something in turn. What is left is told, and `down` removes
/// it as if nothing had happened.
fn undoing_fails(start: &Fake, desired: &NetState, k: usize) -> Result<(), TestCaseError> {
    let (mut fake, mut calm) = (start.clone(), start.clone());
    fake.fail_after = [k, k / 2].into();
    match up(&mut fake, desired) {
        Err(Error::NotUndone { left, .. }) => prop_assert!(!left.is_empty()),
        Err(Error::Undone(_)) => {}
        other => return Err(TestCaseError::fail(format!("{k}: {other:?}"))),
    }
    fake.fail_after.clear();
    down(&mut fake, &desired.lab);
    down(&mut calm, &desired.lab);
    same(&fake, &calm).map_err(|e| TestCaseError::fail(format!("{k}, then down: {e}")))
}

/// The host after a run that was killed between two operations.
fn killed(start: &Fake, desired: &NetState, done: usize) -> Option<Fake> {
    let mut fake = start.clone();
    look(&mut fake, desired);
    let lab = &desired.lab;
    let observed = fake.observe(lab, Inside::Read).unwrap();
    let plan = plan(desired, &observed).unwrap();
    let mut record: BTreeSet<Claim> = fake.claimed(lab).unwrap();
    record.extend(claims(desired, &observed));
    fake.record(lab, &record, Change::Begun).unwrap();
    let ops: Vec<&Op> = plan.steps.iter().map(|step| &step.op).collect();
    let applied = fake.apply(ops.get(..done)?, &mut ());
    assert!(applied.failed.is_none(), "{applied:?}");
    Some(fake)
}

fn every_kill(clean: &Fake, start: &Fake, desired: &NetState) -> Result<(), TestCaseError> {
    for done in 0.. {
        let Some(killed) = killed(start, desired, done) else {
            break;
        };
        let mut fake = killed.clone();
        down(&mut fake, &desired.lab);
        same(&fake, clean).map_err(|e| TestCaseError::fail(format!("down after {done}: {e}")))?;
        let mut fake = killed;
        must_up(&mut fake, desired);
        down(&mut fake, &desired.lab);
        same(&fake, clean).map_err(|e| TestCaseError::fail(format!("up after {done}: {e}")))?;
    }
    Ok(())
}

fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let cases = asked.and_then(|n| n.parse().ok()).unwrap_or(cases);
    ProptestConfig {
        failure_persistence: None,
        // Some laws are of a part of all files.
        max_global_rejects: cases.saturating_mul(50),
        ..ProptestConfig::with_cases(cases)
    }
}

/// What the labs of these numbers have, and the host's own; not the hardware
/// addresses that the kernel chose, which differ each time.
fn without_chosen(fake: &Fake) -> Fake {
    let mut fake = fake.clone();
    fake.journal.clear();
    for namespace in fake.namespaces.values_mut() {
        for link in namespace.links.values_mut() {
            let chosen = link.mac.is_some_and(|mac| mac.0[0] == 0x0a);
            link.mac = link.mac.filter(|_| !chosen);
        }
    }
    fake
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn up_twice_is_up_once_and_down_is_as_before(setup in setup(), (a, b) in pair()) {
        let clean = host(setup);
        let mut fake = clean.clone();
        let (a, leases) = desired(&file(&a, 1), &Leases::default());
        must_up(&mut fake, &a);
        nothing_to_do(&mut fake, &a)?;
        let (b, _) = desired(&file(&b, 1), &leases);
        must_up(&mut fake, &b);
        nothing_to_do(&mut fake, &b)?;
        down(&mut fake, &b.lab);
        same(&fake, &clean)?;
        prop_assert!(down(&mut fake, &b.lab).is_empty());
    }

    #[test]
    fn the_order_of_keys_does_not_change_the_plan(spec in spec(), seed in any::<u64>()) {
        let value = file(&spec, 1);
        prop_assume!(!is_nothing(&value));
        let mut text = String::new();
        shuffled(&value, &mut seed.clone(), &mut text);
        let again = parse(&text).unwrap_or_else(|e| panic!("{}", e));
        let (again, _) = resolve(&again, &Leases::default()).unwrap();
        let (first, _) = desired(&value, &Leases::default());
        let mut fake = Fake::new();
        let observed = fake.observe(&first.lab, Inside::Read).unwrap();
        prop_assert_eq!(plan(&first, &observed), plan(&again, &observed));
    }
}

proptest! {
    #![proptest_config(config(80))]

    #[test]
    fn a_failure_leaves_nothing_behind(setup in setup(), (a, b) in pair()) {
        let clean = host(setup);
        let (a, leases) = desired(&file(&a, 1), &Leases::default());
        every_failure(&clean, &a)?;
        let mut fake = clean.clone();
        must_up(&mut fake, &a);
        let (b, _) = desired(&file(&b, 1), &leases);
        every_failure(&fake, &b)?;
    }

    #[test]
    fn a_kill_is_cleaned_up_or_completed(setup in setup(), (a, b) in pair()) {
        let clean = host(setup);
        let (a, leases) = desired(&file(&a, 1), &Leases::default());
        every_kill(&clean, &clean, &a)?;
        let mut fake = clean.clone();
        must_up(&mut fake, &a);
        let (b, _) = desired(&file(&b, 1), &leases);
        every_kill(&clean, &fake, &b)?;
    }

    #[test]
    fn a_down_that_is_killed_is_completed_by_the_next(setup in setup(), a in spec()) {
        let clean = host(setup);
        let (a, _) = desired(&file(&a, 1), &Leases::default());
        let mut full = clean.clone();
        must_up(&mut full, &a);
        let nothing = NetState::empty(a.lab.clone());
        (full.routed, full.networks) = (false, false);
        let observed = full.observe(&a.lab, Inside::Skip).unwrap();
        let steps = plan(&nothing, &observed).unwrap().steps;
        for done in 0..=steps.len() {
            let mut fake = full.clone();
            let ops: Vec<&Op> = steps[..done].iter().map(|step| &step.op).collect();
            fake.apply(&ops, &mut ());
            down(&mut fake, &a.lab);
            same(&fake, &clean)?;
        }
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn labs_leave_each_other_alone(
        setup in setup(), (a, b) in pair(), other in spec(), first in any::<bool>()
    ) {
        let clean = host(setup);
        let (a, leases) = desired(&file(&a, 1), &Leases::default());
        let (b, _) = desired(&file(&b, 1), &leases);
        let (other, _) = desired(&file(&other, 2), &Leases::default());
        let mut alone = clean.clone();
        must_up(&mut alone, &other);
        let mut fake = clean.clone();
        let order = if first { [&a, &other] } else { [&other, &a] };
        both_up(&mut fake, order)?;
        every_failure(&fake, &b)?;
        must_up(&mut fake, &b);
        nothing_to_do(&mut fake, &other)?;
        let mut left = fake.clone();
        down(&mut left, &b.lab);
        same(&without_chosen(&left), &without_chosen(&alone))?;
        nothing_to_do(&mut left, &other)?;
        down(&mut left, &other.lab);
        same(&left, &clean)?;
        down(&mut fake, &other.lab);
        nothing_to_do(&mut fake, &b)?;
        down(&mut fake, &b.lab);
        same(&fake, &clean)?;
    }
}
