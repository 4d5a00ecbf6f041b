//! Links: cables and bridges made, changed where they differ, removed when ours
//! and no longer wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::order::{Rank, Turn};
use super::{Draft, Op, Setting, child, is_whole, vlan, wireguard};
use crate::state::{AddrGen, End, IfName, Link, LinkKind, Mac, NetState, Netns, Qdisc, Vlans};

/// Where the search for an unused link group begins, far from the small numbers
/// that people choose.
const FIRST_GROUP: u32 = 6_389_273;

/// The MTU of an Ethernet device that nobody gave another (`ETH_DATA_LEN`).
const DEFAULT_MTU: u32 = 1500;

/// The smallest MTU with which a device has IPv6 (RFC 8200, 5).
const IPV6_MIN_MTU: u32 = 1280;

/// The devices to remove, by turn and namespace: each batch is one request.
type Gone = BTreeMap<(Rank, Netns), BTreeSet<IfName>>;

pub(super) fn diff(draft: &mut Draft<'_>) {
    let mut gone = Gone::new();
    let ends: Vec<(End, &Link)> = (draft.wanted())
        .flat_map(|(netns, want)| {
            (want.links.iter()).map(|(dev, link)| {
                (
                    End {
                        netns: netns.clone(),
                        dev: dev.clone(),
                    },
                    link,
                )
            })
        })
        .collect();
    for (end, want) in &ends {
        make(draft, end, want, &mut gone);
    }
    for end in child::barring(draft) {
        remove(draft, Rank::Unload, &end, &mut gone);
    }
    for end in child::lingering(draft) {
        remove(draft, Rank::LinksGone, &end, &mut gone);
    }
    unwanted(draft, &mut gone);
    for (end, want) in &ends {
        settings(draft, end, want);
    }
    for ((rank, netns), devs) in gone {
        let because = match rank {
            Rank::Unload => "its parent cannot carry it beside what comes",
            Rank::MakeRoom => "it must be made anew: its kind or its other end differs",
            _ => "the lab no longer has it",
        };
        let group = free_group(draft.observed, &netns);
        let devs: Vec<IfName> = devs.into_iter().collect();
        // What else is in a group is then not known.
        let most = if draft.have(&netns).is_some_and(|have| have.partial) {
            1
        } else {
            devs.len()
        };
        for devs in devs.chunks(most) {
            let (netns, devs) = (netns.clone(), devs.to_vec());
            draft.push(rank, Op::DelLinks { netns, devs, group }, because);
        }
    }
}

/// Makes a wanted device that is not there, and removes what has to go for it.
fn make(draft: &mut Draft<'_>, end: &End, want: &Link, gone: &mut Gone) {
    let have = draft.observed.link(end);
    let fits = have.is_some_and(|have| same_device(want, have));
    match &want.kind {
        LinkKind::Bridge if !fits => {
            if have.is_some() {
                remove(draft, Rank::MakeRoom, end, gone);
            }
            let link = Link {
                owner: Some(draft.lab().clone()),
                addresses: Vec::new(),
                up: false,
                ..want.clone()
            };
            draft.made.insert(end.clone());
            draft.push(
                Rank::Bridge,
                Op::AddBridge {
                    end: end.clone(),
                    link,
                },
                "a network is a bridge",
            );
        }
        LinkKind::Veth { peer: Some(far) } if end < far => {
            let far_have = draft.observed.link(far);
            if fits && far_have.is_some() {
                return;
            }
            for end in [have.map(|_| end), far_have.map(|_| far)]
                .into_iter()
                .flatten()
            {
                if !draft.gone.contains(end) {
                    remove(draft, Rank::MakeRoom, end, gone);
                }
            }
            add_cable(draft, end, want, far);
        }
        LinkKind::Child(_) | LinkKind::Wireguard if !fits => {
            if have.is_some() {
                remove(draft, Rank::MakeRoom, end, gone);
            }
            match want.child() {
                Some(child) => child::add(draft, end, want, child),
                None => wireguard::add(draft, end, want),
            }
        }
        _ => {}
    }
}

fn remove(draft: &mut Draft<'_>, rank: Rank, end: &End, gone: &mut Gone) {
    draft
        .gone
        .extend(draft.observed.link(end).and_then(Link::peer).cloned());
    draft.gone.insert(end.clone());
    if rank == Rank::LinksGone {
        let peer = draft.observed.link(end).and_then(Link::peer).cloned();
        draft.leaving.extend(peer);
        draft.leaving.insert(end.clone());
        let open = |link: &Link| link.localnet && link.is_routed_by();
        let host = end.netns == Netns::Host;
        if host && draft.observed.link(end).is_some_and(open) {
            set_localnet(draft, end, false);
        }
    }
    gone.entry((rank, end.netns.clone()))
        .or_default()
        .insert(end.dev.clone());
}

