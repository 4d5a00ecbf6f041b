//! Where a frame gets to that leaves by a device: along cables, through bridges, over VLANs
//! and what else is stacked, up to the devices that hand it to their namespace. What is in
//! the way is noted and passed, so that who would be reached without it is known, too.

mod bridge;
mod stacked;

use std::collections::BTreeMap;

use super::cause::Obstacle;
use super::map::Map;
use crate::state::survey::{Device, Far, Space};

/// A device of the survey, by places in its lists.
pub(super) type Spot = (usize, usize);

/// Where a frame is handed to a namespace, and how it came there.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    /// The devices that it went by, the last hands it over.
    pub(super) by: Vec<Spot>,
    /// What is in its way, in order.
    pub(super) obstacles: Vec<Obstacle>,
}

/// All that a frame gets to.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// Ways to where it is handed over, by the device there.
    pub(super) places: BTreeMap<Spot, Way>,
    /// Devices by which it leaves what is seen.
    pub(super) beyond: BTreeMap<Spot, Way>,
    /// The cables' ends that are plugged into nothing, and have no address.
    pub(super) loose: Vec<Spot>,
}

/// A frame on its way.
#[derive(Debug, Clone)]
struct Frame {
    at: Spot,
    tag: Option<u16>,
    leaving: bool,
    way: Way,
}

/// Follows a frame that leaves by this device.
pub(super) fn from(survey: &Map<'_>, start: Spot) -> Segment {
    let mut search = Search {
        survey,
        segment: Segment::default(),
        seen: BTreeMap::new(),
    };
    // Those with fewer obstacles first, so that the best way to each place is found.
    let mut turns: BTreeMap<usize, Vec<Frame>> = BTreeMap::new();
    let first = Frame {
        at: start,
        tag: None,
        leaving: true,
        way: Way::default(),
    };
    turns.insert(0, vec![first]);
    while let Some((turn, frames)) = turns.pop_first() {
        let mut now = frames;
        while let Some(frame) = now.pop() {
            if !search.is_news(&frame) {
                continue;
            }
            for next in search.step(frame) {
                match next.way.obstacles.len() {
                    n if n <= turn => now.push(next),
                    n => turns.entry(n).or_default().push(next),
                }
            }
        }
    }
    search.segment
}

struct Search<'s> {
    survey: &'s Map<'s>,
    segment: Segment,
    seen: BTreeMap<(Spot, Option<u16>, bool), usize>,
}

