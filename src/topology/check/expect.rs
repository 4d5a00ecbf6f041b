//! Expectations: both sides must be there, and have addresses; how well something
//! must arrive can be asked only of a ping that shall.

use super::Flaw;
use super::link::namespace_hint;
use crate::state::Netns;
use crate::topology::{Expectation, PacketSize, Probe, Target, Topology};

pub(super) fn expectations(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (i, expectation) in topology.expect.iter().enumerate() {
        let place = format!("expect/{i}");
        flaws.extend(unknown(
            topology,
            &expectation.from,
            &format!("{place}/from"),
        ));
        if let Target::Netns(netns) = &expectation.to {
            let place = format!("{place}/to");
            let flaw = unknown(topology, netns, &place);
            flaws.extend(flaw.or_else(|| addressless(topology, netns, &place)));
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
            let flaw = Flaw::new(format!("{place}/{key}"), message);
            return Some(flaw.label("with `reach: false` none must"));
        }
        Probe::Ping => match expectation.bounds.size {
            Some(PacketSize::Bytes(bytes)) => return super::mtu(Some(bytes), false, place),
            _ => return None,
        },
    };
    let flaw = Flaw::new(
        format!("{place}/{key}"),
        format!("`{key}` can be asked of a ping only"),
    );
    let hint = "write a second expectation without a port";
    Some(
        flaw.label(format!("this is a probe of `{other}`"))
            .hint(hint),
    )
}

fn unknown(topology: &Topology, netns: &Netns, place: &str) -> Option<Flaw> {
    if *netns == Netns::Host || topology.namespaces.contains_key(netns) {
        return None;
    }
    let flaw = Flaw::new(place, format!("there is no namespace `{netns}`"));
    Some(flaw.hint(namespace_hint(topology, netns)))
}

fn addressless(topology: &Topology, netns: &Netns, place: &str) -> Option<Flaw> {
    let devices = topology.neighbourhood(netns);
    let spec = topology.namespaces.get(netns);
    let mut listed = spec.into_iter().flat_map(|spec| spec.interfaces.values());
    // `lo` is no device of the neighbourhood, but its addresses can be reached.
    let on_lo = listed.any(|interface| !interface.addresses.is_empty());
    if on_lo || devices.values().any(|subnets| !subnets.is_empty()) {
        return None;
    }
    let flaw = Flaw::new(place, format!("`{netns}` has no address to probe"));
    Some(flaw.hint("give it one, or write the address itself"))
}
