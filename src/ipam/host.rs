//! Addresses as numbers, and which of a subnet's are for hosts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

/// The first host address of a subnet: `.1` of an IPv4 /24.
pub fn first_host(subnet: &IpNet) -> IpAddr {
    address_like(subnet, *hosts(subnet).start())
}

/// The last host address of a subnet: `.254` of an IPv4 /24.
pub fn last_host(subnet: &IpNet) -> IpAddr {
    address_like(subnet, *hosts(subnet).end())
}

/// Whether a host of the subnet may have this address: it is inside, and neither
/// the subnet's own address nor its broadcast address.
pub fn is_host(subnet: &IpNet, address: IpAddr) -> bool {
    subnet.contains(&address) && hosts(subnet).contains(&number(address))
}

/// IPv4 has a network and a broadcast address, except in /31 (RFC 3021) and /32.
/// IPv6 has the subnet-router anycast address (RFC 4291, 2.6.1), except in /127
/// (RFC 6164) and /128.
pub(super) fn hosts(subnet: &IpNet) -> RangeInclusive<u128> {
    let (first, last) = (number(subnet.network()), number(subnet.broadcast()));
    match subnet {
        _ if subnet.max_prefix_len() - subnet.prefix_len() <= 1 => first..=last,
        IpNet::V4(_) => first + 1..=last - 1,
        // One below the end, so that counting on cannot overflow in ::/0.
        IpNet::V6(_) => first + 1..=last.min(u128::MAX - 1),
    }
}

pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address with this number, of the family of the subnet.
pub(crate) fn address_like(subnet: &IpNet, number: u128) -> IpAddr {
    match subnet {
        // What is counted in an IPv4 subnet are only numbers that fit.
        IpNet::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
        IpNet::V6(_) => Ipv6Addr::from_bits(number).into(),
    }
}
