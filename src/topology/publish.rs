//! Published ports: `publish` of a namespace.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Serialize;

use crate::state::{NoPorts, PortRange, Transport, Visible};

/// Ports of the host that lead to as many ports of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publish {
    host: PortRange,
    port: PortRange,
    protocol: Transport,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    visible: Visible,
}

/// How many ports may lead each to another one than itself, of one range.
const MOVED: u32 = 4096;

/// Why ports cannot be published so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpublishable {
    /// Each port leads to one port.
    #[error("{} of the host cannot lead to {}", ports(*host), ports(*port))]
    Lengths {
        /// Those of the host.
        host: PortRange,
        /// Those of the namespace.
        port: PortRange,
    },
    /// Each port of a range that is moved is one of its own to the kernel.
    #[error("{host} leads to other ports: of a range that is moved {MOVED} ports at most")]
    Moved {
        /// Those of the host.
        host: PortRange,
    },
    /// The kernel drops what would be answered from `::1`.
    #[error("`::1` cannot be published")]
    Loopback6,
    /// The host cannot have this address.
    #[error("`{0}` is not an address that a host can have")]
    NoHost(IpAddr),
    /// From elsewhere nobody reaches a loopback address.
    #[error("`{address}` can be visible to the host alone")]
    LoopbackVisible {
        /// The host's address.
        address: IpAddr,
    },
    /// A list of sources without any.
    #[error("the list of sources is empty")]
    Nobody,
    /// IPv4 sources of an IPv6 address, or the other way round.
    #[error("no source is of the family of `{0}`")]
    Families(IpAddr),
}

impl Publish {
    /// Checks what can be checked without the rest of the file.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn new(
        (host, port): (PortRange, PortRange),
        protocol: Transport,
        address: Option<IpAddr>,
        visible: Visible,
    ) -> Result<Self, Unpublishable> {
        if host.count() != port.count() {
            return Err(Unpublishable::Lengths { host, port });
        }
        if host != port && host.count() > MOVED {
            return Err(Unpublishable::Moved { host });
        }
        if let Visible::From(sources) = &visible
            && sources.is_empty()
        {
            return Err(Unpublishable::Nobody);
        }
        if let Some(address) = address {
            can_be_published(address, &visible)?;
        }
        Ok(Publish {
            host,
            port,
            protocol,
            address,
            visible,
        })
    }

    /// The ports of the host.
    pub fn host(&self) -> PortRange {
        self.host
    }

    /// The ports of the namespace.
    pub fn port(&self) -> PortRange {
        self.port
    }

    /// The protocol.
    pub fn protocol(&self) -> Transport {
        self.protocol
    }

    /// The address of the host; `None`: each, an unspecified one: each of its family.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Who may reach them.
    pub fn visible(&self) -> &Visible {
        &self.visible
    }
}

fn can_be_published(address: IpAddr, visible: &Visible) -> Result<(), Unpublishable> {
    let broadcast = IpAddr::from([255; 4]);
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    if address.is_multicast() || address == broadcast || mapped {
        return Err(Unpublishable::NoHost(address));
    }
    if address.is_loopback() && address.is_ipv6() {
        return Err(Unpublishable::Loopback6);
    }
    if address.is_loopback() && *visible != Visible::Loopback {
        return Err(Unpublishable::LoopbackVisible { address });
    }
    let same = |source: &ipnet::IpNet| source.addr().is_ipv4() == address.is_ipv4();
    match visible {
        Visible::From(sources) if !sources.iter().any(same) => {
            Err(Unpublishable::Families(address))
        }
        _ => Ok(()),
    }
}

/// "port 80", "11 ports".
fn ports(range: PortRange) -> String {
    match range.count() {
        1 => format!("port {range}"),
        many => format!("{many} ports"),
    }
}

/// A published port in a few characters: `[ADDRESS:]HOST[:PORT][/PROTOCOL]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Short {
    pub(super) host: PortRange,
    pub(super) port: PortRange,
    pub(super) protocol: Transport,
    pub(super) address: Option<IpAddr>,
}

/// Which part of a text is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotShort {
    Ports(String, NoPorts),
    Protocol(String),
    Address(String),
    /// Colons of an address without brackets.
    Brackets,
}

