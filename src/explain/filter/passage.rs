//! What becomes of a packet at a hook, and by which rule.

use std::net::IpAddr;

use super::packet::Packet;
use crate::state::ruleset::{NatKind, SetElement, TableFamily};

/// What becomes of a packet at a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Whether it passes.
    pub fate: Fate,
    /// The rule or policy that decided; of a packet that passes the last rule that said so, if
    /// any did; of what is not known the rule that could not be followed.
    pub line: Option<Line>,
    /// The addresses that it gets.
    pub rewrite: Option<Rewrite>,
    /// By which rule.
    pub rewritten_by: Option<Line>,
    /// The packet as it leaves the hook: with its marks, and the addresses that it got, as far
    /// as they are known.
    pub packet: Packet,
    /// How many rules it met.
    pub met: usize,
}

/// Whether a packet passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Accept,
    /// It is thrown away.
    Drop,
    /// It is refused, with this.
    Reject(String),
    /// That depends on this, which is not known.
    Unknown(String),
}

/// The addresses that a packet gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Which of them. For a reply the source that it gets is that of
    /// [`NatKind::Source`], too.
    pub kind: NatKind,
    /// The new address, or the first and the last that may be it; `None`: one of the device's
    /// ([`NatKind::Masquerade`], [`NatKind::Redirect`]), or the same as before.
    pub address: Option<(IpAddr, IpAddr)>,
    /// The new port, or the first and the last that may be it; `None`: the same as before.
    pub port: Option<(u16, u16)>,
}

/// A rule, or a chain's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The family of its table, as nft writes it.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Whether the table is of the old kind (`iptables-legacy`).
    pub legacy: bool,
    /// Its chain.
    pub chain: String,
    /// Its number; `None`: the chain's policy, or a rule of the old kind.
    pub handle: Option<u64>,
    /// The rule as `nft list` would write it, as far as it is understood; `policy drop`.
    pub text: String,
    /// The comment of whoever wrote it.
    pub comment: Option<String>,
}

/// The kind of an address to a namespace, with the numbers of rtnetlink(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum AddressType {
    Unspec = 0,
    Unicast = 1,
    Local = 2,
    Broadcast = 3,
    Anycast = 4,
    Multicast = 5,
    Blackhole = 6,
    Unreachable = 7,
    Prohibit = 8,
}

/// What neither the rules nor the packet tell, so that the kernel is asked.
pub trait Ask {
    /// What an address is to this namespace; to a device alone, if there is one (`ip route get
    /// ADDRESS fibmatch` says it with the route's type). `None`: not known.
    fn address_type(&self, address: IpAddr, dev: Option<&str>) -> Option<AddressType>;

    /// The device by which packets to an address leave; `Some(None)`: there is no route, or,
    /// if a device is given, none by it. `None`: not known.
    fn way(
        &self,
        _address: IpAddr,
        _mark: Option<u32>,
        _dev: Option<&str>,
    ) -> Option<Option<(String, u32)>> {
        None
    }

    /// The kind of a device, as `ip -d link` writes it; empty: a real one. `None`: not known.
    fn kind(&self, _dev: &str) -> Option<String> {
        None
    }

    /// The group of a device. `None`: not known.
    fn group(&self, _dev: &str) -> Option<u32> {
        None
    }

    /// The element of a set that was not listed; `Some(None)`: there is none.
    fn element(&self, _question: &Question<'_>) -> Option<Option<SetElement>> {
        None
    }
}

/// A question for an element.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The family of the set's table.
    pub family: TableFamily,
    /// The table.
    pub table: &'a str,
    /// The set.
    pub set: &'a str,
    /// The key.
    pub key: &'a [u8],
}
