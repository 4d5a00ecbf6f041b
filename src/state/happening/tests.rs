#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::state::survey::{Device, Hop};

fn device(index: u32, name: &str) -> Device {
    Device {
        name: name.to_owned(),
        index,
        kind: "veth".to_owned(),
        mtu: 1500,
        ..Device::default()
    }
}

fn path(to: &str, via: &str, dev: &str) -> Path {
    Path {
        to: to.parse().unwrap(),
        table: 254,
        kind: "unicast".to_owned(),
        protocol: "boot".to_owned(),
        metric: None,
        src: None,
        hops: vec![Hop {
            via: Some(via.parse().unwrap()),
            dev: Some(dev.to_owned()),
        }],
    }
}

fn neighbour(mac: Option<&str>, state: &str) -> News {
    let neighbour = Neighbour {
        address: "10.0.0.1".parse().unwrap(),
        dev: "eth0".to_owned(),
        mac: mac.map(str::to_owned),
        state: state.to_owned(),
    };
    News::Neighbour(2, neighbour)
}

/// A namespace with a device.
fn known() -> Known {
    let mut known = Known::fresh([], None);
    known.take(News::Device(Box::new(device(2, "eth0"))));
    known
}

fn said(known: &mut Known, news: News) -> Vec<String> {
    let events = known.take(news);
    let events = events.iter().filter(|event| !event.is_noise());
    events.map(|one| format!("{} {one}", one.noun())).collect()
}

#[test]
fn what_is_said_again_is_not_told_again() {
    let mut known = Known::fresh([], None);
    let news = [
        News::Device(Box::new(device(2, "eth0"))),
        News::Route {
            path: path("0.0.0.0/0", "10.0.0.1", "eth0"),
            replaces: false,
        },
        neighbour(Some("02:00:00:00:00:01"), "reachable"),
    ];
    for one in news {
        assert_eq!(said(&mut known, one.clone()).len(), 1, "{one:?}");
        assert_eq!(said(&mut known, one.clone()).len(), 0, "{one:?}");
    }
}

#[test]
fn each_change_of_a_device_is_told() {
    let mut known = known();
    let mut change = |change: fn(&mut Device)| {
        let mut device = known.devices[&2].clone();
        change(&mut device);
        said(&mut known, News::Device(Box::new(device)))
    };
    assert_eq!(
        change(|one| one.up = true),
        ["link eth0 switched on (no carrier)"]
    );
    assert_eq!(change(|one| one.carrier = true), ["link eth0 up"]);
    assert_eq!(
        change(|one| one.carrier = false),
        ["link eth0 down (carrier lost)"]
    );
    assert_eq!(change(|one| one.up = false), ["link eth0 down"]);
    assert_eq!(change(|one| one.mtu = 1400), ["link eth0 mtu 1500 → 1400"]);
    assert_eq!(
        change(|one| one.master = Some("br0".into())),
        ["link eth0 joined br0"]
    );
    assert_eq!(change(|one| one.master = None), ["link eth0 left br0"]);
    let both = ["link eth0 renamed to lan", "link lan up"];
    assert_eq!(
        change(|one| {
            one.name = "lan".into();
            (one.up, one.carrier) = (true, true);
        }),
        both
    );
    assert_eq!(
        said(&mut known, News::DeviceGone { index: 2 }),
        ["link - lan"]
    );
    assert!(said(&mut known, News::DeviceGone { index: 2 }).is_empty());
}

#[test]
fn routes_and_neighbours_follow_a_new_name() {
    let mut known = known();
    let route = |dev| News::Route {
        path: path("0.0.0.0/0", "10.0.0.1", dev),
        replaces: false,
    };
    said(&mut known, route("eth0"));
    said(&mut known, News::Device(Box::new(device(2, "lan"))));
    assert!(said(&mut known, route("lan")).is_empty());
    let gone = News::RouteGone(path("0.0.0.0/0", "10.0.0.1", "lan"));
    assert_eq!(
        said(&mut known, gone),
        ["route - default via 10.0.0.1 dev lan"]
    );
}

#[test]
fn a_route_takes_the_place_of_another() {
    let mut known = known();
    for (via, replaces) in [("10.0.0.1", false), ("10.0.0.2", true)] {
        let path = path("0.0.0.0/0", via, "eth0");
        said(&mut known, News::Route { path, replaces });
    }
    let only = path("0.0.0.0/0", "10.0.0.2", "eth0");
    assert!(known.routes.iter().eq([&only]));
    // As when it is found by looking again.
    let now = path("0.0.0.0/0", "10.0.0.3", "eth0");
    let told = known.routes_become(Routes::from_iter([now]));
    let [Event::Route(change @ Change::Changed { .. })] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        change.latest().hops[0].via,
        Some("10.0.0.3".parse().unwrap())
    );
}

