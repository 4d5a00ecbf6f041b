//! What the sets and maps are like: their names, keys, data, flags.

use std::collections::BTreeMap;

use super::element::{Element, Family};
use super::kind::Kind;
use super::set::SetName;

const ADDRESS4: Kind = Kind::Address(Family::Ipv4);
const ADDRESS6: Kind = Kind::Address(Family::Ipv6);

/// How many elements packets put into a set at most: there are no more ports.
pub const MOST: u32 = 65535;

impl SetName {
    /// Its name in the kernel.
    #[allow(clippy::too_many_lines, reason = "a flat match, a line for each")]
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
            SetName::Outside => "outside",
            SetName::Stable => "stable",
            SetName::Symmetric => "symmetric",
            SetName::Anybody => "anybody",
            SetName::Restricted => "restricted",
            SetName::External4 => "external4",
            SetName::Loop => "loop",
            SetName::Closed => "closed",
            SetName::Blocked => "blocked",
            SetName::Stopped => "stopped",
            SetName::Strict => "strict",
            SetName::Passes => "passes",
            SetName::Nat66 => "nat66",
            SetName::Prefixes6 => "prefixes6",
            SetName::Inwards6 => "inwards6",
            SetName::Mapped => "mapped",
            SetName::Endpoints => "endpoints",
            SetName::Taken => "taken",
            SetName::Contacted => "contacted",
            SetName::Parted4 => "parted4",
            SetName::Parted6 => "parted6",
            SetName::PartedNear => "parted_near",
            SetName::Beyond4 => "beyond4",
            SetName::Beyond6 => "beyond6",
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
            | SetName::Checked
            | SetName::Outside
            | SetName::Loop
            | SetName::Stable
            | SetName::Symmetric
            | SetName::Anybody
            | SetName::Restricted
            | SetName::Strict
            | SetName::Nat66 => &[Kind::Device],
            SetName::Closed | SetName::Blocked => &[Kind::Family, Kind::Device],
            SetName::Stopped => &[Kind::Device, Kind::Protocol],
            SetName::Passes => &[Kind::Device, Kind::Protocol, Kind::Port],
            SetName::Mapped | SetName::Endpoints => &[ADDRESS4, Kind::Port],
            SetName::Taken => &[Kind::Port],
            SetName::Contacted => &[ADDRESS4, ADDRESS4, Kind::Port],
            SetName::Macs => &[Kind::Device, Kind::Mac],
            SetName::Sources4 | SetName::From4 => &[Kind::Device, ADDRESS4],
            SetName::Sources6 | SetName::From6 | SetName::PartedNear => &[Kind::Device, ADDRESS6],
            SetName::Targets6 => &[Kind::Device, Kind::Bits],
            SetName::Trunks => &[Kind::Device, Kind::Vlan],
            SetName::Ingress4 | SetName::Egress4 => &[ADDRESS4, Kind::Protocol, Kind::Port],
            SetName::Ingress6 | SetName::Egress6 => &[ADDRESS6, Kind::Protocol, Kind::Port],
            SetName::Masquerade4
            | SetName::Near4
            | SetName::External4
            | SetName::Parted4
            | SetName::Beyond4 => &[ADDRESS4],
            SetName::Masquerade6
            | SetName::Near6
            | SetName::Prefixes6
            | SetName::Inwards6
            | SetName::Parted6
            | SetName::Beyond6 => &[ADDRESS6],
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
            SetName::Ports4 | SetName::Bound4 | SetName::Endpoints => &[ADDRESS4, Kind::Port],
            SetName::Ports6 | SetName::Bound6 => &[ADDRESS6, Kind::Port],
            SetName::Ranges4 => &[ADDRESS4],
            SetName::Ranges6 => &[ADDRESS6],
            SetName::Mapped => &[Kind::Port],
            SetName::Prefixes6 | SetName::Inwards6 => &[Kind::Subnet(Family::Ipv6)],
            _ => &[],
        }
    }

    /// Whether packets put its elements there, each for a while.
    pub fn is_filled_by_packets(self) -> bool {
        matches!(
            self,
            SetName::Mapped | SetName::Endpoints | SetName::Taken | SetName::Contacted
        )
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
                | SetName::Prefixes6
                | SetName::Inwards6
                | SetName::PartedNear
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

    /// Types and flags, as nft writes them; what packets put there stays for so many seconds.
    pub fn declaration(self, lifetime: u32) -> String {
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
        if self.is_filled_by_packets() {
            text += &format!(" size {MOST}; flags dynamic,timeout; timeout {lifetime}s;");
        }
        text
    }
}
