//! What a runtime holds for true of an attachment, against what there is. Plugins that came
//! later may have put something of theirs beside it.

use ipnet::IpNet;
use netyard::state::{IfName, Link, NetState, Netns, NetnsPath};

use super::attach::netns_of;
use super::call::Call;
use super::config::{Config, Kind, Route, is_main};
use super::failure::{Code, Failure};
use super::result::{Attached, Interface, Ip};

/// The interface of a call, with what is said of it.
struct Said<'a> {
    all: &'a Attached,
    dev: &'a IfName,
    netns: NetnsPath,
    /// Its place in the list.
    at: usize,
}

/// Compares it. The hardware address may have been changed since, as by `tuning`. `desired` is
/// what the lab of the attachment shall be.
pub(super) fn is_as_said(
    all: &Attached,
    (config, call): (&Config, &Call),
    desired: &NetState,
    seen: &NetState,
) -> Result<(), Failure> {
    let (dev, netns) = (call.dev()?, netns_of(call)?);
    let is_it = |it: &Interface| it.name == dev.as_str() && it.sandbox == netns.as_str();
    let Some(at) = all.interfaces.iter().position(is_it) else {
        return different(format!("there is no interface {dev} of {netns} in it"));
    };
    let said = Said {
        all,
        dev,
        netns,
        at,
    };
    let here = |state: &NetState| -> Vec<IpNet> {
        let link = said.link(state);
        link.map_or_else(Vec::new, |link| link.addresses.clone())
    };
    said.devices(config, seen)?;
    // What every kernel gives to `lo` is not looked at.
    if config.kind != Kind::Loopback {
        said.addresses(config, &here(desired), &here(seen))?;
    }
    said.routes(seen)
}

fn different(msg: String) -> Result<(), Failure> {
    let msg = format!("prevResult: {msg}");
    Err(Failure::new(Code::Different, msg))
}

impl Said<'_> {
    fn link<'s>(&self, state: &'s NetState) -> Option<&'s Link> {
        let namespace = state.namespaces.get(&Netns::At(self.netns.clone()))?;
        namespace.links.get(self.dev)
    }

    /// The bridge, and the other end of the cable.
    fn devices(&self, config: &Config, seen: &NetState) -> Result<(), Failure> {
        let bridge = match &config.kind {
            Kind::Bridge(bridge) => Some(bridge),
            _ => None,
        };
        let port = self.link(seen).and_then(Link::peer).map(|port| &port.dev);
        for dev in [bridge, port].into_iter().flatten() {
            let is_it = |it: &Interface| it.name == dev.as_str() && it.sandbox.is_empty();
            if !self.all.interfaces.iter().any(is_it) {
                return different(format!("there is no device {dev} of the host in it"));
            }
        }
        Ok(())
    }

    /// Those that it shall have with their gateways, and no others than it has.
    fn addresses(&self, config: &Config, shall: &[IpNet], has: &[IpNet]) -> Result<(), Failure> {
        let Said { dev, netns, .. } = self;
        let of_it = |ip: &&Ip| ip.interface.is_none_or(|at| at == self.at);
        let of_it = self.all.ips.iter().filter(of_it);
        let lost = |ip: &&Ip| ip.interface == Some(self.at) && !has.contains(&ip.address);
        if let Some(ip) = of_it.clone().find(lost) {
            return different(format!("{dev} of {netns} has no address {}", ip.address));
        }
        for address in shall {
            let Some(ip) = of_it.clone().find(|ip| ip.address == *address) else {
                return different(format!(
                    "it does not say that {dev} of {netns} has {address}"
                ));
            };
            // Of addresses that another plugin gave it alone knows.
            let gateway = config.gateway_of(address);
            if gateway.is_some() && ip.gateway != gateway {
                let word = |ip: Option<_>| ip.map_or("none".to_owned(), |ip| format!("{ip}"));
                let [it, is] = [ip.gateway, gateway].map(word);
                return different(format!("the gateway of {address} is {is}, and not {it}"));
            }
        }
        Ok(())
    }

    /// Each is there, but for those in whose place others were.
    fn routes(&self, seen: &NetState) -> Result<(), Failure> {
        let Some(namespace) = seen.namespaces.get(&Netns::At(self.netns.clone())) else {
            return Ok(());
        };
        let is_there = |said: &&Route| {
            let to = said.dst.trunc();
            let by = |gw| said.gw.is_none() || gw == said.gw;
            let mut there = namespace.routes.iter().filter(|route| route.to == to);
            let mut links = namespace.links.values();
            // The kernel's own, and those over several devices, are told elsewhere.
            there.any(|route| by(route.via))
                || namespace.left.contains(&to)
                || links.any(|link| link.addresses.iter().any(|net| net.trunc() == to))
                || namespace.other_routes.contains(&to)
        };
        // Of other tables who made the route may tell.
        let mut all = self.all.routes.iter().filter(|route| is_main(route));
        let Some(Route { dst, gw, .. }) = all.find(|route| !is_there(route)) else {
            return Ok(());
        };
        let via = gw.map_or_else(String::new, |gw| format!(" via {gw}"));
        different(format!("{} has no route to {dst}{via}", self.netns))
    }
}
