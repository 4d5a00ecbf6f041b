//! Link requests: RTM_NEWLINK, RTM_DELLINK and the list of devices.

use std::io;
use std::os::fd::RawFd;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, BridgePortState, BridgeStpState, In6AddrGenMode, Inet6IfaceFlags,
    InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoVeth, LinkAttribute,
    LinkExtentMask, LinkFlags, LinkInfo, LinkMessage, LinkProtoInfoBridge,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::socket::{NLM_F_CREATE, NLM_F_EXCL, Request, Socket};
use super::{decoded, request};
use crate::plan::Setting;
use crate::state::{AddrGen, IfName, LabName, Link, LinkKind, Mac};
use crate::sys::uapi::{
    BR_STATE_DISABLED, BR_STATE_FORWARDING, IFLA_BRPORT_ISOLATED, IFLA_BRPORT_STATE,
};

/// The mark of a lab: `netyard:LAB` as the device's alias.
const MARK: &str = "netyard:";

/// A device as the kernel lists it, with what only its neighbours can tell.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: IfName,
    pub(crate) index: u32,
    /// The bridge it is a port of, by index.
    pub(crate) master: Option<u32>,
    /// The other end of a cable: its index and, where it is in another
    /// namespace, the number by which this namespace knows that one.
    pub(crate) peer: Option<(u32, Option<i32>)>,
    /// Up, and with a carrier that the kernel has taken note of (RFC 2863, as
    /// Documentation/networking/operstates.rst tells it).
    pub(crate) running: bool,
    /// It speaks IPv6: an address that the kernel makes has been made.
    pub(crate) ready: bool,
    /// A bridge that decides by itself which port forwards.
    pub(crate) stp: bool,
    /// Everything else.
    pub(crate) link: Link,
}

/// Every device of the socket's namespace, and the indexes in use there: also those of
/// devices whose names netyard cannot write, which cannot be its own and are left out.
pub(crate) fn list(socket: &mut Socket) -> io::Result<(Vec<Listed>, Vec<u32>)> {
    let mut message = LinkMessage::default();
    message
        .attributes
        .push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    let replies = socket.dump(&request(&Rtnl::GetLink(message), 0))??;
    let (mut links, mut indexes) = (Vec::new(), Vec::new());
    for reply in &replies {
        if let Rtnl::NewLink(message) = decoded(reply)? {
            indexes.push(message.header.index);
            links.extend(listed(message));
        }
    }
    Ok((links, indexes))
}

fn listed(message: LinkMessage) -> Option<Listed> {
    let mut name = None;
    let (mut master, mut peer_index, mut peer_netns) = (None, None, None);
    let (mut ready, mut stp) = (false, false);
    let mut link = Link::new(LinkKind::Other("none".to_owned()));
    link.up = message.header.flags.contains(LinkFlags::Up);
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = text.parse().ok(),
            LinkAttribute::Mtu(mtu) => link.mtu = Some(mtu),
            LinkAttribute::Address(bytes) => link.mac = bytes.try_into().ok().map(Mac),
            LinkAttribute::Controller(index) => master = Some(index),
            LinkAttribute::Group(group) => link.group = group,
            LinkAttribute::IfAlias(text) => {
                link.owner = text.strip_prefix(MARK).and_then(|lab| lab.parse().ok());
            }
            LinkAttribute::Link(index) => peer_index = Some(index),
            LinkAttribute::LinkNetNsId(id) => peer_netns = Some(id),
            LinkAttribute::LinkInfo(infos) => {
                stp = is_stp(&infos);
                (link.isolated, link.blocked) = port(&infos);
                link.kind = kind(infos).unwrap_or(link.kind);
            }
            LinkAttribute::AfSpecUnspec(specs) => {
                link.addrgen = addrgen(&specs);
                ready = is_ready(&specs);
            }
            _ => {}
        }
    }
    if message.header.flags.contains(LinkFlags::Loopback) {
        (link.kind, link.mac) = (LinkKind::Loopback, None);
    }
    let cable = matches!(link.kind, LinkKind::Veth { .. });
    let peer = peer_index
        .filter(|_| cable)
        .map(|index| (index, peer_netns));
    Some(Listed {
        running: message.header.flags.contains(LinkFlags::Running),
        name: name?,
        index: message.header.index,
        master,
        peer,
        ready,
        stp,
        link,
    })
}

