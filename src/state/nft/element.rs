//! Elements of sets and maps.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::state::link::Mac;
use crate::state::name::IfName;
use crate::state::vlan::VlanRange;

/// An element of a set, or of a map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Element {
    /// What it is found by.
    pub key: Vec<Part>,
    /// What a map has for it; of a set nothing.
    pub data: Vec<Part>,
}

/// A part of a key, or of what a map has for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A protocol family.
    Family(Family),
    /// A device name.
    Device(IfName),
    /// An address, or a subnet without host bits.
    Net(IpNet),
    /// A hardware address.
    Mac(Mac),
    /// The bits of an IPv6 address.
    Bits(u128),
    /// A transport protocol.
    Protocol(Protocol),
    /// Ports from the first to the last.
    Ports(u16, u16),
    /// VLANs.
    Vlans(VlanRange),
}

/// A protocol family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// The family of a subnet.
    pub fn of(net: &IpNet) -> Self {
        match net {
            IpNet::V4(_) => Family::Ipv4,
            IpNet::V6(_) => Family::Ipv6,
        }
    }

    /// All its addresses.
    pub fn every(self) -> IpNet {
        match self {
            Family::Ipv4 => Ipv4Net::default().into(),
            Family::Ipv6 => Ipv6Net::default().into(),
        }
    }

    /// Its header, as nft calls it.
    pub fn header(self) -> &'static str {
        match self {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
        }
    }
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Every protocol.
    Any,
    /// ICMP.
    Icmp,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMPv6.
    Icmpv6,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// Every protocol that has a name here.
    pub const ALL: [Protocol; 6] = [
        Protocol::Any,
        Protocol::Icmp,
        Protocol::Tcp,
        Protocol::Udp,
        Protocol::Icmpv6,
        Protocol::Sctp,
    ];

    /// Its first and last number (IANA's "Assigned Internet Protocol Numbers").
    pub fn numbers(self) -> (u8, u8) {
        match self {
            Protocol::Any => (0, 255),
            Protocol::Icmp => (1, 1),
            Protocol::Tcp => (6, 6),
            Protocol::Udp => (17, 17),
            Protocol::Icmpv6 => (58, 58),
            Protocol::Sctp => (132, 132),
        }
    }

    /// As nft writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Any => "0-255",
            Protocol::Icmp => "icmp",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmpv6 => "ipv6-icmp",
            Protocol::Sctp => "sctp",
        }
    }
}

impl Element {
    /// A key by itself.
    pub fn of(key: impl IntoIterator<Item = Part>) -> Self {
        Element {
            key: key.into_iter().collect(),
            data: Vec::new(),
        }
    }

    /// A protocol family.
    pub fn family(family: Family) -> Self {
        Element::of([Part::Family(family)])
    }

    /// A device name.
    pub fn device(dev: IfName) -> Self {
        Element::of([Part::Device(dev)])
    }

    /// The way from a bridge to itself.
    pub fn within(dev: IfName) -> Self {
        Element::of([Part::Device(dev.clone()), Part::Device(dev)])
    }

    /// A subnet, without host bits.
    pub fn subnet(net: IpNet) -> Self {
        Element::of([Part::Net(net)])
    }

    /// Whether a set that has this one cannot take another: it takes a key once, and no
    /// subnets that overlap (`nft_rbtree_insert`); of ranges in several parts it looks
    /// only whether the first or the last key of the new one is there (`nft_pipapo_insert`).
    pub fn bars(&self, new: &Element) -> bool {
        let each = |fits: fn(&Part, &Part) -> bool| {
            let mut parts = self.key.iter().zip(&new.key);
            self.key.len() == new.key.len() && parts.all(|(there, new)| fits(there, new))
        };
        match &self.key[..] {
            [_] => each(Part::overlaps),
            _ => each(Part::has_first_of) || each(Part::has_last_of),
        }
    }

    /// The devices that it names.
    pub fn devices(&self) -> impl Iterator<Item = &IfName> {
        self.key.iter().filter_map(|part| match part {
            Part::Device(dev) => Some(dev),
            _ => None,
        })
    }

    /// The one subnet that is all of its key.
    pub fn only_subnet(&self) -> Option<&IpNet> {
        match &self.key[..] {
            [Part::Net(net)] => Some(net),
            _ => None,
        }
    }
}

impl Part {
    /// Every port.
    pub const ANY_PORT: Part = Part::Ports(0, u16::MAX);

    fn overlaps(&self, other: &Part) -> bool {
        self.has_first_of(other) || other.has_first_of(self)
    }

