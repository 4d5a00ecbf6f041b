//! Somebody else changes what is being changed.

use std::collections::BTreeSet;

use ipnet::IpNet;
use netyard::error::Error;
use netyard::fake::Fake;
use netyard::ipam::Leases;
use netyard::plan::{Claim, Op, Setting};
use netyard::reconcile::{self, Applied, Change, Host, Inside, Progress};
use netyard::state::{
    AddrGen, End, Fate, IfName, IpRule, LabName, Lifetime, Link, Namespace, NetState, Netns,
    Origin, Route, SysctlKey,
};
use netyard::topology::{parse, resolve};
use proptest::prelude::*;

use crate::hosts::{host, setup};
use crate::render::file;
use crate::spec::spec;

/// A host on which somebody removes each address of a namespace as soon as it is there.
struct Fought(Fake, Netns);

impl Fought {
    fn strike(&mut self) {
        let namespace = self.0.namespaces.get_mut(&self.1);
        let links = namespace.into_iter().flat_map(|ns| ns.links.values_mut());
        links.for_each(|link| link.addresses.clear());
    }
}

impl Host for Fought {
    fn observe(&mut self, lab: &LabName, inside: Inside) -> Result<NetState, Error> {
        self.0.observe(lab, inside)
    }
    fn apply(&mut self, ops: &[&Op], progress: &mut dyn Progress) -> Applied {
        let applied = self.0.apply(ops, progress);
        self.strike();
        applied
    }
    fn claimed(&mut self, lab: &LabName) -> Result<BTreeSet<Claim>, Error> {
        self.0.claimed(lab)
    }
    fn record(
        &mut self,
        lab: &LabName,
        claims: &BTreeSet<Claim>,
        change: Change,
    ) -> Result<(), Error> {
        self.0.record(lab, claims, change)
    }
}

/// It is undone, and nothing is said to be left of what is gone anyway.
#[test]
fn what_somebody_else_has_removed_is_undone() {
    let text =
        "{ lab: mine, namespaces: { one: { interfaces: { lo: { addresses: [10.9.0.1/32] } } } } }";
    let topology = parse(text).expect("a topology");
    let (desired, _) = resolve(&topology, &Leases::default()).expect("a state");
    let mut host = Fought(Fake::new(), "one".parse().expect("a name"));
    reconcile::up(&mut host.0, &desired, &mut ()).expect("nobody fights yet");
    host.strike();
    let before = host.0.clone();
    match reconcile::up(&mut host, &desired, &mut ()) {
        Err(Error::Undone(error)) => assert!(matches!(*error, Error::Different(_)), "{error}"),
        other => panic!("{other:?}"),
    }
    assert!(host.0 == before);
}

/// What somebody does to a lab that is up: to the device or setting of this number.
#[derive(Debug, Clone)]
enum Drift {
    Down(usize),
    Nomaster(usize),
    NoAddresses(usize),
    NoRoutes(usize),
    Forward(usize),
    Flush,
    Isolate(usize),
    Disable(usize),
    Expire(usize),
    Mute(usize),
    Disconnect(usize),
    Blackhole(usize),
    Rule(usize),
    Queue(usize),
    Vlans(usize),
}

fn drift() -> impl Strategy<Value = Drift> {
    prop_oneof![
        (0..9usize).prop_map(Drift::Down),
        (0..9usize).prop_map(Drift::Nomaster),
        (0..9usize).prop_map(Drift::NoAddresses),
        (0..9usize).prop_map(Drift::NoRoutes),
        (0..99usize).prop_map(Drift::Forward),
        Just(Drift::Flush),
        (0..9usize).prop_map(Drift::Isolate),
        (0..9usize).prop_map(Drift::Disable),
        (0..9usize).prop_map(Drift::Expire),
        (0..9usize).prop_map(Drift::Mute),
        (0..9usize).prop_map(Drift::Disconnect),
        (0..9usize).prop_map(Drift::Blackhole),
        (0..9usize).prop_map(Drift::Rule),
        (0..30usize).prop_map(Drift::Queue),
        (0..160usize).prop_map(Drift::Vlans),
    ]
}

fn pick<T>(all: Vec<T>, n: usize) -> Option<T> {
    let len = all.len().max(1);
    all.into_iter().nth(n % len)
}

/// The devices of the lab, wherever they are.
fn devices(fake: &Fake, lab: &LabName) -> Vec<End> {
    let ours = |(netns, dev, link): &(&Netns, &IfName, &Link)| {
        netns.made().is_some() && *dev != &"lo".parse().expect("a name")
            || link.owner.as_ref() == Some(lab)
    };
    let all = fake
        .namespaces
        .iter()
        .filter(|(netns, there)| **netns == Netns::Host || there.owner.as_ref() == Some(lab));
    let links = all.flat_map(|(netns, there)| there.links.iter().map(move |(d, l)| (netns, d, l)));
    let ends = links.filter(ours).map(|(netns, dev, _)| End {
        netns: netns.clone(),
        dev: dev.clone(),
    });
    ends.collect()
}

