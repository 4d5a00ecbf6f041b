//! Which subnet a network gets that asks for any.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::range::{Range, RangeSet};
use crate::state::{Family, LabName};

/// Where subnets are chosen from: RFC 1918, and the half of fc00::/7 whose prefixes one
/// chooses oneself (RFC 4193, 3.1).
const PRIVATE4: [IpNet; 3] = [
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
];
const PRIVATE6: [IpNet; 1] = [IpNet::V6(Ipv6Net::new_assert(
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0),
    8,
))];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

/// Addresses that somebody uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InUse {
    /// Which.
    pub net: IpNet,
    /// Who.
    pub by: User,
}

/// Who uses addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum User {
    /// An address of the host, with its subnet.
    Address,
    /// A route of the host, in any of its tables.
    Route,
    /// A rule of the host (`ip rule`).
    Rule,
    /// Another lab.
    Lab(LabName),
    /// Containers that hold leases in it, on the network of this name.
    Network(String),
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            User::Address => f.write_str("an address of the host"),
            User::Route => f.write_str("a route of the host"),
            User::Rule => f.write_str("a rule of the host"),
            User::Lab(lab) => write!(f, "lab {lab}"),
            User::Network(name) => write!(f, "leases of {name}"),
        }
    }
}

/// The ranges that subnets of a family are chosen from.
pub fn private(family: Family) -> &'static [IpNet] {
    match family {
        Family::Ipv4 => &PRIVATE4,
        Family::Ipv6 => &PRIVATE6,
    }
}

/// Whether a route or rule is in the way of a subnet that is inside of it. One that is
/// wider than every private range is, as a default route, about what else there is: so
/// VPNs lead all traffic into a tunnel by `0.0.0.0/1` and `128.0.0.0/1`.
pub fn is_in_the_way(net: &IpNet) -> bool {
    let all = private(Family::of(net)).iter().map(IpNet::prefix_len);
    all.min().is_some_and(|widest| widest <= net.prefix_len())
}

/// A /24 or a /64 of which nothing is in use: the first from a place on that the seed
/// says, so that the same seed gives the same subnet while that is free.
pub fn free_subnet(family: Family, in_use: &[IpNet], seed: u64) -> Option<IpNet> {
    let prefix = match family {
        Family::Ipv4 => 24,
        Family::Ipv6 => 64,
    };
    let all = RangeSet::new(private(family).iter().copied());
    let near = in_use.iter().filter(|net| Family::of(net) == family);
    let free = all.without(&RangeSet::new(near.copied().map(Range::from)));
    let size = match family {
        Family::Ipv4 => 1u128 << 8,
        Family::Ipv6 => 1u128 << 64,
    };
    let start = all.nth(u128::from(seed) % (all.count() / size) * size)?;
    let whole = |(first, last): (u128, u128)| {
        let first = first.next_multiple_of(size);
        (first.checked_add(size - 1)? <= last).then_some(first)
    };
    let first = free.from(start).find_map(whole)?;
    let address = match family {
        Family::Ipv4 => IpAddr::from(Ipv4Addr::from_bits(first as u32)),
        Family::Ipv6 => IpAddr::from(Ipv6Addr::from_bits(first)),
    };
    IpNet::new(address, prefix).ok()
}
