//! Subnets for the networks whose file leaves them open.

use std::borrow::Cow;
use std::fmt;

use ipnet::IpNet;

use super::names::fnv1a;
use super::subnets::list_of;
use super::{Network, Topology};
use crate::ipam::{InUse, Leases, free_subnet, private};
use crate::state::{Family, NetworkName};

/// No subnet is free for a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFreeSubnet {
    /// The network.
    pub network: NetworkName,
    /// The family of the subnet.
    pub family: Family,
    /// What is in the way, the widest first.
    pub in_use: Vec<InUse>,
}

/// What is in the way that is named.
const NAMED: usize = 10;

impl NoFreeSubnet {
    /// What is in the way, a line each.
    pub fn in_the_way(&self) -> String {
        let mut text = "in the way:".to_owned();
        for InUse { net, by } in self.in_use.iter().take(NAMED) {
            text += &format!("\n  {net}, {by}");
        }
        match self.in_use.len().saturating_sub(NAMED) {
            0 => text,
            more => text + &format!("\n  and {more} more"),
        }
    }
}

impl std::error::Error for NoFreeSubnet {}

impl fmt::Display for NoFreeSubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (network, all) = (&self.network, list_of(private(self.family)));
        write!(f, "no subnet of {all} is free for network {network}")
    }
}

/// The topology with a subnet for each network that leaves it open: the one that it has
/// had, else a free one. Where to look first follows from the names of lab and network, so
/// that a lab that went and comes again has the same, unless someone took it meanwhile.
pub fn choose<'t>(
    topology: &'t Topology,
    held: &Leases,
    in_use: &[InUse],
) -> Result<Cow<'t, Topology>, NoFreeSubnet> {
    if topology.open_subnets().next().is_none() {
        return Ok(Cow::Borrowed(topology));
    }
    let mut chosen = topology.clone();
    for (name, family) in topology.open_subnets() {
        let had = held.subnets().get(name).into_iter().flatten();
        let mut had = had.filter(|net| Family::of(net) == family);
        let named = chosen.named_nets();
        let free = |net: &&IpNet| {
            let overlaps = |other: &IpNet| other.contains(*net) || net.contains(other);
            !named.iter().any(overlaps)
        };
        if let Some(net) = had.find(free) {
            chosen.add_subnet(name, *net);
        }
    }
    // Those that there are come first: a new network takes none of theirs.
    for (name, family) in chosen.clone().open_subnets() {
        let mut nets = chosen.named_nets();
        nets.extend(in_use.iter().map(|used| used.net));
        let seed = fnv1a(&format!("{}/{name}", topology.lab));
        let net = free_subnet(family, &nets, seed);
        let net = net.ok_or_else(|| none_free(name, family, in_use))?;
        chosen.add_subnet(name, net);
    }
    Ok(Cow::Owned(chosen))
}

fn none_free(network: &NetworkName, family: Family, in_use: &[InUse]) -> NoFreeSubnet {
    let near = |used: &&InUse| {
        let mut all = private(family).iter();
        all.any(|all| all.contains(&used.net) || used.net.contains(all))
    };
    let mut in_use: Vec<InUse> = in_use.iter().filter(near).cloned().collect();
    in_use.sort_by_key(|used| (used.net.prefix_len(), used.clone()));
    in_use.dedup();
    NoFreeSubnet {
        network: network.clone(),
        family,
        in_use,
    }
}

impl Network {
    /// The subnets that the file gives.
    pub(super) fn given_subnets(&self) -> impl Iterator<Item = &IpNet> {
        let given = |net: &&IpNet| !self.chosen.contains(&Family::of(net));
        self.subnets.iter().filter(given)
    }
}

impl Topology {
    /// The networks, and the families in which a subnet is still to be chosen.
    pub(crate) fn open_subnets(&self) -> impl Iterator<Item = (&NetworkName, Family)> {
        self.networks.iter().flat_map(|(name, network)| {
            let has = |family| network.subnets.iter().any(|net| Family::of(net) == family);
            let open = network.chosen.iter().copied();
            open.filter(move |family| !has(*family))
                .map(move |family| (name, family))
        })
    }

    /// Whether this lies in a subnet that is none of the file's: it was chosen, or only stands
    /// in for one that will be.
    pub(super) fn is_chosen(&self, net: &IpNet) -> bool {
        let is_it = |of: &Network| {
            let chosen = of.chosen.contains(&Family::of(net));
            chosen && of.subnets.iter().any(|subnet| subnet.contains(net))
        };
        self.networks.values().any(is_it)
    }

    fn add_subnet(&mut self, name: &NetworkName, net: IpNet) {
        if let Some(network) = self.networks.get_mut(name) {
            network.subnets.push(net);
        }
    }

    /// The subnets of networks, and of the addresses on links.
    fn named_nets(&self) -> Vec<IpNet> {
        let networks = self.networks.values().flat_map(|network| &network.subnets);
        let interfaces = self.interfaces().flat_map(|(_, _, i)| &i.addresses);
        networks.chain(interfaces).map(IpNet::trunc).collect()
    }
}
