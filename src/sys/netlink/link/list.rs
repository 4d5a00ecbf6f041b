//! The list of devices.

use std::collections::BTreeSet;
use std::io;

use netlink_packet_route::RouteNetlinkMessage as Rtnl;
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, BridgePortState, BridgeStpState, In6AddrGenMode,
    Inet6IfaceFlags, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, LinkAttribute,
    LinkExtentMask, LinkFlags, LinkInfo, LinkMessage, Prop,
};

use super::MARK;
use super::child::{self, UNMARKED};
use super::vlan;
use crate::state::{AddrGen, Child, IfName, LabName, Link, LinkKind, Mac};
use crate::sys::netlink::attr::parse;
use crate::sys::netlink::socket::{Reply, Socket, u32_at};
use crate::sys::netlink::{decoded, qdisc, request};
use crate::sys::uapi::{IFLA_GROUP, IFLA_IFALIAS, IFLA_IFNAME, IFLA_MASTER, LINK_HEADER};

/// A device as the kernel lists it, with what only its neighbours can tell.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: IfName,
    /// By which it is found, too.
    pub(crate) altnames: Vec<IfName>,
    pub(crate) index: u32,
    /// The bridge it is a port of, by index.
    pub(crate) master: Option<u32>,
    /// The other end of a cable, or the device that carries this one: its index and, where
    /// it is in another namespace, the number by which this namespace knows that one.
    pub(crate) peer: Option<(u32, Option<i32>)>,
    /// It was made, and whoever made it was killed before the mark was set.
    pub(crate) unmarked: bool,
    /// Up, and with a carrier that the kernel has taken note of (RFC 2863, as
    /// Documentation/networking/operstates.rst tells it).
    pub(crate) running: bool,
    /// It speaks IPv6: an address that the kernel makes has been made.
    pub(crate) ready: bool,
    /// A bridge that decides by itself which port forwards.
    pub(crate) stp: bool,
    /// Somebody has given it another queue than the kernel does.
    pub(crate) queued: bool,
    /// Everything else.
    pub(crate) link: Link,
}

/// The devices of a namespace.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// Those that were asked for.
    pub(crate) links: Vec<Listed>,
    /// The indexes in use: also those of devices whose names netyard cannot write, which
    /// cannot be its own.
    pub(crate) indexes: Vec<u32>,
    /// The names of those left out.
    pub(crate) left_out: BTreeSet<IfName>,
}

/// The devices of the socket's namespace, but for bridge ports of labs that may be
/// `left out`, by their name and mark.
pub(crate) fn list(
    socket: &mut Socket,
    left_out: impl Fn(&IfName, &LabName) -> bool,
) -> io::Result<List> {
    let replies = socket.dump(&request(&Rtnl::GetLink(without_counters()), 0))??;
    let mut list = List::default();
    for reply in &replies {
        list.indexes.extend(u32_at(&reply.1, 4));
        match marked_port(&reply.1) {
            Some((dev, lab)) if left_out(&dev, &lab) => drop(list.left_out.insert(dev)),
            _ => {
                if let Rtnl::NewLink(message) = decoded(reply)? {
                    list.links.extend(listed(message));
                }
            }
        }
    }
    Ok(list)
}

/// The bridges of the socket's namespace.
pub(crate) fn bridges(socket: &mut Socket) -> io::Result<List> {
    let mut bridges = without_counters();
    let kind = LinkInfo::Kind(InfoKind::Bridge);
    bridges.attributes.push(LinkAttribute::LinkInfo(vec![kind]));
    let mut list = List::default();
    for reply in &socket.dump(&request(&Rtnl::GetLink(bridges), 0))?? {
        list.add(reply)?;
    }
    Ok(list)
}

