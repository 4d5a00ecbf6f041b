//! Makes room in the neighbour tables between waves of probes: an entry that is
//! younger than five seconds is not given up by itself (`neigh_forced_gc`,
//! net/core/neighbour.c).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use crate::probe::Map;
use crate::state::Netns;
use crate::sys::netlink::neigh::{self, Neighbour};
use crate::sys::netlink::socket::{Request, Socket};
use crate::sys::netns;

/// The lab's namespaces and the host, with the neighbours that each had before.
pub(super) struct Neighbours<'m>(BTreeMap<&'m Netns, Place>);

struct Place {
    socket: Socket,
    before: BTreeSet<Neighbour>,
}

impl<'m> Neighbours<'m> {
    /// What is there before the first wave.
    pub(super) fn look(map: &Map<'m>) -> io::Result<Self> {
        let places = map.places().map(|netns| {
            let mut socket = match netns.name() {
                Some(name) => netns::look_into(name)?.socket,
                None => Socket::route()?,
            };
            let before = neigh::list(&mut socket)?.into_iter().collect();
            Ok((netns, Place { socket, before }))
        });
        places.collect::<io::Result<_>>().map(Neighbours)
    }

    /// Forgets whom a wave looked for, unless they were known before.
    pub(super) fn forget(&mut self, needed: &BTreeSet<(&Netns, IpAddr)>) -> io::Result<()> {
        let mut by_place: BTreeMap<&Netns, BTreeSet<IpAddr>> = BTreeMap::new();
        for (netns, address) in needed {
            by_place.entry(netns).or_default().insert(*address);
        }
        for (netns, addresses) in by_place {
            if let Some(place) = self.0.get_mut(netns) {
                place.forget(&addresses)?;
            }
        }
        Ok(())
    }
}

impl Place {
    fn forget(&mut self, addresses: &BTreeSet<IpAddr>) -> io::Result<()> {
        let known = neigh::list(&mut self.socket)?;
        let is_ours = |neighbour: &&Neighbour| {
            addresses.contains(&neighbour.address) || is_of_the_link(neighbour.address)
        };
        let ours = known.iter().filter(is_ours);
        let new = ours.filter(|neighbour| !self.before.contains(neighbour));
        let requests: Vec<Request> = new.map(neigh::delete).collect();
        // One that is gone by itself meanwhile is forgotten too.
        self.socket.transact(&requests).map(|_| ())
    }
}

/// Neighbours are looked for by multicast, each by another group's address, which
/// takes an entry too (RFC 4861, 7.2.2). And routers ask from their link-local
/// address, by which those that they asked for then know them (`ndisc_solicit`,
/// net/ipv6/ndisc.c).
fn is_of_the_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_multicast() || ip.is_unicast_link_local(),
    }
}
