//! Over a link: who takes the packet, and what is met on bridges.

use std::net::IpAddr;

use super::{End, Onward, Walk};
use crate::explain::cause::Cause;
use crate::explain::fix::BRIDGED;
use crate::explain::ground::{Hook, Layer, Packet};
use crate::explain::link::{self, Hop};
use crate::explain::segment::Spot;
use crate::state::Mac;

impl Walk<'_> {
    /// The rules of devices that a packet leaves and comes in by (`netdev`, and ingress of others).
    pub(super) fn at_devices(&mut self, by: &[Spot], packet: &mut Packet) -> Result<(), End> {
        let (iif, oif) = (packet.iif.clone(), packet.oif.clone());
        for (n, spot) in by.iter().enumerate() {
            let bridge = |spot: &Spot| self.device(*spot).kind == "bridge";
            // What crosses a bridge is not taken in by it.
            if bridge(spot) && n > 0 && n + 1 < by.len() {
                continue;
            }
            let before = n.checked_sub(1).map(|before| by[before]);
            let leaves = before.is_none_or(|before| {
                before.0 == spot.0 && bridge(&before) || self.survey.below(before) == Some(*spot)
            });
            let own = Some(self.named(*spot));
            let hook = match leaves {
                true => {
                    (packet.iif, packet.oif) = (None, own);
                    Hook::Egress
                }
                false => {
                    (packet.iif, packet.oif) = (own, None);
                    Hook::Ingress
                }
            };
            self.rules(spot.0, Layer::Ip, hook, packet)?;
        }
        (packet.iif, packet.oif) = (iif, oif);
        Ok(())
    }

    /// Over the link.
    pub(super) fn onward(
        &mut self,
        out: Spot,
        via: Option<IpAddr>,
        packet: &mut Packet,
    ) -> Result<Onward, End> {
        let next = via.unwrap_or(packet.destination);
        let mtu = self.device(out).mtu;
        if packet.size > mtu {
            return Err(self.too_large(out, packet.size));
        }
        match self.hop(out, next, via.is_some(), packet)? {
            Hop::Beyond(spot) => {
                let place = link::place(self.survey, spot);
                self.note(
                    spot.0,
                    "link",
                    format!("leaves what is seen from here by {}", place.dev),
                );
                Ok(Onward::End(End::Leaves(place)))
            }
            Hop::With(spot, by) => {
                self.meets((out, spot), &by, next, packet)?;
                self.at_devices(&by, packet)?;
                self.along(&by, packet)?;
                // What a bridge itself takes does not matter to what crosses it.
                let mut devices = by
                    .iter()
                    .filter(|spot| self.device(**spot).kind != "bridge");
                let narrow = devices.find(|spot| self.device(**spot).mtu < packet.size);
                if let Some(narrow) = narrow {
                    return Err(self.too_large(*narrow, packet.size));
                }
                // It may have failed for what comes next, such as a filter of the other side.
                let failed = link::neighbour(self.survey, out, spot, next).err();
                self.suspect = self.suspect.take().or(failed);
                let (from, to) = (self.device(out), self.device(spot));
                let over = by
                    .iter()
                    .filter(|spot| self.device(**spot).kind == "bridge");
                let over: Vec<String> = over
                    .map(|spot| format!(" over bridge {}", link::place(self.survey, *spot)))
                    .collect();
                let text = format!(
                    "{next} is {} in {}, from {}{}",
                    to.name,
                    self.space(spot.0).name,
                    from.name,
                    over.concat()
                );
                self.note(out.0, "link", text);
                Ok(Onward::To(spot))
            }
        }
    }

    fn too_large(&self, spot: Spot, size: u32) -> End {
        End::Stops(Box::new(Cause::TooLarge {
            at: link::place(self.survey, spot),
            mtu: self.device(spot).mtu,
            size,
        }))
    }

    /// The rules for frames that cross a bridge, and for the packets in them.
    pub(super) fn along(&mut self, by: &[Spot], packet: &mut Packet) -> Result<(), End> {
        // Frames of the bridge itself.
        if let [bridge, port, ..] = by
            && self.device(*bridge).kind == "bridge"
        {
            packet.ether = self.frame(by, packet);
            let (iif, oif) = (packet.iif.clone(), packet.oif.clone());
            (packet.iif, packet.oif) = (None, Some(self.named(*port)));
            self.rules(bridge.0, Layer::Bridge, Hook::Output, packet)?;
            self.rules(bridge.0, Layer::Bridge, Hook::Postrouting, packet)?;
            (packet.iif, packet.oif) = (iif, oif);
        }
        for part in by.windows(3) {
            let &[one, bridge, other] = part else {
                continue;
            };
            if self.device(bridge).kind != "bridge" || one.0 != bridge.0 || other.0 != bridge.0 {
                continue;
            }
            let at = bridge.0;
            packet.ether = self.frame(by, packet);
            let (iif, oif) = (packet.iif.clone(), packet.oif.clone());
            (packet.iif, packet.oif) = (Some(self.named(one)), None);
            self.rules(at, Layer::Bridge, Hook::Prerouting, packet)?;
            packet.oif = Some(self.named(other));
            self.rules(at, Layer::Bridge, Hook::Forward, packet)?;
            if self.bridged_pass(at, packet) {
                let own = Some(self.named(bridge));
                (packet.iif, packet.oif) = (own.clone(), own);
                let passed = self.rules(at, Layer::Ip, Hook::Forward, packet);
                passed.map_err(of_bridge)?;
            }
            (packet.iif, packet.oif) = (None, Some(self.named(other)));
            self.rules(at, Layer::Bridge, Hook::Postrouting, packet)?;
            (packet.iif, packet.oif) = (iif, oif);
        }
        // Frames to the bridge itself are taken in, not passed on.
        if let [.., port, bridge] = by
            && self.device(*bridge).kind == "bridge"
            && port.0 == bridge.0
        {
            packet.ether = self.frame(by, packet);
            let (iif, oif) = (packet.iif.clone(), packet.oif.clone());
            (packet.iif, packet.oif) = (Some(self.named(*port)), None);
            self.rules(bridge.0, Layer::Bridge, Hook::Prerouting, packet)?;
            self.rules(bridge.0, Layer::Bridge, Hook::Input, packet)?;
            (packet.iif, packet.oif) = (iif, oif);
        }
        Ok(())
    }

    /// From which hardware address to which.
    fn frame(&self, by: &[Spot], packet: &Packet) -> Option<([u8; 6], [u8; 6])> {
        if packet.seek.is_some() {
            return packet.ether;
        }
        let mac = |spot: &Spot| {
            let mac: Mac = self.device(*spot).mac.as_ref()?.parse().ok()?;
            Some(mac.0)
        };
        Some((mac(by.first()?)?, mac(by.last()?)?))
    }

    /// Whether packets on bridges pass the rules for packets, too (br_netfilter).
    fn bridged_pass(&self, at: usize, packet: &Packet) -> bool {
        let family = match (packet.v6(), packet.seek) {
            (true, _) => "ip6tables",
            (false, Some(_)) => "arptables",
            (false, None) => "iptables",
        };
        let path = format!("bridge/bridge-nf-call-{family}");
        self.ground.setting(at, &path).as_deref() == Some("1")
    }
}

/// What stops a frame that only a setting sends through the rules for packets, said so.
fn of_bridge(end: End) -> End {
    match end {
        End::Stops(mut cause) => {
            if let Cause::Filtered { hook, .. } = cause.as_mut() {
                *hook += &format!(", which frames on a bridge meet by {BRIDGED}");
            }
            End::Stops(cause)
        }
        end => end,
    }
}