impl Drift {
    fn happen(&self, fake: &mut Fake, lab: &LabName) {
        match self {
            Drift::Down(n) => change(fake, lab, *n, |end| Op::SetLink {
                end,
                set: Setting::Up(false),
                was: Setting::Up(true),
            }),
            Drift::Nomaster(n) => change(fake, lab, *n, |end| Op::SetLink {
                end,
                set: Setting::Master(None),
                was: Setting::Master(None),
            }),
            Drift::NoAddresses(n) => {
                let Some(end) = pick(devices(fake, lab), *n) else {
                    return;
                };
                // Newest first: with a primary address its secondaries would go.
                let addresses = fake.namespaces[&end.netns].links[&end.dev]
                    .addresses
                    .clone();
                for address in addresses.into_iter().rev() {
                    let end = end.clone();
                    let op = Op::DelAddress { end, address };
                    assert!(fake.apply(&[&op], &mut ()).failed.is_none());
                }
            }
            Drift::NoRoutes(n) => {
                let end = pick(devices(fake, lab), *n);
                let there = end.map(|end| (fake.namespaces.get_mut(&end.netns), end.dev));
                if let Some((Some(there), dev)) = there {
                    there.routes.retain(|route| route.dev != dev);
                }
            }
            Drift::Isolate(n) => port(fake, lab, *n, |port| port.isolated = true),
            Drift::Disable(n) => port(fake, lab, *n, |port| port.blocked = true),
            Drift::Expire(n) => expire(fake, lab, *n),
            Drift::Mute(n) => {
                let link = device(fake, lab, *n);
                let speaks = |link: &&mut Link| link.up && link.addrgen == Some(AddrGen::Eui64);
                if let Some(link) = link.filter(speaks) {
                    link.mute = true;
                }
            }
            Drift::Disconnect(n) => disconnect(fake, lab, *n),
            Drift::Blackhole(n) => blackhole(fake, lab, *n),
            Drift::Rule(n) => rule(fake, lab, *n),
            Drift::Queue(n) => {
                if let Some(link) = device(fake, lab, n / 3) {
                    crate::rate::drift(link, *n);
                    crate::tunnel::drift(link, *n);
                }
            }
            Drift::Vlans(n) => vlans(fake, lab, *n),
            Drift::Forward(n) => forward(fake, lab, *n),
            Drift::Flush => {
                let host = fake.namespaces.get_mut(&Netns::Host).expect("the host");
                host.tables.clear();
            }
        }
    }
}

fn change(fake: &mut Fake, lab: &LabName, n: usize, op: impl FnOnce(End) -> Op) {
    if let Some(end) = pick(devices(fake, lab), n) {
        let applied = fake.apply(&[&op(end)], &mut ());
        assert!(applied.failed.is_none(), "{applied:?}");
    }
}

fn device<'a>(fake: &'a mut Fake, lab: &LabName, n: usize) -> Option<&'a mut Link> {
    let end = pick(devices(fake, lab), n)?;
    fake.namespaces.get_mut(&end.netns)?.links.get_mut(&end.dev)
}

/// A port that carries packets.
fn port(fake: &mut Fake, lab: &LabName, n: usize, change: impl FnOnce(&mut Link)) {
    let up = |link: &&mut Link| link.master.is_some() && link.up;
    device(fake, lab, n).filter(up).map(change);
}

/// The route that the kernel made with an address goes, if there is one.
fn disconnect(fake: &mut Fake, lab: &LabName, n: usize) {
    let Some(End { netns, dev }) = pick(devices(fake, lab), n) else {
        return;
    };
    let addresses = &fake.namespaces[&netns].links[&dev].addresses;
    if let Some(address) = pick(addresses.clone(), n) {
        let route = Route {
            to: address.trunc(),
            via: None,
            dev,
            metric: None,
            origin: Origin::Kernel,
            fate: Fate::Unicast,
            src: None,
            options: Default::default(),
        };
        fake.apply(&[&Op::DelRoute { netns, route }], &mut ());
    }
}

/// Packets to somewhere vanish in a namespace of the lab.
fn blackhole(fake: &mut Fake, lab: &LabName, n: usize) {
    let ours = fake
        .namespaces
        .iter()
        .filter(|(_, there)| there.owner.as_ref() == Some(lab));
    if let Some(netns) = pick(ours.map(|(netns, _)| netns.clone()).collect(), n) {
        let fate = [
            Fate::Blackhole,
            Fate::Unreachable,
            Fate::Prohibit,
            Fate::Throw,
        ][n % 4];
        let to = ["10.99.0.0/16", "fd99::/64"][n % 2];
        let route = Route {
            to: to.parse().expect("a subnet"),
            via: None,
            dev: "lo".parse().expect("a name"),
            metric: None,
            origin: Origin::Static,
            fate,
            src: None,
            options: Default::default(),
        };
        fake.apply(&[&Op::AddRoute { netns, route }], &mut ());
    }
}

