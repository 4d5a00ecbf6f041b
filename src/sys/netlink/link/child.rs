//! Devices that others carry: made by the namespace of the device below, in another.

use std::io;
use std::os::fd::RawFd;

use netlink_packet_route::link::{
    InfoData, InfoIpVlan, InfoKind, InfoMacVlan, InfoVlan, IpVlanMode, LinkAttribute, LinkInfo,
    LinkMessage, MacVlanMode, VlanProtocol,
};

use super::{alias, create, indexed, new};
use crate::state::{ChildKind, IfName, IpvlanMode, LabName, Link, MacvlanMode};
use crate::sys::Failure;
use crate::sys::netlink::request;
use crate::sys::netlink::socket::{Request, Socket};

/// The group of a device from when it is made until it is marked. The one is asked for in the
/// namespace of its parent, the other in its own: a kill may come between.
pub(super) const UNMARKED: u32 = 6_389_272;

/// Makes a device in the namespace `netns`, which must stay open until the request is sent. It
/// goes to the namespace of the device with the index `parent`. Before Linux 6.15 the kernel
/// looks there for the index of the new one, too (`__rtnl_newlink`): it must be free in both.
pub(crate) fn add_child(
    (dev, link, index): (&IfName, &Link, u32),
    kind: ChildKind,
    parent: u32,
    netns: RawFd,
) -> Request {
    let mut message = new(dev, link);
    message.header.index = index;
    message.attributes.extend([
        LinkAttribute::Link(parent),
        LinkAttribute::NetNsFd(netns),
        LinkAttribute::Group(UNMARKED),
        LinkAttribute::LinkInfo(info(kind)),
    ]);
    create(message)
}

fn info(kind: ChildKind) -> Vec<LinkInfo> {
    let (kind, data) = match kind {
        ChildKind::Macvlan(mode) => {
            let mode = match mode {
                MacvlanMode::Bridge => MacVlanMode::Bridge,
                MacvlanMode::Private => MacVlanMode::Private,
                MacvlanMode::Vepa => MacVlanMode::Vepa,
                MacvlanMode::Passthru => MacVlanMode::Passthrough,
            };
            let data = InfoData::MacVlan(vec![InfoMacVlan::Mode(mode)]);
            (InfoKind::MacVlan, data)
        }
        ChildKind::Ipvlan(mode) => {
            let mode = match mode {
                IpvlanMode::L2 => IpVlanMode::L2,
                IpvlanMode::L3 => IpVlanMode::L3,
                IpvlanMode::L3s => IpVlanMode::L3S,
            };
            let data = InfoData::IpVlan(vec![InfoIpVlan::Mode(mode)]);
            (InfoKind::IpVlan, data)
        }
        ChildKind::Vlan(id) => {
            let data = InfoData::Vlan(vec![InfoVlan::Id(id)]);
            (InfoKind::Vlan, data)
        }
    };
    vec![LinkInfo::Kind(kind), LinkInfo::Data(data)]
}

/// What a device is that another one carries, as far as netyard makes such.
pub(super) fn kind(infos: &[LinkInfo]) -> Option<ChildKind> {
    infos.iter().find_map(|info| match info {
        LinkInfo::Data(InfoData::MacVlan(all)) => all.iter().find_map(|one| {
            Some(ChildKind::Macvlan(match one {
                InfoMacVlan::Mode(MacVlanMode::Bridge) => MacvlanMode::Bridge,
                InfoMacVlan::Mode(MacVlanMode::Private) => MacvlanMode::Private,
                InfoMacVlan::Mode(MacVlanMode::Vepa) => MacvlanMode::Vepa,
                InfoMacVlan::Mode(MacVlanMode::Passthrough) => MacvlanMode::Passthru,
                _ => return None,
            }))
        }),
        LinkInfo::Data(InfoData::IpVlan(all)) => all.iter().find_map(|one| {
            Some(ChildKind::Ipvlan(match one {
                InfoIpVlan::Mode(IpVlanMode::L2) => IpvlanMode::L2,
                InfoIpVlan::Mode(IpVlanMode::L3) => IpvlanMode::L3,
                InfoIpVlan::Mode(IpVlanMode::L3S) => IpvlanMode::L3s,
                _ => return None,
            }))
        }),
        // Of 802.1ad they are numbers of another kind.
        LinkInfo::Data(InfoData::Vlan(all))
            if all.contains(&InfoVlan::Protocol(VlanProtocol::Ieee8021Ad)) =>
        {
            None
        }
        LinkInfo::Data(InfoData::Vlan(all)) => all.iter().find_map(|one| match one {
            InfoVlan::Id(id) => Some(ChildKind::Vlan(*id)),
            _ => None,
        }),
        _ => None,
    })
}

/// Marks a device that was made so, in one send to its own namespace.
pub(crate) fn mark_child(index: u32, owner: Option<&LabName>) -> Vec<Request> {
    let mut grouped: LinkMessage = indexed(index);
    grouped.attributes.push(LinkAttribute::Group(0));
    let grouped = request(&super::Rtnl::SetLink(grouped), 0);
    let mark = owner.map(|lab| alias(index, lab));
    mark.into_iter().chain([grouped]).collect()
}

/// Whether the kernel knows such devices. It looks for the kind first, and refuses to make one
/// on no device (`macvlan_common_newlink`, `ipvlan_link_new`, `vlan_newlink`).
pub(crate) fn knows(socket: &mut Socket, kind: ChildKind) -> io::Result<bool> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::LinkInfo(info(kind)));
    let answers = socket.transact(&[create(message)])?;
    let unknown = |refused: &Failure| refused.errno == libc::EOPNOTSUPP;
    Ok(!answers.iter().flatten().any(unknown))
}
