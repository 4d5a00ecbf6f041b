//! What is asked of the kernel while a packet is followed: what a survey does not have.

use std::net::{IpAddr, SocketAddr};

use super::filter::Bits;
use crate::state::Transport;

/// A packet, as it is at one place of its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// From whom; not known before the first route is looked up.
    pub source: Option<IpAddr>,
    /// To whom.
    pub destination: IpAddr,
    /// What it carries.
    pub load: Load,
    /// Whether it finds a neighbour, and carries nothing.
    pub seek: Option<Seek>,
    /// The port that it is sent from, 0 for pings.
    pub source_port: u16,
    /// With its header, in bytes.
    pub size: u32,
    /// How many routers it may still pass.
    pub ttl: u8,
    /// Whether it is an answer.
    pub answer: bool,
    /// Whether its destination was rewritten on the way (`ct status dnat`).
    pub redirected: bool,
    /// Whether its source was.
    pub disguised: bool,
    /// From where to where its connection went at first, with ports.
    pub original: Option<(SocketAddr, SocketAddr)>,
    /// Its mark, and that of its connection, as far as rules have set them.
    pub marks: (Bits, Bits),
    /// What the namespace that it is in knows of its connection.
    pub known: Known,
    /// What connection tracking does to an answer at this hook.
    pub undone: Option<Rewrite>,
    /// The hardware addresses of its frame, on a link.
    pub ether: Option<([u8; 6], [u8; 6])>,
    /// By which device it came, and its number.
    pub iif: Option<(String, u32)>,
    /// By which it leaves.
    pub oif: Option<(String, u32)>,
}

/// What a namespace knows of a packet's connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Known {
    /// It tracks it.
    #[default]
    Tracked,
    /// A rule said that it shall not be tracked.
    Untracked,
    /// It has not seen what this is the answer to.
    Unseen,
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// A ping, or its answer.
    Echo,
    /// Something to a port.
    To(Transport, u16),
}

/// What finds a neighbour: ARP, or neighbour solicitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// The question who has an address.
    Asks,
    /// The answer.
    Tells,
}

impl Packet {
    /// The answer to it.
    pub(super) fn answered(&self) -> Packet {
        let back = self.source.unwrap_or(self.destination);
        let (load, source_port) = match self.load {
            Load::Echo => (Load::Echo, 0),
            Load::To(transport, port) => (Load::To(transport, self.source_port), port),
        };
        Packet {
            source: Some(self.destination),
            destination: back,
            load,
            source_port,
            answer: true,
            marks: (0.into(), 0.into()),
            ether: None,
            iif: None,
            oif: None,
            ..self.clone()
        }
    }

    /// As it is where no rule does anything to it.
    pub fn unchanged(&self) -> After {
        After {
            marks: self.marks,
            known: self.known,
            ttl: self.ttl,
        }
    }

    /// From where to where, with ports.
    pub(super) fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let port = match self.load {
            Load::Echo => 0,
            Load::To(_, port) => port,
        };
        let from = SocketAddr::new(self.source?, self.source_port);
        Some((from, SocketAddr::new(self.destination, port)))
    }

    /// Whether it is of IPv6.
    pub fn v6(&self) -> bool {
        self.destination.is_ipv6()
    }
}

/// Where a packet meets rules (`enum nf_inet_hooks`, include/uapi/linux/netfilter.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// As a device takes it in.
    Ingress,
    /// As a device sends it.
    Egress,
    /// As it comes in.
    Prerouting,
    /// On its way to the namespace itself.
    Input,
    /// On its way through.
    Forward,
    /// As the namespace sends it.
    Output,
    /// As it goes out.
    Postrouting,
}

impl Hook {
    /// As nft calls it.
    pub fn word(self) -> &'static str {
        match self {
            Hook::Ingress => "ingress",
            Hook::Egress => "egress",
            Hook::Prerouting => "prerouting",
            Hook::Input => "input",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
        }
    }
}

