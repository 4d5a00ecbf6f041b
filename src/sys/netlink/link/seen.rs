//! Devices for showing: of every kind, with what the kernel tells of each.

use std::collections::BTreeMap;
use std::io;

use netlink_packet_route::link::{
    AfSpecBridge, BridgeVlanInfo, BridgeVlanInfoFlags, InfoBridge, InfoBridgePort, InfoData,
    InfoPortData, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage, Stats64,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::MARK;
use super::detail::details;
use crate::state::survey::{Counters, Device, Port, Vlan};
use crate::sys::netlink::attr::parse;
use crate::sys::netlink::socket::{Reply, Socket, u32_at};
use crate::sys::netlink::{decoded, qdisc, request};
use crate::sys::survey::plain;
use crate::sys::uapi::{IFLA_IFNAME, LINK_HEADER};

/// A device, and what is known of others by number only.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) device: Device,
    pub(crate) master: Option<u32>,
    /// The other end or the device below, by index, and the number of its namespace.
    pub(crate) link: Option<u32>,
    pub(crate) nsid: Option<i32>,
}

/// Every device of the socket's namespace.
pub(crate) fn seen(socket: &mut Socket) -> io::Result<Vec<Seen>> {
    let replies = socket.dump(&request(&Rtnl::GetLink(LinkMessage::default()), 0))??;
    let mut vlan_aware = false;
    let mut all: Vec<Seen> = replies
        .iter()
        .filter_map(|reply| match decoded(reply) {
            Ok(Rtnl::NewLink(message)) => Some(of(message, &mut vlan_aware)),
            Ok(_) => None,
            // A name that is no text, or a kind that is told in a new way.
            Err(e) => Some(undecoded(reply, &e)),
        })
        .collect();
    let limited = all.iter().map(|seen| &seen.device);
    let limited = limited.filter(|device| matches!(device.qdisc.as_deref(), Some("tbf" | "netem")));
    for (index, queue) in qdisc::roots(socket, &limited.map(|device| device.index).collect())? {
        let device = all.iter_mut().find(|seen| seen.device.index == index);
        if let Some(seen) = device {
            seen.device.rate = queue.rate();
        }
    }
    if vlan_aware {
        let mut vlans = vlans(socket)?;
        for seen in &mut all {
            if let Some(vlans) = vlans.remove(&seen.device.index) {
                seen.device.port.get_or_insert_default().vlans = vlans;
            }
        }
    }
    Ok(all)
}

/// A device as a message tells it.
pub(crate) fn one(reply: &Reply) -> Option<Seen> {
    match decoded(reply) {
        Ok(Rtnl::NewLink(message) | Rtnl::DelLink(message)) => Some(of(message, &mut false)),
        Ok(_) => None,
        Err(e) => Some(undecoded(reply, &e)),
    }
}

/// Whether the socket's namespace has a device of this number and name.
pub(crate) fn is_at(socket: &mut Socket, index: u32, name: &str) -> io::Result<bool> {
    let mut question = LinkMessage::default();
    question.header.index = index;
    let reply = socket.ask(&request(&Rtnl::GetLink(question), 0))?;
    let device = reply.ok().and_then(|reply| one(&reply));
    Ok(device.is_some_and(|seen| seen.device.name == name))
}

/// What can be read without understanding the rest.
fn undecoded((_, body): &Reply, why: &io::Error) -> Seen {
    let attributes = body.get(LINK_HEADER..).unwrap_or_default();
    let name = parse(attributes).find(|(kind, _)| *kind == IFLA_IFNAME);
    let name = name.map_or_else(String::new, |(_, bytes)| {
        let text = String::from_utf8_lossy(bytes);
        plain(text.trim_end_matches('\0'))
    });
    Seen {
        device: Device {
            name,
            index: u32_at(body, 4).unwrap_or_default(),
            kind: "unreadable".to_owned(),
            details: BTreeMap::from([("why".to_owned(), why.to_string())]),
            up: u32_at(body, 8).is_some_and(|flags| flags & libc::IFF_UP.cast_unsigned() != 0),
            ..Device::default()
        },
        ..Seen::default()
    }
}

