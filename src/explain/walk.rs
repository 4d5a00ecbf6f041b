//! The walk: from namespace to namespace, as the kernel would.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::absent;
use super::cause::{Cause, Place};
use super::ground::*;
use super::link::{self, Hop};
use super::segment::{self, Spot};
use super::{Explanation, Question, Step, Verdict};
use crate::state::Mac;
use crate::state::survey::{Device, Space, Survey};

/// A packet that goes on longer than this goes in a circle.
const LONGEST: usize = 64;
/// A port that a program would be given (`ip_local_port_range`).
const SOURCE_PORT: u16 = 49152;

/// What a namespace has rewritten, as connection tracking keeps it.
#[derive(Debug, Clone)]
struct Rewritten {
    space: usize,
    /// As it came in: who sent it, and to whom.
    before: (IpAddr, IpAddr),
    /// As it went out.
    after: (IpAddr, IpAddr),
}

/// Where a leg ends.
enum End {
    Arrives(usize),
    Leaves(Place),
    Stops(Box<Cause>),
    Unknown(String),
}

impl From<Box<Cause>> for End {
    fn from(cause: Box<Cause>) -> Self {
        End::Stops(cause)
    }
}

struct Walk<'a> {
    survey: &'a Survey,
    ground: &'a dyn Ground,
    steps: Vec<Step>,
    rewritten: Vec<Rewritten>,
    /// A neighbour that did not answer, if nothing else keeps it from that.
    suspect: Option<Box<Cause>>,
    /// The last namespace that handed it on, with the source that it had then.
    forwarder: Option<(usize, IpAddr)>,
}

pub(super) fn follow(survey: &Survey, ground: &dyn Ground, question: &Question) -> Explanation {
    let mut walk = Walk {
        survey,
        ground,
        steps: Vec::new(),
        rewritten: Vec::new(),
        suspect: None,
        forwarder: None,
    };
    let mut packet = Packet {
        source: None,
        destination: question.to,
        load: question.load,
        source_port: match question.load {
            Load::Echo => 0,
            Load::To(..) => SOURCE_PORT,
        },
        size: question.size,
        answer: false,
        redirected: false,
        disguised: false,
        original: None,
        ether: None,
        iif: None,
        oif: None,
    };
    let end = walk.leg(question.from, &mut packet);
    let there = std::mem::take(&mut walk.steps);
    let end = match end {
        End::Arrives(space) => walk.served(space, &packet).map_or_else(End::from, |()| {
            walk.leg(space, &mut packet.answered())
        }),
        end => end,
    };
    let mut back = walk.steps;
    let mut there = there;
    if back.first().is_some_and(|step| step.what == "listens") {
        there.push(back.remove(0));
    }
    let suspect = walk.suspect;
    let verdict = match end {
        End::Arrives(_) | End::Leaves(_) | End::Unknown(_) if suspect.is_some() => {
            suspect.map_or(Verdict::Arrives, Verdict::Stops)
        }
        End::Arrives(space) if space == question.from => Verdict::Arrives,
        End::Arrives(space) => {
            let netns = survey.namespaces[space].name.clone();
            Verdict::Unknown(format!("the answer arrives in {netns}, not where it was asked"))
        }
        End::Leaves(place) => Verdict::Leaves(place),
        End::Stops(cause) => Verdict::Stops(cause),
        End::Unknown(why) => Verdict::Unknown(why),
    };
    Explanation {
        there,
        back,
        verdict,
    }
}

