//! A cable from each host to each other.

use super::build::{at, cable, end, net, reach};
use crate::topology::draft::{Draft, Room};

/// Some two thousand cables.
pub(super) const MOST: usize = 64;

pub(super) fn build(draft: &mut Draft, hosts: usize) {
    draft.head = vec![format!(
        "A mesh: {hosts} hosts, each with a cable to each other, so that nothing passes through a third. The \
         cable between h1 and h2 is 10.1.2.0/24: .1 is h1, .2 is h2. Interfaces are named after whom they lead to."
    )];
    for n in 1..=hosts {
        let others = (1..=hosts).filter(|other| *other != n);
        let leads = |other: usize| {
            let [a, b] = [n.min(other), n.max(other)];
            let address = at(between(a, b), if n == a { a } else { b });
            (format!("to-h{other}"), end(address))
        };
        draft.namespaces.push(Room {
            name: format!("h{n}"),
            interfaces: others.map(leads).collect(),
            ..Room::default()
        });
    }
    for a in 1..=hosts {
        for b in a + 1..=hosts {
            let names = [a, b].map(|n| format!("h{n}"));
            let devs = [b, a].map(|n| format!("to-h{n}"));
            cable(draft, [(&names[0], &devs[0]), (&names[1], &devs[1])]);
        }
    }
    let last = format!("h{hosts}");
    let before = format!("h{}", hosts - 1);
    reach(draft, &[("h1", "h2"), ("h1", &last), (&before, &last)]);
}

fn between(a: usize, b: usize) -> ipnet::Ipv4Net {
    at(net([10, 0, 0, 0], 24), (a << 16) + (b << 8))
}
