//! Expectations: both sides must be there, and have addresses; how well something
//! must arrive can be asked only of a ping that shall.

use super::mtu::mtu;
use super::{Flaw, has_namespace};
use crate::report::codes;
use crate::state::Netns;
use crate::topology::{Expectation, PacketSize, Probe, Target, Topology};

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
        flaws.extend(bounds(expectation, &place));
    }
}

fn bounds(expectation: &Expectation, place: &str) -> Option<Flaw> {
    let key = expectation.bounds.keys().next()?;
    let other = match expectation.probe {
        Probe::Tcp(_) => "tcp",
        Probe::Udp(_) => "udp",
        Probe::Ping if !expectation.reach => {
            let message = format!("`{key}` says how well a ping must arrive");
            let flaw = Flaw::new(codes::PING_ONLY, format!("{place}/{key}"), message);
            return Some(flaw.label("with `reach: false` none must"));
        }
        Probe::Ping => match expectation.bounds.size {
            Some(PacketSize::Bytes(bytes)) => return mtu(Some(bytes), place, || None),
            _ => return None,
        },
    };
    let message = format!("`{key}` can be asked of a ping only");
    let flaw = Flaw::new(codes::PING_ONLY, format!("{place}/{key}"), message);
    let flaw = flaw.label(format!("this is a probe of `{other}`"));
    Some(flaw.hint("write a second expectation without a port"))
}

fn addressless(topology: &Topology, netns: &Netns, place: &str) -> Option<Flaw> {
    if !topology.device_nets(netns).is_empty() {
        return None;
    }
    let message = format!("`{netns}` has no address to probe");
    Some(Flaw::new(codes::NO_ADDRESS, place, message))
}
