//! What to do about an error, in words of a network's configuration: whoever reads it has no
//! topology file, and the lab in the way may be that of a container that runs.

use netyard::report::{Code, codes};
use netyard::state::Netns;

const SUBNET: &str =
    "give each network a subnet of its own; `netyard list` and `ip address` show who has this one";

/// By the kind of error, and where it is.
const ALL: [(&Code, &str); 10] = [
    (
        codes::CONFLICT,
        "give each network a `bridge` and subnets of its own; `netyard list` shows who has these",
    ),
    (
        codes::DEVICE_TAKEN,
        "give each network a `bridge` of its own; `netyard show` tells whose this one is",
    ),
    (codes::ELEMENT_TAKEN, SUBNET),
    (codes::ADDRESS_TAKEN, SUBNET),
    (
        codes::SUBNET_DIVERTED,
        "give each network a subnet of its own; `ip route` shows where this one leads",
    ),
    (
        codes::PORT_TAKEN,
        "give each container a `hostPort` or a `hostIP` of its own; `netyard list` shows who has this one",
    ),
    (
        codes::ROUTE_TAKEN,
        "take it out of `ipam.routes`, or give it another `priority`",
    ),
    (
        codes::PARENT_DEVICE,
        "`master` is a device of the host that is up, and `mtu` at most its own; `ip -d link` shows them",
    ),
    (
        codes::NOT_PUBLISHABLE,
        "`portMappings` need a gateway and the way back by it: `isDefaultGateway`, or `isGateway` and a route to 0.0.0.0/0 (::/0) in `ipam.routes`",
    ),
    (codes::PORTS_OVERLAP, "map each `hostPort` once"),
];

/// The same where a container has what is wanted.
const INSIDE: [(&Code, &str); 2] = [
    (
        codes::DEVICE_TAKEN,
        "the container has a device of this name: CNI_IFNAME is to be another",
    ),
    (
        codes::ADDRESS_TAKEN,
        "a container is on each network once, by one interface; and no two of its networks have one subnet",
    ),
];

/// What a code's own advice is here; none where that fits.
pub(super) fn advice(code: &Code, place: Option<&Netns>) -> Option<&'static str> {
    let inside = matches!(place, Some(Netns::At(_)));
    let inside = INSIDE.iter().filter(|_| inside);
    let mut all = inside.chain(&ALL);
    all.find(|(of, _)| of.word == code.word)
        .map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library's own words for these are of files, and of labs to take down.
    #[test]
    fn what_is_in_the_way_has_advice_of_its_own() {
        for code in [
            codes::CONFLICT,
            codes::DEVICE_TAKEN,
            codes::ADDRESS_TAKEN,
            codes::ROUTE_TAKEN,
            codes::SUBNET_DIVERTED,
            codes::ELEMENT_TAKEN,
            codes::PORT_TAKEN,
            codes::PARENT_DEVICE,
        ] {
            let inside = Netns::At("/run/netns/c1".parse().expect("a path"));
            for place in [None, Some(&Netns::Host), Some(&inside)] {
                let advice = advice(code, place).expect("advice");
                assert!(
                    !advice.contains("file") && !advice.contains("down"),
                    "{advice}"
                );
            }
        }
    }
}
