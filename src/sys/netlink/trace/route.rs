//! Messages about links, addresses, routes, neighbours: what is said of them, in
//! `ip`'s words where there are some.

use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoData, InfoVeth, LinkAttribute, LinkFlags,
    LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netlink_packet_route::route::{RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Rtnl};

use super::Line;
use crate::state::Mac;
use crate::sys::netlink::route::ip;

/// The name of the message (RTM_..., rtnetlink(7)), and what it is about.
pub(super) fn told(message: &Rtnl) -> (String, String) {
    let (name, line) = match message {
        Rtnl::NewLink(message) => ("NEWLINK", link(message)),
        Rtnl::SetLink(message) => ("SETLINK", link(message)),
        Rtnl::DelLink(message) => ("DELLINK", link(message)),
        Rtnl::GetLink(message) => ("GETLINK", link(message)),
        Rtnl::NewAddress(message) => ("NEWADDR", address(message)),
        Rtnl::DelAddress(message) => ("DELADDR", address(message)),
        Rtnl::GetAddress(_) => ("GETADDR", Line::default()),
        Rtnl::NewRoute(message) => ("NEWROUTE", route(message)),
        Rtnl::DelRoute(message) => ("DELROUTE", route(message)),
        Rtnl::GetRoute(message) => ("GETROUTE", family(message.header.address_family)),
        Rtnl::DelNeighbour(message) => ("DELNEIGH", neighbour(message)),
        Rtnl::GetNeighbour(_) => ("GETNEIGH", Line::default()),
        Rtnl::NewNsId(message) => ("NEWNSID", nsid(message)),
        Rtnl::GetNsId(message) => ("GETNSID", nsid(message)),
        _ => ("RTM", Line(vec![message.message_type().to_string()])),
    };
    (name.to_owned(), line.to_string())
}

fn link(message: &LinkMessage) -> Line {
    let (mut line, mut rest) = (Line::default(), Line::default());
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => line.push(name),
            LinkAttribute::Mtu(mtu) => rest.push(format_args!("mtu={mtu}")),
            LinkAttribute::Address(mac) => {
                let mac = mac.as_slice().try_into();
                rest.0
                    .extend(mac.map(|mac| format!("address={}", Mac(mac))));
            }
            LinkAttribute::Controller(dev) => rest.push(format_args!("master={dev}")),
            LinkAttribute::Group(group) => rest.push(format_args!("group={group}")),
            LinkAttribute::IfAlias(alias) => rest.push(format_args!("alias={alias}")),
            LinkAttribute::NetNsFd(fd) => rest.push(format_args!("netns=fd {fd}")),
            LinkAttribute::LinkInfo(infos) => infos.iter().for_each(|one| info(one, &mut rest)),
            LinkAttribute::AfSpecUnspec(specs) => addrgen(specs, &mut rest),
            _ => {}
        }
    }
    if message.header.index != 0 {
        line.push(format_args!("dev={}", message.header.index));
    }
    if message.header.change_mask.contains(LinkFlags::Up) {
        let up = message.header.flags.contains(LinkFlags::Up);
        line.push(if up { "up" } else { "down" });
    }
    line.0.extend(rest.0);
    line
}

fn info(info: &LinkInfo, line: &mut Line) {
    match info {
        LinkInfo::Kind(kind) => line.push(format_args!("({kind})")),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))) => {
            line.push(format_args!("peer=[{}]", link(peer)));
        }
        _ => {}
    }
}

fn addrgen(specs: &[AfSpecUnspec], line: &mut Line) {
    for spec in specs {
        if let AfSpecUnspec::Inet6(attributes) = spec
            && let [AfSpecInet6::AddrGenMode(mode)] = attributes.as_slice()
        {
            let none = *mode == In6AddrGenMode::None;
            line.push(if none {
                "addrgenmode=none"
            } else {
                "addrgenmode=eui64"
            });
        }
    }
}

fn address(message: &AddressMessage) -> Line {
    let mut line = Line::default();
    for attribute in &message.attributes {
        if let AddressAttribute::Local(ip) = attribute {
            line.push(format_args!("{ip}/{}", message.header.prefix_len));
        }
    }
    line.push(format_args!("dev={}", message.header.index));
    line
}

fn route(message: &RouteMessage) -> Line {
    let mut line = Line::default();
    let prefix = message.header.destination_prefix_length;
    if prefix == 0 {
        line = family(message.header.address_family);
        line.push("default");
    }
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                line.0.extend(ip(to).map(|to| format!("{to}/{prefix}")));
            }
            RouteAttribute::Gateway(via) => line.0.extend(ip(via).map(|via| format!("via={via}"))),
            RouteAttribute::Oif(dev) => line.push(format_args!("dev={dev}")),
            RouteAttribute::Priority(metric) => line.push(format_args!("metric={metric}")),
            _ => {}
        }
    }
    line
}

fn family(family: AddressFamily) -> Line {
    Line(vec![format!("{family:?}").to_lowercase()])
}

fn neighbour(message: &NeighbourMessage) -> Line {
    let mut line = Line::default();
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => line.push(ip),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => line.push(ip),
            _ => {}
        }
    }
    line.push(format_args!("dev={}", message.header.ifindex));
    line
}

fn nsid(message: &NsidMessage) -> Line {
    let mut line = Line::default();
    for attribute in &message.attributes {
        match attribute {
            NsidAttribute::Fd(fd) => line.push(format_args!("netns=fd {fd}")),
            NsidAttribute::Id(id) => line.push(format_args!("id={id}")),
            _ => {}
        }
    }
    line
}
