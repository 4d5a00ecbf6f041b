//! Hosts made by hand, as a survey would tell of them.

use netyard::state::survey::{Address, Device, Far, FarEnd, Hop, Path, Port, Space, Survey};

/// A namespace, by its place, and a device in it.
pub(crate) type At = (usize, usize);

/// A host and its namespaces, so far.
pub(crate) struct Made(pub(crate) Survey);

impl Made {
    /// A host with `lo` alone.
    pub(crate) fn new() -> Self {
        let mut made = Made(Survey::default());
        made.room("host");
        made.0.namespaces[0].host = true;
        made
    }

    pub(crate) fn room(&mut self, name: &str) -> usize {
        self.0.namespaces.push(Space {
            name: name.to_owned(),
            ..Space::default()
        });
        let room = self.0.namespaces.len() - 1;
        self.add(room, "lo", "loopback", &["127.0.0.1/8"]);
        room
    }

    pub(crate) fn add(&mut self, room: usize, name: &str, kind: &str, addresses: &[&str]) -> At {
        let devices = &mut self.0.namespaces[room].devices;
        let address = |text: &&str| Address {
            net: text.parse().unwrap(),
            dynamic: false,
            tentative: false,
            duplicate: false,
        };
        devices.push(Device {
            name: name.to_owned(),
            index: u32::try_from(devices.len()).unwrap() + 1,
            kind: kind.to_owned(),
            up: true,
            carrier: true,
            state: "up".to_owned(),
            mtu: 1500,
            addresses: addresses.iter().map(address).collect(),
            ..Device::default()
        });
        (room, devices.len() - 1)
    }

    pub(crate) fn get(&mut self, (room, device): At) -> &mut Device {
        &mut self.0.namespaces[room].devices[device]
    }

    fn far(&mut self, to: At) -> Far {
        let netns = self.0.namespaces[to.0].name.clone();
        let there = self.get(to);
        Far::Found(FarEnd {
            rate: None,
            netns,
            dev: there.name.clone(),
            index: there.index,
            state: there.condition().to_owned(),
        })
    }

    /// A device on another.
    pub(crate) fn on(&mut self, upper: At, lower: At) {
        self.get(upper).far = Some(self.far(lower));
    }

    /// A cable between two new devices.
    pub(crate) fn cable(
        &mut self,
        one: (usize, &str, &[&str]),
        other: (usize, &str, &[&str]),
    ) -> [At; 2] {
        let ends =
            [one, other].map(|(room, name, addresses)| self.add(room, name, "veth", addresses));
        self.on(ends[0], ends[1]);
        self.on(ends[1], ends[0]);
        ends
    }

    /// A room's cable to a switch of the host: its end there.
    pub(crate) fn plug(
        &mut self,
        (room, dev): (usize, &str),
        addresses: &[&str],
        port: &str,
        switch: At,
    ) -> At {
        let [near, _] = self.cable((0, port, &[]), (room, dev, addresses));
        self.port(near, switch);
        near
    }

    /// A port of a switch.
    pub(crate) fn port(&mut self, device: At, switch: At) {
        let master = self.get(switch).name.clone();
        let port = Port {
            state: "forwarding".to_owned(),
            ..Port::default()
        };
        let device = self.get(device);
        (device.master, device.port) = (Some(master), Some(port));
    }

    pub(crate) fn route(&mut self, room: usize, to: &str, via: &str, dev: &str) {
        self.0.namespaces[room].routes.push(Path {
            to: to.parse().unwrap(),
            table: 254,
            kind: "unicast".to_owned(),
            protocol: "static".to_owned(),
            metric: None,
            src: None,
            hops: vec![Hop {
                via: Some(via.parse().unwrap()),
                dev: Some(dev.to_owned()),
            }],
        });
    }

    pub(crate) fn down(&mut self, device: At, up: bool) {
        let device = self.get(device);
        (device.up, device.carrier) = (up, false);
        device.state = if up { "lowerlayerdown" } else { "down" }.to_owned();
    }
}