impl<'s> Search<'s> {
    fn space(&self, spot: Spot) -> &'s Space {
        &self.survey.namespaces[spot.0]
    }

    fn device(&self, spot: Spot) -> &'s Device {
        &self.survey.namespaces[spot.0].devices[spot.1]
    }

    fn is_news(&mut self, frame: &Frame) -> bool {
        let count = frame.way.obstacles.len();
        let known = self.seen.entry((frame.at, frame.tag, frame.leaving));
        match known {
            std::collections::btree_map::Entry::Occupied(mut best) if *best.get() > count => {
                best.insert(count);
                true
            }
            std::collections::btree_map::Entry::Occupied(_) => false,
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(count);
                true
            }
        }
    }

    fn step(&mut self, mut frame: Frame) -> Vec<Frame> {
        let (spot, device) = (frame.at, self.device(frame.at));
        frame.way.by.push(spot);
        if !device.up {
            let place = self.name(spot);
            frame.way.obstacles.push(Obstacle::Down(place));
        }
        match frame.leaving {
            true => self.leave(frame),
            false => self.arrive(frame),
        }
    }

    /// A frame that is sent by a device.
    fn leave(&mut self, frame: Frame) -> Vec<Frame> {
        let (spot, device) = (frame.at, self.device(frame.at));
        // Of what was sent from above, those there were thought of.
        let mut above = match frame.way.by.as_slice() {
            [_] => self.above(&frame),
            _ => Vec::new(),
        };
        above.extend(self.sent(frame, spot, device));
        above
    }

    fn sent(&mut self, frame: Frame, spot: Spot, device: &Device) -> Vec<Frame> {
        match device.kind.as_str() {
            "veth" | "netkit" | "vxcan" => self.other_end(frame, device),
            "bridge" => self.through(spot, None, frame),
            "vlan" | "macvlan" | "ipvlan" | "macvtap" | "ipvtap" => self.below(frame, device),
            "bond" | "team" => {
                let ports = self.survey.members(spot);
                let forth = |at: &Spot| Frame {
                    at: *at,
                    ..frame.clone()
                };
                ports.iter().map(forth).collect()
            }
            "dummy" | "loopback" | "ifb" => Vec::new(),
            _ => {
                self.segment.beyond.entry(spot).or_insert(frame.way);
                Vec::new()
            }
        }
    }

    fn other_end(&mut self, frame: Frame, device: &Device) -> Vec<Frame> {
        match &device.far {
            Some(Far::Found(end)) => {
                self.survey
                    .spot(&end.netns, end.index)
                    .map_or_else(Vec::new, |at| {
                        vec![Frame {
                            at,
                            leaving: false,
                            ..frame
                        }]
                    })
            }
            _ => {
                self.segment.beyond.entry(frame.at).or_insert(frame.way);
                Vec::new()
            }
        }
    }

    /// What is on top of another device sends by it; those that share it hear each other.
    fn below(&mut self, frame: Frame, device: &Device) -> Vec<Frame> {
        let Some(Far::Found(end)) = &device.far else {
            self.segment.beyond.entry(frame.at).or_insert(frame.way);
            return Vec::new();
        };
        let Some(lower) = self.survey.spot(&end.netns, end.index) else {
            return Vec::new();
        };
        let tag = match device.kind.as_str() {
            "vlan" => device.details.get("id").and_then(|id| id.parse().ok()),
            _ => frame.tag,
        };
        let mut next = Vec::new();
        if device.kind != "vlan" {
            next.extend(self.beside(&frame, lower));
        }
        next.push(Frame {
            at: lower,
            tag,
            ..frame
        });
        next
    }

    /// A frame that a device receives.
    fn arrive(&mut self, frame: Frame) -> Vec<Frame> {
        let (spot, device) = (frame.at, self.device(frame.at));
        let mut next = Vec::new();
        if let Some(master) = &device.master
            && let Some(master) = self.survey.named(spot.0, master)
        {
            match self.device(master).kind.as_str() {
                "bridge" => return self.through(master, Some(spot), frame),
                "bond" | "team" => {
                    next.push(Frame {
                        at: master,
                        ..frame
                    });
                    return next;
                }
                // A VRF only chooses the routing table.
                _ => {}
            }
        }
        next.extend(self.received(frame));
        if super::link::is_idle(device) {
            self.segment.loose.push(spot);
        }
        next
    }

    /// A frame that has come as far as this device: it is the namespace's, or for what is on top.
    fn received(&mut self, frame: Frame) -> Vec<Frame> {
        let (spot, mut next) = (frame.at, Vec::new());
        for &top in self.survey.on_top(spot) {
            let upper = self.device(top);
            let id = upper
                .details
                .get("id")
                .and_then(|id| id.parse::<u16>().ok());
            let mut up = Frame {
                at: top,
                ..frame.clone()
            };
            if upper.kind == "vlan" {
                up.tag = None;
                if frame.tag != id {
                    up.way.obstacles.push(Obstacle::Vlan {
                        at: self.name(top),
                        has: id,
                        frame: frame.tag,
                    });
                }
            }
            self.of_private(up.way.by[0], top, &mut up.way);
            next.push(up);
        }
        let mut own = frame.way;
        if frame.tag.is_some() {
            own.obstacles.push(Obstacle::Vlan {
                at: self.name(spot),
                has: None,
                frame: frame.tag,
            });
        }
        self.hand_over(spot, own);
        next
    }

    fn hand_over(&mut self, spot: Spot, way: Way) {
        let best = self
            .segment
            .places
            .entry(spot)
            .or_insert_with(|| way.clone());
        if best.obstacles.len() > way.obstacles.len() {
            *best = way;
        }
    }

    fn name(&self, spot: Spot) -> super::cause::Place {
        super::cause::Place {
            netns: self.space(spot).name.clone(),
            dev: self.device(spot).name.clone(),
        }
    }
}
