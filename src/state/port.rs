//! Ports of the host, and who has them: what labs publish, and what listens there.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::name::Netns;
use super::nft::Protocol;

/// A protocol that has ports.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Transport {
    /// Each of them.
    pub const ALL: [Transport; 3] = [Transport::Tcp, Transport::Udp, Transport::Sctp];

    /// Its number (IANA's "Assigned Internet Protocol Numbers").
    pub fn number(self) -> u8 {
        match self {
            Transport::Tcp => 6,
            Transport::Udp => 17,
            Transport::Sctp => 132,
        }
    }
}

/// Pings: the number of ICMP or ICMPv6, and the types of echo request and echo reply (RFC 792,
/// RFC 4443).
pub(crate) fn echo(v6: bool) -> (u8, [u8; 2]) {
    match v6 {
        true => (58, [128, 129]),
        false => (1, [8, 0]),
    }
}

impl From<Transport> for Protocol {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Tcp => Protocol::Tcp,
            Transport::Udp => Protocol::Udp,
            Transport::Sctp => Protocol::Sctp,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::Sctp => "sctp",
        })
    }
}

/// A text is no protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not tcp, udp or sctp")]
pub struct NoTransport;

impl FromStr for Transport {
    type Err = NoTransport;
    fn from_str(text: &str) -> Result<Self, NoTransport> {
        let mut all = Transport::ALL.into_iter();
        all.find(|one| one.to_string() == text).ok_or(NoTransport)
    }
}

/// Ports from the first to the last, never empty and never port 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// A text is no port, nor a range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPorts {
    /// Not one or two numbers from 1 to 65535.
    #[error("not a port or a range of ports")]
    NotPorts,
    /// The first is larger than the last.
    #[error("a range of ports from {0} down to {1}")]
    Backwards(u16, u16),
}

impl PortRange {
    /// All that a socket can be bound to.
    pub(crate) const ALL: PortRange = PortRange {
        first: 1,
        last: u16::MAX,
    };

    /// The first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last port, which may be the first.
    pub fn last(self) -> u16 {
        self.last
    }

    /// How many ports it is.
    pub fn count(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }

    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }

    /// One of them by itself.
    pub(crate) fn only(port: u16) -> Self {
        let (first, last) = (port, port);
        PortRange { first, last }
    }

    /// Whether the port is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl FromStr for PortRange {
    type Err = NoPorts;
    fn from_str(text: &str) -> Result<Self, NoPorts> {
        let port = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            let port = text.parse().ok().filter(|port| digits && *port > 0);
            port.ok_or(NoPorts::NotPorts)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (port(first)?, port(last)?) {
            (first, last) if first > last => Err(NoPorts::Backwards(first, last)),
            (first, last) => Ok(PortRange { first, last }),
        }
    }
}

impl TryFrom<String> for PortRange {
    type Error = NoPorts;
    fn try_from(text: String) -> Result<Self, NoPorts> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> String {
        range.to_string()
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortRange { first, last } if first == last => write!(f, "{first}"),
            PortRange { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

/// Who may reach a published port. The host itself always may.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visible {
    /// Nobody else.
    #[default]
    Loopback,
    /// Who is in a subnet that the host has an address in.
    Lan,
    /// Everybody.
    Public,
    /// Who has an address in one of these.
    #[serde(untagged)]
    From(BTreeSet<IpNet>),
}

/// Ports of the host that lead into a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The protocol.
    pub protocol: Transport,
    /// The ports of the host.
    pub host: PortRange,
    /// The address of the host that has them; `None`: each, `0.0.0.0` or `::`: each of
    /// that family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The namespace.
    pub netns: Netns,
    /// Its ports, as many as the host's.
    pub port: PortRange,
    /// Its addresses, one of each family that is published.
    pub to: BTreeSet<IpAddr>,
    /// Who may reach them.
    pub visible: Visible,
}

impl Published {
    /// Whether a packet to this address and port of the host goes into the namespace.
    pub fn takes(&self, address: IpAddr, port: u16) -> bool {
        let family = |other: &IpAddr| other.is_ipv4() == address.is_ipv4();
        let named = self.address.is_none_or(|own| match own.is_unspecified() {
            true => family(&own),
            false => own == address || address.is_unspecified() && family(&own),
        });
        named && self.host.contains(port) && self.to.iter().any(family)
    }
}

/// The host's side as one writes it: `tcp 8080`, `udp 127.0.0.1:53`.
impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.protocol)?;
        match self.address {
            None => {}
            Some(IpAddr::V4(address)) => write!(f, "{address}:")?,
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
        }
        write!(f, "{}", self.host)
    }
}

