//! Numbers of VLANs, and ranges of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a VLAN: 1 to 4094. The kernel keeps 0 and 4095 for itself
/// (`VLAN_N_VID`, `br_process_vlan_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct VlanId(u16);

impl VlanId {
    /// The one that ports of the kernel's bridges have unless they are given another.
    pub const USUAL: VlanId = VlanId(1);

    /// The number by itself.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for VlanId {
    type Error = String;
    fn try_from(number: u16) -> Result<Self, String> {
        match number {
            1..=4094 => Ok(VlanId(number)),
            _ => Err(format!("`{number}` is no VLAN's number, 1 to 4094")),
        }
    }
}

impl From<VlanId> for u16 {
    fn from(id: VlanId) -> u16 {
        id.0
    }
}

impl FromStr for VlanId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let number = text.parse::<u16>().ok().filter(|_| digits);
        let id = number.and_then(|number| VlanId::try_from(number).ok());
        id.ok_or_else(|| format!("`{text}` is no VLAN's number, 1 to 4094"))
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// VLANs from the first to the last, written `100` or `100-110`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VlanRange {
    first: VlanId,
    last: VlanId,
}

impl VlanRange {
    /// From one to another, if they stand in this order.
    pub fn new(first: VlanId, last: VlanId) -> Option<Self> {
        (first <= last).then_some(VlanRange { first, last })
    }

    /// The first of them.
    pub fn first(self) -> u16 {
        self.first.0
    }

    /// The last of them.
    pub fn last(self) -> u16 {
        self.last.0
    }

    /// With the one that follows, if this is it.
    pub(super) fn and(self, next: VlanId) -> Option<Self> {
        let follows = self.last.0 + 1 == next.0;
        follows.then_some(VlanRange { last: next, ..self })
    }

    /// Whether this VLAN is one of them.
    pub fn contains(self, id: VlanId) -> bool {
        (self.first..=self.last).contains(&id)
    }
}

impl From<VlanId> for VlanRange {
    fn from(id: VlanId) -> Self {
        VlanRange {
            first: id,
            last: id,
        }
    }
}

impl FromStr for VlanRange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.parse()?, last.parse()?);
        let backwards = || format!("`{text}` ends before it begins: write `{last}-{first}`");
        VlanRange::new(first, last).ok_or_else(backwards)
    }
}

impl TryFrom<String> for VlanRange {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<VlanRange> for String {
    fn from(range: VlanRange) -> String {
        range.to_string()
    }
}

impl fmt::Display for VlanRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}
