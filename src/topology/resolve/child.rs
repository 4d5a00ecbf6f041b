//! Interfaces that devices of the host carry.

use super::cable::{insert, queue};
use super::ipv6;
use crate::state::{Child, ChildKind, End, Link, LinkKind, NetState, Netns};
use crate::topology::{Interface, OnParent, Topology};

/// A device on that of the host; a macvlan has a hardware address that stays the same.
pub(super) fn carry(
    topology: &Topology,
    state: &mut NetState,
    (end, interface): (End, &Interface),
    on: &OnParent,
) {
    let parent = End {
        netns: Netns::Host,
        dev: on.parent.clone(),
    };
    let own = matches!(on.kind, ChildKind::Macvlan(_)) && on.kind.has_mac();
    let (mode, addresses) = ipv6(topology, &end, interface.addresses.clone());
    let link = Link {
        up: true,
        mtu: interface.mtu,
        mac: match own {
            true => Some(topology.mac(&end, interface)),
            false => interface.mac,
        },
        owner: Some(topology.lab.clone()),
        addrgen: Some(mode),
        addresses,
        qdisc: queue(None, interface.netem.sent, interface.mtu),
        ..Link::new(LinkKind::Child(Child {
            parent: Some(parent),
            kind: on.kind,
        }))
    };
    insert(state, end, link);
}
