//! Two switches with hosts, and between them two routers and one slow cable.

use super::build::{at, cable, end, host, last, net, port, reach, route, router, switch};
use crate::topology::draft::Draft;

/// What the /24 of a side has room for, beside its router.
pub(super) const MOST: usize = 253;

pub(super) fn build(draft: &mut Draft, hosts: usize) {
    draft.head = vec![format!(
        "A dumbbell: {hosts} hosts on each side, and all that they say to the other side goes through one \
         cable of 10mbit: change `rate` to what the bottleneck shall be. On the left is 10.0.1.0/24, on \
         the right 10.0.2.0/24: left-1 is 10.0.1.1, right-1 is 10.0.2.1, the routers are .254."
    )];
    let subnets = [net([10, 0, 1, 0], 24), net([10, 0, 2, 0], 24)];
    let between = net([10, 0, 0, 0], 30);
    for (at_side, side) in ["left", "right"].into_iter().enumerate() {
        let (own, other) = (subnets[at_side], subnets[1 - at_side]);
        switch(draft, side, own);
        let mut bottleneck = end(at(between, at_side + 1));
        bottleneck.push(("rate", "{ out: 10mbit }".to_owned()));
        let mut room = router(format!("router-{side}"));
        room.interfaces = vec![
            ("cable".to_owned(), bottleneck),
            (side.to_owned(), port(side, last(own))),
        ];
        room.routes = vec![route(other, at(between, 2 - at_side).addr())];
        draft.namespaces.push(room);
        for n in 1..=hosts {
            let mut room = host(format!("{side}-{n}"), side, at(own, n));
            room.routes = vec![route("default", last(own).addr())];
            draft.namespaces.push(room);
        }
    }
    cable(draft, [("router-left", "cable"), ("router-right", "cable")]);
    let end = format!("right-{hosts}");
    let pairs = [
        ("left-1", "left-2"),
        ("left-1", "right-1"),
        ("left-1", end.as_str()),
    ];
    reach(draft, &pairs);
}
