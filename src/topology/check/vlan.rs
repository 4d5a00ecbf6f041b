//! VLANs: of switches alone, and of each port without a tag one at most.

use super::Flaw;
use crate::report::codes;
use crate::topology::{Interface, Topology};

pub(super) fn vlans(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (name, network) in &topology.networks {
        if network.routed && network.vlan.is_some() && network.external.is_none() {
            let place = format!("networks/{name}/vlan");
            let message = "a routed network has no switch that tells VLANs apart";
            flaws.push(Flaw::new(codes::ROUTED_NETWORK, place, message));
        }
    }
    for (netns, dev, interface) in topology.interfaces() {
        let place = format!("namespaces/{netns}/interfaces/{dev}");
        let key = match interface {
            Interface {
                access: Some(_), ..
            } => "access",
            Interface { trunk, .. } if !trunk.is_empty() => "trunk",
            _ => continue,
        };
        let network = interface
            .network
            .as_ref()
            .zip(topology.network_of(interface));
        let message = match network {
            // That there is none of the name is told already.
            None if interface.network.is_some() => continue,
            None => format!("`{netns}:{dev}` is on no network whose switch could tell VLANs apart"),
            Some((name, of)) if of.routed => {
                format!("network `{name}` is routed: it has no switch that tells VLANs apart")
            }
            Some(_) => {
                flaws.extend(twice(interface, &place));
                continue;
            }
        };
        flaws.push(Flaw::new(
            codes::BAD_VLAN,
            format!("{place}/{key}"),
            message,
        ));
    }
}

/// In a VLAN a port is with a tag or without.
fn twice(interface: &Interface, place: &str) -> Option<Flaw> {
    let own = interface.access?;
    let mut trunk = interface.trunk.iter();
    let at = trunk.position(|range| range.contains(own))?;
    let message = format!("VLAN {own} is in `trunk` and is `access`");
    let flaw = Flaw::new(codes::BAD_VLAN, format!("{place}/trunk/{at}"), message);
    Some(flaw.label("with a tag here, without one there"))
}
