//! The sets and maps of our tables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TableName;
use super::element::{Element, Family};
use super::kind::Kind;

/// The sets and maps.
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
    /// Bridges and routed ports whose namespaces may go out through the host.
    Inside,
    /// The bridges and routed ports of all labs: what may go out goes to none of these.
    Networks,
    /// IPv4 subnets that leave with the host's address.
    Masquerade4,
    /// IPv6 subnets that leave with the host's address.
    Masquerade6,
    /// The IPv4 subnets of routed networks, each with those of the same network.
    Beside4,
    /// The same of IPv6.
    Beside6,
    /// Ports of routed networks that reach no other of these.
    Isolated,
    /// Ports of routed networks that are checked.
    Routed,
    /// The IPv4 addresses of each.
    From4,
    /// The IPv6 addresses of each.
    From6,
    /// What else is forwarded over IPv4: sources, destinations, protocols, ports.
    Allow4,
    /// The same over IPv6.
    Allow6,
    /// Ports of all addresses that everybody may use.
    Public,
    /// Ports of one IPv4 address, and ranges of ports, that everybody may use.
    Public4,
    /// The same of one IPv6 address.
    Public6,
    /// Ports of all addresses that those directly attached may use.
    Lan,
    /// Ports of one IPv4 address, and ranges of ports, that they may use.
    Lan4,
    /// The same of one IPv6 address.
    Lan6,
    /// The IPv4 subnets directly attached to the host.
    Near4,
    /// The same of IPv6.
    Near6,
    /// Which IPv4 sources may use which ports.
    Seen4,
    /// The same of IPv6.
    Seen6,
    /// Ports of all addresses, and where each leads over IPv4.
    Ports4,
    /// The same over IPv6.
    Ports6,
    /// Ports of one IPv4 address, and where each leads.
    Bound4,
    /// The same of one IPv6 address.
    Bound6,
    /// Ranges of ports, and to which IPv4 address they lead, each port to itself.
    Ranges4,
    /// The same over IPv6.
    Ranges6,
    /// Namespaces that reach themselves by the host, each as the way from itself to itself.
    Hairpin4,
    /// The same over IPv6.
    Hairpin6,
    /// Families in which answers within a bridge do not come by here (br_netfilter is not
    /// there, or off): who asks for a port of the same network does so as the bridge.
    Direct,
    /// Bridge ports that are checked.
    Checked,
    /// The hardware addresses of each.
    Macs,
    /// The IPv4 addresses of each.
    Sources4,
    /// The IPv6 addresses of each.
    Sources6,
    /// The IPv6 addresses of each, which it may say are its own.
    Targets6,
    /// The VLANs with whose tags each may send.
    Trunks,
    /// Who may send what to a namespace over IPv4.
    Ingress4,
    /// The same over IPv6.
    Ingress6,
    /// What a namespace may send to whom over IPv4.
    Egress4,
    /// The same over IPv6.
    Egress6,
}

const ADDRESS4: Kind = Kind::Address(Family::Ipv4);
const ADDRESS6: Kind = Kind::Address(Family::Ipv6);

impl SetName {
    /// Every set and map.
    pub const ALL: [SetName; 43] = [
        SetName::Guard,
        SetName::Bridged,
        SetName::Inside,
        SetName::Networks,
        SetName::Masquerade4,
        SetName::Masquerade6,
        SetName::Beside4,
        SetName::Beside6,
        SetName::Isolated,
        SetName::Routed,
        SetName::From4,
        SetName::From6,
        SetName::Allow4,
        SetName::Allow6,
        SetName::Public,
        SetName::Public4,
        SetName::Public6,
        SetName::Lan,
        SetName::Lan4,
        SetName::Lan6,
        SetName::Near4,
        SetName::Near6,
        SetName::Seen4,
        SetName::Seen6,
        SetName::Ports4,
        SetName::Ports6,
        SetName::Bound4,
        SetName::Bound6,
        SetName::Ranges4,
        SetName::Ranges6,
        SetName::Hairpin4,
        SetName::Hairpin6,
        SetName::Direct,
        SetName::Checked,
        SetName::Macs,
        SetName::Sources4,
        SetName::Sources6,
        SetName::Targets6,
        SetName::Trunks,
        SetName::Ingress4,
        SetName::Ingress6,
        SetName::Egress4,
        SetName::Egress6,
    ];

