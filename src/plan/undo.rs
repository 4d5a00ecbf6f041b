//! The inverse of every operation, as data: given what was observed before the
//! plan, the operations that lead back.

mod device;

use device::{addresses, of_a_port, queue, remake_links, routes, set_up, vlans};

use super::link::{free_group, is_small};
use super::route::removal;
use super::{Op, Setting, flow, rename};
use crate::state::{AddrGen, End, IfName, LinkKind, NetState, Netns, NetnsName, SysctlKey};

/// The operations that undo those of `done`, newest first, so that the state is
/// again as it was observed.
pub fn undo<'a>(
    done: impl DoubleEndedIterator<Item = &'a Op> + Clone,
    observed: &NetState,
) -> Vec<Op> {
    // Names are given first, and taken back last.
    let observed = rename::after(done.clone(), observed);
    let before = without_routes(done.clone(), &observed);
    let all = before.namespaces.iter();
    let partial = all.filter(|(_, namespace)| namespace.partial);
    let partial: Vec<&Netns> = partial.map(|(netns, _)| netns).collect();
    let mut back: Vec<Op> = Vec::new();
    for op in done.rev().flat_map(|op| inverse(op, &before)) {
        // Removed one by one, each device waits 13-20 ms; together they wait once.
        match (back.last_mut(), op) {
            (
                Some(Op::DelLinks { netns, devs, .. }),
                Op::DelLinks {
                    netns: at,
                    devs: more,
                    ..
                },
            ) if *netns == at && !partial.contains(&&at) => {
                devs.extend(more);
            }
            (_, op) => back.push(op),
        }
    }
    next_hops_first(&mut back);
    let (names, back): (Vec<Op>, Vec<Op>) = back
        .into_iter()
        .partition(|op| matches!(op, Op::RenameLink { .. }));
    let (late, now): (Vec<Op>, Vec<Op>) = back.into_iter().partition(needs_ipv6);
    // Not before the rules that keep others from 127.0.0.0/8 are back.
    let localnet = |op: &Op| {
        matches!(
            op,
            Op::SetLink {
                set: Setting::Localnet(true),
                ..
            }
        )
    };
    let (open, now): (Vec<Op>, Vec<Op>) = now.into_iter().partition(localnet);
    let mut back = [now, late, open, names].concat();
    let ended = flow::ended(&back.iter().collect::<Vec<_>>(), &observed);
    back.extend(ended);
    back
}

/// Routes that change places do so the next hop's first, there and back: `fib_check_nh` and
/// `ip6_route_check_nh` want the way to it by the same device.
fn next_hops_first(back: &mut [Op]) {
    let netns = |op: &Op| match op {
        Op::AddRoute { netns, .. }
        | Op::ReplaceRoute { netns, .. }
        | Op::DelRoute { netns, .. } => Some(netns.clone()),
        _ => None,
    };
    let to_a_hop = |op: &Op| matches!(op, Op::ReplaceRoute { route, .. } if route.via.is_none());
    for routes in back.chunk_by_mut(|a, b| netns(a).is_some() && netns(a) == netns(b)) {
        routes.sort_by_key(|op| !to_a_hop(op));
    }
}

/// What a device with an MTU below 1280 cannot have (`addrconf_notify`). A bridge has such
/// a one as long as a port has, unless it was given another: the port goes first.
fn needs_ipv6(op: &Op) -> bool {
    match op {
        Op::AddAddress { address, .. } => address.addr().is_ipv6(),
        Op::AddRoute { route, .. } | Op::ReplaceRoute { route, .. } => route.to.addr().is_ipv6(),
        _ => false,
    }
}

/// The state without the routes that operations have removed by name: those come
/// back by the inverses, and not once more with their devices.
fn without_routes<'a>(done: impl Iterator<Item = &'a Op>, observed: &NetState) -> NetState {
    let mut before = observed.clone();
    for op in done {
        if let Op::DelRoute { netns, route: was } | Op::ReplaceRoute { netns, was, .. } = op
            && let Some(namespace) = before.namespaces.get_mut(netns)
        {
            let gone = removal(netns, was.clone());
            namespace
                .routes
                .retain(|route| removal(netns, route.clone()) != gone);
        }
    }
    before
}

