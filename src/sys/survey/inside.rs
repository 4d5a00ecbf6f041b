//! What is in one namespace.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use netlink_packet_route::address::{AddressHeaderFlags, AddressMessage};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::route::{
    RouteAttribute, RouteMessage, RouteNextHop, RouteType, RouteVia,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use crate::state::happening::{Known, key};
use crate::state::survey::{Address, Forwards, Hop, Neighbour, Path, Space};
use crate::sys::netlink::link::{self, Seen};
use crate::sys::netlink::route::ip;
use crate::sys::netlink::socket::Socket;
use crate::sys::netlink::{address, decoded, neigh, netconf, request, rule};
use crate::sys::uapi::RT_TABLE_LOCAL;

/// What a device is called.
pub(super) type Names<'a> = dyn Fn(u32) -> Option<String> + 'a;

/// Reads everything but what lies beyond: devices are handed out with what is known of others.
pub(super) fn read(socket: &mut Socket, space: &mut Space) -> io::Result<Vec<Seen>> {
    let mut seen = devices(socket)?;
    let names = names(&seen);
    let name = |index: u32| names.get(&index).cloned();
    let mut addresses = addresses(socket)?;
    for one in &mut seen {
        one.device.addresses = addresses.remove(&one.device.index).unwrap_or_default();
    }
    space.routes = routes(socket, &name)?;
    let neighbours = neighbours(socket, &name)?;
    space.neighbours = neighbours.into_iter().map(|(_, one)| one).collect();
    space.rules = rule::list(socket)?.0.into_iter().collect();
    let [(_, v4), (_, v6)] = netconf::forwarding(socket)?;
    space.forwards = Forwards {
        ipv4: v4.all,
        ipv6: v6.all,
    };
    Ok(seen)
}

/// The last known state that what the kernel tells from now on is compared with.
pub(crate) fn known(socket: &mut Socket) -> io::Result<Known> {
    let seen = devices(socket)?;
    let names = names(&seen);
    let name = |index: u32| names.get(&index).cloned();
    let addresses = addresses(socket)?.into_iter();
    let addresses = addresses.flat_map(|(index, all)| {
        let keyed = move |one: Address| ((index, one.net), one);
        all.into_iter().map(keyed)
    });
    Ok(Known {
        addresses: addresses.collect(),
        routes: routes(socket, &name)?.into_iter().collect(),
        neighbours: (neighbours(socket, &name)?.into_iter())
            .map(|(index, one)| ((index, one.address), one))
            .collect(),
        rules: (rule::every(socket)?.into_iter())
            .map(|rule| (key(&rule), rule))
            .collect(),
        generation: None,
        devices: (seen.into_iter())
            .map(|one| (one.device.index, one.device))
            .collect(),
    })
}

/// Every device, with its master by name.
fn devices(socket: &mut Socket) -> io::Result<Vec<Seen>> {
    let mut seen = link::seen(socket)?;
    let names = names(&seen);
    for one in &mut seen {
        let name = |index| names.get(&index).cloned().unwrap_or(index.to_string());
        one.device.master = one.master.map(name);
    }
    Ok(seen)
}

fn names(seen: &[Seen]) -> BTreeMap<u32, String> {
    let name = |seen: &Seen| (seen.device.index, seen.device.name.clone());
    seen.iter().map(name).collect()
}

fn addresses(socket: &mut Socket) -> io::Result<BTreeMap<u32, Vec<Address>>> {
    let mut all: BTreeMap<u32, Vec<Address>> = BTreeMap::new();
    for reply in &socket.dump(&request(&Rtnl::GetAddress(AddressMessage::default()), 0))?? {
        if let Ok(Rtnl::NewAddress(message)) = decoded(reply) {
            let own = all.entry(message.header.index).or_default();
            own.extend(address(&message));
        }
    }
    Ok(all)
}

pub(super) fn address(message: &AddressMessage) -> Option<Address> {
    let flags = message.header.flags;
    Some(Address {
        net: address::net(message)?,
        dynamic: !flags.contains(AddressHeaderFlags::Permanent),
        tentative: flags.contains(AddressHeaderFlags::Tentative),
        duplicate: flags.contains(AddressHeaderFlags::Dadfailed),
    })
}

