//! Hosts that were there before any lab.

use netyard::fake::Fake;
use netyard::state::{End, Fate, Link, LinkKind, Netns, Origin, Route, SysctlKey};
use proptest::prelude::*;

use crate::child::parents;

/// What the host's administrator has set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    forward4: bool,
    forward6: bool,
    /// Forwarding of eth0, and of devices to come, is another than that of the whole.
    per_device: bool,
    /// Redirects are taken, or not, against what forwarding made of it.
    redirects: bool,
    /// How eth0 takes router advertisements, if it learned its default route so.
    advertised: Option<u8>,
    foreign: bool,
    /// An older kernel: a device that is up keeps its name.
    names_stay: bool,
}

pub(crate) fn setup() -> impl Strategy<Value = Setup> {
    let bools = prop::array::uniform6(any::<bool>());
    (bools, prop::option::of(1..3u8)).prop_map(|(bools, advertised)| {
        let [
            forward4,
            forward6,
            per_device,
            redirects,
            foreign,
            names_stay,
        ] = bools;
        Setup {
            forward4,
            forward6,
            per_device,
            redirects,
            advertised,
            foreign,
            names_stay,
        }
    })
}

fn end(text: &str) -> End {
    text.parse().unwrap()
}

fn veth(peer: &str) -> Link {
    let peer = Some(end(peer));
    Link {
        up: true,
        ..Link::new(LinkKind::Veth { peer })
    }
}

fn uplink_route(to: &str, via: &str, origin: Origin, metric: Option<u32>) -> Route {
    Route {
        to: to.parse().unwrap(),
        via: Some(via.parse().unwrap()),
        dev: "eth0".parse().unwrap(),
        metric,
        origin,
        fate: Fate::Unicast,
        src: None,
        options: Default::default(),
    }
}

pub(crate) fn host(setup: Setup) -> Fake {
    let mut fake = Fake::new();
    fake.renames = !setup.names_stay;
    let uplink = Link {
        up: true,
        addresses: vec!["192.168.77.2/24".parse().unwrap()],
        ..Link::new(LinkKind::Other("tun".to_owned()))
    };
    fake.add_device(&end("host:eth0"), uplink);
    parents(&mut fake);
    if setup.foreign {
        fake.add_namespace("alien".parse().unwrap(), None);
        fake.add_device(&end("host:alien0"), veth("alien:eth0"));
        fake.add_device(&end("alien:eth0"), veth("host:alien0"));
        let in_group = Link {
            group: 6_389_273,
            ..Link::new(LinkKind::Bridge)
        };
        fake.add_device(&end("host:docker0"), in_group);
    }
    let namespace = fake.namespaces.get_mut(&Netns::Host).unwrap();
    let metric = setup.foreign.then_some(100);
    let route = |to: &str, via: &str, origin| uplink_route(to, via, origin, metric);
    namespace
        .routes
        .insert(route("0.0.0.0/0", "192.168.77.1", Origin::Other));
    let mut set = |key: SysctlKey, value: &str| {
        namespace.sysctls.get_mut(&key).unwrap().value = value.to_owned();
    };
    for (on, family) in [(setup.forward4, 4), (setup.forward6, 6)] {
        let all = [SysctlKey::forward4(), SysctlKey::forward6()][usize::from(family == 6)].clone();
        let value = |on: bool| if on { "1" } else { "0" };
        set(all, value(on));
        for dev in ["default", "eth0", "lo"] {
            let other = setup.per_device && dev != "lo";
            set(SysctlKey::device_forward(family, dev), value(on != other));
        }
    }
    let redirects = if setup.forward4 == setup.redirects {
        "1"
    } else {
        "0"
    };
    set(SysctlKey::redirects4(), redirects);
    if let Some(how) = setup.advertised {
        set(
            SysctlKey::accept_ra(&"eth0".parse().unwrap()),
            &how.to_string(),
        );
        if !setup.forward6 && !setup.per_device || how == 2 {
            namespace
                .routes
                .insert(route("::/0", "fe80::1", Origin::Ra));
        }
    }
    fake
}