impl FromStr for Short {
    type Err = NotShort;
    fn from_str(text: &str) -> Result<Self, NotShort> {
        let (ports, protocol) = match text.rsplit_once('/') {
            Some((ports, protocol)) => (ports, protocol.parse().map_err(|_| protocol)),
            None => (text, Ok(Transport::Tcp)),
        };
        let protocol = protocol.map_err(|text| NotShort::Protocol(text.to_owned()))?;
        let (address, ports) = address(ports)?;
        let range = |text: &str| {
            let wrong = |e| NotShort::Ports(text.to_owned(), e);
            text.parse::<PortRange>().map_err(wrong)
        };
        let (host, port) = ports.split_once(':').unwrap_or((ports, ports));
        Ok(Short {
            host: range(host)?,
            port: range(port)?,
            protocol,
            address,
        })
    }
}

/// The address before the ports, if there is one.
fn address(text: &str) -> Result<(Option<IpAddr>, &str), NotShort> {
    let wrong = |text: &str| NotShort::Address(text.to_owned());
    if let Some(rest) = text.strip_prefix('[') {
        let (address, ports) = rest.split_once("]:").ok_or(NotShort::Brackets)?;
        let v6: Result<std::net::Ipv6Addr, _> = address.parse();
        return Ok((Some(v6.map_err(|_| wrong(address))?.into()), ports));
    }
    let (first, rest) = text.split_once(':').unwrap_or((text, ""));
    match text.matches(':').count() {
        0 => Ok((None, text)),
        1 if !first.contains('.') => Ok((None, text)),
        1 | 2 => match first.parse::<std::net::Ipv4Addr>() {
            Ok(v4) => Ok((Some(v4.into()), rest)),
            // `::80` and the like are beginnings of IPv6 addresses.
            Err(_) if first.is_empty() => Err(NotShort::Brackets),
            Err(_) => Err(wrong(first)),
        },
        _ => Err(NotShort::Brackets),
    }
}

/// As the file has it, in its short form.
impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            None => {}
            Some(IpAddr::V4(address)) => write!(f, "{address}:")?,
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
        }
        write!(f, "{}:{}/{}", self.host, self.port, self.protocol)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, NotShort> {
        let Short {
            host,
            port,
            protocol,
            address,
        } = text.parse()?;
        let publish = Publish::new((host, port), protocol, address, Visible::Loopback);
        Ok(publish.unwrap().to_string())
    }

    #[test]
    fn short_forms() {
        for (text, long) in [
            ("8080", "8080:8080/tcp"),
            ("8080:80", "8080:80/tcp"),
            ("53:53/udp", "53:53/udp"),
            ("127.0.0.1:8080:80", "127.0.0.1:8080:80/tcp"),
            ("127.0.0.1:8080", "127.0.0.1:8080:8080/tcp"),
            ("[2001:db8::1]:53:53/udp", "[2001:db8::1]:53:53/udp"),
            ("[::]:9/sctp", "[::]:9:9/sctp"),
            ("8000-8010:9000-9010", "8000-8010:9000-9010/tcp"),
        ] {
            assert_eq!(read(text), Ok(long.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_none_says_which_part() {
        let ports = |text: &str| NotShort::Ports(text.to_owned(), NoPorts::NotPorts);
        for (text, wrong) in [
            ("", ports("")),
            ("80:http", ports("http")),
            ("0:80", ports("0")),
            ("127.0.0.1::80", ports("")),
            ("8080:80/icmp", NotShort::Protocol("icmp".to_owned())),
            (
                "localhost:8080:80",
                NotShort::Address("localhost".to_owned()),
            ),
            ("10.0.0:8080:80", NotShort::Address("10.0.0".to_owned())),
            ("[10.0.0.1]:80:80", NotShort::Address("10.0.0.1".to_owned())),
            ("::1:8080:80", NotShort::Brackets),
            ("::80", NotShort::Brackets),
            ("[::1]8080", NotShort::Brackets),
        ] {
            assert_eq!(read(text), Err(wrong), "{text}");
        }
    }
}