fn add_cable(draft: &mut Draft<'_>, near: &End, want: &Link, far: &End) {
    let Some(far_want) = draft.desired.link(far) else {
        return;
    };
    let near_link = Link {
        owner: Some(draft.lab().clone()),
        addresses: Vec::new(),
        ..want.clone()
    };
    let far_link = Link {
        up: false,
        addresses: Vec::new(),
        ..far_want.clone()
    };
    let because = match &want.master {
        Some(bridge) => format!("{far} is plugged into {bridge}"),
        None => format!("a link joins {near} and {far}"),
    };
    draft.made.extend([near.clone(), far.clone()]);
    let op = Op::AddVeth {
        near: near.clone(),
        near_link,
        far: far.clone(),
        far_link,
    };
    draft.push(Rank::Cable, op, because);
}

/// Whether the device can become the wanted one without being made anew.
fn same_device(want: &Link, have: &Link) -> bool {
    want.kind == have.kind
}

/// The settings in which a device differs from what is wanted. One that this plan
/// makes has them from the start, but only the near end of a cable is made up and
/// silent: the kernel refuses it for the far end; what another device carries is set up as one; and a bridge goes up once all is plugged in
/// and set up, or it would flood the IPv6 announcements of each new port to all
/// those before it.
fn settings(draft: &mut Draft<'_>, end: &End, want: &Link) {
    let near = want.peer().is_some_and(|peer| peer > end);
    let far = want.is_alone() || want.peer().is_some_and(|peer| peer < end);
    // One that is given no MTU has its parent's.
    let want = &Link {
        mtu: want.mtu.or_else(|| child::parent_mtu(draft, want)),
        ..want.clone()
    };
    let made_with = |mode| if far { AddrGen::Eui64 } else { mode };
    let fresh = Link {
        up: want.up && near,
        addrgen: want.addrgen.map(made_with).filter(|_| !is_small(want.mtu)),
        hairpin: false,
        isolated: false,
        localnet: false,
        qdisc: None,
        wireguard: wireguard::bare(want),
        vlans: match far {
            true => Vlans::default(),
            false => want.vlans.clone(),
        },
        ..want.clone()
    };
    let have = draft.have_link(end).unwrap_or(&fresh);
    let set_link = |set, was| Op::SetLink {
        end: end.clone(),
        set,
        was,
    };
    let routed = end.netns == Netns::Host && want.is_routed_by();
    let localnet = routed && want.localnet != have.localnet;
    for (turn, set, was, because) in differences(want, have) {
        draft.push(Rank::Configure(turn), set_link(set, was), because);
    }
    if localnet {
        set_localnet(draft, end, want.localnet);
    }
    let apart = [vlan::filtering(want, have), wireguard::told(want, have)];
    for (rank, set, was, because) in apart.into_iter().flatten() {
        draft.push(rank, set_link(set, was), because);
    }
}

/// As forwarding: on once the firewall keeps others from 127.0.0.0/8, off before that goes.
fn set_localnet(draft: &mut Draft<'_>, end: &End, on: bool) {
    let because = match on {
        true => "the host reaches published ports by 127.0.0.1",
        false => "no port is published on 127.0.0.1 any more",
    };
    let op = Op::SetLink {
        end: end.clone(),
        set: Setting::Localnet(on),
        was: Setting::Localnet(!on),
    };
    draft.push(Rank::Sysctl, op, because);
}

/// What a port has anew with each bridge (`new_nbp`, net/bridge/br_if.c).
fn of_port(want: &Link, have: &Link) -> Vec<(Turn, Setting, Setting, &'static str)> {
    let mut list = Vec::new();
    let stays = want.master == have.master;
    let (hairpin, isolated) = (have.hairpin && stays, have.isolated && stays);
    if want.master.is_some() && want.hairpin != hairpin {
        let because = match want.hairpin {
            true => "behind it is a published port, which it reaches itself, too",
            false => "no port is published behind it",
        };
        let (set, was) = (Setting::Hairpin(want.hairpin), Setting::Hairpin(hairpin));
        list.push((Turn::Link, set, was, because));
    }
    if want.isolated != isolated {
        let because = match want.isolated {
            true => "the file keeps it from other isolated interfaces",
            false => "ports of a network reach each other",
        };
        let (set, was) = (
            Setting::Isolated(want.isolated),
            Setting::Isolated(isolated),
        );
        list.push((Turn::Link, set, was, because));
    }
    if stays && have.blocked && !want.blocked {
        let (set, was) = (Setting::Forwarding(true), Setting::Forwarding(false));
        list.push((Turn::Up, set, was, "a port carries packets"));
    }
    list
}

