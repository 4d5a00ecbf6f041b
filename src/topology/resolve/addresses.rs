//! Leases for the interfaces whose addresses the file leaves open.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::ResolveError;
use crate::ipam::{Full, Holder, Leases, Open, Pool, number};
use crate::state::{End, IfName, Netns, NetworkName};
use crate::topology::{Interface, Network, Topology};

/// An interface that needs an address in a subnet of its network.
struct Wish<'t> {
    end: End,
    network: &'t NetworkName,
    subnet: IpNet,
}

/// The leases in use: first those that are kept, then the new ones, so that a new
/// interface never takes an address from an old one.
pub(super) fn lease(topology: &Topology, held: &Leases) -> Result<Leases, ResolveError> {
    not_held(topology, held)?;
    let mut pools = pools(topology, held);
    let mut leased = Leases::default();
    for wish in external(topology) {
        let address = wish.allowed()?;
        leased.insert(wish.end, address.trunc(), address.addr());
    }
    let mut open = Vec::new();
    for wish in wishes(topology) {
        let old = held.get(&wish.end, &wish.subnet);
        let old = old.filter(|address| gives(&pools, &wish.subnet, *address));
        match old.filter(|address| take(&mut pools, &wish.subnet, *address)) {
            Some(address) => {
                leased.insert(wish.end, wish.subnet, address);
            }
            None => open.push(wish),
        }
    }
    for (_, subnet, address) in held.iter() {
        if let Some(pool) = pools.get_mut(subnet) {
            pool.keep_back(address);
        }
    }
    for wish in open {
        let pool = pools.get_mut(&wish.subnet);
        let address = pool.and_then(Pool::take_next);
        let count = || {
            pools
                .get(&wish.subnet)
                .map_or(0, |pool| pool.open().count())
        };
        let address = address.ok_or_else(|| exhausted(topology, &wish, &leased, count()))?;
        leased.insert(wish.end, wish.subnet, address);
    }
    for (subnet, pool) in &pools {
        if let Some(last) = pool.last() {
            leased.set_last(*subnet, last);
        }
    }
    for (name, network) in topology.own_networks() {
        let subnets = network.subnets.iter();
        subnets.for_each(|subnet| leased.add_subnet(name.clone(), *subnet));
    }
    for (name, lab) in topology.external() {
        let network = topology.networks.get(name);
        let subnets = network.map_or(&[][..], |network| &network.subnets);
        leased.attach(name.clone(), lab.clone(), subnets);
    }
    Ok(leased)
}

fn exhausted(topology: &Topology, wish: &Wish<'_>, leased: &Leases, count: u128) -> ResolveError {
    let subnet = wish.subnet;
    let of_subnet = leased.iter().filter(|(_, of, _)| **of == subnet);
    let leased = of_subnet.count() as u64;
    // Every address is taken: who has not leased it has it from the file.
    let rest = u64::try_from(count).unwrap_or(u64::MAX) - leased;
    let lab = Holder::Lab(topology.lab.clone());
    let is_other = topology.external().any(|(name, _)| name == wish.network);
    let by = if is_other {
        Holder::Others
    } else {
        Holder::File
    };
    let mut held = vec![(lab, leased), (by, rest)];
    held.retain(|(_, count)| *count > 0);
    held.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ResolveError::Exhausted {
        network: wish.network.clone(),
        subnet,
        end: Box::new(wish.end.clone()),
        full: Box::new(Full {
            subnet,
            count,
            held,
        }),
    }
}

/// Others, on networks of this lab, may have been given what the file now names.
fn not_held(topology: &Topology, held: &Leases) -> Result<(), ResolveError> {
    let networks = topology.own_networks();
    let gateways = networks.flat_map(|(_, network)| network.gateway_addresses());
    let given = topology
        .interfaces()
        .flat_map(|(_, _, i)| i.addresses.clone());
    for address in gateways.chain(given) {
        let runs = held.beside(&address.trunc());
        let number = number(address.addr());
        if runs
            .iter()
            .any(|run| (run.first..=run.last).contains(&number))
        {
            return Err(ResolveError::Held { address });
        }
    }
    Ok(())
}