    fn has_first_of(&self, other: &Part) -> bool {
        match (self, other) {
            (Part::Net(all), Part::Net(net)) => all.contains(&net.network()),
            (Part::Ports(a, b), Part::Ports(first, _)) => (a..=b).contains(&first),
            (Part::Vlans(all), Part::Vlans(these)) => {
                (all.first()..=all.last()).contains(&these.first())
            }
            (Part::Protocol(a), Part::Protocol(b)) => *a == Protocol::Any || a == b,
            (a, b) => a == b,
        }
    }

    fn has_last_of(&self, other: &Part) -> bool {
        match (self, other) {
            (Part::Net(all), Part::Net(net)) => all.contains(&net.broadcast()),
            (Part::Ports(a, b), Part::Ports(_, last)) => (a..=b).contains(&last),
            (Part::Vlans(all), Part::Vlans(these)) => {
                (all.first()..=all.last()).contains(&these.last())
            }
            (a, b) => a.has_first_of(b),
        }
    }

    /// Reads what stands after this part. Ports are told from protocols by their place.
    fn parse(text: &str, before: Option<&Part>) -> Result<Self, String> {
        let ports = matches!(before, Some(Part::Protocol(_) | Part::Net(_)));
        let protocol = Protocol::ALL.into_iter().find(|p| p.as_str() == text);
        if let Some(dev) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
            return dev.parse().map(Part::Device).map_err(|e| format!("{e}"));
        }
        match (text, protocol) {
            ("ipv4", _) => return Ok(Part::Family(Family::Ipv4)),
            ("ipv6", _) => return Ok(Part::Family(Family::Ipv6)),
            (_, Some(protocol)) if !matches!(before, Some(Part::Protocol(_))) => {
                return Ok(Part::Protocol(protocol));
            }
            _ => {}
        }
        if let Some(digits) = text.strip_prefix("0x") {
            let bits = u128::from_str_radix(digits, 16);
            return bits.map(Part::Bits).map_err(|e| format!("`{text}`: {e}"));
        }
        if let Ok(mac) = text.parse() {
            return Ok(Part::Mac(mac));
        }
        if let (Some(Part::Device(_)), Ok(range)) = (before, text.parse()) {
            return Ok(Part::Vlans(range));
        }
        let number = |text: &str| u16::from_str(text).ok();
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        if let (true, Some(first), Some(last)) = (ports, number(first), number(last)) {
            return Ok(Part::Ports(first, last));
        }
        let address = text.parse::<IpAddr>().map(IpNet::from);
        let net = address.or_else(|_| text.parse());
        net.map(Part::Net).map_err(|e| format!("`{text}`: {e}"))
    }
}

/// As nft writes it.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Family(Family::Ipv4) => f.write_str("ipv4"),
            Part::Family(Family::Ipv6) => f.write_str("ipv6"),
            Part::Device(dev) => write!(f, "\"{dev}\""),
            Part::Net(net) if net.prefix_len() == net.max_prefix_len() => {
                write!(f, "{}", net.addr())
            }
            Part::Net(net) => write!(f, "{net}"),
            Part::Mac(mac) => write!(f, "{mac}"),
            Part::Bits(bits) => write!(f, "{bits:#034x}"),
            Part::Protocol(protocol) => f.write_str(protocol.as_str()),
            Part::Ports(first, last) if first == last => write!(f, "{first}"),
            Part::Ports(first, last) => write!(f, "{first}-{last}"),
            Part::Vlans(range) => write!(f, "{range}"),
        }
    }
}

/// As nft writes it.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_parts(f, &self.key)?;
        if !self.data.is_empty() {
            f.write_str(" : ")?;
            write_parts(f, &self.data)?;
        }
        Ok(())
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, parts: &[Part]) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(" . ")?;
        }
        write!(f, "{part}")?;
    }
    Ok(())
}

impl From<Element> for String {
    fn from(element: Element) -> String {
        element.to_string()
    }
}

impl TryFrom<String> for Element {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let both = text.split_once(" : ");
        let (key, data) = both.map_or((&*text, None), |(key, data)| (key, Some(data)));
        Ok(Element {
            key: parts(key)?,
            data: data.map(parts).transpose()?.unwrap_or_default(),
        })
    }
}

/// A device name has no spaces (`dev_valid_name`, net/core/dev.c).
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for part in text.split(" . ") {
        parts.push(Part::parse(part, parts.last())?);
    }
    Ok(parts)
}
