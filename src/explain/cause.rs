//! Why a packet does not arrive: one cause, in words, and what to change.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

/// A device in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// What the namespace is called.
    pub netns: String,
    /// The device.
    pub dev: String,
}

/// "eth0 in one".
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.dev, self.netns)
    }
}

/// What is in a frame's way on a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Obstacle {
    /// A device that is switched off.
    Down(Place),
    /// A port of a bridge that carries nothing, by the spanning tree protocol or by hand.
    Blocked {
        /// The port.
        at: Place,
        /// Its state.
        state: String,
    },
    /// Two ports of a bridge that are both isolated.
    Isolated(Place, Place),
    /// A frame of one VLAN where another is expected.
    Vlan {
        /// Who expects another.
        at: Place,
        /// Which; none: frames without a tag.
        has: Option<u16>,
        /// That of the frame.
        frame: Option<u16>,
    },
    /// A frame without a tag where only those with one are taken, of these VLANs.
    Untagged {
        /// Who takes no other.
        at: Place,
        /// As `bridge vlan` has them.
        vlans: String,
    },
    /// Devices that share a card, and do not hear each other.
    Apart(Box<Apart>),
}

/// Devices that share a card, and do not hear each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// The device on the card.
    pub upper: Place,
    /// Its kind: `macvlan`, `ipvlan`, ...
    pub kind: String,
    /// The mode that keeps them apart (`private`, `vepa`); none: the other is the card.
    pub mode: Option<String>,
    /// The card itself, or another on it.
    pub other: Place,
}

/// Where somebody listens who does not take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Elsewhere {
    /// At another address.
    At(IpAddr),
    /// At `::`, and takes IPv6 alone (`IPV6_V6ONLY`).
    SixOnly,
    /// On another device, to which it is bound (`SO_BINDTODEVICE`).
    On(String),
}

/// The one thing that keeps a packet from arriving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A device that is switched off.
    DeviceDown(Place),
    /// `lo` is switched off, over which a namespace speaks to itself.
    LoopbackDown(String),
    /// A namespace has no address of the family.
    NoAddress {
        /// Which namespace.
        netns: String,
        /// IPv6, or else IPv4.
        v6: bool,
    },
    /// An address on a link whose prefix does not cover the other on that link.
    WrongPrefix {
        /// Who has it.
        at: Place,
        /// The address.
        own: IpNet,
        /// Who is on the same link, and outside of it.
        other: IpAddr,
    },
    /// No route leads there.
    NoRoute {
        /// From where.
        netns: String,
        /// Where to.
        to: IpAddr,
    },
    /// No route leads back.
    NoReturnRoute {
        /// From where.
        netns: String,
        /// Where to.
        to: IpAddr,
    },
    /// Nobody out there knows the way back to an address that was not masqueraded.
    NoMasquerade {
        /// Who sent it out.
        netns: String,
        /// From which address.
        source: IpAddr,
        /// Who does not know the way back.
        knows_not: String,
    },
    /// A route that says no, or a routing rule.
    Refused {
        /// Where.
        netns: String,
        /// The kernel's word for the route: `unreachable`, `prohibit`, `blackhole`.
        kind: String,
        /// Where to.
        to: IpAddr,
        /// The routing rule that says so, and no route.
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
    },
    /// A namespace on the way does not forward.
    ForwardingOff {
        /// Which.
        netns: String,
        /// IPv6, or else IPv4.
        v6: bool,
        /// The device that is told so alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        dev: Option<String>,
    },
    /// The packet came in where the kernel would not send an answer out.
    ReversePath {
        /// By which device it came.
        at: Place,
        /// From which address.
        source: IpAddr,
    },
    /// A source address that may not come from outside.
    Martian {
        /// By which device it came.
        at: Place,
        /// The address.
        source: IpAddr,
    },
    /// A rule, or a chain's policy, drops it.
    Filtered {
        /// Where.
        netns: String,
        /// At which hook.
        hook: String,
        /// Which table, and whether it is netyard's.
        table: String,
        /// The rule, or the policy.
        line: String,
        /// Whether netyard made the table.
        ours: bool,
    },
    /// Two ports of one bridge that are both isolated.
    Isolated(Place, Place),
    /// Devices that share a card, and do not hear each other.
    Apart(Box<Apart>),
    /// A port of a bridge that carries nothing.
    PortBlocked {
        /// Which.
        at: Place,
        /// In which state it is.
        state: String,
    },
    /// A VLAN on one side, and another or none on the other.
    WrongVlan {
        /// Who expects another.
        at: Place,
        /// Which; none: frames without a tag.
        has: Option<u16>,
        /// That of the frame.
        frame: Option<u16>,
    },
    /// No tag on one side, and only frames with one are taken on the other.
    NoTag {
        /// Who takes no other.
        at: Place,
        /// Of which VLANs, as `bridge vlan` has them.
        vlans: String,
    },
    /// Who has the address is on another link.
    OtherLink {
        /// Who looks.
        from: Place,
        /// Who is looked for.
        to: IpAddr,
        /// Where that is.
        at: Place,
    },
    /// The end of a cable that no bridge has.
    NotPlugged {
        /// Whose cable.
        from: Place,
        /// The end that is plugged into nothing.
        end: Place,
        /// Who is looked for.
        to: IpAddr,
    },
    /// Nobody that is seen has the address, on a link that is seen whole.
    Nobody {
        /// Who looks.
        from: Place,
        /// Who is looked for.
        to: IpAddr,
        /// Whether that is the next router of a route.
        gateway: bool,
    },
    /// Two have the same address on one link.
    Duplicate {
        /// The address.
        address: IpAddr,
        /// One of them.
        one: Place,
        /// The other.
        other: Place,
    },
    /// The neighbour table says another hardware address than the neighbour has.
    WrongNeighbour {
        /// Whose table.
        at: Place,
        /// The neighbour.
        address: IpAddr,
        /// What the table says.
        says: String,
        /// What the neighbour has.
        has: String,
    },
    /// The kernel has looked for a neighbour, and heard nothing.
    NeighbourFailed {
        /// Who looked.
        at: Place,
        /// For whom.
        address: IpAddr,
    },
    /// Who has an address is told not to say so.
    ArpIgnored {
        /// Who.
        at: Place,
        /// The address.
        address: IpAddr,
        /// By which setting (`arp_ignore=1`).
        setting: String,
    },
    /// Nobody listens on the port.
    NothingListens {
        /// Where.
        netns: String,
        /// Port and protocol.
        port: String,
        /// Where else somebody listens on it.
        elsewhere: Option<Elsewhere>,
    },
    /// The answer comes from another than was asked, and is not taken for one.
    OtherSource {
        /// Who asked.
        netns: String,
        /// Whom.
        asked: IpAddr,
        /// Who answers.
        by: IpAddr,
    },
    /// A lab publishes the port to others than who asks.
    NotVisible {
        /// The port.
        port: String,
        /// To whom it is published, in the file's words.
        to: String,
    },
    /// It does not answer pings.
    EchoIgnored(String, bool),
    /// It is larger than a device on the way takes, and nothing may divide it or tell.
    TooLarge {
        /// The device.
        at: Place,
        /// What it takes, in bytes.
        mtu: u32,
        /// How large the packet is, in bytes.
        size: u32,
    },
    /// It is larger than a route takes, and nothing may divide it.
    TooLargeForRoute {
        /// Whose route.
        netns: String,
        /// Where to.
        to: IpAddr,
        /// What the route takes, in bytes.
        mtu: u32,
        /// How large the packet is, in bytes.
        size: u32,
        /// A router on the way has told so.
        learnt: bool,
    },
    /// The routes go in a circle.
    Circle(String),
    /// It may not pass another router: its TTL, or hop limit, has run out.
    TooFar(String),
    /// The address is given, and not used: another has it, or it is being looked for.
    Unusable {
        /// Where.
        at: Place,
        /// The address.
        address: IpAddr,
        /// Whether another has it.
        duplicate: bool,
    },
    /// IPv6 is switched off.
    Ipv6Off(Place),
    /// A device takes less than IPv6 needs, and has none.
    Ipv6Mtu {
        /// The device.
        at: Place,
        /// What it takes, in bytes.
        mtu: u32,
    },
}

