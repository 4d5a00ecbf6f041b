//! What a file asks for, or a lab is, as if one had looked at a host that has it.

use crate::state::survey::{
    Address, Device, Far, FarEnd, Forwards, Hop, Path, Port, Space, Survey,
};
use crate::state::{
    End, Fate, IfName, Link, LinkKind, Namespace, NetState, Netns, Origin, Route, SetName,
    SysctlKey, TableName,
};

/// A state as a survey; of the host what belongs to the lab.
pub fn survey(state: &NetState) -> Survey {
    let spaces = state.namespaces.iter();
    let namespaces = spaces
        .map(|(netns, own)| space(state, netns, own))
        .collect();
    let survey = Survey {
        namespaces,
        ..Survey::default()
    };
    survey.of_lab(&state.lab)
}

fn space(state: &NetState, netns: &Netns, own: &Namespace) -> Space {
    let mut devices: Vec<Device> = own
        .links
        .iter()
        .map(|(dev, link)| device(state, own, dev, link))
        .collect();
    let external = own
        .external
        .iter()
        .filter(|(dev, _)| !own.links.contains_key(*dev));
    devices.extend(external.map(|(dev, lab)| Device {
        name: dev.to_string(),
        kind: "bridge".to_owned(),
        up: true,
        carrier: true,
        state: "up".to_owned(),
        alias: Some(format!("of lab {lab}")),
        ..Device::default()
    }));
    for device in &mut devices {
        device.index = index(own, &device.name);
    }
    let on = |key: SysctlKey| {
        own.sysctls
            .get(&key)
            .is_some_and(|sysctl| sysctl.value == "1")
    };
    let table = own.tables.get(&TableName::Inet);
    let nat = table.into_iter().flat_map(|table| table.elements());
    let nat = nat.filter(|(set, ..)| matches!(set, SetName::Masquerade4 | SetName::Masquerade6));
    Space {
        name: netns.to_string(),
        host: *netns == Netns::Host,
        mounts: netns
            .joined()
            .map(ToString::to_string)
            .into_iter()
            .collect(),
        names: netns.made().map(ToString::to_string).into_iter().collect(),
        lab: own.owner.clone(),
        devices,
        routes: own.routes.iter().map(path).collect(),
        forwards: Forwards {
            ipv4: on(SysctlKey::forward4()),
            ipv6: on(SysctlKey::forward6()),
        },
        masquerades: nat
            .filter_map(|(_, element, _)| element.only_subnet().copied())
            .collect(),
        published: own.published.iter().cloned().collect(),
        ..Space::default()
    }
}

/// Devices are numbered by their names' order, those of other labs after them.
fn index(own: &Namespace, dev: &str) -> u32 {
    let all = own.links.keys().chain(own.external.keys());
    let place = all.map(IfName::as_str).position(|name| name == dev);
    place.map_or(0, |place| u32::try_from(place + 1).unwrap_or(u32::MAX))
}

fn device(state: &NetState, own: &Namespace, dev: &IfName, link: &Link) -> Device {
    let kind = match &link.kind {
        LinkKind::Loopback => "loopback",
        LinkKind::Bridge => "bridge",
        LinkKind::Veth { .. } => "veth",
        LinkKind::Other(kind) => kind,
    };
    let far_up = link
        .peer()
        .and_then(|peer| find(state, peer))
        .is_none_or(|far| far.up);
    let word = if link.up && far_up { "up" } else { "down" };
    let port = link.master.as_ref().map(|_| Port {
        state: if link.blocked {
            "blocking"
        } else {
            "forwarding"
        }
        .to_owned(),
        isolated: link.isolated,
        hairpin: link.hairpin,
        vlans: Vec::new(),
    });
    let address = |net: &ipnet::IpNet| Address {
        net: *net,
        dynamic: false,
        tentative: false,
        duplicate: false,
    };
    Device {
        name: dev.to_string(),
        index: index(own, dev.as_str()),
        kind: kind.to_owned(),
        up: link.up,
        carrier: far_up,
        state: word.to_owned(),
        mtu: link.mtu.unwrap_or_default(),
        mac: link.mac.map(|mac| mac.to_string()),
        lab: link.owner.clone(),
        master: link.master.as_ref().map(ToString::to_string),
        port,
        far: far(state, link),
        addresses: link.all_addresses().map(address).collect(),
        ..Device::default()
    }
}

fn find<'s>(state: &'s NetState, end: &End) -> Option<&'s Link> {
    state.namespaces.get(&end.netns)?.links.get(&end.dev)
}

fn far(state: &NetState, link: &Link) -> Option<Far> {
    let LinkKind::Veth { peer } = &link.kind else {
        return None;
    };
    let there = peer.as_ref().and_then(|peer| {
        find(state, peer)?;
        Some((peer, state.namespaces.get(&peer.netns)?))
    });
    Some(match there {
        Some((peer, there)) => Far::Found(FarEnd {
            netns: peer.netns.to_string(),
            dev: peer.dev.to_string(),
            index: index(there, peer.dev.as_str()),
            state: match find(state, peer) {
                Some(far) if far.up && link.up => "up",
                Some(far) if far.up => "no carrier",
                _ => "down",
            }
            .to_owned(),
        }),
        None => Far::Unseen(None),
    })
}

fn path(route: &Route) -> Path {
    let origin = match route.origin {
        Origin::Kernel => "kernel",
        Origin::Ra => "ra",
        Origin::Static | Origin::Other => "static",
    };
    let hop = Hop {
        via: route.via,
        dev: Some(route.dev.to_string()),
    };
    Path {
        to: route.to,
        table: 254,
        kind: route.fate.to_string(),
        protocol: origin.to_owned(),
        metric: route.metric,
        src: route.src,
        hops: (route.fate == Fate::Unicast)
            .then_some(hop)
            .into_iter()
            .collect(),
    }
}
