//! Times and shares of what a link does to packets, written as tc(8) takes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A time in nanoseconds, in which the kernel counts: `40ms`, up to an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(u64);

/// Each with the number of zeros behind it; the largest last.
const UNITS: [(&str, usize); 4] = [("ns", 0), ("us", 3), ("ms", 6), ("s", 9)];

impl Time {
    /// The longest.
    pub const MOST: Time = Time(3_600_000_000_000);

    /// In nanoseconds.
    pub fn nanoseconds(self) -> u64 {
        self.0
    }

    /// Of so many nanoseconds, as the kernel tells it: of somebody else's it may be any.
    pub(crate) fn of_nanoseconds(ns: u64) -> Self {
        Time(ns)
    }

    /// Whether it is none at all.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl FromStr for Time {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &text[..text.len() - unit.len()];
        let zeros = UNITS.iter().find(|(known, _)| *known == unit);
        let ns = zeros.and_then(|(_, zeros)| whole(number, *zeros));
        match (ns, unit) {
            (Some(ns), _) if ns > Time::MOST.0 => Err(format!("`{text}` is longer than an hour")),
            (Some(ns), _) => Ok(Time(ns)),
            (None, "") if number == "0" => Ok(Time(0)),
            (None, "") if !number.is_empty() => {
                Err(format!("`{text}` has no unit, as in `{number}ms`"))
            }
            _ => Err(format!("`{text}` is not a time like `40ms`")),
        }
    }
}

/// In the largest unit of which it is a whole number.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |zeros: usize| {
            let unit = 10u64.pow(u32::try_from(zeros).unwrap_or(0));
            self.0.is_multiple_of(unit).then(|| self.0 / unit)
        };
        let mut units = UNITS.iter().rev();
        let found = units.find_map(|(unit, zeros)| Some((fits(*zeros)?, unit)));
        let (number, unit) = found.filter(|_| self.0 > 0).unwrap_or((self.0, &"ms"));
        write!(f, "{number}{unit}")
    }
}

/// A number with this many zeros behind it, where that is a whole one.
pub(super) fn whole(number: &str, zeros: usize) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let part_digits = part.trim_end_matches('0');
    let more = zeros.checked_sub(part_digits.len())?;
    if whole.is_empty() || part.is_empty() {
        return None;
    }
    let digits = format!("{whole}{part_digits}{}", "0".repeat(more));
    digits.parse().ok()
}

/// How many of all packets, in millionths: `1%`, from none to all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share(u32);

impl Share {
    /// All of them.
    pub const ALL: Share = Share(1_000_000);

    /// Whether it is none.
    pub fn is_none(&self) -> bool {
        self.0 == 0
    }

    /// As a fraction of one.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// As the kernel keeps it: parts of the largest number of 32 bits, rounded as tc(8) does
    /// (`get_percent` and `rint`, tc/q_netem.c).
    pub(crate) fn to_kernel(self) -> u32 {
        let share = f64::from(self.0) / 1e4 / 100.0;
        (share * f64::from(u32::MAX)).round_ties_even() as u32
    }

    /// What the kernel tells, where it is a number of millionths.
    pub(crate) fn of_kernel(parts: u32) -> Option<Self> {
        let share = Share((f64::from(parts) / f64::from(u32::MAX) * 1e6).round() as u32);
        (share.to_kernel().abs_diff(parts) <= 1).then_some(share)
    }
}

impl FromStr for Share {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(number) = text.strip_suffix('%') else {
            let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            return match text {
                "0" => Ok(Share(0)),
                _ if digits && !text.is_empty() => {
                    Err(format!("`{text}` has no percent sign, as in `{text}%`"))
                }
                _ => Err(format!("`{text}` is not a share like `1%`")),
            };
        };
        match whole(number, 4).map(u32::try_from) {
            Some(Ok(millionths)) if millionths <= Share::ALL.0 => Ok(Share(millionths)),
            Some(_) => Err(format!("`{text}` is more than all packets")),
            None if number
                .parse::<f64>()
                .is_ok_and(|n| (0.0..=100.0).contains(&n)) =>
            {
                Err(format!("`{text}` is no whole number of millionths"))
            }
            None => Err(format!("`{text}` is not a share like `1%`")),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 1e4)
    }
}

/// As a text in a file and in JSON.
macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )*};
}

as_text! { Time Share }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_tc_takes_it() {
        for (text, ns, written) in [
            ("40ms", 40_000_000, "40ms"),
            ("1.5ms", 1_500_000, "1500us"),
            ("0.25s", 250_000_000, "250ms"),
            ("1000ms", 1_000_000_000, "1s"),
            ("7ns", 7, "7ns"),
            ("0", 0, "0ms"),
            ("0ms", 0, "0ms"),
            ("3600s", 3_600_000_000_000, "3600s"),
        ] {
            assert_eq!(text.parse(), Ok(Time(ns)), "{text}");
            assert_eq!(Time(ns).to_string(), written);
        }
        for bad in [
            "40", "", "ms", "40 ms", "-1ms", "1.5ns", "1m", "3601s", "1.ms",
        ] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }

    /// What `tc -j qdisc` shows of these as hexadecimal numbers was compared by hand.
    #[test]
    fn a_share_is_rounded_as_tc_does() {
        for (text, parts) in [
            ("0%", 0),
            ("0.0001%", 4295),
            ("1%", 42_949_673),
            ("10%", 429_496_730),
            ("30%", 1_288_490_188),
            ("50%", 2_147_483_648),
            ("100%", u32::MAX),
        ] {
            let share: Share = text.parse().expect(text);
            assert_eq!(
                (share.to_kernel(), share.to_string().as_str()),
                (parts, text)
            );
        }
        for bad in [
            "1", "", "%", "101%", "-1%", "1e1%", "0.00001%", "5 %", ".5%",
        ] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_share_comes_back() {
        for millionths in (0..=1_000_000).step_by(7).chain([999_999, 1_000_000]) {
            let share = Share(millionths);
            assert_eq!(Share::of_kernel(share.to_kernel()), Some(share));
        }
        assert_eq!(Share::of_kernel(2000), None);
    }
}
