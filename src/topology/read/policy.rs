//! Permissions: `allow`, `egress`, `ingress`.

use std::net::IpAddr;

use super::fields::Fields;
use super::{Item, Problem, Reader, Value};
use crate::report::codes;
use crate::state::{NoPorts, PortRange};
use crate::topology::keys::table;
use crate::topology::{Allow, Party, Permit, Ports, Traffic};

impl Reader<'_> {
    pub(super) fn allow(&mut self, item: &Item<'_>) -> Option<Allow> {
        let mut fields = self.fields(item, &table::PERMISSION)?;
        let from = self.required(&mut fields, "from");
        let from = from.and_then(|item| self.a_party(&item));
        let to = self.required(&mut fields, "to");
        let to = to.and_then(|item| self.a_party(&item));
        let traffic = self.traffic(&mut fields);
        Some(Allow {
            from: from?,
            to: to?,
            traffic: traffic?,
        })
    }

    pub(super) fn egress(&mut self, item: &Item<'_>) -> Option<Permit> {
        let fields = self.fields(item, &table::EGRESS)?;
        self.permit(fields, "to")
    }

    pub(super) fn ingress(&mut self, item: &Item<'_>) -> Option<Permit> {
        let fields = self.fields(item, &table::INGRESS)?;
        self.permit(fields, "from")
    }

    fn permit(&mut self, mut fields: Fields<'_>, key: &'static str) -> Option<Permit> {
        let party = self.required(&mut fields, key);
        let party = party.and_then(|item| match self.scalar(&item, PARTY)?.as_str() {
            "any" => Some(None),
            _ => self.party(&item).map(Some),
        });
        let traffic = self.traffic(&mut fields);
        Some(Permit {
            party: party?,
            traffic: traffic?,
        })
    }

    /// Whom the host forwards for is always named.
    fn a_party(&mut self, item: &Item<'_>) -> Option<Party> {
        if self.scalar(item, PARTY)? != "any" {
            return self.party(item);
        }
        let message = "`any` is neither a network nor a namespace";
        let problem = Problem::new(codes::BAD_NAME, message, item.span.clone());
        self.problem(problem.hint("write `0.0.0.0/0` or `::/0` for everything of a family"))
    }

    /// A subnet, an address, or else a name: no name holds `:` or `/`.
    fn party(&mut self, item: &Item<'_>) -> Option<Party> {
        let text = self.scalar(item, PARTY)?;
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Party::Subnet(address.into()));
        }
        if text.contains([':', '/']) {
            return self.subnet(item).map(Party::Subnet);
        }
        let what = "a network or namespace";
        let name = self.parsed(item, what, codes::BAD_NAME);
        name.map(Party::Named)
    }

    fn traffic(&mut self, fields: &mut Fields<'_>) -> Option<Traffic> {
        let (protocol, port) = (fields.take("protocol"), fields.take("port"));
        let what = "a protocol like `tcp`: that, `udp`, `sctp`, `icmp` or `any`";
        let word = match &protocol {
            Some(item) => self.scalar(item, what).map(Some),
            None => Some(None),
        };
        let ports = match &port {
            Some(item) => self.ports(item),
            None => Some(Ports::default()),
        };
        let (word, ports) = (word?, ports?);
        let none = |reader: &mut Self, traffic| match &port {
            Some(port) => reader.portless(port, word.as_deref()),
            None => Some(traffic),
        };
        match word.as_deref() {
            Some("tcp") => Some(Traffic::Tcp(ports)),
            Some("udp") => Some(Traffic::Udp(ports)),
            Some("sctp") => Some(Traffic::Sctp(ports)),
            Some("icmp") => none(self, Traffic::Icmp),
            Some("any") | None => none(self, Traffic::Any),
            Some(other) => {
                let item = protocol.as_ref()?;
                self.not(item, other, what, codes::BAD_PROTOCOL)
            }
        }
    }

    fn portless<T>(&mut self, port: &Item<'_>, protocol: Option<&str>) -> Option<T> {
        let message = "a port belongs to a protocol that has ports";
        let problem = Problem::new(codes::PORT_WITHOUT_PROTOCOL, message, port.span.clone());
        self.problem(match protocol {
            Some(protocol) => problem.label(format!("beside `protocol: {protocol}`")),
            None => problem,
        })
    }

    /// One, or a list; an empty one would be read as all or as none.
    fn ports(&mut self, item: &Item<'_>) -> Option<Ports> {
        if matches!(&item.node.value, Value::List(list) if list.is_empty()) {
            let problem = Problem::new(
                codes::WRONG_TYPE,
                "the list of ports is empty",
                item.span.clone(),
            );
            return self.problem(problem.hint("leave `port` out for all ports"));
        }
        let faults = self.problems.len();
        let ranges = self.one_or_more(Some(item.clone()), "ports", Self::port_range);
        (self.problems.len() == faults).then_some(Ports { ranges })
    }

    pub(super) fn port_range(&mut self, item: &Item<'_>) -> Option<PortRange> {
        let what = "a port like 443, 1 to 65535, or a range like 8000-8010";
        let text = self.scalar(item, what)?;
        match text.parse() {
            Ok(range) => Some(range),
            Err(NoPorts::NotPorts) => self.not(item, &text, what, codes::BAD_NUMBER),
            Err(NoPorts::Backwards(first, last)) => {
                let message = format!("`{text}` begins behind its end");
                let problem = Problem::new(codes::BAD_NUMBER, message, item.span.clone());
                self.problem(problem.hint(format!("write `{last}-{first}`")))
            }
        }
    }
}

const PARTY: &str = "a network, a namespace or a subnet";
