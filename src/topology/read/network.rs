//! Networks and links.

use super::{Item, Problem, Reader, Value};
use crate::state::{End, NetworkName};
use crate::topology::{Cable, Gateway, Network};

impl Reader<'_> {
    pub(super) fn network(&mut self, _: &NetworkName, item: &Item<'_>) -> Option<Network> {
        let keys = ["bridge", "subnets", "gateway", "masquerade", "mtu"];
        let mut fields = self.fields(item, "a network", &keys)?;
        let how = "`subnets: [10.0.0.0/24]`, or `subnets: []` for a switch without addresses";
        let subnets = self.required(&mut fields, "subnets", how);
        let bridge = fields.take("bridge");
        let gateway = fields.take("gateway");
        let masquerade = fields.take("masquerade");
        let mtu = fields.take("mtu");
        Some(Network {
            bridge: bridge.and_then(|item| self.parsed(&item, "a device name")),
            subnets: self.one_or_more(Some(subnets?), "subnets", Self::subnet),
            gateway: gateway.map_or(Some(Gateway::First), |item| self.gateway(&item))?,
            masquerade: masquerade.is_some_and(|item| self.flag(&item).unwrap_or_default()),
            mtu: mtu.and_then(|item| self.mtu(&item)),
        })
    }

    /// `none`, one address or a list of them.
    fn gateway(&mut self, item: &Item<'_>) -> Option<Gateway> {
        match &item.node.value {
            Value::Text(text) if text == "none" => Some(Gateway::None),
            Value::List(list) if list.is_empty() => {
                let problem = Problem::new("the list of gateways is empty", item.span.clone())
                    .hint("write `gateway: none` for a network on which the host has no address");
                self.problem(problem)
            }
            // Names are no addresses: `off`, `no`, `lan`.
            Value::Text(text) if !text.contains(['.', ':']) => {
                let what = "an address like 10.0.0.1, a list of addresses, or `none`";
                self.not(item, text, what)
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
        let mut fields = self.fields(item, "a link", &["endpoints", "mtu"])?;
        let how = "the two ends: `endpoints: [\"one:eth0\", \"two:eth0\"]`";
        let endpoints = self.required(&mut fields, "endpoints", how);
        let mtu = fields.take("mtu").and_then(|item| self.mtu(&item));
        let Item { place, span, .. } = endpoints.clone()?;
        let faults = self.problems.len();
        let ends: Vec<End> = self.items(endpoints, "two ends", Self::end);
        if self.problems.len() > faults {
            return None;
        }
        let count = ends.len();
        let Ok(mut endpoints) = <[End; 2]>::try_from(ends) else {
            let message = format!("a link has two ends, not {count}");
            return self.problem(Problem::new(message, span));
        };
        if endpoints[0] > endpoints[1] {
            endpoints.reverse();
            self.marks
                .swap(&format!("{place}/0"), &format!("{place}/1"));
        }
        Some(Cable { endpoints, mtu })
    }

    fn end(&mut self, item: &Item<'_>) -> Option<End> {
        self.parsed(item, "an end like `one:eth0`, namespace and interface")
    }
}
