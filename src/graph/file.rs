//! What a file asks for, or a lab is, as if one had looked at a host that has it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::state::survey::{
    Address, Device, Far, FarEnd, Forwards, Hop, Path, Port, Space, Survey, Vlan,
};
use crate::state::{
    ChildKind, End, Fate, IfName, Link, LinkKind, Namespace, NetState, Netns, Origin, Qdisc, Rate,
    Route, SetName, SysctlKey, Table, TableName, VlanEntry,
};

/// A state as a survey; of the host what belongs to the lab.
pub fn survey(state: &NetState) -> Survey {
    let mut state = Cow::Borrowed(state);
    // Where nothing of the lab is on the host, its devices may carry some.
    if !parents(&state).is_empty() && !state.namespaces.contains_key(&Netns::Host) {
        let host = Namespace::default();
        state.to_mut().namespaces.insert(Netns::Host, host);
    }
    let state = &*state;
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
        .map(|(dev, link)| device(state, dev, link))
        .collect();
    devices.extend(others(state, netns, own));
    for device in &mut devices {
        device.index = index((state, netns, own), &device.name);
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
        router: own.tables.values().find_map(Table::router),
        masquerades: nat
            .filter_map(|(_, element, _)| element.only_subnet().copied())
            .collect(),
        published: own.published.iter().cloned().collect(),
        ..Space::default()
    }
}

/// Bridges of other labs, and what carries devices of the lab.
fn others(state: &NetState, netns: &Netns, own: &Namespace) -> Vec<Device> {
    let there = |name: &IfName, kind: &str, alias| Device {
        name: name.to_string(),
        kind: kind.to_owned(),
        up: true,
        carrier: true,
        state: "up".to_owned(),
        alias,
        ..Device::default()
    };
    let new = |dev: &&IfName| !own.links.contains_key(*dev);
    let external = own.external.iter().filter(|(dev, _)| new(dev));
    let external = external.map(|(dev, lab)| there(dev, "bridge", Some(format!("of lab {lab}"))));
    let parents = match netns {
        Netns::Host => parents(state),
        _ => BTreeSet::new(),
    };
    let parents = parents.into_iter().map(|end| &end.dev).filter(new);
    external
        .chain(parents.map(|dev| there(dev, "device", None)))
        .collect()
}

/// The devices that carry others of the lab.
fn parents(state: &NetState) -> BTreeSet<&End> {
    let links = state.namespaces.values().flat_map(|own| own.links.values());
    let children = links.filter_map(Link::child);
    children.filter_map(|child| child.parent.as_ref()).collect()
}

/// Devices are numbered by their names' order, those of others after them.
fn index((state, netns, own): (&NetState, &Netns, &Namespace), dev: &str) -> u32 {
    let mut all = own.links.keys().chain(own.external.keys());
    let place = all.position(|name| name.as_str() == dev).or_else(|| {
        let parents = parents(state).into_iter();
        let mut parents = parents.filter(|end| end.netns == *netns);
        let place = parents.position(|end| end.dev.as_str() == dev)?;
        Some(own.links.len() + own.external.len() + place)
    });
    place.map_or(0, |place| u32::try_from(place + 1).unwrap_or(u32::MAX))
}

fn device(state: &NetState, dev: &IfName, link: &Link) -> Device {
    let kind = match &link.kind {
        LinkKind::Loopback => "loopback",
        LinkKind::Bridge => "bridge",
        LinkKind::Veth { .. } => "veth",
        LinkKind::Child(child) => child.kind.word(),
        LinkKind::Wireguard => "wireguard",
        LinkKind::Other(kind) => kind,
    };
    let far_up = link
        .peer()
        .and_then(|peer| state.link(peer))
        .is_none_or(|far| far.up);
    let word = if link.up && far_up { "up" } else { "down" };
    // A bridge that tells VLANs apart is a port itself.
    let is_port = link.master.is_some() || !link.vlans.is_empty();
    let port = is_port.then(|| Port {
        state: if link.blocked {
            "blocking"
        } else {
            "forwarding"
        }
        .to_owned(),
        isolated: link.isolated,
        hairpin: link.hairpin,
        vlans: link.vlans.iter().flat_map(vlans).collect(),
    });
    let address = |net: &ipnet::IpNet| Address {
        net: *net,
        dynamic: false,
        tentative: false,
        duplicate: false,
    };
    Device {
        name: dev.to_string(),
        index: 0,
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
        qdisc: link.qdisc.as_ref().map(|qdisc| qdisc.kind().to_owned()),
        rate: rate(link),
        details: details(link),
        addresses: link.all_addresses().map(address).collect(),
        ..Device::default()
    }
}

fn rate(link: &Link) -> Option<Rate> {
    link.qdisc.as_ref().and_then(Qdisc::rate)
}

fn far(state: &NetState, link: &Link) -> Option<Far> {
    if let Some(child) = link.child() {
        return Some(match &child.parent {
            Some(end) => {
                let own = state.namespaces.get(&end.netns);
                Far::Found(FarEnd {
                    netns: end.netns.to_string(),
                    dev: end.dev.to_string(),
                    index: own.map_or(0, |own| index((state, &end.netns, own), end.dev.as_str())),
                    state: "up".to_owned(),
                    rate: None,
                })
            }
            None => Far::Unseen(None),
        });
    }
    let LinkKind::Veth { peer } = &link.kind else {
        return None;
    };
    let there = peer.as_ref().and_then(|peer| {
        state.link(peer)?;
        Some((peer, state.namespaces.get(&peer.netns)?))
    });
    Some(match there {
        Some((peer, there)) => Far::Found(FarEnd {
            netns: peer.netns.to_string(),
            dev: peer.dev.to_string(),
            index: index((state, &peer.netns, there), peer.dev.as_str()),
            state: match state.link(peer) {
                Some(far) if far.up && link.up => "up",
                Some(far) if far.up => "no carrier",
                _ => "down",
            }
            .to_owned(),
            rate: state.link(peer).and_then(rate),
        }),
        None => Far::Unseen(None),
    })
}

fn vlans(entry: &VlanEntry) -> impl Iterator<Item = Vlan> + use<> {
    let how = entry.how;
    (entry.range.first()..=entry.range.last()).map(move |id| Vlan {
        id,
        pvid: how.pvid,
        untagged: how.untagged,
    })
}

/// As the kernel tells them of a device.
fn details(link: &Link) -> BTreeMap<String, String> {
    let child = link.child().map(|child| match child.kind {
        ChildKind::Macvlan(mode) => ("mode", mode.to_string()),
        ChildKind::Ipvlan(mode) => ("mode", mode.to_string()),
        ChildKind::Vlan(id) => ("id", id.to_string()),
    });
    let filtering = || ("vlan_filtering", "1".to_owned());
    let detail = child.or(link.filtering.on.then(filtering)).into_iter();
    let detail = detail.map(|(word, value)| (word.to_owned(), value));
    let tunnel = link.wireguard.iter().flat_map(|told| told.details());
    detail.chain(tunnel).collect()
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
