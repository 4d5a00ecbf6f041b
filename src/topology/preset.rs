//! Ways by which people reach the Internet, by name. Where the figures are from, and what they
//! leave out, says `docs/links.md`.

use std::fmt;
use std::str::FromStr;

use super::Ways;
use crate::state::{Conditions, Rate, Time};

/// What a well-known kind of access does to packets, as its subscriber sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preset {
    /// A mobile network of the third generation (UMTS).
    Mobile3g,
    /// One of the fourth (LTE).
    Mobile4g,
    /// A wireless network at home.
    Wifi,
    /// A satellite in geostationary orbit.
    Satellite,
    /// A telephone line.
    Dsl,
}

/// One way takes half the time there and back.
const MS: u64 = 1_000_000;
const KBIT: u64 = 125;

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 5] = [
        Preset::Mobile3g,
        Preset::Mobile4g,
        Preset::Wifi,
        Preset::Satellite,
        Preset::Dsl,
    ];

    /// Its name in a file.
    pub fn word(self) -> &'static str {
        match self {
            Preset::Mobile3g => "3g",
            Preset::Mobile4g => "4g",
            Preset::Wifi => "wifi",
            Preset::Satellite => "satellite",
            Preset::Dsl => "dsl",
        }
    }

    /// Both directions.
    pub fn ways(self) -> Ways {
        // Milliseconds one way; kbit/s that are received, and sent.
        let (delay, received, sent) = match self {
            Preset::Mobile3g => (150, 1600, 768),
            Preset::Mobile4g => (35, 12_000, 12_000),
            Preset::Wifi => (1, 30_000, 15_000),
            Preset::Satellite => (279, 25_000, 3_000),
            Preset::Dsl => (25, 1500, 384),
        };
        let way = |kbit| {
            Some(Conditions {
                delay: Time::of_nanoseconds(delay * MS),
                rate: Some(Rate::of_bytes(kbit * KBIT)),
                ..Conditions::default()
            })
        };
        Ways {
            received: way(received),
            sent: way(sent),
        }
    }
}

impl FromStr for Preset {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Preset::ALL.into_iter();
        let found = all.find(|preset| preset.word().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let words = Preset::ALL.map(|preset| format!("`{}`", preset.word()));
            format!("there is no preset `{text}`, only {}", words.join(", "))
        })
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