/// Whose rules are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Those of `ip`, `ip6` and `inet`.
    Ip,
    /// Those of `bridge`.
    Bridge,
}

/// What rules leave of a packet that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// Its mark, and that of its connection.
    pub marks: (Bits, Bits),
    /// Whether it is tracked.
    pub known: Known,
    /// How many routers it may still pass.
    pub ttl: u8,
}

/// What the rules do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It goes on, perhaps as from or to somebody else, and as it is then.
    Passes(Option<Rewrite>, After),
    /// It does not.
    Drops {
        /// Family and name of the table.
        table: String,
        /// The rule, or the chain's policy.
        line: String,
        /// Whether netyard made the table.
        ours: bool,
    },
    /// One of the rules cannot be followed, and it would decide.
    Unknown {
        /// Family and name of the table; empty: none could be read.
        table: String,
        /// The rule.
        line: String,
    },
}

/// A socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listening {
    /// At which address.
    pub at: IpAddr,
    /// Whether one at `::` takes IPv4 as well.
    pub both: bool,
    /// The number of the one device that it listens on; 0: on all.
    pub dev: u32,
}

/// How a packet is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// It is for somebody else, or for another port.
    Destination(Option<IpAddr>, Option<u16>),
    /// It is for this namespace itself.
    Here(Option<u16>),
    /// It comes from somebody else.
    Source(IpAddr, Option<u16>),
    /// It comes from the device that it leaves by.
    Masquerade,
}

/// The kernel's answer to where a packet goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// It is for the namespace itself.
    pub local: bool,
    /// The next router; `None`: the destination is on the link.
    pub via: Option<IpAddr>,
    /// The device that it leaves by.
    pub dev: u32,
    /// The source that the kernel would choose.
    pub source: Option<IpAddr>,
    /// As `ip route get` shows it.
    pub text: String,
    /// The largest packet that the route itself takes.
    pub mtu: Option<RouteMtu>,
    /// How many routers a packet may pass that is sent by it, if the route says so.
    pub ttl: Option<u8>,
    /// Where else it may go by the same route: a hash of what the packet is chooses.
    pub others: Vec<Routed>,
}

/// The largest packet that a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteMtu {
    /// In bytes.
    pub bytes: u32,
    /// A router on the way has told so, and it is kept for a while.
    pub learnt: bool,
    /// It holds whatever else is told (`lock`).
    pub locked: bool,
}

/// Why the kernel has none (errno(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrouted {
    /// ENETUNREACH: no route.
    None,
    /// EHOSTUNREACH: a route of type `unreachable`; or none, of what is to be handed on.
    Unreachable,
    /// EACCES: one of type `prohibit`.
    Prohibited,
    /// EINVAL: one of type `blackhole`; or a source that may not be, of what came in.
    Invalid,
    /// To a group, or to all on a link: who takes it is not followed.
    Group,
    /// EXDEV: the way back does not leave where it came in (rp_filter).
    ReversePath,
    /// Anything else.
    Other(i32),
}

/// The kernel, and the rules of each namespace, by its place in the survey.
pub trait Ground {
    /// Where a packet goes that the namespace sends, or that came in by a device.
    fn route(&self, space: usize, packet: &Packet) -> Result<Routed, Unrouted>;
    /// What the rules do with it.
    fn judge(&self, space: usize, layer: Layer, hook: Hook, packet: &Packet) -> Judgement;
    /// Where somebody listens on the port; `None`: that cannot be told.
    fn listeners(&self, space: usize, transport: Transport, port: u16) -> Option<Vec<Listening>>;
    /// Whether the namespace was told to answer for an address on a device (`ip neigh add proxy`).
    fn stands_in(&self, _space: usize, _address: IpAddr, _dev: u32) -> bool {
        false
    }
    /// A setting below /proc/sys/net (`ipv4/ip_forward`), as it is written there.
    fn setting(&self, space: usize, path: &str) -> Option<String>;
}
