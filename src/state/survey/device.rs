//! Devices of every kind, as the kernel tells them.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::Serialize;

use crate::state::{LabName, Rate};

/// A network device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Its name; bytes that are no text are shown as U+FFFD.
    pub name: String,
    /// Its number in its namespace.
    pub index: u32,
    /// The kernel's word for its kind (`veth`, `vlan`, ...); `loopback`, or `device` for
    /// one that has none, such as a network card.
    pub kind: String,
    /// What its kind has beside, in the words of `ip link`: a VLAN's `id`, a tunnel's `remote`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// Switched on (`IFF_UP`).
    pub up: bool,
    /// It asks for nobody's hardware address, and tells nobody its own (`IFF_NOARP`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub noarp: bool,
    /// Whether something is plugged into it (`IFF_LOWER_UP`).
    pub carrier: bool,
    /// Whether it can carry packets, by RFC 2863: `up`, `down`, `lowerlayerdown`, ...
    pub state: String,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Hardware address, as its kind writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// What somebody noted on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The lab that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lab: Option<LabName>,
    /// The bridge, bond or VRF that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master: Option<String>,
    /// How it is as a port of a bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// The other end of a cable, or the device that a VLAN and the like is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub far: Option<Far>,
    /// What limits or delays what it sends: the kernel's word for its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qdisc: Option<String>,
    /// How fast it sends at most, where that limits it (`tbf`, `netem`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// What it has carried.
    pub counters: Counters,
}

/// Where the other end of a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Far {
    /// There.
    Found(FarEnd),
    /// In a namespace that is not seen from here; its number in this one, if it has one.
    Unseen(Option<i32>),
}

/// A device in a namespace of the survey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FarEnd {
    /// What the namespace is called.
    pub netns: String,
    /// The device's name there.
    pub dev: String,
    /// Its number there.
    pub index: u32,
    /// How it is there ([`Device::condition`]).
    pub state: String,
    /// How fast it sends at most: so fast a cable's end receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

/// How a device is as a port of a bridge (bridge(8)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The state of the spanning tree protocol, which ports without it have too:
    /// `forwarding`, or it carries nothing.
    pub state: String,
    /// It reaches no other isolated port.
    pub isolated: bool,
    /// It sends back what came in by it.
    pub hairpin: bool,
    /// The VLANs of it, where the bridge tells them apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<Vlan>,
}

impl Port {
    /// Its VLANs in words, those side by side as one: `100 untagged 200-210`.
    pub fn vlan_words(&self) -> String {
        let mut runs: Vec<(u16, u16, bool)> = Vec::new();
        for Vlan { id, untagged, .. } in &self.vlans {
            match runs.last_mut() {
                Some((_, last, how)) if *last + 1 == *id && how == untagged => *last = *id,
                _ => runs.push((*id, *id, *untagged)),
            }
        }
        let word = |(first, last, untagged): (u16, u16, bool)| {
            let last = if first == last {
                String::new()
            } else {
                format!("-{last}")
            };
            format!("{first}{last}{}", if untagged { " untagged" } else { "" })
        };
        let words: Vec<String> = runs.into_iter().map(word).collect();
        words.join(" ")
    }
}

/// A VLAN of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Vlan {
    /// Its number.
    pub id: u16,
    /// What comes without a tag belongs to it.
    pub pvid: bool,
    /// It is sent without a tag.
    pub untagged: bool,
}

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The address with its prefix.
    pub net: IpNet,
    /// The kernel made it, or a router advertised it, or it is for a time only.
    pub dynamic: bool,
    /// It is being looked for, and not used yet (RFC 4862, 5.4).
    pub tentative: bool,
    /// Another has it: it is not used (RFC 4862, 5.4.5).
    pub duplicate: bool,
}

/// What a device has carried, since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Received with errors.
    pub rx_errors: u64,
    /// Received and dropped.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Not sent for errors.
    pub tx_errors: u64,
    /// Dropped instead of sent.
    pub tx_dropped: u64,
}

impl Device {
    /// Whether it is on and carries, in a word: `up`, `down`, `no carrier`, or as a port of a
    /// bridge what the spanning tree says. What the kernel tells of RFC 2863's state comes later
    /// than the carrier (`linkwatch`, net/core/link_watch.c).
    pub fn condition(&self) -> &str {
        match (self.up, self.carrier) {
            (false, _) => "down",
            (true, false) => "no carrier",
            (true, true) => match &self.port {
                Some(port) if !matches!(port.state.as_str(), "forwarding" | "") => &port.state,
                _ if self.state == "dormant" => "dormant",
                _ => "up",
            },
        }
    }

    /// Whether what it sends comes out at its other end.
    pub fn is_cable(&self) -> bool {
        matches!(self.kind.as_str(), "veth" | "netkit" | "vxcan")
    }

    /// Its queue, where that does more than limit how fast it sends.
    pub fn impairing(&self) -> Option<&str> {
        let queue = self.qdisc.as_deref();
        queue.filter(|kind| self.rate.is_none() || *kind == "netem")
    }

    /// How fast it is at most, in words: `10mbit in, 5mbit out`.
    pub fn speeds(&self) -> Option<String> {
        let far = match &self.far {
            Some(Far::Found(end)) if self.is_cable() => end.rate,
            _ => None,
        };
        let ways = [(far, "in"), (self.rate, "out")];
        let words = ways.map(|(rate, way)| Some(format!("{} {way}", rate?)));
        let words: Vec<String> = words.into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Whether it carries packets as far as the kernel says.
    pub fn carries(&self) -> bool {
        self.condition() == "up"
    }
}
