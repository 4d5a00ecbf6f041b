//! The walk: from namespace to namespace, as the kernel would.

mod across;
mod refuse;
mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cause::{Cause, Place};
use super::filter::Bits;
use super::ground::*;
use super::link;
use super::segment::{self, Spot};
use super::{Explanation, Question, Step, Verdict};
use crate::state::Visible;
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
    /// Where it has passed, on its way there.
    passed: BTreeSet<usize>,
    /// The mark of its connection in each namespace.
    marks: BTreeMap<usize, Bits>,
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
        passed: BTreeSet::new(),
        marks: BTreeMap::new(),
        forwarder: None,
    };
    let mut packet = first(question);
    let end = walk.leg(question.from, &mut packet);
    let there = std::mem::take(&mut walk.steps);
    let mut answer = packet.answered();
    let end = match end {
        End::Arrives(space) => walk
            .served(space, &packet, question.answered)
            .map_or_else(|end| end, |()| walk.leg(space, &mut answer)),
        end => end,
    };
    let mut back = std::mem::take(&mut walk.steps);
    let mut there = there;
    if back.first().is_some_and(|step| step.what == "listens") {
        there.push(back.remove(0));
    }
    let verdict = walk.verdict(end, question, &answer);
    Explanation {
        there,
        back,
        verdict,
    }
}

/// The first packet of a connection.
fn first(question: &Question) -> Packet {
    Packet {
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
        marks: (0.into(), 0.into()),
        known: Known::Tracked,
        undone: None,
        ether: None,
        iif: None,
        oif: None,
    }
}

