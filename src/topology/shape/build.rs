//! The pieces that shapes are made of.

use std::fmt::Display;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::topology::draft::{Draft, Pairs, Room, link};

/// A switch on which the host has no address: a shape goes up beside whatever the host is on.
pub(super) fn switch(draft: &mut Draft, name: &str, subnet: Ipv4Net) {
    let keys = vec![
        ("subnets", format!("[{subnet}]")),
        ("gateway", "none".to_owned()),
    ];
    draft.networks.push((name.to_owned(), keys));
}

/// An interface on a switch.
pub(super) fn port(network: &str, address: Ipv4Net) -> Pairs {
    vec![
        ("network", network.to_owned()),
        ("addresses", format!("[{address}]")),
    ]
}

/// An interface that a cable ends in.
pub(super) fn end(address: Ipv4Net) -> Pairs {
    vec![("addresses", format!("[{address}]"))]
}

pub(super) fn route(to: impl Display, via: Ipv4Addr) -> Pairs {
    vec![("to", to.to_string()), ("via", via.to_string())]
}

/// A computer on a switch.
pub(super) fn host(name: String, network: &str, address: Ipv4Net) -> Room {
    Room {
        name,
        interfaces: vec![("eth0".to_owned(), port(network, address))],
        ..Room::default()
    }
}

pub(super) fn router(name: String) -> Room {
    Room {
        name,
        forward: true,
        ..Room::default()
    }
}

/// Of a cable that two rooms have an end of.
pub(super) fn cable(draft: &mut Draft, ends: [(&str, &str); 2]) {
    let [a, b] = ends.map(|(netns, dev)| format!("{netns}:{dev}"));
    draft.links.push(link([&a, &b]));
}

/// Each of these pairs reaches each other, both ways.
pub(super) fn reach(draft: &mut Draft, pairs: &[(&str, &str)]) {
    for (from, to) in pairs {
        for (from, to) in [(from, to), (to, from)] {
            let line = vec![("from", (*from).to_owned()), ("to", (*to).to_owned())];
            if from != to && !draft.expect.contains(&line) {
                draft.expect.push(line);
            }
        }
    }
}

/// The address at a place in a subnet, with its prefix length.
pub(super) fn at(subnet: Ipv4Net, place: usize) -> Ipv4Net {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    let number = u32::from(subnet.network()).wrapping_add(place);
    Ipv4Net::new_assert(number.into(), subnet.prefix_len())
}

/// `10.X.Y.0/24` with this number as X and Y.
pub(super) fn numbered(n: usize) -> Ipv4Net {
    at(net([10, 0, 0, 0], 24), n << 8)
}

pub(super) fn net(octets: [u8; 4], len: u8) -> Ipv4Net {
    Ipv4Net::new_assert(octets.into(), len)
}

/// The last host address of a subnet, which routers have.
pub(super) fn last(subnet: Ipv4Net) -> Ipv4Net {
    let number = u32::from(subnet.broadcast()) - 1;
    Ipv4Net::new_assert(number.into(), subnet.prefix_len())
}

/// The largest subnets that are together the numbers from first to last of [`numbered`].
pub(super) fn spanning(first: usize, last: usize) -> Vec<Ipv4Net> {
    let bounds = (numbered(first).network(), numbered(last).broadcast());
    ipnet::Ipv4Subnets::new(bounds.0, bounds.1, 0).collect()
}
