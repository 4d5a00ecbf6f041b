//! What must hold between the values of a topology: what the kernel would refuse,
//! and what cannot work. A topology need not come from a file to be checked.

mod address;
mod expect;
mod interface;
mod link;
mod network;
mod route;

use super::Topology;

/// Something that cannot be as described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The path of keys and list positions, as in `networks/lan/subnets/0`.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// A few words that stand beside the value.
    pub label: Option<String>,
    /// What to write instead, where that can be said.
    pub hint: Option<String>,
}

impl Flaw {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Flaw {
            place: place.into(),
            message: message.into(),
            label: None,
            hint: None,
        }
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything that is wrong with this topology.
pub fn check(topology: &Topology) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    network::networks(topology, &mut flaws);
    link::links(topology, &mut flaws);
    interface::interfaces(topology, &mut flaws);
    address::addresses(topology, &mut flaws);
    // Routes and probes build on these: what would be said of them may be untrue.
    if !flaws.is_empty() {
        return flaws;
    }
    route::routes(topology, &mut flaws);
    expect::expectations(topology, &mut flaws);
    flaws
}

/// Bounds of an MTU: 68 is the least that IPv4 works with (`ETH_MIN_MTU`, RFC 791),
/// 1280 the least for IPv6 (`IPV6_MIN_MTU`; below it the kernel removes a device's
/// IPv6 addresses), 65535 the most for a veth or bridge (`ETH_MAX_MTU`).
fn mtu(mtu: Option<u32>, ipv6: bool, place: &str) -> Option<Flaw> {
    let mtu = mtu?;
    let place = format!("{place}/mtu");
    let label = "the kernel takes 68 to 65535 bytes";
    match mtu {
        68..1280 if ipv6 => {
            let message = format!("an MTU of {mtu} is too small for IPv6");
            Some(Flaw::new(place, message).label("IPv6 needs 1280 bytes or more"))
        }
        68..=65535 => None,
        0..68 => Some(Flaw::new(place, format!("an MTU of {mtu} is too small")).label(label)),
        _ => Some(Flaw::new(place, format!("an MTU of {mtu} is too large")).label(label)),
    }
}
