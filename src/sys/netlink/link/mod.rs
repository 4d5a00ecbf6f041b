//! Link requests: RTM_NEWLINK, RTM_DELLINK and the list of devices.

mod child;
mod detail;
mod list;
mod seen;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod vlan;

pub(crate) use child::{add_child, knows, mark_child};
pub(crate) use list::{List, Listed, bridges, is_free, list, near};
pub(crate) use seen::{Seen, hardware, is_at, one, seen};
pub(crate) use vlan::{lacks as lacks_vlans, of as vlans};

use std::io;
use std::os::fd::RawFd;

use netlink_packet_core::DefaultNla;
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoKind, InfoVeth, LinkAttribute,
    LinkFlags, LinkInfo, LinkMessage, LinkProtoInfoBridge,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::attr::{put, put_nested};
use super::socket::{NLM_F_CREATE, NLM_F_EXCL, Request, Socket};
use super::{decoded, qdisc, request};
use crate::plan::Setting;
use crate::state::{AddrGen, IfName, LabName, Link, Vlans};
use crate::sys::uapi::{
    BR_STATE_DISABLED, BR_STATE_FORWARDING, IFLA_BRPORT_ISOLATED, IFLA_BRPORT_MODE,
    IFLA_BRPORT_STATE, IFLA_INET_CONF, IPV4_DEVCONF_ROUTE_LOCALNET,
};

/// The mark of a lab: `netyard:LAB` as the device's alias.
const MARK: &str = "netyard:";

/// Makes a bridge: the request that makes it, then what that one does not take.
pub(crate) fn add_bridge(dev: &IfName, link: &Link, index: u32) -> Vec<Request> {
    let own = Link {
        mtu: None,
        ..link.clone()
    };
    let mut message = new(dev, &own);
    message.header.index = index;
    message.attributes.push(vlan::bridge(link.filtering));
    let mut requests = vec![create(message)];
    requests.extend(vlan::change(index, (&link.vlans, &Vlans::default()), true));
    // Given at birth, the MTU is still lowered to that of the smallest port; changed
    // later, it stays (`br_mtu_auto_adjust`, net/bridge/br_if.c). To set the one that
    // it has is no change (`netif_set_mtu_ext`, net/core/dev.c).
    requests.extend(link.mtu.map(|mtu| set(index, &Setting::Mtu(mtu), None)));
    requests.extend(marks(index, link));
    // A new device has what the host's `default` says.
    requests.push(set(index, &Setting::Localnet(false), None));
    requests
}

/// Makes a WireGuard interface in the namespace of the socket, where its own sockets will be.
pub(crate) fn add_wireguard(dev: &IfName, link: &Link, index: u32) -> Vec<Request> {
    let mut message = new(dev, link);
    message.header.index = index;
    let kind = LinkInfo::Kind(InfoKind::Wireguard);
    message.attributes.push(LinkAttribute::LinkInfo(vec![kind]));
    let mut requests = vec![create(message)];
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
    // The far end is not up yet: nothing has come by it.
    let vlans = (&near.link.vlans, &Vlans::default());
    requests.extend(vlan::change(near.index, vlans, false));
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

/// Changes one setting of the device with this index from what it was.
pub(crate) fn change(
    index: u32,
    (set_to, was): (&Setting, &Setting),
    master: Option<u32>,
) -> Vec<Request> {
    match (set_to, was) {
        (Setting::Vlans(set), Setting::Vlans(was)) => vlan::change(index, (set, was), false),
        (Setting::OwnVlans(set), Setting::OwnVlans(was)) => vlan::change(index, (set, was), true),
        // By another socket.
        (Setting::Wireguard(_), _) => Vec::new(),
        _ => vec![set(index, set_to, master)],
    }
}

/// Changes one setting of the device with this index. `master` is the index of the
/// bridge that the setting names; 0 takes the device out of its bridge.
pub(crate) fn set(index: u32, setting: &Setting, master: Option<u32>) -> Request {
    let mut message = indexed(index);
    match setting {
        Setting::Qdisc(to) => return qdisc::set(index, to.as_ref()),
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
        Setting::Hairpin(on) => of_port(&mut message, IFLA_BRPORT_MODE, u8::from(*on)),
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
        Setting::Localnet(on) => message.attributes.push(localnet(*on)),
        Setting::Filtering(filtering) => return vlan::filter(index, *filtering),
        // They have a socket of their own (`netlink::wireguard`).
        Setting::Wireguard(_) => {}
        // What they were is not known here: those that are missing come.
        Setting::Vlans(vlans) => return vlan::add(index, vlans, false),
        Setting::OwnVlans(vlans) => return vlan::add(index, vlans, true),
    }
    request(&Rtnl::SetLink(message), 0)
}

/// Settings of IPv4 by their numbers; the library would leave out one that is 0.
fn localnet(on: bool) -> LinkAttribute {
    let mut inet = Vec::new();
    put_nested(&mut inet, IFLA_INET_CONF, |out| {
        put(
            out,
            IPV4_DEVCONF_ROUTE_LOCALNET,
            &u32::from(on).to_ne_bytes(),
        );
    });
    let inet = DefaultNla::new(u16::from(u8::from(AddressFamily::Inet)), inet);
    LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Other(inet)])
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

/// The name of the device with this index, if there is one, and netyard can write it.
pub(crate) fn name(socket: &mut Socket, index: u32) -> io::Result<Option<IfName>> {
    let reply = match socket.ask(&request(&Rtnl::GetLink(indexed(index)), 0))? {
        Err(refused) if refused.errno == libc::ENODEV => return Ok(None),
        reply => reply?,
    };
    let device = one(&reply).map(|seen| seen.device.name);
    Ok(device.and_then(|name| name.parse().ok()))
}
