//! Makes room in the neighbour tables between waves of probes: an entry that is
//! younger than five seconds is not given up by itself (`neigh_forced_gc`,
//! net/core/neighbour.c).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use crate::probe::Entry;
use crate::state::Netns;
use crate::sys::netlink::neigh::{self, Neighbour};
use crate::sys::netlink::socket::{Request, Socket};
use crate::sys::netns;

/// Who looks for whom in a wave.
pub(super) type Needed<'m> = BTreeSet<Entry<'m>>;

/// The namespaces of some probes, with the neighbours that each had before.
pub(super) struct Neighbours<'m>(BTreeMap<&'m Netns, Place>);

struct Place {
    socket: Socket,
    before: BTreeSet<(u32, IpAddr)>,
}

impl<'m> Neighbours<'m> {
    /// What is there now, where these look.
    pub(super) fn look(needed: &Needed<'m>) -> io::Result<Self> {
        let places: BTreeSet<&Netns> = needed.iter().map(|(netns, _)| *netns).collect();
        let places = places.into_iter().map(|netns| {
            let mut socket = netns::look_into(netns)?.socket;
            let known = neigh::list(&mut socket)?;
            let found = known.into_iter().filter(|neighbour| neighbour.found);
            let before = found.map(|n| (n.index, n.address)).collect();
            Ok((netns, Place { socket, before }))
        });
        places.collect::<io::Result<_>>().map(Neighbours)
    }

    /// Forgets whom a wave looked for, unless they were known before.
    pub(super) fn forget(&mut self, needed: &Needed<'_>) -> io::Result<()> {
        self.drop(needed, |_| true)
    }

    /// Forgets who did not answer, so that the next packet asks for them again: the
    /// kernel itself waits a second for that (`retrans_time_ms`, arp(7)).
    pub(super) fn forget_silent(&mut self, needed: &Needed<'_>) -> io::Result<()> {
        self.drop(needed, |neighbour| !neighbour.found)
    }

    fn drop(&mut self, needed: &Needed<'_>, which: fn(&Neighbour) -> bool) -> io::Result<()> {
        let mut by_place: BTreeMap<&Netns, BTreeSet<IpAddr>> = BTreeMap::new();
        for (netns, address) in needed {
            by_place.entry(netns).or_default().insert(*address);
        }
        for (netns, addresses) in by_place {
            if let Some(place) = self.0.get_mut(netns) {
                place.drop(&addresses, which)?;
            }
        }
        Ok(())
    }
}

impl Place {
    fn drop(
        &mut self,
        addresses: &BTreeSet<IpAddr>,
        which: fn(&Neighbour) -> bool,
    ) -> io::Result<()> {
        let known = neigh::list(&mut self.socket)?;
        let is_ours = |neighbour: &&Neighbour| {
            let Neighbour { index, address, .. } = **neighbour;
            (addresses.contains(&address) || is_of_the_link(address))
                && !self.before.contains(&(index, address))
        };
        let ours = known.iter().filter(is_ours);
        let requests: Vec<Request> = ours.filter(|n| which(n)).map(neigh::delete).collect();
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
