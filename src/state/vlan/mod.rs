//! VLANs of the ports of a bridge, as `bridge vlan` shows them (802.1Q).

mod id;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use id::{VlanId, VlanRange};

/// What a bridge does with VLANs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filtering {
    /// Whether it tells them apart (`vlan_filtering`).
    pub on: bool,
    /// The one of a new port (`vlan_default_pvid`); 0: none.
    pub default_pvid: u16,
}

/// As the kernel makes a bridge.
impl Default for Filtering {
    fn default() -> Self {
        Filtering {
            on: false,
            default_pvid: VlanId::USUAL.number(),
        }
    }
}

impl Filtering {
    /// VLANs are told apart, and a port has those alone that it is given.
    pub const STRICT: Filtering = Filtering {
        on: true,
        default_pvid: 0,
    };

    /// Whether it is as the kernel makes it.
    pub(crate) fn is_usual(&self) -> bool {
        *self == Filtering::default()
    }
}

/// As `ip link set type bridge` takes it.
impl fmt::Display for Filtering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (on, pvid) = (u8::from(self.on), self.default_pvid);
        write!(f, "vlan_filtering {on} vlan_default_pvid {pvid}")
    }
}

/// How a port is in a VLAN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Membership {
    /// What comes without a tag belongs to it: to one of a port's.
    pub pvid: bool,
    /// It is sent without a tag.
    pub untagged: bool,
}

impl Membership {
    /// As an access port is in its VLAN.
    pub const ACCESS: Membership = Membership {
        pvid: true,
        untagged: true,
    };
    /// With a tag.
    pub const TAGGED: Membership = Membership {
        pvid: false,
        untagged: false,
    };
}

/// VLANs that a port is in, all in the same way. Written as bridge(8) does: `100 pvid untagged`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VlanEntry {
    /// Which.
    pub range: VlanRange,
    /// How.
    pub how: Membership,
}

impl fmt::Display for VlanEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pvid = if self.how.pvid { " pvid" } else { "" };
        let untagged = if self.how.untagged { " untagged" } else { "" };
        write!(f, "{}{pvid}{untagged}", self.range)
    }
}

impl TryFrom<String> for VlanEntry {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let mut words = text.split(' ');
        let range = words.next().unwrap_or_default().parse()?;
        let mut how = Membership::TAGGED;
        for word in words {
            match word {
                "pvid" => how.pvid = true,
                "untagged" => how.untagged = true,
                other => return Err(format!("`{other}` says nothing of a VLAN")),
            }
        }
        Ok(VlanEntry { range, how })
    }
}

impl From<VlanEntry> for String {
    fn from(entry: VlanEntry) -> String {
        entry.to_string()
    }
}

/// The VLANs of a port: each once, in order, those side by side that it is in alike as one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<VlanEntry>", into = "Vec<VlanEntry>")]
pub struct Vlans(Vec<VlanEntry>);

impl From<Vec<VlanEntry>> for Vlans {
    fn from(entries: Vec<VlanEntry>) -> Self {
        let each = |entry: VlanEntry| {
            let all = entry.range.first()..=entry.range.last();
            all.map(move |id| (id, entry.how))
        };
        Vlans::of(&entries.into_iter().flat_map(each).collect())
    }
}

impl From<Vlans> for Vec<VlanEntry> {
    fn from(vlans: Vlans) -> Self {
        vlans.0
    }
}

impl Vlans {
    /// An access port's.
    pub fn access(id: VlanId) -> Self {
        Vlans(vec![VlanEntry {
            range: id.into(),
            how: Membership::ACCESS,
        }])
    }

    /// These, and others with a tag.
    pub fn with_tagged(self, ranges: &[VlanRange]) -> Self {
        let tagged = ranges.iter().map(|range| VlanEntry {
            range: *range,
            how: Membership::TAGGED,
        });
        // Of what is said twice the last counts.
        tagged.chain(self.0).collect::<Vec<_>>().into()
    }

    fn of(each: &BTreeMap<u16, Membership>) -> Self {
        let mut entries: Vec<VlanEntry> = Vec::new();
        for (id, how) in each {
            // Each comes from a range of such.
            let Ok(id) = VlanId::try_from(*id) else {
                continue;
            };
            if let Some(last) = entries.last_mut()
                // The kernel takes no range of which one is the `pvid`.
                && last.how == *how && !how.pvid
                && let Some(longer) = last.range.and(id)
            {
                last.range = longer;
            } else {
                let range = id.into();
                entries.push(VlanEntry { range, how: *how });
            }
        }
        Vlans(entries)
    }

