//! A tree: hosts on switches, routers above them, one at the top. A bridge on the host cannot be
//! plugged into another, so that the switches above the lowest are routers.
//!
//! Addresses follow the tree. Each level has as many bits of the address as the fanout needs, and
//! counts from 1: all below one router is one subnet, in which 0 is the cable above it.

use ipnet::Ipv4Net;

use super::build::{at, cable, end, host, last, net, port, reach, route, router, switch};
use super::{MOST, star};
use crate::topology::draft::{Draft, Pairs};

/// Of `10.0.0.0/8`, all that may differ.
const BITS: u32 = 24;

/// Why there is none of this size, and one that there is.
pub(super) fn refused(fanout: usize, depth: usize) -> Option<(String, String)> {
    let right = |fanout: usize, depth: usize| format!("`tree:{fanout},{depth}`");
    if fanout < 2 {
        let reason = "the fanout, which stands first, is 2 or more".to_owned();
        return Some((reason, right(2, depth.clamp(1, 9))));
    }
    if fanout >= star::MOST {
        let reason = format!(
            "a switch has {} ports, one of which is its router's",
            star::MOST
        );
        return Some((reason, right(32, 2)));
    }
    if depth == 0 {
        let reason = "the depth, which stands second, is 1 or more".to_owned();
        return Some((reason, right(fanout, 1)));
    }
    let most = (1..).take_while(|depth| fits(fanout, *depth)).last()?;
    let most = usize::try_from(most).ok()?;
    (depth > most).then(|| {
        let reason = format!("with a fanout of {fanout} it has a depth of {most} at most");
        (reason, right(fanout, most))
    })
}

/// Whether there are so many namespaces, and addresses for them.
fn fits(fanout: usize, depth: u32) -> bool {
    let power = |exponent: u32| fanout.checked_pow(exponent);
    let Some(hosts) = power(depth).filter(|hosts| *hosts <= MOST) else {
        return false;
    };
    let routers = power(depth - 1).unwrap_or(MOST).saturating_sub(1) / (fanout - 1);
    hosts + routers <= MOST && bits(fanout) * (depth - 1) + leaf(fanout) <= BITS
}

/// Bits for the numbers 0 to fanout.
fn bits(fanout: usize) -> u32 {
    usize::BITS - fanout.leading_zeros()
}

/// Bits for the hosts of a switch, its router, and the two addresses that no host can have.
fn leaf(fanout: usize) -> u32 {
    bits(fanout + 2)
}

pub(super) fn build(draft: &mut Draft, fanout: usize, depth: usize) {
    let levels = u32::try_from(depth).unwrap_or(1) - 1;
    let bits = bits(fanout);
    let room = (BITS - bits * levels).min(8).max(leaf(fanout));
    let mut tree = Tree {
        draft,
        fanout,
        bits,
        leaf: room,
        switches: 0,
        routers: 0,
        hosts: 0,
    };
    let all = net([10, 0, 0, 0], 8);
    match levels {
        0 => tree.switch(at(subnet(all, 32 - room), 1 << room), None),
        _ => tree.router(net([10, 0, 0, 0], 8), levels, None),
    };
    let (hosts, switches, routers) = (tree.hosts, tree.switches, tree.routers);
    draft.head = head([fanout, depth], hosts, switches, routers);
    let (near, middle) = (format!("h{fanout}"), format!("h{}", hosts / 2 + 1));
    let last = format!("h{hosts}");
    let pairs = [
        ("h1", near.as_str()),
        ("h1", middle.as_str()),
        ("h1", last.as_str()),
    ];
    reach(draft, &pairs);
}

fn head([fanout, depth]: [usize; 2], hosts: usize, switches: usize, routers: usize) -> Vec<String> {
    let mut head = format!(
        "A tree of fanout {fanout} and depth {depth} (Mininet's tree,{depth},{fanout}): {hosts} hosts"
    );
    match routers {
        0 => head += " on one switch.",
        _ => {
            head += &format!(
                " on {switches} switches. What is above these are routers, {routers} of them, r1 at the top. \
                 All below a router is one subnet. A switch's hosts begin at its subnet's first address, and its \
                 last is the router's."
            );
        }
    }
    vec![head]
}

struct Tree<'d> {
    draft: &'d mut Draft,
    fanout: usize,
    bits: u32,
    /// Bits of the addresses of one switch.
    leaf: u32,
    switches: usize,
    routers: usize,
    hosts: usize,
}

impl Tree<'_> {
    /// A router and all below it, on so many levels. All of that is in one subnet. `above`: who is
    /// there. Gives its name.
    fn router(&mut self, all: Ipv4Net, levels: u32, above: Option<&str>) -> String {
        self.routers += 1;
        let mut room = router(format!("r{}", self.routers));
        let name = room.name.clone();
        if let Some(above) = above {
            let [top, own] = ends(all);
            room.interfaces.push(("up".to_owned(), end(own)));
            room.routes.push(route("default", top.addr()));
            cable(self.draft, [(above, &format!("to-{name}")), (&name, "up")]);
        }
        let place = self.draft.namespaces.len();
        self.draft.namespaces.push(room);
        let shift = self.leaf + self.bits * (levels - 1);
        for n in 1..=self.fanout {
            let below = subnet(
                at(all, n << shift),
                u8::try_from(32 - shift).map_or(32, u32::from),
            );
            let (dev, keys, way) = self.below(below, levels, &name);
            let room = &mut self.draft.namespaces[place];
            room.interfaces.push((dev, keys));
            room.routes.extend(way);
        }
        name
    }

    /// What one interface of a router leads to: the interface, and the route, if there is more
    /// behind it than a switch.
    fn below(
        &mut self,
        below: Ipv4Net,
        levels: u32,
        above: &str,
    ) -> (String, Pairs, Option<Pairs>) {
        if levels == 1 {
            let network = self.switch(below, Some(last(below)));
            let keys = port(&network, last(below));
            return (network, keys, None);
        }
        let [top, own] = ends(below);
        let name = self.router(below, levels - 1, Some(above));
        (
            format!("to-{name}"),
            end(top),
            Some(route(below, own.addr())),
        )
    }

    /// A switch with its hosts, and the address of its router. Gives its name.
    fn switch(&mut self, subnet: Ipv4Net, router: Option<Ipv4Net>) -> String {
        self.switches += 1;
        let name = format!("s{}", self.switches);
        switch(self.draft, &name, subnet);
        for n in 1..=self.fanout {
            self.hosts += 1;
            let mut room = host(format!("h{}", self.hosts), &name, at(subnet, n));
            room.routes = router
                .iter()
                .map(|router| route("default", router.addr()))
                .collect();
            self.draft.namespaces.push(room);
        }
        name
    }
}

/// The subnet of this length that an address is in.
fn subnet(address: Ipv4Net, len: u32) -> Ipv4Net {
    let len = u8::try_from(len).unwrap_or(32);
    Ipv4Net::new_assert(address.addr(), len).trunc()
}

/// The ends of the cable above a router: the upper one and its own.
fn ends(all: Ipv4Net) -> [Ipv4Net; 2] {
    let cable = Ipv4Net::new_assert(all.network(), 30);
    [at(cable, 1), at(cable, 2)]
}