fn kind(infos: Vec<LinkInfo>) -> Option<LinkKind> {
    infos.into_iter().find_map(|info| match info {
        LinkInfo::Kind(InfoKind::Bridge) => Some(LinkKind::Bridge),
        LinkInfo::Kind(InfoKind::Veth) => Some(LinkKind::Veth { peer: None }),
        LinkInfo::Kind(other) => Some(LinkKind::Other(other.to_string())),
        _ => None,
    })
}

/// Whether a port is isolated, and whether it does not forward, for whatever reason.
fn port(infos: &[LinkInfo]) -> (bool, bool) {
    let ports = infos.iter().filter_map(|info| match info {
        LinkInfo::PortData(InfoPortData::BridgePort(port)) => Some(port),
        _ => None,
    });
    let (mut isolated, mut blocked) = (false, false);
    for attribute in ports.flatten() {
        match attribute {
            InfoBridgePort::Isolated(on) => isolated = *on,
            InfoBridgePort::State(state) => blocked = *state != BridgePortState::Forwarding,
            _ => {}
        }
    }
    (isolated, blocked)
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

/// Makes a bridge: the request that makes it, then what that one does not take.
pub(crate) fn add_bridge(dev: &IfName, link: &Link, index: u32) -> Vec<Request> {
    let own = Link {
        mtu: None,
        ..link.clone()
    };
    let mut message = new(dev, &own);
    message.header.index = index;
    message
        .attributes
        .push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(
            InfoKind::Bridge,
        )]));
    let mut requests = vec![create(message)];
    // Given at birth, the MTU is still lowered to that of the smallest port; changed
    // later, it stays (`br_mtu_auto_adjust`, net/bridge/br_if.c). To set the one that
    // it has is no change (`netif_set_mtu_ext`, net/core/dev.c).
    requests.extend(link.mtu.map(|mtu| set(index, &Setting::Mtu(mtu), None)));
    requests.extend(marks(index, link));
    requests
}

/// One end of a cable that is to be made. Its index is chosen, so that it can be
/// used without being looked up; the kernel takes that of the far end only when
/// that of the near end is chosen too (veth_newlink, drivers/net/veth.c).
#[derive(Clone, Copy)]
pub(crate) struct CableEnd<'a> {
    pub(crate) dev: &'a IfName,
    pub(crate) link: &'a Link,
    pub(crate) index: u32,
}

/// Makes a cable in one request: the near end up and plugged into its bridge
/// (`master`, by index), the far end in its namespace (`netns`, which must stay
/// open until the request is sent). Then what that request does not take.
pub(crate) fn add_veth(
    near: CableEnd<'_>,
    master: Option<u32>,
    far: CableEnd<'_>,
    netns: RawFd,
) -> Vec<Request> {
    let mut peer = new(far.dev, far.link);
    peer.header.index = far.index;
    peer.attributes.push(LinkAttribute::NetNsFd(netns));
    one_queue(&mut peer);
    let mut message = new(near.dev, near.link);
    message.header.index = near.index;
    message
        .attributes
        .extend(master.map(LinkAttribute::Controller));
    one_queue(&mut message);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
    ]));
    let mut requests = vec![create(message)];
    requests.extend(marks(near.index, near.link));
    requests
}

/// A queue per CPU is what the kernel would make: a fifth more time and memory,
/// for a device that has no hardware to spread.
fn one_queue(message: &mut LinkMessage) {
    message
        .attributes
        .extend([LinkAttribute::NumTxQueues(1), LinkAttribute::NumRxQueues(1)]);
}

