//! Namespaces, their interfaces and routes.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;

use super::{Item, Problem, Reader};
use crate::report::codes;
use crate::state::{ChildKind, IfName, Netns, RouteOptions, VlanRange};
use crate::topology::keys::table;
use crate::topology::{Interface, NamespaceSpec, OnParent, RouteSpec};

impl Reader<'_> {
    pub(super) fn namespace(&mut self, _: &Netns, item: &Item<'_>) -> Option<NamespaceSpec> {
        let mut fields = self.fields(item, &table::NAMESPACE)?;
        let forward = fields.take("forward");
        let nat = fields.take("nat");
        let (egress, ingress) = (fields.take("egress"), fields.take("ingress"));
        let (container, run) = (fields.take("container"), fields.take("run"));
        Some(NamespaceSpec {
            container: container
                .and_then(|item| self.parsed(&item, "a container's name", codes::BAD_NAME)),
            interfaces: self.entries(fields.take("interfaces"), "interfaces", Self::interface),
            routes: self.items(fields.take("routes"), "routes", Self::route),
            publish: self.items(fields.take("publish"), "published ports", Self::publish),
            forward: forward.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            nat: nat.and_then(|item| self.nat(&item)),
            // No list is another thing than an empty one.
            egress: egress.map(|item| self.items(Some(item), "permissions", Self::egress)),
            ingress: ingress.map(|item| self.items(Some(item), "permissions", Self::ingress)),
            run: self.entries(run, "programs", Self::program),
        })
    }

    fn interface(&mut self, _: &IfName, item: &Item<'_>) -> Option<Interface> {
        let mut fields = self.fields(item, &table::INTERFACE)?;
        let network = fields.take("network");
        let on = ["macvlan", "ipvlan", "vlan"].map(|word| Some((word, fields.take(word)?)));
        let wireguard = fields.take("wireguard");
        let addresses = fields.take("addresses");
        let subnets = fields.take("subnets");
        let mac = fields.take("mac");
        let mtu = fields.take("mtu");
        let trusted = fields.take("trusted");
        let isolated = fields.take("isolated");
        let hairpin = fields.take("hairpin");
        let (access, trunk) = (fields.take("access"), fields.take("trunk"));
        let default_route = fields.take("default_route");
        let rate = fields.take("rate").and_then(|item| self.limits(&item));
        let netem = fields.take("netem").and_then(|item| self.ways(&item));
        Some(Interface {
            network: network
                .and_then(|item| self.parsed(&item, "the name of a network", codes::BAD_NAME)),
            on: self.on_parent(on.into_iter().flatten()),
            wireguard: wireguard.and_then(|item| self.wireguard(&item)),
            addresses: self.one_or_more(addresses, "addresses", Self::address_in_subnet),
            // No list is another thing than an empty one.
            subnets: subnets.map(|item| self.one_or_more(Some(item), "subnets", Self::subnet)),
            mac: mac.and_then(|item| self.parsed(&item, "a hardware address", codes::BAD_MAC)),
            mtu: mtu.and_then(|item| self.mtu(&item)),
            trusted: trusted.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            isolated: isolated.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            hairpin: hairpin.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            access: access.and_then(|item| self.parsed(&item, "a VLAN", codes::BAD_VLAN)),
            trunk: self.one_or_more(trunk, "VLANs", Self::vlans),
            no_default_route: default_route.is_some_and(|item| self.flag(&item) == Some(false)),
            limits: rate.unwrap_or_default(),
            netem: netem.unwrap_or_default(),
        })
    }

    /// What an interface is on a device of the host: one thing.
    fn on_parent<'n>(
        &mut self,
        mut said: impl Iterator<Item = (&'static str, Item<'n>)>,
    ) -> Option<OnParent> {
        let (word, item) = said.next()?;
        if let Some((other, item)) = said.next() {
            let message = format!("an interface is a `{word}` or a `{other}`");
            return self.problem(Problem::new(codes::PLUGGED_TWICE, message, item.span));
        }
        let mapping = match word {
            "macvlan" => &table::MACVLAN,
            "ipvlan" => &table::IPVLAN,
            _ => &table::VLAN,
        };
        let mut fields = self.fields(&item, mapping)?;
        let parent = self.required(&mut fields, "parent");
        let kind = match word {
            "vlan" => {
                let id = self.required(&mut fields, "id");
                id.and_then(|item| self.vlan(&item)).map(ChildKind::Vlan)
            }
            "macvlan" => self.mode(fields.take("mode")).map(ChildKind::Macvlan),
            _ => self.mode(fields.take("mode")).map(ChildKind::Ipvlan),
        };
        let parent = parent?;
        Some(OnParent {
            parent: self.parsed(&parent, "the name of a device", codes::BAD_NAME)?,
            kind: kind?,
        })
    }

    fn mode<T: Default + FromStr<Err: Display>>(&mut self, item: Option<Item<'_>>) -> Option<T> {
        match item {
            None => Some(T::default()),
            Some(item) => self.parsed(&item, "a mode", codes::BAD_MODE),
        }
    }

    fn vlan(&mut self, item: &Item<'_>) -> Option<u16> {
        let what = "a VLAN number, 1 to 4094";
        let number = self.number(item, what)?;
        match u16::try_from(number) {
            Ok(id @ 1..=4094) => Some(id),
            _ => self.not(item, &number.to_string(), what, codes::BAD_NUMBER),
        }
    }

    fn vlans(&mut self, item: &Item<'_>) -> Option<VlanRange> {
        self.parsed(item, "VLANs", codes::BAD_VLAN)
    }

    fn route(&mut self, item: &Item<'_>) -> Option<RouteSpec> {
        let mut fields = self.fields(item, &table::ROUTE)?;
        let to = self.required(&mut fields, "to");
        let (via, dev) = (fields.take("via"), fields.take("dev"));
        let ways = via.is_some() || dev.is_some();
        let metric = fields.take("metric");
        let metric = metric.and_then(|item| self.number(&item, "a metric like 100"));
        let dev = dev.map(|item| self.parsed(&item, "an interface", codes::BAD_NAME));
        let options = RouteOptions {
            scope: (fields.take("scope"))
                .and_then(|item| self.parsed(&item, "a scope", codes::ROUTE_OPTIONS)),
            mtu: (fields.take("mtu")).and_then(|item| self.up_to(&item, 68..=65520)),
            advmss: (fields.take("advmss")).and_then(|item| self.up_to(&item, 1..=65495)),
        };
        let via = match via {
            Some(item) => Some(self.address(&item)),
            // Of which family `default` is need not be told then.
            None => (!ways).then_some(None),
        };
        let to = to.and_then(|item| self.destination(&item, via));
        if !ways {
            let message = "a route needs `via` or `dev`";
            let hint =
                "add `via: ADDRESS`, the next router, or `dev: INTERFACE` where none is needed";
            let problem = Problem::new(codes::ROUTE_OPTIONS, message, item.span.clone());
            return self.problem(problem.hint(hint));
        }
        Some(RouteSpec {
            to: to?,
            via: via.map_or(Some(None), |via| via.map(Some))?,
            dev: dev.map_or(Some(None), |dev| dev.map(Some))?,
            metric,
            options,
        })
    }

    fn up_to(&mut self, item: &Item<'_>, range: RangeInclusive<u32>) -> Option<u32> {
        let what = format!("a size of {} to {} bytes", range.start(), range.end());
        let number = self.number(item, &what)?;
        match range.contains(&number) {
            true => Some(number),
            false => self.not(item, &number.to_string(), &what, codes::BAD_NUMBER),
        }
    }

    /// `default` means everything in the family of the next hop; `None`: there is none.
    fn destination(&mut self, item: &Item<'_>, via: Option<Option<IpAddr>>) -> Option<IpNet> {
        let what = "a destination: a subnet or `default`";
        if self.scalar(item, what)? != "default" {
            return self.prefix(item, "a subnet like 10.0.0.0/24, or `default`");
        }
        let Some(via) = via else {
            let message = "without a next hop it is not known of which family `default` is";
            let problem = Problem::new(codes::ROUTE_OPTIONS, message, item.span.clone());
            return self.problem(problem.hint("write `0.0.0.0/0` or `::/0`"));
        };
        let everything = match via? {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        IpNet::new(everything, 0).ok()
    }
}
