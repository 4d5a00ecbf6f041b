//! VLANs of bridges and of their ports.

use std::io;

use netlink_packet_route::link::{
    AfSpecBridge, BridgeFlag, BridgeVlanInfo, BridgeVlanInfoFlags, InfoBridge, InfoData, InfoKind,
    LinkAttribute, LinkInfo, LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::{create, indexed};
use crate::state::{Filtering, Membership, VlanEntry, VlanId, VlanRange, Vlans};
use crate::sys::netlink::attr::{parse, u16_at};
use crate::sys::netlink::request;
use crate::sys::netlink::socket::{Request, Socket};
use crate::sys::netns;
use crate::sys::uapi::vlan::*;

/// A bridge that does so with VLANs.
pub(super) fn bridge(filtering: Filtering) -> LinkAttribute {
    let mut info = vec![LinkInfo::Kind(InfoKind::Bridge)];
    // One that is as the kernel makes it may be on a kernel without VLANs.
    if !filtering.is_usual() {
        info.push(data(filtering));
    }
    LinkAttribute::LinkInfo(info)
}

fn data(filtering: Filtering) -> LinkInfo {
    LinkInfo::Data(InfoData::Bridge(vec![
        InfoBridge::VlanFiltering(filtering.on),
        InfoBridge::VlanDefaultPvid(filtering.default_pvid),
    ]))
}

/// What a bridge that is there does with them. RTM_SETLINK takes nothing that is of a kind
/// (`do_setlink`, net/core/rtnetlink.c).
pub(super) fn filter(index: u32, filtering: Filtering) -> Request {
    let mut message = indexed(index);
    let info = vec![LinkInfo::Kind(InfoKind::Bridge), data(filtering)];
    message.attributes.push(LinkAttribute::LinkInfo(info));
    request(&Rtnl::NewLink(message), 0)
}

/// What a bridge does with them, as it is listed.
pub(super) fn filtering(infos: &[LinkInfo]) -> Filtering {
    let bridge = infos.iter().filter_map(|info| match info {
        LinkInfo::Data(InfoData::Bridge(bridge)) => Some(bridge),
        _ => None,
    });
    let mut filtering = Filtering::default();
    for one in bridge.flatten() {
        match one {
            InfoBridge::VlanFiltering(on) => filtering.on = *on,
            InfoBridge::VlanDefaultPvid(pvid) => filtering.default_pvid = *pvid,
            _ => {}
        }
    }
    filtering
}
/// From the VLANs that a port, or a bridge as its `own` side, was in to others. What it is not in
/// is no error to leave (`br_vlan_info`, net/bridge/br_netlink.c).
pub(super) fn change(index: u32, (set, was): (&Vlans, &Vlans), own: bool) -> Vec<Request> {
    let gone = was.without(set);
    let gone = (!gone.is_empty()).then(|| request(&Rtnl::DelLink(of_port(index, &gone, own)), 0));
    let come = set.beyond(was);
    let come = (!come.is_empty()).then(|| add(index, &come, own));
    gone.into_iter().chain(come).collect()
}

/// Into these VLANs.
pub(super) fn add(index: u32, vlans: &Vlans, own: bool) -> Request {
    request(&Rtnl::SetLink(of_port(index, vlans, own)), 0)
}

fn of_port(index: u32, vlans: &Vlans, own: bool) -> LinkMessage {
    let mut message = indexed(index);
    message.header.interface_family = AddressFamily::Bridge;
    let own = own.then_some(AfSpecBridge::Flags(BridgeFlag::LowerDev));
    let infos = vlans.iter().flat_map(infos).map(AfSpecBridge::VlanInfo);
    let spec = own.into_iter().chain(infos).collect();
    message.attributes.push(LinkAttribute::AfSpecBridge(spec));
    message
}

/// A range is told by its two ends.
fn infos(entry: &VlanEntry) -> Vec<BridgeVlanInfo> {
    let mut flags = BridgeVlanInfoFlags::empty();
    flags.set(BridgeVlanInfoFlags::Pvid, entry.how.pvid);
    flags.set(BridgeVlanInfoFlags::Untagged, entry.how.untagged);
    let info = |vid, more| BridgeVlanInfo {
        flags: flags | more,
        vid,
    };
    match (entry.range.first(), entry.range.last()) {
        (first, last) if first == last => vec![info(first, BridgeVlanInfoFlags::empty())],
        (first, last) => vec![
            info(first, BridgeVlanInfoFlags::RangeBegin),
            info(last, BridgeVlanInfoFlags::RangeEnd),
        ],
    }
}

/// Of one device, of all devices of the namespace where it is 0.
fn question(index: u32) -> Request {
    let mut body = vec![0; BR_VLAN_MSG];
    body[0] = u8::from(AddressFamily::Bridge);
    body[4..].copy_from_slice(&index.to_ne_bytes());
    Request {
        kind: RTM_GETVLAN,
        flags: 0,
        body,
    }
}

/// The VLANs of a port, or of a bridge's own side, but for the one that the bridge gives to all:
/// `bridge` is what it does with VLANs.
pub(crate) fn of(socket: &mut Socket, index: u32, bridge: Filtering) -> io::Result<Vlans> {
    let replies = match socket.dump(&question(index))? {
        // The kernel knows no VLANs of bridges.
        Err(refused) if refused.errno == libc::EOPNOTSUPP => return Ok(Vlans::default()),
        replies => replies?,
    };
    let replies = replies.iter().filter(|(kind, _)| *kind == RTM_NEWVLAN);
    let lists = replies.map(|(_, body)| parse(body.get(BR_VLAN_MSG..).unwrap_or_default()));
    let entries = lists
        .flatten()
        .filter(|(kind, _)| *kind == BRIDGE_VLANDB_ENTRY);
    let usual = |entry: &VlanEntry| {
        entry.range.first() == bridge.default_pvid && entry.how == Membership::ACCESS
    };
    let entries = entries.filter_map(|(_, entry)| read(entry));
    Ok(entries
        .filter(|entry| !usual(entry))
        .collect::<Vec<_>>()
        .into())
}

fn read(entry: &[u8]) -> Option<VlanEntry> {
    let find = |wanted| parse(entry).find(|(kind, _)| *kind == wanted);
    let (_, info) = find(BRIDGE_VLANDB_ENTRY_INFO)?;
    let (flags, first) = (u16_at(info, 0)?, u16_at(info, 2)?);
    let last = find(BRIDGE_VLANDB_ENTRY_RANGE).and_then(|(_, last)| u16_at(last, 0));
    let id = |number| VlanId::try_from(number).ok();
    Some(VlanEntry {
        range: VlanRange::new(id(first)?, id(last.unwrap_or(first))?)?,
        how: Membership {
            pvid: flags & BRIDGE_VLAN_INFO_PVID != 0,
            untagged: flags & BRIDGE_VLAN_INFO_UNTAGGED != 0,
        },
    })
}

/// Whether bridges of this kernel know no VLANs. Where they are a module that is yet to be
/// loaded, one is made in a namespace that is thrown away.
pub(crate) fn lacks(socket: &mut Socket) -> io::Result<bool> {
    if socket.dump(&question(0))?.is_ok() {
        return Ok(false);
    }
    let mut lacks = false;
    for mut place in netns::create(1)? {
        let mut message = LinkMessage::default();
        message.attributes.push(bridge(Filtering::default()));
        place.socket.transact(&[create(message)])?;
        // `br_vlan_rtnl_init` is there with CONFIG_BRIDGE_VLAN_FILTERING only.
        lacks |= place.socket.dump(&question(0))?.is_err();
    }
    Ok(lacks)
}
