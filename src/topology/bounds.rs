//! How well a ping must arrive: `rtt_ms`, `loss` and `mtu` of an expectation.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// What is asked of a ping beside that it arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// The longest time for the way there and back.
    #[serde(rename = "rtt_ms", skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Millis>,
    /// The largest share of echoes that may be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Percent>,
    /// The size of the packets.
    #[serde(rename = "mtu", skip_serializing_if = "Option::is_none")]
    pub size: Option<PacketSize>,
}

impl Bounds {
    /// The keys that are there, as a file has them.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("rtt_ms", self.rtt.is_some()),
            ("loss", self.loss.is_some()),
            ("mtu", self.size.is_some()),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(k, _)| k)
    }

    /// How many echoes are sent to judge by, and how far apart; `None`: the first
    /// that arrives is enough. Of as many as are sent for a share, ten may be lost,
    /// but there are 100 at least and 1000 at most.
    pub fn echoes(&self) -> Option<(u32, Duration)> {
        let Some(Percent(millionths)) = self.loss else {
            return self.rtt.map(|_| (10, Duration::from_millis(10)));
        };
        let enough = 10_000_000u32.checked_div(millionths);
        let count = enough.unwrap_or(u32::MAX).clamp(100, 1000);
        Some((count, Duration::from_millis(1)))
    }
}

/// A time in milliseconds, above zero and up to a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(Duration);

impl Millis {
    /// The time.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// As the file has it: a duration has whole nanoseconds, which are exact in this order.
    fn number(self) -> f64 {
        self.0.as_nanos() as f64 / 1e6
    }
}

/// A share in millionths, at least none and less than all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u32);

impl Percent {
    /// What a number without a percent sign was most likely meant as.
    pub(super) fn meant(text: &str) -> Option<Percent> {
        let number = decimal(text)?;
        let percent = if number < 1.0 { number * 100.0 } else { number };
        format!("{percent}%").parse().ok()
    }

    /// Whether so many of so many are a larger share.
    pub fn is_exceeded(self, part: u32, whole: u32) -> bool {
        u64::from(part) * 1_000_000 > u64::from(self.0) * u64::from(whole)
    }
}

/// How large packets are, with their IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketSize {
    /// As large as the sender's device takes.
    Device,
    /// So many bytes.
    Bytes(u32),
}

/// A text is no such value; where it was meant is said by who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number in its bounds")]
pub struct NotInBounds;

/// Digits, perhaps with a fraction: no sign, exponent, infinity.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.parse().ok().filter(|_| plain)
}

impl FromStr for Millis {
    type Err = NotInBounds;
    fn from_str(text: &str) -> Result<Self, NotInBounds> {
        let ms = decimal(text).filter(|ms| *ms <= 60_000.0);
        let time = ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok());
        time.filter(|time| !time.is_zero())
            .map(Millis)
            .ok_or(NotInBounds)
    }
}

impl FromStr for Percent {
    type Err = NotInBounds;
    fn from_str(text: &str) -> Result<Self, NotInBounds> {
        let share = text.strip_suffix('%').and_then(decimal);
        let share = share.filter(|share| *share < 100.0).ok_or(NotInBounds)?;
        Ok(Percent((share * 1e4).round() as u32))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.number())
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 1e4)
    }
}

/// As the file has them.
impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.number())
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for PacketSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PacketSize::Device => serializer.serialize_bool(true),
            PacketSize::Bytes(bytes) => serializer.serialize_u32(*bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echoes(loss: &str) -> Option<u32> {
        let loss = loss.parse().ok();
        let bounds = Bounds {
            loss,
            ..Bounds::default()
        };
        bounds.echoes().map(|(count, _)| count)
    }

    #[test]
    fn as_many_echoes_as_a_share_needs() {
        assert_eq!(echoes("50%"), Some(100));
        assert_eq!(echoes("5%"), Some(200));
        assert_eq!(echoes("1%"), Some(1000));
        assert_eq!(echoes("0.001%"), Some(1000));
        assert_eq!(echoes("0%"), Some(1000));
        assert_eq!(Bounds::default().echoes(), None);
    }

    #[test]
    fn shares_are_exact() {
        let five: Percent = "5%".parse().unwrap();
        assert!(!five.is_exceeded(10, 200));
        assert!(five.is_exceeded(11, 200));
        assert!("0%".parse::<Percent>().unwrap().is_exceeded(1, 1000));
        assert_eq!("0.50%".parse::<Percent>().unwrap().to_string(), "0.5%");
        let meant = |text| Percent::meant(text).map(|share| share.to_string());
        assert_eq!(meant("0.07"), Some("7%".to_owned()));
        assert_eq!(meant("7"), Some("7%".to_owned()));
        assert_eq!(meant("7%"), None);
        for bad in ["5", "0.05", "100%", "-1%", "1e1%", "%", "NaN%", "5 %"] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_may_have_a_fraction() {
        let time: Millis = "0.25".parse().unwrap();
        assert_eq!(time.duration(), Duration::from_micros(250));
        assert_eq!(time.to_string(), "0.25 ms");
        let short: Millis = "0.0001".parse().unwrap();
        assert_eq!(short.to_string(), "0.0001 ms");
        assert_eq!(serde_json::to_string(&short).unwrap(), "0.0001");
        for bad in ["0", "0.0", "-1", "60001", "inf", "50ms", "1e3", ""] {
            assert!(bad.parse::<Millis>().is_err(), "{bad}");
        }
    }
}
