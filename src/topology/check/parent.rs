//! Interfaces on devices of the host, and what one device carries.

use std::collections::BTreeMap;

use super::Flaw;
use super::link::devices;
use crate::report::codes;
use crate::state::{ChildKind, End, IfName, Netns};
use crate::topology::{Interface, Topology};

/// Neither on a network nor an end of a link, and not on the host.
pub(super) fn plugged(end: &End, interface: &Interface, linked: bool, place: &str) -> Option<Flaw> {
    let kind = interface.on.as_ref()?.kind;
    let place = format!("{place}/{}", kind.word());
    let what = match kind {
        ChildKind::Macvlan(_) => "a macvlan",
        ChildKind::Ipvlan(_) => "an ipvlan",
        ChildKind::Vlan(_) => "a VLAN device",
    };
    if end.netns == Netns::Host {
        let message = format!("`{}` of the host cannot be {what}", end.dev);
        let flaw = Flaw::new(codes::HOST_LIMITS, place, message);
        return Some(flaw.hint("give it to a namespace of the lab"));
    }
    let other = match &interface.network {
        Some(network) => format!("on network `{network}`"),
        None if linked => "an end of a link".to_owned(),
        None => return None,
    };
    let message = format!("`{end}` is {what} and {other}");
    let flaw = Flaw::new(codes::PLUGGED_TWICE, place, message);
    Some(flaw.hint("give the namespace an interface for each"))
}

pub(super) fn parents(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let own: BTreeMap<IfName, String> = devices(topology)
        .into_iter()
        .map(|(dev, _, what)| (dev, what))
        .collect();
    let mut carried: BTreeMap<&IfName, Vec<(End, ChildKind)>> = BTreeMap::new();
    for (netns, dev, interface) in topology.interfaces() {
        // What is wrong with the others has been said.
        let fits = *netns != Netns::Host && dev.as_str() != "lo";
        let Some(on) = interface.on.as_ref().filter(|_| fits) else {
            continue;
        };
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let (kind, parent) = (on.kind, &on.parent);
        let interface_place = format!("namespaces/{netns}/interfaces/{dev}");
        let place = format!("{interface_place}/{}", kind.word());
        let flaw = |place: &str, message: String| Flaw::new(codes::PARENT_LIMITS, place, message);
        if interface.mac.is_some() && !kind.has_mac() {
            let message = format!("`{end}` ({kind}) has the hardware address of `{parent}`");
            let flaw = flaw(&format!("{interface_place}/mac"), message);
            flaws.push(flaw.hint("leave the `mac` out"));
        }
        let parent_place = format!("{place}/parent");
        if parent.as_str() == "lo" {
            let message = "`lo` carries no other device".to_owned();
            flaws.push(flaw(&parent_place, message).hint("name another device of the host"));
        } else if let Some(what) = own.get(parent) {
            let message = format!("`{parent}` is a device of the lab itself");
            let flaw = flaw(&parent_place, message).label(what);
            flaws.push(flaw.hint("plug the interface in with `network` or a link"));
        }
        let others = carried.entry(parent).or_default();
        if let Some((other, its)) = others.iter().find(|(_, its)| kind.bars(*its)) {
            let message = format!("`{parent}` cannot carry `{end}` ({kind}) beside `{other}`");
            let flaw = flaw(&place, message).label(format!("that is {its}"));
            flaws.push(flaw.hint(match (kind, its) {
                (ChildKind::Vlan(_), _) => "give one of them another `id`",
                (ChildKind::Ipvlan(_), ChildKind::Ipvlan(_)) => "give both the same `mode`",
                _ => "give one of them another `parent`",
            }));
        }
        others.push((end, kind));
    }
}
