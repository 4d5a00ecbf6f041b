//! Who holds which address.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Run;
use crate::state::{End, IfName, LabName, NetworkName};

/// What a lab was given where its file leaves it open: kept from one run to the next,
/// so that an interface keeps its address, and a network its subnets, when others come
/// and go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leases {
    /// Addresses, one for each interface and subnet.
    held: BTreeMap<End, BTreeMap<IpNet, IpAddr>>,
    /// The address that was given last in each subnet.
    last: BTreeMap<IpNet, IpAddr>,
    /// The subnets of each network.
    subnets: BTreeMap<NetworkName, Vec<IpNet>>,
    /// The networks of other labs, and their subnets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    external: BTreeMap<NetworkName, (LabName, Vec<IpNet>)>,
    /// What others have of the subnets.
    #[serde(skip)]
    beside: BTreeMap<IpNet, Vec<Run>>,
}

impl Leases {
    /// The address that this interface holds in this subnet.
    pub fn get(&self, end: &End, subnet: &IpNet) -> Option<IpAddr> {
        self.held.get(end)?.get(subnet).copied()
    }

    /// Gives an interface its address in a subnet; the one it had there is returned.
    pub fn insert(&mut self, end: End, subnet: IpNet, address: IpAddr) -> Option<IpAddr> {
        self.held.entry(end).or_default().insert(subnet, address)
    }

    /// Every lease, by interface and subnet.
    pub fn iter(&self) -> impl Iterator<Item = (&End, &IpNet, IpAddr)> {
        self.held.iter().flat_map(|(end, held)| {
            held.iter()
                .map(move |(subnet, address)| (end, subnet, *address))
        })
    }

    /// Whether there is no lease.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The address that was given last in a subnet.
    pub fn last(&self, subnet: &IpNet) -> Option<IpAddr> {
        self.last.get(subnet).copied()
    }

    /// Every address that was given last, by subnet.
    pub fn all_last(&self) -> &BTreeMap<IpNet, IpAddr> {
        &self.last
    }

    /// Remembers the address that was given last in a subnet.
    pub fn set_last(&mut self, subnet: IpNet, address: IpAddr) {
        self.last.insert(subnet, address);
    }

    /// The subnets of each network.
    pub fn subnets(&self) -> &BTreeMap<NetworkName, Vec<IpNet>> {
        &self.subnets
    }

    /// Remembers a subnet of a network.
    pub fn add_subnet(&mut self, network: NetworkName, subnet: IpNet) {
        self.subnets.entry(network).or_default().push(subnet);
    }

    /// The networks of other labs that are used: whose each is, and its subnets.
    pub fn external(&self) -> &BTreeMap<NetworkName, (LabName, Vec<IpNet>)> {
        &self.external
    }

    /// Remembers that a network is another lab's.
    pub fn attach(&mut self, network: NetworkName, lab: LabName, subnets: &[IpNet]) {
        self.external.insert(network, (lab, subnets.to_vec()));
    }

    /// The lab that a subnet is of, if it is another's.
    pub fn lab_of(&self, subnet: &IpNet) -> Option<&LabName> {
        let mut all = self.external.values();
        let (lab, _) = all.find(|(_, subnets)| subnets.contains(subnet))?;
        Some(lab)
    }

    /// What others have of a subnet.
    pub(crate) fn beside(&self, subnet: &IpNet) -> &[Run] {
        self.beside.get(subnet).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn set_beside(&mut self, subnet: IpNet, runs: Vec<Run>) {
        match runs.is_empty() {
            true => self.beside.remove(&subnet),
            false => self.beside.insert(subnet, runs),
        };
    }
}

impl FromIterator<(End, IpNet, IpAddr)> for Leases {
    fn from_iter<I: IntoIterator<Item = (End, IpNet, IpAddr)>>(leases: I) -> Self {
        let mut all = Leases::default();
        for (end, subnet, address) in leases {
            all.insert(end, subnet, address);
        }
        all
    }
}

/// For whom an address is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A lab. The journal gives its leases back with the lab.
    Lab(LabName),
    /// A container, by its engine's name for it.
    Container(String),
    /// A topology file that names the addresses itself.
    File,
    /// Who else is on a network of another lab.
    Others,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Lab(lab) => write!(f, "lab {lab}"),
            Holder::Container(id) => write!(f, "container {id}"),
            Holder::File => f.write_str("the file"),
            Holder::Others => f.write_str("others on the network"),
        }
    }
}

/// An address that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address, with its subnet's prefix length.
    pub address: IpNet,
    /// The network that it is of.
    pub network: String,
    /// For whom.
    pub holder: Holder,
    /// The namespace's name or path.
    pub netns: String,
    /// The interface that has it.
    pub dev: IfName,
    /// For how long.
    pub age: Duration,
}

impl Lease {
    /// Whether the other is this one, older or younger.
    pub fn is_same(&self, other: &Lease) -> bool {
        let age = self.age;
        *self
            == Lease {
                age,
                ..other.clone()
            }
    }
}
