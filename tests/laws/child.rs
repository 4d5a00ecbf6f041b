//! Interfaces on devices of the host, and what becomes of them when those go.

use netyard::error::Error;
use netyard::fake::Fake;
use netyard::ipam::Leases;
use netyard::plan::{Conflict, Op, Unfit};
use netyard::reconcile::Host;
use netyard::state::{Child, ChildKind, End, Link, LinkKind, MacvlanMode, Netns};
use netyard::topology::parse;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::hosts::{host, setup};
use crate::render::{file, is_nothing};
use crate::spec::{Carried, RouteTo, Spec, spec};
use crate::{config, desired, down, must_up, nothing_to_do, same, up};

/// Two for each lab: one is as devices are, the other has large packets.
pub(crate) fn parents(fake: &mut Fake) {
    for lab in [1, 2] {
        for (n, mtu) in [(0, 1500), (1, 9000)] {
            let link = Link {
                up: true,
                mtu: Some(mtu),
                ..Link::new(LinkKind::Other("tun".to_owned()))
            };
            fake.add_device(&parent(lab, n), link);
        }
    }
}

fn parent(lab: u8, n: u8) -> End {
    format!("host:up{lab}{n}").parse().unwrap()
}

/// The file with those interfaces that can be there together.
pub(crate) fn with_children(
    mut file: Value,
    spec: &Spec,
    name: impl Fn(u8) -> String,
    lab: u8,
) -> Value {
    for (i, carried) in carried(spec) {
        let mut with = file.clone();
        on_parent(&mut with["namespaces"][name(i)], carried, lab, i);
        if parse(&with.to_string()).is_ok() {
            file = with;
        }
    }
    file
}

/// Those of a file, with the numbers of their namespaces.
fn carried(spec: &Spec) -> impl Iterator<Item = (u8, &Carried)> {
    (0..3).filter_map(|i| {
        let namespace = spec.namespaces[usize::from(i)].as_ref()?;
        Some((i, namespace.carried.as_ref()?))
    })
}

/// Adds an interface, and a route by it.
fn on_parent(namespace: &mut Value, carried: &Carried, lab: u8, i: u8) {
    let parent = format!("up{lab}{}", carried.parent);
    let (word, key, value) = match carried.kind {
        0..=2 => ("macvlan", "mode", json!("bridge")),
        3 => ("macvlan", "mode", json!("private")),
        4 => ("macvlan", "mode", json!("passthru")),
        5 => ("ipvlan", "mode", json!("l2")),
        6 => ("ipvlan", "mode", json!("l3")),
        _ => ("vlan", "id", json!(7 + i % 2)),
    };
    let mut hosts = carried.hosts.clone();
    hosts.sort_unstable();
    hosts.dedup();
    let addresses: Vec<String> = hosts
        .iter()
        .flat_map(|n| {
            [
                format!("10.{lab}.9{i}.{n}/24"),
                format!("fd00:{lab}:9{i}::{n}/64"),
            ]
        })
        .collect();
    let mut interface = json!({ word: { "parent": parent, key: value }, "addresses": addresses });
    let most = if carried.parent == 1 { 9000 } else { 1500 };
    if let Some(mtu) = carried.mtu.filter(|mtu| (1280..=most).contains(mtu)) {
        interface["mtu"] = json!(mtu);
    }
    if let Some(mac) = carried.mac.filter(|_| ![4, 5, 6].contains(&carried.kind)) {
        interface["mac"] = json!(format!("02:00:0c:{lab:02x}:{i:02x}:{mac:02x}"));
    }
    namespace["interfaces"]["c0"] = interface;
    if !hosts.is_empty() {
        let route =
            json!({ "to": format!("10.{lab}.21{i}.0/24"), "via": format!("10.{lab}.9{i}.99") });
        let routes = namespace["routes"].as_array_mut();
        routes
            .into_iter()
            .for_each(|routes| routes.push(route.clone()));
    }
}

/// What is said of a route beside its next hop.
pub(crate) fn said_more(value: &mut Value, route: &RouteTo) {
    let more = match route.more {
        1 | 2 => json!({ "mtu": 1300 + 50 * u32::from(route.more) }),
        3 => json!({ "mtu": 1400, "advmss": 1360 }),
        4 if !route.v6 => json!({ "scope": "200", "advmss": 1200 }),
        _ => json!({}),
    };
    let more = more.as_object().into_iter().flatten();
    more.for_each(|(key, said)| value[key] = said.clone());
}

