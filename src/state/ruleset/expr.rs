//! What a rule does, step by step: values go into registers, and are compared there. A
//! register is named by its first byte, 0 to 63, as the kernel has them side by side.

use crate::state::Verdict;

/// The bytes of all registers together (`NFT_REG32_NUM`, net/netfilter/nf_tables_core.c).
pub const REGISTERS: usize = 64;

/// One step of a rule. If a condition does not hold, the rest of the rule is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// Something about the packet or its devices is brought into a register.
    Meta(Meta, usize),
    /// It is changed to what a register has.
    SetMeta(Meta, usize),
    /// Bytes of the packet are brought into a register.
    Payload(Payload, usize),
    /// They are changed to what a register has.
    SetPayload(Payload, usize),
    /// Something about the connection; of the direction of replies, of the other, or of none.
    Ct(Ct, Option<bool>, usize),
    /// It is changed to what a register has.
    SetCt(Ct, usize),
    /// What the routes say of an address.
    Fib(Fib, usize),
    /// A value that the rule has.
    Immediate(Vec<u8>, usize),
    /// Something that cannot be followed is brought into a register, of which the expression's
    /// name is all that is known. Where it is not to be had, the rule ends.
    Load(String, usize),
    /// A register, changed, is brought into another.
    Bitwise(Bitwise),
    /// The same, with the bytes of each number turned around.
    Byteorder(Byteorder),
    /// A condition: the register compares so with the value.
    Compare(Comparison, usize, Vec<u8>),
    /// A condition: the register is within the range, or, if `not`, outside of it.
    Range {
        /// Outside.
        not: bool,
        /// The register.
        from: usize,
        /// The first value.
        low: Vec<u8>,
        /// The last one.
        high: Vec<u8>,
    },
    /// A condition: the set has the register's value.
    Lookup(Lookup),
    /// A condition: a rate, a number of connections, an amount of data is not yet reached;
    /// if `over`, it is.
    Limit {
        /// Which of them, and how much, as nft writes it.
        text: String,
        /// It is reached.
        over: bool,
        /// Whether it is known to be reached.
        reached: bool,
    },
    /// The register's value is put into a set.
    Update {
        /// `add`, `update` or `delete`.
        word: &'static str,
        /// The set.
        set: String,
        /// The register.
        from: usize,
        /// What happens to a packet that meets the element.
        each: Vec<Expression>,
    },
    /// What becomes of the packet. [`Verdict::Unknown`]: a program of the user decides.
    Verdict(Verdict),
    /// The packet gets another address.
    Nat(Nat),
    /// It is refused.
    Reject(Refusal),
    /// Its connection is not tracked.
    NoTrack,
    /// It goes elsewhere, by an expression of this name.
    Elsewhere(String),
    /// Nothing that decides on the packet, as nft writes it.
    Nothing(String),
    /// A condition of iptables: its name, revision, data.
    Match(String, u32, Vec<u8>),
    /// What iptables does: its name, revision, data.
    Target(String, u32, Vec<u8>),
    /// A condition or a deed that is not understood, by the expression's name.
    Unknown(String),
}

/// With what a packet is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// TCP's own answer, which ends a connection.
    Reset,
    /// A code of ICMP or ICMPv6.
    Icmp(u8),
    /// A code that stands for one of either: 0 no route, 1 no port, 2 no host, 3 forbidden.
    Either(u8),
}

/// Something about the packet or its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Meta {
    Length,
    Protocol,
    Priority,
    Mark,
    Iif,
    Oif,
    IifName,
    OifName,
    IifType,
    OifType,
    SkUid,
    SkGid,
    Trace,
    Realm,
    NfProto,
    L4Proto,
    BridgeIifName,
    BridgeOifName,
    PktType,
    Cpu,
    IifGroup,
    OifGroup,
    Cgroup,
    Random,
    Ipsec,
    IifKind,
    OifKind,
    Time,
    Day,
    Hour,
    Other,
}

/// Where in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// From the begin of which header.
    pub base: Header,
    /// The first byte.
    pub offset: usize,
    /// How many.
    pub length: usize,
}

/// A header of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Header {
    /// Of the frame.
    Link,
    /// IPv4 or IPv6.
    Network,
    /// TCP, UDP and so on.
    Transport,
    /// What is behind it.
    Inner,
}

/// Something about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Ct {
    State,
    Direction,
    Status,
    Mark,
    Helper,
    L3Proto,
    Saddr,
    Daddr,
    Protocol,
    ProtoSrc,
    ProtoDst,
    Zone,
    Label,
    Other,
}

/// A question to the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fib {
    /// What is asked for.
    pub result: FibResult,
    /// Of the packet's source, and not its destination.
    pub source: bool,
    /// With its mark.
    pub mark: bool,
    /// Restricted to the device by which it came.
    pub iif: bool,
    /// Restricted to the device by which it leaves.
    pub oif: bool,
    /// Only whether there is an answer.
    pub present: bool,
}

/// What the routes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FibResult {
    /// The number of the device.
    Oif,
    /// Its name.
    OifName,
    /// Which kind of address it is.
    AddressType,
    /// Something newer.
    Other,
}

/// A change of a register's bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitwise {
    /// What is done.
    pub op: BitwiseOp,
    /// The register.
    pub from: usize,
    /// Where the result goes.
    pub to: usize,
    /// How many bytes.
    pub length: usize,
}

/// What is done to bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BitwiseOp {
    /// The value and the first, and of that those of the second turned around.
    MaskXor(Vec<u8>, Vec<u8>),
    /// So many to the left.
    Left(u32),
    /// So many to the right.
    Right(u32),
    /// Something with another register.
    Other,
}

/// A change of the order of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Byteorder {
    /// The register.
    pub from: usize,
    /// Where the result goes.
    pub to: usize,
    /// How many bytes.
    pub length: usize,
    /// How many bytes a number has.
    pub size: usize,
}

/// How values compare, as bytes from the first on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    Not,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A look into a set or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Its name.
    pub set: String,
    /// The register with the key.
    pub from: usize,
    /// What is done with what a map has.
    pub then: Found,
}

/// What is done with what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing: it must be there.
    There,
    /// Nothing: it must not be there.
    NotThere,
    /// It goes into this register.
    To(usize),
    /// It is the verdict.
    Verdict,
}

/// Which address changes to what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nat {
    /// Which.
    pub kind: NatKind,
    /// The registers with the first and the last of the addresses.
    pub address: Option<(usize, usize)>,
    /// Whether it is for IPv6, or for IPv4; `None`: for both.
    pub six: Option<bool>,
    /// The registers with the first and the last of the ports.
    pub port: Option<(usize, usize)>,
    /// Only the network's part of the address changes.
    pub netmap: bool,
    /// Its flags as nft writes them.
    pub flags: String,
}

/// Which address changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NatKind {
    /// The source.
    Source,
    /// The destination.
    Destination,
    /// The source, to an address of the device by which it leaves.
    Masquerade,
    /// The destination, to an address of the device by which it came.
    Redirect,
}
