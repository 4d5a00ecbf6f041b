//! ICMP of both families, and who is spoken of in an error.

use std::net::{IpAddr, Ipv6Addr};

use etherparse::icmpv4::{DestUnreachableHeader as Unreachable4, TimeExceededCode};
use etherparse::icmpv6::DestUnreachableCode as Unreachable6;
use etherparse::{
    Icmpv4Slice, Icmpv4Type, Icmpv6Slice, Icmpv6Type, LaxNetSlice, LaxSlicedPacket, TransportSlice,
};

pub(super) fn v4(icmp: &Icmpv4Slice<'_>, length: usize) -> String {
    let told = match icmp.icmp_type() {
        Icmpv4Type::EchoRequest(echo) => {
            format!("echo request, id {}, seq {}", echo.id, echo.seq)
        }
        Icmpv4Type::EchoReply(echo) => format!("echo reply, id {}, seq {}", echo.id, echo.seq),
        Icmpv4Type::DestinationUnreachable(why) => {
            let of = Of::packet(icmp.payload());
            match why {
                Unreachable4::Network => format!("net {} unreachable", of.address()),
                Unreachable4::Host => format!("host {} unreachable", of.address()),
                Unreachable4::Protocol => {
                    format!("{} protocol {} unreachable", of.address(), of.protocol)
                }
                Unreachable4::Port => format!("{} unreachable", of.port()),
                Unreachable4::FragmentationNeeded { next_hop_mtu } => {
                    let of = of.address();
                    format!("{of} unreachable - need to frag (mtu {next_hop_mtu})")
                }
                Unreachable4::NetworkProhibited => {
                    format!("net {} unreachable - admin prohibited", of.address())
                }
                Unreachable4::HostProhibited => {
                    format!("host {} unreachable - admin prohibited", of.address())
                }
                Unreachable4::FilterProhibited => {
                    format!(
                        "host {} unreachable - admin prohibited filter",
                        of.address()
                    )
                }
                _ => format!("{} unreachable, code {}", of.address(), icmp.code_u8()),
            }
        }
        Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit) => {
            "time exceeded in-transit".to_owned()
        }
        Icmpv4Type::TimeExceeded(_) => "ip reassembly time exceeded".to_owned(),
        Icmpv4Type::Redirect(redirect) => {
            let gateway = IpAddr::from(redirect.gateway_internet_address);
            format!(
                "redirect {} to {gateway}",
                Of::packet(icmp.payload()).address()
            )
        }
        _ => format!("type {}, code {}", icmp.type_u8(), icmp.code_u8()),
    };
    format!("ICMP {told}, length {length}")
}

pub(super) fn v6(icmp: &Icmpv6Slice<'_>, length: usize) -> String {
    let target = || {
        let bytes = icmp.payload().get(..16);
        let bytes: Option<[u8; 16]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map_or_else(|| "?".to_owned(), |bytes| Ipv6Addr::from(bytes).to_string())
    };
    let told = match icmp.icmp_type() {
        Icmpv6Type::EchoRequest(echo) => {
            format!("echo request, id {}, seq {}", echo.id, echo.seq)
        }
        Icmpv6Type::EchoReply(echo) => format!("echo reply, id {}, seq {}", echo.id, echo.seq),
        Icmpv6Type::DestinationUnreachable(why) => {
            let of = Of::packet(icmp.payload());
            let what = match why {
                Unreachable6::NoRoute => format!("unreachable route {}", of.address()),
                Unreachable6::Prohibited => format!("unreachable prohibited {}", of.address()),
                Unreachable6::Address => format!("unreachable address {}", of.address()),
                Unreachable6::Port => format!("unreachable port, {}", of.port()),
                _ => format!("{}, code {}", of.address(), icmp.code_u8()),
            };
            format!("destination unreachable, {what}")
        }
        Icmpv6Type::PacketTooBig { mtu } => format!("packet too big, mtu {mtu}"),
        Icmpv6Type::TimeExceeded(_) => {
            let of = Of::packet(icmp.payload()).address();
            format!("time exceeded in-transit for {of}")
        }
        Icmpv6Type::RouterSolicitation => "router solicitation".to_owned(),
        Icmpv6Type::RouterAdvertisement(_) => "router advertisement".to_owned(),
        Icmpv6Type::NeighborSolicitation => {
            format!("neighbor solicitation, who has {}", target())
        }
        Icmpv6Type::NeighborAdvertisement(_) => {
            format!("neighbor advertisement, tgt is {}", target())
        }
        Icmpv6Type::Redirect => format!("redirect, {}", target()),
        // RFC 3810 and RFC 2710, which it replaces.
        _ => match icmp.type_u8() {
            130 => "multicast listener query".to_owned(),
            131 => "multicast listener report".to_owned(),
            132 => "multicast listener done".to_owned(),
            143 => "multicast listener report v2".to_owned(),
            kind => format!("type {kind}, code {}", icmp.code_u8()),
        },
    };
    format!("ICMP6, {told}, length {length}")
}

/// The packet that an error is about, of which it has the beginning: where it should have
/// gone.
struct Of {
    to: Option<IpAddr>,
    protocol: u8,
    port: Option<(&'static str, u16)>,
}

impl Of {
    fn packet(bytes: &[u8]) -> Self {
        let packet = LaxSlicedPacket::from_ip(bytes).ok();
        let net = packet.as_ref().and_then(|packet| packet.net.as_ref());
        let (to, protocol) = match net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                let to = ip.header().destination_addr();
                (Some(to.into()), ip.payload().ip_number.0)
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                let to = ip.header().destination_addr();
                (Some(to.into()), ip.payload().ip_number.0)
            }
            _ => (None, 0),
        };
        let port = match packet.and_then(|packet| packet.transport) {
            Some(TransportSlice::Udp(udp)) => Some(("udp", udp.destination_port())),
            Some(TransportSlice::Tcp(tcp)) => Some(("tcp", tcp.destination_port())),
            _ => None,
        };
        Of { to, protocol, port }
    }

    fn address(&self) -> String {
        self.to.map_or_else(|| "?".to_owned(), |to| to.to_string())
    }

    fn port(&self) -> String {
        match self.port {
            Some((protocol, port)) => format!("{} {protocol} port {port}", self.address()),
            None => format!("{} port", self.address()),
        }
    }
}
