//! Hosts on one switch: Mininet's `single`.

use super::build::{at, host, net, reach, switch};
use crate::topology::draft::Draft;

/// A Linux bridge has no more ports (`BR_MAX_PORTS`, net/bridge/br_private.h).
pub(super) const MOST: usize = 1023;

pub(super) fn build(draft: &mut Draft, hosts: usize) {
    let len = if hosts <= 254 { 24 } else { 16 };
    let subnet = net([10, 0, 0, 0], len);
    draft.head = vec![format!(
        "A star: {hosts} hosts on one switch. The first has {}, the second {}. The machine that it runs \
         on is not plugged in: it has no address there (`gateway: none`).",
        at(subnet, 1).addr(),
        at(subnet, 2).addr()
    )];
    switch(draft, "s1", subnet);
    for n in 1..=hosts {
        draft
            .namespaces
            .push(host(format!("h{n}"), "s1", at(subnet, n)));
    }
    let last = format!("h{hosts}");
    reach(draft, &[("h1", "h2"), ("h1", &last)]);
}
