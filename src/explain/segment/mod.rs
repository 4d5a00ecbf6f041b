//! Where a frame gets to that leaves by a device: along cables, through bridges, over VLANs
//! and what else is stacked, up to the devices that hand it to their namespace. What is in
//! the way is noted and passed, so that who would be reached without it is known, too.

mod bridge;

use std::collections::BTreeMap;

use super::cause::Obstacle;
use crate::state::survey::{Device, Far, Space, Survey};

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
pub(super) fn from(survey: &Survey, start: Spot) -> Segment {
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
    survey: &'s Survey,
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
        match device.kind.as_str() {
            "veth" | "netkit" | "vxcan" => self.other_end(frame, device),
            "bridge" => self.through(spot, None, frame),
            "vlan" | "macvlan" | "ipvlan" | "macvtap" | "ipvtap" => self.below(frame, device),
            "bond" | "team" => {
                let ports = self.members(spot);
                let forth = |at| Frame {
                    at,
                    ..frame.clone()
                };
                ports.into_iter().map(forth).collect()
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
            Some(Far::Found(end)) => self
                .spot(&end.netns, end.index)
                .map_or_else(Vec::new, |at| {
                    vec![Frame {
                        at,
                        leaving: false,
                        ..frame
                    }]
                }),
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
        let Some(lower) = self.spot(&end.netns, end.index) else {
            return Vec::new();
        };
        let tag = match device.kind.as_str() {
            "vlan" => device.details.get("id").and_then(|id| id.parse().ok()),
            _ => frame.tag,
        };
        let mut next = Vec::new();
        if device.kind != "vlan" {
            let others = self.on_top(lower, &device.kind);
            let others = others.into_iter().filter(|other| *other != frame.at);
            next.extend(others.map(|at| Frame {
                at,
                leaving: false,
                ..frame.clone()
            }));
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
            && let Some(master) = self.named(spot.0, master)
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
        for top in self.on_top(spot, "") {
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
        if super::link::is_idle(device) {
            self.segment.loose.push(spot);
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

    fn spot(&self, netns: &str, index: u32) -> Option<Spot> {
        spot(self.survey, netns, index)
    }

    fn named(&self, space: usize, dev: &str) -> Option<Spot> {
        let mut devices = self.survey.namespaces[space].devices.iter();
        Some((space, devices.position(|device| device.name == dev)?))
    }

    fn members(&self, master: Spot) -> Vec<Spot> {
        let (space, name) = (self.space(master), &self.device(master).name);
        let of = |(n, device): (usize, &Device)| {
            (device.master.as_ref() == Some(name)).then_some((master.0, n))
        };
        space.devices.iter().enumerate().filter_map(of).collect()
    }

    /// What is stacked on a device; of this kind, if one is named.
    fn on_top(&self, lower: Spot, kind: &str) -> Vec<Spot> {
        let stacked = ["vlan", "macvlan", "ipvlan", "macvtap", "ipvtap"];
        let (space, index) = (self.space(lower), self.device(lower).index);
        let is = |device: &Device| {
            let on = match &device.far {
                Some(Far::Found(end)) => end.netns == space.name && end.index == index,
                _ => false,
            };
            let right = kind.is_empty() || device.kind == kind;
            on && right && stacked.contains(&device.kind.as_str())
        };
        let spaces = self.survey.namespaces.iter().enumerate();
        let all = spaces.flat_map(|(s, space)| {
            let devices = space.devices.iter().enumerate();
            devices.map(move |(n, device)| ((s, n), device))
        });
        all.filter(|(_, device)| is(device))
            .map(|(spot, _)| spot)
            .collect()
    }
}

/// The place of a device in a survey.
pub(super) fn spot(survey: &Survey, netns: &str, index: u32) -> Option<Spot> {
    let space = survey
        .namespaces
        .iter()
        .position(|space| space.name == netns)?;
    let mut devices = survey.namespaces[space].devices.iter();
    Some((space, devices.position(|device| device.index == index)?))
}
