//! Routers: what their kind needs.

use ipnet::IpNet;

use super::Flaw;
use crate::report::codes;
use crate::state::{Family, IfName, Netns};
use crate::topology::nat::{Ipv6, Nat, NatPreset};
use crate::topology::{NamespaceSpec, Topology};

pub(super) fn routers(topology: &Topology, flaws: &mut Vec<Flaw>) {
    for (netns, spec) in &topology.namespaces {
        if let Some(nat) = &spec.nat {
            let place = format!("namespaces/{netns}/nat");
            flaws.extend(router(topology, (netns, spec), nat, &place));
        }
    }
}

fn flaw(place: &str, message: String, hint: &str) -> Option<Flaw> {
    Some(Flaw::new(codes::BAD_NAT, place, message).hint(hint))
}

fn router(
    topology: &Topology,
    (netns, spec): (&Netns, &NamespaceSpec),
    nat: &Nat,
    place: &str,
) -> Option<Flaw> {
    if *netns == Netns::Host {
        let flaw = Flaw::new(codes::HOST_LIMITS, place, "the host has no `nat`");
        return Some(flaw.hint("its networks have `masquerade`"));
    }
    if !spec.forward {
        let message = format!("`{netns}` has `nat`, and is no router");
        return flaw(place, message, "add `forward: true`");
    }
    words(nat, place)
        .or_else(|| published(spec, netns, nat))
        .or_else(|| out(topology, (netns, spec), nat, place))
}

/// What does not go together, wherever the router is.
fn words(nat: &Nat, place: &str) -> Option<Flaw> {
    let (mapping, stream) = nat.timeouts();
    if nat.hairpin == Some(true) && nat.kind == NatPreset::None {
        let message = "without translation nobody has a port outside that could lead back".into();
        return flaw(&format!("{place}/hairpin"), message, "leave `hairpin` out");
    }
    if stream < mapping {
        let message =
            format!("a flow of {stream} seconds would end before its mapping of {mapping}");
        let hint = "let `udp_stream_timeout` be no less than `udp_timeout`";
        return flaw(&format!("{place}/udp_stream_timeout"), message, hint);
    }
    match (nat.prefix, nat.ipv6()) {
        (None, Some(Ipv6::Nptv6)) => {
            let message = "`nptv6` needs the prefix that the inside has outside".into();
            flaw(
                &format!("{place}/ipv6"),
                message,
                "add `prefix: 2001:db8:1::/48`",
            )
        }
        (Some(net), Some(Ipv6::Nptv6)) => wrong_prefix(&net, &format!("{place}/prefix")),
        (Some(_), _) => {
            let message = "a prefix without NPTv6".into();
            let hint = "add `ipv6: nptv6`, or leave `prefix` out";
            flaw(&format!("{place}/prefix"), message, hint)
        }
        (None, _) => None,
    }
}

fn wrong_prefix(net: &IpNet, place: &str) -> Option<Flaw> {
    let message = match net {
        IpNet::V4(_) => format!("{net} is no IPv6 prefix"),
        IpNet::V6(_) if net.trunc() != *net => format!("{net} is an address, not a prefix"),
        // The rest is for the hosts (RFC 6296, 3.2).
        IpNet::V6(_) if net.prefix_len() > 64 => format!("{net} leaves no /64 for a subnet"),
        IpNet::V6(_) => return None,
    };
    flaw(place, message, "write a prefix like 2001:db8:1::/48")
}

/// What comes to a port of the host enters by the outside.
fn published(spec: &NamespaceSpec, netns: &Netns, nat: &Nat) -> Option<Flaw> {
    if spec.publish.is_empty() || nat.closed().is_empty() {
        return None;
    }
    let message = format!("`{netns}` takes nothing from outside that it did not ask for");
    let place = format!("namespaces/{netns}/publish");
    let hint = "publish a port of a namespace that is no router, or leave `nat` out";
    flaw(&place, message, hint)
}

/// The interface that leads outwards, with what the kind needs there.
fn out(
    topology: &Topology,
    (netns, spec): (&Netns, &NamespaceSpec),
    nat: &Nat,
    place: &str,
) -> Option<Flaw> {
    let unknown = topology.is_on_unknown(netns);
    let Some(outside) = topology.outside(netns, spec) else {
        let message = format!("by which interface `{netns}` leads outwards is not known");
        let hint = "write `nat: { kind: ..., outside: INTERFACE }`, or give it a default route";
        return (!unknown).then(|| flaw(place, message, hint)).flatten();
    };
    if !topology.devices(netns).contains(&outside) {
        let message = format!("`{netns}` has no interface `{outside}`");
        return flaw(
            &format!("{place}/outside"),
            message,
            "name one of its interfaces",
        );
    }
    if unknown {
        return None;
    }
    addressed(topology, netns, &outside, nat, place)
}

fn addressed(
    topology: &Topology,
    netns: &Netns,
    outside: &IfName,
    nat: &Nat,
    place: &str,
) -> Option<Flaw> {
    let nets = topology.device_nets(netns);
    let four = nets
        .iter()
        .any(|of| of.dev == *outside && Family::of(&of.net) == Family::Ipv4);
    if nat.kind != NatPreset::None && !four {
        let message =
            format!("`{outside}` of `{netns}`, which leads outwards, has no IPv4 address");
        let hint = "give it one, or write `kind: none`";
        return flaw(place, message, hint);
    }
    let prefix = nat.prefix.filter(|_| nat.ipv6() == Some(Ipv6::Nptv6))?;
    let length = prefix.prefix_len();
    if topology.inside_prefix(netns, outside, length).is_some() {
        return None;
    }
    let message = format!("what is inside of `{netns}` is not in one IPv6 prefix of {length} bits");
    let hint = "give all interfaces inside addresses of one such prefix, and subnets in it";
    flaw(&format!("{place}/prefix"), message, hint)
}