/// What it sends through; of a device of ours none but the file's.
fn queue(want: &Link, have: &Link) -> Option<(Turn, Setting, Setting, &'static str)> {
    let same = match (&want.qdisc, &have.qdisc) {
        (Some(want), Some(have)) => want.is(have),
        (want, have) => want == have,
    };
    let because = match want.qdisc {
        Some(Qdisc::Netem(_)) => "packets shall fare like this there",
        Some(_) => "what goes over it is limited",
        None => "nothing is limited there",
    };
    let [set, was] = [&want.qdisc, &have.qdisc].map(|q| Setting::Qdisc(q.clone()));
    (!same).then_some((Turn::Link, set, was, because))
}

fn differences(want: &Link, have: &Link) -> Vec<(Turn, Setting, Setting, &'static str)> {
    let mut list = Vec::new();
    let default_mtu = match want.kind {
        LinkKind::Loopback => None,
        LinkKind::Wireguard => Some(wireguard::MTU),
        _ => Some(DEFAULT_MTU),
    };
    if let (Some(want), Some(have)) = (want.mtu.or(default_mtu), have.mtu)
        && want != have
    {
        let turn = match want < IPV6_MIN_MTU {
            true => Turn::SmallMtu,
            false => Turn::Link,
        };
        let because = "the file gives it this MTU";
        list.push((turn, Setting::Mtu(want), Setting::Mtu(have), because));
    }
    if let Some(mac) = want.mac.filter(|_| want.mac != have.mac) {
        let was = Setting::Mac(have.mac.unwrap_or(Mac([0; 6])));
        list.push((
            Turn::Link,
            Setting::Mac(mac),
            was,
            "its hardware address is this one",
        ));
    }
    if want.master != have.master {
        let (new, was) = (want.master.clone(), have.master.clone());
        let because = match &new {
            Some(_) => "its network is this bridge",
            None => "the file plugs it into no bridge",
        };
        list.push((
            Turn::Link,
            Setting::Master(new),
            Setting::Master(was),
            because,
        ));
    }
    list.extend(of_port(want, have));
    list.extend(vlan::of_port(want, have));
    list.extend(queue(want, have));
    if let (Some(mode), Some(was)) = (want.addrgen, addrgen_then(want, have))
        && mode != was
    {
        let was = Setting::AddrGen(was);
        let because = match mode {
            AddrGen::None => "it has the IPv6 addresses that it is given, and no others",
            AddrGen::Eui64 => "the kernel makes its IPv6 link-local address",
        };
        list.push((Turn::Link, Setting::AddrGen(mode), was, because));
    }
    if want.up != have.up {
        let (turn, because) = match want.up {
            true => (Turn::Up, "a device carries packets only when up"),
            false => (Turn::Down, "it is set down, and carries nothing"),
        };
        list.push((turn, Setting::Up(want.up), Setting::Up(have.up), because));
    }
    list
}

/// Whether a device shall be there and carry nothing.
pub(super) fn is_set_down(draft: &Draft<'_>, end: &End) -> bool {
    draft.desired.link(end).is_some_and(|want| !want.up)
}

/// Whether a device has no IPv6 for its MTU's sake.
pub(super) fn is_small(mtu: Option<u32>) -> bool {
    mtu.is_some_and(|mtu| mtu < IPV6_MIN_MTU)
}

/// What the device has once its MTU is as wanted. Without IPv6 it has no such
/// setting; when an MTU grows, IPv6 comes with the kernel's default.
fn addrgen_then(want: &Link, have: &Link) -> Option<AddrGen> {
    let grows = is_small(have.mtu) && !is_small(want.mtu);
    have.addrgen.or(grows.then_some(AddrGen::Eui64))
}

/// Devices that carry this lab's mark and are not wanted; and, in namespaces
/// that stay, the ends of cables into namespaces that go.
fn unwanted(draft: &mut Draft<'_>, gone: &mut Gone) {
    for (netns, have) in draft.kept() {
        for (dev, have) in &have.links {
            let end = End {
                netns: netns.clone(),
                dev: dev.clone(),
            };
            let ours = have.owner.as_ref() == Some(draft.lab());
            let orphan = have.peer().is_some_and(|peer| leaves(draft, &peer.netns));
            let wanted = draft.desired.link(&end).is_some();
            if (ours || orphan) && !wanted && !draft.gone.contains(&end) {
                remove(draft, Rank::LinksGone, &end, gone);
            }
        }
    }
}

/// Whether a namespace is one of the lab's that this plan removes.
pub(super) fn leaves(draft: &Draft<'_>, netns: &Netns) -> bool {
    let ours = draft.have(netns).is_some_and(|have| draft.is_ours(have));
    is_whole(netns) && ours && !draft.desired.namespaces.contains_key(netns)
}

/// A link group that no device of the namespace is in.
pub(super) fn free_group(observed: &NetState, netns: &Netns) -> u32 {
    let used: BTreeSet<u32> = (observed.namespaces.get(netns).into_iter())
        .flat_map(|have| have.links.values().map(|link| link.group))
        .collect();
    (FIRST_GROUP..)
        .find(|group| !used.contains(group))
        .unwrap_or(FIRST_GROUP)
}