#[test]
fn how_sure_the_kernel_is_of_a_neighbour_is_noise() {
    let mut known = known();
    let (one, other) = (Some("02:00:00:00:00:01"), Some("02:00:00:00:00:02"));
    let mut says = |mac, state| said(&mut known, neighbour(mac, state));
    assert!(says(None, "incomplete").is_empty());
    let first = "neighbour 10.0.0.1 on eth0 reachable at 02:00:00:00:00:01";
    assert_eq!(says(one, "reachable"), [first]);
    for state in ["stale", "delay", "probe", "reachable"] {
        assert!(says(one, state).is_empty(), "{state}");
    }
    let moved = "neighbour 10.0.0.1 on eth0 stale at 02:00:00:00:00:02 (was 02:00:00:00:00:01)";
    assert_eq!(says(other, "stale"), [moved]);
    assert_eq!(says(None, "failed"), ["neighbour 10.0.0.1 on eth0 failed"]);
    assert!(says(None, "failed").is_empty());
    let gone = News::NeighbourGone(2, "10.0.0.1".parse().unwrap());
    assert_eq!(said(&mut known, gone), ["neighbour - 10.0.0.1 on eth0"]);
}

fn news() -> impl Strategy<Value = News> {
    // By its number: what a message says of a device is said of one that is there.
    let name = || prop::sample::select(vec!["1", "2", "3"]);
    let ip = || (1..4u8).prop_map(|n| IpAddr::from([10, 0, 0, n]));
    let links = (
        1..4u32,
        prop::sample::select(vec!["eth0", "br0"]),
        any::<(bool, bool)>(),
        prop::option::of(name()),
    );
    let device = links.prop_map(|(index, name, (up, carrier), master)| {
        let device = Device {
            up,
            carrier,
            master: master.map(str::to_owned),
            // No two have the same.
            ..device(index, &format!("{name}-{index}"))
        };
        News::Device(Box::new(device))
    });
    let address = (1..4u32, ip(), any::<bool>(), any::<bool>());
    let address = address.prop_map(|(index, ip, tentative, gone)| {
        let address = Address {
            net: IpNet::new(ip, 24).unwrap(),
            dynamic: false,
            tentative,
            duplicate: false,
        };
        match gone {
            true => News::AddressGone(index, address),
            false => News::Address(index, address),
        }
    });
    let route = (0..3u8, ip(), name(), 0..3u8).prop_map(|(to, via, dev, what)| {
        let path = path(&format!("10.{to}.0.0/16"), &via.to_string(), dev);
        match what {
            0 => News::RouteGone(path),
            what => News::Route {
                path,
                replaces: what == 1,
            },
        }
    });
    let state = prop::sample::select(vec!["reachable", "stale", "failed"]);
    let whom = (1..4u32, ip(), name(), state).prop_map(|(index, address, dev, state)| {
        let neighbour = Neighbour {
            address,
            dev: dev.to_owned(),
            mac: None,
            state: state.to_owned(),
        };
        News::Neighbour(index, neighbour)
    });
    let no_one = (1..4u32, ip()).prop_map(|(index, ip)| News::NeighbourGone(index, ip));
    let gone = (1..4u32).prop_map(|index| News::DeviceGone { index });
    prop_oneof![3 => device, 1 => gone, 3 => address, 4 => route, 2 => whom, 1 => no_one]
}

fn after(all: Vec<News>) -> Known {
    let mut known = Known::fresh([], None);
    for mut one in all {
        let name = |dev: &mut String| *dev = known.name(dev.parse().unwrap());
        match &mut one {
            News::Device(device) => device.master.iter_mut().for_each(name),
            News::Route { path, .. } | News::RouteGone(path) => {
                let devices = path.hops.iter_mut().filter_map(|hop| hop.dev.as_mut());
                devices.for_each(name);
            }
            News::Neighbour(_, neighbour) => name(&mut neighbour.dev),
            // Its routes go with it, which is read.
            News::DeviceGone { index } => {
                let dev = Some(known.name(*index));
                let stays = |path: &&Path| path.hops.iter().all(|hop| hop.dev != dev);
                let left: Routes = known.routes.iter().filter(stays).cloned().collect();
                known.routes_become(left);
            }
            _ => {}
        }
        known.take(one);
    }
    known
}

proptest! {
    /// Reading again what has been told of gives nothing more, and reading what has not
    /// been told of gives all of it at once.
    #[test]
    fn what_is_read_again_is_told_once(
        told in vec(news(), 0..30),
        missed in vec(news(), 0..30),
    ) {
        let mut known = after(told.clone());
        prop_assert_eq!(known.becomes(after(told.clone())), vec![]);
        let whole = || after(told.iter().chain(&missed).cloned().collect());
        known.becomes(whole());
        let now = whole();
        prop_assert_eq!(&known.devices, &now.devices);
        prop_assert_eq!(&known.addresses, &now.addresses);
        let routes = |known: &Known| {
            let mut all: Vec<String> = known.routes.iter().map(ToString::to_string).collect();
            all.sort();
            all
        };
        prop_assert_eq!(routes(&known), routes(&now));
        prop_assert_eq!(&known.neighbours, &now.neighbours);
        prop_assert_eq!(known.becomes(whole()), vec![]);
    }
}
