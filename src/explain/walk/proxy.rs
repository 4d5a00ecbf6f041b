//! Who answers for an address that nobody on the link has, and hands on what is for it.

use std::net::IpAddr;

use super::Walk;
use crate::explain::cause::Cause;
use crate::explain::ground::Packet;
use crate::explain::link::Hop;
use crate::explain::segment::{self, Spot};

impl Walk<'_> {
    /// A hop, where somebody may answer for another.
    pub(super) fn hop(
        &self,
        out: Spot,
        next: IpAddr,
        gateway: bool,
        packet: &Packet,
    ) -> Result<Hop, Box<Cause>> {
        let hop = crate::explain::link::hop(self.survey, out, next, gateway);
        let missing = match &hop {
            Ok(hop) => matches!(hop, Hop::Beyond(_)),
            Err(cause) => matches!(
                cause.as_ref(),
                Cause::Nobody { .. }
                    | Cause::NotPlugged { .. }
                    | Cause::OtherLink { .. }
                    | Cause::WrongPrefix { .. }
            ),
        };
        let proxy = || {
            let mut places = segment::from(self.survey, out).places.into_iter();
            let own = self.asks_from(out, next, packet);
            places.find(|(spot, way)| {
                spot.0 != out.0 && way.obstacles.is_empty() && self.stands_in(*spot, own, next)
            })
        };
        match missing.then(proxy).flatten() {
            Some((spot, way)) => Ok(Hop::With(spot, way.by)),
            None => hop,
        }
    }

    /// Whether a device answers for an address to which its namespace has a way by another
    /// (`arp_process`, net/ipv4/arp.c; `ndisc_recv_ns`, net/ipv6/ndisc.c).
    fn stands_in(&self, spot: Spot, own: IpAddr, next: IpAddr) -> bool {
        // Of a thousand on one link most have one device, and hand nothing on: their settings
        // need not be read.
        let space = self.space(spot.0);
        let forwards = match next.is_ipv6() {
            true => space.forwards.ipv6,
            false => space.forwards.ipv4,
        };
        let cards = space.devices.iter();
        let cards = cards.filter(|device| device.kind != "loopback").count();
        if cards < 2 && !forwards || self.of_device(spot, next, "forwarding") == 0 {
            return false;
        }
        let index = self.device(spot).index;
        let listed = || self.ground.stands_in(spot.0, next, index);
        if next.is_ipv6() {
            return self.of_device(spot, next, "proxy_ndp") > 0 && listed();
        }
        let all = self.of_device(spot, next, "proxy_arp") > 0;
        let back = self.of_device(spot, next, "proxy_arp_pvlan") > 0;
        if !all && !back && !listed() {
            return false;
        }
        let question = super::neighbour::asks(own, next, Some(self.named(spot)));
        match self.ground.route(spot.0, &question) {
            Ok(routed) if routed.local => false,
            Ok(routed) if routed.dev == index => back && own != next,
            Ok(_) => all || listed(),
            Err(_) => false,
        }
    }
}
