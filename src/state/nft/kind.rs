//! What parts of keys are.

use super::element::Family;

/// What a part of a key, or of what a map has for it, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 or IPv6.
    Family,
    /// A device name.
    Device,
    /// An address, or in an interval set a subnet.
    Address(Family),
    /// A subnet, as what a map has.
    Subnet(Family),
    /// A hardware address.
    Mac,
    /// The 16 bytes of an IPv6 address, where nft has no word for what it is.
    Bits,
    /// A transport protocol.
    Protocol,
    /// A port, or in an interval set a range of them.
    Port,
    /// The number of a VLAN, or a range of them.
    Vlan,
}

impl Kind {
    /// Its type, as nft writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Family => "nf_proto",
            Kind::Device => "ifname",
            Kind::Address(Family::Ipv4) => "ipv4_addr",
            Kind::Address(Family::Ipv6) => "ipv6_addr",
            Kind::Subnet(Family::Ipv4) => "interval ipv4_addr",
            Kind::Subnet(Family::Ipv6) => "interval ipv6_addr",
            Kind::Mac => "ether_addr",
            Kind::Bits => "@th,64,128",
            Kind::Protocol => "inet_proto",
            Kind::Port => "inet_service",
            Kind::Vlan => "vlan id",
        }
    }

    /// What has its type, where `typeof` asks for that.
    pub fn expression(self) -> &'static str {
        match self {
            Kind::Device => "iifname",
            other => other.as_str(),
        }
    }

    /// Whether nft has a name for its type.
    pub fn has_type(self) -> bool {
        !matches!(self, Kind::Bits | Kind::Vlan)
    }
}
