//! VLANs of a bridge's ports.

use netyard::state::{VlanId, VlanRange};

use super::super::failure::Failure;
use super::super::keys::{Keys, invalid};
use super::Kind;

/// In which VLANs containers are; by itself in none that are told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Vlans {
    /// The one of the network, in which the host is, too.
    pub(in super::super) network: Option<VlanId>,
    /// Those that a container is in with a tag.
    pub(in super::super) trunk: Vec<VlanRange>,
    /// With a tag alone.
    pub(in super::super) tagged: bool,
}

/// An item of `vlanTrunk`: one, or those from a first to a last.
#[derive(Debug)]
struct Item {
    id: Option<u16>,
    min: Option<u16>,
    max: Option<u16>,
}

impl Item {
    fn read(keys: &mut Keys) -> Result<Self, Failure> {
        Ok(Item {
            id: keys.take("id")?,
            min: keys.take("minID")?,
            max: keys.take("maxID")?,
        })
    }
}

impl Vlans {
    pub(super) fn read(keys: &mut Keys, kind: &Kind) -> Result<Self, Failure> {
        if !kind.is_bridge() {
            return Ok(Vlans::default());
        }
        let own = keys.take::<u16>("vlan")?.filter(|id| *id != 0);
        let own = own.map(|number| id("vlan", number)).transpose()?;
        let items = keys.list("vlanTrunk", Item::read)?;
        let trunk = items.iter().map(ranges).collect::<Result<Vec<_>, _>>()?;
        let trunk = trunk.concat();
        let kept: Option<bool> = keys.take("preserveDefaultVlan")?;
        if own.is_some() && !trunk.is_empty() {
            return Err(invalid("vlanTrunk", "it excludes `vlan`"));
        }
        // A port of the reference plugin's keeps VLAN 1, unless it is one of the tagged.
        let usual = trunk.iter().any(|range| range.contains(VlanId::USUAL));
        Ok(Vlans {
            network: own.or((!trunk.is_empty()).then_some(VlanId::USUAL)),
            tagged: !trunk.is_empty() && (usual || kept == Some(false)),
            trunk,
        })
    }
}

fn id(at: &str, number: u16) -> Result<VlanId, Failure> {
    VlanId::try_from(number).map_err(|e| invalid(at, &e))
}

fn ranges(item: &Item) -> Result<Vec<VlanRange>, Failure> {
    const AT: &str = "vlanTrunk";
    let one = item.id.map(|number| id(AT, number)).transpose()?;
    let range = match (item.min, item.max) {
        (None, None) => None,
        (Some(min), Some(max)) => {
            let range = VlanRange::new(id(AT, min)?, id(AT, max)?);
            Some(range.ok_or_else(|| invalid(AT, "`minID` is greater than `maxID`"))?)
        }
        _ => return Err(invalid(AT, "`minID` and `maxID` stand together")),
    };
    if one.is_none() && range.is_none() {
        return Err(invalid(AT, "an item has an `id`, or `minID` and `maxID`"));
    }
    let one = one.map(VlanRange::from);
    Ok(one.into_iter().chain(range).collect())
}
