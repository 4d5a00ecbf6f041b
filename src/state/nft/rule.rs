//! Rules: conditions, then what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::chain::ChainName;
use super::element::Family;
use super::set::SetName;

/// One rule: conditions, then what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rule(pub Vec<Term>);

/// As nft writes it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

/// A condition or an action of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// The fields together are an element of the set.
    In(Vec<Field>, SetName),
    /// The fields together are no element of the set.
    NotIn(Vec<Field>, SetName),
    /// A condition that needs no set.
    Is(Test),
    /// This chain lets it pass; other tables still see it.
    Accept,
    /// It is thrown away.
    Drop,
    /// No further rule of this chain.
    Return,
    /// The rules of that chain, then on here.
    Jump(ChainName),
    /// The rules of that chain, and no further one of this.
    Goto(ChainName),
    /// The source becomes the address of the outgoing device.
    Masquerade,
    /// The destination becomes what the map has for these fields; without an entry the
    /// next rule is met.
    Dnat(Family, Vec<Field>, SetName),
    /// The source becomes this address and port.
    Snat(NewAddress, NewPort),
    /// The prefix of the address becomes the one that the map has for it; of its destination,
    /// or of its source.
    Prefix(Field, SetName),
    /// The key is put into the set for a while, with the data if it is a map; where it is
    /// there already, for longer. A condition before has told the family.
    Update(SetName, Vec<Field>, Vec<Field>),
    /// Something that netyard did not write.
    Unknown(String),
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::In(fields, set) => write!(f, "{} @{}", together(fields), set.as_str()),
            Term::NotIn(fields, set) => write!(f, "{} != @{}", together(fields), set.as_str()),
            Term::Is(test) => write!(f, "{test}"),
            Term::Accept => f.write_str("accept"),
            Term::Drop => f.write_str("drop"),
            Term::Return => f.write_str("return"),
            Term::Jump(chain) => write!(f, "jump {}", chain.as_str()),
            Term::Goto(chain) => write!(f, "goto {}", chain.as_str()),
            Term::Masquerade => f.write_str("masquerade"),
            Term::Dnat(family, fields, map) => {
                let ip = family.header();
                write!(f, "dnat {ip} to {} map @{}", together(fields), map.as_str())
            }
            Term::Snat(NewAddress::Device, port) => match port {
                NewPort::Same | NewPort::Random => write!(f, "masquerade{port}"),
                NewPort::Other | NewPort::Mapped => write!(f, "masquerade to {port}"),
            },
            Term::Snat(NewAddress::Asked, port) => {
                write!(f, "snat ip to ct original ip daddr{port}")
            }
            Term::Prefix(field, map) => {
                let kind = match field {
                    Field::Daddr(_) => "dnat",
                    _ => "snat",
                };
                write!(f, "{kind} ip6 prefix to {field} map @{}", map.as_str())
            }
            Term::Update(set, key, data) => {
                write!(f, "update @{} {{ {}", set.as_str(), together(key))?;
                if !data.is_empty() {
                    write!(f, " : {}", together(data))?;
                }
                f.write_str(" }")
            }
            Term::Unknown(text) => write!(f, "<{text}>"),
        }
    }
}

/// The address that a packet gets as its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewAddress {
    /// That of the outgoing device.
    Device,
    /// The one that it was sent to.
    Asked,
}

/// The port that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewPort {
    /// Its own, if that is free.
    Same,
    /// Any.
    Random,
    /// One that its host may have by itself, too.
    Other,
    /// The one that its endpoint has; without one the next rule is met.
    Mapped,
}

impl fmt::Display for NewPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NewPort::Same => "",
            NewPort::Random => " fully-random",
            NewPort::Other => ":1024-65535 fully-random",
            NewPort::Mapped => ": ip saddr . th sport map @mapped",
        })
    }
}

fn together(fields: &[Field]) -> String {
    let names: Vec<String> = fields.iter().map(Field::to_string).collect();
    names.join(" . ")
}

