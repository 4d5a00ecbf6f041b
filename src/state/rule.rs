//! Routing rules (`ip rule`): which table is looked into. netyard makes none; a namespace
//! of a lab has those that the kernel made with it, and no others.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpRule {
    /// It is about IPv6.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub v6: bool,
    /// Lower ones are asked first.
    pub priority: u32,
    /// What it is about and what it does, in the words of ip-rule(8), as far as netyard
    /// knows them.
    pub words: String,
    /// All of it, as the kernel lists it: so it can be removed, and put back.
    pub message: Vec<u8>,
}

/// As `ip rule add` takes it.
impl fmt::Display for IpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {} {}", self.priority, self.words)
    }
}