/// An address that the file gives an interface on another lab's network. Others there learn of
/// it by its lease.
struct Chosen<'t> {
    end: End,
    address: IpNet,
    network: (&'t NetworkName, &'t Network),
}

fn external(topology: &Topology) -> impl Iterator<Item = Chosen<'_>> {
    let on_others = |(netns, dev, interface): (&Netns, &IfName, &'_ Interface)| {
        let (end, addresses) = (
            End {
                netns: netns.clone(),
                dev: dev.clone(),
            },
            interface.addresses.clone(),
        );
        let network = topology
            .networks
            .get_key_value(interface.network.as_ref()?)?;
        network.1.external.as_ref()?;
        let mut unknown = interface.subnets.clone().unwrap_or_default();
        unknown.retain(|subnet| !network.1.subnets.contains(subnet));
        let addresses = addresses.into_iter().chain(unknown);
        Some(addresses.map(move |address| Chosen {
            end: end.clone(),
            address,
            network,
        }))
    };
    topology.interfaces().filter_map(on_others).flatten()
}

impl Chosen<'_> {
    /// The address, if that lab does not keep it back.
    fn allowed(&self) -> Result<IpNet, ResolveError> {
        let ((network, of), address) = (self.network, self.address);
        let subnet = address.trunc();
        if !of.subnets.contains(&subnet) {
            return Err(ResolveError::NotInside {
                address,
                end: Box::new(self.end.clone()),
                network: network.clone(),
            });
        }
        match Open::new(subnet, &[], &of.exclude).contains(address.addr()) {
            true => Ok(address),
            false => Err(ResolveError::KeptBack {
                address,
                end: Box::new(self.end.clone()),
                network: network.clone(),
            }),
        }
    }
}

/// A pool for each subnet, without the addresses that the file names: those it gives
/// away, their subnets' broadcast addresses, and those it expects routers to have.
fn pools(topology: &Topology, held: &Leases) -> BTreeMap<IpNet, Pool> {
    let mut pools = BTreeMap::new();
    for network in topology.networks.values() {
        for subnet in &network.subnets {
            let open = Open::new(*subnet, &network.ranges, &network.exclude);
            pools.insert(
                *subnet,
                Pool::beside(open, held.last(subnet), held.beside(subnet)),
            );
        }
    }
    for address in topology.named_addresses() {
        // An address on a link or on `lo` may have another prefix length than the
        // subnet around it. Subnets do not overlap, so the nearest below is the one.
        let around = pools.range_mut(..=host_route(address)).next_back();
        if let Some((_, pool)) = around {
            pool.take(address);
        }
    }
    pools
}

/// The address as a subnet of its own: it sorts after each subnet that holds it.
fn host_route(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

fn gives(pools: &BTreeMap<IpNet, Pool>, subnet: &IpNet, address: IpAddr) -> bool {
    let pool = pools.get(subnet);
    pool.is_some_and(|pool| pool.open().contains(address))
}

fn take(pools: &mut BTreeMap<IpNet, Pool>, subnet: &IpNet, address: IpAddr) -> bool {
    pools.get_mut(subnet).is_some_and(|pool| pool.take(address))
}

/// Every address to lease, in the order of the names.
fn wishes(topology: &Topology) -> impl Iterator<Item = Wish<'_>> {
    topology
        .interfaces()
        .filter_map(|(netns, dev, interface)| {
            let network = interface.network.as_ref()?;
            let subnets = interface.wished(topology.networks.get(network)?);
            Some(subnets.into_iter().map(move |subnet| Wish {
                end: End {
                    netns: netns.clone(),
                    dev: dev.clone(),
                },
                network,
                subnet,
            }))
        })
        .flatten()
}
