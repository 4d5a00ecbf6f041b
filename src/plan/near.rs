//! Which subnets are directly attached to the host: from there the ports published to the
//! `lan` are reached.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::Draft;
use super::nft::{Owned, Sets, staying};
use crate::state::{Element, Family, LinkKind, SetName};

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
    let others = staying(draft).filter(|(_, link)| link.kind != LinkKind::Loopback);
    others.flat_map(|(_, link)| link.all_addresses().map(IpNet::trunc))
}
