//! Expectations: both sides must be there, and have addresses.

use super::{Flaw, has_namespace};
use crate::state::Netns;
use crate::topology::{Target, Topology};

pub(super) fn expectations(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (i, expectation) in topology.expect.iter().enumerate() {
        let place = format!("expect/{i}");
        has_namespace(topology, &expectation.from, &format!("{place}/from"), flaws);
        if let Target::Netns(netns) = &expectation.to {
            let place = format!("{place}/to");
            if has_namespace(topology, netns, &place, flaws) {
                flaws.extend(addressless(topology, netns, &place));
            }
        }
    }
}

fn addressless(topology: &Topology, netns: &Netns, place: &str) -> Option<Flaw> {
    if !topology.device_nets(netns).is_empty() {
        return None;
    }
    let flaw = Flaw::new(place, format!("`{netns}` has no address to probe"));
    Some(flaw.hint("give it one, or write the address itself"))
}
