//! Why the kernel has no way for a packet.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{End, Walk};
use crate::explain::absent;
use crate::explain::cause::Cause;
use crate::explain::ground::{Packet, Unrouted};
use crate::explain::link;
use crate::explain::segment::{self, Spot};
use crate::state::is_link_local;
use crate::state::survey::Device;

/// On a device that takes less there is no IPv6 (RFC 8200, 5).
const IPV6_MIN_MTU: u32 = 1280;

impl Walk<'_> {
    /// What the kernel's refusal means; not each is a route's.
    pub(super) fn unroutable(
        &self,
        at: usize,
        came: Option<Spot>,
        packet: &Packet,
        why: Unrouted,
    ) -> End {
        let (netns, to) = (&self.space(at).name, packet.destination);
        let refused =
            self.says(at, "blackhole", to) || self.rule(at, "blackhole", packet).is_some();
        let filters = |came: Spot| {
            let dev = &self.space(at).devices[came.1].name;
            let on = |dev: &str| {
                let set = self
                    .ground
                    .setting(at, &format!("ipv4/conf/{dev}/rp_filter"));
                set.is_some_and(|set| set != "0")
            };
            on("all") || on(dev)
        };
        let source = packet.source.unwrap_or(to);
        let local = "of 127.0.0.0/8 `route_localnet` decides";
        End::Unknown(match (why, came) {
            (Unrouted::Group, _) => {
                format!("who takes what is sent to {to}, a group or all on a link")
            }
            (Unrouted::Invalid, None) if !refused => {
                format!("{netns} may not send from {source} to {to} (EINVAL; {local})")
            }
            (Unrouted::Invalid, Some(came))
                if !refused && !self.is_martian(at, source) && !filters(came) =>
            {
                format!("{netns} refuses what comes from {source} to {to} (EINVAL; {local})")
            }
            (Unrouted::Other(errno), _) => {
                let error = std::io::Error::from_raw_os_error(errno);
                format!("the kernel tells no way from {netns} to {to}: {error}")
            }
            _ => return End::Stops(Box::new(self.unrouted(at, came, packet, why))),
        })
    }

    /// The device that is told not to forward, where the namespace as a whole does.
    pub(super) fn off_on(&self, at: usize, packet: &Packet) -> Option<String> {
        let whole = self.ground.setting(at, "ipv4/ip_forward");
        let single = !packet.v6() && whole.as_deref() == Some("1");
        let iif = packet.iif.as_ref().filter(|_| single);
        iif.map(|(dev, _)| dev.clone())
    }

    fn unrouted(&self, at: usize, came: Option<Spot>, packet: &Packet, why: Unrouted) -> Cause {
        let (netns, to) = (self.space(at).name.clone(), packet.destination);
        let kind = |kind: &str| Cause::Refused {
            netns: netns.clone(),
            kind: kind.to_owned(),
            to,
            rule: self
                .rule(at, kind, packet)
                .filter(|_| !self.says(at, kind, to)),
        };
        let rule = |kind: &str| self.rule(at, kind, packet).is_some();
        let source = packet.source.unwrap_or(to);
        match (why, came) {
            (Unrouted::ReversePath, Some(came)) => Cause::ReversePath {
                at: link::place(self.survey, came),
                source,
            },
            (Unrouted::Invalid, Some(came)) if self.is_martian(at, source) => Cause::Martian {
                at: link::place(self.survey, came),
                source,
            },
            (Unrouted::Invalid, Some(came))
                if !self.says(at, "blackhole", to) && !rule("blackhole") =>
            {
                Cause::ReversePath {
                    at: link::place(self.survey, came),
                    source,
                }
            }
            (Unrouted::Invalid, _) => kind("blackhole"),
            (Unrouted::Prohibited, _) => kind("prohibit"),
            (Unrouted::Unreachable, Some(_)) if self.is_off(at, packet) => Cause::ForwardingOff {
                netns,
                v6: packet.v6(),
                dev: self.off_on(at, packet),
            },
            (Unrouted::Unreachable, _) if self.says(at, "unreachable", to) => kind("unreachable"),
            // A rule that says so answers as if there were no route; there is one.
            (Unrouted::None | Unrouted::Unreachable, _)
                if rule("unreachable") && self.leads(at, to) =>
            {
                kind("unreachable")
            }
            _ => self.no_route(at, came, packet),
        }
    }

    /// Nothing leads there.
    fn no_route(&self, at: usize, came: Option<Spot>, packet: &Packet) -> Cause {
        let to = packet.destination;
        if packet.v6()
            && let Some(cause) = self.without_ipv6(at, to)
        {
            return cause;
        }
        if came.is_none() && self.is_own(at, to) {
            return Cause::LoopbackDown(self.space(at).name.clone());
        }
        let cause = absent::cause(self.survey, at, to, packet.answer);
        match (&cause, self.forwarder) {
            // Who was asked from beyond the host knows nothing of the networks behind it.
            (Cause::NoReturnRoute { netns, .. }, Some((by, source)))
                if self.space(by).host && source == to && self.is_inside(by, source) =>
            {
                Cause::NoMasquerade {
                    netns: self.space(by).name.clone(),
                    source,
                    knows_not: netns.clone(),
                }
            }
            _ => cause,
        }
    }

    /// Whether an address is in a subnet of a bridge of the namespace.
    fn is_inside(&self, at: usize, address: IpAddr) -> bool {
        let bridges = self
            .space(at)
            .devices
            .iter()
            .filter(|device| device.kind == "bridge");
        let mut subnets = bridges.flat_map(|bridge| bridge.addresses.iter());
        subnets.any(|one| one.net.contains(&address))
    }

    fn is_own(&self, at: usize, address: IpAddr) -> bool {
        let all = self
            .space(at)
            .devices
            .iter()
            .flat_map(|device| &device.addresses);
        let own = all.into_iter().any(|one| one.net.addr() == address);
        own || address.is_loopback()
    }

    fn is_martian(&self, at: usize, source: IpAddr) -> bool {
        source.is_loopback() || source.is_multicast() || self.is_own(at, source)
    }

    fn says(&self, at: usize, kind: &str, to: IpAddr) -> bool {
        let mut routes = self.space(at).routes.iter();
        routes.any(|route| route.kind == kind && route.to.contains(&to))
    }

    /// Whether some route leads there.
    fn leads(&self, at: usize, to: IpAddr) -> bool {
        let mut routes = self.space(at).routes.iter();
        routes.any(|route| route.to.contains(&to))
    }

    /// The routing rule that says so of the packet, as `ip rule` lists it. What else it asks for,
    /// such as marks, is not looked at: the kernel has said no.
    fn rule(&self, at: usize, kind: &str, packet: &Packet) -> Option<String> {
        let rules = self.space(at).rules.iter();
        let mut rules = rules.filter(|rule| rule.v6 == packet.v6());
        let says = rules.find(|rule| {
            let words: Vec<&str> = rule.words.split(' ').collect();
            let fits = |word: &str, address: Option<IpAddr>| {
                let at = words.iter().position(|one| *one == word);
                let net = at.and_then(|at| words.get(at + 1)?.parse::<IpNet>().ok());
                net.is_none_or(|net| address.is_none_or(|address| net.contains(&address)))
            };
            let right = words.contains(&kind) && !words.contains(&"not");
            right && fits("to", Some(packet.destination)) && fits("from", packet.source)
        })?;
        Some(format!("{}: {}", says.priority, says.words))
    }

    /// A device that has no IPv6 and so no way there: all are so that could have one, or who is
    /// looked for is on its link.
    fn without_ipv6(&self, at: usize, to: IpAddr) -> Option<Cause> {
        let cards = self.space(at).devices.iter().enumerate();
        let cards =
            cards.filter(|(_, device)| device.kind != "loopback" && device.master.is_none());
        let has_any = |device: &Device| {
            let mut own = device.addresses.iter().map(|one| one.net);
            own.any(|net| net.addr().is_ipv6() && !is_link_local(&net))
        };
        let peopled = cards.clone().any(|(_, device)| has_any(device));
        let holder = link::holder(self.survey, (at, 0), to);
        let blamed = |n: usize| {
            let there = || segment::from(self.survey, (at, n)).places;
            !peopled || holder.is_some_and(|holder| there().contains_key(&holder))
        };
        cards.into_iter().find_map(|(n, device)| {
            let (place, mtu) = (link::place(self.survey, (at, n)), device.mtu);
            let path = format!("ipv6/conf/{}/disable_ipv6", device.name);
            let off = || self.ground.setting(at, &path).as_deref() == Some("1");
            match mtu < IPV6_MIN_MTU || off() {
                true if !blamed(n) => None,
                true if mtu < IPV6_MIN_MTU => Some(Cause::Ipv6Mtu { at: place, mtu }),
                true => Some(Cause::Ipv6Off(place)),
                false => None,
            }
        })
    }

    /// Whether the namespace hands nothing on.
    pub(super) fn is_off(&self, at: usize, packet: &Packet) -> bool {
        let forwards = self.space(at).forwards;
        match packet.v6() {
            true => !forwards.ipv6,
            false => {
                let dev = packet.iif.as_ref().map_or("all", |(dev, _)| dev.as_str());
                let path = format!("ipv4/conf/{dev}/forwarding");
                self.ground.setting(at, &path).as_deref() == Some("0")
            }
        }
    }
}
