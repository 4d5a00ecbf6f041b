//! Namespaces, their interfaces and routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Item, Reader};
use crate::report::codes;
use crate::state::{IfName, Netns};
use crate::topology::keys::table;
use crate::topology::{Interface, NamespaceSpec, RouteSpec};

impl Reader<'_> {
    pub(super) fn namespace(&mut self, _: &Netns, item: &Item<'_>) -> Option<NamespaceSpec> {
        let mut fields = self.fields(item, &table::NAMESPACE)?;
        let forward = fields.take("forward");
        let (egress, ingress) = (fields.take("egress"), fields.take("ingress"));
        Some(NamespaceSpec {
            interfaces: self.entries(fields.take("interfaces"), "interfaces", Self::interface),
            routes: self.items(fields.take("routes"), "routes", Self::route),
            publish: self.items(fields.take("publish"), "published ports", Self::publish),
            forward: forward.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            // No list is another thing than an empty one.
            egress: egress.map(|item| self.items(Some(item), "permissions", Self::egress)),
            ingress: ingress.map(|item| self.items(Some(item), "permissions", Self::ingress)),
        })
    }

    fn interface(&mut self, _: &IfName, item: &Item<'_>) -> Option<Interface> {
        let mut fields = self.fields(item, &table::INTERFACE)?;
        let network = fields.take("network");
        let addresses = fields.take("addresses");
        let mac = fields.take("mac");
        let mtu = fields.take("mtu");
        let trusted = fields.take("trusted");
        let isolated = fields.take("isolated");
        let default_route = fields.take("default_route");
        Some(Interface {
            network: network
                .and_then(|item| self.parsed(&item, "the name of a network", codes::BAD_NAME)),
            addresses: self.one_or_more(addresses, "addresses", Self::address_in_subnet),
            mac: mac.and_then(|item| self.parsed(&item, "a hardware address", codes::BAD_MAC)),
            mtu: mtu.and_then(|item| self.mtu(&item)),
            trusted: trusted.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            isolated: isolated.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            no_default_route: default_route.is_some_and(|item| self.flag(&item) == Some(false)),
        })
    }

    fn route(&mut self, item: &Item<'_>) -> Option<RouteSpec> {
        let mut fields = self.fields(item, &table::ROUTE)?;
        let to = self.required(&mut fields, "to");
        let via = self.required(&mut fields, "via");
        let metric = fields.take("metric");
        let metric = metric.and_then(|item| self.number(&item, "a metric like 100"));
        let via = via.and_then(|item| self.address(&item));
        let to = self.destination(&to?, via)?;
        Some(RouteSpec {
            to,
            via: via?,
            metric,
        })
    }

    /// `default` means everything in the family of the next hop.
    fn destination(&mut self, item: &Item<'_>, via: Option<IpAddr>) -> Option<IpNet> {
        let what = "a destination: a subnet or `default`";
        if self.scalar(item, what)? != "default" {
            return self.prefix(item, "a subnet like 10.0.0.0/24, or `default`");
        }
        let everything = match via? {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        IpNet::new(everything, 0).ok()
    }
}
