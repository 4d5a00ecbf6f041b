//! Networks and links.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::{Item, Problem, Reader, Value};
use crate::ipam::{NoRange, Range};
use crate::report::codes;
use crate::state::{End, Family, LabName, NetworkName};
use crate::topology::keys::table;
use crate::topology::{Cable, Gateway, Network};

impl Reader<'_> {
    pub(super) fn network(&mut self, _: &NetworkName, item: &Item<'_>) -> Option<Network> {
        let mut fields = self.fields(item, &table::NETWORK)?;
        if let Some(lab) = fields.take("external") {
            return self.external(&lab, &fields);
        }
        let given = fields.take("subnets");
        let without = given.is_none();
        let subnets = self.one_or_more(given, "subnets", Self::subnet);
        let ipv6 = fields.take("ipv6").map(|item| self.flag(&item));
        let ranges = self.one_or_more(fields.take("ranges"), "ranges", Self::range);
        let exclude = self.one_or_more(fields.take("exclude"), "ranges", Self::range);
        let bridge = fields.take("bridge");
        let bridge = bridge.and_then(|i| self.parsed(&i, "a device name", codes::BAD_NAME));
        let gateway = fields.take("gateway").map(|item| self.gateway(&item));
        let masquerade = fields.take("masquerade").map(|item| self.flag(&item));
        let routed = fields.take("routed").map(|item| self.flag(&item));
        let vlan = fields.take("vlan");
        let vlan = vlan.and_then(|item| self.parsed(&item, "a VLAN", codes::BAD_VLAN));
        let internal = fields.take("internal").map(|item| self.flag(&item));
        let localnet = fields.take("localnet").map(|item| self.flag(&item));
        let mtu = fields.take("mtu").and_then(|item| self.mtu(&item));
        let has_ipv6 = subnets.iter().any(|net| Family::of(net) == Family::Ipv6);
        let ipv6 = ipv6.flatten().unwrap_or_default() && !has_ipv6;
        let chosen = [(Family::Ipv4, without), (Family::Ipv6, ipv6)];
        let chosen = chosen.into_iter().filter(|(_, is)| *is);
        Some(Network {
            external: None,
            forwarded: BTreeSet::new(),
            bridge,
            subnets,
            chosen: chosen.map(|(family, _)| family).collect(),
            ranges,
            exclude,
            gateway: gateway.unwrap_or(Some(Gateway::First))?,
            masquerade: masquerade.flatten().unwrap_or_default(),
            routed: routed.flatten().unwrap_or_default(),
            vlan,
            internal: internal.flatten().unwrap_or_default(),
            localnet: localnet.flatten().unwrap_or_default(),
            mtu,
        })
    }

    /// A network of another lab, which says everything else.
    fn external(&mut self, item: &Item<'_>, fields: &Fields<'_>) -> Option<Network> {
        let lab: LabName = self.parsed(item, "a lab's name", codes::BAD_NAME)?;
        for (key, other) in fields.rest() {
            let message = format!("`{key}` of a network of lab `{lab}`");
            let problem = Problem::new(codes::EXTERNAL_KEYS, message, other.span.clone());
            self.problems.push(problem);
        }
        Some(Network {
            external: Some(lab),
            forwarded: BTreeSet::new(),
            bridge: None,
            subnets: Vec::new(),
            chosen: BTreeSet::new(),
            ranges: Vec::new(),
            exclude: Vec::new(),
            gateway: Gateway::First,
            masquerade: false,
            routed: false,
            vlan: None,
            internal: false,
            localnet: false,
            mtu: None,
        })
    }

    fn range(&mut self, item: &Item<'_>) -> Option<Range> {
        let what = "a range like 10.0.0.10-10.0.0.99, a subnet, or an address";
        let text = self.scalar(item, what)?;
        match text.parse::<Range>() {
            Ok(range) => Some(range),
            Err(NoRange::Unreadable) => self.not(item, &text, what, codes::BAD_ADDRESS),
            Err(why) => {
                let message = format!("`{text}` {why}");
                let problem = Problem::new(codes::BAD_ADDRESS, message, item.span.clone());
                self.problem(
                    problem.hint("write the lower address first, as in `10.0.0.10-10.0.0.99`"),
                )
            }
        }
    }

    /// `none`, one address or a list of them.
    fn gateway(&mut self, item: &Item<'_>) -> Option<Gateway> {
        match &item.node.value {
            Value::Text(text) if text == "none" => Some(Gateway::None),
            Value::List(list) if list.is_empty() => {
                let message = "the list of gateways is empty";
                let problem = Problem::new(codes::WRONG_TYPE, message, item.span.clone());
                let hint = "write `gateway: none` for a network on which the host has no address";
                self.problem(problem.hint(hint))
            }
            // Names are no addresses: `off`, `no`, `lan`.
            Value::Text(text) if !text.contains(['.', ':']) => {
                let what = "an address like 10.0.0.1, a list of addresses, or `none`";
                self.not(item, text, what, codes::BAD_ADDRESS)
            }
            _ => {
                let addresses = self.one_or_more(Some(item.clone()), "addresses", Self::address);
                Some(Gateway::Addresses(addresses))
            }
        }
    }

    pub(super) fn mtu(&mut self, item: &Item<'_>) -> Option<u32> {
        self.number(item, "a number of bytes like 1500")
    }

    /// The ends are sorted, so that a link is the same whichever is written first.
    pub(super) fn cable(&mut self, item: &Item<'_>) -> Option<Cable> {
        let mut fields = self.fields(item, &table::LINK)?;
        let endpoints = self.required(&mut fields, "endpoints");
        let mtu = fields.take("mtu").and_then(|item| self.mtu(&item));
        let netem = fields.take("netem");
        let netem = netem.and_then(|item| self.both_ways(&item));
        let Item { place, span, .. } = endpoints.clone()?;
        let faults = self.problems.len();
        let ends: Vec<End> = self.items(endpoints, "two ends", Self::end);
        if self.problems.len() > faults {
            return None;
        }
        let count = ends.len();
        let Ok(mut endpoints) = <[End; 2]>::try_from(ends) else {
            let message = format!("a link has two ends, not {count}");
            return self.problem(Problem::new(codes::NOT_TWO_ENDS, message, span));
        };
        if endpoints[0] > endpoints[1] {
            endpoints.reverse();
            self.marks
                .swap(&format!("{place}/0"), &format!("{place}/1"));
        }
        Some(Cable {
            endpoints,
            mtu,
            netem,
        })
    }

    fn end(&mut self, item: &Item<'_>) -> Option<End> {
        let what = "an end like `one:eth0`, namespace and interface";
        self.parsed(item, what, codes::BAD_ENDPOINT)
    }
}