    fn each(&self) -> BTreeMap<u16, Membership> {
        let each = |entry: &VlanEntry| {
            let how = entry.how;
            (entry.range.first()..=entry.range.last()).map(move |id| (id, how))
        };
        self.0.iter().flat_map(each).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its entries.
    pub fn iter(&self) -> impl Iterator<Item = &VlanEntry> {
        self.0.iter()
    }

    /// Those that it is in with a tag.
    pub fn tagged(&self) -> impl Iterator<Item = VlanRange> {
        let tagged = self.0.iter().filter(|entry| !entry.how.untagged);
        tagged.map(|entry| entry.range)
    }

    /// These, when the bridge gives every port one more, which is not told then: a port that is
    /// in that one already stays as it is (`__br_vlan_set_default_pvid`, net/bridge/br_vlan.c).
    #[cfg(feature = "fake")]
    pub(crate) fn beside(&self, usual: u16) -> Vlans {
        let mut each = self.each();
        match each.get(&usual) {
            Some(how) if *how == Membership::ACCESS => drop(each.remove(&usual)),
            Some(_) => {}
            None => each.values_mut().for_each(|how| how.pvid = false),
        }
        Vlans::of(&each)
    }

    /// Their numbers alone: `100, 200-210`.
    pub fn numbers(&self) -> String {
        let all: Vec<String> = self.0.iter().map(|entry| entry.range.to_string()).collect();
        all.join(", ")
    }

    /// What of these is not in others at all.
    pub fn without(&self, others: &Vlans) -> Vlans {
        let others = others.each();
        let mut each = self.each();
        each.retain(|id, _| !others.contains_key(id));
        Vlans::of(&each)
    }

    /// What of these is not in others, or with a tag where it was without one, or the other way.
    pub(crate) fn lost_in(&self, others: &Vlans) -> Vlans {
        let others = others.each();
        let mut each = self.each();
        each.retain(|id, how| others.get(id).map(|other| other.untagged) != Some(how.untagged));
        Vlans::of(&each)
    }

    /// What of these is not in others in the same way.
    pub fn beyond(&self, others: &Vlans) -> Vlans {
        let others = others.each();
        let mut each = self.each();
        each.retain(|id, how| others.get(id) != Some(how));
        Vlans::of(&each)
    }
}

/// As bridge(8) writes them, one after the other.
impl fmt::Display for Vlans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let all: Vec<String> = self.0.iter().map(VlanEntry::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn vlans(text: &str) -> Vlans {
        let entries = text.split(", ").filter(|entry| !entry.is_empty());
        let entries = entries.map(|entry| entry.to_owned().try_into().unwrap());
        entries.collect::<Vec<VlanEntry>>().into()
    }

    #[test]
    fn what_overlaps_or_touches_is_one() {
        for (given, told) in [
            ("10-12, 11-20, 21, 30", "10-21, 30"),
            ("10-12, 11 pvid untagged", "10, 11 pvid untagged, 12"),
            ("1 untagged, 2 untagged, 3", "1-2 untagged, 3"),
            ("", "none"),
        ] {
            assert_eq!(vlans(given).to_string(), told);
        }
        let ranges = ["100-110".parse().unwrap(), "7".parse().unwrap()];
        let native = Vlans::access("105".parse().unwrap()).with_tagged(&ranges);
        assert_eq!(native.to_string(), "7, 100-104, 105 pvid untagged, 106-110");
    }

    #[test]
    fn what_differs_is_told() {
        let (was, now) = (
            vlans("1 pvid untagged, 10-20"),
            vlans("1, 15-25, 30 pvid untagged"),
        );
        assert_eq!(was.without(&now).to_string(), "10-14");
        assert_eq!(now.beyond(&was).to_string(), "1, 21-25, 30 pvid untagged");
        assert!(now.beyond(&now).is_empty() && now.without(&now).is_empty());
    }

    #[test]
    fn numbers_are_1_to_4094() {
        for bad in ["0", "4095", "-1", "x", "", "2-1", "1-", "1-4095"] {
            assert!(bad.parse::<VlanRange>().is_err(), "{bad}");
        }
        assert_eq!("1-4094".parse::<VlanRange>().unwrap().last(), 4094);
    }
}
