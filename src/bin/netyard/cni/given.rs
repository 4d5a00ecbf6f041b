//! Addresses of networks that the host is not on: leases of containers, which go with them.

use ipnet::IpNet;
use netyard::error::Error;
use netyard::ipam::{Holder, Lease, Open, Refusal};
use netyard::lease::{self, Ask, Owner, Place};

use super::attach::{choices, netns_of};
use super::call::Call;
use super::config::{Config, Ipam, Range};
use super::failure::{Code, Failure};

/// The configuration as if the addresses that are leased were asked for by the runtime.
pub(super) fn given(config: &Config, call: &Call) -> Result<Config, Failure> {
    let Ipam::Own { sets, routes } = &config.ipam else {
        return Ok(config.clone());
    };
    let at = netns_of(call)?;
    let netns = Place::at(at.as_str().as_ref()).map_err(|e| {
        let msg = format!("cannot open the namespace {at}");
        Failure::new(Code::Io, msg).details(e.to_string())
    })?;
    let owner = Owner {
        container: call.container.clone(),
        netns,
        dev: call.dev()?.clone(),
    };
    let mut store = lease::open()?;
    let mut failure = super::add::elsewhere(config);
    for choice in choices(sets) {
        let open = choice.iter().map(|subnet| {
            let ranges = config.ranges().filter(|range| range.subnet == *subnet);
            open_of(config, subnet, ranges)
        });
        let open: Vec<Open> = open.collect();
        let asks: Vec<Ask<'_>> = (open.iter().zip(&choice))
            .map(|(open, subnet)| Ask {
                network: &config.name,
                open,
                address: config.ips.iter().copied().find(|ip| subnet.contains(ip)),
            })
            .collect();
        if !super::add::holds(&choice, config) {
            continue;
        }
        match store.allocate(&owner, &asks) {
            Ok(given) => {
                return Ok(Config {
                    ips: given.iter().map(IpNet::addr).collect(),
                    ipam: Ipam::Own {
                        sets: given.iter().map(|net| vec![kept(config, net)]).collect(),
                        routes: routes.clone(),
                    },
                    ..config.clone()
                });
            }
            Err(error @ Error::Lease(_)) if is_full(&error) => failure = error.into(),
            Err(error) => return Err(error.into()),
        }
    }
    Err(failure)
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Lease(refusal) if matches!(**refusal, Refusal::Full(_)))
}

/// The range of an address, as all that matters of it now.
fn kept(config: &Config, net: &IpNet) -> Range {
    let subnet = net.trunc();
    Range {
        subnet,
        start: None,
        end: None,
        gateway: config.gateway_in(&subnet),
    }
}

/// What is given of these ranges of a subnet.
pub(super) fn open_of<'r>(
    config: &Config,
    subnet: &IpNet,
    ranges: impl Iterator<Item = &'r Range>,
) -> Open {
    let ranges: Vec<_> = ranges
        .filter_map(|range| range.to_string().parse().ok())
        .collect();
    let gateway = config.gateway_in(subnet);
    let gateway = gateway.and_then(|gateway| gateway.to_string().parse().ok());
    Open::new(*subnet, &ranges, gateway.as_slice())
}

/// Takes back what an interface of a container has of a network.
pub(super) fn take_back(network: &str, container: &str, dev: &str) -> Result<(), Failure> {
    if let Ok(dev) = dev.parse() {
        lease::open()?.release(network, container, &dev)?;
    }
    Ok(())
}

/// Which containers have leases of a network, and for which interfaces.
pub(super) fn holders(name: &str) -> Result<Vec<(String, String)>, Failure> {
    let all = lease::open_to_read()?.list()?.into_iter();
    let of_it = all.filter(|lease: &Lease| is_of(lease, name));
    let holder = |lease: Lease| match lease.holder {
        Holder::Container(container) => Some((container, lease.dev.to_string())),
        _ => None,
    };
    Ok(of_it.filter_map(holder).collect())
}

/// Whether it is a lease of a container on the network.
pub(super) fn is_of(lease: &Lease, name: &str) -> bool {
    let of_container = matches!(lease.holder, Holder::Container(_));
    of_container && lease.network.strip_prefix("network ") == Some(name)
}
