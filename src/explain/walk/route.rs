//! Where the kernel sends it, how large it may be there, and how many routers it may pass.

use super::{End, Walk};
use crate::explain::cause::Cause;
use crate::explain::ground::{Packet, Routed, Unrouted};
use crate::explain::segment::Spot;

/// How many routers a packet may pass where nothing is said (RFC 1700).
const TTL: u8 = 64;

impl Walk<'_> {
    /// Asks the kernel where it goes.
    pub(super) fn route(
        &mut self,
        at: usize,
        came: Option<Spot>,
        packet: &Packet,
    ) -> Result<Routed, End> {
        match self.ground.route(at, packet) {
            Ok(routed) => {
                let routed = self.chosen(at, packet, routed);
                self.note(at, "route", routed.text.clone());
                Ok(routed)
            }
            Err(why) => {
                let end = self.unroutable(at, came, packet, why);
                let to = packet.destination;
                let (what, text) = match &end {
                    End::Stops(cause) => match &**cause {
                        Cause::ForwardingOff { .. } => (
                            "forward",
                            "it does not hand on what is for others".to_owned(),
                        ),
                        Cause::Refused { kind, .. } => ("route", format!("{to}: {kind}")),
                        Cause::ReversePath { source, .. } | Cause::Martian { source, .. } => {
                            ("route", format!("what comes from {source} is refused"))
                        }
                        _ => ("route", format!("none to {to}")),
                    },
                    End::Unknown(_) if why == Unrouted::Group => {
                        ("route", format!("{to}, a group or all on a link"))
                    }
                    _ => ("route", format!("none to {to}")),
                };
                self.note(at, what, text);
                Err(end)
            }
        }
    }

    /// Of several ways of a route the one that is followed.
    pub(super) fn chosen(&mut self, at: usize, packet: &Packet, mut routed: Routed) -> Routed {
        let mut all = std::mem::take(&mut routed.others);
        if all.is_empty() {
            return routed;
        }
        let own = (routed.via, routed.dev);
        all.push(routed);
        all.sort_by_key(|one| (one.via, one.dev));
        let kernels = all.iter().position(|one| (one.via, one.dev) == own);
        let key = (at, packet.destination, packet.answer);
        let texts: Vec<String> = all.iter().map(|one| one.text.clone()).collect();
        let chosen = self.forks.at(key, texts, kernels.unwrap_or_default());
        let mut routed = all.swap_remove(chosen);
        routed.text += &format!(" (a hash chooses one of {} ways)", all.len() + 1);
        routed
    }

    /// How many routers it may pass when it is sent (`ip4_dst_hoplimit`, `ip6_dst_hoplimit`).
    pub(super) fn ttl(&self, at: usize, routed: &Routed, packet: &Packet) -> u8 {
        let path = match (packet.v6(), self.out(at, routed.dev)) {
            (true, Some(out)) => format!("ipv6/conf/{}/hop_limit", self.device(out).name),
            _ => "ipv4/ip_default_ttl".to_owned(),
        };
        let set = || self.ground.setting(at, &path)?.parse().ok();
        routed.ttl.or_else(set).unwrap_or(TTL)
    }

    /// Whether it may pass another router (`ip_forward`, `ip6_forward`).
    pub(super) fn lives(&mut self, at: usize, packet: &mut Packet) -> Result<(), End> {
        let netns = self.space(at).name.clone();
        let iif = packet.iif.as_ref().map(|(_, index)| *index);
        let seen = (at, iif, packet.source, packet.destination);
        if !self.handed.insert(seen) {
            return Err(Box::new(Cause::Circle(netns)).into());
        }
        if packet.ttl <= 1 {
            return Err(Box::new(Cause::TooFar(netns)).into());
        }
        packet.ttl -= 1;
        Ok(())
    }

    /// Whether the route itself takes a packet of its size. Where a router has told of it, what
    /// is smaller there is named, unless it is not any more. What is handed on heeds what a
    /// router has told only where it is set so, and IPv6 what is locked alone
    /// (`ip_dst_mtu_maybe_forward`, `ip6_dst_mtu_maybe_forward`).
    pub(super) fn fits(
        &mut self,
        at: usize,
        came: Option<Spot>,
        packet: &Packet,
        routed: &Routed,
    ) -> Result<(), End> {
        let Some(mtu) = routed.mtu.filter(|mtu| mtu.bytes < packet.size) else {
            return Ok(());
        };
        let told = || self.ground.setting(at, "ipv4/ip_forward_use_pmtu");
        let heeded = match (came, packet.v6()) {
            (None, _) => true,
            (Some(_), true) => mtu.locked,
            (Some(_), false) => !mtu.learnt || mtu.locked || told().as_deref() == Some("1"),
        };
        if !heeded {
            return Ok(());
        }
        let cause = Box::new(Cause::TooLargeForRoute {
            netns: self.space(at).name.clone(),
            to: packet.destination,
            mtu: mtu.bytes,
            size: packet.size,
            learnt: mtu.learnt,
        });
        if mtu.learnt {
            self.suspect.get_or_insert(cause);
            return Ok(());
        }
        Err(cause.into())
    }
}
