//! The last known state of a namespace, and what the kernel says of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::link;
use super::routes::Routes;
use super::{Change, Event, LinkChange};
use crate::state::IpRule;
use crate::state::survey::{Address, Device, Neighbour, Path};

/// A namespace as it was when something was last heard of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// Devices, by number.
    pub(crate) devices: BTreeMap<u32, Device>,
    pub(crate) addresses: BTreeMap<(u32, IpNet), Address>,
    pub(crate) routes: Routes,
    pub(crate) neighbours: BTreeMap<(u32, IpAddr), Neighbour>,
    pub(crate) rules: BTreeMap<RuleKey, IpRule>,
    /// The version of the rule set of nftables, where there is one.
    pub(crate) generation: Option<u32>,
}

/// What a message of the kernel says is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    Device(Box<Device>),
    DeviceGone {
        index: u32,
    },
    Address(u32, Address),
    AddressGone(u32, Address),
    /// A route; whether it takes the place of the one that leads there as preferred.
    Route {
        path: Path,
        replaces: bool,
    },
    RouteGone(Path),
    Neighbour(u32, Neighbour),
    NeighbourGone(u32, IpAddr),
    Rule(IpRule),
    RuleGone(IpRule),
}

impl Known {
    /// One that was just made, as the kernel makes them: `lo` is there, and off.
    pub(crate) fn fresh(rules: impl IntoIterator<Item = IpRule>, generation: Option<u32>) -> Self {
        let lo = Device {
            name: "lo".to_owned(),
            index: 1,
            kind: "loopback".to_owned(),
            mtu: 65536,
            ..Device::default()
        };
        Known {
            devices: BTreeMap::from([(1, lo)]),
            rules: rules.into_iter().map(|rule| (key(&rule), rule)).collect(),
            generation,
            ..Known::default()
        }
    }

    /// What a device is called.
    pub(crate) fn name(&self, index: u32) -> String {
        let device = self.devices.get(&index);
        device.map_or_else(|| index.to_string(), |device| device.name.clone())
    }

    /// Whether a route is known that the kernel takes for the same.
    pub(crate) fn leads(&self, path: &Path) -> bool {
        !self.routes.same_way(path).is_empty()
    }

    /// Takes what the kernel says, and tells what is new in it.
    pub(crate) fn take(&mut self, news: News) -> Vec<Event> {
        match news {
            News::Device(device) => self.device(*device),
            News::DeviceGone { index } => self.without(index).into_iter().collect(),
            News::Address(index, address) => {
                let old = self.addresses.insert((index, address.net), address.clone());
                let change = changed(old, Some(address));
                self.of_addresses(index, change)
            }
            News::AddressGone(index, address) => {
                let old = self.addresses.remove(&(index, address.net));
                self.of_addresses(index, changed(old, None))
            }
            News::Route { path, replaces } => self.route(path, replaces),
            News::RouteGone(path) => self.no_route(&path).into_iter().collect(),
            News::Neighbour(index, neighbour) => {
                let key = (index, neighbour.address);
                let old = self.neighbours.insert(key, neighbour.clone());
                self.of_neighbours(key, changed(old, Some(neighbour)))
            }
            News::NeighbourGone(index, address) => {
                let old = self.neighbours.remove(&(index, address));
                self.of_neighbours((index, address), changed(old, None))
            }
            News::Rule(rule) => match self.rules.insert(key(&rule), rule.clone()) {
                None => vec![Event::Rule(Change::New(rule))],
                Some(_) => Vec::new(),
            },
            News::RuleGone(rule) => match self.rules.remove(&key(&rule)) {
                Some(rule) => vec![Event::Rule(Change::Gone(rule))],
                None => Vec::new(),
            },
        }
    }

    fn device(&mut self, device: Device) -> Vec<Event> {
        let old = self.devices.get(&device.index);
        if let Some(old) = old.filter(|old| old.name != device.name) {
            let names = BTreeMap::from([(old.name.clone(), device.name.clone())]);
            self.rename(&names);
        }
        self.place(device)
    }

    fn place(&mut self, device: Device) -> Vec<Event> {
        let (index, name) = (device.index, device.name.clone());
        let old = self.devices.insert(index, device.clone());
        let told = |change| Event::Link {
            dev: name.clone(),
            index,
            change,
        };
        link::changes(old.as_ref(), &device)
            .into_iter()
            .map(told)
            .collect()
    }

    /// What was told of by devices' names is known by their new ones.
    fn rename(&mut self, names: &BTreeMap<String, String>) {
        self.routes.rename(names);
        let ports = self
            .devices
            .values_mut()
            .filter_map(|port| port.master.as_mut());
        let neighbours = self.neighbours.values_mut().map(|one| &mut one.dev);
        for name in ports.chain(neighbours) {
            if let Some(new) = names.get(name) {
                name.clone_from(new);
            }
        }
    }

    /// A device that goes takes with it what is told of by its number: the kernel has told
    /// of the most before.
    fn without(&mut self, index: u32) -> Option<Event> {
        self.addresses.retain(|(of, _), _| *of != index);
        self.neighbours.retain(|(of, _), _| *of != index);
        let device = self.devices.remove(&index)?;
        Some(Event::Link {
            dev: device.name,
            index,
            change: LinkChange::Gone { to: None },
        })
    }

    fn of_addresses(&self, index: u32, change: Option<Change<Address>>) -> Vec<Event> {
        let event = change.map(|change| Event::Address {
            dev: self.name(index),
            net: change.latest().net,
            change,
        });
        event.into_iter().collect()
    }

    fn of_neighbours(
        &self,
        (index, address): (u32, IpAddr),
        change: Option<Change<Neighbour>>,
    ) -> Vec<Event> {
        let event = change.map(|change| Event::Neighbour {
            dev: self.name(index),
            address,
            change,
        });
        event.into_iter().collect()
    }