impl Cause {
    /// A word for it, which stays the same.
    pub fn word(&self) -> &'static str {
        match self {
            Cause::DeviceDown(_) => "device-down",
            Cause::LoopbackDown(_) => "loopback-down",
            Cause::NoAddress { .. } => "no-address",
            Cause::WrongPrefix { .. } => "wrong-prefix",
            Cause::NoRoute { .. } => "no-route",
            Cause::NoReturnRoute { .. } => "no-return-route",
            Cause::NoMasquerade { .. } => "no-masquerade",
            Cause::Refused { .. } => "route-refuses",
            Cause::ForwardingOff { .. } => "forwarding-off",
            Cause::ReversePath { .. } => "reverse-path-filter",
            Cause::Martian { .. } => "martian-source",
            Cause::Filtered { .. } => "filtered",
            Cause::Isolated(..) => "isolated-ports",
            Cause::Apart(_) => "shared-card",
            Cause::PortBlocked { .. } => "port-blocked",
            Cause::WrongVlan { .. } | Cause::NoTag { .. } => "wrong-vlan",
            Cause::OtherLink { .. } => "other-link",
            Cause::NotPlugged { .. } => "not-plugged",
            Cause::Nobody { .. } => "nobody-there",
            Cause::Duplicate { .. } => "duplicate-address",
            Cause::WrongNeighbour { .. } => "wrong-neighbour",
            Cause::NeighbourFailed { .. } => "neighbour-failed",
            Cause::ArpIgnored { .. } => "arp-ignored",
            Cause::NothingListens { .. } => "nothing-listens",
            Cause::OtherSource { .. } => "answer-from-another",
            Cause::NotVisible { .. } => "not-published-to-it",
            Cause::EchoIgnored(..) => "echo-ignored",
            Cause::TooLarge { .. } => "too-large",
            Cause::TooLargeForRoute { .. } => "too-large-for-route",
            Cause::TooFar(_) => "ttl-exceeded",
            Cause::Circle(_) => "routing-circle",
            Cause::Unusable { .. } => "address-unusable",
            Cause::Ipv6Mtu { .. } => "ipv6-mtu",
            Cause::Ipv6Off(_) => "ipv6-off",
        }
    }
}

impl From<Obstacle> for Cause {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Down(place) => Cause::DeviceDown(place),
            Obstacle::Blocked { at, state } => Cause::PortBlocked { at, state },
            Obstacle::Apart(apart) => Cause::Apart(apart),
            Obstacle::Isolated(one, other) => Cause::Isolated(one, other),
            Obstacle::Vlan { at, has, frame } => Cause::WrongVlan { at, has, frame },
            Obstacle::Untagged { at, vlans } => Cause::NoTag { at, vlans },
        }
    }
}
