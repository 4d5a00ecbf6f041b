//! What a link does to packets: conditions that go together, each said once.

use super::Flaw;
use crate::report::codes;
use crate::state::{Conditions, End};
use crate::topology::{Cable, Interface, Topology};

/// The keys of a direction, as its device is told it.
const WAYS: [&str; 2] = ["in", "out"];

pub(super) fn conditions(
    topology: &Topology,
    (end, interface): (&End, &Interface),
    cable: Option<&Cable>,
    place: &str,
) -> Vec<Flaw> {
    let place = format!("{place}/netem");
    let ways = [interface.netem.received, interface.netem.sent];
    let bursts = [interface.limits.received, interface.limits.sent];
    let bursts = bursts.map(|limit| limit.is_some_and(|limit| limit.burst.is_some()));
    let mut flaws = Vec::new();
    let alike = ways[0] == ways[1];
    for ((way, asked), burst) in WAYS.into_iter().zip(ways).zip(bursts) {
        let Some(asked) = asked else { continue };
        let place = match alike {
            true => place.clone(),
            false => format!("{place}/{way}"),
        };
        flaws.extend(of_one(&asked, &place));
        if burst && !asked.is_rate_alone() {
            let message = "with `netem` a rate has no burst".to_owned();
            let flaw = Flaw::new(codes::BAD_NETEM, place.clone(), message);
            flaws.push(flaw.hint(format!("leave `{way}_burst` out of `rate`")));
        }
        if way == "in" && (interface.on.is_some() || interface.wireguard.is_some()) {
            let whence = match interface.on {
                Some(_) => "comes from a device of the host",
                None => "comes out of its tunnels",
            };
            let message = format!("what `{end}` receives {whence}");
            let flaw = Flaw::new(codes::BAD_NETEM, place.clone(), message);
            flaws.push(flaw.hint("write `out`: what it sends goes through a queue of its own"));
        }
        flaws.extend(twice(topology, (end, way), cable, &place));
    }
    // Of both directions alike it is said once.
    flaws.dedup_by(|one, other| one.message == other.message);
    flaws
}

/// Of a link itself.
pub(super) fn of_link(cable: &Cable, place: &str) -> Option<Flaw> {
    of_one(&cable.netem?, &format!("{place}/netem"))
}

fn of_one(asked: &Conditions, place: &str) -> Option<Flaw> {
    let (word, what) = asked.fault()?;
    Some(Flaw::new(codes::BAD_NETEM, format!("{place}/{word}"), what))
}

/// Of one direction of a cable both ends may say something, and the link.
fn twice(
    topology: &Topology,
    (end, way): (&End, &str),
    cable: Option<&Cable>,
    place: &str,
) -> Option<Flaw> {
    let cable = cable?;
    let far = cable.endpoints.iter().find(|other| *other != end)?;
    let spec = topology.namespaces.get(&far.netns);
    let other = spec.and_then(|spec| spec.interfaces.get(&far.dev));
    let [received, sent] = other.map_or([None; 2], |far| [far.netem.received, far.netem.sent]);
    let label = match way {
        _ if cable.netem.is_some() => "its link has a `netem`, too".to_owned(),
        // Told once, at the end that comes first.
        "in" if sent.is_some() && end < far => format!("`{far}` has one for what it sends"),
        "out" if received.is_some() && end < far => format!("`{far}` has one for what it receives"),
        _ => return None,
    };
    let message = format!(
        "two things are said of what `{end}` {}",
        match way {
            "in" => "receives",
            _ => "sends",
        }
    );
    Some(Flaw::new(codes::BAD_NETEM, place, message).label(label))
}
