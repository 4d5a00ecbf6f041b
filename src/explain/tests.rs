//! VLANs, which not every kernel has: on hosts that are made up.

use super::*;
use crate::state::Transport;
use crate::state::survey::{Address, Counters, Device, Far, FarEnd, Port, Vlan};

/// A kernel that knows subnets and nothing else.
struct Subnets<'s>(&'s Survey);

impl Ground for Subnets<'_> {
    fn route(&self, space: usize, packet: &Packet) -> Result<Routed, Unrouted> {
        let devices = &self.0.namespaces[space].devices;
        let routed = |device: &Device, local: bool, source: IpAddr| Routed {
            local,
            via: None,
            dev: device.index,
            source: Some(source),
            text: String::new(),
            mtu: None,
            ttl: None,
            others: Vec::new(),
        };
        for device in devices {
            for address in &device.addresses {
                if address.net.contains(&packet.destination) {
                    let local = address.net.addr() == packet.destination;
                    return Ok(routed(device, local, address.net.addr()));
                }
            }
        }
        Err(Unrouted::None)
    }

    fn judge(&self, _: usize, _: Layer, _: Hook, packet: &Packet) -> Judgement {
        Judgement::Passes(None, packet.unchanged())
    }

    fn listeners(&self, _: usize, _: Transport, _: u16) -> Option<Vec<Listening>> {
        Some(Vec::new())
    }

    fn setting(&self, _: usize, _: &str) -> Option<String> {
        None
    }
}

fn device(name: &str, index: u32, kind: &str) -> Device {
    Device {
        name: name.to_owned(),
        index,
        kind: kind.to_owned(),
        up: true,
        carrier: true,
        state: "up".to_owned(),
        mtu: 1500,
        counters: Counters::default(),
        ..Device::default()
    }
}

fn far(netns: &str, dev: &str, index: u32) -> Option<Far> {
    Some(Far::Found(FarEnd {
        netns: netns.to_owned(),
        dev: dev.to_owned(),
        index,
        state: "up".to_owned(),
        rate: None,
    }))
}

fn address(net: &str) -> Vec<Address> {
    vec![Address {
        net: net.parse().expect("an address"),
        dynamic: false,
        tentative: false,
        duplicate: false,
    }]
}

/// A port of a bridge that takes what has no tag as of this VLAN.
fn port(name: &str, index: u32, to: (&str, u32), vlan: u16) -> Device {
    let vlan = Vlan {
        id: vlan,
        pvid: true,
        untagged: true,
    };
    Device {
        master: Some("br0".to_owned()),
        far: far(to.0, "eth0", to.1),
        port: Some(Port {
            state: "forwarding".to_owned(),
            vlans: vec![vlan],
            ..Port::default()
        }),
        ..device(name, index, "veth")
    }
}

fn space(name: &str, devices: Vec<Device>) -> Space {
    Space {
        name: name.to_owned(),
        host: name == "host",
        devices,
        ..Space::default()
    }
}

fn verdict(survey: &Survey) -> Verdict {
    let from = survey
        .namespaces
        .iter()
        .position(|space| space.name == "one");
    let question = Question {
        from: from.expect("one"),
        to: "10.0.0.2".parse().expect("an address"),
        load: Load::Echo,
        size: 84,
        answered: false,
    };
    explain(survey, &Subnets(survey), &question).verdict
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Stops(cause) => cause.word(),
        Verdict::Arrives => "arrives",
        Verdict::Leaves(_) => "leaves",
        Verdict::Unknown(_) => "unknown",
    }
}

/// Two namespaces on a bridge that tells VLANs apart.
fn bridge(vlans: [u16; 2]) -> Survey {
    let end = |net, index| Device {
        far: far("host", "p", index),
        addresses: address(net),
        ..device("eth0", 2, "veth")
    };
    let mut br0 = device("br0", 10, "bridge");
    br0.details
        .insert("vlan_filtering".to_owned(), "1".to_owned());
    let host = vec![
        br0,
        port("p-one", 11, ("one", 2), vlans[0]),
        port("p-two", 12, ("two", 2), vlans[1]),
    ];
    Survey {
        namespaces: vec![
            space("host", host),
            space("one", vec![end("10.0.0.1/24", 11)]),
            space("two", vec![end("10.0.0.2/24", 12)]),
        ],
        unseen: Vec::new(),
        hidden: 0,
    }
}

#[test]
fn a_bridge_that_tells_vlans_apart() {
    assert_eq!(word(&verdict(&bridge([10, 10]))), "arrives");
    let Verdict::Stops(cause) = verdict(&bridge([10, 20])) else {
        panic!("it arrives");
    };
    assert_eq!(cause.word(), "wrong-vlan");
    assert!(
        cause
            .to_string()
            .contains("VLAN 10 where p-two in host has VLAN 20"),
        "{cause}"
    );
}

/// Two namespaces with a cable, and a VLAN on each end of it.
fn cable(vlans: [Option<u16>; 2]) -> Survey {
    let end = |(other, net), vlan: Option<u16>, own: &str| {
        let mut eth0 = Device {
            far: far(other, "eth0", 2),
            ..device("eth0", 2, "veth")
        };
        let Some(id) = vlan else {
            eth0.addresses = address(net);
            return vec![eth0];
        };
        let mut tagged = Device {
            far: far(own, "eth0", 2),
            addresses: address(net),
            ..device("eth0.v", 3, "vlan")
        };
        tagged.details.insert("id".to_owned(), id.to_string());
        vec![eth0, tagged]
    };
    Survey {
        namespaces: vec![
            space("one", end(("two", "10.0.0.1/24"), vlans[0], "one")),
            space("two", end(("one", "10.0.0.2/24"), vlans[1], "two")),
        ],
        unseen: Vec::new(),
        hidden: 0,
    }
}

#[test]
fn a_port_that_takes_only_tagged_frames() {
    for (ids, said) in [
        (
            &[20, 21, 30][..],
            "it has no tag where p-one in host takes only tagged ones, of VLAN 20-21 30",
        ),
        (&[], "it has no tag, and p-one in host is in no VLAN"),
    ] {
        let mut survey = bridge([20, 20]);
        let port = survey.namespaces[0].devices[1].port.as_mut();
        let tagged = |id: &u16| Vlan {
            id: *id,
            pvid: false,
            untagged: false,
        };
        port.expect("a port").vlans = ids.iter().map(tagged).collect();
        let Verdict::Stops(cause) = verdict(&survey) else {
            panic!("it arrives");
        };
        assert_eq!((cause.word(), &*cause.to_string()), ("wrong-vlan", said));
    }
}

#[test]
fn vlans_at_both_ends_of_a_cable() {
    for (vlans, expected) in [
        ([Some(10), Some(10)], "arrives"),
        ([None, None], "arrives"),
        ([Some(10), Some(20)], "wrong-vlan"),
        ([Some(10), None], "wrong-vlan"),
        ([None, Some(10)], "wrong-vlan"),
    ] {
        let verdict = verdict(&cable(vlans));
        assert_eq!(word(&verdict), expected, "{vlans:?}: {verdict:?}");
    }
}

#[test]
fn a_cable_that_leads_out_of_what_is_seen() {
    let mut survey = cable([None, None]);
    survey.namespaces.pop();
    survey.namespaces[0].devices[0].far = Some(Far::Unseen(None));
    assert_eq!(word(&verdict(&survey)), "leaves");
}
