//! Hosts in a row, each joined to the next by a cable: all but the first and the last pass on
//! what is for the others.

use super::build::{at, cable, end, numbered, reach, route, spanning};
use crate::topology::draft::{Draft, Room};

/// A packet begins with a TTL of 64 (`IPDEFTTL`, include/net/ip.h), and each host between takes
/// one of it.
pub(super) const MOST: usize = 65;

pub(super) fn build(draft: &mut Draft, hosts: usize) {
    draft.head = vec![format!(
        "A line: {hosts} hosts in a row, those between others are routers. The cable from h1 to h2 is \
         10.0.1.0/24, that from h2 to h3 would be 10.0.2.0/24, and so on: .1 is its left end, .2 its right."
    )];
    for n in 1..=hosts {
        draft.namespaces.push(one(n, hosts));
    }
    for n in 1..hosts {
        let (left, right) = (format!("h{n}"), format!("h{}", n + 1));
        cable(draft, [(&left, "right"), (&right, "left")]);
    }
    let last = format!("h{hosts}");
    reach(draft, &[("h1", "h2"), ("h1", &last)]);
}

/// A host with its ways to the cables that it is no end of.
fn one(n: usize, hosts: usize) -> Room {
    let mut room = Room {
        name: format!("h{n}"),
        forward: n > 1 && n < hosts,
        ..Room::default()
    };
    if n > 1 {
        let subnet = numbered(n - 1);
        room.interfaces
            .push(("left".to_owned(), end(at(subnet, 2))));
        if n > 2 {
            let via = at(subnet, 1).addr();
            room.routes
                .extend(spanning(1, n - 2).into_iter().map(|to| route(to, via)));
        }
    }
    if n < hosts {
        let subnet = numbered(n);
        room.interfaces
            .push(("right".to_owned(), end(at(subnet, 1))));
        if n + 1 < hosts {
            let via = at(subnet, 2).addr();
            let beyond = spanning(n + 1, hosts - 1).into_iter();
            room.routes.extend(beyond.map(|to| route(to, via)));
        }
    }
    room
}
