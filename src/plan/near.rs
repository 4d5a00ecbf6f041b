//! Which subnets are directly attached to the host: from there the ports published to the
//! `lan` are reached.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::nft::{Owned, Sets, staying};
use super::{Draft, is_own};
use crate::state::{Element, End, Family, IfName, Link, LinkKind, NetState, Netns, Route, SetName};

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
    let devices = staying(draft).filter(|(_, link)| link.kind != LinkKind::Loopback);
    let by_address = devices.flat_map(|(dev, link)| {
        let goes = |address: &&IpNet| goes(draft, dev, link, address);
        let stay = link.all_addresses().filter(move |address| !goes(address));
        stay.map(IpNet::trunc)
    });
    by_address.chain(by_cable(draft))
}

/// Whether the plan takes the address from a device of the lab: the file gives it no more. What
/// the kernel made or will remove, it leaves there.
fn goes(draft: &Draft<'_>, dev: &IfName, link: &Link, address: &IpNet) -> bool {
    let want = draft.desired.namespaces.get(&Netns::Host);
    let want = want.and_then(|want| want.links.get(dev));
    want.is_some_and(|want| !want.addresses.contains(address)) && link.addresses.contains(address)
}

/// Who is at the other end of a cable of the host: of the lab's own once the plan is done.
fn by_cable<'a>(draft: &Draft<'a>) -> impl Iterator<Item = IpNet> + use<'a> {
    let routes = |state: &'a NetState| {
        let host = state.namespaces.get(&Netns::Host);
        host.into_iter().flat_map(|host| &host.routes)
    };
    let own = |route: &Route| {
        let end = End {
            netns: Netns::Host,
            dev: route.dev.clone(),
        };
        is_own(draft.observed, &end, draft.lab())
    };
    let others: Vec<&Route> = routes(draft.observed).filter(|route| !own(route)).collect();
    let all = others.into_iter().chain(routes(draft.desired));
    all.filter(|route| route.is_by_cable())
        .map(|route| route.to)
}
