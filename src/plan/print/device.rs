//! The commands that make, rename and remove devices.

use super::{ip, quoted, vlan_lines, word};
use crate::plan::Setting;
use crate::state::{AddrGen, End, IfName, Link, Netns, Vlans};

pub(super) fn add_bridge(end: &End, link: &Link) -> Vec<String> {
    let (ip, dev) = (ip(&end.netns), quoted(&end.dev));
    let mac = link
        .mac
        .map_or(String::new(), |mac| format!(" address {mac}"));
    let vlans = match link.filtering.is_usual() {
        true => String::new(),
        false => format!(" {}", link.filtering),
    };
    let mut lines = vec![format!("{ip} link add name {dev}{mac} type bridge{vlans}")];
    lines.extend(vlan_lines(end, (&link.vlans, &Vlans::default()), " self"));
    let mut set = |what: String| lines.push(format!("{ip} link set dev {dev} {what}"));
    // A bridge takes the smallest MTU of its ports until it is given one.
    if let Some(mtu) = link.mtu {
        set(Setting::Mtu(mtu).to_string());
    }
    marks(link, &mut set);
    if link.up {
        set(Setting::Up(true).to_string());
    }
    lines
}

/// What the kernel does not take in the request that makes a device.
fn marks(link: &Link, set: &mut impl FnMut(String)) {
    if let Some(lab) = &link.owner {
        set(format!("alias netyard:{lab}  # the lab's mark"));
    }
    // With a smaller MTU the device has no IPv6 (RFC 8200, 5), nor this setting.
    if link.addrgen == Some(AddrGen::None) && link.mtu.is_none_or(|mtu| mtu >= 1280) {
        let mode = Setting::AddrGen(AddrGen::None);
        set(format!("{mode}  # no IPv6 address but those it is given"));
    }
}

pub(super) fn add_veth(near: &End, near_link: &Link, far: &End, far_link: &Link) -> Vec<String> {
    let (ip, dev) = (ip(&near.netns), quoted(&near.dev));
    let master = |link: &Link| match &link.master {
        Some(master) => format!(" master {}", quoted(master)),
        None => String::new(),
    };
    let up = if near_link.up { " up" } else { "" };
    let netns = match &far.netns {
        same if *same == near.netns => String::new(),
        netns => into(netns),
    };
    let mut lines = vec![format!(
        "{ip} link add name {dev}{}{}{up} type veth peer name {}{}{netns}",
        attributes(near_link),
        master(near_link),
        quoted(&far.dev),
        attributes(far_link),
    )];
    marks(near_link, &mut |what| {
        lines.push(format!("{ip} link set dev {dev} {what}"))
    });
    lines.extend(vlan_lines(near, (&near_link.vlans, &Vlans::default()), ""));
    lines
}

/// Where a device is made, if not here.
fn into(netns: &Netns) -> String {
    match netns {
        // The host's namespace is that of the first process.
        Netns::Host => " netns 1".to_owned(),
        Netns::At(path) => format!(" netns {}", word(path.as_str())),
        Netns::Named(name) => format!(" netns {name}"),
    }
}

/// A device that is made elsewhere than it is asked for is called so first: before Linux 6.15
/// its name may be no other device's where it is asked for (`__rtnl_newlink`,
/// net/core/rtnetlink.c), and `eth0` often is. netyard itself chooses an index, which frees it of that.
const ON_THE_WAY: &str = "netyard-new";

pub(super) fn add_child(end: &End, link: &Link) -> Vec<String> {
    let Some((parent, kind)) = link
        .child()
        .and_then(|c| Some((c.parent.as_ref()?, c.kind)))
    else {
        return Vec::new();
    };
    let dev = quoted(&end.dev);
    let elsewhere = end.netns != parent.netns;
    let mut lines = vec![format!(
        "{} link add link {} name {}{}{} type {kind}",
        ip(&parent.netns),
        quoted(&parent.dev),
        if elsewhere { ON_THE_WAY } else { &dev },
        attributes(link),
        into(&end.netns),
    )];
    let ip = ip(&end.netns);
    if elsewhere {
        lines.push(format!("{ip} link set dev {ON_THE_WAY} name {dev}"));
    }
    marks(link, &mut |what| {
        lines.push(format!("{ip} link set dev {dev} {what}"))
    });
    lines
}

pub(super) fn add_wireguard(end: &End, link: &Link) -> Vec<String> {
    let (ip, dev) = (ip(&end.netns), quoted(&end.dev));
    let mut lines = vec![format!(
        "{ip} link add name {dev}{} type wireguard",
        attributes(link)
    )];
    marks(link, &mut |what| {
        lines.push(format!("{ip} link set dev {dev} {what}"))
    });
    lines
}

fn attributes(link: &Link) -> String {
    let mac = link
        .mac
        .map_or(String::new(), |mac| format!(" address {mac}"));
    let mtu = link.mtu.map_or(String::new(), |mtu| format!(" mtu {mtu}"));
    mac + &mtu
}

pub(super) fn rename_line(netns: &Netns, from: &IfName, to: &IfName) -> String {
    let (from, to) = (quoted(from), quoted(to));
    format!("{} link set dev {from} name {to}", ip(netns))
}

pub(super) fn del_links(netns: &Netns, devs: &[IfName], group: u32) -> Vec<String> {
    let ip = ip(netns);
    if let [dev] = devs {
        return vec![format!("{ip} link del dev {}", quoted(dev))];
    }
    let join = |dev| format!("{ip} link set dev {} group {group}", quoted(dev));
    let mut lines: Vec<String> = devs.iter().map(join).collect();
    lines.push(format!("{ip} link del group {group}"));
    lines
}