    /// The table that it is in.
    pub fn table(self) -> TableName {
        match self {
            SetName::Checked
            | SetName::Macs
            | SetName::Sources4
            | SetName::Sources6
            | SetName::Targets6
            | SetName::Trunks => TableName::Bridge,
            SetName::Ingress4 | SetName::Ingress6 | SetName::Egress4 | SetName::Egress6 => {
                TableName::Inside
            }
            _ => TableName::Inet,
        }
    }

    /// Its name in the kernel.
    pub fn as_str(self) -> &'static str {
        match self {
            SetName::Guard => "guard",
            SetName::Bridged => "bridged",
            SetName::Inside => "inside",
            SetName::Networks => "networks",
            SetName::Masquerade4 => "masquerade4",
            SetName::Masquerade6 => "masquerade6",
            SetName::Beside4 => "beside4",
            SetName::Beside6 => "beside6",
            SetName::Isolated => "isolated",
            SetName::Routed => "routed",
            SetName::From4 => "from4",
            SetName::From6 => "from6",
            SetName::Allow4 => "allow4",
            SetName::Allow6 => "allow6",
            SetName::Public => "public",
            SetName::Public4 => "public4",
            SetName::Public6 => "public6",
            SetName::Lan => "lan",
            SetName::Lan4 => "lan4",
            SetName::Lan6 => "lan6",
            SetName::Near4 => "near4",
            SetName::Near6 => "near6",
            SetName::Seen4 => "seen4",
            SetName::Seen6 => "seen6",
            SetName::Ports4 => "ports4",
            SetName::Ports6 => "ports6",
            SetName::Bound4 => "bound4",
            SetName::Bound6 => "bound6",
            SetName::Ranges4 => "ranges4",
            SetName::Ranges6 => "ranges6",
            SetName::Hairpin4 => "hairpin4",
            SetName::Hairpin6 => "hairpin6",
            SetName::Direct => "direct",
            SetName::Checked => "checked",
            SetName::Macs => "macs",
            SetName::Sources4 => "sources4",
            SetName::Sources6 => "sources6",
            SetName::Targets6 => "targets6",
            SetName::Trunks => "trunks",
            SetName::Ingress4 => "ingress4",
            SetName::Ingress6 => "ingress6",
            SetName::Egress4 => "egress4",
            SetName::Egress6 => "egress6",
        }
    }

    /// The parts of its key.
    pub fn key(self) -> &'static [Kind] {
        match self {
            SetName::Guard | SetName::Direct => &[Kind::Family],
            SetName::Bridged => &[Kind::Device, Kind::Device],
            SetName::Inside
            | SetName::Networks
            | SetName::Isolated
            | SetName::Routed
            | SetName::Checked => &[Kind::Device],
            SetName::Macs => &[Kind::Device, Kind::Mac],
            SetName::Sources4 | SetName::From4 => &[Kind::Device, ADDRESS4],
            SetName::Sources6 | SetName::From6 => &[Kind::Device, ADDRESS6],
            SetName::Targets6 => &[Kind::Device, Kind::Bits],
            SetName::Trunks => &[Kind::Device, Kind::Vlan],
            SetName::Ingress4 | SetName::Egress4 => &[ADDRESS4, Kind::Protocol, Kind::Port],
            SetName::Ingress6 | SetName::Egress6 => &[ADDRESS6, Kind::Protocol, Kind::Port],
            SetName::Masquerade4 | SetName::Near4 => &[ADDRESS4],
            SetName::Masquerade6 | SetName::Near6 => &[ADDRESS6],
            SetName::Public | SetName::Lan => &[Kind::Family, Kind::Protocol, Kind::Port],
            SetName::Ports4 | SetName::Ports6 => &[Kind::Protocol, Kind::Port],
            SetName::Public4 | SetName::Lan4 | SetName::Bound4 | SetName::Ranges4 => {
                &[ADDRESS4, Kind::Protocol, Kind::Port]
            }
            SetName::Public6 | SetName::Lan6 | SetName::Bound6 | SetName::Ranges6 => {
                &[ADDRESS6, Kind::Protocol, Kind::Port]
            }
            SetName::Hairpin4 | SetName::Beside4 => &[ADDRESS4, ADDRESS4],
            SetName::Hairpin6 | SetName::Beside6 => &[ADDRESS6, ADDRESS6],
            SetName::Allow4 | SetName::Seen4 => &[ADDRESS4, ADDRESS4, Kind::Protocol, Kind::Port],
            SetName::Allow6 | SetName::Seen6 => &[ADDRESS6, ADDRESS6, Kind::Protocol, Kind::Port],
        }
    }

    /// The parts of what a map has for each key; of a set nothing.
    pub fn data(self) -> &'static [Kind] {
        match self {
            SetName::Ports4 | SetName::Bound4 => &[ADDRESS4, Kind::Port],
            SetName::Ports6 | SetName::Bound6 => &[ADDRESS6, Kind::Port],
            SetName::Ranges4 => &[ADDRESS4],
            SetName::Ranges6 => &[ADDRESS6],
            _ => &[],
        }
    }

    /// Whether a part of its key may be a range.
    pub fn has_intervals(self) -> bool {
        matches!(
            self,
            SetName::Masquerade4
                | SetName::Masquerade6
                | SetName::Beside4
                | SetName::Beside6
                | SetName::Public4
                | SetName::Public6
                | SetName::Lan4
                | SetName::Lan6
                | SetName::Near4
                | SetName::Near6
                | SetName::Seen4
                | SetName::Seen6
                | SetName::Ranges4
                | SetName::Ranges6
                | SetName::Allow4
                | SetName::Allow6
                | SetName::Ingress4
                | SetName::Ingress6
                | SetName::Egress4
                | SetName::Egress6
                | SetName::Trunks
        )
    }

    /// The element that bars a new one. Where there are no ranges it is the one of the same
    /// key, and found without a look at the others.
    pub fn barring<'a, T>(
        self,
        elements: &'a BTreeMap<Element, T>,
        new: &Element,
    ) -> Option<(&'a Element, &'a T)> {
        if self.has_intervals() {
            return elements.iter().find(|(there, _)| there.bars(new));
        }
        let first = elements.range(Element::of(new.key.clone())..).next()?;
        (first.0.key == new.key).then_some(first)
    }

    /// Whether it is where published ports lead, or who may use them: no two labs have the
    /// same port.
    pub fn is_of_ports(self) -> bool {
        self.leads()
            || matches!(
                self,
                SetName::Public
                    | SetName::Public4
                    | SetName::Public6
                    | SetName::Lan
                    | SetName::Lan4
                    | SetName::Lan6
                    | SetName::Seen4
                    | SetName::Seen6
            )
    }

    /// Whether it says who may use a published port, or what a namespace takes.
    pub fn admits(self) -> bool {
        self.is_of_ports() && !self.leads() || matches!(self, SetName::Ingress4 | SetName::Ingress6)
    }

    /// Whether it is where published ports lead.
    pub fn leads(self) -> bool {
        matches!(
            self,
            SetName::Ports4
                | SetName::Ports6
                | SetName::Bound4
                | SetName::Bound6
                | SetName::Ranges4
                | SetName::Ranges6
        )
    }

    /// Whether netyard has elements there that belong to no lab.
    pub fn has_nobodys(self) -> bool {
        matches!(
            self,
            SetName::Guard | SetName::Bridged | SetName::Near4 | SetName::Near6 | SetName::Direct
        )
    }

    /// Types and flags, as nft writes them.
    pub fn declaration(self) -> String {
        let typed = self.key().iter().all(|kind| kind.has_type());
        let (word, name): (_, fn(Kind) -> &'static str) = match typed {
            true => ("type", Kind::as_str),
            false => ("typeof", Kind::expression),
        };
        let types = |kinds: &[Kind]| {
            let names: Vec<&str> = kinds.iter().map(|kind| name(*kind)).collect();
            names.join(" . ")
        };
        let mut text = format!("{word} {}", types(self.key()));
        if !self.data().is_empty() {
            text += &format!(" : {}", types(self.data()));
        }
        text += ";";
        if self.has_intervals() {
            text += " flags interval;";
        }
        text
    }
}
