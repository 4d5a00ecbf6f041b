//! The sets and maps of our tables.

use serde::{Deserialize, Serialize};

use super::TableName;

/// The sets and maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SetName {
    /// Families that the host did not forward before netyard switched them on:
    /// what is forwarded for nobody of ours is dropped.
    Guard,
    /// Bridges, each as its way from itself to itself: what stays on one is
    /// switched, not forwarded. Where the module br_netfilter is loaded it comes by
    /// here all the same (net/bridge/br_netfilter_hooks.c, `br_nf_forward_ip`).
    Bridged,
    /// Bridges and routed ports whose namespaces may go out through the host.
    Inside,
    /// The bridges and routed ports of all labs: what may go out goes to none of these.
    Networks,
    /// IPv4 subnets that leave with the host's address.
    Masquerade4,
    /// IPv6 subnets that leave with the host's address.
    Masquerade6,
    /// The IPv4 subnets of routed networks, each with those of the same network.
    Beside4,
    /// The same of IPv6.
    Beside6,
    /// Ports of routed networks that reach no other of these.
    Isolated,
    /// Ports of routed networks that are checked.
    Routed,
    /// The IPv4 addresses of each.
    From4,
    /// The IPv6 addresses of each.
    From6,
    /// What else is forwarded over IPv4: sources, destinations, protocols, ports.
    Allow4,
    /// The same over IPv6.
    Allow6,
    /// Ports of all addresses that everybody may use.
    Public,
    /// Ports of one IPv4 address, and ranges of ports, that everybody may use.
    Public4,
    /// The same of one IPv6 address.
    Public6,
    /// Ports of all addresses that those directly attached may use.
    Lan,
    /// Ports of one IPv4 address, and ranges of ports, that they may use.
    Lan4,
    /// The same of one IPv6 address.
    Lan6,
    /// The IPv4 subnets directly attached to the host.
    Near4,
    /// The same of IPv6.
    Near6,
    /// Which IPv4 sources may use which ports.
    Seen4,
    /// The same of IPv6.
    Seen6,
    /// Ports of all addresses, and where each leads over IPv4.
    Ports4,
    /// The same over IPv6.
    Ports6,
    /// Ports of one IPv4 address, and where each leads.
    Bound4,
    /// The same of one IPv6 address.
    Bound6,
    /// Ranges of ports, and to which IPv4 address they lead, each port to itself.
    Ranges4,
    /// The same over IPv6.
    Ranges6,
    /// Namespaces that reach themselves by the host, each as the way from itself to itself.
    Hairpin4,
    /// The same over IPv6.
    Hairpin6,
    /// Families in which answers within a bridge do not come by here (br_netfilter is not
    /// there, or off): who asks for a port of the same network does so as the bridge.
    Direct,
    /// Bridge ports that are checked.
    Checked,
    /// The hardware addresses of each.
    Macs,
    /// The IPv4 addresses of each.
    Sources4,
    /// The IPv6 addresses of each.
    Sources6,
    /// The IPv6 addresses of each, which it may say are its own.
    Targets6,
    /// The VLANs with whose tags each may send.
    Trunks,
    /// Who may send what to a namespace over IPv4.
    Ingress4,
    /// The same over IPv6.
    Ingress6,
    /// What a namespace may send to whom over IPv4.
    Egress4,
    /// The same over IPv6.
    Egress6,
    /// The devices of a router that lead outwards.
    Outside,
    /// Those by which each inside endpoint keeps one port.
    Stable,
    /// Those by which each flow gets a port of its own.
    Symmetric,
    /// Those by which everybody reaches an endpoint at its port.
    Anybody,
    /// Those by which only an address does that the endpoint has sent to.
    Restricted,
    /// The router's addresses outside, which others see.
    External4,
    /// Devices inside from where those lead back inside (hairpinning).
    Loop,
    /// Families in which nothing comes in unasked by which of them.
    Closed,
    /// Families of which nothing passes by which of them.
    Blocked,
    /// Protocols that do not go out by them.
    Stopped,
    /// Those by which only some ports are spoken with.
    Strict,
    /// Which.
    Passes,
    /// Those by which what leaves over IPv6 gets the router's address.
    Nat66,
    /// IPv6 prefixes, and which each has outside (RFC 6296).
    Prefixes6,
    /// The same the other way around.
    Inwards6,
    /// Inside endpoints, and which port each has outside. Packets put it there, as into the next
    /// three.
    Mapped,
    /// Addresses and ports outside, and whose each is.
    Endpoints,
    /// Ports outside that are some endpoint's.
    Taken,
    /// To which addresses something was sent, and from which address and port outside.
    Contacted,
    /// Addresses of those that a namespace is parted from.
    Parted4,
    /// The same over IPv6.
    Parted6,
    /// Their link-local addresses, by the device that leads there.
    PartedNear,
    /// Addresses of those whom it does not reach with its own.
    Beyond4,
    /// The same over IPv6.
    Beyond6,
}