pub(crate) fn routes(socket: &mut Socket, names: &Names<'_>) -> io::Result<Vec<Path>> {
    let mut all = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut question = RouteMessage::default();
        question.header.address_family = family;
        let replies = match socket.dump(&request(&Rtnl::GetRoute(question), 0))? {
            // A kernel without the family.
            Err(refused) if refused.errno == libc::EAFNOSUPPORT => continue,
            replies => replies?,
        };
        for reply in &replies {
            if let Ok(Rtnl::NewRoute(message)) = decoded(reply) {
                all.extend(route(&message, names));
            }
        }
    }
    Ok(all)
}

/// What a dump tells of a route; of the table of one's own addresses nothing.
pub(super) fn route(message: &RouteMessage, names: &Names<'_>) -> Option<Path> {
    let header = &message.header;
    let any: IpAddr = match header.address_family {
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => Ipv4Addr::UNSPECIFIED.into(),
    };
    let mut table = u32::from(header.table);
    let (mut to, mut metric, mut src, mut hops) = (any, None, None, Vec::new());
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Destination(address) => to = ip(address)?,
            RouteAttribute::Priority(priority) => metric = Some(*priority),
            RouteAttribute::PrefSource(address) => src = ip(address),
            RouteAttribute::MultiPath(next) => {
                hops = next.iter().map(|next| hop_of(next, names)).collect();
            }
            _ => {}
        }
    }
    if hops.is_empty() && matches!(header.kind, RouteType::Unicast) {
        hops = vec![hop(&message.attributes, None, names)];
    }
    if table == u32::from(RT_TABLE_LOCAL) {
        return None;
    }
    Some(Path {
        to: IpNet::new(to, header.destination_prefix_length).ok()?,
        table,
        kind: word(header.kind),
        protocol: header.protocol.to_string(),
        metric,
        src,
        hops,
    })
}

fn word(kind: RouteType) -> String {
    match kind {
        RouteType::Unicast => "unicast".to_owned(),
        RouteType::BlackHole => "blackhole".to_owned(),
        RouteType::Unreachable => "unreachable".to_owned(),
        RouteType::Prohibit => "prohibit".to_owned(),
        RouteType::Throw => "throw".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn hop_of(next: &RouteNextHop, names: &Names<'_>) -> Hop {
    hop(&next.attributes, Some(next.interface_index), names)
}

fn hop(attributes: &[RouteAttribute], index: Option<u32>, names: &Names<'_>) -> Hop {
    let (mut via, mut index) = (None, index);
    for attribute in attributes {
        match attribute {
            RouteAttribute::Gateway(address) => via = ip(address),
            RouteAttribute::Via(address) => via = other_family(address),
            RouteAttribute::Oif(oif) => index = Some(*oif),
            _ => {}
        }
    }
    let name = |index| names(index).unwrap_or_else(|| index.to_string());
    Hop {
        via,
        dev: index.map(name),
    }
}

/// A router of another family than the destination (RFC 5549).
fn other_family(address: &RouteVia) -> Option<IpAddr> {
    match address {
        RouteVia::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteVia::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

fn neighbours(socket: &mut Socket, names: &Names<'_>) -> io::Result<Vec<(u32, Neighbour)>> {
    let question = Rtnl::GetNeighbour(NeighbourMessage::default());
    let mut all = Vec::new();
    for reply in &socket.dump(&request(&question, 0))?? {
        if let Ok(Rtnl::NewNeighbour(message)) = decoded(reply) {
            let index = message.header.ifindex;
            all.extend(neighbour(&message, names).map(|one| (index, one)));
        }
    }
    Ok(all)
}

/// An entry that stands for somebody: those without a hardware address to be found
/// (groups, tunnels) say nothing.
pub(super) fn neighbour(message: &NeighbourMessage, names: &Names<'_>) -> Option<Neighbour> {
    // What a bridge or a VXLAN has learnt is told by the same messages.
    if message.header.family == AddressFamily::Bridge {
        return None;
    }
    let mac = message.attributes.iter().find_map(|one| match one {
        NeighbourAttribute::LinkLayerAddress(bytes) => link::hardware(bytes),
        _ => None,
    });
    let state = message.header.state.to_string().to_lowercase();
    let dev = names(message.header.ifindex)?;
    (state != "noarp").then_some(Neighbour {
        address: neigh::address(message)?,
        dev,
        mac,
        state,
    })
}
