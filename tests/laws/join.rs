//! Namespaces that others made: labs come and go in them, and they are as before.

use netyard::fake::Fake;
use netyard::ipam::Leases;
use netyard::state::{
    End, Fate, Identity, LabName, Link, LinkKind, Netns, Origin, Route, SysctlKey,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::hosts::{Setup, host, setup};
use crate::render::file;
use crate::spec::{Spec, pair, spec};
use crate::{
    both_up, config, desired, down, every_failure, every_kill, must_up, nothing_to_do, same,
    without_chosen,
};

/// What others have in each of three namespaces.
#[derive(Debug, Clone, Copy)]
struct Theirs {
    device: bool,
    default: bool,
    forward: [bool; 2],
    apart: bool,
}

fn theirs() -> impl Strategy<Value = [Theirs; 3]> {
    let one =
        prop::array::uniform5(any::<bool>()).prop_map(|[device, default, v4, v6, apart]| Theirs {
            device,
            default: device && default,
            forward: [v4, v6],
            apart,
        });
    prop::array::uniform3(one)
}

fn path(i: usize) -> String {
    format!("/run/theirs/s{i}")
}

/// A host with three namespaces to join.
fn with_theirs(setup: Setup, theirs: [Theirs; 3]) -> Fake {
    let mut fake = host(setup);
    for (i, theirs) in theirs.into_iter().enumerate() {
        let netns: Netns = path(i).parse().unwrap();
        let end = |dev: &str| End {
            netns: netns.clone(),
            dev: dev.parse().unwrap(),
        };
        fake.add_namespace(netns.clone(), None);
        if theirs.device {
            let link = Link {
                up: true,
                addresses: vec!["172.17.0.2/16".parse().unwrap()],
                ..Link::new(LinkKind::Other("tun".to_owned()))
            };
            fake.add_device(&end("theirs0"), link);
        }
        let there = fake.namespaces.get_mut(&netns).unwrap();
        there.identity = Some(Identity {
            inode: i as u64,
            cookie: 1,
        });
        // That it stays up is as it shall be.
        there.links.get_mut(&end("lo").dev).unwrap().up = true;
        there.routes.extend(theirs.default.then(|| Route {
            to: "0.0.0.0/0".parse().unwrap(),
            via: Some("172.17.0.1".parse().unwrap()),
            dev: "theirs0".parse().unwrap(),
            metric: None,
            origin: Origin::Static,
            fate: Fate::Unicast,
            src: None,
            options: Default::default(),
        }));
        for (on, family) in theirs.forward.into_iter().zip([4, 6]) {
            let mut set = |key: SysctlKey, on: bool| {
                if let Some(sysctl) = there.sysctls.get_mut(&key) {
                    sysctl.value = if on { "1" } else { "0" }.to_owned();
                }
            };
            set(SysctlKey::whole_forward(family), on);
            for dev in ["default", "lo", "theirs0"] {
                let apart = theirs.apart && dev == "theirs0";
                set(SysctlKey::device_forward(family, dev), on != apart);
            }
        }
    }
    fake
}

/// The file with some of its namespaces joined. With `shared` others may be there in the same
/// way: interfaces have names of this lab, and there is one table.
fn joined(spec: &Spec, lab: u8, which: [bool; 3], shared: bool) -> Value {
    let mut text = file(spec, lab).to_string();
    for i in (0..3).filter(|i| which[*i]) {
        text = text.replace(&format!("l{lab}s{i}"), &path(i));
    }
    let mut file: Value = serde_json::from_str(&text).unwrap();
    for i in (0..3).filter(|i| which[*i]) {
        let Some(namespace) = file["namespaces"].get_mut(path(i)) else {
            continue;
        };
        let namespace = namespace.as_object_mut().unwrap();
        if shared {
            namespace.remove("egress");
            namespace.remove("ingress");
            namespace.remove("nat");
        }
        // Somebody else may have one.
        if let Some(Value::Array(routes)) = namespace.get_mut("routes") {
            routes.retain(|route| route["to"] != "default");
            let straight = routes
                .iter_mut()
                .filter(|route| shared && route["dev"] == "c0");
            straight.for_each(|route| route["dev"] = format!("l{lab}c0").into());
        }
        if let Some(Value::Object(interfaces)) = namespace.get_mut("interfaces") {
            interfaces.remove("lo");
            for plug in ["e0", "e1", "c0"].into_iter().filter(|_| shared) {
                if let Some(interface) = interfaces.remove(plug) {
                    interfaces.insert(format!("l{lab}{plug}"), interface);
                }
            }
        }
        // Without a default route it may not be known which way is outwards, and answers of a
        // published port may not go back.
        for key in ["nat", "publish"] {
            if netyard::topology::parse(&file.to_string()).is_err() {
                let namespace = file["namespaces"][path(i)].as_object_mut();
                namespace.map(|namespace| namespace.remove(key));
            }
        }
    }
    file
}

fn first(spec: &Spec, which: [bool; 3]) -> netyard::state::NetState {
    desired(&joined(spec, 1, which, false), &Leases::default()).0
}

fn lab(number: u8) -> LabName {
    format!("lab{number}").parse().unwrap()
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn what_is_joined_is_left_as_before(
        setup in setup(), theirs in theirs(), (a, b) in pair(), which in any::<[bool; 3]>()
    ) {
        let clean = with_theirs(setup, theirs);
        let mut fake = clean.clone();
        for spec in [&a, &b] {
            let wanted = first(spec, which);
            must_up(&mut fake, &wanted);
            nothing_to_do(&mut fake, &wanted)?;
        }
        // It is as if the second file had been the first.
        let mut once = clean.clone();
        must_up(&mut once, &first(&b, which));
        let routes = |fake: &Fake, i| fake.namespaces[&path(i).parse().unwrap()].routes.clone();
        for i in 0..3 {
            prop_assert_eq!(routes(&fake, i), routes(&once, i));
        }
        down(&mut fake, &lab(1));
        same(&fake, &clean)?;
        prop_assert!(down(&mut fake, &lab(1)).is_empty());
    }

}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn a_failure_or_a_kill_leaves_nothing_in_what_is_joined(
        setup in setup(), theirs in theirs(), (a, b) in pair(), which in any::<[bool; 3]>()
    ) {
        let clean = with_theirs(setup, theirs);
        let (a, b) = (first(&a, which), first(&b, which));
        every_failure(&clean, &a)?;
        let mut fake = clean.clone();
        must_up(&mut fake, &a);
        every_failure(&fake, &b)?;
        every_kill(&clean, &fake, &b)?;
    }

    #[test]
    fn labs_in_one_namespace_leave_each_other_alone(
        setup in setup(), theirs in theirs(), a in spec(), other in spec(), first in any::<bool>()
    ) {
        let clean = with_theirs(setup, theirs);
        let all = [true; 3];
        let (a, _) = desired(&joined(&a, 1, all, true), &Leases::default());
        let (other, _) = desired(&joined(&other, 2, all, true), &Leases::default());
        let mut fake = clean.clone();
        let order = if first { [&a, &other] } else { [&other, &a] };
        both_up(&mut fake, order)?;
        every_failure(&fake, &a)?;
        down(&mut fake, &a.lab);
        nothing_to_do(&mut fake, &other)?;
        if !first {
            let mut alone = clean.clone();
            must_up(&mut alone, &other);
            same(&without_chosen(&fake), &without_chosen(&alone))?;
        }
        down(&mut fake, &other.lab);
        same(&fake, &clean)?;
    }

    #[test]
    fn another_at_the_path_is_not_touched(
        setup in setup(), theirs in theirs(), a in spec(), which in any::<[bool; 3]>()
    ) {
        let clean = with_theirs(setup, theirs);
        let mut fake = clean.clone();
        let wanted = first(&a, which);
        must_up(&mut fake, &wanted);
        // All three go, with the cables that end in them, and others come.
        for i in 0..3 {
            let netns: Netns = path(i).parse().unwrap();
            fake.end_namespace(&netns);
            let mut there = clean.namespaces[&netns].clone();
            there.identity = Some(Identity { inode: i as u64, cookie: 2 });
            fake.namespaces.insert(netns, there);
        }
        let mut later = clean.clone();
        for i in 0..3 {
            let there = later.namespaces.get_mut(&path(i).parse().unwrap()).unwrap();
            there.identity = Some(Identity { inode: i as u64, cookie: 2 });
        }
        let mut again = fake.clone();
        down(&mut fake, &lab(1));
        same(&fake, &later)?;
        // Joined anew.
        must_up(&mut again, &wanted);
        nothing_to_do(&mut again, &wanted)?;
        down(&mut again, &lab(1));
        same(&again, &later)?;
    }
}
