//! Addresses that no host can have (RFC 6890 lists them), as far as the kernel keeps
//! to it: the reserved range 240.0.0.0/4 it takes like any other.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::host::{first_host, last_host};

/// Ranges, and what they are.
const SPECIAL: [(IpNet, &str); 7] = [
    // The kernel adds no route to such a subnet (`fib_add_ifaddr`, net/ipv4/fib_frontend.c).
    (v4([0, 0, 0, 0], 8), "the range of \"this network\""),
    (v4([127, 0, 0, 0], 8), "the loopback range"),
    (v4([224, 0, 0, 0], 4), "the multicast range"),
    (v4([255, 255, 255, 255], 32), "the broadcast address"),
    // Refused, but for `::1` on `lo` (`ipv6_add_addr`, net/ipv6/addrconf.c).
    (
        v6([0, 0, 0], 127),
        "the unspecified and the loopback address",
    ),
    // Sockets take it for an IPv4 address (RFC 4291, 2.5.5.2).
    (v6([0, 0, 0xffff], 96), "the range of IPv4 addresses"),
    (v6([0xff00, 0, 0], 8), "the multicast range"),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

/// The first, fifth and sixth group of the address; the others are 0.
const fn v6([a, e, f]: [u16; 3], prefix: u8) -> IpNet {
    let address = Ipv6Addr::new(a, 0, 0, 0, e, f, 0, 0);
    IpNet::V6(Ipv6Net::new_assert(address, prefix))
}

/// A range of addresses that no host can have, but that are host addresses of this
/// subnet; and what the range is.
pub fn special(subnet: &IpNet) -> Option<(IpNet, &'static str)> {
    let (first, last) = (first_host(subnet), last_host(subnet));
    let shared = |range: &IpNet| range.network() <= last && first <= range.broadcast();
    SPECIAL.into_iter().find(|(range, _)| shared(range))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn range(subnet: &str) -> String {
        let found = special(&subnet.parse().unwrap());
        found.map_or("none".to_owned(), |(range, _)| range.to_string())
    }

    #[test]
    fn a_subnet_must_have_addresses_for_hosts() {
        for (subnet, expected) in [
            ("0.0.0.0/0", "0.0.0.0/8"),
            ("0.0.0.0/1", "0.0.0.0/8"),
            ("0.0.0.0/31", "0.0.0.0/8"),
            ("126.0.0.0/7", "127.0.0.0/8"),
            ("128.0.0.0/1", "224.0.0.0/4"),
            ("255.255.255.254/31", "255.255.255.255/32"),
            ("::/0", "::/127"),
            ("::/64", "::/127"),
            ("::/127", "::/127"),
            ("::ffff:10.0.0.0/120", "::ffff:0.0.0.0/96"),
            ("ff02::/16", "ff00::/8"),
        ] {
            assert_eq!(range(subnet), expected, "{subnet}");
        }
    }

    #[test]
    fn others_may_be_used() {
        for subnet in [
            "1.0.0.0/8",
            "169.254.0.0/16",
            "240.0.0.0/4",
            "255.255.255.252/30",
            "::2/127",
            "64:ff9b::/96",
            "fe80::/64",
        ] {
            assert_eq!(range(subnet), "none", "{subnet}");
        }
    }
}