fn vlans(fake: &mut Fake, lab: &LabName, n: usize) {
    let drift = |link: &mut Link| crate::vlan::drift(link, n);
    if let Some((set, was)) = device(fake, lab, n / 16).and_then(drift) {
        change(fake, lab, n / 16, |end| Op::SetLink { end, set, was });
    }
}

/// A rule comes, or one of the kernel's goes.
fn rule(fake: &mut Fake, lab: &LabName, n: usize) {
    let all = fake.namespaces.values_mut();
    let ours = all.filter(|there| there.owner.as_ref() == Some(lab));
    let rule = IpRule {
        v6: n.is_multiple_of(3),
        priority: 100 + n as u32,
        words: "from all lookup 100".to_owned(),
        message: Vec::new(),
    };
    if let Some(there) = pick(ours.collect(), n) {
        let odd = n.is_multiple_of(2);
        let rules = if odd {
            &mut there.odd_rules
        } else {
            &mut there.lost_rules
        };
        rules.insert(rule);
    }
}

/// An address that is alone in its subnet, so that its place among others does not count.
fn expire(fake: &mut Fake, lab: &LabName, n: usize) {
    let Some(end) = pick(devices(fake, lab), n) else {
        return;
    };
    let addresses = &fake.namespaces[&end.netns].links[&end.dev].addresses;
    let alone = |a: &&IpNet| addresses.iter().filter(|b| a.trunc() == b.trunc()).count() == 1;
    if let Some(address) = addresses.iter().find(alone).copied() {
        let (lifetime, was) = (
            Lifetime {
                valid: 100,
                preferred: 50,
            },
            Lifetime::FOREVER,
        );
        let op = Op::SetLifetime {
            end,
            address,
            lifetime,
            was,
        };
        assert!(fake.apply(&[&op], &mut ()).failed.is_none());
    }
}

/// Switches forwarding of one namespace of the lab or of one device in it; on the host, of
/// one device that the lab has there.
fn forward(fake: &mut Fake, lab: &LabName, n: usize) {
    let routed = fake.routed;
    let ours = |netns: &Netns, key: &SysctlKey, there: &Namespace| match netns {
        Netns::Host => {
            let link = key
                .device()
                .and_then(|dev| there.links.get(&dev.parse().ok()?));
            routed && link.is_some_and(|link| link.owner.as_ref() == Some(lab))
        }
        Netns::At(_) => false,
        Netns::Named(_) => there.owner.as_ref() == Some(lab),
    };
    let mut keys = Vec::new();
    for (netns, there) in &fake.namespaces {
        let all = there.sysctls.keys();
        let forwarding = all.filter(|key| key.overwrites() || key.device().is_some());
        keys.extend(
            forwarding
                .filter(|key| ours(netns, key, there))
                .map(|key| (netns.clone(), key.clone())),
        );
    }
    if let Some((netns, key)) = pick(keys, n) {
        let there = fake.namespaces.get_mut(&netns).expect("a namespace");
        let now = there.sysctls[&key].value == "1";
        // The kernel then forgets what it has learned from routers, for good
        // (`rt6_purge_dflt_routers`): nobody brings that back.
        if netns == Netns::Host && !now && key.path().contains("ipv6") {
            return;
        }
        let value = if now { "0" } else { "1" }.to_owned();
        let was = Vec::new();
        let op = Op::SetSysctl {
            netns,
            key,
            value,
            was,
        };
        assert!(fake.apply(&[&op], &mut ()).failed.is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever somebody does to a lab, `up` of the same file leaves all as it was before;
    /// and when that fails at any step, all is as it was found.
    #[test]
    fn drift_is_repaired(setup in setup(), spec in spec(), drifts in prop::collection::vec(drift(), 1..4)) {
        let (desired, _) = crate::desired(&file(&spec, 1), &Leases::default());
        let mut fake = host(setup);
        crate::must_up(&mut fake, &desired);
        let whole = fake.clone();
        drifts.iter().for_each(|drift| drift.happen(&mut fake, &desired.lab));
        crate::every_failure(&fake, &desired)?;
        crate::must_up(&mut fake, &desired);
        crate::nothing_to_do(&mut fake, &desired)?;
        own_forwarding(&fake, &whole)?;
        crate::same(&fake, &whole)?;
    }
}

/// What the other laws leave out: how the lab's namespaces forward.
fn own_forwarding(fake: &Fake, whole: &Fake) -> Result<(), TestCaseError> {
    for (netns, there) in &whole.namespaces {
        let ours = there.owner.is_some();
        let forwarding = |fake: &Fake| {
            let mut all = fake.namespaces[netns].sysctls.clone();
            all.retain(|key, _| ours && (key.overwrites() || key.device().is_some()));
            all
        };
        prop_assert_eq!(forwarding(fake), forwarding(whole), "{}", netns);
    }
    Ok(())
}
