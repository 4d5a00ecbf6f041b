//! The order of a plan, in one place. Every rule has its reason in the kernel;
//! within one rank the order is that of names, so the same input gives the same
//! plan.

use super::Step;
use crate::state::Netns;

/// When a step's turn comes. Steps are sorted by rank, then, inside
/// [`Rank::Configure`], by namespace and [`Turn`]; they are otherwise left as
/// the diffs list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// What the firewall knows by name it knows by the new name before the device has it.
    FirewallAhead,
    /// Names before all that uses the new ones.
    Rename,
    /// What a device carries and cannot carry beside what comes: the kernel answers EBUSY.
    Unload,
    /// A device that must be made anew gives up its name first.
    MakeRoom,
    /// Namespaces before the cables that end in them.
    Netns,
    /// Bridges before their ports: a port is enslaved by the request that makes it, and then in
    /// the VLAN that the bridge gives to new ones.
    Bridge,
    /// Cables before what is set on their ends.
    Cable,
    /// Devices that others carry, likewise.
    Child,
    /// All that happens within one namespace, namespace by namespace, so that it
    /// goes to the kernel in one send.
    Configure(Turn),
    /// What a new table or interval cannot stand beside (EEXIST), and what lets somebody in no
    /// more; with what is new they go to the kernel in one transaction.
    FirewallInTheWay,
    /// The table before forwarding is switched on: the guard must stand before
    /// the gate opens.
    Firewall,
    /// Forwarding on after the guard, and off before the guard goes.
    Sysctl,
    /// Peers once all stands by which they are reached: one that is kept alive is spoken with at
    /// once, and again only after 5 s (`REKEY_TIMEOUT`, drivers/net/wireguard/messages.h).
    Peers,
    /// Elements and the table go once nothing is forwarded for them.
    FirewallGone,
    /// Flows end once nothing can make them anew as they were.
    Flows,
    /// Devices go before the namespaces, because a device that dies with its
    /// namespace leaves the host's end behind for some 100 ms.
    LinksGone,
    /// Namespaces once nothing is left that leads there.
    NetnsGone,
    /// A bridge tells VLANs apart no more, once no port is in any: it gives every port the one of
    /// new ones, and what comes without a tag is of that (`__br_vlan_set_default_pvid`).
    Unfiltered,
}

/// The order within one namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// A device that loses its last IPv4 address loses its IPv4 routes
    /// (`fib_disable_ip`); removed by name, they can be undone. A route by a next hop
    /// that becomes the namespace's own address goes before the address comes. By rules and
    /// routes that lead nowhere a next hop would not be found (`fib_check_nh`).
    RouteInTheWay,
    /// What a new address cannot stand beside, or would go with an old one.
    AddressInTheWay,
    /// MTU, hardware address, master: before traffic can flow.
    Link,
    /// VLANs of ports: once they are ports, and their bridge tells VLANs apart. A port is in none
    /// until then.
    Vlans,
    /// IPv6 before a device is up: it then has its link-local address as any other.
    Ipv6,
    /// Up before addresses: a device that comes up has its routes made at once.
    Up,
    /// Addresses before routes: a next hop must be on a known subnet (ENETUNREACH).
    Address,
    /// Routes; added before others are removed.
    Route,
    /// Routes go before the addresses that they use.
    RouteGone,
    /// Addresses are removed after others were added, so that the device is never
    /// without one.
    AddressGone,
    /// An MTU too small for IPv6 takes all IPv6 addresses and routes from the device
    /// (`addrconf_notify`, net/ipv6/addrconf.c): they go by name first.
    SmallMtu,
    /// A device that goes down takes its routes and IPv6 addresses along (`addrconf_ifdown`,
    /// `fib_disable_ip`): they go by name first, so that they can be undone.
    Down,
    /// Forwarding of a namespace of ours, once its routes stand.
    Sysctl,
}

/// Sorts the steps of a plan. The host is configured after the namespaces: its
/// bridges come up when all that is plugged into them is quiet. So are its firewall tables: what
/// a namespace itself does not take is shut out before the host lets it in; and each
/// table changes in one transaction.
pub(super) fn sort(mut steps: Vec<(Rank, Step)>) -> Vec<Step> {
    steps.sort_by_cached_key(|(rank, step)| {
        let together = match rank {
            Rank::Configure(_) => Some(Rank::Configure(Turn::RouteInTheWay)),
            Rank::FirewallInTheWay | Rank::Firewall => Some(Rank::FirewallInTheWay),
            _ => None,
        };
        let netns = step.op.netns();
        let place = together.map(|_| (*netns == Netns::Host, netns.clone()));
        (together.unwrap_or(*rank), place, *rank)
    });
    steps.into_iter().map(|(_, step)| step).collect()
}
