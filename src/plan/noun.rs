//! What an operation is about, in a list whose signs say what becomes of it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::{Op, Setting, wireguard};
use crate::state::{Child, Element, End, Netns, Part, Qdisc, SetName, Tbf};

/// Where a reader looks for it: a namespace in itself, a cable to a bridge in the
/// namespace that it leads to.
pub(super) fn place(op: &Op) -> Netns {
    match op {
        Op::AddNetns { name } | Op::DelNetns { name, .. } => Netns::Named(name.clone()),
        Op::AddVeth { near_link, far, .. } if near_link.master.is_some() => far.netns.clone(),
        op => op.netns().clone(),
    }
}

/// The object, without what becomes of it: that is said by the sign.
pub(super) fn what(op: &Op) -> String {
    match op {
        Op::AddNetns { name } | Op::DelNetns { name, .. } => format!("namespace {name}"),
        Op::AddBridge { end, .. } => format!("bridge {}", end.dev),
        Op::AddVeth {
            near,
            near_link,
            far,
            ..
        } => match &near_link.master {
            Some(bridge) => format!("{}, plugged into {bridge}", far.dev),
            None => format!("{}, a cable to {far}", near.dev),
        },
        Op::AddChild { end, link } => match link.child() {
            Some(Child {
                parent: Some(parent),
                kind,
            }) => format!("{}, {kind}, on {parent}", end.dev),
            _ => end.dev.to_string(),
        },
        Op::AddWireguard { end, .. } => format!("{}, wireguard", end.dev),
        Op::SetLink { end, set, was } => setting(end, set, was),
        Op::RenameLink { from, to, .. } => format!("bridge {to} (now named {from})"),
        Op::DelLinks { .. } => op.title(),
        Op::DelFlows { .. } => op.object(),
        Op::AddAddress { end, address } | Op::DelAddress { end, address } => {
            format!("address {address} on {}", end.dev)
        }
        Op::SetLifetime {
            end,
            address,
            lifetime,
            was,
        } => format!("address {address} on {} {lifetime} (now {was})", end.dev),
        Op::AddRoute { route, .. } | Op::DelRoute { route, .. } => format!("route {route}"),
        Op::ReplaceRoute { route, was, .. } => match was.via {
            _ if was.options != route.options => {
                format!("route {route} (now {was})")
            }
            Some(via) if was.dev == route.dev => format!("route {route} (now via {via})"),
            Some(via) => format!("route {route} (now via {via} dev {})", was.dev),
            None => format!("route {route} (now dev {})", was.dev),
        },
        Op::AddRule { rule, .. } | Op::DelRule { rule, .. } => format!("rule {rule}"),
        Op::SetSysctl {
            key, value, was, ..
        } => {
            match was.first().filter(|(_, now)| now != value) {
                Some((_, now)) => format!("{key} = {value} (now {now})"),
                // Another write of the plan would change it.
                None => format!("{key} = {value} (kept)"),
            }
        }
        Op::AddTable { .. } | Op::DelTable { .. } => op.object(),
        Op::AddElement { set, element, .. } | Op::DelElement { set, element, .. } => {
            port(*set, element).unwrap_or_else(|| format!("{element} in nft set {}", set.as_str()))
        }
    }
}

/// Where a published port leads: "tcp 8080 -> 10.0.0.2:80", of a range "tcp 8000-8010 ->
/// 10.0.0.2".
fn port(set: SetName, element: &Element) -> Option<String> {
    let own = |net: &IpNet| match net.addr() {
        _ if net.prefix_len() == 0 => String::new(),
        IpAddr::V4(own) => format!("{own}:"),
        IpAddr::V6(own) => format!("[{own}]:"),
    };
    let (protocol, address, ports) = match &element.key[..] {
        _ if !set.leads() => return None,
        [Part::Protocol(protocol), ports] => (protocol, String::new(), ports),
        [Part::Net(net), Part::Protocol(protocol), ports] => (protocol, own(net), ports),
        _ => return None,
    };
    let to = match &element.data[..] {
        [Part::Net(net), Part::Ports(port, _)] => SocketAddr::new(net.addr(), *port).to_string(),
        [Part::Net(net)] => net.addr().to_string(),
        _ => return None,
    };
    Some(format!("{} {address}{ports} -> {to}", protocol.as_str()))
}

fn setting(end: &End, set: &Setting, was: &Setting) -> String {
    if let (Setting::Wireguard(set), Setting::Wireguard(was)) = (set, was) {
        return format!("{} {}", end.dev, wireguard::words(set, was));
    }
    let value = |setting: &Setting| match setting {
        Setting::Up(true) => "up".to_owned(),
        Setting::Up(false) => "down".to_owned(),
        Setting::Mtu(mtu) => mtu.to_string(),
        Setting::Mac(mac) => mac.to_string(),
        Setting::Master(None) => "no bridge".to_owned(),
        Setting::Master(Some(bridge)) => bridge.to_string(),
        Setting::AddrGen(mode) => mode.to_string(),
        Setting::Hairpin(on) | Setting::Localnet(on) => if *on { "on" } else { "off" }.to_owned(),
        Setting::Isolated(true) => "isolated".to_owned(),
        Setting::Isolated(false) => "not isolated".to_owned(),
        Setting::Forwarding(true) => "forwarding".to_owned(),
        Setting::Forwarding(false) => "disabled".to_owned(),
        Setting::Filtering(filtering) => match filtering.on {
            true if filtering.default_pvid != 0 => {
                format!("tells VLANs apart, ports in {}", filtering.default_pvid)
            }
            true => "tells VLANs apart".to_owned(),
            false => "tells no VLANs apart".to_owned(),
        },
        Setting::Vlans(vlans) | Setting::OwnVlans(vlans) => vlans.to_string(),
        Setting::Qdisc(Some(Qdisc::Tbf(tbf))) => limit(tbf, set, was),
        Setting::Qdisc(Some(other)) => other.to_string(),
        Setting::Qdisc(None) => "no limit".to_owned(),
        Setting::Wireguard(_) => set.to_string(),
    };
    let name = match set {
        Setting::Up(_)
        | Setting::Isolated(_)
        | Setting::Forwarding(_)
        | Setting::Filtering(_)
        | Setting::Qdisc(_)
        | Setting::Wireguard(_) => "",
        Setting::Vlans(_) | Setting::OwnVlans(_) => "VLANs ",
        Setting::Mtu(_) => "mtu ",
        Setting::Mac(_) => "hardware address ",
        Setting::Master(_) => "plugged into ",
        Setting::AddrGen(_) => "addrgenmode ",
        Setting::Hairpin(_) => "hairpin ",
        Setting::Localnet(_) => "route_localnet ",
    };
    format!("{} {name}{} (now {})", end.dev, value(set), value(was))
}

/// The rate; all of it where this is not what differs.
fn limit(tbf: &Tbf, set: &Setting, was: &Setting) -> String {
    let rate = |setting: &Setting| match setting {
        Setting::Qdisc(Some(Qdisc::Tbf(tbf))) => Some(tbf.rate),
        _ => None,
    };
    match rate(set) == rate(was) {
        true => tbf.to_string(),
        false => format!("rate {}", tbf.rate),
    }
}
