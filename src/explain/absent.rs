//! Why there is no route.

use std::net::IpAddr;

use ipnet::IpNet;

use super::cause::Cause;
use super::link::{holder, place};
use super::map::Map;
use super::segment;
use crate::state::is_link_local;
use crate::state::survey::Device;

/// The cause: something that is switched off, no address, a prefix that is too narrow, or no
/// route and nothing else.
pub(super) fn cause(survey: &Map<'_>, space: usize, to: IpAddr, back: bool) -> Cause {
    let netns = survey.namespaces[space].name.clone();
    let v6 = to.is_ipv6();
    let devices = || {
        let all = survey.namespaces[space].devices.iter().enumerate();
        all.filter(|(_, device)| device.kind != "loopback")
    };
    let own = |device: &Device| -> Vec<IpNet> {
        let nets = device.addresses.iter().map(|one| one.net);
        nets.filter(|net| net.addr().is_ipv6() == v6 && !is_link_local(net))
            .collect()
    };
    let covers = |device: &Device| own(device).iter().any(|net| net.contains(&to));
    let down = |(_, device): &(usize, &Device)| !device.up;
    if let Some((n, _)) = devices().filter(down).find(|(_, device)| covers(device)) {
        return Cause::DeviceDown(place(survey, (space, n)));
    }
    let addressed: Vec<(usize, &Device)> = devices()
        .filter(|(_, device)| !own(device).is_empty())
        .collect();
    match addressed.as_slice() {
        // A device that takes its IPv6 addresses with it is down before it has none.
        [] => {
            return match devices().find(down) {
                Some((n, _)) if v6 || devices().all(|one| down(&one)) => {
                    Cause::DeviceDown(place(survey, (space, n)))
                }
                _ => Cause::NoAddress { netns, v6 },
            };
        }
        all if all.iter().all(down) => {
            return Cause::DeviceDown(place(survey, (space, all[0].0)));
        }
        _ => {}
    }
    for (n, device) in addressed {
        let nets = own(device);
        if let Some(own) = too_narrow(survey, (space, n), &nets, to) {
            let at = place(survey, (space, n));
            return Cause::WrongPrefix { at, own, other: to };
        }
    }
    match back {
        true => Cause::NoReturnRoute { netns, to },
        false => Cause::NoRoute { netns, to },
    }
}

/// An own address on the link that the other is on, too, and whose subnet the own one is in
/// by the other's word.
fn too_narrow(survey: &Map<'_>, spot: segment::Spot, own: &[IpNet], to: IpAddr) -> Option<IpNet> {
    let other = holder(survey, spot, to)?;
    let there = segment::from(survey, spot);
    if !there.places.contains_key(&other) {
        return None;
    }
    let theirs = &survey.namespaces[other.0].devices[other.1].addresses;
    let theirs = theirs
        .iter()
        .map(|one| one.net)
        .find(|net| net.addr() == to)?;
    let inside = |net: &&IpNet| theirs.contains(&net.addr()) && !net.contains(&to);
    own.iter().find(inside).copied()
}