impl<'a> Walk<'a> {
    /// What it comes to.
    fn verdict(&mut self, end: End, question: &Question, answer: &Packet) -> Verdict {
        let name = |space: usize| self.survey.namespaces[space].name.clone();
        match (end, self.suspect.take()) {
            (End::Stops(cause), _) => Verdict::Stops(cause),
            (_, Some(suspect)) => Verdict::Stops(suspect),
            (End::Arrives(space), _) if space == question.from => match answer.source {
                // `ping` takes an answer from anybody.
                Some(by) if by != question.to && question.load != Load::Echo => {
                    Verdict::Stops(Box::new(Cause::OtherSource {
                        netns: name(space),
                        asked: question.to,
                        by,
                    }))
                }
                _ => Verdict::Arrives,
            },
            (End::Arrives(space), _) => Verdict::Unknown(format!(
                "the answer arrives in {}, not where it was asked",
                name(space)
            )),
            (End::Leaves(place), _) => Verdict::Leaves(place),
            (End::Unknown(why), _) => Verdict::Unknown(why),
        }
    }

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
        // A mark ends with the namespace (`skb_scrub_packet`, net/core/skbuff.c).
        let of_connection = self.marks.get(&at).copied().filter(|_| packet.answer);
        packet.marks = (0.into(), of_connection.unwrap_or_else(|| 0.into()));
        packet.known = Known::Tracked;
        if came.is_some() {
            packet.undone = self.undoing(at, packet, true);
            self.rules(at, Layer::Ip, Hook::Prerouting, packet)?;
            self.undo(at, packet, true);
        }
        let mut routed = self.route(at, came, packet)?;
        if packet.source.is_none() {
            packet.source = routed.source;
            packet.original = packet.ends();
            // As connect(2) does: rules of routing may ask for the source.
            let again = self.ground.route(at, packet);
            routed = again.map_err(|why| self.unroutable(at, came, packet, why))?;
        }
        if came.is_none() {
            packet.oif = self.out(at, routed.dev).map(|spot| self.named(spot));
            let mark = packet.marks.0;
            if self.rules(at, Layer::Ip, Hook::Output, packet)? || packet.marks.0 != mark {
                routed = self.route(at, came, packet)?;
            }
        }
        if routed.local {
            return self.arrives(at, came, packet).map(Onward::End);
        }
        let Some(out) = self.out(at, routed.dev) else {
            return Err(End::Unknown(format!(
                "device {} is not there any more",
                routed.dev
            )));
        };
        if let Some(cause) = self.unusable(out, packet).filter(|_| came.is_none()) {
            return Err(End::Stops(Box::new(cause)));
        }
        packet.oif = Some(self.named(out));
        if came.is_some() {
            self.forwards(at, packet)?;
            self.rules(at, Layer::Ip, Hook::Forward, packet)?;
        }
        packet.undone = self.undoing(at, packet, false);
        self.rules(at, Layer::Ip, Hook::Postrouting, packet)?;
        self.undo(at, packet, false);
        packet.undone = None;
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
                self.note(at, "route", format!("none to {}", packet.destination));
                Err(self.unroutable(at, came, packet, why))
            }
        }
    }

    fn forwards(&mut self, at: usize, packet: &Packet) -> Result<(), End> {
        let (netns, v6) = (self.space(at).name.clone(), packet.v6());
        if self.is_off(at, packet) {
            self.note(at, "forward", "it does not hand on what is for others");
            let dev = self.off_on(at, packet);
            return Err(Box::new(Cause::ForwardingOff { netns, v6, dev }).into());
        }
        let out = packet
            .oif
            .as_ref()
            .map(|(dev, _)| dev.clone())
            .unwrap_or_default();
        self.note(at, "forward", format!("handed on, out by {out}"));
        Ok(())
    }

    fn arrives(&mut self, at: usize, came: Option<Spot>, packet: &mut Packet) -> Result<End, End> {
        let (netns, to) = (self.space(at).name.clone(), packet.destination);
        if came.is_none() {
            let lo = self
                .space(at)
                .devices
                .iter()
                .find(|device| device.kind == "loopback");
            if lo.is_some_and(|lo| !lo.up) {
                self.note(at, "link", "lo is down");
                return Err(End::Stops(Box::new(Cause::LoopbackDown(netns))));
            }
            packet.iif = lo.map(|lo| (lo.name.clone(), lo.index));
            packet.oif = None;
        }
        packet.undone = self.undoing(at, packet, false);
        self.rules(at, Layer::Ip, Hook::Input, packet)?;
        self.undo(at, packet, false);
        packet.undone = None;
        for device in &self.space(at).devices {
            let own = device.addresses.iter().find(|one| one.net.addr() == to);
            if let Some(own) = own.filter(|one| one.tentative || one.duplicate) {
                let at = Place {
                    netns: netns.clone(),
                    dev: device.name.clone(),
                };
                let duplicate = own.duplicate;
                return Err(End::Stops(Box::new(Cause::Unusable {
                    at,
                    address: to,
                    duplicate,
                })));
            }
        }
        self.note(at, "arrives", format!("{to} is its own address"));
        Ok(End::Arrives(at))
    }

    /// Whether somebody answers there; `answered`: though nobody listens there now.
    fn served(&mut self, at: usize, packet: &Packet, answered: bool) -> Result<(), End> {
        let netns = self.space(at).name.clone();
        match packet.load {
            Load::Echo => {
                let path = match packet.v6() {
                    true => "ipv6/icmp/echo_ignore_all",
                    false => "ipv4/icmp_echo_ignore_all",
                };
                match self.ground.setting(at, path).as_deref() {
                    Some("1") => Err(Box::new(Cause::EchoIgnored(netns)).into()),
                    _ => Ok(()),
                }
            }
            Load::To(transport, number) => {
                let Some(all) = self.ground.listeners(at, transport, number) else {
                    let why =
                        format!("whether somebody listens on {number}/{transport} in {netns}");
                    return Err(End::Unknown(why));
                };
                let to = packet.destination;
                let takes = |own: IpAddr| {
                    own == to || own.is_unspecified() && (own.is_ipv6() || to.is_ipv4())
                };
                let port = format!("{number}/{transport}");
                match all.iter().any(|own| takes(own.ip())) {
                    true => {
                        self.note(at, "listens", format!("somebody listens on {port}"));
                        Ok(())
                    }
                    false => {
                        // Who may not reach a published port comes to the host itself.
                        let own = self.space(at).published.iter();
                        let mut own = own.filter(|one| one.protocol == transport);
                        if let Some(published) = own.find(|one| one.takes(to, number)) {
                            let to = match &published.visible {
                                Visible::Loopback => "to the host alone".to_owned(),
                                Visible::Lan => "to its neighbours (`lan`)".to_owned(),
                                Visible::Public => "to everybody".to_owned(),
                                Visible::From(nets) => {
                                    let nets: Vec<String> =
                                        nets.iter().map(ToString::to_string).collect();
                                    format!("to {}", nets.join(", "))
                                }
                            };
                            return Err(Box::new(Cause::NotVisible { port, to }).into());
                        }
                        if answered {
                            return Ok(());
                        }
                        let elsewhere = all.first().map(|own| own.ip().to_string());
                        Err(Box::new(Cause::NothingListens {
                            netns,
                            port,
                            elsewhere,
                        })
                        .into())
                    }
                }
            }
        }
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
