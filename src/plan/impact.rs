//! What a step does to what is there: a blip, or a loss.

use std::fmt;

use serde::Serialize;

use crate::state::{End, Netns};

/// How much of what is there a step disturbs, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Harm {
    /// For a moment something does not work.
    Blip,
    /// Something is not reached any more.
    Cut,
    /// A device is removed and made anew: what was on it is lost.
    Recreated,
    /// It is there no more.
    Removed,
}

/// Where a step is felt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum Place {
    /// A whole namespace.
    Namespace(Netns),
    /// One device.
    Device(End),
}

/// What a step does to what is there. What only makes something has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// How much.
    pub harm: Harm,
    /// Where.
    pub on: Vec<Place>,
    /// What exactly, in a few words.
    pub what: String,
}

impl Impact {
    pub(super) fn new(harm: Harm, on: &End, what: impl Into<String>) -> Self {
        Impact {
            harm,
            on: vec![Place::Device(on.clone())],
            what: what.into(),
        }
    }
}

impl Harm {
    /// Whether something is lost for good.
    pub fn is_loss(self) -> bool {
        self > Harm::Blip
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Harm::Blip => "blip",
            Harm::Cut => "cut",
            Harm::Recreated => "recreated",
            Harm::Removed => "removed",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Namespace(netns) => write!(f, "{netns}"),
            Place::Device(end) => write!(f, "{end}"),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> String {
        place.to_string()
    }
}