fn unplug(fake: &mut Fake, end: &End) {
    let op = Op::DelLinks {
        netns: Netns::Host,
        devs: vec![end.dev.clone()],
        group: 0,
    };
    fake.apply(&[&op], &mut ());
}

/// What is in the way, if that is all.
fn unfit(result: Result<netyard::plan::Plan, Error>) -> Vec<(End, Unfit)> {
    let Err(Error::Conflicts(found)) = result else {
        panic!("{result:?}");
    };
    let one = |conflict: &Conflict| match conflict {
        Conflict::Parent { end, why, .. } => (end.clone(), why.clone()),
        other => panic!("{other}"),
    };
    found.0.iter().map(one).collect()
}

proptest! {
    #![proptest_config(config(60))]

    /// The kernel takes what it carries along; it comes again when the parent does.
    #[test]
    fn a_parent_that_goes_is_named_until_it_is_back(setup in setup(), spec in spec()) {
        let value = file(&spec, 1);
        prop_assume!(!is_nothing(&value));
        let (wanted, _) = desired(&value, &Leases::default());
        let children: Vec<End> = wanted.namespaces.iter()
            .flat_map(|(netns, ns)| ns.links.iter().map(move |l| (netns, l)))
            .filter(|(_, (_, link))| link.child().is_some_and(|c| c.parent == Some(parent(1, 0))))
            .map(|(netns, (dev, _))| End { netns: netns.clone(), dev: dev.clone() })
            .collect();
        prop_assume!(!children.is_empty());
        let clean = host(setup);
        let mut fake = clean.clone();
        must_up(&mut fake, &wanted);
        let whole = fake.clone();
        let old = fake.namespaces[&Netns::Host].links[&parent(1, 0).dev].clone();
        unplug(&mut fake, &parent(1, 0));
        for end in &children {
            prop_assert!(!fake.namespaces[&end.netns].links.contains_key(&end.dev));
        }
        let told: Vec<(End, Unfit)> = children.iter().map(|e| (e.clone(), Unfit::Missing)).collect();
        prop_assert_eq!(unfit(up(&mut fake, &wanted)), told);
        let mut gone = fake.clone();
        fake.add_device(&parent(1, 0), old);
        // As the host's administrator had set it.
        let set = whole.namespaces[&Netns::Host].sysctls.iter();
        let set = set.filter(|(key, _)| key.device() == Some(parent(1, 0).dev.as_str()));
        let there = fake.namespaces.get_mut(&Netns::Host).unwrap();
        there.sysctls.extend(set.map(|(key, value)| (key.clone(), value.clone())));
        must_up(&mut fake, &wanted);
        nothing_to_do(&mut fake, &wanted)?;
        same(&fake, &whole)?;
        // It is taken down without its parent, too.
        down(&mut gone, &wanted.lab);
        let mut without = clean;
        unplug(&mut without, &parent(1, 0));
        same(&gone, &without)?;
    }

    /// What others have on the parent stays, whatever the lab wants there.
    #[test]
    fn what_others_have_on_a_parent_is_not_touched(setup in setup(), spec in spec(), alone in any::<bool>()) {
        let value = file(&spec, 1);
        prop_assume!(!is_nothing(&value));
        let mode = if alone { MacvlanMode::Passthru } else { MacvlanMode::Bridge };
        let mut clean = host(setup);
        let theirs = Link::new(LinkKind::Child(Child {
            parent: Some(parent(1, 0)),
            kind: ChildKind::Macvlan(mode),
        }));
        clean.add_device(&"host:theirs0".parse().unwrap(), theirs);
        let (wanted, _) = desired(&value, &Leases::default());
        let mut fake = clean.clone();
        match up(&mut fake, &wanted) {
            Ok(_) => {
                nothing_to_do(&mut fake, &wanted)?;
                down(&mut fake, &wanted.lab);
            }
            refused => {
                let all = unfit(refused);
                prop_assert!(all.iter().all(|(_, why)| matches!(why, Unfit::Taken(..))));
            }
        }
        same(&fake, &clean)?;
    }
}