/// A socket that takes what comes to a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The protocol.
    pub protocol: Transport,
    /// Where it listens; an unspecified address is each of the family.
    pub at: SocketAddr,
    /// Whether one at `::` takes IPv4 as well (`IPV6_V6ONLY` is off, ipv6(7)).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both: bool,
    /// Whose it is; `None`: that cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// What it is called (`/proc/PID/comm`, proc_pid_comm(5)).
    pub name: String,
}

impl Listener {
    /// Whether packets that it takes now would go into the namespace.
    pub fn loses(&self, published: &Published) -> bool {
        // There a published port is not.
        if self.at.ip() == IpAddr::from(Ipv6Addr::LOCALHOST) {
            return false;
        }
        let v4 = IpAddr::from([0; 4]);
        let takes = |address| published.takes(address, self.at.port());
        self.protocol == published.protocol && (takes(self.at.ip()) || self.both && takes(v4))
    }
}

/// "nginx (pid 812) listens on 0.0.0.0:80".
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            Some(Process { pid, name }) => write!(f, "{name} (pid {pid})")?,
            None => f.write_str("a process that cannot be seen from here")?,
        }
        write!(f, " listens on {}", self.at)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ports() {
        let read = |text: &str| text.parse::<PortRange>().map(|range| range.to_string());
        assert_eq!(read("443"), Ok("443".to_owned()));
        assert_eq!(read("8000-8010"), Ok("8000-8010".to_owned()));
        assert_eq!(read("80-80"), Ok("80".to_owned()));
        assert_eq!(read("90-80"), Err(NoPorts::Backwards(90, 80)));
        for bad in [
            "", "0", "0-9", "-", "1-", "1-2-3", "+1", "65536", "http", " 1",
        ] {
            assert_eq!(read(bad), Err(NoPorts::NotPorts), "{bad}");
        }
        let all: PortRange = "1-65535".parse().unwrap();
        assert_eq!(all.count(), 65535);
    }

    fn published(address: Option<&str>, to: &[&str]) -> Published {
        Published {
            protocol: Transport::Tcp,
            host: "80-89".parse().unwrap(),
            address: address.map(|address| address.parse().unwrap()),
            netns: "one".parse().unwrap(),
            port: "80-89".parse().unwrap(),
            to: to.iter().map(|to| to.parse().unwrap()).collect(),
            visible: Visible::Loopback,
        }
    }

    fn loses(at: &str, both: bool, published: &Published) -> bool {
        let (protocol, at, process) = (Transport::Tcp, at.parse().unwrap(), None);
        let listener = Listener {
            protocol,
            at,
            both,
            process,
        };
        listener.loses(published)
    }

    #[test]
    fn a_socket_loses_what_goes_to_its_own_address() {
        let every = published(None, &["10.0.0.2", "fd00::2"]);
        for at in ["0.0.0.0:80", "192.0.2.1:89", "127.0.0.1:85", "[::]:80"] {
            assert!(loses(at, false, &every), "{at}");
        }
        assert!(!loses("0.0.0.0:90", false, &every));
        let one = published(Some("192.0.2.1"), &["10.0.0.2"]);
        assert!(loses("192.0.2.1:80", false, &one));
        assert!(loses("0.0.0.0:80", false, &one));
        assert!(!loses("192.0.2.2:80", false, &one));
        assert!(!loses("127.0.0.1:80", false, &one));
    }

    #[test]
    fn families_are_apart_but_for_sockets_of_both() {
        let four = published(None, &["10.0.0.2"]);
        assert!(!loses("[::]:80", false, &four));
        assert!(loses("[::]:80", true, &four));
        let of_four = published(Some("0.0.0.0"), &["10.0.0.2"]);
        assert!(!loses("[2001:db8::1]:80", false, &of_four));
        assert!(loses("192.0.2.1:80", false, &of_four));
    }

    #[test]
    fn visibility_is_a_word_or_a_list() {
        for text in [
            "\"loopback\"",
            "\"lan\"",
            "\"public\"",
            "[\"192.0.2.0/24\"]",
        ] {
            let visible: Visible = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&visible).unwrap(), text);
        }
    }
}
