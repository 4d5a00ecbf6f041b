//! Parts of a survey: what belongs to a lab, or one namespace.

use std::collections::BTreeSet;

use super::{Device, Far, FarEnd, Space, Survey};
use crate::state::LabName;

impl Survey {
    /// What a lab made: its namespaces, and of the host its devices and what is plugged into them.
    pub fn of_lab(mut self, lab: &LabName) -> Survey {
        let own = |space: &&Space| {
            let joined = space.joined.iter().any(|by| by.lab == *lab);
            joined || space.lab.as_ref() == Some(lab)
        };
        let places: BTreeSet<String> = (self.namespaces.iter().filter(own))
            .map(|space| space.name.clone())
            .collect();
        let plugged = |device: &Device| match &device.far {
            Some(Far::Found(end)) => places.contains(&end.netns),
            _ => false,
        };
        self.namespaces
            .retain(|space| space.host || places.contains(&space.name));
        // What carries devices of the lab belongs to nobody.
        let far = self.namespaces.iter().filter(|space| !space.host);
        let far = far.flat_map(|space| &space.devices);
        let below: Vec<FarEnd> = far
            .filter_map(|device| match &device.far {
                Some(Far::Found(end)) => Some(end.clone()),
                _ => None,
            })
            .collect();
        for host in self.namespaces.iter_mut().filter(|space| space.host) {
            let carries = |device: &Device| {
                let mut below = below.iter();
                below.any(|end| end.netns == host.name && end.dev == device.name)
            };
            let mine = |device: &Device| {
                device.lab.as_ref() == Some(lab) || plugged(device) || carries(device)
            };
            let kept: BTreeSet<String> = (host.devices.iter())
                .filter(|device| mine(device))
                .flat_map(|device| [Some(device.name.clone()), device.master.clone()])
                .flatten()
                .collect();
            let in_kept = |master: &Option<String>| {
                master.as_ref().is_some_and(|master| kept.contains(master))
            };
            host.devices
                .retain(|device| kept.contains(&device.name) || in_kept(&device.master));
            let names: BTreeSet<&str> = host.devices.iter().map(|d| d.name.as_str()).collect();
            let by_them = |path: &super::Path| {
                let mut devices = path.hops.iter().filter_map(|hop| hop.dev.as_deref());
                devices.any(|dev| names.contains(dev))
            };
            host.routes.retain(by_them);
            host.neighbours
                .retain(|neighbour| names.contains(neighbour.dev.as_str()));
            host.published
                .retain(|port| places.contains(&port.netns.to_string()));
            let own = host.devices.iter().flat_map(|device| &device.addresses);
            let subnets: BTreeSet<_> = own.map(|address| address.net.trunc()).collect();
            host.masquerades.retain(|subnet| subnets.contains(subnet));
            host.rules.clear();
        }
        self
    }

    /// The namespace with this number alone.
    pub fn only(mut self, inode: u64) -> Survey {
        self.namespaces.retain(|space| space.inode == inode);
        self
    }
}
