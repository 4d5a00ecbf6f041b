//! The firewall table `inet netyard`: a fixed number of rules, and sets that
//! grow. A packet meets the same rules whatever the number of labs.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::name::{IfName, LabName};

/// The table's name; its family is `inet`, so that it sees IPv4 and IPv6.
pub const TABLE: &str = "netyard";

/// The table as it is or shall be. A desired table lists the elements of one
/// lab; an observed one those of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Whether it carries our mark (its comment). A table of this name without
    /// it belongs to someone else.
    pub ours: bool,
    /// The rules of each chain.
    pub chains: BTreeMap<ChainName, Vec<Rule>>,
    /// The elements of each set, each with the lab that owns it; `None` is an
    /// element that netyard itself needs (the guard).
    pub sets: BTreeMap<SetName, BTreeMap<Element, Option<LabName>>>,
}

impl Table {
    /// Our table with every chain and rule, and empty sets.
    pub fn skeleton() -> Self {
        Table {
            ours: true,
            chains: ChainName::ALL
                .iter()
                .map(|chain| (*chain, chain.rules()))
                .collect(),
            sets: SetName::ALL
                .iter()
                .map(|set| (*set, BTreeMap::new()))
                .collect(),
        }
    }

    /// Every element with its set and owner, in order.
    pub fn elements(&self) -> impl Iterator<Item = (SetName, &Element, Option<&LabName>)> {
        self.sets.iter().flat_map(|(set, elements)| {
            elements
                .iter()
                .map(move |(element, owner)| (*set, element, owner.as_ref()))
        })
    }
}

/// The base chains. Their policy is always accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainName {
    /// `type filter hook forward priority filter`: who may pass through the host.
    Forward,
    /// `type nat hook postrouting priority srcnat`: source NAT.
    Postrouting,
}

impl ChainName {
    /// Every chain of the table.
    pub const ALL: [ChainName; 2] = [ChainName::Forward, ChainName::Postrouting];

    /// The chain's name in the kernel.
    pub fn as_str(self) -> &'static str {
        match self {
            ChainName::Forward => "forward",
            ChainName::Postrouting => "postrouting",
        }
    }

    /// Type, hook and priority, as nft writes them.
    pub fn hook(self) -> &'static str {
        match self {
            ChainName::Forward => "type filter hook forward priority filter; policy accept;",
            ChainName::Postrouting => "type nat hook postrouting priority srcnat; policy accept;",
        }
    }

    /// The rules that this chain has in our table.
    pub fn rules(self) -> Vec<Rule> {
        use Field::{Crossing, IifName, NfProto, OifName, Saddr4, Saddr6};
        use Term::{Accept, Drop, Established, In, Masquerade, NotIn, Return};
        let rules: &[&[Term]] = match self {
            ChainName::Forward => &[
                &[Established, Accept],
                &[In(Crossing, SetName::Bridged), Accept],
                &[
                    In(IifName, SetName::Inside),
                    NotIn(OifName, SetName::Networks),
                    Accept,
                ],
                &[In(NfProto, SetName::Guard), Drop],
            ],
            ChainName::Postrouting => &[
                &[In(OifName, SetName::Networks), Return],
                &[In(Saddr4, SetName::Masquerade4), Masquerade],
                &[In(Saddr6, SetName::Masquerade6), Masquerade],
            ],
        };
        rules.iter().map(|terms| Rule(terms.to_vec())).collect()
    }
}

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
    /// The field is an element of the set.
    In(Field, SetName),
    /// The field is no element of the set.
    NotIn(Field, SetName),
    /// The packet belongs to a known connection, or is an error about one.
    Established,
    /// This chain lets it pass; other tables still see it.
    Accept,
    /// It is thrown away.
    Drop,
    /// No further rule of this chain.
    Return,
    /// The source becomes the address of the outgoing device.
    Masquerade,
    /// Something that netyard did not write.
    Unknown(String),
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::In(field, set) => write!(f, "{field} @{}", set.as_str()),
            Term::NotIn(field, set) => write!(f, "{field} != @{}", set.as_str()),
            Term::Established => f.write_str("ct state established,related"),
            Term::Accept => f.write_str("accept"),
            Term::Drop => f.write_str("drop"),
            Term::Return => f.write_str("return"),
            Term::Masquerade => f.write_str("masquerade"),
            Term::Unknown(text) => write!(f, "<{text}>"),
        }
    }
}