    fn route(&mut self, path: Path, replaces: bool) -> Vec<Event> {
        if self.routes.contains(&path) {
            return Vec::new();
        }
        let old = replaces
            .then(|| self.routes.replace(path.clone()))
            .flatten();
        vec![Event::Route(match old {
            Some(old) => Change::Changed { old, new: path },
            None => {
                self.routes.add(path.clone());
                Change::New(path)
            }
        })]
    }

    fn no_route(&mut self, path: &Path) -> Option<Event> {
        let path = self.routes.remove(path)?;
        Some(Event::Route(Change::Gone(path)))
    }

    /// What happened until it was as it is now. The same as the kernel would have told,
    /// but for what came and went again.
    pub(crate) fn becomes(&mut self, now: Known) -> Vec<Event> {
        let mut told = Vec::new();
        let gone = |old: &u32| !now.devices.contains_key(old);
        let gone: Vec<u32> = self.devices.keys().copied().filter(gone).collect();
        // Names first, all at once: two may have changed theirs for each other's.
        let names = self.devices.values().filter_map(|old| {
            let new = now.devices.get(&old.index)?;
            (old.name != new.name).then(|| (old.name.clone(), new.name.clone()))
        });
        let names = names.collect();
        self.rename(&names);
        for device in now.devices.values() {
            told.extend(self.place(device.clone()));
        }
        let lost = |(key, _): &(&(u32, IpNet), &Address)| !now.addresses.contains_key(key);
        let lost: Vec<_> = self.addresses.iter().filter(lost).collect();
        let lost: Vec<_> = lost
            .iter()
            .map(|((of, _), a)| (*of, (*a).clone()))
            .collect();
        for (index, address) in lost {
            told.extend(self.take(News::AddressGone(index, address)));
        }
        told.extend(self.forget_routes(&now.routes));
        let lost = |key: &(u32, IpAddr)| !now.neighbours.contains_key(key);
        let lost: Vec<_> = self.neighbours.keys().copied().filter(lost).collect();
        for (index, address) in lost {
            told.extend(self.take(News::NeighbourGone(index, address)));
        }
        let lost = |(key, _): &(&RuleKey, &IpRule)| !now.rules.contains_key(*key);
        let lost: Vec<IpRule> = (self.rules.iter().filter(lost))
            .map(|(_, rule)| rule.clone())
            .collect();
        for rule in lost {
            told.extend(self.take(News::RuleGone(rule)));
        }
        for index in gone {
            told.extend(self.take(News::DeviceGone { index }));
        }
        for ((index, _), address) in now.addresses {
            told.extend(self.take(News::Address(index, address)));
        }
        told.extend(self.learn_routes(now.routes));
        for ((index, _), neighbour) in now.neighbours {
            told.extend(self.take(News::Neighbour(index, neighbour)));
        }
        for rule in now.rules.into_values() {
            told.extend(self.take(News::Rule(rule)));
        }
        if self.generation != now.generation {
            told.push(Event::Ruleset(super::Ruleset::default()));
        }
        self.generation = now.generation;
        told
    }

    /// The same for routes alone: the kernel does not tell of all that go.
    pub(crate) fn routes_become(&mut self, now: Routes) -> Vec<Event> {
        let mut told = self.forget_routes(&now);
        told.extend(self.learn_routes(now));
        told
    }

    /// Those that are there no more, but for those in whose place others are.
    fn forget_routes(&mut self, now: &Routes) -> Vec<Event> {
        let is_there = |old: &&Path| !now.same_way(old).is_empty();
        let lost = self.routes.iter().filter(|old| !is_there(old));
        let lost: Vec<Path> = lost.cloned().collect();
        lost.iter().filter_map(|path| self.no_route(path)).collect()
    }

    /// A new one takes the place of one of its way that is there no more.
    fn learn_routes(&mut self, now: Routes) -> Vec<Event> {
        let lost = self.routes.iter().filter(|old| !now.contains(old));
        let mut lost: Routes = lost.cloned().collect();
        let mut told = Vec::new();
        for path in now.iter() {
            if self.routes.contains(path) {
                continue;
            }
            let old = lost.same_way(path).first().cloned();
            let old = old.and_then(|old| lost.remove(&old));
            if let Some(old) = &old {
                self.routes.remove(old);
            }
            self.routes.add(path.clone());
            let new = path.clone();
            told.push(Event::Route(match old {
                Some(old) => Change::Changed { old, new },
                None => Change::New(new),
            }));
        }
        told.extend(lost.iter().filter_map(|path| self.no_route(path)));
        told
    }
}

/// By what a rule is known: its words, as far as they say all of it.
pub(crate) type RuleKey = (bool, u32, String, Vec<u8>);

/// The key of a rule.
pub(crate) fn key(rule: &IpRule) -> RuleKey {
    let whole = match rule.words.ends_with("...") {
        true => rule.message.clone(),
        false => Vec::new(),
    };
    (rule.v6, rule.priority, rule.words.clone(), whole)
}

fn changed<T: PartialEq>(old: Option<T>, new: Option<T>) -> Option<Change<T>> {
    match (old, new) {
        (None, None) => None,
        (None, Some(new)) => Some(Change::New(new)),
        (Some(old), None) => Some(Change::Gone(old)),
        (Some(old), Some(new)) => (old != new).then_some(Change::Changed { old, new }),
    }
}

impl<T> Change<T> {
    /// As it is, or was at last.
    pub fn latest(&self) -> &T {
        match self {
            Change::New(one) | Change::Gone(one) => one,
            Change::Changed { new, .. } => new,
        }
    }
}
