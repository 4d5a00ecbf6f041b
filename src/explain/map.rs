//! Where everything of a survey is: on a host with a thousand namespaces nothing is looked for
//! by going through all of them.

use std::collections::BTreeMap;
use std::ops::Deref;

use super::segment::Spot;
use crate::state::survey::{Far, Survey};

/// What sends by another device (`IFLA_LINK`).
const STACKED: [&str; 5] = ["vlan", "macvlan", "ipvlan", "macvtap", "ipvtap"];

/// A survey, and the places of what is in it.
#[derive(Debug)]
pub(super) struct Map<'s> {
    survey: &'s Survey,
    spaces: BTreeMap<&'s str, usize>,
    by_index: BTreeMap<(usize, u32), usize>,
    by_name: BTreeMap<(usize, &'s str), usize>,
    members: BTreeMap<Spot, Vec<Spot>>,
    on_top: BTreeMap<Spot, Vec<Spot>>,
}

impl Deref for Map<'_> {
    type Target = Survey;

    fn deref(&self) -> &Survey {
        self.survey
    }
}

impl<'s> Map<'s> {
    pub(super) fn new(survey: &'s Survey) -> Self {
        let mut map = Map {
            survey,
            spaces: BTreeMap::new(),
            by_index: BTreeMap::new(),
            by_name: BTreeMap::new(),
            members: BTreeMap::new(),
            on_top: BTreeMap::new(),
        };
        for (at, space) in survey.namespaces.iter().enumerate() {
            map.spaces.entry(&space.name).or_insert(at);
            for (n, device) in space.devices.iter().enumerate() {
                map.by_index.insert((at, device.index), n);
                map.by_name.insert((at, &device.name), n);
            }
        }
        for (at, space) in survey.namespaces.iter().enumerate() {
            for (n, device) in space.devices.iter().enumerate() {
                let master = device.master.as_ref();
                if let Some(master) = master.and_then(|master| map.named(at, master)) {
                    map.members.entry(master).or_default().push((at, n));
                }
                if let Some(Far::Found(end)) = &device.far
                    && STACKED.contains(&device.kind.as_str())
                    && let Some(lower) = map.spot(&end.netns, end.index)
                {
                    map.on_top.entry(lower).or_default().push((at, n));
                }
            }
        }
        map
    }

    /// A device by its namespace and number.
    pub(super) fn spot(&self, netns: &str, index: u32) -> Option<Spot> {
        self.indexed(*self.spaces.get(netns)?, index)
    }

    /// A device of a namespace by its number.
    pub(super) fn indexed(&self, space: usize, index: u32) -> Option<Spot> {
        Some((space, *self.by_index.get(&(space, index))?))
    }

    /// A device of a namespace by its name.
    pub(super) fn named(&self, space: usize, dev: &str) -> Option<Spot> {
        Some((space, *self.by_name.get(&(space, dev))?))
    }

    /// What has this device as its master.
    pub(super) fn members(&self, master: Spot) -> &[Spot] {
        self.members.get(&master).map_or(&[], Vec::as_slice)
    }

    /// The device that this one is stacked on.
    pub(super) fn below(&self, upper: Spot) -> Option<Spot> {
        let device = &self.survey.namespaces[upper.0].devices[upper.1];
        match &device.far {
            Some(Far::Found(end)) if STACKED.contains(&device.kind.as_str()) => {
                self.spot(&end.netns, end.index)
            }
            _ => None,
        }
    }

    /// What is stacked on a device.
    pub(super) fn on_top(&self, lower: Spot) -> &[Spot] {
        self.on_top.get(&lower).map_or(&[], Vec::as_slice)
    }
}
