//! Who is wired to whom, before there are boxes.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Way;
use super::words::{self, Tone};
use crate::state::survey::{Device, Far, Space, Survey};

/// A device, by the places of its namespace and itself in their lists.
pub(super) type At = (usize, usize);

/// An end of something, before there are boxes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Seen(At),
    /// In a namespace that is not drawn.
    Hidden {
        netns: String,
        dev: String,
        state: String,
    },
    /// In one that was not seen; ends with the same word are in the same.
    Unseen(String),
}

impl End {
    /// The other end of a device, in a namespace with this number in the device's own.
    fn unseen(of: At, number: Option<i32>) -> Self {
        End::Unseen(match number {
            Some(number) => format!("{}:{number}", of.0),
            None => format!("{}-{}", of.0, of.1),
        })
    }
}

/// What belongs together.
pub(super) type Bond = (End, End, Way);

/// Who is wired to whom.
pub(super) struct Wiring<'s> {
    pub(super) survey: &'s Survey,
    pub(super) bonds: Vec<Bond>,
    pub(super) outward: BTreeSet<At>,
    /// Those at which some bond ends.
    pub(super) wired: BTreeSet<At>,
    /// Cables of the host that are nothing but a port, with their switch.
    pub(super) ports: BTreeMap<At, At>,
}

impl<'s> Wiring<'s> {
    pub(super) fn of(survey: &'s Survey) -> Self {
        let mut wiring = Wiring {
            survey,
            bonds: Vec::new(),
            outward: BTreeSet::new(),
            wired: BTreeSet::new(),
            ports: BTreeMap::new(),
        };
        let by_index: BTreeMap<(&str, u32), At> = wiring
            .each()
            .map(|(at, space, device)| ((space.name.as_str(), device.index), at))
            .collect();
        let mut cables = BTreeSet::new();
        for (at, _, device) in wiring.each() {
            let cable = device.is_cable();
            match &device.far {
                Some(Far::Found(end)) => {
                    let far = by_index.get(&(end.netns.as_str(), end.index));
                    let far = match far {
                        Some(far) => End::Seen(*far),
                        None => End::Hidden {
                            netns: end.netns.clone(),
                            dev: end.dev.clone(),
                            state: end.state.clone(),
                        },
                    };
                    let here = End::Seen(at);
                    if !cable {
                        wiring.bonds.push((far, here, Way::On));
                    } else if cables
                        .insert((here.clone().min(far.clone()), here.clone().max(far.clone())))
                    {
                        wiring.bonds.push((here, far, Way::Cable));
                    }
                }
                Some(Far::Unseen(number)) => {
                    let (here, unseen) = (End::Seen(at), End::unseen(at, *number));
                    wiring.bonds.push(match cable {
                        true => (here, unseen, Way::Cable),
                        false => (unseen, here, Way::On),
                    });
                }
                None if device.kind == "device" => _ = wiring.outward.insert(at),
                None => {}
            }
        }
        wiring.find_ports();
        // Inside a room its list says which is on which.
        let within = |(one, other, _): &Bond| match (one, other) {
            (End::Seen((s, _)), End::Seen((t, _))) => s == t && !survey.namespaces[*s].host,
            _ => false,
        };
        wiring.bonds.retain(|bond| !within(bond));
        let ends = wiring.bonds.iter().flat_map(|(one, other, _)| [one, other]);
        let seen = ends.filter_map(|end| match end {
            End::Seen(at) => Some(*at),
            End::Hidden { .. } | End::Unseen(_) => None,
        });
        wiring.wired = seen.chain(wiring.outward.iter().copied()).collect();
        wiring
    }

    /// Every device but the loopback ones.
    pub(super) fn each(
        &self,
    ) -> impl Iterator<Item = (At, &'s Space, &'s Device)> + Clone + use<'s> {
        let survey = self.survey;
        let spaces = 0..survey.namespaces.len();
        spaces.flat_map(move |s| devices_of(survey, s))
    }

    /// Those of one namespace.
    pub(super) fn within(
        &self,
        s: usize,
    ) -> impl Iterator<Item = (At, &'s Space, &'s Device)> + use<'s> {
        devices_of(self.survey, s)
    }

    pub(super) fn device(&self, (s, d): At) -> &'s Device {
        &self.survey.namespaces[s].devices[d]
    }

    /// Of the host's devices, which are ports of which.
    fn find_ports(&mut self) {
        let below: BTreeSet<At> = (self.bonds.iter())
            .filter_map(|(one, _, way)| match one {
                End::Seen(at) if *way == Way::On => Some(*at),
                _ => None,
            })
            .collect();
        let own = self.each().filter(|(_, space, _)| space.host);
        let by_name: BTreeMap<&str, At> = (own.clone())
            .map(|(at, _, device)| (device.name.as_str(), at))
            .collect();
        for (at, _, device) in own {
            let master = device.master.as_deref();
            let Some(switch) = master.and_then(|master| by_name.get(master).copied()) else {
                continue;
            };
            let cable = device.is_cable() && device.far.is_some();
            let bare = words::addresses(device).is_empty() && !below.contains(&at);
            if cable && bare && self.device(switch).kind == "bridge" {
                self.ports.insert(at, switch);
            } else {
                self.bonds
                    .push((End::Seen(at), End::Seen(switch), Way::Port));
            }
        }
    }

    pub(super) fn health(&self, end: &End) -> Tone {
        match end {
            End::Seen(at) => words::health(self.device(*at)),
            End::Hidden { state, .. } if !matches!(state.as_str(), "up" | "") => Tone::Bad,
            End::Hidden { .. } | End::Unseen(_) => Tone::Plain,
        }
    }
}

fn devices_of(survey: &Survey, s: usize) -> impl Iterator<Item = (At, &Space, &Device)> + Clone {
    let space = &survey.namespaces[s];
    let devices = space.devices.iter().enumerate();
    let devices = devices.filter(|(_, device)| device.kind != "loopback");
    devices.map(move |(d, device)| ((s, d), space, device))
}
