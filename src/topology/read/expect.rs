//! Expectations.

use super::{Item, Problem, Reader, Value};
use crate::report::codes;
use crate::topology::keys::table;
use crate::topology::{Bounds, Expectation, Millis, PacketSize, Percent, Probe, Target};

impl Reader<'_> {
    /// Each value is read before the first `?`, so that one bad value does not hide
    /// another; the other nouns are read in the same way.
    pub(super) fn expectation(&mut self, item: &Item<'_>) -> Option<Expectation> {
        let mut fields = self.fields(item, &table::EXPECTATION)?;
        let from = self.required(&mut fields, "from");
        let from = from.and_then(|item| self.parsed(&item, "a namespace", codes::BAD_NAME));
        let to = self.required(&mut fields, "to");
        let to = to.and_then(|item| self.target(&item));
        let reach = fields.take("reach").map(|item| self.flag(&item));
        let probe = self.probe(fields.take("tcp"), fields.take("udp"));
        let (rtt, loss) = (fields.take("rtt_ms"), fields.take("loss"));
        let size = fields.take("mtu");
        let bounds = Bounds {
            rtt: rtt.and_then(|item| self.milliseconds(&item)),
            loss: loss.and_then(|item| self.percent(&item)),
            size: size.and_then(|item| self.packet_size(&item)),
        };
        Some(Expectation {
            from: from?,
            to: to?,
            reach: reach.unwrap_or(Some(true))?,
            probe: probe?,
            bounds,
        })
    }

    /// A ping, unless a port is named.
    fn probe(&mut self, tcp: Option<Item<'_>>, udp: Option<Item<'_>>) -> Option<Probe> {
        match (tcp, udp) {
            (None, None) => Some(Probe::Ping),
            (Some(tcp), None) => self.port(&tcp).map(Probe::Tcp),
            (None, Some(udp)) => self.port(&udp).map(Probe::Udp),
            (Some(_), Some(udp)) => {
                let message = "an expectation has one probe";
                let problem = Problem::new(codes::SEVERAL_PROBES, message, udp.span);
                self.problem(problem.label("`tcp` is there already"))
            }
        }
    }

    /// An address, or else the name or path of a namespace. No name holds `:` or `/`, and
    /// no address begins with `/`.
    fn target(&mut self, item: &Item<'_>) -> Option<Target> {
        let text = self.scalar(item, "a namespace or an address")?;
        if let Ok(address) = text.parse() {
            return Some(Target::Address(address));
        }
        if text.contains([':', '/']) && !text.starts_with('/') {
            return self.address(item).map(Target::Address);
        }
        self.parsed(item, "a namespace", codes::BAD_NAME)
            .map(Target::Netns)
    }

    fn milliseconds(&mut self, item: &Item<'_>) -> Option<Millis> {
        let what = "a time in milliseconds: a number like 50 or 0.5, up to 60000";
        let text = self.scalar(item, what)?;
        let not = || self.not(item, &text, what, codes::BAD_NUMBER);
        text.parse().ok().or_else(not)
    }

    fn percent(&mut self, item: &Item<'_>) -> Option<Percent> {
        let what = "a share below 100%, like 5% or 0.5%";
        let text = self.scalar(item, what)?;
        if let Some(meant) = Percent::meant(&text) {
            let message = format!("`{text}` is not a share in percent");
            let hint = format!("write `{meant}`");
            let problem = Problem::new(codes::BAD_NUMBER, message, item.span.clone());
            return self.problem(problem.hint(hint));
        }
        let not = || self.not(item, &text, what, codes::BAD_NUMBER);
        text.parse().ok().or_else(not)
    }

    fn packet_size(&mut self, item: &Item<'_>) -> Option<PacketSize> {
        match &item.node.value {
            Value::Bool(true) => Some(PacketSize::Device),
            Value::Number => self.mtu(item).map(PacketSize::Bytes),
            _ => {
                let hint = "write `true` for the size that the sender's device takes";
                self.unexpected(item, "`true` or a number of bytes like 1400", hint)
            }
        }
    }
}
