//! Queueing disciplines: what a device does with what it is given to send, as `tc qdisc` shows it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Netem;
use super::measure::whole;

/// The root discipline of a device that has another than the kernel gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Qdisc {
    /// It sends no faster than this.
    Tbf(Tbf),
    /// What it sends comes late, gets lost, and the like.
    Netem(Netem),
    /// One that netyard does not make.
    #[serde(untagged)]
    Other(OtherQdisc),
}

/// A discipline that somebody else has put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherQdisc {
    /// The kernel's word for it (`htb`, `fq_codel`, ...).
    pub kind: String,
    /// Its options, as the kernel lists them: so it can be put back, without classes and
    /// filters that it may have had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<u8>,
}

/// A token bucket filter (tc-tbf(8)): what is sent takes tokens, which come at `rate` and of
/// which `burst` are kept; `limit` bytes may wait for them, and what comes then is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tbf {
    /// How fast.
    pub rate: Rate,
    /// How many bytes at once.
    pub burst: u32,
    /// How many bytes wait.
    pub limit: u32,
}

/// Headers before a packet, which count: Ethernet's 14 bytes and a VLAN's 4.
const HEADERS: u32 = 18;

/// The longest that a packet waits, as with the reference plugin of CNI (`latencyInMillis`,
/// plugins/meta/bandwidth/ifb_creator.go).
const LATENCY_MS: u64 = 25;

/// In so many nanoseconds the kernel tells a burst (`PSCHED_NS2TICKS`, net/pkt_sched.h).
pub(super) const TICK_NS: u64 = 64;

impl Tbf {
    /// A limit that lets packets of this MTU through. Unless it is given, the burst is what
    /// comes in 10 ms: a timer that wakes no more often (HZ=100) then loses nothing of the rate,
    /// as the head of net/sched/sch_tbf.c has it (`R_crit = B*HZ`; 10 kB for 10 Mbit) and
    /// tc-tbf(8); and of two packets one is there while the other is sent. What a sender hands
    /// over as one, to be cut by the card (GSO, up to 64 KiB), and that is larger than the burst,
    /// the kernel cuts first (`tbf_segment`): it works with small bursts, and costs them more.
    pub fn new(rate: Rate, burst: Option<u32>, mtu: u32) -> Self {
        let of_time = u32::try_from(rate.bytes() / 100).unwrap_or(u32::MAX);
        let burst = burst.unwrap_or(of_time.max(2 * (mtu + HEADERS)));
        Tbf {
            rate,
            burst,
            limit: waiting(rate, burst),
        }
    }

    /// Whether the kernel would tell them as the same. Of a burst it keeps how long it takes.
    pub fn is(&self, other: &Tbf) -> bool {
        let coarse = self.rate.bytes() * 2 * TICK_NS / 1_000_000_000 + 1;
        let apart = u64::from(self.burst.abs_diff(other.burst));
        self.rate == other.rate && self.limit == other.limit && apart <= coarse
    }

    /// The burst that takes so many of the kernel's ticks, in bytes.
    pub(crate) fn burst_of(rate: Rate, ticks: u32) -> u32 {
        let bytes = u128::from(ticks) * u128::from(TICK_NS * rate.bytes());
        u32::try_from(bytes.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
    }

    /// Whether the kernel can tell how long the burst takes, which it does in 32 bits.
    pub(crate) fn is_told(rate: Rate, burst: u32) -> bool {
        let ns = u128::from(burst) * 1_000_000_000 / u128::from(rate.bytes());
        u32::try_from(ns / u128::from(TICK_NS)).is_ok()
    }
}

/// What may wait so that none waits longer than [`LATENCY_MS`], beside a burst.
fn waiting(rate: Rate, burst: u32) -> u32 {
    let bytes = rate.bytes() / 1000 * LATENCY_MS + rate.bytes() % 1000 * LATENCY_MS / 1000;
    u32::try_from(bytes + u64::from(burst)).unwrap_or(u32::MAX)
}

impl Qdisc {
    /// The kernel's word for it.
    pub fn kind(&self) -> &str {
        match self {
            Qdisc::Tbf(_) => "tbf",
            Qdisc::Netem(_) => "netem",
            Qdisc::Other(other) => &other.kind,
        }
    }

    /// How fast it sends at most.
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Qdisc::Tbf(tbf) => Some(tbf.rate),
            Qdisc::Netem(netem) => netem.rate,
            Qdisc::Other(_) => None,
        }
    }

    /// Whether the kernel would tell them as the same.
    pub fn is(&self, other: &Qdisc) -> bool {
        match (self, other) {
            (Qdisc::Tbf(one), Qdisc::Tbf(other)) => one.is(other),
            (Qdisc::Netem(one), Qdisc::Netem(other)) => one.is(other),
            _ => self == other,
        }
    }
}

/// As `tc qdisc replace dev DEV root` takes it; of what netyard does not make the name alone.
impl fmt::Display for Qdisc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Qdisc::Tbf(tbf) => write!(f, "tbf {tbf}"),
            Qdisc::Netem(netem) => write!(f, "netem {netem}"),
            Qdisc::Other(other) => f.write_str(&other.kind),
        }
    }
}

impl fmt::Display for Tbf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rate {} burst {}", self.rate, size(self.burst))?;
        match self.limit == waiting(self.rate, self.burst) && self.limit < u32::MAX {
            true => write!(f, " latency {LATENCY_MS}ms"),
            false => write!(f, " limit {}", size(self.limit)),
        }
    }
}

/// tc(8) counts `kb` in 1024 bytes.
fn size(bytes: u32) -> String {
    match bytes % 1024 {
        0 => format!("{}kb", bytes / 1024),
        _ => bytes.to_string(),
    }
}

