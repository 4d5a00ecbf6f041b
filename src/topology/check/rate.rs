//! Bursts: what is larger than one never gets through, and how long one takes the kernel tells in
//! 32 bits.

use super::Flaw;
use crate::report::codes;
use crate::state::Tbf;
use crate::topology::{Cable, Interface, Limit, Topology};

/// An Ethernet header (`ETH_HLEN`), which counts.
const HEADER: u32 = 14;

/// The MTU of a device that is given none (`ETH_DATA_LEN`).
const ETHERNET: u32 = 1500;

pub(super) fn bursts(
    topology: &Topology,
    interface: &Interface,
    cable: Option<&Cable>,
    place: &str,
) -> Vec<Flaw> {
    let network = topology.network_of(interface);
    let around = network.map_or(cable.and_then(|cable| cable.mtu), |network| network.mtu);
    let mtu = interface.mtu.or(around).unwrap_or(ETHERNET);
    let limits = &interface.limits;
    [("in", limits.received), ("out", limits.sent)]
        .into_iter()
        .filter_map(|(way, limit)| burst(limit?, mtu, format!("{place}/rate/{way}_burst")))
        .collect()
}

fn burst(limit: Limit, mtu: u32, place: String) -> Option<Flaw> {
    let burst = limit.burst?;
    let least = mtu + HEADER;
    if burst < least {
        let message = format!("with a burst of {burst} bytes no packet of {mtu} bytes passes");
        let flaw = Flaw::new(codes::BAD_BURST, place, message);
        return Some(flaw.hint(format!("write at least {least}, or leave it out")));
    }
    if !Tbf::is_told(limit.rate, burst) {
        let message = format!("a burst of {burst} bytes takes minutes at {}", limit.rate);
        let label = "the kernel takes bursts of up to 274 s";
        return Some(Flaw::new(codes::BAD_BURST, place, message).label(label));
    }
    None
}
