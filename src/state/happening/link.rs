//! What of a device is told when it changes.

use super::{LinkChange, Power};
use crate::state::survey::Device;

/// What is another, name first: all else is told by the new one.
pub(super) fn changes(old: Option<&Device>, new: &Device) -> Vec<LinkChange> {
    let Some(old) = old else {
        return vec![LinkChange::New {
            kind: new.kind.clone(),
            state: power(new),
            master: new.master.clone(),
            from: None,
        }];
    };
    let mut told = Vec::new();
    if old.name != new.name {
        let old = old.name.clone();
        told.push(LinkChange::Renamed { old });
    }
    if old.mtu != new.mtu {
        let (old, new) = (old.mtu, new.mtu);
        told.push(LinkChange::Mtu { old, new });
    }
    if old.mac != new.mac {
        let (old, new) = (old.mac.clone(), new.mac.clone());
        told.push(LinkChange::Mac { old, new });
    }
    if old.alias != new.alias {
        let (old, new) = (old.alias.clone(), new.alias.clone());
        told.push(LinkChange::Alias { old, new });
    }
    if old.master != new.master {
        let (old, new) = (old.master.clone(), new.master.clone());
        told.push(LinkChange::Master { old, new });
    }
    if power(old) != power(new) {
        let (old, new) = (power(old), power(new));
        told.push(LinkChange::Power { old, new });
    }
    told
}

fn power(device: &Device) -> Power {
    match (device.up, device.carrier) {
        (false, _) => Power::Off,
        (true, false) => Power::NoCarrier,
        (true, true) => Power::On,
    }
}