/// Bits a second, written as for tc(8), to which small and large letters are the same:
/// `10mbit`. Whole bytes, in which the kernel counts; and at least 1000, which is less than a
/// packet a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(u64);

/// Each in the one before.
const UNITS: [&str; 5] = ["bit", "kbit", "mbit", "gbit", "tbit"];

impl Rate {
    /// The slowest, in bit/s: 1000 bytes a second.
    pub const LEAST: u64 = 8000;
    /// The fastest, in bit/s. What comes of it in 10 ms still fits into the kernel's 32 bits.
    pub const MOST: u64 = 1_000_000_000_000;

    /// In bytes a second.
    pub fn bytes(self) -> u64 {
        self.0 / 8
    }

    /// Of so many bytes a second, as the kernel tells it: of somebody else's it may be any.
    pub(crate) fn of_bytes(bytes: u64) -> Self {
        Rate(bytes.saturating_mul(8))
    }
}

impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let number = &text[..text.len() - unit.len()];
        let power = UNITS
            .iter()
            .position(|known| known.eq_ignore_ascii_case(unit));
        let bits = power.and_then(|power| whole(number, 3 * power));
        match (bits, unit) {
            (Some(bits), _) if !(Rate::LEAST..=Rate::MOST).contains(&bits) => {
                Err(format!("`{text}` is not between 8kbit and 1tbit"))
            }
            (Some(bits), _) if bits % 8 > 0 => Err(format!(
                "`{text}` is no whole number of bytes a second, in which the kernel counts"
            )),
            (Some(bits), _) => Ok(Rate(bits)),
            (None, "") if !number.is_empty() => {
                Err(format!("`{text}` has no unit, as in `{number}mbit`"))
            }
            _ => Err(format!("`{text}` is not a rate like `10mbit`")),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> String {
        rate.to_string()
    }
}

/// In the largest unit of which it is a whole number.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut number, mut units) = (self.0, UNITS.iter());
        let mut unit = units.next();
        while number > 0 && number.is_multiple_of(1000) && units.len() > 0 {
            (number, unit) = (number / 1000, units.next());
        }
        write!(f, "{number}{}", unit.unwrap_or(&""))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn a_rate_is_written_as_tc_writes_it() {
        for (text, bits, written) in [
            ("10mbit", 10_000_000, "10mbit"),
            ("1.5mbit", 1_500_000, "1500kbit"),
            ("2.50gbit", 2_500_000_000, "2500mbit"),
            ("1000kbit", 1_000_000, "1mbit"),
            ("8008bit", 8008, "8008bit"),
            ("1tbit", 1_000_000_000_000, "1tbit"),
            ("10Mbit", 10_000_000, "10mbit"),
        ] {
            assert_eq!(rate(text), Rate(bits), "{text}");
            assert_eq!(rate(text).to_string(), written);
        }
        for bad in [
            "10",
            "",
            "mbit",
            "10mbps",
            "-1mbit",
            "1e3kbit",
            "0mbit",
            "8001bit",
            "1.0001kbit",
            "2tbit",
            "10 mbit",
            ".5mbit",
            "5.mbit",
            "1.2.3mbit",
            "99999999999999999999mbit",
        ] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    /// The numbers of `tc -s -d qdisc` for `latency 25ms`.
    #[test]
    fn a_limit_is_enough_for_its_rate_and_two_packets() {
        let tbf = Tbf::new(rate("10mbit"), None, 1500);
        assert_eq!((tbf.burst, tbf.limit), (12_500, 43_750));
        assert_eq!(Tbf::new(rate("64kbit"), None, 1500).burst, 3036);
        assert_eq!(Tbf::new(rate("64kbit"), None, 9000).burst, 18_036);
        let tbf = Tbf::new(rate("10mbit"), Some(65_536), 1500);
        let written = "rate 10mbit burst 64kb latency 25ms";
        assert_eq!((tbf.to_string().as_str(), tbf.limit), (written, 96_786));
        let other = Tbf {
            limit: 10_240,
            ..tbf
        };
        assert_eq!(other.to_string(), "rate 10mbit burst 64kb limit 10kb");
        let most = Tbf::new(rate("1tbit"), None, 65_535);
        assert_eq!((most.burst, most.limit), (1_250_000_000, u32::MAX));
    }

    /// As the kernel would tell it: `psched_l2t_ns`, then `PSCHED_NS2TICKS`.
    #[test]
    fn what_the_kernel_rounds_is_the_same() {
        for text in ["8kbit", "10mbit", "999992bit", "10gbit", "1tbit"] {
            for burst in [None, Some(1), Some(1600), Some(65_536), Some(u32::MAX)] {
                let want = Tbf::new(rate(text), burst, 1500);
                if !Tbf::is_told(want.rate, want.burst) {
                    continue;
                }
                let ns = u128::from(want.burst) * 1_000_000_000 / u128::from(want.rate.bytes());
                for ns in [ns, ns.saturating_sub(1)] {
                    let ticks = u32::try_from(ns / 64).unwrap();
                    let burst = Tbf::burst_of(want.rate, ticks);
                    assert!(
                        want.is(&Tbf { burst, ..want }),
                        "{text} {burst} {}",
                        want.burst
                    );
                }
            }
        }
        let tbf = Tbf::new(rate("10mbit"), None, 1500);
        assert!(!tbf.is(&Tbf {
            burst: 12_600,
            ..tbf
        }));
        assert!(!Tbf::is_told(rate("8kbit"), 1_000_000));
    }
}
