//! Devices: how they come, change and go.

use super::{Failure, Fake, failure, refuse, route, sysctl};
use crate::plan::{Op, Setting};
use crate::state::{AddrGen, End, Filtering, IfName, Link, LinkKind, Mac, Namespace, Netns, Vlans};

const DEFAULT_MTU: u32 = 1500;
/// Of a WireGuard interface (`wg_setup`, drivers/net/wireguard/device.c).
const TUNNEL_MTU: u32 = 1420;
/// Below this a device has no IPv6 (`addrconf_notify`, net/ipv6/addrconf.c).
const IPV6_MIN_MTU: u32 = 1280;

pub(super) fn loopback() -> IfName {
    "lo".parse().expect("`lo` is a valid name")
}

/// What is left open becomes what the kernel chooses.
pub(super) fn add(namespace: &mut Namespace, end: &End, link: Link, chosen: Mac) {
    let lo = link.kind == LinkKind::Loopback;
    let tunnel = link.kind == LinkKind::Wireguard;
    let mtu = link.mtu.unwrap_or(match link.kind {
        LinkKind::Loopback => 65536,
        LinkKind::Wireguard => TUNNEL_MTU,
        _ => DEFAULT_MTU,
    });
    let mode = link.addrgen.unwrap_or(AddrGen::Eui64);
    let link = Link {
        mtu: Some(mtu),
        mac: link.mac.or(Some(chosen)).filter(|_| !lo && !tunnel),
        wireguard: link.wireguard.or(tunnel.then(Box::default)),
        addrgen: Some(mode).filter(|_| mtu >= IPV6_MIN_MTU),
        mute: link.up && mode == AddrGen::None && mtu >= IPV6_MIN_MTU,
        ..link
    };
    namespace.links.insert(end.dev.clone(), link);
    sysctl::add_device(namespace, &end.dev);
}

/// A device goes with its routes and settings; a bridge sets its ports free.
pub(super) fn remove(namespace: &mut Namespace, dev: &IfName) {
    namespace.links.remove(dev);
    namespace.routes.retain(|route| route.dev != *dev);
    namespace.lost.retain(|route| route.dev != *dev);
    sysctl::remove_device(namespace, dev);
    for link in namespace.links.values_mut() {
        link.master = link.master.take().filter(|master| master != dev);
        link.hairpin &= link.master.is_some();
        if link.master.is_none() && link.kind != LinkKind::Bridge {
            link.vlans = Vlans::default();
        }
    }
}

pub(super) fn get<'a>(namespace: &'a mut Namespace, dev: &IfName) -> Result<&'a mut Link, Failure> {
    namespace
        .links
        .get_mut(dev)
        .ok_or_else(|| failure(libc::ENODEV))
}

pub(super) fn set(namespace: &mut Namespace, dev: &IfName, set: &Setting) -> Result<(), Failure> {
    let link = get(namespace, dev)?;
    match set {
        Setting::Up(true) => {
            link.up = true;
            link.mute = link.addrgen == Some(AddrGen::None);
            if link.kind == LinkKind::Wireguard && has_ipv6(link) {
                // `wg_open` (drivers/net/wireguard/device.c).
                (link.addrgen, link.mute) = (Some(AddrGen::None), false);
            }
        }
        Setting::Up(false) => take_down(namespace, dev),
        Setting::Mtu(mtu) => {
            link.mtu = Some(*mtu);
            if *mtu < IPV6_MIN_MTU {
                link.addrgen = None;
                flush_ipv6(namespace, dev);
            } else {
                link.addrgen.get_or_insert(AddrGen::Eui64);
            }
        }
        Setting::Mac(mac) => link.mac = Some(*mac),
        Setting::Master(master) => return enslave(namespace, dev, master.as_ref()),
        // `do_setlink` asks the bridge (net/core/rtnetlink.c).
        Setting::Hairpin(_) if link.master.is_none() => return refuse(libc::EOPNOTSUPP),
        Setting::Hairpin(on) => link.hairpin = *on,
        Setting::Localnet(on) => link.localnet = *on,
        Setting::AddrGen(_) if !has_ipv6(link) => return refuse(libc::EAFNOSUPPORT),
        // What a device that is up has made, or has not, stays so.
        Setting::AddrGen(mode) => link.addrgen = Some(*mode),
        Setting::Isolated(_) | Setting::Forwarding(_) if link.master.is_none() => {
            return refuse(libc::EINVAL);
        }
        Setting::Isolated(on) => link.isolated = *on,
        Setting::Filtering(_) | Setting::OwnVlans(_) if link.kind != LinkKind::Bridge => {
            return refuse(libc::EOPNOTSUPP);
        }
        Setting::Filtering(filtering) => return filter(namespace, dev, *filtering),
        Setting::Vlans(_) if link.master.is_none() => return refuse(libc::EOPNOTSUPP),
        Setting::Vlans(vlans) | Setting::OwnVlans(vlans) => link.vlans.clone_from(vlans),
        Setting::Forwarding(on) => link.blocked = !on,
        // `tc_get_qdisc`, net/sched/sch_api.c.
        Setting::Qdisc(None) if link.qdisc.is_none() => return refuse(libc::ENOENT),
        Setting::Qdisc(qdisc) => link.qdisc.clone_from(qdisc),
        Setting::Wireguard(_) if link.kind != LinkKind::Wireguard => {
            return refuse(libc::EOPNOTSUPP);
        }
        Setting::Wireguard(all) => link.wireguard = Some(all.clone()),
    }
    Ok(())
}