fn of(message: LinkMessage, vlan_aware: &mut bool) -> Seen {
    let mut seen = Seen::default();
    let flags = message.header.flags;
    let device = &mut seen.device;
    device.index = message.header.index;
    device.up = flags.contains(LinkFlags::Up);
    device.carrier = flags.contains(LinkFlags::LowerUp);
    device.noarp = flags.contains(LinkFlags::Noarp);
    device.kind = match flags.contains(LinkFlags::Loopback) {
        true => "loopback".to_owned(),
        false => "device".to_owned(),
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => device.name = plain(&name),
            LinkAttribute::Mtu(mtu) => device.mtu = mtu,
            LinkAttribute::OperState(state) => device.state = state.to_string().to_lowercase(),
            LinkAttribute::Address(bytes) => device.mac = hardware(&bytes),
            LinkAttribute::Qdisc(qdisc) => device.qdisc = shaping(qdisc),
            LinkAttribute::IfAlias(alias) => {
                let alias = plain(&alias);
                device.lab = alias.strip_prefix(MARK).and_then(|lab| lab.parse().ok());
                device.alias = Some(alias);
            }
            LinkAttribute::Stats64(stats) => device.counters = counters(&stats),
            LinkAttribute::Controller(index) => seen.master = Some(index),
            LinkAttribute::Link(index) => seen.link = Some(index).filter(|index| *index != 0),
            LinkAttribute::LinkNetNsId(id) => seen.nsid = Some(id),
            LinkAttribute::LinkInfo(infos) => {
                infos
                    .into_iter()
                    .for_each(|info| kind(info, device, vlan_aware));
            }
            _ => {}
        }
    }
    seen
}

fn kind(info: LinkInfo, device: &mut Device, vlan_aware: &mut bool) {
    match info {
        LinkInfo::Kind(kind) => device.kind = kind.to_string(),
        LinkInfo::Data(data) => {
            if let InfoData::Bridge(bridge) = &data {
                *vlan_aware |= bridge.contains(&InfoBridge::VlanFiltering(true));
            }
            device.details = details(&data);
        }
        LinkInfo::PortData(InfoPortData::BridgePort(attributes)) => {
            let mut port = Port::default();
            for attribute in attributes {
                match attribute {
                    InfoBridgePort::State(state) => port.state = state.to_string(),
                    InfoBridgePort::HairpinMode(on) => port.hairpin = on,
                    InfoBridgePort::Isolated(on) => port.isolated = on,
                    _ => {}
                }
            }
            device.port = Some(port);
        }
        _ => {}
    }
}

/// The kernel's ordinary queues say nothing that anybody asked for.
fn shaping(qdisc: String) -> Option<String> {
    let ordinary = [
        "noqueue",
        "noop",
        "mq",
        "pfifo_fast",
        "fq_codel",
        "fq",
        "pfifo",
    ];
    (!ordinary.contains(&qdisc.as_str())).then_some(qdisc)
}

/// Six bytes as an Ethernet address; four or sixteen are a tunnel's own address.
pub(crate) fn hardware(bytes: &[u8]) -> Option<String> {
    if bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    if let Ok(sixteen) = <[u8; 16]>::try_from(bytes) {
        return Some(std::net::Ipv6Addr::from(sixteen).to_string());
    }
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(pairs.join(":"))
}

fn counters(stats: &Stats64) -> Counters {
    Counters {
        rx_bytes: stats.rx_bytes,
        rx_packets: stats.rx_packets,
        rx_errors: stats.rx_errors,
        rx_dropped: stats.rx_dropped,
        tx_bytes: stats.tx_bytes,
        tx_packets: stats.tx_packets,
        tx_errors: stats.tx_errors,
        tx_dropped: stats.tx_dropped,
    }
}

/// The VLANs of ports of bridges, and of bridges themselves, by index.
fn vlans(socket: &mut Socket) -> io::Result<BTreeMap<u32, Vec<Vlan>>> {
    let mut question = LinkMessage::default();
    question.header.interface_family = AddressFamily::Bridge;
    let mask = LinkAttribute::ExtMask(vec![LinkExtentMask::Brvlan]);
    question.attributes.push(mask);
    let mut all = BTreeMap::new();
    for reply in &socket.dump(&request(&Rtnl::GetLink(question), 0))?? {
        let Ok(Rtnl::NewLink(message)) = decoded(reply) else {
            continue;
        };
        let index = message.header.index;
        for attribute in message.attributes {
            if let LinkAttribute::AfSpecBridge(specs) = attribute {
                let own = specs.into_iter().filter_map(|spec| match spec {
                    AfSpecBridge::VlanInfo(info) => Some(vlan(info)),
                    _ => None,
                });
                all.insert(index, own.collect());
            }
        }
    }
    Ok(all)
}

fn vlan(info: BridgeVlanInfo) -> Vlan {
    Vlan {
        id: info.vid,
        pvid: info.flags.contains(BridgeVlanInfoFlags::Pvid),
        untagged: info.flags.contains(BridgeVlanInfoFlags::Untagged),
    }
}
