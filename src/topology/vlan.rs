//! Which VLANs a network's switch tells apart, and in which of them a port is.

use super::{Interface, Network};
use crate::state::{VlanId, Vlans};

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

impl Network {
    /// Its VLAN, if its switch tells VLANs apart. `plugged`: the interfaces on it.
    pub(super) fn vlan_with(&self, plugged: &[&Interface]) -> Option<VlanId> {
        // What another lab has is known of that network.
        let own = self.external.is_none();
        let said = || own && plugged.iter().any(|interface| interface.names_vlans());
        self.vlan.or_else(|| said().then_some(VlanId::USUAL))
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