/// The list with the devices that have these names or indexes, and those of which they are
/// ports: a host may have a thousand others, and each takes the kernel some 20 us to tell.
pub(crate) fn near(
    mut list: List,
    socket: &mut Socket,
    names: &BTreeSet<IfName>,
    indexes: &BTreeSet<u32>,
) -> io::Result<List> {
    for name in names {
        if !list.links.iter().any(|device| device.name == *name) {
            let mut message = without_counters();
            message
                .attributes
                .push(LinkAttribute::IfName(name.to_string()));
            list.ask(socket, message)?;
        }
    }
    let mut indexes = indexes.clone();
    indexes.extend(list.links.iter().filter_map(|device| device.master));
    for index in indexes {
        if !list.indexes.contains(&index) {
            let mut message = without_counters();
            message.header.index = index;
            list.ask(socket, message)?;
        }
    }
    Ok(list)
}

/// Whether no device has this index.
pub(crate) fn is_free(socket: &mut Socket, index: u32) -> io::Result<bool> {
    let mut message = without_counters();
    message.header.index = index;
    let mut list = List::default();
    list.ask(socket, message)?;
    Ok(list.indexes.is_empty())
}

fn without_counters() -> LinkMessage {
    let mut message = LinkMessage::default();
    message
        .attributes
        .push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    message
}

impl List {
    fn add(&mut self, reply: &Reply) -> io::Result<()> {
        if let Rtnl::NewLink(message) = decoded(reply)? {
            self.indexes.push(message.header.index);
            self.links.extend(listed(message));
        }
        Ok(())
    }

    /// One device, if it is there.
    fn ask(&mut self, socket: &mut Socket, message: LinkMessage) -> io::Result<()> {
        match socket.ask(&request(&Rtnl::GetLink(message), 0))? {
            // By another name it may be one that is listed already.
            Ok(reply) if u32_at(&reply.1, 4).is_some_and(|at| self.indexes.contains(&at)) => Ok(()),
            Ok(reply) => self.add(&reply),
            Err(refused) if refused.errno == libc::ENODEV => Ok(()),
            Err(refused) => Err(refused.into()),
        }
    }
}

/// Name and lab of a bridge port that carries a lab's mark and is in no link group: read
/// without the rest, which takes ten times as long.
fn marked_port(body: &[u8]) -> Option<(IfName, LabName)> {
    let (mut name, mut lab, mut plain) = (None, None, false);
    for (kind, value) in parse(body.get(LINK_HEADER..)?) {
        let text = || std::str::from_utf8(value.strip_suffix(&[0])?).ok();
        match kind {
            IFLA_IFNAME => name = text()?.parse().ok(),
            IFLA_IFALIAS => lab = text()?.strip_prefix(MARK)?.parse().ok(),
            IFLA_MASTER => plain = true,
            IFLA_GROUP if u32_at(value, 0) != Some(0) => return None,
            _ => {}
        }
    }
    name.zip(lab).filter(|_| plain)
}

fn listed(message: LinkMessage) -> Option<Listed> {
    let (mut name, mut altnames) = (None, Vec::new());
    let (mut master, mut peer_index, mut peer_netns) = (None, None, None);
    let (mut ready, mut stp, mut queued) = (false, false, false);
    let mut link = Link::new(LinkKind::Other("none".to_owned()));
    link.up = message.header.flags.contains(LinkFlags::Up);
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = text.parse().ok(),
            LinkAttribute::PropList(all) => altnames.extend(all.iter().filter_map(altname)),
            LinkAttribute::Mtu(mtu) => link.mtu = Some(mtu),
            LinkAttribute::Address(bytes) => link.mac = bytes.try_into().ok().map(Mac),
            LinkAttribute::Controller(index) => master = Some(index),
            LinkAttribute::Group(group) => link.group = group,
            LinkAttribute::Qdisc(kind) => queued = !qdisc::is_none(&kind),
            LinkAttribute::IfAlias(text) => {
                link.owner = text.strip_prefix(MARK).and_then(|lab| lab.parse().ok());
            }
            LinkAttribute::Link(index) => peer_index = Some(index),
            LinkAttribute::LinkNetNsId(id) => peer_netns = Some(id),
            LinkAttribute::LinkInfo(infos) => {
                stp = is_stp(&infos);
                link.filtering = vlan::filtering(&infos);
                port(&infos, &mut link);
                link.kind = kind(infos).unwrap_or(link.kind);
            }
            LinkAttribute::AfSpecUnspec(specs) => {
                link.localnet = specs.iter().any(routes_localnet);
                link.addrgen = addrgen(&specs);
                ready = is_ready(&specs);
            }
            _ => {}
        }
    }
    if message.header.flags.contains(LinkFlags::Loopback) {
        (link.kind, link.mac) = (LinkKind::Loopback, None);
    }
    let cable = matches!(link.kind, LinkKind::Veth { .. } | LinkKind::Child(_));
    let peer = peer_index
        .filter(|_| cable)
        .map(|index| (index, peer_netns));
    Some(Listed {
        running: message.header.flags.contains(LinkFlags::Running),
        name: name?,
        altnames,
        index: message.header.index,
        master,
        peer,
        unmarked: link.group == UNMARKED && link.owner.is_none(),
        ready,
        stp,
        queued,
        link,
    })
}

