//! Which subnet is where.

/// Prefix lengths that a subnet may change between, with the same first addresses.
pub(crate) fn net4(lab: u8, place: u8, variant: u8) -> (String, u8) {
    let third = if variant == 2 { place + 100 } else { place };
    (
        format!("10.{lab}.{third}."),
        if variant == 1 { 25 } else { 24 },
    )
}

/// The IPv4 subnet of a cable, and the host numbers of its two ends. Those from 3 on
/// are neighbours: 10.0.0.3 is the broadcast address of 10.0.0.0/30, an end of
/// 10.0.0.2/31 and a host of 10.0.0.0/24.
pub(crate) fn cable_net4(lab: u8, cable: u8, variant: u8) -> (String, u8, [u8; 2]) {
    let (net, prefix) = net4(lab, 50 + cable, variant);
    match variant {
        3 => (net, 30, [1, 2]),
        4 => (net, 31, [2, 3]),
        5 => (net, 24, [3, 4]),
        _ => (net, prefix, [1, 2]),
    }
}

pub(crate) fn net6(lab: u8, place: u8, variant: u8) -> (String, u8) {
    let third = if variant == 2 { place + 100 } else { place };
    (
        format!("fd00:{lab}:{third}::"),
        if variant == 1 { 80 } else { 64 },
    )
}
