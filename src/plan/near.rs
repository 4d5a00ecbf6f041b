//! Which subnets are directly attached to the host: from there the ports published to the
//! `lan` are reached.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::Draft;
use super::nft::{Owned, Sets};
use crate::state::{Element, End, Family, LinkKind, Netns, SetName};

/// The subnets of the host's addresses once the plan is done, if a port of any lab is for
/// them. Of two that overlap the wider, for a set of ranges takes no others.
pub(super) fn subnets<'a>(draft: &Draft<'a>, want: &Sets<'a>) -> Vec<Owned<'a>> {
    let sets = [SetName::Lan, SetName::Lan4, SetName::Lan6];
    let asked = |set| want.get(set).is_some_and(|elements| !elements.is_empty());
    if !sets.iter().any(asked) {
        return Vec::new();
    }
    let mut all: BTreeSet<IpNet> = attached(draft).collect();
    let wider = |net: &IpNet, other: &IpNet| other != net && other.contains(net);
    let nested = all
        .iter()
        .filter(|net| all.iter().any(|other| wider(net, other)));
    let nested: Vec<IpNet> = nested.copied().collect();
    all.retain(|net| !nested.contains(net));
    let element = |net: IpNet| match Family::of(&net) {
        Family::Ipv4 => (SetName::Near4, Element::subnet(net), None),
        Family::Ipv6 => (SetName::Near6, Element::subnet(net), None),
    };
    all.into_iter().map(element).collect()
}

fn attached(draft: &Draft<'_>) -> impl Iterator<Item = IpNet> {
    let host = |state: &'_ crate::state::NetState| state.namespaces.get(&Netns::Host).cloned();
    let stays = |dev: &crate::state::IfName| {
        let end = End {
            netns: Netns::Host,
            dev: dev.clone(),
        };
        !draft.gone.contains(&end)
    };
    let have = host(draft.observed).into_iter().flat_map(|host| host.links);
    let have: Vec<_> = have.filter(|(dev, _)| stays(dev)).collect();
    let want = host(draft.desired).into_iter().flat_map(|host| host.links);
    let links = have.into_iter().chain(want).map(|(_, link)| link);
    let others = links.filter(|link| link.kind != LinkKind::Loopback);
    let nets = others.flat_map(|link| link.addresses);
    nets.map(|net| net.trunc())
}
