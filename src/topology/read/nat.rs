//! What kind of router a namespace is.

use super::{Item, Problem, Reader, Value};
use crate::report::codes;
use crate::topology::keys::table;
use crate::topology::nat::Nat;

impl Reader<'_> {
    /// A kind by itself, or a mapping that says more.
    pub(super) fn nat(&mut self, item: &Item<'_>) -> Option<Nat> {
        if !matches!(item.node.value, Value::Mapping(_)) {
            let kind = self.parsed(item, "a kind of NAT like `home`", codes::BAD_NAT)?;
            return Some(Nat::of(kind));
        }
        let mut fields = self.fields(item, &table::NAT)?;
        let kind = self.required(&mut fields, "kind");
        let outside = fields.take("outside");
        let hairpin = fields.take("hairpin");
        let timeouts = ["udp_timeout", "udp_stream_timeout"].map(|key| fields.take(key));
        let ipv6 = fields.take("ipv6");
        let (prefix, filter) = (fields.take("prefix"), fields.take("filter"));
        let [udp_timeout, udp_stream_timeout] =
            timeouts.map(|item| item.and_then(|item| self.seconds(&item)));
        let kind = kind.and_then(|item| self.parsed(&item, "a kind of NAT", codes::BAD_NAT));
        let nat = Nat {
            outside: outside.and_then(|item| self.parsed(&item, "an interface", codes::BAD_NAME)),
            hairpin: hairpin.and_then(|item| self.flag(&item)),
            udp_timeout,
            udp_stream_timeout,
            ipv6: ipv6.and_then(|item| self.parsed(&item, "a way with IPv6", codes::BAD_NAT)),
            prefix: prefix.and_then(|item| self.subnet(&item)),
            filter: filter.and_then(|item| self.parsed(&item, "a filter", codes::BAD_NAT)),
            ..Nat::of(kind?)
        };
        Some(nat)
    }

    fn seconds(&mut self, item: &Item<'_>) -> Option<u32> {
        let what = "a number of seconds, 1 to 86400";
        let number = self.number(item, what)?;
        if (1..=86400).contains(&number) {
            return Some(number);
        }
        let message = format!("`{number}` is not {what}");
        self.problem(Problem::new(codes::BAD_NUMBER, message, item.span.clone()))
    }
}