impl<'a> Walk<'a> {
    fn space(&self, at: usize) -> &'a Space {
        &self.survey.namespaces[at]
    }

    fn device(&self, (space, n): Spot) -> &'a Device {
        &self.survey.namespaces[space].devices[n]
    }

    fn note(&mut self, at: usize, what: &'static str, text: impl Into<String>) {
        self.steps.push(Step {
            netns: self.space(at).name.clone(),
            what,
            text: text.into(),
        });
    }

    /// One way, from who sends it to whoever takes it.
    fn leg(&mut self, start: usize, packet: &mut Packet) -> End {
        let (mut at, mut came): (usize, Option<Spot>) = (start, None);
        for _ in 0..LONGEST {
            match self.pass(at, came, packet) {
                Ok(Onward::To(spot)) => (at, came) = (spot.0, Some(spot)),
                Ok(Onward::End(end)) | Err(end) => return end,
            }
        }
        End::Stops(Box::new(Cause::Circle(self.space(at).name.clone())))
    }

    /// Through one namespace, and over the link beyond.
    fn pass(&mut self, at: usize, came: Option<Spot>, packet: &mut Packet) -> Result<Onward, End> {
        let before = (packet.source, packet.destination);
        packet.iif = came.map(|spot| self.named(spot));
        packet.oif = None;
        if came.is_some() {
            self.undo(at, packet, true);
            self.rules(at, Layer::Ip, Hook::Prerouting, packet, None)?;
        }
        let mut routed = self.route(at, came, packet)?;
        if packet.source.is_none() {
            packet.source = routed.source;
            packet.original = packet.ends();
        }
        if came.is_none() {
            packet.oif = self.out(at, routed.dev).map(|spot| self.named(spot));
            if self.rules(at, Layer::Ip, Hook::Output, packet, None)? {
                routed = self.route(at, came, packet)?;
            }
        }
        if routed.local {
            return self.arrives(at, came, packet).map(Onward::End);
        }
        let Some(out) = self.out(at, routed.dev) else {
            return Err(End::Unknown(format!("device {} is not there any more", routed.dev)));
        };
        if let Some(cause) = self.unusable(out, packet).filter(|_| came.is_none()) {
            return Err(End::Stops(Box::new(cause)));
        }
        packet.oif = Some(self.named(out));
        if came.is_some() {
            self.forwards(at, packet)?;
            self.rules(at, Layer::Ip, Hook::Forward, packet, None)?;
        }
        self.rules(at, Layer::Ip, Hook::Postrouting, packet, Some(out))?;
        if came.is_some() {
            self.undo(at, packet, false);
        }
        self.remember(at, before, packet);
        if let (Some(_), Some(source), false) = (came, packet.source, packet.answer) {
            self.forwarder = Some((at, source));
        }
        self.onward(out, routed.via, packet)
    }

    /// The address that it would be sent from if that were used, where it is sent from another.
    fn unusable(&self, out: Spot, packet: &Packet) -> Option<Cause> {
        let source = packet.source.filter(IpAddr::is_ipv6)?;
        let mut own = self.device(out).addresses.iter();
        let own = own.find(|one| {
            let right = one.net.contains(&packet.destination) && one.net.addr() != source;
            right && (one.tentative || one.duplicate)
        })?;
        Some(Cause::Unusable {
            at: link::place(self.survey, out),
            address: own.net.addr(),
            duplicate: own.duplicate,
        })
    }

    /// Asks the kernel where it goes.
    fn route(&mut self, at: usize, came: Option<Spot>, packet: &Packet) -> Result<Routed, End> {
        match self.ground.route(at, packet) {
            Ok(routed) => {
                self.note(at, "route", routed.text.clone());
                Ok(routed)
            }
            Err(why) => {
                let cause = self.unrouted(at, came, packet, why);
                self.note(at, "route", format!("none to {}", packet.destination));
                Err(End::Stops(Box::new(cause)))
            }
        }
    }

    fn unrouted(&self, at: usize, came: Option<Spot>, packet: &Packet, why: Unrouted) -> Cause {
        let (netns, to) = (self.space(at).name.clone(), packet.destination);
        let kind = |kind: &str| Cause::Refused {
            netns: netns.clone(),
            kind: kind.to_owned(),
            to,
        };
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
            (Unrouted::Invalid, Some(came)) if !self.says(at, "blackhole", to) => {
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
            },
            (Unrouted::Unreachable, _) if self.says(at, "unreachable", to) => kind("unreachable"),
            _ => self.no_route(at, came, packet),
        }
    }

    /// Nothing leads there.
    fn no_route(&self, at: usize, came: Option<Spot>, packet: &Packet) -> Cause {
        let to = packet.destination;
        if packet.v6()
            && let Some(off) = self.ipv6_off(at)
        {
            return Cause::Ipv6Off(off);
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
        let bridges = self.space(at).devices.iter().filter(|device| device.kind == "bridge");
        let mut subnets = bridges.flat_map(|bridge| bridge.addresses.iter());
        subnets.any(|one| one.net.contains(&address))
    }

    fn is_own(&self, at: usize, address: IpAddr) -> bool {
        let all = self.space(at).devices.iter().flat_map(|device| &device.addresses);
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

    fn ipv6_off(&self, at: usize) -> Option<Place> {
        let cards = self.space(at).devices.iter().filter(|device| device.kind != "loopback");
        let off = |device: &&Device| {
            let path = format!("ipv6/conf/{}/disable_ipv6", device.name);
            self.ground.setting(at, &path).as_deref() == Some("1")
        };
        let first = cards.into_iter().find(off)?;
        Some(Place {
            netns: self.space(at).name.clone(),
            dev: first.name.clone(),
        })
    }

    /// Whether the namespace hands nothing on.
    fn is_off(&self, at: usize, packet: &Packet) -> bool {
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

    fn forwards(&mut self, at: usize, packet: &Packet) -> Result<(), End> {
        let (netns, v6) = (self.space(at).name.clone(), packet.v6());
        if self.is_off(at, packet) {
            self.note(at, "forward", "it does not hand on what is for others");
            return Err(Box::new(Cause::ForwardingOff { netns, v6 }).into());
        }
        let out = packet.oif.as_ref().map(|(dev, _)| dev.clone()).unwrap_or_default();
        self.note(at, "forward", format!("handed on, out by {out}"));
        Ok(())
    }

    /// The rules of a hook; says whether the destination was rewritten.
    fn rules(
        &mut self,
        at: usize,
        layer: Layer,
        hook: Hook,
        packet: &mut Packet,
        out: Option<Spot>,
    ) -> Result<bool, End> {
        let netns = self.space(at).name.clone();
        match self.ground.judge(at, layer, hook, packet) {
            Judgement::Passes(None) => Ok(false),
            Judgement::Passes(Some(rewrite)) => Ok(self.rewrite(at, rewrite, packet, out)),
            Judgement::Drops { table, line, ours } => {
                let hook = hook.word().to_owned();
                self.note(at, "rules", format!("table {table} drops it in {hook}: {line}"));
                let cause = Cause::Filtered { netns, hook, table, line, ours };
                Err(End::Stops(Box::new(cause)))
            }
            Judgement::Unknown { table, line } => Err(End::Unknown(format!(
                "whether table {table} of {netns} lets it pass ({}): {line}",
                hook.word()
            ))),
        }
    }

    fn rewrite(
        &mut self,
        at: usize,
        rewrite: Rewrite,
        packet: &mut Packet,
        out: Option<Spot>,
    ) -> bool {
        match rewrite {
            Rewrite::Here(port) => {
                let iif = packet.iif.as_ref().and_then(|(_, index)| self.out(at, *index));
                let own = iif.and_then(|iif| self.first_address(iif, packet.v6()));
                let here = match packet.v6() {
                    true => Ipv6Addr::LOCALHOST.into(),
                    false => Ipv4Addr::LOCALHOST.into(),
                };
                let to = Rewrite::Destination(own.or(Some(here)), port);
                self.rewrite(at, to, packet, out)
            }
            Rewrite::Destination(to, port) => {
                let to = to.unwrap_or(packet.destination);
                packet.destination = to;
                if let (Load::To(transport, own), Some(port)) = (packet.load, port) {
                    packet.load = Load::To(transport, if port == 0 { own } else { port });
                }
                packet.redirected = true;
                let port = port.map(|port| format!(", port {port}")).unwrap_or_default();
                self.note(at, "rewrite", format!("now to {to}{port}"));
                true
            }
            Rewrite::Source(from, _) => {
                packet.source = Some(from);
                packet.disguised = true;
                self.note(at, "rewrite", format!("now from {from}"));
                false
            }
            Rewrite::Masquerade => {
                let own = out.and_then(|out| self.first_address(out, packet.v6()));
                if let Some(own) = own {
                    packet.source = Some(own);
                    packet.disguised = true;
                    self.note(at, "rewrite", format!("masqueraded, now from {own}"));
                }
                false
            }
        }
    }

    fn first_address(&self, spot: Spot, v6: bool) -> Option<IpAddr> {
        let own = self.device(spot).addresses.iter().map(|one| one.net);
        let mut own = own.filter(|net| net.addr().is_ipv6() == v6 && !crate::state::is_link_local(net));
        own.next().map(|net| net.addr())
    }

    /// Keeps what a namespace has rewritten, so that the answer is rewritten back.
    fn remember(&mut self, at: usize, before: (Option<IpAddr>, IpAddr), packet: &Packet) {
        let Some(source) = packet.source.filter(|_| !packet.answer) else {
            return;
        };
        let before = (before.0.unwrap_or(source), before.1);
        let after = (source, packet.destination);
        if before != after {
            self.rewritten.push(Rewritten { space: at, before, after });
        }
    }

    /// What connection tracking does to an answer, as it comes in and as it goes out.
    fn undo(&mut self, at: usize, packet: &mut Packet, incoming: bool) {
        if !packet.answer {
            return;
        }
        let known = self.rewritten.iter().find(|one| one.space == at).cloned();
        let Some(known) = known else { return };
        if incoming && packet.destination == known.after.0 {
            packet.destination = known.before.0;
            if known.after.0 != known.before.0 {
                let to = known.before.0;
                self.note(at, "rewrite", format!("known as an answer: back to {to}"));
            }
        }
        if !incoming && packet.source == Some(known.after.1) && known.after.1 != known.before.1 {
            packet.source = Some(known.before.1);
            let from = known.before.1;
            self.note(at, "rewrite", format!("from {from} again"));
        }
    }

    fn arrives(&mut self, at: usize, came: Option<Spot>, packet: &mut Packet) -> Result<End, End> {
        let (netns, to) = (self.space(at).name.clone(), packet.destination);
        if came.is_none() {
            let lo = self.space(at).devices.iter().find(|device| device.kind == "loopback");
            if lo.is_some_and(|lo| !lo.up) {
                self.note(at, "link", "lo is down");
                return Err(End::Stops(Box::new(Cause::LoopbackDown(netns))));
            }
            packet.iif = lo.map(|lo| (lo.name.clone(), lo.index));
            packet.oif = None;
        }
        self.rules(at, Layer::Ip, Hook::Input, packet, None)?;
        for device in &self.space(at).devices {
            let own = device.addresses.iter().find(|one| one.net.addr() == to);
            if let Some(own) = own.filter(|one| one.tentative || one.duplicate) {
                let at = Place {
                    netns: netns.clone(),
                    dev: device.name.clone(),
                };
                let duplicate = own.duplicate;
                return Err(End::Stops(Box::new(Cause::Unusable { at, address: to, duplicate })));
            }
        }
        self.note(at, "arrives", format!("{to} is its own address"));
        Ok(End::Arrives(at))
    }

    /// Whether somebody answers there.
    fn served(&mut self, at: usize, packet: &Packet) -> Result<(), Box<Cause>> {
        let netns = self.space(at).name.clone();
        match packet.load {
            Load::Echo => {
                let path = match packet.v6() {
                    true => "ipv6/icmp/echo_ignore_all",
                    false => "ipv4/icmp_echo_ignore_all",
                };
                match self.ground.setting(at, path).as_deref() {
                    Some("1") => Err(Box::new(Cause::EchoIgnored(netns))),
                    _ => Ok(()),
                }
            }
            Load::To(transport, number) => {
                let all = self.ground.listeners(at, transport, number);
                let to = packet.destination;
                let takes = |own: IpAddr| {
                    own == to
                        || own.is_unspecified() && (own.is_ipv6() || to.is_ipv4())
                };
                let port = format!("{number}/{transport}");
                match all.iter().any(|own| takes(own.ip())) {
                    true => {
                        self.note(at, "listens", format!("somebody listens on {port}"));
                        Ok(())
                    }
                    false => {
                        let elsewhere = all.first().map(|own| own.ip().to_string());
                        Err(Box::new(Cause::NothingListens { netns, port, elsewhere }))
                    }
                }
            }
        }
    }

    /// Over the link.
    fn onward(
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
        match link::hop(self.survey, out, next, via.is_some())? {
            Hop::Beyond(spot) => {
                let place = link::place(self.survey, spot);
                self.note(spot.0, "link", format!("leaves what is seen from here by {}", place.dev));
                Ok(Onward::End(End::Leaves(place)))
            }
            Hop::With(spot, by) => {
                self.along(&by, packet)?;
                // What a bridge itself takes does not matter to what crosses it.
                let mut devices = by.iter().filter(|spot| self.device(**spot).kind != "bridge");
                let narrow = devices.find(|spot| self.device(**spot).mtu < packet.size);
                if let Some(narrow) = narrow {
                    return Err(self.too_large(*narrow, packet.size));
                }
                // It may have failed for what comes next, such as a filter of the other side.
                let failed = link::neighbour(self.survey, out, spot, next).err();
                self.suspect = self.suspect.take().or(failed);
                let (from, to) = (self.device(out), self.device(spot));
                let over = by.iter().filter(|spot| self.device(**spot).kind == "bridge");
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
    fn along(&mut self, by: &[Spot], packet: &mut Packet) -> Result<(), End> {
        for part in by.windows(3) {
            let &[one, bridge, other] = part else { continue };
            if self.device(bridge).kind != "bridge" || one.0 != bridge.0 || other.0 != bridge.0 {
                continue;
            }
            let at = bridge.0;
            packet.ether = self.frame(by);
            let (iif, oif) = (packet.iif.clone(), packet.oif.clone());
            (packet.iif, packet.oif) = (Some(self.named(one)), None);
            self.rules(at, Layer::Bridge, Hook::Prerouting, packet, None)?;
            packet.oif = Some(self.named(other));
            self.rules(at, Layer::Bridge, Hook::Forward, packet, None)?;
            if self.bridged_pass(at, packet) {
                let own = Some(self.named(bridge));
                (packet.iif, packet.oif) = (own.clone(), own);
                self.rules(at, Layer::Ip, Hook::Forward, packet, None)?;
            }
            (packet.iif, packet.oif) = (None, Some(self.named(other)));
            self.rules(at, Layer::Bridge, Hook::Postrouting, packet, None)?;
            (packet.iif, packet.oif) = (iif, oif);
        }
        // Frames to the bridge itself are taken in, not passed on.
        if let [.., port, bridge] = by
            && self.device(*bridge).kind == "bridge"
            && port.0 == bridge.0
        {
            packet.ether = self.frame(by);
            let (iif, oif) = (packet.iif.clone(), packet.oif.clone());
            (packet.iif, packet.oif) = (Some(self.named(*port)), None);
            self.rules(bridge.0, Layer::Bridge, Hook::Prerouting, packet, None)?;
            self.rules(bridge.0, Layer::Bridge, Hook::Input, packet, None)?;
            (packet.iif, packet.oif) = (iif, oif);
        }
        Ok(())
    }

    /// From which hardware address to which.
    fn frame(&self, by: &[Spot]) -> Option<([u8; 6], [u8; 6])> {
        let mac = |spot: &Spot| {
            let mac: Mac = self.device(*spot).mac.as_ref()?.parse().ok()?;
            Some(mac.0)
        };
        Some((mac(by.first()?)?, mac(by.last()?)?))
    }

    /// Whether packets on bridges pass the rules for packets, too (br_netfilter).
    fn bridged_pass(&self, at: usize, packet: &Packet) -> bool {
        let family = if packet.v6() { "ip6tables" } else { "iptables" };
        let path = format!("bridge/bridge-nf-call-{family}");
        self.ground.setting(at, &path).as_deref() == Some("1")
    }

    fn named(&self, spot: Spot) -> (String, u32) {
        let device = self.device(spot);
        (device.name.clone(), device.index)
    }

    fn out(&self, at: usize, index: u32) -> Option<Spot> {
        segment::spot(self.survey, &self.space(at).name, index)
    }
}

/// What comes after a namespace.
enum Onward {
    To(Spot),
    End(End),
}
