//! The walk: from namespace to namespace, as the kernel would.

mod across;
mod forks;
mod neighbour;
mod proxy;
mod refuse;
mod rewrite;
mod route;
mod served;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use self::forks::Forks;
use super::cause::{Cause, Place};
use super::filter::Bits;
use super::ground::*;
use super::link;
use super::map::Map;
use super::segment::Spot;
use super::{Explanation, Question, Step, Verdict};
use crate::state::survey::{Device, Space};

/// A packet that goes on longer than this goes in a circle: no TTL is larger.
const LONGEST: usize = 256;
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
    survey: &'a Map<'a>,
    ground: &'a dyn Ground,
    steps: Vec<Step>,
    rewritten: Vec<Rewritten>,
    /// A neighbour that did not answer, if nothing else keeps it from that.
    suspect: Option<Box<Cause>>,
    /// Where it has passed, on its way there.
    passed: BTreeSet<usize>,
    /// The mark of its connection in each namespace.
    marks: BTreeMap<usize, Bits>,
    /// Where it was handed on, this way, by which device it came there, from whom and to whom.
    handed: BTreeSet<(usize, Option<u32>, Option<IpAddr>, IpAddr)>,
    /// Who has asked for whom on a link, and been asked: each knows the other's address then.
    met: BTreeSet<(Spot, IpAddr)>,
    /// Where a route has several ways.
    forks: Forks,
    /// The last namespace that handed it on, with the source that it had then.
    forwarder: Option<(usize, IpAddr)>,
}

pub(super) use neighbour::SOUGHT;

pub(super) fn follow(survey: &Map<'_>, ground: &dyn Ground, question: &Question) -> Explanation {
    forks::all(|forks| once(survey, ground, question, forks))
}

/// One way, and what else it could have been.
fn once(
    survey: &Map<'_>,
    ground: &dyn Ground,
    question: &Question,
    forks: Forks,
) -> (Explanation, Forks) {
    let mut walk = Walk {
        survey,
        ground,
        steps: Vec::new(),
        rewritten: Vec::new(),
        suspect: None,
        passed: BTreeSet::new(),
        marks: BTreeMap::new(),
        handed: BTreeSet::new(),
        met: BTreeSet::new(),
        forks,
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
    let told = Explanation {
        there,
        back,
        verdict,
    };
    (told, walk.forks)
}

/// The first packet of a connection.
fn first(question: &Question) -> Packet {
    Packet {
        source: None,
        destination: question.to,
        load: question.load,
        seek: None,
        source_port: match question.load {
            Load::Echo => 0,
            Load::To(..) => SOURCE_PORT,
        },
        size: question.size,
        ttl: 0,
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
        via: None,
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
        // Where both ends are one, packet and answer may look the same somewhere on their ways.
        self.handed.clear();
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
            let again = again.map_err(|why| self.unroutable(at, came, packet, why))?;
            routed = self.chosen(at, packet, again);
        }
        if came.is_none() {
            packet.ttl = self.ttl(at, &routed, packet);
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
        packet.via = routed.via;
        if came.is_some() {
            self.forwards(at, packet)?;
            self.lives(at, packet)?;
            self.rules(at, Layer::Ip, Hook::Forward, packet)?;
        }
        self.fits(at, came, packet, &routed)?;
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

    fn named(&self, spot: Spot) -> (String, u32) {
        let device = self.device(spot);
        (device.name.clone(), device.index)
    }

    fn out(&self, at: usize, index: u32) -> Option<Spot> {
        self.survey.indexed(at, index)
    }
}

/// What comes after a namespace.
enum Onward {
    To(Spot),
    End(End),
}
