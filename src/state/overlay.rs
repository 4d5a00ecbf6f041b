//! What was set while a lab was up, beside what its file says of its devices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Conditions, End, Family, NetState};

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

/// Of each device of which something was set.
pub type Overlays = BTreeMap<End, Overlay>;

/// The MTU of a device that is given none (`ETH_DATA_LEN`).
const ETHERNET: u32 = 1500;

impl NetState {
    /// Has the devices be as was set. Of one that the file has no more nothing is said.
    pub fn lay_over(&mut self, overlays: &Overlays) {
        for (end, overlay) in overlays {
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