fn altname(prop: &Prop) -> Option<IfName> {
    match prop {
        Prop::AltIfName(text) => text.parse().ok(),
        _ => None,
    }
}

fn kind(infos: Vec<LinkInfo>) -> Option<LinkKind> {
    if let Some(kind) = child::kind(&infos) {
        let parent = None;
        return Some(LinkKind::Child(Child { parent, kind }));
    }
    infos.into_iter().find_map(|info| match info {
        LinkInfo::Kind(InfoKind::Bridge) => Some(LinkKind::Bridge),
        LinkInfo::Kind(InfoKind::Veth) => Some(LinkKind::Veth { peer: None }),
        LinkInfo::Kind(InfoKind::Wireguard) => Some(LinkKind::Wireguard),
        LinkInfo::Kind(other) => Some(LinkKind::Other(other.to_string())),
        _ => None,
    })
}

/// What a device has as a port of a bridge; `blocked` where it does not forward, for whatever
/// reason.
fn port(infos: &[LinkInfo], link: &mut Link) {
    let ports = infos.iter().filter_map(|info| match info {
        LinkInfo::PortData(InfoPortData::BridgePort(port)) => Some(port),
        _ => None,
    });
    for attribute in ports.flatten() {
        match attribute {
            InfoBridgePort::HairpinMode(on) => link.hairpin = *on,
            InfoBridgePort::Isolated(on) => link.isolated = *on,
            InfoBridgePort::State(state) => link.blocked = *state != BridgePortState::Forwarding,
            _ => {}
        }
    }
}

fn routes_localnet(spec: &AfSpecUnspec) -> bool {
    let AfSpecUnspec::Inet(inet) = spec else {
        return false;
    };
    inet.iter()
        .any(|one| matches!(one, AfSpecInet::DevConf(conf) if conf.route_localnet != 0))
}

fn is_stp(infos: &[LinkInfo]) -> bool {
    let data = infos.iter().filter_map(|info| match info {
        LinkInfo::Data(InfoData::Bridge(bridge)) => Some(bridge),
        _ => None,
    });
    let off = InfoBridge::StpState(BridgeStpState::Disabled);
    let mut states = data.flatten();
    states.any(|a| matches!(a, InfoBridge::StpState(_)) && *a != off)
}

/// `IF_READY` is set with the first address (`addrconf_notify`, net/ipv6/addrconf.c).
fn is_ready(specs: &[AfSpecUnspec]) -> bool {
    let inet6 = specs.iter().filter_map(|spec| match spec {
        AfSpecUnspec::Inet6(attributes) => Some(attributes),
        _ => None,
    });
    let mut flags = inet6.flatten().filter_map(|attribute| match attribute {
        AfSpecInet6::Flags(flags) => Some(flags),
        _ => None,
    });
    flags.any(|flags| flags.contains(Inet6IfaceFlags::Ready))
}

fn addrgen(specs: &[AfSpecUnspec]) -> Option<AddrGen> {
    let inet6 = specs.iter().find_map(|spec| match spec {
        AfSpecUnspec::Inet6(attributes) => Some(attributes),
        _ => None,
    })?;
    inet6.iter().find_map(|attribute| match attribute {
        AfSpecInet6::AddrGenMode(In6AddrGenMode::None) => Some(AddrGen::None),
        AfSpecInet6::AddrGenMode(_) => Some(AddrGen::Eui64),
        _ => None,
    })
}
