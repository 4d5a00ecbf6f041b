//! How the next on a link is found: who is asked for an address, by ARP or by neighbour
//! solicitation, may not hear it, may keep silent, or may answer for another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{End, Walk};
use crate::explain::cause::Cause;
use crate::explain::ground::{Hook, Known, Layer, Load, Packet, Seek};
use crate::explain::link::{self, has};
use crate::explain::segment::Spot;
use crate::state::{Mac, is_link_local};

/// A frame for all.
const ALL: [u8; 6] = [0xff; 6];
/// Bytes of ARP for IPv4 (RFC 826), and of neighbour solicitation with an option (RFC 4861).
const SIZES: (u32, u32) = (28, 72);

impl Walk<'_> {
    /// Whether who has the next address is found. What rules and settings say of the question is
    /// asked only where the neighbour is not known already: an answer may come to one who has asked.
    pub(super) fn meets(
        &mut self,
        (out, found): (Spot, Spot),
        by: &[Spot],
        next: IpAddr,
        packet: &Packet,
    ) -> Result<(), End> {
        if self.is_met(out, found, next) {
            return Ok(());
        }
        let own = self.asks_from(out, next, packet);
        // It is not asked from what may be another's (`ndisc_send_ns`).
        let mut all = self.device(out).addresses.iter();
        if let Some(one) = all.find(|one| next.is_ipv6() && one.net.addr() == own)
            && (one.tentative || one.duplicate)
        {
            return Err(End::Stops(Box::new(Cause::Unusable {
                at: link::place(self.survey, out),
                address: own,
                duplicate: one.duplicate,
            })));
        }
        if next.is_ipv6() && own.is_unspecified() {
            let at = link::place(self.survey, out);
            return Err(End::Unknown(format!(
                "whether {at} finds {next}: it has no address of the link to ask from"
            )));
        }
        let kept = (self.passed.clone(), self.marks.clone());
        let asked = self.ask((out, found), by, next, own);
        (self.passed, self.marks) = kept;
        if let Err(end) = asked {
            self.note(out.0, "link", format!("asks who has {next}, in vain"));
            return Err(of_question(end, next));
        }
        self.met.insert((found, own));
        Ok(())
    }

    fn is_met(&self, out: Spot, found: Spot, next: IpAddr) -> bool {
        let (from, there) = (self.device(out), self.device(found));
        let mut table = self.space(out.0).neighbours.iter();
        let entry = table.find(|entry| entry.address == next && entry.dev == from.name);
        let known = entry.is_some_and(|entry| {
            let lost = matches!(entry.state.as_str(), "failed" | "incomplete" | "none");
            entry.state == "permanent" || !lost && entry.mac == there.mac
        });
        known || from.noarp || there.noarp || self.met.contains(&(out, next))
    }

    /// The address that the question comes from (`arp_solicit`, net/ipv4/arp.c; `ndisc_solicit`,
    /// net/ipv6/ndisc.c).
    pub(super) fn asks_from(&self, out: Spot, next: IpAddr, packet: &Packet) -> IpAddr {
        let own = |address: &IpAddr| {
            self.space(out.0).devices.iter().any(|device| {
                device
                    .addresses
                    .iter()
                    .any(|one| one.net.addr() == *address)
            })
        };
        let source = packet.source.filter(own);
        let nets = || self.device(out).addresses.iter().map(|one| one.net);
        if next.is_ipv6() {
            let source = source.filter(|source| has(self.survey, out, *source));
            let local = nets().find(|net| net.addr().is_ipv6() && is_link_local(net));
            let local = local.map(|net| net.addr());
            return source.or(local).unwrap_or(Ipv6Addr::UNSPECIFIED.into());
        }
        let near = |source: &IpAddr| nets().any(|net| net.contains(&next) && net.contains(source));
        let source = match self.of_device(out, next, "arp_announce") {
            0 => source,
            1 => source.filter(near),
            _ => None,
        };
        let selected = nets().find(|net| net.contains(&next));
        let selected = selected.or_else(|| nets().find(|net| net.addr().is_ipv4()));
        let selected = selected.map(|net| net.addr());
        source.or(selected).unwrap_or(Ipv4Addr::UNSPECIFIED.into())
    }

    /// The question there, and the answer back.
    fn ask(
        &mut self,
        (out, found): (Spot, Spot),
        by: &[Spot],
        next: IpAddr,
        own: IpAddr,
    ) -> Result<(), End> {
        let all = match next {
            IpAddr::V4(_) => ALL,
            // RFC 2464, 7, of ff02::1:ff00:0/104.
            IpAddr::V6(ip) => {
                let [.., a, b, c] = ip.octets();
                [0x33, 0x33, 0xff, a, b, c]
            }
        };
        let macs = [out, found].map(|spot| {
            let mac: Option<Mac> = self
                .device(spot)
                .mac
                .as_ref()
                .and_then(|mac| mac.parse().ok());
            mac.map(|mac| mac.0)
        });
        let mut question = plain(own, next, Seek::Asks);
        question.ether = macs[0].map(|own| (own, all));
        self.carried((out, found), by, &mut question)?;
        if next.is_ipv4() {
            self.answers(found, own, next)?;
        }
        let mut answer = plain(next, own, Seek::Tells);
        answer.ether = macs[1].zip(macs[0]);
        let back: Vec<Spot> = by.iter().rev().copied().collect();
        self.carried((found, out), &back, &mut answer)
    }

    /// By the rules of who sends it, of the link, and of who gets it.
    fn carried(
        &mut self,
        (from, to): (Spot, Spot),
        by: &[Spot],
        packet: &mut Packet,
    ) -> Result<(), End> {
        packet.oif = Some(self.named(from));
        self.rules(from.0, Layer::Ip, Hook::Output, packet)?;
        if packet.v6() {
            self.rules(from.0, Layer::Ip, Hook::Postrouting, packet)?;
        }
        self.at_devices(by, packet)?;
        self.along(by, packet)?;
        (packet.iif, packet.oif) = (Some(self.named(to)), None);
        if packet.v6() {
            self.rules(to.0, Layer::Ip, Hook::Prerouting, packet)?;
        }
        self.rules(to.0, Layer::Ip, Hook::Input, packet)?;
        Ok(())
    }

    /// A setting of a device, or of all if that is more.
    pub(super) fn of_device(&self, spot: Spot, of: IpAddr, word: &str) -> u32 {
        let family = if of.is_ipv6() { "ipv6" } else { "ipv4" };
        let of = |dev: &str| {
            let path = format!("{family}/conf/{dev}/{word}");
            let set = self.ground.setting(spot.0, &path);
            set.and_then(|set| set.parse().ok()).unwrap_or(0)
        };
        of("all").max(of(&self.device(spot).name))
    }

    /// Whether who has an address tells so (`arp_process`, `arp_ignore`, `arp_filter` in
    /// net/ipv4/arp.c).
    fn answers(&self, found: Spot, own: IpAddr, next: IpAddr) -> Result<(), End> {
        let silent = |setting: &str| -> Result<(), End> {
            Err(Box::new(Cause::ArpIgnored {
                at: link::place(self.survey, found),
                address: next,
                setting: setting.to_owned(),
            })
            .into())
        };
        let question = asks(own, next, Some(self.named(found)));
        if !own.is_unspecified()
            && let Err(why) = self.ground.route(found.0, &question)
        {
            return Err(self.unroutable(found.0, Some(found), &question, why));
        }
        // Who stands in for another is not asked for its own.
        if !link::has_any(self.space(found.0), next) {
            return Ok(());
        }
        let nets = || self.device(found).addresses.iter().map(|one| one.net);
        let exact = has(self.survey, found, next);
        let near = || nets().any(|net| net.addr() == next && net.contains(&own));
        match self.of_device(found, next, "arp_ignore") {
            1 if !exact => return silent("arp_ignore=1"),
            2 if !exact || !near() => return silent("arp_ignore=2"),
            3 if !exact => {
                let at = link::place(self.survey, found);
                return Err(End::Unknown(format!(
                    "whether {at} tells of {next}: the scope of that address decides (arp_ignore=3)"
                )));
            }
            8 => return silent("arp_ignore=8"),
            _ => {}
        }
        if self.of_device(found, next, "arp_filter") > 0 && !own.is_unspecified() {
            let back = plain(next, own, Seek::Tells);
            let index = self.device(found).index;
            match self.ground.route(found.0, &back) {
                Ok(routed) if routed.dev == index => {}
                _ => return silent("arp_filter=1"),
            }
        }
        Ok(())
    }
}

/// The question as it comes in by a device.
pub(super) fn asks(own: IpAddr, next: IpAddr, iif: Option<(String, u32)>) -> Packet {
    Packet {
        iif,
        ..plain(own, next, Seek::Asks)
    }
}

/// A packet that only says who is where.
fn plain(source: IpAddr, destination: IpAddr, seek: Seek) -> Packet {
    Packet {
        source: Some(source),
        destination,
        load: Load::Echo,
        seek: Some(seek),
        source_port: 0,
        size: if source.is_ipv4() { SIZES.0 } else { SIZES.1 },
        ttl: u8::MAX,
        answer: false,
        redirected: false,
        disguised: false,
        original: None,
        marks: (0.into(), 0.into()),
        known: Known::Untracked,
        undone: None,
        ether: None,
        iif: None,
        oif: None,
    }
}

/// What stops the question, said so.
fn of_question(end: End, next: IpAddr) -> End {
    match end {
        End::Stops(mut cause) => {
            if let Cause::Filtered { hook, .. } = cause.as_mut() {
                *hook += &format!(", of who asks for {next}");
            }
            End::Stops(cause)
        }
        End::Unknown(why) => End::Unknown(format!("{why}; it is asked who has {next}")),
        end => end,
    }
}
