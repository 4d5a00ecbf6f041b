//! Whether a kernel could be told from another by what it does.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::Fake;
use crate::state::{Namespace, Netns};

impl PartialEq for Fake {
    fn eq(&self, other: &Self) -> bool {
        self.journal == other.journal && canonical(&self.namespaces) == canonical(&other.namespaces)
    }
}

fn canonical(namespaces: &BTreeMap<Netns, Namespace>) -> BTreeMap<Netns, Namespace> {
    let mut all = namespaces.clone();
    for link in all.values_mut().flat_map(|ns| ns.links.values_mut()) {
        let first =
            |a: &IpNet, list: &[IpNet]| list.iter().find(|b| b.trunc() == a.trunc()) == Some(a);
        let before = link.addresses.clone();
        link.addresses
            .sort_by_key(|a| (a.trunc(), a.addr().is_ipv4() && !first(a, &before), *a));
    }
    all
}
