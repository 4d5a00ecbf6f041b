//! MTUs: what the kernel takes, and what IPv6 needs.

use ipnet::IpNet;

use super::Flaw;
use crate::report::codes;

pub(super) fn has_ipv6(nets: &[IpNet]) -> bool {
    nets.iter().any(|net| matches!(net, IpNet::V6(_)))
}

/// Bounds of an MTU: 68 is the least that IPv4 works with (`ETH_MIN_MTU`, RFC 791),
/// 1280 the least for IPv6 (`IPV6_MIN_MTU`; below it the kernel removes a device's
/// IPv6 addresses), 65535 the most for a veth or bridge (`ETH_MAX_MTU`). `speaker`
/// is who has IPv6 there.
pub(super) fn mtu(
    mtu: Option<u32>,
    place: &str,
    speaker: impl FnOnce() -> Option<String>,
) -> Option<Flaw> {
    let mtu = mtu?;
    let place = format!("{place}/mtu");
    let flaw = |what| {
        let message = format!("an MTU of {mtu} is too {what}");
        Flaw::new(codes::MTU_OUT_OF_RANGE, place, message)
    };
    let label = "the kernel takes 68 to 65535 bytes";
    match mtu {
        68..1280 => {
            let who = speaker()?;
            let label = format!("{who} has IPv6, which needs 1280 bytes or more");
            Some(flaw("small for IPv6").label(label))
        }
        1280..=65535 => None,
        0..68 => Some(flaw("small").label(label)),
        _ => Some(flaw("large").label(label)),
    }
}
