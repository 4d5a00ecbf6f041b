//! Flows: what the kernel remembers of packets that belong together (conntrack). Its
//! rules are asked about the first packet only; what they said then holds for the flow.

mod apart;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::Serialize;

/// Which flows: those that fit all that is said. Directions are those of the first packet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FlowMatch {
    /// The transport protocol, by its number; `None`: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    /// To where, by the first packet's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst: Option<IpNet>,
    /// To which ports, by the same word, first and last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<(u16, u16)>,
    /// What NAT made of it.
    pub nat: Nat,
}

/// What NAT made of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Nat {
    /// Whatever it made.
    Any,
    /// It goes where it was sent.
    Straight,
    /// It goes to this address instead, there to this port where one is said.
    To(IpAddr, Option<u16>),
    /// It seems to come from somewhere else.
    Masqueraded,
}

/// A flow, as far as a [`FlowMatch`] looks at it. Where a protocol has no ports they are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// The transport protocol's number.
    pub protocol: u8,
    /// Where the first packet came from.
    pub from: SocketAddr,
    /// Where it was sent to.
    pub dst: SocketAddr,
    /// Who answers it.
    pub answers: SocketAddr,
    /// Whom the answers are sent to.
    pub answered: SocketAddr,
}

impl FlowMatch {
    /// All of which NAT made the same.
    pub fn all(nat: Nat) -> Self {
        FlowMatch {
            protocol: None,
            from: None,
            dst: None,
            ports: None,
            nat,
        }
    }

    /// The protocol family, where something tells it.
    pub fn is_ipv6(&self) -> Option<bool> {
        let target = match self.nat {
            Nat::To(target, _) => Some(target),
            _ => None,
        };
        let nets = [self.from, self.dst];
        let mut all = nets.into_iter().flatten().map(|net| net.addr());
        all.next().or(target).map(|addr| addr.is_ipv6())
    }

    /// Whether a flow is one of them.
    pub fn fits(&self, flow: &Flow) -> bool {
        let within = |net: Option<IpNet>, at: SocketAddr| net.is_none_or(|n| n.contains(&at.ip()));
        let port = |(first, last)| (first..=last).contains(&flow.dst.port());
        self.protocol.is_none_or(|number| number == flow.protocol)
            && self.ports.is_none_or(port)
            && within(self.dst, flow.dst)
            && within(self.from, flow.from)
            && self.nat.fits(flow)
    }
}

impl Nat {
    fn fits(self, flow: &Flow) -> bool {
        match self {
            Nat::Any => true,
            Nat::Straight => flow.answers.ip() == flow.dst.ip(),
            Nat::To(target, port) => {
                flow.answers.ip() != flow.dst.ip()
                    && flow.answers.ip() == target
                    && port.is_none_or(|port| port == flow.answers.port())
            }
            Nat::Masqueraded => flow.answered.ip() != flow.from.ip(),
        }
    }
}

/// Such as `udp 8080 to 10.0.0.2:80`.
impl fmt::Display for FlowMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = vec![self.protocol_name().unwrap_or("all".to_owned())];
        words.extend(self.ports.map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        }));
        words.extend(self.from.map(|from| format!("from {}", short(&from))));
        words.extend(match (self.nat, self.dst) {
            (Nat::To(target, port), _) => Some(match port {
                Some(port) => format!("to {}", SocketAddr::new(target, port)),
                None => format!("to {target}"),
            }),
            (_, dst) => dst.map(|dst| format!("to {}", short(&dst))),
        });
        words.extend((self.nat == Nat::Masqueraded).then(|| "masqueraded".to_owned()));
        f.write_str(&words.join(" "))
    }
}

impl FlowMatch {
    /// Its protocol as conntrack(8) calls it; the number where it has no name for it.
    pub fn protocol_name(&self) -> Option<String> {
        self.protocol.map(|number| match number {
            1 => "icmp".to_owned(),
            6 => "tcp".to_owned(),
            17 => "udp".to_owned(),
            58 => "icmpv6".to_owned(),
            132 => "sctp".to_owned(),
            other => other.to_string(),
        })
    }
}

/// An address by itself where the subnet is one.
pub(crate) fn short(net: &IpNet) -> String {
    match net.prefix_len() == net.max_prefix_len() {
        true => net.addr().to_string(),
        false => net.to_string(),
    }
}