impl SetName {
    /// Every set and map.
    pub const ALL: [SetName; 67] = [
        SetName::Guard,
        SetName::Bridged,
        SetName::Inside,
        SetName::Networks,
        SetName::Masquerade4,
        SetName::Masquerade6,
        SetName::Beside4,
        SetName::Beside6,
        SetName::Isolated,
        SetName::Routed,
        SetName::From4,
        SetName::From6,
        SetName::Allow4,
        SetName::Allow6,
        SetName::Public,
        SetName::Public4,
        SetName::Public6,
        SetName::Lan,
        SetName::Lan4,
        SetName::Lan6,
        SetName::Near4,
        SetName::Near6,
        SetName::Seen4,
        SetName::Seen6,
        SetName::Ports4,
        SetName::Ports6,
        SetName::Bound4,
        SetName::Bound6,
        SetName::Ranges4,
        SetName::Ranges6,
        SetName::Hairpin4,
        SetName::Hairpin6,
        SetName::Direct,
        SetName::Checked,
        SetName::Macs,
        SetName::Sources4,
        SetName::Sources6,
        SetName::Targets6,
        SetName::Trunks,
        SetName::Ingress4,
        SetName::Ingress6,
        SetName::Egress4,
        SetName::Egress6,
        SetName::Outside,
        SetName::Stable,
        SetName::Symmetric,
        SetName::Anybody,
        SetName::Restricted,
        SetName::External4,
        SetName::Loop,
        SetName::Closed,
        SetName::Blocked,
        SetName::Stopped,
        SetName::Strict,
        SetName::Passes,
        SetName::Nat66,
        SetName::Prefixes6,
        SetName::Inwards6,
        SetName::Mapped,
        SetName::Endpoints,
        SetName::Taken,
        SetName::Contacted,
        SetName::Parted4,
        SetName::Parted6,
        SetName::PartedNear,
        SetName::Beyond4,
        SetName::Beyond6,
    ];

    /// The table that it is in.
    pub fn table(self) -> TableName {
        match self {
            SetName::Checked
            | SetName::Macs
            | SetName::Sources4
            | SetName::Sources6
            | SetName::Targets6
            | SetName::Trunks => TableName::Bridge,
            SetName::Ingress4 | SetName::Ingress6 | SetName::Egress4 | SetName::Egress6 => {
                TableName::Inside
            }
            SetName::Outside
            | SetName::Stable
            | SetName::Symmetric
            | SetName::Anybody
            | SetName::Restricted
            | SetName::External4
            | SetName::Loop
            | SetName::Closed
            | SetName::Blocked
            | SetName::Stopped
            | SetName::Strict
            | SetName::Passes
            | SetName::Nat66
            | SetName::Prefixes6
            | SetName::Inwards6
            | SetName::Mapped
            | SetName::Endpoints
            | SetName::Taken
            | SetName::Contacted => TableName::Router,
            SetName::Parted4
            | SetName::Parted6
            | SetName::PartedNear
            | SetName::Beyond4
            | SetName::Beyond6 => TableName::Partition,
            _ => TableName::Inet,
        }
    }
}