fn inverse(op: &Op, observed: &NetState) -> Vec<Op> {
    match op.clone() {
        Op::AddNetns { name } => {
            let cables = Vec::new();
            vec![Op::DelNetns { name, cables }]
        }
        Op::DelNetns { name, cables } => remake_netns(name, &cables, observed),
        Op::AddBridge { end, .. }
        | Op::AddVeth { near: end, .. }
        | Op::AddChild { end, .. }
        | Op::AddWireguard { end, .. } => {
            let group = free_group(observed, &end.netns);
            vec![Op::DelLinks {
                netns: end.netns,
                devs: vec![end.dev],
                group,
            }]
        }
        Op::SetLink { end, set, was } => set_back(end, set, was, observed),
        Op::RenameLink { netns, from, to } => vec![Op::RenameLink {
            netns,
            from: to,
            to: from,
        }],
        Op::DelLinks { netns, devs, .. } => remake_links(&netns, &devs, observed),
        Op::AddAddress { end, address } => vec![Op::DelAddress { end, address }],
        Op::SetLifetime {
            end,
            address,
            lifetime,
            was,
        } => vec![Op::SetLifetime {
            end,
            address,
            lifetime: was,
            was: lifetime,
        }],
        Op::DelAddress { end, address } => vec![Op::AddAddress { end, address }],
        Op::AddRoute { netns, route } => vec![removal(&netns, route)],
        Op::ReplaceRoute { netns, route, was } => vec![Op::ReplaceRoute {
            netns,
            route: was,
            was: route,
        }],
        Op::AddRule { netns, rule } => vec![Op::DelRule { netns, rule }],
        Op::DelRule { netns, rule } => vec![Op::AddRule { netns, rule }],
        Op::DelRoute { netns, route } => vec![Op::AddRoute { netns, route }],
        Op::SetSysctl {
            netns,
            key,
            value,
            was,
        } => restore(&netns, was, &(key, value)),
        Op::AddTable { netns, table } => vec![Op::DelTable { netns, table }],
        Op::DelTable { netns, table } => vec![Op::AddTable { netns, table }],
        Op::AddElement { .. } | Op::DelElement { .. } => element_back(op.clone()),
        // A flow makes itself anew with its next packet. Those that began meanwhile, by
        // elements that go again, are told from these (`flow::ended`).
        Op::DelFlows { .. } => Vec::new(),
    }
}

fn element_back(op: Op) -> Vec<Op> {
    match op {
        Op::AddElement {
            netns,
            set,
            element,
            owner,
        } => vec![Op::DelElement {
            netns,
            set,
            element,
            owner,
        }],
        Op::DelElement {
            netns,
            set,
            element,
            owner,
        } => vec![Op::AddElement {
            netns,
            set,
            element,
            owner,
        }],
        _ => Vec::new(),
    }
}

/// With an MTU too small for IPv6 a device loses how it makes its link-local address;
/// when the MTU grows again the kernel's default comes back, not what was set.
fn set_back(end: End, set: Setting, was: Setting, observed: &NetState) -> Vec<Op> {
    let silent = observed
        .link(&end)
        .is_some_and(|link| link.addrgen == Some(AddrGen::None));
    let regains = matches!((&set, &was), (Setting::Mtu(small), Setting::Mtu(old))
        if is_small(Some(*small)) && !is_small(Some(*old)));
    let silence = (silent && regains).then(|| Op::SetLink {
        end: end.clone(),
        set: Setting::AddrGen(AddrGen::None),
        was: Setting::AddrGen(AddrGen::Eui64),
    });
    let replugged = matches!(was, Setting::Master(Some(_)));
    let before = observed.link(&end).filter(|_| replugged);
    let port: Vec<Op> = before
        .into_iter()
        .flat_map(|l| of_a_port(&end, l).chain(vlans(&end, l)))
        .collect();
    let back = Op::SetLink {
        end,
        set: was,
        was: set,
    };
    [Some(back), silence]
        .into_iter()
        .flatten()
        .chain(port)
        .collect()
}

fn restore(netns: &Netns, was: Vec<(SysctlKey, String)>, now: &(SysctlKey, String)) -> Vec<Op> {
    let write = |(key, value)| Op::SetSysctl {
        netns: netns.clone(),
        key,
        value,
        was: vec![now.clone()],
    };
    was.into_iter().map(write).collect()
}

/// A namespace again, with its loopback device, its settings and those of its
/// cables that went with it.
fn remake_netns(name: NetnsName, cables: &[IfName], observed: &NetState) -> Vec<Op> {
    let netns = Netns::Named(name.clone());
    let mut ops = vec![Op::AddNetns { name }];
    let Some(before) = observed.namespaces.get(&netns) else {
        return ops;
    };
    for (dev, lo) in before
        .links
        .iter()
        .filter(|(_, l)| l.kind == LinkKind::Loopback)
    {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        if lo.up {
            ops.push(set_up(&end));
        }
        ops.extend(queue(&end, lo));
        ops.extend(addresses(&end, lo));
        ops.extend(routes(&end, observed));
    }
    ops.extend(remake_links(&netns, cables, observed));
    let at = || netns.clone();
    let odd = before.odd_rules.iter().cloned();
    ops.extend(odd.map(|rule| Op::AddRule { netns: at(), rule }));
    let lost = before.lost_rules.iter().cloned();
    ops.extend(lost.map(|rule| Op::DelRule { netns: at(), rule }));
    let mut settings: Vec<_> = before.sysctls.iter().collect();
    settings.retain(|(key, sysctl)| match key.device() {
        None => sysctl.value != "0",
        // Others are not there yet.
        Some(dev) => ["lo", "default"].contains(&dev) || cables.iter().any(|c| c.as_str() == dev),
    });
    settings.sort_by_key(|(key, _)| !key.overwrites());
    for (key, sysctl) in settings {
        let was = vec![(key.clone(), "0".to_owned())];
        let (key, value) = (key.clone(), sysctl.value.clone());
        ops.push(Op::SetSysctl {
            netns: netns.clone(),
            key,
            value,
            was,
        });
    }
    ops.extend(before.tables.values().map(|table| Op::AddTable {
        netns: netns.clone(),
        table: table.clone(),
    }));
    ops
}
