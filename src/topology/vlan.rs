//! Which VLANs a network's switch tells apart, and in which of them a port is.

use super::{Interface, Network, Topology};
use crate::state::{NetworkName, VlanId, Vlans};

impl Interface {
    /// Whether it says in which VLANs it is.
    pub(super) fn names_vlans(&self) -> bool {
        self.access.is_some() || !self.trunk.is_empty()
    }

    /// Whether it is in VLANs with a tag alone: then nothing reaches the interface itself.
    pub(super) fn is_tagged(&self) -> bool {
        self.access.is_none() && !self.trunk.is_empty()
    }

    /// Whether it hears the host on a network in this VLAN.
    pub(super) fn hears(&self, network: &Network) -> bool {
        // Where the network has no `vlan` it is the one that ports usually have.
        let host = network.vlan.unwrap_or(VlanId::USUAL);
        match self.access {
            Some(own) => own == host,
            None => !self.is_tagged(),
        }
    }
}

impl Topology {
    /// The VLAN of a network whose switch tells VLANs apart.
    pub(super) fn vlan_of(&self, name: &NetworkName, network: &Network) -> Option<VlanId> {
        let said = || {
            let mut all = self.interfaces();
            let here = |i: &Interface| i.network.as_ref() == Some(name) && i.names_vlans();
            // What another lab has is known of that network.
            network.external.is_none() && all.any(|(_, _, interface)| here(interface))
        };
        network.vlan.or_else(|| said().then_some(VlanId::USUAL))
    }
}

/// The VLANs of an interface's port on a network of this VLAN.
pub(super) fn of_port(interface: &Interface, network: VlanId) -> Vlans {
    let own = match interface.is_tagged() {
        true => Vlans::default(),
        false => Vlans::access(interface.access.unwrap_or(network)),
    };
    own.with_tagged(&interface.trunk)
}