fn new(dev: &IfName, link: &Link) -> LinkMessage {
    let mut message = named(dev);
    message.attributes.extend(link.mtu.map(LinkAttribute::Mtu));
    message
        .attributes
        .extend(link.mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    if link.up {
        message.header.flags |= LinkFlags::Up;
        message.header.change_mask |= LinkFlags::Up;
    }
    message
}

fn named(dev: &IfName) -> LinkMessage {
    let mut message = LinkMessage::default();
    message
        .attributes
        .push(LinkAttribute::IfName(dev.to_string()));
    message
}

fn create(message: LinkMessage) -> Request {
    request(&Rtnl::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)
}

/// What the kernel ignores in the request that makes a device. Sent together
/// with it, no signal can come between (`netlink_sendmsg` handles a whole send).
/// By index: if the device was not made because someone else has just taken its
/// name, theirs must not be marked.
fn marks(index: u32, link: &Link) -> Vec<Request> {
    let mark = link.owner.as_ref().map(|lab| alias(index, lab));
    let mode = link.addrgen.filter(|mode| *mode == AddrGen::None);
    let mode = mode.map(|mode| set(index, &Setting::AddrGen(mode), None));
    mark.into_iter().chain(mode).collect()
}

fn indexed(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn alias(index: u32, lab: &LabName) -> Request {
    let mut message = indexed(index);
    message
        .attributes
        .push(LinkAttribute::IfAlias(format!("{MARK}{lab}")));
    request(&Rtnl::SetLink(message), 0)
}

/// Changes one setting of the device with this index. `master` is the index of the
/// bridge that the setting names; 0 takes the device out of its bridge.
pub(crate) fn set(index: u32, setting: &Setting, master: Option<u32>) -> Request {
    let mut message = indexed(index);
    match setting {
        Setting::Up(up) => {
            message.header.change_mask |= LinkFlags::Up;
            if *up {
                message.header.flags |= LinkFlags::Up;
            }
        }
        Setting::Mtu(mtu) => message.attributes.push(LinkAttribute::Mtu(*mtu)),
        Setting::Mac(mac) => message
            .attributes
            .push(LinkAttribute::Address(mac.0.to_vec())),
        Setting::Master(_) => {
            message
                .attributes
                .push(LinkAttribute::Controller(master.unwrap_or(0)));
        }
        Setting::Isolated(on) => of_port(&mut message, IFLA_BRPORT_ISOLATED, u8::from(*on)),
        Setting::Forwarding(on) => {
            let state = if *on {
                BR_STATE_FORWARDING
            } else {
                BR_STATE_DISABLED
            };
            of_port(&mut message, IFLA_BRPORT_STATE, state);
        }
        Setting::AddrGen(mode) => {
            let mode = match mode {
                AddrGen::Eui64 => In6AddrGenMode::Eui64,
                AddrGen::None => In6AddrGenMode::None,
            };
            let inet6 = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(mode)]);
            message
                .attributes
                .push(LinkAttribute::AfSpecUnspec(vec![inet6]));
        }
    }
    request(&Rtnl::SetLink(message), 0)
}

/// As bridge(8) asks. A request of the other kind (IFLA_INFO_SLAVE_DATA) ends with a change
/// of the device, at which the bridge enables a port that is disabled
/// (`br_port_carrier_check`, net/bridge/br_if.c).
fn of_port(message: &mut LinkMessage, attribute: u16, value: u8) {
    message.header.interface_family = AddressFamily::Bridge;
    let attribute = LinkProtoInfoBridge::Other(DefaultNla::new(attribute, vec![value]));
    message
        .attributes
        .push(LinkAttribute::ProtoInfoBridge(vec![attribute]));
}

/// Gives the device with this index another name.
pub(crate) fn rename(index: u32, name: &IfName) -> Request {
    let mut message = named(name);
    message.header.index = index;
    request(&Rtnl::SetLink(message), 0)
}

/// Removes devices. Each removal alone waits for a grace period of 13-20 ms;
/// those of a group share one.
pub(crate) fn delete(indexes: &[u32], group: u32) -> Vec<Request> {
    if let [index] = indexes {
        return vec![request(&Rtnl::DelLink(indexed(*index)), 0)];
    }
    let mut requests: Vec<Request> = indexes.iter().map(|index| join(*index, group)).collect();
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::Group(group));
    requests.push(request(&Rtnl::DelLink(message), 0));
    requests
}

fn join(index: u32, group: u32) -> Request {
    let mut message = indexed(index);
    message.attributes.push(LinkAttribute::Group(group));
    request(&Rtnl::SetLink(message), 0)
}

/// The index of a device.
pub(crate) fn index(socket: &mut Socket, dev: &IfName) -> io::Result<u32> {
    let reply = socket.ask(&request(&Rtnl::GetLink(named(dev)), 0))??;
    match decoded(&reply)? {
        Rtnl::NewLink(message) => Ok(message.header.index),
        _ => Err(io::Error::other(format!("no answer about device {dev}"))),
    }
}