/// What of a packet a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// Name of the device it came in by.
    IifName,
    /// Name of the device it leaves by.
    OifName,
    /// Names of both devices.
    Crossing,
    /// IPv4 or IPv6 (`meta nfproto`).
    NfProto,
    /// IPv4 source address.
    Saddr4,
    /// IPv6 source address.
    Saddr6,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::IifName => "iifname",
            Field::OifName => "oifname",
            Field::Crossing => "iifname . oifname",
            Field::NfProto => "meta nfproto",
            Field::Saddr4 => "ip saddr",
            Field::Saddr6 => "ip6 saddr",
        })
    }
}

/// The sets of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SetName {
    /// Families that the host did not forward before netyard switched them on:
    /// what is forwarded for nobody of ours is dropped.
    Guard,
    /// Bridges, each as its way from itself to itself: what stays on one is
    /// switched, not forwarded. Where the module br_netfilter is loaded it comes by
    /// here all the same (net/bridge/br_netfilter_hooks.c, `br_nf_forward_ip`).
    Bridged,
    /// Bridges whose namespaces may go out through the host.
    Inside,
    /// The bridges of all labs: what may go out does not go to another lab.
    Networks,
    /// IPv4 subnets that leave with the host's address.
    Masquerade4,
    /// IPv6 subnets that leave with the host's address.
    Masquerade6,
}

impl SetName {
    /// Every set of the table.
    pub const ALL: [SetName; 6] = [
        SetName::Guard,
        SetName::Bridged,
        SetName::Inside,
        SetName::Networks,
        SetName::Masquerade4,
        SetName::Masquerade6,
    ];

    /// The set's name in the kernel.
    pub fn as_str(self) -> &'static str {
        match self {
            SetName::Guard => "guard",
            SetName::Bridged => "bridged",
            SetName::Inside => "inside",
            SetName::Networks => "networks",
            SetName::Masquerade4 => "masquerade4",
            SetName::Masquerade6 => "masquerade6",
        }
    }

    /// Key type and flags, as nft writes them.
    pub fn key(self) -> &'static str {
        match self {
            SetName::Guard => "type nf_proto;",
            SetName::Bridged => "type ifname . ifname;",
            SetName::Inside | SetName::Networks => "type ifname;",
            SetName::Masquerade4 => "type ipv4_addr; flags interval;",
            SetName::Masquerade6 => "type ipv6_addr; flags interval;",
        }
    }
}

/// An element of a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Element {
    /// A protocol family: 4 or 6.
    Family(Family),
    /// A device name.
    Device(IfName),
    /// The way from a bridge to itself.
    Within(IfName),
    /// A subnet, without host bits.
    Subnet(IpNet),
}

/// A protocol family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
}

/// As nft writes it.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Family(Family::Ipv4) => f.write_str("ipv4"),
            Element::Family(Family::Ipv6) => f.write_str("ipv6"),
            Element::Device(dev) => write!(f, "\"{dev}\""),
            Element::Within(dev) => write!(f, "\"{dev}\" . \"{dev}\""),
            Element::Subnet(net) => write!(f, "{net}"),
        }
    }
}

impl From<Element> for String {
    fn from(element: Element) -> String {
        element.to_string()
    }
}

impl TryFrom<String> for Element {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if let Some((dev, _)) = text.split_once("\" . \"") {
            let dev = dev.trim_start_matches('"').parse();
            return dev.map(Element::Within).map_err(|e| format!("{e}"));
        }
        if let Some(dev) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
            return dev.parse().map(Element::Device).map_err(|e| format!("{e}"));
        }
        match text.as_str() {
            "ipv4" => Ok(Element::Family(Family::Ipv4)),
            "ipv6" => Ok(Element::Family(Family::Ipv6)),
            _ => text
                .parse()
                .map(Element::Subnet)
                .map_err(|e| format!("`{text}`: {e}")),
        }
    }
}