/// A condition on a packet by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// The packet belongs to a known connection, or is an error about one.
    Established,
    /// Its destination was changed: it goes to a published port.
    Published,
    /// It comes from the namespace itself.
    FromLo,
    /// It goes to the namespace itself.
    ToLo,
    /// ICMPv6 by which neighbours and routers find each other and groups are joined: all types
    /// from 130 on; errors and echo have lower ones.
    LinkUpkeep,
    /// Its destination is none of the host's addresses.
    NotLocal,
    /// Its destination is an address of the host.
    Local,
    /// It came by a cable, and in a frame to a group (`skb->pkt_type`).
    ByCableToGroup,
    /// It has a port. nft wants this asked before it changes one.
    HasPort,
    /// It comes by a device of the outside.
    NotFromLo,
    /// From an IPv4 loopback address.
    FromLoopback,
    /// To an IPv4 loopback address.
    ToLoopback,
    /// To the IPv6 loopback address.
    ToLoopback6,
    /// A frame of ARP.
    Arp,
    /// A frame of IPv4.
    Ip,
    /// A frame of IPv6.
    Ip6,
    /// A frame with a VLAN tag.
    Vlan,
    /// A frame with a service provider's tag.
    ServiceVlan,
    /// It asks in ARP without an address of its own.
    ArpProbe,
    /// What a DHCP server sends.
    DhcpReply,
    /// What a DHCP client sends before it has an address.
    DhcpRequest,
    /// What a DHCPv6 server sends.
    Dhcp6Reply,
    /// A router says that it is one.
    RouterAdvert,
    /// A router names a better way.
    Redirect,
    /// Somebody says that an address is theirs.
    NeighbourAdvert,
    /// Duplicate address detection.
    AddressCheck,
    /// A group is joined before there is an address.
    FirstReport,
    /// It is IPv4.
    Ipv4,
    /// It is IPv6.
    Ipv6,
    /// It is UDP.
    Udp,
    /// Who began its flow sent it.
    Original,
    /// It is an answer in its flow.
    Reply,
    /// It is of no connection that it could be of.
    Invalid,
    /// A ping over IPv4.
    Echo,
    /// The same over IPv6.
    Echo6,
    /// An error: what was sent cannot get there.
    Unreachable,
    /// An error: it was on its way for too long.
    Expired,
    /// Any error over IPv6 (RFC 4443, 2.1): these have the types below 128.
    Error6,
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Test::Established => "ct state established,related",
            Test::Published => "ct status dnat",
            Test::FromLo => "iifname \"lo\"",
            Test::ToLo => "oifname \"lo\"",
            Test::LinkUpkeep => "icmpv6 type >= mld-listener-query",
            Test::NotLocal => "fib daddr type != local",
            Test::Local => "fib daddr type local",
            Test::ByCableToGroup => "meta iifkind \"veth\" meta pkttype multicast",
            Test::HasPort => "th dport != 0",
            Test::NotFromLo => "iifname != \"lo\"",
            Test::FromLoopback => "ip saddr 127.0.0.0/8",
            Test::ToLoopback => "ip daddr 127.0.0.0/8",
            Test::ToLoopback6 => "ip6 daddr ::1",
            Test::Arp => "ether type arp",
            Test::Ip => "ether type ip",
            Test::Ip6 => "ether type ip6",
            Test::Vlan => "ether type 8021q",
            Test::ServiceVlan => "ether type 8021ad",
            Test::ArpProbe => "arp saddr ip 0.0.0.0",
            Test::DhcpReply => "meta l4proto udp th dport 68",
            Test::DhcpRequest => "ip saddr 0.0.0.0 meta l4proto udp th dport 67",
            Test::Dhcp6Reply => "meta l4proto udp th dport 546",
            Test::RouterAdvert => "meta l4proto ipv6-icmp icmpv6 type nd-router-advert",
            Test::Redirect => "meta l4proto ipv6-icmp icmpv6 type nd-redirect",
            Test::NeighbourAdvert => "meta l4proto ipv6-icmp icmpv6 type nd-neighbor-advert",
            Test::AddressCheck => {
                "ip6 saddr :: meta l4proto ipv6-icmp icmpv6 type nd-neighbor-solicit"
            }
            Test::FirstReport => {
                "ip6 saddr :: meta l4proto ipv6-icmp icmpv6 type mld2-listener-report"
            }
            Test::Ipv4 => "meta nfproto ipv4",
            Test::Ipv6 => "meta nfproto ipv6",
            Test::Udp => "meta l4proto udp",
            Test::Original => "ct direction original",
            Test::Reply => "ct direction reply",
            Test::Invalid => "ct state invalid",
            Test::Echo => "icmp type echo-request",
            Test::Echo6 => "icmpv6 type echo-request",
            Test::Unreachable => "icmp type destination-unreachable",
            Test::Expired => "icmp type time-exceeded",
            Test::Error6 => "icmpv6 type < echo-request",
        })
    }
}

/// What of a packet a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// Name of the device it came in by.
    IifName,
    /// Name of the device it leaves by.
    OifName,
    /// IPv4 or IPv6 (`meta nfproto`).
    NfProto,
    /// The transport protocol (`meta l4proto`).
    L4Proto,
    /// Source address.
    Saddr(Family),
    /// Destination address.
    Daddr(Family),
    /// Hardware address that the frame comes from.
    EtherSaddr,
    /// The sender's hardware address, by ARP's own word.
    ArpEther,
    /// The sender's address, by ARP's own word.
    ArpAddress,
    /// The address that a neighbour's message is about (RFC 4861, 4.3 and 4.4).
    Target,
    /// The VLAN of a tagged frame.
    VlanId,
    /// The second two bytes of the transport header: the destination port, where the
    /// protocol has ports.
    Dport,
    /// The first two: the source port.
    Sport,
    /// Who began its flow, before any address was changed.
    OriginalSaddr,
    /// From which port.
    OriginalSport,
    /// Who answers in its flow.
    ReplySaddr,
    /// From which port.
    ReplySport,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::IifName => f.write_str("iifname"),
            Field::OifName => f.write_str("oifname"),
            Field::NfProto => f.write_str("meta nfproto"),
            Field::L4Proto => f.write_str("meta l4proto"),
            Field::Saddr(family) => write!(f, "{} saddr", family.header()),
            Field::Daddr(family) => write!(f, "{} daddr", family.header()),
            Field::EtherSaddr => f.write_str("ether saddr"),
            Field::ArpEther => f.write_str("arp saddr ether"),
            Field::ArpAddress => f.write_str("arp saddr ip"),
            // nft has a word for it since 1.0.8 only.
            Field::Target => f.write_str("@th,64,128"),
            Field::VlanId => f.write_str("vlan id"),
            Field::Dport => f.write_str("th dport"),
            Field::Sport => f.write_str("th sport"),
            Field::OriginalSaddr => f.write_str("ct original ip saddr"),
            Field::OriginalSport => f.write_str("ct original proto-src"),
            Field::ReplySaddr => f.write_str("ct reply ip saddr"),
            Field::ReplySport => f.write_str("ct reply proto-src"),
        }
    }
}
