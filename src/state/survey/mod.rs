//! A host as it is seen: every network namespace with all that is in it, whoever made it.
//! A [`NetState`](super::NetState) is what a plan is made from, and has what labs can have;
//! this is for showing and explaining, and has whatever the kernel tells.

mod device;
mod name;
mod part;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::{IpRule, LabName, Netns, NetnsPath, Process, Published};

pub use device::{Address, Counters, Device, Far, FarEnd, Port, Vlan};
pub use name::Container;

/// What was seen of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The namespace that netyard runs in, then the others by name.
    pub namespaces: Vec<Space>,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
    /// So many processes may not be looked at: namespaces that only they are in are missing.
    pub hidden: usize,
}

/// A lab that has joined a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Joined {
    /// The lab.
    pub lab: LabName,
    /// The path by which its file names the namespace.
    pub path: NetnsPath,
}

/// A network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Space {
    /// What it is called here: `host`, its name, its container's, or that of a process.
    /// No two of a survey are called the same.
    pub name: String,
    /// Its number on the nsfs (namespaces(7)).
    pub inode: u64,
    /// Whether netyard runs in it.
    pub host: bool,
    /// Its names, as `ip netns` lists them.
    pub names: Vec<String>,
    /// Where else it is mounted.
    pub mounts: Vec<String>,
    /// The lab that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lab: Option<LabName>,
    /// Which labs have joined it, and by which paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<Joined>,
    /// The container whose processes are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The processes in it, by number.
    pub processes: Vec<Process>,
    /// Why its inside was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// Its devices, in the kernel's order.
    pub devices: Vec<Device>,
    /// Its routes, but for those to its own and to broadcast addresses.
    pub routes: Vec<Path>,
    /// Routing rules that the kernel did not make by itself.
    pub rules: Vec<IpRule>,
    /// Whom it knows on its links.
    pub neighbours: Vec<Neighbour>,
    /// Whether it hands on what is for others (`net.ipv4.ip_forward` and
    /// `net.ipv6.conf.all.forwarding`).
    pub forwards: Forwards,
    /// What kind of router netyard makes of it, in a few words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<String>,
    /// The namespaces that it is parted from.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub parted: BTreeSet<Netns>,
    /// Subnets that netyard masquerades.
    pub masquerades: Vec<IpNet>,
    /// Ports that labs publish.
    pub published: Vec<Published>,
}

impl Space {
    /// Which labs have to do with it, each in a few words.
    pub fn labs(&self) -> Vec<String> {
        let made = self.lab.iter().map(|lab| format!("lab {lab}"));
        let joined = self
            .joined
            .iter()
            .map(|by| format!("joined by lab {}", by.lab));
        made.chain(joined).collect()
    }
}

/// Which families are handed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Forwards {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Path {
    /// Where to.
    pub to: IpNet,
    /// The table it is in; 254 is the main one.
    pub table: u32,
    /// The kernel's word for what becomes of packets, `unicast` for most.
    pub kind: String,
    /// Who added it.
    pub protocol: String,
    /// Lower is preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<u32>,
    /// The address that packets get as their source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src: Option<IpAddr>,
    /// By whom and which device; several share what is sent.
    pub hops: Vec<Hop>,
}

/// Where a route leads next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The next router; `None`: the destination is on the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<IpAddr>,
    /// The device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
}

/// An entry of a neighbour table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Who.
    pub address: IpAddr,
    /// On which device.
    pub dev: String,
    /// At which hardware address, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The kernel's word for how sure it is: `reachable`, `stale`, `failed`, ...
    pub state: String,
}

/// The number of the main routing table (`RT_TABLE_MAIN`, include/uapi/linux/rtnetlink.h).
const MAIN: u32 = 254;

impl Survey {
    /// The namespace that netyard runs in.
    pub fn host(&self) -> Option<&Space> {
        self.namespaces.iter().find(|space| space.host)
    }

    /// Those that somebody means by a name: what they are called, another of their names,
    /// the start of a container's number, `ns:NAME`, `pid:NUMBER`, `net:[NUMBER]`.
    pub fn find(&self, meant: &str) -> Vec<&Space> {
        let by = |is: &dyn Fn(&Space) -> bool| -> Vec<&Space> {
            self.namespaces.iter().filter(|space| is(space)).collect()
        };
        let pid = meant.strip_prefix("pid:").and_then(|pid| pid.parse().ok());
        let inode = meant
            .strip_prefix("net:[")
            .and_then(|rest| rest.strip_suffix(']'));
        let inode = inode.and_then(|inode| inode.parse().ok());
        let named = meant.strip_prefix("ns:");
        let ways: [&dyn Fn(&Space) -> bool; 5] = [
            &|space| space.name == meant,
            &|space| space.names.iter().any(|name| name == meant) || inode == Some(space.inode),
            &|space| {
                space
                    .processes
                    .iter()
                    .any(|process| Some(process.pid) == pid)
            },
            &|space| {
                space
                    .container
                    .as_ref()
                    .is_some_and(|one| one.is_meant(meant))
            },
            &|space| {
                named.is_some_and(|named| {
                    space.name == named || space.names.iter().any(|name| name == named)
                })
            },
        ];
        let found = ways.into_iter().map(by);
        found
            .into_iter()
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// The other end of a device, where it was found: its namespace and the device there.
    pub fn other_end(&self, device: &Device) -> Option<(&Space, &Device)> {
        let Some(Far::Found(end)) = &device.far else {
            return None;
        };
        let space = self
            .namespaces
            .iter()
            .find(|space| space.name == end.netns)?;
        let there = space
            .devices
            .iter()
            .find(|there| there.index == end.index)?;
        Some((space, there))
    }
}

impl Space {
    /// The ports of a bridge, or what else has it as its master.
    pub fn ports<'a>(&'a self, bridge: &'a Device) -> impl Iterator<Item = &'a Device> {
        let of = move |device: &&Device| device.master.as_ref() == Some(&bridge.name);
        self.devices.iter().filter(of)
    }
}

/// As `ip route` shows it.
impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.kind != "unicast" {
            write!(f, "{} ", self.kind)?;
        }
        match self.to.prefix_len() {
            0 => f.write_str("default")?,
            _ => write!(f, "{}", self.to)?,
        }
        for hop in &self.hops {
            if self.hops.len() > 1 {
                f.write_str(" nexthop")?;
            }
            if let Some(via) = hop.via {
                write!(f, " via {via}")?;
            }
            if let Some(dev) = &hop.dev {
                write!(f, " dev {dev}")?;
            }
        }
        if let Some(src) = self.src {
            write!(f, " src {src}")?;
        }
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        if self.table != MAIN {
            write!(f, " table {}", self.table)?;
        }
        Ok(())
    }
}
