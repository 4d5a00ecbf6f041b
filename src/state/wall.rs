//! Firewalls of others, as far as they bear on ports that a lab publishes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::nft::Family;

/// What other firewalls there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walls {
    /// Tables of nftables that decide on what is forwarded or taken in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Wall>,
    /// Whether there are rules of the old kind (`ip_tables`), which were not looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub legacy: bool,
}

impl Walls {
    /// Whether there is nothing but netyard.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && !self.legacy
    }
}

/// A table of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wall {
    /// Its family and name as nft writes them: `inet filter`.
    pub name: String,
    /// The family that it sees; `None`: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Its chains.
    pub chains: BTreeMap<String, WallChain>,
}

/// A chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WallChain {
    /// Where packets meet it; `None`: where other chains send them there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<WallHook>,
    /// Whether it drops what no rule decides on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drops: bool,
    /// Its rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<WallRule>,
}

/// Where packets meet a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WallHook {
    /// On their way to the host itself.
    Input,
    /// On their way through the host.
    Forward,
}

/// A rule: what must hold, then what becomes of the packet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WallRule {
    /// All of it must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    /// `None`: the next rule is met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Verdict>,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// No further rule of this hook and table.
    Accept,
    /// It is thrown away, or refused.
    Drop,
    /// Back to the chain that sent it here.
    Return,
    /// Through that chain, then on here.
    Jump(String),
    /// Through that chain, and not back here.
    Goto(String),
    /// Something that cannot be followed.
    Unknown,
}

/// What must hold of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What.
    #[serde(rename = "is")]
    pub what: What,
    /// Whether it must not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
}

/// A property of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The state of its connection is one of some, a new one among them or not.
    New(bool),
    /// Its destination was changed (`ct status dnat`).
    Published,
    /// It is of this family.
    Family(Family),
    /// Its protocol has one of these numbers.
    Protocol(Vec<(u8, u8)>),
    /// It goes to one of these ports.
    Port(Vec<(u16, u16)>),
    /// It came in by one of these devices; a final `*` stands for any rest.
    From(Vec<String>),
    /// It leaves by one of these devices.
    Out(Vec<String>),
    /// Something else.
    Other,
}
