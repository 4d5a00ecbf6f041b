//! Published ports, in their short and their long form.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Item, Problem, Reader, Value};
use crate::report::{Code, codes};
use crate::state::{NoPorts, Transport, Visible};
use crate::topology::keys::table;
use crate::topology::nearest::suggest;
use crate::topology::publish::{NotShort, Publish, Short, Unpublishable};

const PORTS: &str = "a port like 8080, or a range like 8000-8010";
const WORDS: [&str; 3] = ["loopback", "lan", "public"];

impl Reader<'_> {
    pub(super) fn publish(&mut self, item: &Item<'_>) -> Option<Publish> {
        match item.node.value {
            Value::Mapping(_) => self.long(item),
            _ => self.short(item),
        }
    }

    fn short(&mut self, item: &Item<'_>) -> Option<Publish> {
        let what = "ports like `8080:80`, the host's and the namespace's, or a mapping";
        let text = self.scalar(item, what)?;
        match text.parse::<Short>() {
            Ok(Short {
                host,
                port,
                protocol,
                address,
            }) => {
                let publish = Publish::new((host, port), protocol, address, Visible::Loopback);
                self.published(publish, |_| item)
            }
            Err(wrong) => {
                let (code, message, hint) = not_short(&wrong);
                self.problem(Problem::new(code, message, item.span.clone()).hint(hint))
            }
        }
    }

    /// Each value is read before the first `?`, as of an expectation.
    fn long(&mut self, item: &Item<'_>) -> Option<Publish> {
        let mut fields = self.fields(item, &table::PUBLISH)?;
        let host = self.required(&mut fields, "host");
        let port = fields.take("port");
        let protocol = fields.take("protocol");
        let address = fields.take("address");
        let visible = fields.take("visible");
        let ports = host.as_ref().map(|item| self.port_range(item));
        let to = port.as_ref().map(|item| self.port_range(item));
        let transport = protocol.as_ref().map(|item| self.transport(item));
        let at = address.as_ref().map(|item| self.address(item));
        let sources = visible.as_ref().map(|item| self.visible(item));
        let ports = ports??;
        let publish = Publish::new(
            (ports, to.unwrap_or(Some(ports))?),
            transport.unwrap_or_else(|| Some(Transport::default()))?,
            at.map_or(Some(None), |at: Option<IpAddr>| at.map(Some))?,
            sources.unwrap_or_else(|| Some(Visible::default()))?,
        );
        let place = |wrong: &Unpublishable| match wrong {
            Unpublishable::Lengths { .. } | Unpublishable::Moved { .. } => port.as_ref(),
            Unpublishable::Loopback6 | Unpublishable::NoHost(_) => address.as_ref(),
            Unpublishable::LoopbackVisible { .. }
            | Unpublishable::Nobody
            | Unpublishable::Families(_) => visible.as_ref(),
        };
        self.published(publish, |wrong| place(wrong).unwrap_or(item))
    }

    fn published<'i>(
        &mut self,
        publish: Result<Publish, Unpublishable>,
        place: impl Fn(&Unpublishable) -> &'i Item<'i>,
    ) -> Option<Publish> {
        match publish {
            Ok(publish) => Some(publish),
            Err(wrong) => {
                let problem = unpublishable(&wrong, place(&wrong).span.clone());
                self.problem(problem)
            }
        }
    }

    fn transport(&mut self, item: &Item<'_>) -> Option<Transport> {
        let text = self.scalar(item, "`tcp`, `udp` or `sctp`")?;
        match text.parse() {
            Ok(transport) => Some(transport),
            Err(_) => {
                let (code, message, hint) = not_short(&NotShort::Protocol(text));
                self.problem(Problem::new(code, message, item.span.clone()).hint(hint))
            }
        }
    }

    /// A word, or sources: one subnet or a list of them.
    fn visible(&mut self, item: &Item<'_>) -> Option<Visible> {
        match &item.node.value {
            Value::Text(text) if !text.contains(['.', ':', '/']) => match text.as_str() {
                "loopback" => Some(Visible::Loopback),
                "lan" => Some(Visible::Lan),
                "public" => Some(Visible::Public),
                other => {
                    let message = format!("`{other}` is no visibility");
                    let intro = "write subnets like 192.0.2.0/24, or one of";
                    let hint = suggest(other, intro, WORDS.into_iter());
                    let problem = Problem::new(codes::BAD_VISIBILITY, message, item.span.clone());
                    self.problem(problem.hint(hint))
                }
            },
            _ => {
                let before = self.problems.len();
                let sources = self.one_or_more(Some(item.clone()), "sources", Self::source);
                let sources: BTreeSet<IpNet> = sources.into_iter().collect();
                (self.problems.len() == before).then_some(Visible::From(sources))
            }
        }
    }

    fn source(&mut self, item: &Item<'_>) -> Option<IpNet> {
        if let Value::Text(text) = &item.node.value
            && let Ok(address) = text.parse::<IpAddr>()
        {
            return Some(address.into());
        }
        let net = self.subnet(item)?;
        if net.trunc() == net {
            return Some(net);
        }
        let message = format!("`{net}` is an address in a subnet, not a subnet");
        let problem = Problem::new(codes::HOST_BITS, message, item.span.clone());
        let host = IpNet::from(net.addr());
        let hint = format!("write `{}`, or `{host}` for the one address", net.trunc());
        self.problem(problem.hint(hint))
    }
}