/// What goes is the one that every port had, which is not told.
fn filter(namespace: &mut Namespace, bridge: &IfName, to: Filtering) -> Result<(), Failure> {
    let link = get(namespace, bridge)?;
    let comes = to.default_pvid != 0 && to.default_pvid != link.filtering.default_pvid;
    link.filtering = to;
    let sides = namespace.links.iter_mut();
    let sides = sides.filter(|(dev, l)| *dev == bridge || l.master.as_ref() == Some(bridge));
    for (_, side) in sides.filter(|_| comes) {
        side.vlans = side.vlans.beside(to.default_pvid);
    }
    Ok(())
}

/// `fib_disable_ip` flushes the IPv4 routes, `addrconf_ifdown` IPv6 routes and addresses.
fn take_down(namespace: &mut Namespace, dev: &IfName) {
    if let Some(link) = namespace.links.get_mut(dev) {
        // With it go the addresses of IPv6, and a port's state.
        (link.up, link.mute, link.blocked) = (false, false, false);
    }
    route::flush(namespace, dev, |to| to.addr().is_ipv4());
    flush_ipv6(namespace, dev);
}

fn flush_ipv6(namespace: &mut Namespace, dev: &IfName) {
    route::flush(namespace, dev, |to| to.addr().is_ipv6());
    if let Some(link) = namespace.links.get_mut(dev) {
        link.addresses.retain(|address| address.addr().is_ipv4());
        link.expiring.retain(|address, _| address.addr().is_ipv4());
        link.mute = false;
    }
}

pub(super) fn has_ipv6(link: &Link) -> bool {
    link.mtu.is_none_or(|mtu| mtu >= IPV6_MIN_MTU)
}

fn enslave(
    namespace: &mut Namespace,
    dev: &IfName,
    bridge: Option<&IfName>,
) -> Result<(), Failure> {
    let is_bridge = |name: &IfName| {
        let link = namespace.links.get(name);
        link.map(|link| link.kind == LinkKind::Bridge)
    };
    match bridge.map(is_bridge) {
        Some(None) => return refuse(libc::ENODEV),
        Some(Some(false)) => return refuse(libc::EOPNOTSUPP),
        _ => {}
    }
    let link = get(namespace, dev)?;
    link.hairpin &= link.master.as_ref() == bridge;
    link.vlans = Vlans::default();
    link.master = bridge.cloned();
    (link.isolated, link.blocked) = (false, false);
    Ok(())
}

impl Fake {
    pub(super) fn is_free(&self, end: &End) -> Result<(), Failure> {
        match self.namespaces.get(&end.netns) {
            None => refuse(libc::ENOENT),
            Some(namespace) if namespace.links.contains_key(&end.dev) => refuse(libc::EEXIST),
            Some(_) => Ok(()),
        }
    }

