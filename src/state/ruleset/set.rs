//! Sets and maps that rules look into.

use super::Expression;
use crate::state::Verdict;

/// A set or a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleSet {
    /// Whether only one rule knows it.
    pub anonymous: bool,
    /// The bytes of each part of the key; one for all, if they are not told apart.
    pub parts: Vec<usize>,
    /// What is in it.
    pub elements: Elements,
}

/// What is in a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elements {
    /// All of it.
    Listed(Vec<SetElement>),
    /// Too much to list: it is asked for by key.
    Asked,
}

impl Default for Elements {
    fn default() -> Self {
        Elements::Listed(Vec::new())
    }
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetElement {
    /// The keys that it stands for, the first and the last of them; of several parts each has
    /// its range. `None`: for all that no other element stands for.
    pub keys: Option<(Vec<u8>, Vec<u8>)>,
    /// What a map has for it.
    pub data: SetData,
    /// What happens to a packet that meets it.
    pub each: Vec<Expression>,
}

/// What a map has for a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SetData {
    /// It is a set and no map, or has an object for it.
    #[default]
    None,
    /// A value.
    Value(Vec<u8>),
    /// What becomes of the packet; `None`: the next rule.
    Verdict(Option<Verdict>),
}