/// What is said of a part that cannot be read.
fn not_short(wrong: &NotShort) -> (&'static Code, String, String) {
    match wrong {
        NotShort::Ports(text, NoPorts::Backwards(first, last)) => (
            codes::BAD_NUMBER,
            format!("`{text}` begins behind its end"),
            format!("write `{last}-{first}`"),
        ),
        NotShort::Ports(text, NoPorts::NotPorts) => (
            codes::BAD_NUMBER,
            format!("`{text}` is not a port or a range of ports"),
            format!("write {PORTS}: numbers from 1 to 65535"),
        ),
        NotShort::Protocol(text) => (
            codes::BAD_PUBLISH,
            format!("`{text}` is no protocol that has ports"),
            "write `tcp`, `udp` or `sctp`".to_owned(),
        ),
        NotShort::Address(text) => (
            codes::BAD_ADDRESS,
            format!("`{text}` is not an address of the host"),
            "write it as in `127.0.0.1:8080:80` or `[2001:db8::1]:8080:80`; without one the port is that of every address"
                .to_owned(),
        ),
        NotShort::Brackets => (
            codes::BAD_PUBLISH,
            "an IPv6 address stands in brackets before its port".to_owned(),
            "write it as in `\"[2001:db8::1]:8080:80\"`, with quotes".to_owned(),
        ),
    }
}

fn unpublishable(wrong: &Unpublishable, span: std::ops::Range<usize>) -> Problem {
    let (code, label, hint) = match wrong {
        Unpublishable::Lengths { host, .. } => (
            codes::BAD_PUBLISH,
            Some("each leads to one port"),
            match host.count() {
                1 => "write one port of the namespace".to_owned(),
                many => format!("write {many} ports of the namespace"),
            },
        ),
        Unpublishable::Moved { .. } => (
            codes::BAD_PUBLISH,
            None,
            "let each port lead to itself, then there may be any number of them".to_owned(),
        ),
        Unpublishable::Loopback6 => (
            codes::BAD_PUBLISH,
            Some("the kernel drops what would be answered from it"),
            "publish `127.0.0.1`, or leave the address out: the host reaches the port by its other IPv6 addresses".to_owned(),
        ),
        Unpublishable::NoHost(_) => (
            codes::NOT_A_HOST_ADDRESS,
            None,
            "write an address of the host, or leave it out for all of them".to_owned(),
        ),
        Unpublishable::LoopbackVisible { .. } => (
            codes::BAD_VISIBILITY,
            Some("nobody else reaches a loopback address"),
            "leave `visible` out, or the address".to_owned(),
        ),
        Unpublishable::Nobody => (
            codes::BAD_VISIBILITY,
            None,
            "leave `visible` out: the host alone then reaches the port".to_owned(),
        ),
        Unpublishable::Families(_) => (
            codes::BAD_VISIBILITY,
            Some("nobody could reach it"),
            "write sources of the address's family".to_owned(),
        ),
    };
    let problem = Problem::new(code, wrong.to_string(), span).hint(hint);
    match label {
        Some(label) => problem.label(label),
        None => problem,
    }
}
