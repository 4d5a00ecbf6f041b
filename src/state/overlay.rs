//! What was set while a lab was up, beside what its file says.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Conditions, End, Family, NetState, Parted};

/// What was set on one device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// What becomes of what it sends, in the place of what the file says of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// It carries nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub down: bool,
}

/// All that was set of a lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlays {
    /// Namespaces that are parted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub parted: BTreeSet<Parted>,
    /// Of each device of which something was set.
    #[serde(flatten)]
    pub devices: BTreeMap<End, Overlay>,
}

/// The MTU of a device that is given none (`ETH_DATA_LEN`).
const ETHERNET: u32 = 1500;

impl NetState {
    /// Has all be as was set. Of what the file has no more nothing is said. Who is parted is so
    /// by all addresses of the file, also those of a device that is down.
    pub fn lay_over(&mut self, overlays: &Overlays) {
        self.part(&overlays.parted);
        for (end, overlay) in &overlays.devices {
            let namespace = self.namespaces.get_mut(&end.netns);
            let Some(namespace) = namespace else { continue };
            let Some(link) = namespace.links.get_mut(&end.dev) else {
                continue;
            };
            if let Some(conditions) = overlay.conditions {
                link.qdisc = conditions.qdisc(link.mtu.unwrap_or(ETHERNET));
            }
            if overlay.down {
                // With the device go its routes, and its IPv6 addresses (`fib_disable_ip`,
                // net/ipv4/fib_frontend.c; `addrconf_ifdown`, net/ipv6/addrconf.c).
                link.up = false;
                link.addresses.retain(|net| Family::of(net) == Family::Ipv4);
                namespace.routes.retain(|route| route.dev != end.dev);
                namespace.spare.retain(|route| route.dev != end.dev);
            }
        }
    }
}
