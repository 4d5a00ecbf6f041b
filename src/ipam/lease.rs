//! Who holds which address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::state::End;

/// Addresses that were chosen for interfaces, one for each interface and subnet.
/// Kept from one run to the next, so that an interface keeps its address when
/// others come and go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Leases(BTreeMap<End, BTreeMap<IpNet, IpAddr>>);

impl Leases {
    /// The address that this interface holds in this subnet.
    pub fn get(&self, end: &End, subnet: &IpNet) -> Option<IpAddr> {
        self.0.get(end)?.get(subnet).copied()
    }

    /// Gives an interface its address in a subnet; the one it had there is returned.
    pub fn insert(&mut self, end: End, subnet: IpNet, address: IpAddr) -> Option<IpAddr> {
        self.0.entry(end).or_default().insert(subnet, address)
    }

    /// Every lease, by interface and subnet.
    pub fn iter(&self) -> impl Iterator<Item = (&End, &IpNet, IpAddr)> {
        self.0.iter().flat_map(|(end, held)| {
            held.iter()
                .map(move |(subnet, address)| (end, subnet, *address))
        })
    }

    /// Whether there is no lease.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
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
