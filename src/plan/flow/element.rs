//! Which flows go by an element of a firewall table.

use std::net::IpAddr;

use ipnet::IpNet;

use super::At;
use crate::state::{Element, FlowMatch, Nat, Part, SetName};

/// What the host lets through, or masquerades.
pub(super) fn permits((set, element): At<'_>) -> Option<FlowMatch> {
    let key = key(element, Nat::Any);
    let (first, second) = nets(element);
    match set {
        SetName::Masquerade4 | SetName::Masquerade6 => Some(FlowMatch {
            from: first,
            nat: Nat::Masqueraded,
            ..key
        }),
        SetName::Allow4 | SetName::Allow6 => Some(FlowMatch {
            from: first,
            dst: second,
            ..key
        }),
        _ => None,
    }
}

/// What a namespace may take. That it may send something permits none of it.
pub(super) fn takes((set, element): At<'_>) -> Option<FlowMatch> {
    let (from, _) = nets(element);
    matches!(set, SetName::Ingress4 | SetName::Ingress6).then(|| FlowMatch {
        from,
        ..key(element, Nat::Any)
    })
}

/// What a namespace may send.
pub(super) fn sends((set, element): At<'_>) -> Option<FlowMatch> {
    let (dst, _) = nets(element);
    matches!(set, SetName::Egress4 | SetName::Egress6).then(|| FlowMatch {
        dst,
        ..key(element, Nat::Any)
    })
}

/// Where a published port leads.
pub(super) fn leads((set, element): At<'_>) -> Option<FlowMatch> {
    let target = match set {
        SetName::Ports4
        | SetName::Ports6
        | SetName::Bound4
        | SetName::Bound6
        | SetName::Ranges4
        | SetName::Ranges6 => &element.data[..],
        _ => return None,
    };
    let nat = match target {
        [Part::Net(net), Part::Ports(port, _)] => Nat::To(net.addr(), Some(*port)),
        [Part::Net(net), ..] => Nat::To(net.addr(), None),
        _ => return None,
    };
    let (dst, _) = nets(element);
    Some(FlowMatch {
        dst,
        ..key(element, nat)
    })
}

/// Who may use a published port, wherever it leads; where only those directly attached may,
/// all who could.
pub(super) fn sees((set, element): At<'_>) -> Option<FlowMatch> {
    let key = key(element, Nat::Any);
    let (first, second) = nets(element);
    match set {
        SetName::Public | SetName::Lan => {
            let family = element.key.iter().find_map(|part| match part {
                Part::Family(family) => Some(family.every()),
                _ => None,
            });
            Some(FlowMatch { dst: family, ..key })
        }
        SetName::Public4 | SetName::Public6 | SetName::Lan4 | SetName::Lan6 => {
            Some(FlowMatch { dst: first, ..key })
        }
        SetName::Seen4 | SetName::Seen6 => Some(FlowMatch {
            from: first,
            dst: second,
            ..key
        }),
        _ => None,
    }
}

/// Those of a published port that come from where it may be used, and go where it leads.
pub(super) fn used(seen: &FlowMatch, leads: &FlowMatch) -> Option<FlowMatch> {
    let ((a, b), (c, d)) = (seen.ports?, leads.ports?);
    let ports = (a.max(c), b.min(d));
    let family = seen.is_ipv6().is_none_or(|v6| leads.is_ipv6() == Some(v6));
    if seen.protocol != leads.protocol || ports.0 > ports.1 || !family {
        return None;
    }
    let dst = match (seen.dst, leads.dst) {
        (Some(seen), Some(bound)) if seen.contains(&bound) => Some(bound),
        (Some(seen), Some(bound)) => Some(seen).filter(|seen| bound.contains(seen)),
        (seen, bound) => seen.or(bound),
    };
    let apart = dst.is_none() && seen.dst.is_some();
    (!apart).then(|| FlowMatch {
        from: seen.from,
        dst,
        ports: Some(ports),
        ..leads.clone()
    })
}

/// Those sent to a published port of this address that began before it was one. Not of
/// TCP: there a first packet makes a flow anew, and a connection that stands is the host's.
pub(super) fn straight(port: &FlowMatch, address: IpAddr) -> Option<FlowMatch> {
    const TCP: u8 = 6;
    let v6 = port.is_ipv6().is_none_or(|v6| v6 == address.is_ipv6());
    let bound = port.dst.is_none_or(|dst| dst.contains(&address));
    // No rule is asked about the loopback address of IPv6.
    let asked = !(address.is_ipv6() && address.is_loopback());
    (port.protocol != Some(TCP) && v6 && bound && asked).then(|| FlowMatch {
        from: None,
        dst: Some(IpNet::from(address)),
        nat: Nat::Straight,
        ..port.clone()
    })
}

/// The protocol and the ports of a key.
fn key(element: &Element, nat: Nat) -> FlowMatch {
    let mut flows = FlowMatch::all(nat);
    for part in &element.key {
        match part {
            Part::Protocol(protocol) => {
                let (first, last) = protocol.numbers();
                flows.protocol = Some(first).filter(|_| first == last);
            }
            Part::Ports(first, last) if *part != Part::ANY_PORT => {
                flows.ports = Some((*first, *last));
            }
            _ => {}
        }
    }
    flows
}

/// The first two subnets of a key.
fn nets(element: &Element) -> (Option<IpNet>, Option<IpNet>) {
    let mut nets = element.key.iter().filter_map(|part| match part {
        Part::Net(net) => Some(*net),
        _ => None,
    });
    (nets.next(), nets.next())
}
