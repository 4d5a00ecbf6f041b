//! Devices again as they were.

use super::super::{Op, Setting, wireguard};
use crate::state::{AddrGen, End, IfName, Link, LinkKind, NetState, Netns, Origin, Vlans};

/// What a bridge's port loses with its bridge, and a bridge with itself.
pub(super) fn of_a_port(end: &End, before: &Link) -> impl Iterator<Item = Op> + use<> {
    let hairpin = before
        .hairpin
        .then_some((Setting::Hairpin(true), Setting::Hairpin(false)));
    let routed = end.netns == Netns::Host && before.is_routed_by();
    let localnet =
        (before.localnet && routed).then_some((Setting::Localnet(true), Setting::Localnet(false)));
    let isolated = before
        .isolated
        .then_some((Setting::Isolated(true), Setting::Isolated(false)));
    let end = end.clone();
    let all = hairpin.into_iter().chain(isolated).chain(localnet);
    all.map(move |(set, was)| Op::SetLink {
        end: end.clone(),
        set,
        was,
    })
}

/// The VLANs that a port loses with its bridge.
pub(super) fn vlans(end: &End, before: &Link) -> Option<Op> {
    let (end, vlans) = (end.clone(), before.vlans.clone());
    (!vlans.is_empty()).then_some(Op::SetLink {
        end,
        set: Setting::Vlans(vlans),
        was: Setting::Vlans(Vlans::default()),
    })
}

/// What limited or delayed what a device sent, which goes with it.
pub(super) fn queue(end: &End, before: &Link) -> Option<Op> {
    let set = Setting::Qdisc(Some(before.qdisc.clone()?));
    let (end, was) = (end.clone(), Setting::Qdisc(None));
    Some(Op::SetLink { end, set, was })
}

/// Devices again as they were: bridges before cables, because cables may be
/// their ports; then what was set on them; routes last.
pub(super) fn remake_links(netns: &Netns, devs: &[IfName], observed: &NetState) -> Vec<Op> {
    let (mut bridges, mut cables, mut rest, mut ends) = (vec![], vec![], vec![], vec![]);
    for dev in devs {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let Some(before) = observed.link(&end) else {
            continue;
        };
        if before.kind == LinkKind::Bridge {
            let link = Link {
                addresses: Vec::new(),
                ..before.clone()
            };
            bridges.push(Op::AddBridge {
                end: end.clone(),
                link,
            });
            rest.extend(of_a_port(&end, before));
            rest.extend(queue(&end, before));
            rest.extend(ports(&end, devs, observed));
        } else if let Some((peer, peer_link)) = before
            .peer()
            .and_then(|peer| Some((peer, observed.link(peer)?)))
        {
            // The marked end is the near one, wherever it lies.
            let (near, far) = match peer_link.owner {
                Some(_) => ((peer, peer_link), (&end, before)),
                None => ((&end, before), (peer, peer_link)),
            };
            cables.push(cable(near, far));
            rest.extend(of_a_port(near.0, near.1));
            rest.extend(queue(near.0, near.1));
            rest.extend(far_settings(far));
            rest.extend(queue(far.0, far.1));
            ends.push(peer.clone());
        } else if let Some((make, more)) = alone(&end, before) {
            cables.push(make);
            rest.extend(more);
        }
        ends.push(end);
    }
    for end in &ends {
        rest.extend(
            observed
                .link(end)
                .into_iter()
                .flat_map(|before| addresses(end, before)),
        );
    }
    rest.extend(ends.iter().flat_map(|end| routes(end, observed)));
    [bridges, cables, rest].concat()
}

/// What has no other end: how it is made, and what it is told then.
fn alone(end: &End, before: &Link) -> Option<(Op, Vec<Op>)> {
    let mut more = far_settings((end, before));
    let make = match &before.kind {
        LinkKind::Child(child) if child.parent.is_some() => {
            let link = Link {
                up: false,
                addresses: Vec::new(),
                ..before.clone()
            };
            let end = end.clone();
            Op::AddChild { end, link }
        }
        LinkKind::Wireguard => {
            more.extend(wireguard::told_again(end, before));
            more.extend(queue(end, before));
            wireguard::make(end, before)
        }
        _ => return None,
    };
    Some((make, more))
}

fn cable(near: (&End, &Link), far: (&End, &Link)) -> Op {
    let bare = |link: &Link| Link {
        addresses: Vec::new(),
        ..link.clone()
    };
    Op::AddVeth {
        near: near.0.clone(),
        near_link: bare(near.1),
        far: far.0.clone(),
        far_link: Link {
            up: false,
            ..bare(far.1)
        },
    }
}

/// What a cable's far end, and what another device carries, does not get when it is made.
fn far_settings((end, before): (&End, &Link)) -> Vec<Op> {
    let mut ops = Vec::new();
    if let Some(master) = &before.master {
        let (set, was) = (Setting::Master(Some(master.clone())), Setting::Master(None));
        ops.push(Op::SetLink {
            end: end.clone(),
            set,
            was,
        });
        ops.extend(of_a_port(end, before));
        ops.extend(vlans(end, before));
    }
    if before.addrgen == Some(AddrGen::None) {
        let (set, was) = (
            Setting::AddrGen(AddrGen::None),
            Setting::AddrGen(AddrGen::Eui64),
        );
        ops.push(Op::SetLink {
            end: end.clone(),
            set,
            was,
        });
    }
    if before.up {
        ops.push(set_up(end));
    }
    ops
}

/// What was plugged into a bridge and has not gone with it.
fn ports<'a>(
    bridge: &'a End,
    gone: &'a [IfName],
    observed: &'a NetState,
) -> impl Iterator<Item = Op> + 'a {
    let all = observed
        .namespaces
        .get(&bridge.netns)
        .into_iter()
        .flat_map(|ns| &ns.links);
    let stay =
        all.filter(|(dev, link)| link.master.as_ref() == Some(&bridge.dev) && !gone.contains(dev));
    stay.flat_map(|(dev, link)| {
        let end = End {
            netns: bridge.netns.clone(),
            dev: dev.clone(),
        };
        let port = of_a_port(&end, link).chain(vlans(&end, link));
        let master = Op::SetLink {
            end,
            set: Setting::Master(Some(bridge.dev.clone())),
            was: Setting::Master(None),
        };
        [master].into_iter().chain(port)
    })
}

pub(super) fn set_up(end: &End) -> Op {
    Op::SetLink {
        end: end.clone(),
        set: Setting::Up(true),
        was: Setting::Up(false),
    }
}

pub(super) fn addresses<'a>(end: &'a End, before: &'a Link) -> impl Iterator<Item = Op> + 'a {
    let list = before.addresses.iter();
    list.map(|address| Op::AddAddress {
        end: end.clone(),
        address: *address,
    })
}

pub(super) fn routes<'a>(end: &'a End, observed: &'a NetState) -> impl Iterator<Item = Op> + 'a {
    let all = observed
        .namespaces
        .get(&end.netns)
        .into_iter()
        .flat_map(|ns| &ns.routes);
    all.filter(|route| route.dev == end.dev && route.origin != Origin::Ra)
        .map(|route| Op::AddRoute {
            netns: end.netns.clone(),
            route: route.clone(),
        })
}
