//! What each kind of device has beside, in the words of ip-link(8).

use std::collections::BTreeMap;
use std::fmt::Display;

use netlink_packet_route::link::{
    BridgeStpState, InfoBond, InfoBridge, InfoData, InfoGeneve, InfoGre, InfoIpTunnel, InfoIpVlan,
    InfoMacVlan, InfoMacVtap, InfoVlan, InfoVrf, InfoVxlan, IpVlanFlags,
};

/// Words and values.
type Details = BTreeMap<String, String>;

/// The details of one device.
pub(super) fn details(data: &InfoData) -> Details {
    let mut told = Details::new();
    let mut tell = |word: &str, value: &dyn Display| {
        told.insert(word.to_owned(), value.to_string());
    };
    match data {
        InfoData::Bridge(all) => all.iter().for_each(|one| bridge(one, &mut tell)),
        InfoData::Vlan(all) => all.iter().for_each(|one| match one {
            InfoVlan::Id(id) => tell("id", id),
            InfoVlan::Protocol(protocol) => tell("protocol", protocol),
            _ => {}
        }),
        InfoData::Vxlan(all) => all.iter().for_each(|one| vxlan(one, &mut tell)),
        InfoData::Geneve(all) => all.iter().for_each(|one| geneve(one, &mut tell)),
        InfoData::Bond(all) => all.iter().for_each(|one| match one {
            InfoBond::Mode(mode) => tell("mode", mode),
            InfoBond::MiiMon(ms) => tell("miimon", ms),
            _ => {}
        }),
        InfoData::MacVlan(all) => all.iter().for_each(|one| {
            if let InfoMacVlan::Mode(mode) = one {
                tell("mode", mode);
            }
        }),
        InfoData::MacVtap(all) => all.iter().for_each(|one| {
            if let InfoMacVtap::Mode(mode) = one {
                tell("mode", mode);
            }
        }),
        InfoData::IpVlan(all) => all.iter().for_each(|one| ipvlan(one, &mut tell)),
        InfoData::Vrf(all) => all.iter().for_each(|one| {
            if let InfoVrf::TableId(table) = one {
                tell("table", table);
            }
        }),
        InfoData::GreTun(all) | InfoData::GreTap(all) | InfoData::ErSpan(all) => {
            all.iter().for_each(|one| match one {
                InfoGre::Local(ip) => tell("local", ip),
                InfoGre::Remote(ip) => tell("remote", ip),
                _ => {}
            });
        }
        InfoData::IpTunnel(all) => all.iter().for_each(|one| match one {
            InfoIpTunnel::Local(ip) => tell("local", ip),
            InfoIpTunnel::Remote(ip) => tell("remote", ip),
            _ => {}
        }),
        _ => {}
    }
    told
}

fn bridge(one: &InfoBridge, tell: &mut impl FnMut(&str, &dyn Display)) {
    match one {
        InfoBridge::StpState(state) => {
            let on = !matches!(state, BridgeStpState::Disabled);
            tell("stp", &if on { "on" } else { "no" });
        }
        InfoBridge::VlanFiltering(true) => tell("vlan_filtering", &1),
        _ => {}
    }
}

fn geneve(one: &InfoGeneve, tell: &mut impl FnMut(&str, &dyn Display)) {
    match one {
        InfoGeneve::Id(id) => tell("id", id),
        InfoGeneve::Remote(ip) => tell("remote", ip),
        InfoGeneve::Remote6(ip) => tell("remote", ip),
        InfoGeneve::Port(port) => tell("dstport", port),
        _ => {}
    }
}

/// What its mode says is another thing than who on the card hears whom.
fn ipvlan(one: &InfoIpVlan, tell: &mut impl FnMut(&str, &dyn Display)) {
    match one {
        InfoIpVlan::Mode(mode) => tell("mode", mode),
        InfoIpVlan::Flags(flags) if flags.contains(IpVlanFlags::Private) => {
            tell("flags", &"private");
        }
        InfoIpVlan::Flags(flags) if flags.contains(IpVlanFlags::Vepa) => tell("flags", &"vepa"),
        _ => {}
    }
}

fn vxlan(one: &InfoVxlan, tell: &mut impl FnMut(&str, &dyn Display)) {
    match one {
        InfoVxlan::Id(id) => tell("id", id),
        InfoVxlan::Group(ip) => tell("remote", ip),
        InfoVxlan::Group6(ip) => tell("remote", ip),
        InfoVxlan::Local(ip) => tell("local", ip),
        InfoVxlan::Local6(ip) => tell("local", ip),
        InfoVxlan::Port(port) => tell("dstport", port),
        _ => {}
    }
}
