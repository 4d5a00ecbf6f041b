//! The addresses of one subnet, and which of them comes next.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

/// The host addresses of a subnet, some of them taken. Asking for the next one
/// costs a look into the set of those taken, however large the subnet.
#[derive(Debug, Clone)]
pub struct Pool {
    subnet: IpNet,
    /// Every host address below this number is taken or kept back.
    next: u128,
    last: u128,
    taken: BTreeSet<u128>,
    kept: BTreeSet<u128>,
}

impl Pool {
    /// Every host address of this subnet.
    pub fn new(subnet: IpNet) -> Self {
        let hosts = hosts(&subnet);
        Pool {
            subnet,
            next: *hosts.start(),
            last: *hosts.end(),
            taken: BTreeSet::new(),
            kept: BTreeSet::new(),
        }
    }

    /// Takes this address. `false`: it is taken already, or no host address of the subnet.
    pub fn take(&mut self, address: IpAddr) -> bool {
        is_host(&self.subnet, address) && self.taken.insert(number(address))
    }

    /// Keeps this address back: it is given out only when no other is free. An
    /// address that another host had a moment ago is still in the neighbour
    /// tables of those that spoke to it.
    pub fn keep_back(&mut self, address: IpAddr) {
        if is_host(&self.subnet, address) {
            self.kept.insert(number(address));
        }
    }

    /// Takes the lowest free address; `None`: there is none.
    pub fn take_next(&mut self) -> Option<IpAddr> {
        while self.next <= self.last {
            let number = self.next;
            self.next += 1;
            if !self.kept.contains(&number) && self.taken.insert(number) {
                return Some(self.address(number));
            }
        }
        while let Some(number) = self.kept.pop_first() {
            if self.taken.insert(number) {
                return Some(self.address(number));
            }
        }
        None
    }

    fn address(&self, number: u128) -> IpAddr {
        address_like(&self.subnet, number)
    }
}

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
fn hosts(subnet: &IpNet) -> RangeInclusive<u128> {
    let (first, last) = (number(subnet.network()), number(subnet.broadcast()));
    match subnet {
        _ if subnet.max_prefix_len() - subnet.prefix_len() <= 1 => first..=last,
        IpNet::V4(_) => first + 1..=last - 1,
        // One below the end, so that counting on cannot overflow in ::/0.
        IpNet::V6(_) => first + 1..=last.min(u128::MAX - 1),
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn address_like(subnet: &IpNet, number: u128) -> IpAddr {
    match subnet {
        // The pool of an IPv4 subnet holds only numbers that fit.
        IpNet::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
        IpNet::V6(_) => Ipv6Addr::from_bits(number).into(),
    }
}