    /// A bridge takes the smallest MTU of its ports until it is given one
    /// (`br_mtu_auto_adjust`, net/bridge/br_if.c).
    pub(super) fn adjust_bridges(&mut self, op: &Op) {
        let given = match op {
            Op::SetLink {
                end,
                set: Setting::Mtu(_),
                ..
            } => Some(end),
            // To give it the one that it has anyway changes nothing.
            Op::AddBridge { end, link } => link.mtu.filter(|m| *m != DEFAULT_MTU).and(Some(end)),
            _ => None,
        };
        self.given_mtu.extend(given.cloned());
        for (netns, namespace) in &mut self.namespaces {
            let at = |dev: &IfName| End {
                netns: netns.clone(),
                dev: dev.clone(),
            };
            let links = &mut namespace.links;
            self.given_mtu
                .retain(|end| end.netns != *netns || links.contains_key(&end.dev));
            let ports: Vec<_> = (links.values())
                .filter_map(|port| Some((port.master.clone()?, port.mtu?)))
                .collect();
            for (dev, link) in links {
                if link.kind == LinkKind::Bridge && !self.given_mtu.contains(&at(dev)) {
                    let mine = ports.iter().filter(|(bridge, _)| bridge == dev);
                    link.mtu = mine.map(|(_, mtu)| *mtu).min().or(Some(DEFAULT_MTU));
                }
            }
        }
    }

    pub(super) fn add_bridge(&mut self, end: &End, link: &Link) -> Result<(), Failure> {
        self.is_free(end)?;
        self.add_device(end, bare(link));
        Ok(())
    }

    pub(super) fn add_wireguard(&mut self, end: &End, link: &Link) -> Result<(), Failure> {
        self.is_free(end)?;
        self.add_device(end, bare(link));
        Ok(())
    }

    /// Both namespaces must be there. The far end comes with its name, hardware
    /// address and MTU alone.
    pub(super) fn add_veth(
        &mut self,
        (near, near_link): (&End, &Link),
        (far, far_link): (&End, &Link),
    ) -> Result<(), Failure> {
        self.is_free(near)?;
        self.is_free(far)?;
        let there = &self.namespace(&near.netns)?.links;
        if (near_link.master.as_ref()).is_some_and(|bridge| !there.contains_key(bridge)) {
            return refuse(libc::ENODEV);
        }
        let joined = |peer: &End| {
            Link::new(LinkKind::Veth {
                peer: Some(peer.clone()),
            })
        };
        let made = Link {
            mtu: far_link.mtu,
            mac: far_link.mac,
            ..joined(near)
        };
        self.add_device(far, made);
        let made = Link {
            kind: joined(far).kind,
            ..bare(near_link)
        };
        self.add_device(near, made);
        Ok(())
    }

    /// A device keeps all but its name (`dev_change_name`, net/core/dev.c).
    pub(super) fn rename(
        &mut self,
        netns: &Netns,
        from: &IfName,
        to: &IfName,
    ) -> Result<(), Failure> {
        let end = |dev: &IfName| End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        self.is_free(&end(to))?;
        let renames = self.renames;
        let namespace = self.namespace(netns)?;
        let link = get(namespace, from)?.clone();
        if link.up && !renames {
            return refuse(libc::EBUSY);
        }
        namespace.links.remove(from);
        namespace.links.insert(to.clone(), link);
        sysctl::rename_device(namespace, from, to);
        route::rename_device(namespace, from, to);
        let masters = namespace.links.values_mut().map(|port| &mut port.master);
        for master in masters.flatten().filter(|master| *master == from) {
            master.clone_from(to);
        }
        if self.given_mtu.remove(&end(from)) {
            self.given_mtu.insert(end(to));
        }
        Ok(())
    }

    /// Several devices go by their group, and with them whatever else is in it.
    pub(super) fn del_links(
        &mut self,
        netns: &Netns,
        devs: &[IfName],
        group: u32,
    ) -> Result<(), Failure> {
        let namespace = self.namespace(netns)?;
        if devs.iter().any(|dev| !namespace.links.contains_key(dev)) {
            return refuse(libc::ENODEV);
        }
        let in_group = |(_, link): &(&IfName, &Link)| devs.len() > 1 && link.group == group;
        let others = namespace.links.iter().filter(in_group);
        let others: Vec<IfName> = others.map(|(dev, _)| dev.clone()).collect();
        for dev in devs.iter().chain(&others) {
            let namespace = self.namespace(netns)?;
            let peer = namespace.links.get(dev).and_then(Link::peer).cloned();
            remove(namespace, dev);
            if let Some(namespace) = peer
                .as_ref()
                .and_then(|p| self.namespaces.get_mut(&p.netns))
            {
                remove(
                    namespace,
                    &peer.map(|peer| peer.dev).unwrap_or_else(loopback),
                );
            }
        }
        self.orphans();
        Ok(())
    }
}

/// The request that makes a device gives it no address and no group.
pub(super) fn bare(link: &Link) -> Link {
    Link {
        addresses: Vec::new(),
        group: 0,
        hairpin: false,
        localnet: false,
        qdisc: None,
        ..link.clone()
    }
}
