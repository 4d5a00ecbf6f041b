//! The addresses of interfaces.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Flaw;
use super::network::subnets_are;
use crate::ipam::{first_host, is_host, special};
use crate::report::{Code, codes};
use crate::state::{End, IfName, Netns, NetworkName};
use crate::topology::{Interface, Network, Topology};

/// Where an address must be alone: in its namespace, and on its network.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Scope<'t> {
    Namespace(&'t Netns, IpAddr),
    Network(&'t NetworkName, IpAddr),
}

pub(super) fn addresses(topology: &Topology, flaws: &mut Vec<Flaw>) {
    let mut seen = BTreeMap::new();
    for (netns, dev, interface) in topology.interfaces() {
        let end = End {
            netns: netns.clone(),
            dev: dev.clone(),
        };
        let network = topology.network_of(interface);
        flaws.extend(elsewhere(network, interface, (netns, dev)));
        for (i, net) in interface.addresses.iter().enumerate() {
            let place = format!("namespaces/{netns}/interfaces/{dev}/addresses/{i}");
            let address = match dev.as_str() {
                "lo" => loopback_address(net),
                _ => host_address(net),
            };
            let flaw = address
                .or_else(|| on_network(network?, net))
                .or_else(|| twice(&mut seen, interface, netns, net.addr(), &end));
            flaws.extend(flaw.map(|flaw| Flaw { place, ..flaw }));
        }
    }
}

/// A subnet to get an address of that is none of the network's.
fn elsewhere(
    network: Option<&Network>,
    interface: &Interface,
    (netns, dev): (&Netns, &IfName),
) -> Option<Flaw> {
    // Of another lab's network nothing is known yet.
    let known = network.is_none_or(|network| network.external.is_none());
    let of_it = |net: &IpNet| network.is_some_and(|n| n.given_subnets().any(|s| s == net));
    let wished = interface.subnets.as_deref().unwrap_or_default();
    let at = wished.iter().position(|net| !of_it(net));
    let at = at.filter(|_| known)?;
    let place = format!("namespaces/{netns}/interfaces/{dev}/subnets/{at}");
    let message = format!("`{}` is no subnet of its network", wished[at]);
    let flaw = Flaw::new(codes::ADDRESS_OUTSIDE, place, message);
    Some(match network {
        Some(network) => flaw.label(subnets_are(network)),
        None => flaw.label("it is on no network"),
    })
}

/// What `lo` can have: an address stands alone there, and may be a loopback address,
/// but for the two that the kernel gives it.
fn loopback_address(net: &IpNet) -> Option<Flaw> {
    let address = net.addr();
    if address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST {
        let message = format!("`lo` has the address `{address}` already");
        let flaw = flaw(codes::DUPLICATE_ADDRESS, message);
        return Some(flaw.hint("leave it out: the kernel gives it to every namespace"));
    }
    match address {
        // Whatever the prefix, with `127.0.0.1/8` its broadcast address is there.
        IpAddr::V4(v4) if v4.is_loopback() => {
            let flaw = no_host(&IpNet::new(address, 8).ok()?)?;
            Some(Flaw { hint: None, ..flaw })
        }
        _ => impossible(address),
    }
}

/// Whether a host may have this address at all.
fn host_address(net: &IpNet) -> Option<Flaw> {
    let address = net.addr();
    if let Some(flaw) = impossible(address) {
        return Some(match address {
            IpAddr::V4(v4) if v4.is_loopback() => flaw.hint("give it to the interface `lo`"),
            IpAddr::V6(v6) if v6.is_loopback() => flaw.hint("every `lo` has it already"),
            _ => flaw,
        });
    }
    if let Some((range, what)) = special(&net.trunc()) {
        let message = format!("`{}` is no subnet for hosts", net.trunc());
        let flaw = flaw(codes::SPECIAL_SUBNET, message);
        return Some(flaw.label(format!("`{range}` is {what}")));
    }
    no_host(net)
}

/// The subnet's own address, or its broadcast address.
fn no_host(net: &IpNet) -> Option<Flaw> {
    let address = net.addr();
    if is_host(net, address) {
        return None;
    }
    let what = if address == net.network() {
        "the subnet's own address"
    } else {
        "the subnet's broadcast address"
    };
    let flaw = flaw(codes::NOT_A_HOST_ADDRESS, format!("`{net}` is {what}"));
    Some(flaw.hint(format!("the first host address is `{}`", first_host(net))))
}

fn impossible(address: IpAddr) -> Option<Flaw> {
    let (range, what) = special(&IpNet::from(address))?;
    let message = format!("`{address}` is not an address that a host can have");
    let flaw = flaw(codes::NOT_A_HOST_ADDRESS, message);
    Some(flaw.label(format!("`{range}` is {what}")))
}

/// Whether the network's other hosts would reach this address without a router.
fn on_network(network: &Network, net: &IpNet) -> Option<Flaw> {
    // A switch without addresses does not say which ones its namespaces use.
    // Of another lab's network nothing is known yet.
    if network.subnets.is_empty() || network.external.is_some() {
        return None;
    }
    let address = net.addr();
    let subnet = network
        .given_subnets()
        .find(|subnet| subnet.contains(&address));
    let Some(subnet) = subnet else {
        let message = format!("`{net}` lies in no subnet of its network");
        let flaw = flaw(codes::ADDRESS_OUTSIDE, message);
        return Some(flaw.label(subnets_are(network)));
    };
    if subnet.prefix_len() != net.prefix_len() {
        let message = format!("`{net}` has another prefix length than its subnet `{subnet}`");
        let flaw = flaw(codes::PREFIX_DIFFERS, message);
        return Some(flaw.hint(format!("write `{address}/{}`", subnet.prefix_len())));
    }
    let gateways = network.gateway_addresses();
    if gateways.contains(net) {
        let message = format!("`{address}` is the network's gateway");
        let flaw = flaw(codes::ADDRESS_IS_GATEWAY, message);
        return Some(flaw.label("the host has this address"));
    }
    None
}

/// The kernel takes an address twice in one namespace if the prefix differs, and
/// two hosts with one address confuse their neighbours without any error.
fn twice<'t>(
    seen: &mut BTreeMap<Scope<'t>, End>,
    interface: &'t Interface,
    netns: &'t Netns,
    address: IpAddr,
    end: &End,
) -> Option<Flaw> {
    let network = interface.network.as_ref();
    let network = network.map(|network| Scope::Network(network, address));
    let scopes = [Some(Scope::Namespace(netns, address)), network];
    let others = scopes.into_iter().flatten();
    let others: Vec<End> = others.filter_map(|s| seen.insert(s, end.clone())).collect();
    let message = format!("the address `{address}` is given twice");
    let flaw = flaw(codes::DUPLICATE_ADDRESS, message);
    Some(flaw.label(format!("`{}` has it too", others.first()?)))
}

/// The place is filled in by the caller.
fn flaw(code: &'static Code, message: String) -> Flaw {
    Flaw::new(code, "", message)
}
