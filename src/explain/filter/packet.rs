//! A packet as a hook sees it.

use std::net::IpAddr;

use super::passage::Rewrite;

/// Bits, some of which may not be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bits {
    /// Those that are set; 0 where it is not known.
    pub value: u32,
    /// Those that are known.
    pub known: u32,
}

impl From<u32> for Bits {
    fn from(value: u32) -> Self {
        let known = u32::MAX;
        Bits { value, known }
    }
}

/// A device by its name and number.
pub type Device = (String, u32);

/// A packet as a hook sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// From where.
    pub source: IpAddr,
    /// To where; of the same family.
    pub destination: IpAddr,
    /// The number of its protocol.
    pub protocol: u8,
    /// The port that it comes from; 0 for protocols without.
    pub source_port: u16,
    /// The port that it goes to; 0 for protocols without.
    pub destination_port: u16,
    /// Type and code of ICMP or ICMPv6.
    pub icmp: Option<(u8, u8)>,
    /// The flags of TCP as its header has them (RFC 9293, 3.1); `None`: what the state of the
    /// connection says of them.
    pub tcp_flags: Option<u8>,
    /// Its bytes from the header of IP on.
    pub size: u32,
    /// How many routers it may still pass.
    pub ttl: u8,
    /// Its mark.
    pub mark: Bits,
    /// By which device it came; none: this namespace sends it.
    pub iif: Option<Device>,
    /// By which device it leaves; none: it is not known yet, or it stays here.
    pub oif: Option<Device>,
    /// What it says of hardware addresses, if it is of ARP.
    pub arp: Option<Arp>,
    /// Source and destination of its frame.
    pub ether: Option<([u8; 6], [u8; 6])>,
    /// What is known of its connection.
    pub connection: Connection,
}

/// What ARP says beside the addresses of IPv4 (RFC 826).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// Whether it is an answer.
    pub reply: bool,
    /// The hardware address of who says it; `None`: not known.
    pub sender: Option<[u8; 6]>,
    /// Of whom it is for; a question is for nobody.
    pub target: Option<[u8; 6]>,
}

/// What connection tracking knows of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connection {
    /// Its state.
    pub state: ConnectionState,
    /// Whether the packet is a reply.
    pub reply: bool,
    /// Whether the connection's source is changed.
    pub snat: bool,
    /// Whether the connection's destination is changed.
    pub dnat: bool,
    /// Its mark.
    pub mark: Bits,
    /// From where to where it went at first; `None`: as the packet does.
    pub original: Option<Ends>,
    /// What becomes of the packet at this hook by what was decided on the first one: where a
    /// reply or a later packet gets other addresses. For the first one rules are asked.
    pub translation: Option<Rewrite>,
}

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The source and its port.
    pub source: (IpAddr, u16),
    /// The destination and its port.
    pub destination: (IpAddr, u16),
}

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionState {
    /// This is its first packet, or there was no reply yet.
    #[default]
    New,
    /// There were packets both ways.
    Established,
    /// It belongs to another connection.
    Related,
    /// It is none.
    Invalid,
    /// It is not looked at.
    Untracked,
}

/// Which rules see it: those for frames on a bridge, or those for IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// `ip`, `ip6`, `inet` and `netdev`. Frames on bridges too, where `br_netfilter` says so:
    /// the caller knows.
    Ip,
    /// `bridge`.
    Bridge,
}

impl Packet {
    /// A first packet with all else left open: 84 bytes, 64 routers, no mark and no device.
    pub fn new(source: IpAddr, destination: IpAddr, protocol: u8) -> Self {
        Packet {
            source,
            destination,
            protocol,
            source_port: 0,
            destination_port: 0,
            icmp: None,
            tcp_flags: None,
            size: 84,
            ttl: 64,
            mark: 0.into(),
            iif: None,
            oif: None,
            arp: None,
            ether: None,
            connection: Connection {
                mark: 0.into(),
                ..Connection::default()
            },
        }
    }

    /// Its addresses and ports.
    pub fn ends(&self) -> Ends {
        Ends {
            source: (self.source, self.source_port),
            destination: (self.destination, self.destination_port),
        }
    }

    /// Whether it is of IPv6.
    pub fn is_ipv6(&self) -> bool {
        self.destination.is_ipv6()
    }
}
