//! Names and hardware addresses that are derived, the same on every run.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

use super::error::char_start;
use crate::state::{End, IfName, LabName, Mac, Netns, NetworkName};

/// The device name of a network's bridge when the file gives none.
pub fn bridge_name(lab: &LabName, network: &NetworkName) -> IfName {
    device_name(&format!("{lab}-{network}"))
}

/// The name of the bridge port that is the other end of this interface.
pub fn port_name(netns: &Netns, interface: &IfName) -> IfName {
    let full = format!("{netns}-{interface}");
    match netns {
        Netns::At(path) => shortened(path.nickname(), &full),
        Netns::Host | Netns::Named(_) => device_name(&full),
    }
}

/// A hardware address for an interface on a network. Were it the kernel's choice, nobody
/// could say before it is there from which address the interface may speak.
pub(super) fn interface_mac(lab: &LabName, end: &End) -> Mac {
    hashed_mac(&format!("{lab}/{end}"))
}

/// A hardware address for whoever has this address on a lab's network.
pub(super) fn address_mac(lab: &LabName, address: IpAddr) -> Mac {
    hashed_mac(&format!("{lab}/{address}"))
}

/// A bridge without an address of its own takes the lowest of its ports'
/// (`br_stp_recalculate_bridge_id`, net/bridge/br_stp_if.c), and so changes it when
/// ports come and go.
pub(super) fn bridge_mac(lab: &LabName, network: &NetworkName) -> Mac {
    hashed_mac(&format!("{lab}/{network}"))
}

/// The first byte says: locally administered, unicast.
fn hashed_mac(text: &str) -> Mac {
    let [_, _, _, b, c, d, e, f] = fnv1a(text).to_be_bytes();
    Mac([0x02, b, c, d, e, f])
}

/// A link-local address (RFC 4291, 2.5.6) that no other device on the link has.
pub(super) fn link_local(lab: &LabName, end: &End) -> IpNet {
    let id = u128::from(fnv1a(&format!("{lab}/{end}")));
    let address = Ipv6Addr::from(0xfe80 << 112 | id);
    IpNet::V6(Ipv6Net::new_assert(address, 64))
}

/// A name for a lab that is made for something else: its beginning, and a hash of all that
/// tells it from others.
pub fn lab_name(start: &str, full: &str) -> LabName {
    let start = &start[..char_start(start, 31)];
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let start: String = start.chars().map(plain).collect();
    let name = format!("{}-{:016x}", start.trim_start_matches('-'), fnv1a(full));
    let name = name.trim_start_matches('-').parse();
    name.expect("letters, digits and `-`, 48 of them at most, are a valid name")
}

/// The device that every namespace is born with.
pub(super) fn loopback() -> IfName {
    "lo".parse().expect("`lo` is a valid name")
}

/// The text itself if the kernel takes it, else its beginning and a hash of all of it.
fn device_name(full: &str) -> IfName {
    full.parse().unwrap_or_else(|_| shortened(full, full))
}

/// The beginning of a text without `/`, and a hash of all that it stands for.
fn shortened(text: &str, full: &str) -> IfName {
    // An interface's name may have letters of more than one byte.
    let start = &text[..char_start(text, 6)];
    let start = start.replace([':', '%', '"'], "-");
    let short = format!("{start}-{:08x}", fnv1a(full) >> 32).parse();
    short.expect("parts of valid names, joined by `-` and 15 bytes at most, are a valid name")
}

/// FNV-1a with 64 bits. Written here because a name must not change with the
/// compiler or a library, as the standard hashers may.
pub(super) fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // From the test vectors of the algorithm's authors.
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn interfaces_have_addresses_of_their_own() {
        let lab = "three".parse().unwrap();
        let mac = |end: &str| interface_mac(&lab, &end.parse().unwrap());
        // Every lab that is up has it: another one would be a change of all of them.
        assert_eq!(mac("one:eth0").to_string(), "02:d6:8e:ee:24:e7");
        assert_ne!(mac("one:eth0"), mac("one:eth1"));
        assert_ne!(mac("one:eth0"), mac("two:eth0"));
    }

    #[test]
    fn long_names_are_shortened() {
        let lab = "a-laboratory".parse().unwrap();
        let name = bridge_name(&lab, &"backbone".parse().unwrap());
        assert_eq!(name.as_str().len(), 15);
        assert!(name.as_str().starts_with("a-labo-"), "{name}");
        let port = |path: &str| port_name(&path.parse().unwrap(), &"eth0".parse().unwrap());
        assert!(port("/proc/4711/ns/net").as_str().starts_with("4711-"));
        assert!(port("/run/netns/cni-12345").as_str().starts_with("cni-12-"));
        assert_ne!(port("/run/netns/a"), port("/var/run/netns/a"));
        let short = bridge_name(&"three".parse().unwrap(), &"lan".parse().unwrap());
        assert_eq!(short.as_str(), "three-lan");
    }
}
